//! The task that carries one upload: waits for the claim, sends, sees it through, cleans up.
//!
//! ```text
//!              .------ the connection broke: attempt + 1, from byte 0 ------.
//!              v                                                           |
//! Preparing --UploadReady--> Receiving --all bytes accepted--> Finishing --Succeeded--> Done
//!      |                         |                                  |
//!      `---- cancelled, refused, silent for too long ---------------+--> data volume deleted --> Failed, Cancelled
//! ```
//!
//! While the browser is away the request to the cluster stays open, and goes on where it stopped.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use hyper::body::Frame;
use kubevirt::meta::Conditions as _;
use kubevirt::{CdiConfig, DataVolume, DataVolumePhase};
use model::upload::{IDLE_SECONDS, UploadStage};
use serde_json::json;

use super::proxy::{Answer, Proxy};
use super::upload::{Piece, Upload};
use crate::Inner;
use crate::access::{Actor, SessionId};
use crate::cluster::CallError;
use crate::records::UploadRow;

/// Between two looks at what the watches brought.
const LOOK: Duration = Duration::from_millis(300);
/// Between two questions to a proxy that is not ready.
const RETRY: Duration = Duration::from_secs(2);
/// Between two attempts to clean up.
const CLEAN_RETRY: Duration = Duration::from_secs(10);
/// How long a data volume may be missing in the cache before it counts as deleted.
const MISSING: Duration = Duration::from_secs(20);
/// How long the cluster may take no byte while some are there.
const STUCK: Duration = Duration::from_mins(2);
/// How often an upload begins again by itself.
const ATTEMPTS: u32 = 8;
/// How long an upload that is over is remembered, so that its page can say so.
const REMEMBERED: Duration = Duration::from_mins(15);
/// How much older than the truth the stored time of the last chunk may be.
const HEARD_STEP: i64 = 60;

/// How an upload ended.
enum Ended {
    Done,
    Failed(String),
    Cancelled,
}

/// Carries an upload to its end. `is_sent`: all bytes were accepted before this process began; `ending`: it had ended,
/// and is only cleaned up.
pub(super) async fn run(inner: Arc<Inner>, upload: Arc<Upload>, is_sent: bool, ending: Option<String>) {
    metrics::gauge!("porthole_uploads_open").increment(1.0);
    let pump = Pump { inner: Arc::clone(&inner), upload: Arc::clone(&upload) };
    let ended = if let Some(reason) = ending {
        Ended::Failed(reason)
    } else {
        tokio::select! {
            ended = pump.carry(is_sent) => ended,
            () = upload.cancel.cancelled() => Ended::Cancelled,
            reason = pump.silence() => Ended::Failed(reason),
        }
    };
    pump.finish(ended).await;
    metrics::gauge!("porthole_uploads_open").decrement(1.0);
    tokio::time::sleep(REMEMBERED).await;
    inner.uploads.forget(&upload.id);
}

struct Pump {
    inner: Arc<Inner>,
    upload: Arc<Upload>,
}

impl Pump {
    fn now(&self) -> Duration {
        self.inner.uploads.clock.now()
    }

    fn told(&self) {
        self.inner.live.changed(model::live::LiveKind::Image, Some(self.upload.at.namespace.as_str()));
    }

    fn stage(&self, stage: UploadStage) {
        if self.upload.set_stage(stage) {
            self.told();
        }
    }

    async fn carry(&self, is_sent: bool) -> Ended {
        if is_sent {
            self.upload.set_sent();
        } else {
            loop {
                if let Some(ended) = self.ready().await {
                    return ended;
                }
                match self.send().await {
                    Ok(()) => break,
                    Err(Answer::Refused(reason)) => return Ended::Failed(reason),
                    Err(answer) => {
                        let reason = match answer {
                            Answer::Again(reason) | Answer::Later(reason) => reason,
                            _ => "The cluster did not accept the upload's token.".to_owned(),
                        };
                        if self.upload.attempt() >= ATTEMPTS {
                            return Ended::Failed(format!(
                                "The upload broke {ATTEMPTS} times; the last time the cluster said: {reason}"
                            ));
                        }
                        tracing::info!(upload.id = self.upload.id, reason, "an upload begins again");
                        self.upload.restart(&reason);
                        self.told();
                        tokio::time::sleep(RETRY).await;
                    }
                }
            }
            self.stage(UploadStage::Finishing);
            self.save(true, None).await;
        }
        self.succeeded().await
    }

