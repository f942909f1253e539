//! One container: its image, its runs one after the other, and how each of them ends.

mod process;
mod program;
mod pull;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::environment;
use super::image::{Files, ImageConfig};
use super::live::{BACKLOG, Body, Live, Output};
use super::pod::Shared;
use super::stand_in::StandIn;
use super::status::{self, Exit};
use crate::clock;
use crate::guest::log::ContainerLog;
use crate::store::meta;
use crate::virt::events::Level;
use crate::virt::kinds::text;

/// First wait before another try; doubled each time.
const BACK_OFF: Duration = Duration::from_secs(10);
/// Longest wait before another try.
const LONGEST_BACK_OFF: Duration = Duration::from_mins(5);
/// A container that ran so long is not in trouble.
const HEALTHY_AFTER: Duration = Duration::from_mins(10);
/// How often something that is missing in the environment is looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The exit code of a container that ended with the cluster.
const LOST: i32 = 255;
/// How often a stand-in says that it is there.
const STAND_IN_LINE: Duration = Duration::from_secs(5);

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
    // What ran when the cluster was stopped is started again only if it would be after any other end.
    if run.take_over() && !run.role.starts_again(&*run.shared.pod()?, LOST) {
        return Some(LOST);
    }
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

    /// A cluster that starts again finds containers that ran when it stopped: they ended with it. Whether it is so.
    fn take_over(&self) -> bool {
        let starts_again = self.shared.pod().is_some_and(|pod| self.role.starts_again(&pod, LOST));
        let mut ran = false;
        self.status(|status| {
            ran = !status["state"]["running"].is_null();
            if ran {
                let message = "the cluster was stopped".to_owned();
                status::terminated(status, &Exit { code: LOST, reason: "Unknown".to_owned(), message }, false);
                if starts_again {
                    status::restarted(status);
                }
            }
        });
        ran
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
        let begun = clock::now();
        // What has to be over before others begin would otherwise keep them away for ever.
        if !matches!(self.role, Role::Before) {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(STAND_IN_LINE) => {}
                    () = self.shared.worker.ending.cancelled() => {
                        self.tell(Level::Normal, "Killing", &format!("Stopping container {}", self.name));
                        break;
                    }
                }
                let words = format!(
                    "stand-in for {image}: here for {} s, still nothing is run",
                    clock::now().duration_since(begun).as_secs()
                );
                say(&words);
                let bytes = Bytes::from(format!("{words}\n"));
                // Nobody may be listening.
                let _ = live.output.send(Output { is_error: false, bytes });
            }
        }
        let exit = Exit::with_code(0);
        self.end(&live, &exit);
        exit
    }
}

/// Where the log of the run before is.
pub(crate) fn previous(log: &Path) -> PathBuf {
    log.with_extension("previous.log")
}
