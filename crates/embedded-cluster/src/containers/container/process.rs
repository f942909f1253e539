//! A run of processes in a sandbox: started, listened to, probed, and ended.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::SignedDuration;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin};
use tokio::sync::{Mutex, broadcast, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Run;
use crate::clock;
use crate::containers::image::{Files, tools};
use crate::containers::live::{BACKLOG, Body, Live, Output, Process};
use crate::containers::sandbox::{Kill, PodSandbox, Program, Sandbox, SandboxError, Terminal, child_of, kill};
use crate::containers::status::Exit;
use crate::containers::{probes, volumes};
use crate::guest::log::ContainerLog;
use crate::store::meta;
use crate::virt::events::Level;

/// How long output may still come after a program's end.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Run {
    /// A run of processes.
    pub(super) async fn process(
        &self,
        sandbox: &Sandbox,
        own: &PodSandbox,
        files: &Files,
        program: Program,
        image_id: &str,
    ) -> Result<Exit, SandboxError> {
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
        let image = if let Files::Image { folder, .. } = files {
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            format!("../../../../images/{name}/files")
        } else {
            tools::make(&all.images.folder().join("tools"), sandbox)?;
            mounts.splice(0..0, tools::mounts());
            "../../../../images/tools".to_owned()
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
            body: Body::Process(Box::new(Process { sandbox: sandbox.clone(), root, program })),
            output: broadcast::channel(BACKLOG).0,
            input: (self.container["stdin"] == true).then_some(keys),
            terminal: terminal.clone(),
            ended: CancellationToken::new(),
        });
        let log = Arc::new(Mutex::new(self.log()?));
        let mut readers = JoinSet::new();
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

    async fn kill(&self, live: &Live, child: &mut Child, grace: Duration) -> std::io::Result<ExitStatus> {
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

async fn feed(mut typed: mpsc::Receiver<Bytes>, mut input: ChildStdin) {
    while let Some(bytes) = typed.recv().await {
        if input.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
