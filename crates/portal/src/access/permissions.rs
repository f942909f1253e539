//! What the cluster lets a person do, asked with access reviews and remembered for a while.
//!
//! The portal asks as itself about the person's user and groups, so nobody sees in a list what
//! `kubectl --as=them get` would refuse. An answer is believed for [`BELIEVED`], or until a role or binding
//! changes where the portal may watch those. Questions that are under way are shared. No answer means no, with
//! one exception: while the cluster does not answer at all, what it said within the last [`STALE`] still counts,
//! so that pages can go on to show what was last known. Nothing can be changed then anyway.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::Actor;
use crate::clock::Clock;
use crate::cluster::{CallError, Cluster, Kind};

/// How long an answer is believed.
const BELIEVED: Duration = Duration::from_secs(20);
/// How long an answer serves while the cluster cannot be asked.
const STALE: Duration = Duration::from_mins(5);
/// Reviews at once for one question about many namespaces.
const AT_ONCE: usize = 16;
/// Answers that are kept before outdated ones are thrown away.
const KEPT: usize = 50_000;

/// One question; empty texts mean "any" for names and namespaces, and "none" for subresources.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ask {
    pub verb: &'static str,
    pub group: &'static str,
    pub resource: &'static str,
    pub subresource: &'static str,
    pub namespace: String,
    pub name: String,
}

impl Ask {
    /// May somebody list a kind in a namespace, or everywhere?
    pub(crate) fn list(kind: Kind, namespace: Option<&str>) -> Self {
        Self::on(kind, "list", namespace.unwrap_or_default(), "")
    }

    /// May somebody get one object?
    pub(crate) fn get(kind: Kind, namespace: &str, name: &str) -> Self {
        Self::on(kind, "get", namespace, name)
    }

    /// May somebody make objects of a kind in a namespace?
    pub(crate) fn create(kind: Kind, namespace: &str) -> Self {
        Self::on(kind, "create", namespace, "")
    }

    /// May somebody change one object?
    pub(crate) fn patch(kind: Kind, namespace: &str, name: &str) -> Self {
        Self::on(kind, "patch", namespace, name)
    }

    /// May somebody delete one object?
    pub(crate) fn delete(kind: Kind, namespace: &str, name: &str) -> Self {
        Self::on(kind, "delete", namespace, name)
    }

    /// May somebody ask for upload tokens in a namespace?
    pub(crate) fn upload(namespace: &str) -> Self {
        Self {
            group: "upload.cdi.kubevirt.io",
            resource: "uploadtokenrequests",
            ..Self::create(Kind::DataVolume, namespace)
        }
    }

    /// May somebody have disks offered as downloads in a namespace?
    pub(crate) fn export(namespace: &str) -> Self {
        Self {
            group: kubevirt::export::GROUP,
            resource: "virtualmachineexports",
            ..Self::create(Kind::DataVolume, namespace)
        }
    }

