//! One container: its image, its runs one after the other, and how each of them ends.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Mutex, broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::image::{Files, ImageConfig, ImageError, tools};
use super::live::{BACKLOG, Body, Live, Output};
use super::pod::Shared;
use super::sandbox::{Kill, PodSandbox, Program, Sandbox, Terminal, child_of, kill};
use super::stand_in::StandIn;
use super::status::{self, Exit};
use super::{environment, probes, volumes};
use crate::clock;
use crate::guest::log::ContainerLog;
use crate::store::meta;
use crate::virt::events::Level;
use crate::virt::kinds::{SECRETS, text};

/// First wait before another try; doubled each time.
const BACK_OFF: Duration = Duration::from_secs(10);
/// Longest wait before another try.
const LONGEST_BACK_OFF: Duration = Duration::from_mins(5);
/// A container that ran so long is not in trouble.
const HEALTHY_AFTER: Duration = Duration::from_mins(10);
/// How long a failed pull shows as such before it becomes a wait.
const SHOWN: Duration = Duration::from_secs(2);
/// How often something that is missing in the environment is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often a stand-in says that it is there.
const STAND_IN_LINE: Duration = Duration::from_secs(5);
/// How long output may still come after a program's end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a container is to its pod.
pub(super) enum Role {
    /// It has to succeed before the others begin.
    Before,
    /// It runs beside the others; the token says that it has started.
    Beside(CancellationToken),
    /// It is what the pod is for.
    Main,
}

impl Role {
    /// Whether a container is started again after an exit.
    fn starts_again(&self, pod: &Value, code: i32) -> bool {
        match (self, text(&pod["spec"]["restartPolicy"])) {
            (Self::Beside(_), _) => true,
            (_, "Never") => false,
            (Self::Before, _) | (Self::Main, "OnFailure") => code != 0,
            (Self::Main, _) => true,
        }
    }
}

/// A container that is being looked after.
struct Run {
    shared: Arc<Shared>,
    container: Value,
    role: Role,
    name: String,
}

/// Runs a container until it is not started again; its last exit code, or nothing if the pod ended before.
pub(super) async fn run(shared: Arc<Shared>, container: Value, role: Role) -> Option<i32> {
    let name = text(&container["name"]).to_owned();
    let ending = shared.worker.ending.clone();
    let run = Run { shared, container, role, name };
    run.take_over();
    let mut wait = BACK_OFF;
    let mut tries = 0_u32;
    loop {
        let begun = Instant::now();
        let exit = run.once(&ending).await?;
        if ending.is_cancelled() {
            return Some(exit.code);
        }
        let pod = run.shared.pod()?;
        if !run.role.starts_again(&pod, exit.code) {
            return Some(exit.code);
        }
        if begun.elapsed() > HEALTHY_AFTER {
            (wait, tries) = (BACK_OFF, 0);
        }
        if tries > 0 {
            let at = format!("{}_{}({})", meta::name(&pod), meta::namespace(&pod), meta::uid(&pod));
            let told = format!("Back-off restarting failed container {} in pod {at}", run.name);
            run.tell(Level::Warning, "BackOff", &told);
            let message = format!("back-off {}s restarting failed container={} pod={at}", wait.as_secs(), run.name);
            run.status(|status| {
                let before = status["state"].clone();
                if !before["terminated"].is_null() {
                    status["lastState"] = before;
                }
                status::waiting(status, "CrashLoopBackOff", &message);
            });
            tokio::select! { () = tokio::time::sleep(wait) => {}, () = ending.cancelled() => return Some(exit.code) }
            wait = (wait * 2).min(LONGEST_BACK_OFF);
        }
        tries += 1;
        run.status(status::restarted);
    }
}

impl Run {
    fn tell(&self, level: Level, reason: &str, message: &str) {
        if let Some(pod) = self.shared.pod() {
            self.shared.all.tell(&pod, level, reason, message);
        }
    }

    fn status(&self, change: impl FnOnce(&mut Value)) {
        let worker = &self.shared.worker;
        status::container(&self.shared.all, &worker.at, &worker.uid, &self.name, change);
    }

