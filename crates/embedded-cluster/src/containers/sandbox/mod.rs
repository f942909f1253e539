//! Where ordinary containers run: in namespaces of their own, made with util-linux, with a root that holds their image only.
//!
//! ```text
//!   pod        a process that only waits: user, network, IPC and host name of the pod
//!    └ container   `init.sh`: processes and files of the container; ends with all that runs in it
//!       └ program  entered into the container, as its main program, by `kubectl exec` or by a probe
//! ```
//!
//! Root inside is nobody outside: where the cluster runs as root, users are moved to numbers of their own; elsewhere root
//! inside is the cluster's own user. The network is the pod's own and leads nowhere. Limits are not enforced.
//!
//! Every process waits for input from the cluster and ends when that closes: nothing outlives a killed cluster.

mod terminal;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};

pub(super) use terminal::Terminal;

const INIT: &str = include_str!("init.sh");
/// Where users of containers begin, outside.
const FIRST_ID: u32 = 1_000_000;
/// How many users a container has.
const IDS: u32 = 65_536;
/// Programs that are needed.
const PROGRAMS: [&str; 8] = ["unshare", "nsenter", "setsid", "sh", "cat", "mount", "umount", "pivot_root"];
const PLACES: [&str; 4] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
/// Where this machine's programs are loaded from.
const LOADERS: [&str; 4] = [
    "/lib64/ld-linux-x86-64.so.2",
    "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-musl-x86_64.so.1",
    "/lib/ld-musl-aarch64.so.1",
];
const OWN_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// What this machine has for containers.
#[derive(Clone, Debug)]
pub(super) struct Sandbox {
    loader: PathBuf,
    /// Whether users are moved.
    is_shifted: bool,
}

/// A pod's own namespaces; they end when it is dropped.
#[derive(Debug)]
pub(super) struct PodSandbox {
    child: Child,
    pid: u32,
}

/// A container that is ready to have programs run in it. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Root {
    child: Child,
    /// Held open: its end is the container's.
    _alive: Option<ChildStdin>,
    /// The container's first process.
    init: u32,
}

/// What is to be run in a container.
#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    pub(super) command: Vec<String>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) folder: String,
    pub(super) user: u32,
    pub(super) group: u32,
}

