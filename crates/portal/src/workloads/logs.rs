//! Logs as they are written: of one container, or of all that a workload runs, merged.
//!
//! ```text
//! GET …/pods/{pod}/log?timestamps=true, as the person --lines--> "pod container time text\n" --.
//!          … one for each container, at most [`MOST`] …                                         |--> one stream
//!          every [`LOOK`]: pods that have come since -------------------------------------------'
//! ```
//!
//! Nothing is read ahead: a source is asked for more only when the one who listens took what came before, and all that
//! is kept of each is the line that has not ended yet. A stream ends with the session, with the right to read logs,
//! and with the portal.

use std::collections::HashSet;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, SelectAll};
use futures_util::{Stream, StreamExt as _};
use http::Request;
use http_body_util::BodyExt as _;
use kube::client::Body;
use model::ObjectRef;
use model::workload::{PodState, WorkloadKind};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::controllers::Families;
use super::{Workload, no_logs};
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::{CallError, call};
use crate::error::{PortalError, Thing};

/// The most containers whose logs are merged.
const MOST: usize = 40;
/// Between two looks for pods that have come.
const LOOK: Duration = Duration::from_secs(2);
/// Between two questions whether the person still may.
const RECHECK: Duration = Duration::from_mins(1);
/// A longer line is told in pieces.
const LONGEST_LINE: usize = 64 << 10;

/// Which part of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// One container by its name; empty for the pod's first, and for all of a workload.
    pub container: String,
    /// Go on with what is written from now on.
    pub follow: bool,
    /// Of the container before the last restart.
    pub previous: bool,
    /// The last lines of each container; `None` for all.
    pub lines: Option<u32>,
    /// Not older than so many seconds.
    pub since: Option<u32>,
}

/// Lines as they come: `pod container time text`, each with its end.
pub type LogStream = Pin<Box<dyn Stream<Item = Result<Bytes, io::Error>> + Send>>;

impl Inner {
    /// The log of one container of a pod.
    pub(crate) async fn follow_pod(
        self: &Arc<Self>,
        actor: &Actor,
        at: &ObjectRef,
        query: &LogQuery,
    ) -> Result<LogStream, PortalError> {
        let pod = self.visible_pod(actor, at).await?;
        self.may_read_log(actor, at).await?;
        let container = pod.container(&query.container).ok_or(PortalError::NotFound(Thing::Container))?;
        let lines = self.open_log(actor, at, &container, query).await?;
        Ok(Box::pin(lines.take_until(Arc::clone(self).until_no_more(actor.clone(), at.clone()))))
    }

    /// The logs of all that a workload runs.
    pub(crate) async fn follow_workload(
        self: &Arc<Self>,
        actor: &Actor,
        kind: WorkloadKind,
        at: &ObjectRef,
        query: &LogQuery,
    ) -> Result<LogStream, PortalError> {
        self.visible_workload(actor, kind, at).await?;
        // Whoever may read no log here is told so at once; pods are asked about one by one.
        let pods = self.known_pods(actor, at.namespace.as_str()).await?;
        let is_first_allowed =
            match Families::of(&pods, &self.controllers).pods(at.namespace.as_str(), kind, at.name.as_str()) {
                [] => self.permissions.may_in(actor, Ask::logs(at.namespace.as_str(), "")).await?,
                [first, ..] => self.may_read_log(actor, &first.at).await.is_ok(),
            };
        if !is_first_allowed {
            return Err(PortalError::Forbidden(no_logs(at.namespace.as_str())));
        }
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let merged = Merged {
            inner: Arc::clone(self),
            actor: actor.clone(),
            kind,
            at: at.clone(),
            query: query.clone(),
            known: HashSet::new(),
            sources: SelectAll::new(),
            look,
            has_looked: false,
        };
        let lines = stream::unfold(merged, async |mut merged| merged.next().await.map(|lines| (lines, merged)));
        Ok(Box::pin(lines.take_until(Arc::clone(self).until_no_more(actor.clone(), at.clone()))))
    }

    async fn may_read_log(&self, actor: &Actor, at: &ObjectRef) -> Result<(), PortalError> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        if self.permissions.may_in(actor, Ask::logs(namespace, name)).await? {
            return Ok(());
        }
        Err(PortalError::Forbidden(no_logs(namespace)))
    }

    /// Opens one container's log in the person's name.
    async fn open_log(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        container: &str,
        query: &LogQuery,
    ) -> Result<LogStream, PortalError> {
        let uri = uri(at, container, query);
        let request = Request::get(&uri).body(Body::empty());
        let request = request.map_err(|_| PortalError::NotFound(Thing::Container))?;
        let response = self.cluster.as_person(&actor.user, &actor.groups).send(request).await?;
        let status = response.status();
        if !status.is_success() {
            let refusal = call::refusal(status, response).await;
            // A container that has not started yet, or was never restarted, has no log; that is no failure.
            return Err(match refusal.status {
                400 => PortalError::Conflict(crate::diagnosis::texts::sentence(&refusal.message)),
                _ => CallError::Refused(refusal).into(),
            });
        }
        let prefix = format!("{} {container} ", at.name);
        Ok(Box::pin(lines(response.into_body().into_data_stream(), prefix)))
    }

    /// Comes when a log may not go on.
    async fn until_no_more(self: Arc<Self>, actor: Actor, at: ObjectRef) {
        let signed_out = self.records.live_sessions().end_of(&actor.session);
        let recheck = async {
            loop {
                tokio::time::sleep(RECHECK).await;
                let may = self.permissions.may_in(&actor, Ask::logs(at.namespace.as_str(), at.name.as_str())).await;
                if !self.is_still(&actor).await || matches!(may, Ok(false)) {
                    return;
                }
            }
        };
        tokio::select! {
            () = signed_out.cancelled() => {}
            () = self.lifecycle.stop.cancelled() => {}
            () = recheck => {}
        }
    }
}