    /// A cluster that starts again finds containers that ran when it stopped: they ended with it.
    fn take_over(&self) {
        self.status(|status| {
            if !status["state"]["running"].is_null() {
                let message = "the cluster was stopped".to_owned();
                status::terminated(status, &Exit { code: 255, reason: "Unknown".to_owned(), message }, false);
                status::restarted(status);
            }
        });
    }

    /// One run, from its image to its end; nothing if the pod ended before it began.
    async fn once(&self, ending: &CancellationToken) -> Option<Exit> {
        tokio::select! {
            exit = self.prepare_and_run() => exit,
            // What runs ends politely by itself; here only what waits is given up.
            () = async { ending.cancelled().await; if self.shared.worker.live(&self.name).is_some() { std::future::pending::<()>().await } } => None,
        }
    }

    async fn prepare_and_run(&self) -> Option<Exit> {
        let files = self.files().await;
        let (config, image_id) = match &files {
            Files::Image { config, digest, .. } => (config.clone(), digest.clone()),
            _ => (ImageConfig::default(), text(&self.container["image"]).to_owned()),
        };
        let variables = loop {
            let pod = self.shared.pod()?;
            match environment::variables(&self.shared.all.store, &pod, &self.container, &config.variables) {
                Ok(variables) => break variables,
                Err(why) => {
                    self.tell(Level::Warning, "Failed", &format!("Error: {why}"));
                    self.status(|status| status::waiting(status, "CreateContainerConfigError", &why));
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        };
        self.turn_log();
        match (&files, &self.shared.sandbox) {
            (Files::Image { .. } | Files::Tools { .. }, Some((sandbox, pod))) => {
                let program = match self.program(&config, &files, variables) {
                    Ok(program) => program,
                    Err(why) => return Some(self.cannot_start("CreateContainerError", &why)),
                };
                match self.process(sandbox, pod, &files, program, &image_id).await {
                    Ok(exit) => Some(exit),
                    Err(error) => Some(self.cannot_start("RunContainerError", &error.to_string())),
                }
            }
            (Files::StandIn(why), _) => Some(self.stand_in(why, variables).await),
            (_, None) => Some(self.stand_in("this machine has no sandbox for containers", variables).await),
        }
    }

    fn cannot_start(&self, reason: &str, why: &str) -> Exit {
        self.tell(Level::Warning, "Failed", &format!("Error: {why}"));
        self.status(|status| status::waiting(status, reason, why));
        let exit = Exit { code: 128, reason: "StartError".to_owned(), message: why.to_owned() };
        self.status(|status| status::terminated(status, &exit, false));
        exit
    }

    /// What the container is made of; waits as long as its image is not there.
    async fn files(&self) -> Files {
        let image = text(&self.container["image"]).to_owned();
        let Some((sandbox, _)) = &self.shared.sandbox else {
            let why = "this machine has no sandbox for containers";
            self.tell(
                Level::Normal,
                "Pulled",
                &format!("Container image \"{image}\" is not needed: a built-in stand-in takes its place"),
            );
            return Files::StandIn(why.to_owned());
        };
        let always = self.container["imagePullPolicy"] == "Always";
        let mut wait = BACK_OFF;
        loop {
            let begun = Instant::now();
            let (credentials, is_insecure) = self.registry_access(&image);
            let (reason, why) =
                match self.shared.all.images.find(sandbox, &image, always, credentials, is_insecure).await {
                    Ok(files) => {
                        self.tell(Level::Normal, "Pulled", &pulled(&image, &files, begun.elapsed()));
                        return files;
                    }
                    Err(ImageError::InvalidName(why)) => ("InvalidImageName", why),
                    Err(ImageError::Refused(why)) => {
                        ("ErrImagePull", format!("failed to pull and unpack image \"{image}\": {why}"))
                    }
                };
            if reason == "InvalidImageName" {
                self.tell(
                    Level::Warning,
                    "InspectFailed",
                    &format!("Failed to apply default image tag \"{image}\": {why}"),
                );
                self.status(|status| status::waiting(status, reason, &why));
                std::future::pending::<()>().await;
            }
            self.tell(Level::Normal, "Pulling", &format!("Pulling image \"{image}\""));
            self.tell(Level::Warning, "Failed", &format!("Failed to pull image \"{image}\": {why}"));
            self.tell(Level::Warning, "Failed", "Error: ErrImagePull");
            self.status(|status| status::waiting(status, "ErrImagePull", &why));
            tokio::time::sleep(SHOWN).await;
            let message = format!("Back-off pulling image \"{image}\"");
            self.tell(Level::Normal, "BackOff", &message);
            self.tell(Level::Warning, "Failed", "Error: ImagePullBackOff");
            self.status(|status| {
                status::waiting(status, "ImagePullBackOff", &format!("{message}: ErrImagePull: {why}"))
            });
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_BACK_OFF);
        }
    }

    /// Credentials for the image's registry, and whether it speaks without TLS.
    fn registry_access(&self, image: &str) -> (Option<String>, bool) {
        let host = image.split('/').next().unwrap_or_default();
        let store = &self.shared.all.store;
        let is_local = host.starts_with("127.") || host.starts_with("localhost:");
        let config = store.get(&crate::cdi::CONFIGS, None, kubevirt::cdi::CONFIG_NAME);
        let insecure = config.as_ref().and_then(|config| config["spec"]["insecureRegistries"].as_array());
        let is_insecure = is_local || insecure.into_iter().flatten().any(|known| known == host);
        let pod = self.shared.pod();
        let named = pod.as_ref().and_then(|pod| pod["spec"]["imagePullSecrets"].as_array());
        let credentials = named.into_iter().flatten().find_map(|reference| {
            use base64::Engine as _;
            let secret = store.get(&SECRETS, Some(&self.shared.worker.at.namespace), text(&reference["name"]))?;
            let packed = text(&secret["data"][".dockerconfigjson"]);
            let plain = base64::engine::general_purpose::STANDARD.decode(packed).ok()?;
            let config: Value = serde_json::from_slice(&plain).ok()?;
            let known = config["auths"].as_object()?;
            let (_, found) = known.iter().find(|(registry, _)| registry.contains(host))?;
            Some(format!("Basic {}", found["auth"].as_str()?))
        });
        (credentials, is_insecure)
    }

    /// What is to be run, from the image and the container.
    fn program(
        &self,
        config: &ImageConfig,
        files: &Files,
        variables: Vec<(String, String)>,
    ) -> Result<Program, String> {
        let known = variables.iter().cloned().collect();
        let words = |field: &str| -> Option<Vec<String>> {
            let list = self.container[field].as_array().filter(|list| !list.is_empty())?;
            Some(list.iter().map(|word| environment::expand(text(word), &known)).collect())
        };
        let (command, arguments) = match (words("command"), words("args")) {
            (Some(command), arguments) => (command, arguments.unwrap_or_default()),
            (None, Some(arguments)) => (config.entrypoint.clone(), arguments),
            (None, None) => (config.entrypoint.clone(), config.command.clone()),
        };
        let mut all: Vec<String> = command.into_iter().chain(arguments).collect();
        if all.is_empty() && matches!(files, Files::Tools { .. }) {
            all.push("sh".to_owned());
        }
        if all.is_empty() {
            return Err("no command specified".to_owned());
        }
        let (user, group) = self.user(config, files);
        let folder = match (text(&self.container["workingDir"]), config.folder.as_str()) {
            ("", "") => "/",
            ("", folder) | (folder, _) => folder,
        };
        Ok(Program { command: all, variables, folder: folder.to_owned(), user, group })
    }

    /// Who it runs as: numbers, or names that the image knows.
    fn user(&self, config: &ImageConfig, files: &Files) -> (u32, u32) {
        let pod = self.shared.pod();
        let asked = |field: &str| {
            let own = self.container["securityContext"][field].as_u64();
            let whole = pod.as_ref().and_then(|pod| pod["spec"]["securityContext"][field].as_u64());
            own.or(whole).and_then(|id| u32::try_from(id).ok())
        };
        let (user, group) = config.user.split_once(':').unwrap_or((&config.user, ""));
        let lines = |name: &str| match files {
            Files::Image { folder, .. } => {
                std::fs::read_to_string(folder.join("files/etc").join(name)).unwrap_or_default()
            }
            _ => String::new(),
        };
        let find = |file: &str, name: &str| -> Option<(u32, u32)> {
            let text = lines(file);
            let line = text.lines().find(|line| {
                let mut parts = line.split(':');
                parts.next() == Some(name) || parts.nth(1) == Some(name)
            })?;
            let mut numbers = line.split(':').skip(2).map(|number| number.parse().unwrap_or(0));
            Some((numbers.next()?, numbers.next().unwrap_or(0)))
        };
        let (image_user, its_group) = match user {
            "" => (0, 0),
            name => find("passwd", name).unwrap_or_else(|| (name.parse().unwrap_or(0), 0)),
        };
        let image_group = match group {
            "" => its_group,
            name => find("group", name).map_or_else(|| name.parse().unwrap_or(0), |(group, _)| group),
        };
        (asked("runAsUser").unwrap_or(image_user), asked("runAsGroup").unwrap_or(image_group))
    }

    /// The log of the run before becomes the previous one.
    fn turn_log(&self) {
        let log = self.shared.all.log_file(&self.shared.worker.uid, &self.name);
        if log.exists()
            && let Err(error) = std::fs::rename(&log, previous(&log))
        {
            tracing::warn!(%error, "a log is gone on with");
        }
    }

    fn log(&self) -> std::io::Result<ContainerLog> {
        ContainerLog::open(&self.shared.all.log_file(&self.shared.worker.uid, &self.name))
    }

    /// Says that it runs, and lets others get hold of it.
    fn begin(&self, live: &Arc<Live>, image_id: &str) {
        self.tell(Level::Normal, "Created", &format!("Created container: {}", self.name));
        self.shared.worker.set_live(&self.name, Some(Arc::clone(live)));
        let is_process = live.init().is_some();
        let has = |probe: &str| is_process && self.container[probe].is_object();
        let is_started = !has("startupProbe");
        let is_ready = is_started && !has("readinessProbe") && !matches!(self.role, Role::Before);
        let id = format!("porthole://{}", uuid::Uuid::new_v4().simple());
        self.status(|status| status::running(status, &id, image_id, is_ready, is_started));
        self.tell(Level::Normal, "Started", &format!("Started container {}", self.name));
        if let Role::Beside(started) = &self.role {
            started.cancel();
        }
    }

    fn end(&self, live: &Live, exit: &Exit) {
        live.ended.cancel();
        self.status(|status| status::terminated(status, exit, matches!(self.role, Role::Before)));
        self.shared.worker.set_live(&self.name, None);
    }

    /// A run of words.
    async fn stand_in(&self, why: &str, variables: Vec<(String, String)>) -> Exit {
        let image = text(&self.container["image"]).to_owned();
        let host = variables.iter().find(|(name, _)| name == "HOSTNAME").map(|(_, host)| host.clone());
        let one = StandIn { image: image.clone(), why: why.to_owned(), host: host.unwrap_or_default(), variables };
        let mut log = self.log().ok();
        let mut say = |line: &str| {
            // A log that cannot be written must not stop the container.
            if let Some(Err(error)) = log.as_mut().map(|log| log.line(line)) {
                tracing::debug!(%error, "a stand-in cannot write its log");
            }
        };
        say(&one.label());
        let live = Arc::new(Live {
            body: Body::StandIn(one),
            output: broadcast::channel(BACKLOG).0,
            input: None,
            terminal: None,
            ended: CancellationToken::new(),
        });
        self.begin(&live, &image);
        // What has to be over before others begin would otherwise keep them away for ever.
        let begun = clock::now();
        while !matches!(self.role, Role::Before) {
            tokio::select! {
                () = tokio::time::sleep(STAND_IN_LINE) => {}
                () = self.shared.worker.ending.cancelled() => {
                    self.tell(Level::Normal, "Killing", &format!("Stopping container {}", self.name));
                    break;
                }
            }
            let line = format!(
                "stand-in for {image}: here for {} s, still nothing is run",
                clock::now().duration_since(begun).as_secs()
            );
            say(&line);
            let bytes = Bytes::from(format!("{line}\n"));
            // Nobody may be listening.
            let _ = live.output.send(Output { is_error: false, bytes });
        }
        let exit = Exit::with_code(0);
        self.end(&live, &exit);
        exit
    }

    /// A run of processes.
    async fn process(
        &self,
        sandbox: &Sandbox,
        own: &PodSandbox,
        files: &Files,
        program: Program,
        image_id: &str,
    ) -> Result<Exit, super::sandbox::SandboxError> {
        let all = &self.shared.all;
        let pod = self.shared.pod();
        let folder = all.folder(&self.shared.worker.uid).join("roots").join(&self.name);
        let mut mounts = volumes::mounts(
            &all.store,
            sandbox,
            &all.cluster,
            pod.as_deref().unwrap_or(&Value::Null),
            &self.container,
        )?;
        let image = match files {
            Files::Image { folder, .. } => {
                let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                format!("../../../../images/{name}/files")
            }
            _ => {
                tools::make(&all.images.folder().join("tools"), sandbox)?;
                mounts.splice(0..0, tools::mounts());
                "../../../../images/tools".to_owned()
            }
        };
        let root = sandbox.root(own, &folder, &image, &mounts).await?;
        let has_terminal = self.container["tty"] == true;
        let mut command = sandbox.enter(&root, &program, has_terminal);
        let terminal = if has_terminal { Some(Arc::new(Terminal::open(&mut command)?)) } else { None };
        if terminal.is_none() {
            let input = if self.container["stdin"] == true { Stdio::piped() } else { Stdio::null() };
            command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        let mut child = command.spawn()?;
        drop(command);
        let (keys, typed) = mpsc::channel::<Bytes>(16);
        let live = Arc::new(Live {
            body: Body::Process { sandbox: sandbox.clone(), root, program },
            output: broadcast::channel(BACKLOG).0,
            input: (self.container["stdin"] == true).then_some(keys),
            terminal: terminal.clone(),
            ended: CancellationToken::new(),
        });
        let log = Arc::new(Mutex::new(self.log()?));
        let mut readers = tokio::task::JoinSet::new();
        if let Some(terminal) = terminal {
            readers.spawn(read_terminal(Arc::clone(&terminal), Arc::clone(&log), live.output.clone()));
            let ended = live.ended.clone();
            tokio::spawn(async move {
                tokio::select! { () = type_into(typed, &terminal) => {}, () = ended.cancelled() => {} }
            });
        } else {
            if let Some(output) = child.stdout.take() {
                readers.spawn(read(output, false, Arc::clone(&log), live.output.clone()));
            }
            if let Some(errors) = child.stderr.take() {
                readers.spawn(read(errors, true, Arc::clone(&log), live.output.clone()));
            }
            if let Some(input) = child.stdin.take() {
                let ended = live.ended.clone();
                tokio::spawn(async move {
                    tokio::select! { () = feed(typed, input) => {}, () = ended.cancelled() => {} }
                });
            }
        }
        self.begin(&live, image_id);
        let probing = probes::watch(&self.shared, &self.container, &live);
        let cause = tokio::select! {
            status = child.wait() => Cause::Ended(status?),
            () = self.shared.worker.ending.cancelled() => Cause::PodEnds,
            why = probing => Cause::Unhealthy(why),
        };
        let status = match cause {
            Cause::Ended(status) => status,
            Cause::PodEnds => {
                self.tell(Level::Normal, "Killing", &format!("Stopping container {}", self.name));
                self.kill(&live, &mut child, self.grace()).await?
            }
            Cause::Unhealthy(probe) => {
                let message = format!("Container {} failed {probe} probe, will be restarted", self.name);
                self.tell(Level::Normal, "Killing", &message);
                self.kill(&live, &mut child, self.grace()).await?
            }
        };
        // What it wrote last is still on its way.
        let _ = tokio::time::timeout(LAST_WORDS, async { while readers.join_next().await.is_some() {} }).await;
        readers.abort_all();
        let mut exit = exit_of(status);
        exit.message = self.last_words();
        self.end(&live, &exit);
        Ok(exit)
    }

    /// How long it may take to end.
    fn grace(&self) -> Duration {
        let Some(pod) = self.shared.pod() else { return Duration::ZERO };
        if let Some(over) = clock::parse(meta::text(&pod, "deletionTimestamp")) {
            return over.duration_since(clock::now()).max(SignedDuration::ZERO).unsigned_abs();
        }
        Duration::from_secs(pod["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or(30))
    }

    async fn kill(
        &self,
        live: &Live,
        child: &mut tokio::process::Child,
        grace: Duration,
    ) -> std::io::Result<ExitStatus> {
        // The command that entered the container waits for the program, which is its only child.
        if let Some(program) = child.id().and_then(child_of) {
            kill(program, Kill::Politely);
        }
        if let Ok(status) = tokio::time::timeout(grace, child.wait()).await {
            return status;
        }
        if let Some(init) = live.init() {
            kill(init, Kill::Now);
        }
        child.wait().await
    }

    /// What the program left in its message file.
    fn last_words(&self) -> String {
        let file = self.shared.all.folder(&self.shared.worker.uid).join("termination-log");
        let words = std::fs::read(&file).unwrap_or_default();
        if !words.is_empty()
            && let Err(error) = std::fs::write(&file, "")
        {
            tracing::debug!(%error, "a message stays");
        }
        String::from_utf8_lossy(&words[..words.len().min(4096)]).into_owned()
    }
}

enum Cause {
    Ended(ExitStatus),
    PodEnds,
    /// The probe that failed.
    Unhealthy(&'static str),
}

/// Where the log of the run before is.
pub(crate) fn previous(log: &Path) -> std::path::PathBuf {
    log.with_extension("previous.log")
}

fn pulled(image: &str, files: &Files, took: Duration) -> String {
    match files {
        Files::Image { .. } => format!(
            "Successfully pulled image \"{image}\" in {}ms ({}ms including waiting)",
            took.as_millis(),
            took.as_millis()
        ),
        Files::Tools { stands_in: None } => format!("Container image \"{image}\" already present on machine"),
        Files::Tools { stands_in: Some(why) } => {
            format!("Container image \"{image}\" cannot be had ({why}): this machine's own programs stand in")
        }
        Files::StandIn(why) => {
            format!("Container image \"{image}\" cannot be had ({why}): a built-in stand-in takes its place")
        }
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255);
    Exit::with_code(code)
}

async fn read(
    mut from: impl AsyncRead + Unpin,
    is_error: bool,
    log: Arc<Mutex<ContainerLog>>,
    output: broadcast::Sender<Output>,
) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        keep(&buffer[..count], is_error, &log, &output).await;
    }
}

async fn read_terminal(terminal: Arc<Terminal>, log: Arc<Mutex<ContainerLog>>, output: broadcast::Sender<Output>) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = terminal.read(&mut buffer).await {
        keep(&buffer[..count], false, &log, &output).await;
    }
}

async fn keep(bytes: &[u8], is_error: bool, log: &Mutex<ContainerLog>, output: &broadcast::Sender<Output>) {
    if let Err(error) = log.lock().await.write(bytes) {
        tracing::debug!(%error, "a container's log cannot be written");
    }
    // Nobody may be listening.
    let _ = output.send(Output { is_error, bytes: Bytes::copy_from_slice(bytes) });
}

async fn type_into(mut typed: mpsc::Receiver<Bytes>, terminal: &Terminal) {
    while let Some(bytes) = typed.recv().await {
        if terminal.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn feed(mut typed: mpsc::Receiver<Bytes>, mut input: tokio::process::ChildStdin) {
    while let Some(bytes) = typed.recv().await {
        if input.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