    fn on(kind: Kind, verb: &'static str, namespace: &str, name: &str) -> Self {
        Self {
            verb,
            group: kind.group(),
            resource: kind.resource(),
            subresource: "",
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// May somebody use a subresource of machines in a namespace?
    pub(crate) fn subresource(what: kubevirt::Subresource, namespace: &str, name: &str) -> Self {
        Self {
            verb: what.verb(),
            group: kubevirt::subresource::GROUP,
            resource: what.resource(),
            subresource: what.path(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// May somebody set how many pods a workload has?
    pub(crate) fn scale(kind: Kind, namespace: &str, name: &str) -> Self {
        Self { subresource: "scale", ..Self::patch(kind, namespace, name) }
    }

    /// May somebody run a shell in a pod? The upgrade is a GET, but what counts is `create`, as newer clusters ask too.
    pub(crate) fn shell(namespace: &str, name: &str) -> Self {
        Self { subresource: "exec", ..Self::on(Kind::Pod, "create", namespace, name) }
    }

    /// May somebody have pods of a namespace evicted?
    pub(crate) fn evict(namespace: &str) -> Self {
        Self { subresource: "eviction", ..Self::create(Kind::Pod, namespace) }
    }

    /// May somebody read the logs of pods in a namespace?
    pub(crate) fn logs(namespace: &str, name: &str) -> Self {
        Self { subresource: "log", ..Self::get(Kind::Pod, namespace, name) }
    }
}

/// Namespaces in which somebody may list a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visible {
    /// Whether the right holds for the whole cluster, namespaces of tomorrow included.
    pub everywhere: bool,
    /// The namespaces that exist now.
    pub namespaces: BTreeSet<String>,
}

impl Visible {
    pub(crate) fn covers(&self, namespace: &str) -> bool {
        self.everywhere || self.namespaces.contains(namespace)
    }
}

#[derive(Debug, Default)]
struct Memory {
    answers: HashMap<(String, Ask), Remembered<Answer>>,
    visible: HashMap<(String, Kind), Remembered<Arc<Visible>>>,
}

#[derive(Clone, Debug)]
struct Remembered<T> {
    value: T,
    asked: Duration,
    epoch: u64,
}

/// An answer, or the place of one that is under way.
#[derive(Clone, Debug)]
struct Answer {
    now: Arc<OnceCell<bool>>,
    /// The answer before, in case the cluster cannot be asked.
    before: Option<(bool, Duration)>,
}

/// Asks and remembers.
#[derive(Debug)]
pub(crate) struct Permissions {
    cluster: Arc<Cluster>,
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
    /// Grows when a role or binding changes; older answers are then not believed.
    epoch: Arc<AtomicU64>,
}

impl Permissions {
    pub(crate) fn new(cluster: Arc<Cluster>, clock: Arc<dyn Clock>) -> Self {
        Self { cluster, clock, memory: Mutex::default(), epoch: Arc::default() }
    }

    /// Forgets every answer.
    pub(crate) fn invalidate(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether the person may.
    pub(crate) async fn may(&self, actor: &Actor, ask: Ask) -> Result<bool, CallError> {
        let Answer { now, before } = self.answer(actor.identity(), &ask);
        if now.get().is_none()
            && let Some((answer, _)) = before
            && self.cluster.trouble().is_some()
        {
            return Ok(answer);
        }
        match (now.get_or_try_init(|| self.review(actor, &ask)).await, before) {
            (Ok(answer), _) => Ok(*answer),
            (Err(CallError::Unreachable(_)), Some((answer, _))) => Ok(answer),
            (Err(error), _) => Err(error),
        }
    }

    /// Whether the person may in the whole cluster, in this namespace, or with this object: the widest question
    /// comes first, because its answer serves many.
    pub(crate) async fn may_in(&self, actor: &Actor, ask: Ask) -> Result<bool, CallError> {
        let everywhere = Ask { namespace: String::new(), name: String::new(), ..ask.clone() };
        let with_any = Ask { name: String::new(), ..ask.clone() };
        Ok(self.may(actor, everywhere).await?
            || self.may(actor, with_any).await?
            || (!ask.name.is_empty() && self.may(actor, ask).await?))
    }

    /// Where the person may list a kind, among namespaces that exist.
    pub(crate) async fn visible(
        &self,
        actor: &Actor,
        kind: Kind,
        existing: impl FnOnce() -> BTreeSet<String>,
    ) -> Result<Arc<Visible>, CallError> {
        let key = (actor.identity(), kind);
        let (now, epoch) = (self.clock.now(), self.epoch.load(Ordering::Acquire));
        if let Some(known) = self.memory().visible.get(&key)
            && known.epoch == epoch
            && now < known.asked + BELIEVED
        {
            return Ok(Arc::clone(&known.value));
        }
        let everywhere = self.may(actor, Ask::list(kind, None)).await?;
        let existing = existing();
        let namespaces = if everywhere {
            existing
        } else {
            futures_util::stream::iter(existing)
                .map(|namespace| async move {
                    let may = self.may(actor, Ask::list(kind, Some(&namespace))).await?;
                    Ok::<_, CallError>(may.then_some(namespace))
                })
                .buffer_unordered(AT_ONCE)
                .try_filter_map(async |namespace| Ok(namespace))
                .try_collect()
                .await?
        };
        let value = Arc::new(Visible { everywhere, namespaces });
        let mut memory = self.memory();
        if memory.visible.len() > KEPT / 10 {
            memory.visible.retain(|_, known| known.epoch == epoch && now < known.asked + BELIEVED);
        }
        memory.visible.insert(key, Remembered { value: Arc::clone(&value), asked: now, epoch });
        Ok(value)
    }

    /// Forgets where people may list: a namespace came or went.
    pub(crate) fn namespaces_changed(&self) {
        self.memory().visible.clear();
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of an answer: a present one, one under way, or a new empty one.
    fn answer(&self, identity: String, ask: &Ask) -> Answer {
        let (now, epoch) = (self.clock.now(), self.epoch.load(Ordering::Acquire));
        let mut memory = self.memory();
        let key = (identity, ask.clone());
        let known = memory.answers.get(&key).filter(|known| known.epoch == epoch);
        if let Some(known) = known.filter(|known| now < known.asked + BELIEVED) {
            return known.value.clone();
        }
        let before = known.and_then(|known| {
            let latest = known.value.now.get().map(|answer| (*answer, known.asked));
            latest.or(known.value.before).filter(|(_, asked)| now < *asked + STALE)
        });
        if memory.answers.len() > KEPT {
            memory.answers.retain(|_, known| known.epoch == epoch && now < known.asked + BELIEVED);
        }
        let answer = Answer { now: Arc::new(OnceCell::new()), before };
        memory.answers.insert(key, Remembered { value: answer.clone(), asked: now, epoch });
        answer
    }

    async fn review(&self, actor: &Actor, ask: &Ask) -> Result<bool, CallError> {
        metrics::counter!("porthole_access_reviews_total").increment(1);
        let uri = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let answer = self.cluster.as_itself().review(uri, &review(&actor.user, &actor.groups, ask)).await?;
        Ok(answer["status"]["allowed"].as_bool().unwrap_or(false))
    }
}

fn review(user: &str, groups: &[String], ask: &Ask) -> Value {
    let mut groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    // Impersonation adds this group by itself, a review takes the groups as they are.
    if !groups.contains(&"system:authenticated") {
        groups.push("system:authenticated");
    }
    let mut attributes = json!({ "verb": ask.verb, "group": ask.group, "resource": ask.resource });
    for (key, value) in
        [("subresource", ask.subresource), ("namespace", ask.namespace.as_str()), ("name", ask.name.as_str())]
    {
        if !value.is_empty() {
            attributes[key] = value.into();
        }
    }
    json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": { "user": user, "groups": groups, "resourceAttributes": attributes }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answer, Call, Fake, allowed, ana};

    #[test]
    fn a_review_asks_for_the_full_path_of_a_subresource_and_for_everybodys_group() {
        let ask = Ask::subresource(kubevirt::Subresource::Screenshot, "blue", "web");
        let review = review("ana", &["team".to_owned()], &ask);
        assert_eq!(review["spec"]["groups"], json!(["team", "system:authenticated"]));
        assert_eq!(
            review["spec"]["resourceAttributes"],
            json!({
                "verb": "get", "group": "subresources.kubevirt.io", "resource": "virtualmachineinstances",
                "subresource": "vnc/screenshot", "namespace": "blue", "name": "web"
            })
        );
    }

    #[test]
    fn a_question_about_everywhere_names_no_namespace() {
        let review = review("ana", &[], &Ask::list(Kind::Pod, None));
        assert_eq!(review["spec"]["resourceAttributes"], json!({"verb": "list", "group": "", "resource": "pods"}));
    }

    /// Ana may list machines in blue, and get everything there.
    fn blue(call: &Call) -> Answer {
        allowed(call.review().is_some_and(|spec| spec["resourceAttributes"]["namespace"] == "blue"))
    }

    fn existing() -> BTreeSet<String> {
        ["blue", "green", "red"].map(str::to_owned).into()
    }

    #[tokio::test]
    async fn only_namespaces_that_the_cluster_grants_are_visible_and_the_answer_is_remembered() {
        let fake = Fake::new(blue).await;
        let permissions = &fake.inner.permissions;
        let visible = permissions.visible(&ana(), Kind::Machine, existing).await.unwrap();
        assert_eq!((visible.everywhere, &visible.namespaces), (false, &BTreeSet::from(["blue".to_owned()])));
        assert_eq!(fake.reviews(), 4, "everywhere, and each namespace");
        permissions.visible(&ana(), Kind::Machine, existing).await.unwrap();
        assert_eq!(fake.reviews(), 4);
        fake.clock.advance(BELIEVED);
        permissions.visible(&ana(), Kind::Machine, existing).await.unwrap();
        assert_eq!(fake.reviews(), 8);
    }

    #[tokio::test]
    async fn a_changed_role_is_noticed_at_once() {
        let fake = Fake::new(blue).await;
        let ask = || Ask::get(Kind::Machine, "blue", "web");
        assert!(fake.inner.permissions.may_in(&ana(), ask()).await.unwrap());
        let before = fake.reviews();
        fake.inner.permissions.invalidate();
        fake.inner.permissions.may_in(&ana(), ask()).await.unwrap();
        assert_eq!(fake.reviews(), before * 2);
    }

    #[tokio::test]
    async fn questions_under_way_are_shared() {
        let fake = Fake::new(blue).await;
        let permissions = &fake.inner.permissions;
        let actor = ana();
        let asks = (0..20).map(|_| permissions.may(&actor, Ask::list(Kind::Pod, Some("blue"))));
        assert!(futures_util::future::join_all(asks).await.into_iter().all(|answer| answer.unwrap()));
        assert_eq!(fake.reviews(), 1);
    }

    #[tokio::test]
    async fn an_outage_keeps_what_was_known_for_a_while_and_grants_nothing_new() {
        let is_down = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let down = Arc::clone(&is_down);
        let answer = move |call: &Call| if down.load(Ordering::Relaxed) { (0, Value::Null) } else { blue(call) };
        let fake = Fake::new(answer).await;
        let may = |namespace: &'static str| {
            let permissions = Arc::clone(&fake.inner.permissions);
            async move { permissions.may(&ana(), Ask::list(Kind::Pod, Some(namespace))).await }
        };
        assert!(may("blue").await.unwrap());
        is_down.store(true, Ordering::Relaxed);
        fake.clock.advance(BELIEVED);
        assert!(may("blue").await.unwrap(), "it was allowed a moment ago");
        assert!(may("green").await.is_err(), "nobody knows");
        fake.clock.advance(STALE);
        assert!(may("blue").await.is_err(), "that was too long ago");
    }
}