/// Something of this machine that a container sees.
#[derive(Clone, Debug)]
pub(super) struct Mount {
    /// Relative to the container's folder, or absolute.
    pub(super) source: String,
    pub(super) target: String,
    pub(super) is_read_only: bool,
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub(super) enum SandboxError {
    #[error("{0} is not installed")]
    Missing(&'static str),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Failed(#[from] io::Error),
}

impl Sandbox {
    /// Finds out by trying, in a folder that is removed again.
    pub(super) async fn find(folder: &Path) -> Result<Self, SandboxError> {
        for program in PROGRAMS {
            if !PLACES.iter().any(|place| Path::new(place).join(program).exists()) {
                return Err(SandboxError::Missing(program));
            }
        }
        let loader = LOADERS.iter().find_map(|loader| std::fs::canonicalize(loader).ok());
        let loader = loader.ok_or(SandboxError::Missing("a loader of programs"))?;
        let sandbox = Self { loader, is_shifted: rustix::process::geteuid().is_root() };
        let trial = folder.join("trial");
        let outcome = sandbox.try_out(&trial).await;
        if let Err(error) = std::fs::remove_dir_all(&trial) {
            tracing::debug!(%error, "the folder of a trial stays");
        }
        outcome.map(|()| sandbox)
    }

    async fn try_out(&self, folder: &Path) -> Result<(), SandboxError> {
        let lower = folder.join("image");
        super::image::tools::make(&lower, self)?;
        let pod = self.pod("trial", "").await?;
        let container = folder.join("container");
        let root = self.root(&pod, &container, "../image", &super::image::tools::mounts()).await?;
        let program = Program { command: vec!["true".to_owned()], folder: "/".to_owned(), ..Program::default() };
        let status = self.enter(&root, &program, false).status().await?;
        if status.success() { Ok(()) } else { Err(SandboxError::Refused(format!("a trial ended with {status}"))) }
    }

    /// Who a user inside is outside; `None` where it cannot be another than the cluster's own.
    pub(super) fn outside(&self, id: u32) -> Option<u32> {
        self.is_shifted.then(|| FIRST_ID + id.min(IDS - 1))
    }

    /// Gives a file or folder to a user inside.
    pub(super) fn give(&self, path: &Path, user: u32, group: u32) -> io::Result<()> {
        match (self.outside(user), self.outside(group)) {
            (Some(user), Some(group)) => std::os::unix::fs::lchown(path, Some(user), Some(group)),
            _ => Ok(()),
        }
    }

    /// Namespaces for a new pod.
    pub(super) async fn pod(&self, name: &str, address: &str) -> Result<PodSandbox, SandboxError> {
        let mut command = own("unshare");
        command.args(["--user", "--net", "--ipc", "--uts"]);
        if !self.is_shifted {
            command.arg("--map-root-user");
        }
        command.args(["--", "sh", "-c", "echo ready; exec cat"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pid = child.id().ok_or_else(|| SandboxError::Refused("the pod's first process ended".to_owned()))?;
        ready(&mut child).await?;
        if self.is_shifted {
            for map in ["uid_map", "gid_map"] {
                std::fs::write(format!("/proc/{pid}/{map}"), format!("0 {FIRST_ID} {IDS}"))?;
            }
        }
        let pod = PodSandbox { child, pid };
        // Without these the pod has no loopback or another name; it runs all the same.
        let mut small = vec![vec!["ip", "link", "set", "lo", "up"], vec!["hostname", name]];
        if !address.is_empty() {
            small.push(vec!["ip", "address", "add", address, "dev", "lo"]);
        }
        for command in small {
            let outcome = self.join(pod.pid).arg("--").args(&command).output().await;
            if !outcome.as_ref().is_ok_and(|output| output.status.success()) {
                tracing::debug!(?command, "a pod's namespaces are not as they should be");
            }
        }
        Ok(pod)
    }

    /// The beginning of a command within a pod's namespaces.
    fn join(&self, pid: u32) -> Command {
        let mut command = own("nsenter");
        command.args(["--target", &pid.to_string(), "--user", "--net", "--ipc", "--uts"]);
        self.as_user(&mut command, 0, 0);
        command
    }

    fn as_user(&self, command: &mut Command, user: u32, group: u32) {
        if self.is_shifted {
            command.args(["--setuid", &user.to_string(), "--setgid", &group.to_string()]);
        } else {
            // There is one user only.
            command.arg("--preserve-credentials");
        }
    }

    /// Puts a container's root together from an image, given relative to its folder.
    pub(super) async fn root(
        &self,
        pod: &PodSandbox,
        folder: &Path,
        image: &str,
        mounts: &[Mount],
    ) -> Result<Root, SandboxError> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        for name in ["", "upper", "work", "root", "scratch"] {
            std::fs::create_dir_all(folder.join(name))?;
            self.give(&folder.join(name), 0, 0)?;
        }
        std::os::unix::fs::symlink(image, folder.join("lower"))?;
        std::fs::write(folder.join("init"), INIT)?;
        let mut command = self.join(pod.pid);
        command.args(["--", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--", "sh", "init"]);
        command.arg(&self.loader);
        for mount in mounts {
            let mode = if mount.is_read_only { "ro" } else { "rw" };
            command.args([mount.source.as_str(), mount.target.as_str(), mode]);
        }
        command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let alive = child.stdin.take();
        let pid = child.id().ok_or_else(|| SandboxError::Refused("the container's first process ended".to_owned()))?;
        ready(&mut child).await?;
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let init = children.split_whitespace().next().and_then(|pid| pid.parse().ok());
        let init = init.ok_or_else(|| SandboxError::Refused("the container has no first process".to_owned()))?;
        Ok(Root { child, _alive: alive, init })
    }

    /// A command that runs in a container. Its input and output are for the caller to set.
    pub(super) fn enter(&self, root: &Root, program: &Program, has_terminal: bool) -> Command {
        let init = root.init;
        let mut command = if has_terminal {
            let mut command = own("setsid");
            command.args(["--ctty", "nsenter"]);
            command
        } else {
            own("nsenter")
        };
        command.args([
            "--target",
            &init.to_string(),
            "--user",
            "--net",
            "--ipc",
            "--uts",
            "--mount",
            "--pid",
            "--root",
        ]);
        if !matches!(program.folder.as_str(), "" | "/") {
            command.arg(format!("--wdns={}", program.folder));
        }
        self.as_user(&mut command, program.user, program.group);
        command.arg("--").args(&program.command).env_clear().envs(program.variables.iter().map(|(k, v)| (k, v)));
        command
    }
}

impl Sandbox {
    /// A command that asks a port within a container's pod: for the first line of an answer to a path, or only whether
    /// somebody listens. Nothing where this machine has no bash.
    pub(super) fn ask(&self, init: u32, port: u16, path: Option<&str>) -> Option<Command> {
        const ASK: &str = "exec 3<>/dev/tcp/127.0.0.1/$1 || exit 1; [ -n \"$2\" ] || exit 0; \
                           printf 'GET %s HTTP/1.0\\r\\nHost: localhost\\r\\nUser-Agent: kube-probe/1.36\\r\\n\\r\\n' \"$2\" >&3; \
                           read -r line <&3 && echo \"$line\"";
        PLACES.iter().find(|place| Path::new(place).join("bash").exists())?;
        let mut command = self.join(init);
        command.args(["--", "bash", "-c", ASK, "ask", &port.to_string(), path.unwrap_or_default()]);
        Some(command)
    }
}

impl Root {
    /// The container's first process, as this machine counts them.
    pub(super) fn init(&self) -> u32 {
        self.init
    }
}

impl Drop for PodSandbox {
    fn drop(&mut self) {
        if let Err(error) = self.child.start_kill() {
            tracing::debug!(%error, "a pod's first process had ended");
        }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        kill(self.init, Kill::Now);
        if let Err(error) = self.child.start_kill() {
            tracing::debug!(%error, "a container's first process had ended");
        }
    }
}

/// How a process is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kill {
    /// By SIGTERM.
    Politely,
    /// By SIGKILL.
    Now,
}

/// Asks a process to end. One that has ended already is fine.
pub(super) fn kill(pid: u32, how: Kill) {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = if how == Kill::Politely { Signal::TERM } else { Signal::KILL };
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw)
        && let Err(error) = kill_process(pid, signal)
    {
        tracing::trace!(%error, "a process had ended before");
    }
}

/// The only child of a process.
pub(super) fn child_of(pid: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// One of this machine's programs.
fn own(program: &str) -> Command {
    let found = PLACES.iter().map(|place| Path::new(place).join(program)).find(|path| path.exists());
    let mut command = Command::new(found.unwrap_or_else(|| PathBuf::from(program)));
    command.env_clear().env("PATH", OWN_PATH).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Waits until a process says that it is ready.
async fn ready(child: &mut Child) -> Result<(), SandboxError> {
    let mut line = String::new();
    if let Some(output) = &mut child.stdout {
        BufReader::new(output).read_line(&mut line).await?;
    }
    if line.trim() == "ready" {
        return Ok(());
    }
    let mut why = String::new();
    if let Some(errors) = &mut child.stderr {
        errors.take(4096).read_to_string(&mut why).await?;
    }
    Err(SandboxError::Refused(why.trim().lines().last().unwrap_or("it ended without a word").to_owned()))
}
