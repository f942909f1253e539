//! The check of a whole cluster, for administrators: in the terminal and as a page.
//!
//! ```text
//! ask: requests as the portal itself --> Answers --> checks, pure --> Report
//! ```
//!
//! Nothing is changed and nobody is impersonated. What the portal may not read comes out as unknown, with the right
//! that is missing.
//!
//! # To add a check
//!
//! Ask for what it needs in [`ask::Answers::ask`], write a function in the file of its area that turns the answer into
//! [`Check`]s, call it in [`report`], and test it on the JSON of a real cluster.

mod ask;
mod images;
mod machines;
mod rights;
mod storage;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use model::doctor::{Area, Check, Health, Report};
use serde_json::Value;
use tokio::time::timeout;

use crate::Inner;
use crate::access::{Actor, Ask};
use crate::clock::{SystemClock, seconds};
use crate::cluster::{Cluster, ClusterSource, Kind, pulse};
use crate::error::{PortalError, Thing};
use crate::images::UploadProxy;
use crate::live::Live;
use ask::Answers;

/// How long a cluster may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(15);

/// Checks the cluster of a source, without a portal, as it would be served with an upload proxy. Needs a tokio runtime.
pub async fn examine(source: ClusterSource, proxy: &UploadProxy) -> Report {
    let clock = SystemClock::shared();
    let cluster = Cluster::new(Arc::clone(&clock), Live::new());
    let pulse = tokio::spawn(pulse::run(Arc::clone(&cluster), source));
    let known = timeout(PATIENCE, cluster.has_spoken()).await;
    let report = if known.is_ok() && cluster.offers().is_known {
        Box::pin(look(&cluster, proxy)).await
    } else {
        unreachable(&cluster)
    };
    pulse.abort();
    report
}

impl Inner {
    /// The check as a page. Whoever does not see the whole cluster does not see that there is one.
    pub(crate) async fn doctor(&self, actor: &Actor) -> Result<Report, PortalError> {
        if !self.permissions.may(actor, Ask::list(Kind::Machine, None)).await? {
            return Err(PortalError::NotFound(Thing::Page));
        }
        let cluster = &self.cluster;
        let proxy = self.uploads.proxy();
        Ok(if cluster.trouble().is_some() { unreachable(cluster) } else { Box::pin(look(cluster, proxy)).await })
    }
}

async fn look(cluster: &Cluster, proxy: &UploadProxy) -> Report {
    let answers = Answers::ask(cluster, proxy).await;
    report(&answers, seconds(cluster.now()))
}

fn report(answers: &Answers, now: i64) -> Report {
    let mut checks = Vec::new();
    checks.extend(cluster(answers));
    checks.extend(machines::checks(answers));
    checks.extend(machines::nodes(answers, now));
    checks.extend(storage::checks(answers));
    checks.extend(images::checks(answers));
    checks.extend(rights::checks(answers));
    Report { at: now, checks }
}

fn unreachable(cluster: &Cluster) -> Report {
    let trouble = cluster.trouble();
    let found =
        trouble.as_ref().map_or_else(|| "The cluster does not answer.".to_owned(), |trouble| trouble.sentence());
    let fix = trouble.map(|trouble| format!("What happened: {trouble}"));
    let check = Check { id: "api".to_owned(), area: Area::Cluster, health: Health::Broken, found, fix };
    Report { at: seconds(cluster.now()), checks: vec![check] }
}

fn cluster(answers: &Answers) -> Vec<Check> {
    vec![match &answers.version {
        Ok(version) => {
            let word = version["gitVersion"].as_str().unwrap_or("of an unknown version");
            good(Area::Cluster, "api", format!("Kubernetes {word} answers."))
        }
        Err(why) => unknown(Area::Cluster, "api", "The cluster answers, but does not tell its version.", why),
    }]
}

/// How a part of the cluster is that an operator keeps, by its own conditions.
fn part(area: Area, id: &str, called: &str, object: &Value, pods: &str) -> Check {
    let condition = |kind: &str| {
        let conditions = object["status"]["conditions"].as_array();
        conditions.into_iter().flatten().find(|condition| condition["type"] == kind)
    };
    let is_true = |kind: &str| condition(kind).is_some_and(|condition| condition["status"] == "True");
    let words = |kind: &str| condition(kind).and_then(|c| c["message"].as_str()).unwrap_or_default().to_owned();
    if !is_true("Available") {
        let found = format!("{called} is not available: {}", words("Available"));
        return broken(area, id, found, format!("Look at the pods of {pods}."));
    }
    if is_true("Degraded") {
        return weak(area, id, format!("{called} runs with limits: {}", words("Degraded")), "Look at its pods.");
    }
    good(area, id, format!("{called} is available."))
}

fn good(area: Area, id: &str, found: impl Into<String>) -> Check {
    Check { id: id.to_owned(), area, health: Health::Good, found: found.into(), fix: None }
}

fn weak(area: Area, id: &str, found: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { id: id.to_owned(), area, health: Health::Weak, found: found.into(), fix: Some(fix.into()) }
}

fn broken(area: Area, id: &str, found: impl Into<String>, fix: impl Into<String>) -> Check {
    Check { health: Health::Broken, ..weak(area, id, found, fix) }
}

/// What could not be found out, and why.
fn unknown(area: Area, id: &str, found: impl Into<String>, why: &ask::Refused) -> Check {
    Check { id: id.to_owned(), area, health: Health::Unknown, found: found.into(), fix: Some(why.sentence()) }
}