fn uri(at: &ObjectRef, container: &str, query: &LogQuery) -> String {
    let mut uri = format!(
        "/api/v1/namespaces/{}/pods/{}/log?container={container}&timestamps=true&follow={}&previous={}",
        at.namespace, at.name, query.follow, query.previous
    );
    for (key, number) in [("tailLines", query.lines), ("sinceSeconds", query.since)] {
        if let Some(number) = number {
            uri.push_str(&format!("&{key}={number}"));
        }
    }
    uri
}

/// Whole lines, each behind what says where it comes from. All lines of a piece go on together.
fn lines<S, E>(pieces: S, prefix: String) -> impl Stream<Item = Result<Bytes, io::Error>> + Send
where
    S: Stream<Item = Result<Bytes, E>> + Send + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    let start = (pieces, BytesMut::new(), false);
    stream::unfold((start, prefix), async |((mut pieces, mut rest, is_over), prefix)| {
        if is_over {
            return None;
        }
        loop {
            match pieces.next().await {
                Some(Ok(piece)) => {
                    rest.extend_from_slice(&piece);
                    let told = whole_lines(&mut rest, &prefix);
                    if !told.is_empty() {
                        return Some((Ok(told), ((pieces, rest, false), prefix)));
                    }
                }
                Some(Err(error)) => return Some((Err(io::Error::other(error)), ((pieces, rest, true), prefix))),
                None if rest.is_empty() => return None,
                None => {
                    rest.extend_from_slice(b"\n");
                    let told = whole_lines(&mut rest, &prefix);
                    return Some((Ok(told), ((pieces, rest, true), prefix)));
                }
            }
        }
    })
}

/// Takes the lines that have ended, and what is too long to wait for its end.
fn whole_lines(rest: &mut BytesMut, prefix: &str) -> Bytes {
    let mut told = BytesMut::new();
    loop {
        let end = rest.iter().take(LONGEST_LINE).position(|byte| *byte == b'\n');
        let line = match end {
            Some(end) => rest.split_to(end + 1),
            None if rest.len() >= LONGEST_LINE => rest.split_to(LONGEST_LINE),
            None => return told.freeze(),
        };
        told.extend_from_slice(prefix.as_bytes());
        told.extend_from_slice(&line);
        if end.is_none() {
            told.extend_from_slice(b"\n");
        }
    }
}

/// The logs of a workload's pods, those that come later included.
struct Merged {
    inner: Arc<Inner>,
    actor: Actor,
    kind: WorkloadKind,
    at: ObjectRef,
    query: LogQuery,
    /// Pods and containers that are among the sources, or were.
    known: HashSet<(String, String)>,
    sources: SelectAll<LogStream>,
    look: Interval,
    has_looked: bool,
}

impl Merged {
    async fn next(&mut self) -> Option<Result<Bytes, io::Error>> {
        if !self.has_looked {
            self.has_looked = true;
            self.look.tick().await;
            self.add_new().await;
        }
        loop {
            let is_empty = self.sources.is_empty();
            if is_empty && !self.query.follow {
                return None;
            }
            tokio::select! {
                biased;
                lines = self.sources.next(), if !is_empty => match lines {
                    Some(Ok(lines)) => return Some(Ok(lines)),
                    // One source that breaks, say with its pod, is no reason to end the others.
                    Some(Err(error)) => tracing::debug!(%error, "a log broke off"),
                    None => {}
                },
                _ = self.look.tick(), if self.query.follow => self.add_new().await,
            }
        }
    }

    /// Adds the logs of containers that are new.
    async fn add_new(&mut self) {
        let namespace = self.at.namespace.as_str();
        let Ok(pods) = self.inner.known_pods(&self.actor, namespace).await else { return };
        let families = Families::of(&pods, &self.inner.controllers);
        let mut its = families.pods(namespace, self.kind, self.at.name.as_str()).to_vec();
        its.sort_by_key(|pod| std::cmp::Reverse(pod.created));
        for pod in its {
            for container in self.wanted(&pod) {
                let key = (pod.at.name.to_string(), container);
                if self.known.contains(&key) || self.sources.len() >= MOST {
                    continue;
                }
                if self.inner.may_read_log(&self.actor, &pod.at).await.is_err() {
                    continue;
                }
                // What has no log yet is asked again at the next look.
                if let Ok(lines) = self.inner.open_log(&self.actor, &pod.at, &key.1, &self.query).await {
                    self.sources.push(lines);
                    self.known.insert(key);
                }
            }
        }
    }