    /// The data volume as the watch has it.
    fn volume(&self) -> Option<Arc<DataVolume>> {
        let at = &self.upload.at;
        let volume = self.inner.disks.volumes.index().get(at.namespace.as_str(), at.name.as_str())?;
        (volume.metadata.uid.as_deref() == Some(&self.upload.volume_uid)).then_some(volume)
    }

    /// Whether a claim of this name was filled by an upload: older CDI then deletes the data volume.
    fn is_filled(&self) -> bool {
        let at = &self.upload.at;
        let claim = self.inner.disks.claims.index().get(at.namespace.as_str(), at.name.as_str());
        claim.is_some_and(|claim| {
            claim
                .metadata
                .annotations
                .get(kubevirt::cdi::annotation::POD_PHASE)
                .is_some_and(|phase| phase == "Succeeded")
        })
    }

    /// Waits until the cluster takes bytes; tells if it never will.
    async fn ready(&self) -> Option<Ended> {
        let mut missing_since = None;
        loop {
            let Some(volume) = self.volume() else {
                let since = *missing_since.get_or_insert_with(|| self.now());
                if self.now() > since + MISSING {
                    return Some(deleted());
                }
                tokio::time::sleep(LOOK).await;
                continue;
            };
            missing_since = None;
            match &volume.status.phase {
                DataVolumePhase::UploadReady => return None,
                DataVolumePhase::Succeeded => return Some(Ended::Done),
                DataVolumePhase::Failed => return Some(Ended::Failed(self.failure(&volume).await)),
                phase => self.stage(UploadStage::Preparing { waits_for: self.waits_for(phase).await }),
            }
            if volume.metadata.is_being_deleted() {
                return Some(deleted());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What an upload waits for, in a sentence: what is wrong with its disk, or the next step.
    async fn waits_for(&self, phase: &DataVolumePhase) -> String {
        self.trouble().await.unwrap_or_else(|| next_step(phase).to_owned())
    }

    /// Why the cluster cannot use what it got.
    async fn failure(&self, volume: &DataVolume) -> String {
        self.trouble().await.unwrap_or_else(|| failure(volume))
    }

    /// What the person finds on the disk's own page.
    async fn trouble(&self) -> Option<String> {
        let actor = self.actor().await.ok()?;
        self.inner.disk_trouble(&actor, &self.upload.at).await.ok()?
    }

    /// One attempt to send the whole file.
    async fn send(&self) -> Result<(), Answer> {
        let attempt = self.upload.attempt();
        let proxy = self.proxy().await?;
        let mut refused = 0;
        let (path, token) = loop {
            let token = self.token().await?;
            match proxy.probe(&token).await {
                Ok(path) => break (path, token),
                Err(Answer::Token) if refused < 3 => refused += 1,
                Err(Answer::Later(reason)) => {
                    self.stage(UploadStage::Preparing { waits_for: reason });
                    if self.volume().is_none_or(|volume| volume.status.phase != DataVolumePhase::UploadReady) {
                        return Err(Answer::Later("The cluster's receiver went away.".to_owned()));
                    }
                    tokio::time::sleep(RETRY).await;
                }
                Err(Answer::Accepted) => return Ok(()),
                Err(answer) => return Err(answer),
            }
        };
        self.stage(UploadStage::Receiving);
        let (upload, clock) = (Arc::clone(&self.upload), Arc::clone(&self.inner.uploads.clock));
        let pieces = stream::unfold(Some((upload, clock)), move |source| async move {
            let (upload, clock) = source?;
            match upload.next_piece(attempt, || clock.now()).await {
                Piece::Bytes(bytes) => Some((Ok(Frame::data(bytes)), Some((upload, clock)))),
                Piece::End => None,
                Piece::Broken => Some((Err(std::io::Error::other("the upload was ended")), None)),
            }
        });
        let answer = tokio::select! {
            answer = proxy.send(path, &token, self.upload.request.file.size, pieces) => answer,
            reason = self.follow() => Answer::Again(reason),
        };
        if let Some(reason) = self.upload.unfit() {
            return Err(Answer::Refused(reason));
        }
        match answer {
            Answer::Accepted if self.upload.is_complete() => Ok(()),
            Answer::Accepted => Err(Answer::Again("The cluster ended the upload before it was complete.".to_owned())),
            // The bytes were all there: what is wrong is in them, and stays wrong.
            Answer::Again(reason) if self.upload.is_complete() && !reason.contains("connection") => {
                Err(Answer::Refused(reason))
            }
            answer => Err(answer),
        }
    }

    async fn proxy(&self) -> Result<Proxy, Answer> {
        let uri = "/apis/cdi.kubevirt.io/v1beta1/cdiconfigs/config";
        let config = match self.inner.cluster.as_itself().get_json(uri).await {
            Ok(config) => serde_json::from_value::<CdiConfig>(config).unwrap_or_default(),
            // An address that was given is enough.
            Err(CallError::Refused(_)) => CdiConfig::default(),
            Err(error) => return Err(Answer::Later(crate::PortalError::from(error).to_ui().message)),
        };
        let connection = self.inner.cluster.connection().map_err(|trouble| Answer::Later(trouble.sentence()))?;
        Proxy::new(&self.inner.uploads.proxy, &config, connection.roots).map_err(Answer::Refused)
    }

    /// A token, asked for in the person's name.
    async fn token(&self) -> Result<String, Answer> {
        let actor = self.actor().await.map_err(Answer::Refused)?;
        let (namespace, name) = (self.upload.at.namespace.as_str(), self.upload.at.name.as_str());
        let uri = format!("/apis/upload.cdi.kubevirt.io/v1beta1/namespaces/{namespace}/uploadtokenrequests");
        let body = json!({
            "apiVersion": "upload.cdi.kubevirt.io/v1beta1", "kind": "UploadTokenRequest",
            "metadata": { "name": name, "namespace": namespace }, "spec": { "pvcName": name }
        });
        let answer = self.inner.cluster.as_person(&actor.user, &actor.groups).create(&uri, &body).await;
        match answer {
            Ok(answer) => Ok(answer["status"]["token"].as_str().unwrap_or_default().to_owned()),
            Err(error @ CallError::Unreachable(_)) => {
                Err(Answer::Later(crate::PortalError::from(error).to_ui().message))
            }
            Err(error) => Err(Answer::Refused(crate::PortalError::from(error).to_ui().message)),
        }
    }

    /// The person, with the groups that they have now.
    async fn actor(&self) -> Result<Actor, String> {
        match self.inner.accounts.find(&self.upload.account).await {
            Ok(Some(account)) => Ok(account.into_actor(SessionId(String::new()))),
            Ok(None) => Err(format!("The account {} is gone, and with it its upload.", self.upload.account)),
            Err(_) => Err("Porthole's database does not answer.".to_owned()),
        }
    }

    /// While bytes flow: tells open pages, remembers when the browser was heard, notices a cluster that takes nothing.
    async fn follow(&self) -> String {
        let mut stored = crate::clock::seconds(self.upload.heard());
        let mut sent = 0;
        loop {
            tokio::time::sleep(RETRY).await;
            let state = self.upload.tell(self.now());
            if state.sent_bytes != sent {
                sent = state.sent_bytes;
                self.told();
            }
            if state.heard - stored >= HEARD_STEP {
                stored = state.heard;
                self.save(false, None).await;
            }
            if self.upload.stuck_since().is_some_and(|since| self.now() > since + STUCK) {
                return "The cluster stopped taking bytes.".to_owned();
            }
        }
    }

    /// Resolves when nothing was heard for too long.
    async fn silence(&self) -> String {
        loop {
            tokio::time::sleep(self.inner.uploads.idle_look).await;
            let idle = crate::clock::seconds(self.now().saturating_sub(self.upload.heard()));
            if self.upload.stage().takes_chunks() && idle >= self.inner.uploads.idle_seconds {
                let hours = (self.inner.uploads.idle_seconds / 3600).max(1);
                return format!("Nothing came for {hours} hours, so the upload was ended and its disk deleted.");
            }
        }
    }

    /// Waits until the cluster has checked and converted what it got.
    async fn succeeded(&self) -> Ended {
        let restarts = self.volume().and_then(|volume| volume.status.restart_count).unwrap_or(0);
        let mut missing_since = None;
        loop {
            let Some(volume) = self.volume() else {
                let since = *missing_since.get_or_insert_with(|| self.now());
                if self.is_filled() {
                    return Ended::Done;
                }
                if self.now() > since + MISSING {
                    return deleted();
                }
                tokio::time::sleep(LOOK).await;
                continue;
            };
            match &volume.status.phase {
                DataVolumePhase::Succeeded => return Ended::Done,
                DataVolumePhase::Failed => return Ended::Failed(self.failure(&volume).await),
                _ if volume.metadata.is_being_deleted() => return deleted(),
                _ if volume.status.restart_count.unwrap_or(0) > restarts => {
                    return Ended::Failed(self.failure(&volume).await);
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    async fn finish(&self, ended: Ended) {
        let (stage, result) = match ended {
            Ended::Done => (UploadStage::Done, "done"),
            Ended::Failed(reason) => (UploadStage::Failed { reason }, "failed"),
            Ended::Cancelled => (UploadStage::Cancelled, "cancelled"),
        };
        metrics::counter!("porthole_uploads_total", "result" => result).increment(1);
        let reason = match &stage {
            UploadStage::Failed { reason } => Some(reason.clone()),
            UploadStage::Cancelled => Some("It was cancelled.".to_owned()),
            _ => None,
        };
        tracing::info!(
            account = self.upload.account, upload.id = self.upload.id, image = %self.upload.at, result,
            reason = reason.as_deref().unwrap_or_default(), "upload ended"
        );
        if let Some(reason) = reason {
            // The body's stream ends here, so the request to the cluster is gone before its target is.
            self.upload.end_attempt();
            self.save(false, Some(reason)).await;
            let is_clean = self.clean().await;
            self.stage(stage);
            if !is_clean {
                while !self.clean().await {
                    tokio::time::sleep(CLEAN_RETRY).await;
                }
            }
        } else {
            self.stage(stage);
        }
        if let Err(error) = self.inner.records.uploads().remove(&self.upload.id).await {
            tracing::warn!(%error, upload.id = self.upload.id, "an upload could not be forgotten");
        }
    }

    /// Deletes the data volume and with it its claim; tells whether that is done with.
    async fn clean(&self) -> bool {
        let actor = match self.actor().await {
            Ok(actor) => actor,
            Err(reason) => {
                tracing::warn!(upload.id = self.upload.id, image = %self.upload.at, reason, "an upload's disk is left behind");
                return true;
            }
        };
        let uri = format!(
            "/apis/cdi.kubevirt.io/v1beta1/namespaces/{}/datavolumes/{}",
            self.upload.at.namespace, self.upload.at.name
        );
        let person = self.inner.cluster.as_person(&actor.user, &actor.groups);
        match person.delete_exactly(&uri, Some(&self.upload.volume_uid)).await {
            Ok(()) => true,
            Err(error) => {
                let is_final = matches!(&error, CallError::Refused(refusal) if refusal.is_permission());
                tracing::warn!(upload.id = self.upload.id, image = %self.upload.at, %error, "an upload's disk could not be deleted");
                is_final
            }
        }
    }

    async fn save(&self, is_sent: bool, ending: Option<String>) {
        let row = row(&self.upload, is_sent, ending);
        if let Err(error) = self.inner.records.uploads().save(&row).await {
            tracing::warn!(%error, upload.id = self.upload.id, "an upload could not be stored");
        }
    }
}

/// An upload as the database keeps it.
pub(super) fn row(upload: &Upload, is_sent: bool, ending: Option<String>) -> UploadRow {
    UploadRow {
        id: upload.id.clone(),
        account: upload.account.clone(),
        request: serde_json::to_string(&upload.request).unwrap_or_default(),
        volume_uid: upload.volume_uid.clone(),
        heard_at: crate::clock::seconds(upload.heard()),
        is_sent,
        ending,
    }
}

/// The idle time as it is unless a test says otherwise.
pub(super) const IDLE: i64 = IDLE_SECONDS;

fn deleted() -> Ended {
    Ended::Failed("Somebody deleted the image while it was being uploaded.".to_owned())
}

/// What the cluster says about a data volume that it cannot fill.
fn failure(volume: &DataVolume) -> String {
    let running = volume.status.conditions.as_slice().condition("Running");
    let said = running.and_then(|condition| condition.message.as_deref()).filter(|text| !text.is_empty());
    match said {
        Some(text) => format!("The cluster could not use the file. {}", crate::diagnosis::texts::sentence(text)),
        None => "The cluster could not use the file.".to_owned(),
    }
}

/// What an upload waits for while all goes well.
fn next_step(phase: &DataVolumePhase) -> &'static str {
    match phase {
        DataVolumePhase::UploadScheduled | DataVolumePhase::PvcBound => "The cluster starts its receiver.",
        _ => "The cluster makes a place for the disk.",
    }
}