    fn wanted(&self, pod: &Workload) -> Vec<String> {
        if pod.state == PodState::Unknown {
            return Vec::new();
        }
        let all = pod.pod.spec.containers.iter().map(|container| container.name.clone());
        all.filter(|name| self.query.container.is_empty() || *name == self.query.container).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Kind;
    use crate::testing::{Fake, allowed, ana};
    use model::ErrorCode;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn web() -> ObjectRef {
        ObjectRef::parse("blue", "web").unwrap()
    }

    #[test]
    fn a_log_is_asked_for_as_the_person_wants_it() {
        let query = LogQuery { follow: true, lines: Some(10), since: Some(60), ..LogQuery::default() };
        assert_eq!(
            uri(&web(), "app", &query),
            "/api/v1/namespaces/blue/pods/web/log?container=app&timestamps=true&follow=true&previous=false&tailLines=10&sinceSeconds=60"
        );
    }

    async fn read(pieces: Vec<Vec<u8>>) -> String {
        let pieces = stream::iter(pieces.into_iter().map(|piece| Ok::<_, io::Error>(Bytes::from(piece))));
        let told: Vec<_> = lines(pieces, "web app ".to_owned()).map(Result::unwrap).collect().await;
        String::from_utf8(told.concat()).unwrap()
    }

    #[tokio::test]
    async fn lines_are_whole_however_they_arrive_and_the_last_one_needs_no_end() {
        let told = read(vec![b"t1 a".to_vec(), b"b\nt2 ".to_vec(), b"c".to_vec()]).await;
        assert_eq!(told, "web app t1 ab\nweb app t2 c\n");
        assert_eq!(read(vec![]).await, "");
    }

    #[tokio::test]
    async fn a_line_without_end_is_told_in_pieces_instead_of_kept() {
        let told = read(vec![vec![b'x'; LONGEST_LINE * 2 + 5]]).await;
        assert_eq!(told.lines().count(), 3);
        assert!(told.lines().all(|line| line.len() <= LONGEST_LINE + "web app ".len()));
    }

    proptest! {
        #[test]
        fn what_is_told_does_not_depend_on_the_pieces(text in "[a-c\n]{0,60}", cuts in proptest::collection::vec(0_usize..60, 0..6)) {
            let mut pieces = vec![text.as_bytes().to_vec()];
            for cut in cuts {
                let last = pieces.pop().unwrap();
                let (head, tail) = last.split_at(cut.min(last.len()));
                pieces.extend([head.to_vec(), tail.to_vec()]);
            }
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (cut, whole) = (runtime.block_on(read(pieces)), runtime.block_on(read(vec![text.into_bytes()])));
            prop_assert_eq!(cut, whole);
        }
    }

    fn owned(kind: &str, name: &str) -> Value {
        json!({"metadata": {"uid": "1", "ownerReferences": [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u", "controller": true}]},
            "spec": {"containers": [{"name": "app", "image": "a"}]}, "status": {"phase": "Running"}})
    }

    #[tokio::test]
    async fn the_logs_of_a_workloads_pods_come_merged_and_in_the_persons_name() {
        let fake = Fake::new(|call| match call.review() {
            Some(spec) => allowed(spec["resourceAttributes"]["namespace"] == "blue"),
            None => (200, json!("2026-01-01T00:00:00Z hello")),
        })
        .await;
        fake.namespace("blue");
        fake.controller(Kind::StatefulSet, "blue", "web", json!({}));
        fake.pod("blue", "web-0", owned("StatefulSet", "web"));
        fake.pod("blue", "web-1", owned("StatefulSet", "web"));
        fake.pod("blue", "other", owned("StatefulSet", "other"));
        let stream =
            fake.inner.follow_workload(&ana(), WorkloadKind::StatefulSet, &web(), &LogQuery::default()).await.unwrap();
        let told: Vec<_> = stream.map(Result::unwrap).collect().await;
        let mut told: Vec<_> = String::from_utf8(told.concat()).unwrap().lines().map(str::to_owned).collect();
        told.sort();
        assert_eq!(told, ["web-0 app \"2026-01-01T00:00:00Z hello\"", "web-1 app \"2026-01-01T00:00:00Z hello\""]);
        assert!(fake.others().iter().all(|call| call.user.as_deref() == Some("ana@example")));
    }

    #[tokio::test]
    async fn without_the_right_nothing_is_asked_of_the_cluster() {
        let fake = Fake::new(|call| match call.review() {
            Some(spec) => allowed(spec["resourceAttributes"]["subresource"].is_null()),
            None => (200, Value::Null),
        })
        .await;
        fake.pod("blue", "web", owned("Job", "x"));
        let error = fake.inner.follow_pod(&ana(), &web(), &LogQuery::default()).await.err().unwrap();
        assert_eq!(error.to_ui().code, ErrorCode::Forbidden);
        assert!(fake.others().is_empty());
    }
}
