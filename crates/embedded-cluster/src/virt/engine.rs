//! The queue and the one task that works it off.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::kinds::{
    At, CLAIMS, DATA_VOLUMES, INSTANCES, INSTANCETYPES, MACHINES, MIGRATIONS, NODES, PODS, PREFERENCES,
    STORAGE_CLASSES, text,
};
use super::kubelet::Kubelet;
use super::{
    Inbox, VirtContext, backend_storage, conditions, handler, instance, kinds, kubelet, machine, migration, scheduler,
    volumes,
};
use crate::quota::RESOURCE_QUOTAS;
use crate::resource::GroupResource;
use crate::store::{WatchEvent, WatchKind, meta};

/// How often nodes report and old events go.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How often everything is looked at again, in case an event was missed.
const RESYNC: Duration = Duration::from_mins(1);
/// How long to wait before watches that ended begin again.
const AGAIN: Duration = Duration::from_millis(50);
/// How often containers say that they are there.
const CONTAINER_LINE: Duration = Duration::from_secs(5);

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Work {
    /// A machine.
    Machine(At),
    /// An instance, with its guest.
    Instance(At),
    /// A pod.
    Pod(At),
    /// A move of an instance to another node.
    Migration(At),
    /// Pods that no node took.
    Unscheduled,
    /// The nodes report.
    Heartbeat,
    /// Everything.
    Resync,
    /// Containers write a line.
    ContainerLines,
}

/// Addresses to look at, each at most once at a time, and those to look at later.
#[derive(Debug, Default)]
pub struct Queue {
    order: VecDeque<Work>,
    waiting: HashSet<Work>,
    later: BTreeMap<(Instant, u64), Work>,
    number: u64,
}

impl Queue {
    /// At the end of the queue, unless it waits there already.
    pub fn push(&mut self, work: Work) {
        if self.waiting.insert(work.clone()) {
            self.order.push_back(work);
        }
    }

    /// After some time.
    pub fn push_after(&mut self, delay: Duration, work: Work) {
        self.number += 1;
        self.later.insert((Instant::now() + delay, self.number), work);
    }

    fn pop(&mut self) -> Option<Work> {
        let work = self.order.pop_front()?;
        self.waiting.remove(&work);
        Some(work)
    }

    fn next_due(&self) -> Option<Instant> {
        self.later.keys().next().map(|(due, _)| *due)
    }

    fn wake_due(&mut self) {
        let now = Instant::now();
        while let Some(entry) = self.later.first_entry()
            && entry.key().0 <= now
        {
            let work = entry.remove();
            self.push(work);
        }
    }
}

/// Works the queue off until it is stopped.
pub async fn run(context: Arc<VirtContext>, mut inbox: Inbox, stop: CancellationToken) {
    // A panic must not look like a quiet cluster.
    let _loud = stop.clone().drop_guard();
    let mut queue = Queue::default();
    let mut kubelet = Kubelet::default();
    for (every, work) in [(HEARTBEAT, Work::Heartbeat), (RESYNC, Work::Resync), (CONTAINER_LINE, Work::ContainerLines)]
    {
        queue.push(work.clone());
        queue.push_after(every, work);
    }
    let mut changes = Box::pin(watch_all(&context));
    loop {
        // Everything that happened so far comes first, so that a step sees it and the order is that of arrival.
        while let Some(Some(event)) = futures_util::FutureExt::now_or_never(changes.next()) {
            route(&context, &mut queue, &event);
        }
        while let Ok(work) = inbox.work.try_recv() {
            queue.push(work);
        }
        while let Ok(uid) = inbox.guests.try_recv() {
            route_guest(&context, &mut queue, &uid);
        }
        queue.wake_due();
        if let Some(work) = queue.pop() {
            step(&context, &mut queue, &mut kubelet, work);
            // Steps never wait; others get their turn here.
            tokio::task::yield_now().await;
            if stop.is_cancelled() {
                return;
            }
            continue;
        }
        let due = queue.next_due().unwrap_or_else(|| Instant::now() + RESYNC);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(due) => {}
            event = changes.next() => if let Some(event) = event {
                route(&context, &mut queue, &event);
            } else {
                // Cut off because it fell behind, or the store closes.
                tokio::time::sleep(AGAIN).await;
                changes = Box::pin(watch_all(&context));
            },
            Some(work) = inbox.work.recv() => queue.push(work),
            Some(uid) = inbox.guests.recv() => route_guest(&context, &mut queue, &uid),
        }
    }
}

fn step(context: &Arc<VirtContext>, queue: &mut Queue, kubelet: &mut Kubelet, work: Work) {
    match work {
        Work::Machine(at) => machine::reconcile(context, queue, &at),
        Work::Instance(at) => {
            handler::reconcile(context, queue, &at);
            instance::reconcile(context, &at);
            migration::evacuation::reconcile(context, &at);
        }
        Work::Migration(at) => migration::reconcile(context, queue, &at),
        Work::Pod(at) => {
            scheduler::reconcile(context, &at);
            kubelet::reconcile(context, queue, kubelet, &at);
        }
        Work::Unscheduled => {
            let (pods, _) = context.store.list(&PODS, None);
            for pod in pods.iter().filter(|pod| scheduler::is_waiting(pod)) {
                queue.push(Work::Pod(At::of(pod)));
            }
        }
        Work::Heartbeat => {
            kubelet::heartbeat(&context.store);
            context.recorder.forget_old();
            queue.push_after(HEARTBEAT, Work::Heartbeat);
        }
        Work::ContainerLines => {
            kubelet.write_lines();
            queue.push_after(CONTAINER_LINE, Work::ContainerLines);
        }
        Work::Resync => {
            let of_kind = |kind: &GroupResource| context.store.list(kind, None).0;
            let mut push = |work| queue.push(work);
            of_kind(&MACHINES).iter().map(|machine| Work::Machine(At::of(machine))).for_each(&mut push);
            of_kind(&INSTANCES).iter().map(|instance| Work::Instance(At::of(instance))).for_each(&mut push);
            of_kind(&MIGRATIONS).iter().map(|migration| Work::Migration(At::of(migration))).for_each(&mut push);
            of_kind(&PODS).iter().map(|pod| Work::Pod(At::of(pod))).for_each(&mut push);
            handler::clear_orphans(context);
            queue.push_after(RESYNC, Work::Resync);
        }
    }
}

/// One event of one of the watched kinds.
struct Change {
    kind: &'static GroupResource,
    event: WatchEvent,
}

/// Everything that happens to the kinds that matter, each kind in order.
fn watch_all(context: &VirtContext) -> impl Stream<Item = Change> + use<> {
    let kinds: [&'static GroupResource; 11] = [
        &MACHINES,
        &INSTANCES,
        &MIGRATIONS,
        &PODS,
        &CLAIMS,
        &DATA_VOLUMES,
        &NODES,
        &INSTANCETYPES,
        &PREFERENCES,
        &STORAGE_CLASSES,
        &RESOURCE_QUOTAS,
    ];
    let streams = kinds.map(|kind| {
        let watch = match context.store.watch(kind, None, None) {
            Ok(watch) => watch.left_stream(),
            Err(error) => {
                tracing::error!(%kind, %error, "a kind cannot be watched");
                stream::empty().right_stream()
            }
        };
        // The end of one watch is the end of all: they begin again together.
        watch.map(move |event| Some(Change { kind, event })).chain(stream::once(async { None })).boxed()
    });
    stream::select_all(streams).take_while(|change| std::future::ready(change.is_some())).filter_map(std::future::ready)
}

/// Who has to look at an object that changed.
fn route(context: &VirtContext, queue: &mut Queue, change: &Change) {
    let object: &Value = &change.event.object;
    let at = At::of(object);
    if *change.kind == *MACHINES {
        queue.push(Work::Machine(at));
    } else if *change.kind == *INSTANCES {
        queue.push(Work::Machine(at.clone()));
        for migration in migration::of_instance(context, &at) {
            queue.push(Work::Migration(At::of(&migration)));
        }
        queue.push(Work::Instance(at));
    } else if *change.kind == *MIGRATIONS {
        let is_over = change.event.kind == WatchKind::Deleted || migration::is_over(object);
        if is_over {
            // Others may have waited for their turn, and an instance may have to be moved again.
            let (all, _) = context.store.list(&MIGRATIONS, None);
            let waits = |migration: &&Arc<Value>| migration::phase(migration) == "Pending";
            all.iter().filter(waits).for_each(|waiting| queue.push(Work::Migration(At::of(waiting))));
        }
        let instance = At { namespace: at.namespace.clone(), name: text(&object["spec"]["vmiName"]).to_owned() };
        queue.push(Work::Migration(at));
        queue.push(Work::Instance(instance));
    } else if *change.kind == *PODS {
        if let Some(name) = object["metadata"]["annotations"][migration::JOB_ANNOTATION].as_str() {
            queue.push(Work::Migration(At { namespace: at.namespace.clone(), name: name.to_owned() }));
        }
        if let Some(instance) = kinds::instance_behind(&context.store, object) {
            queue.push(Work::Instance(instance));
        }
        queue.push(Work::Pod(at));
        if change.event.kind == WatchKind::Deleted {
            queue.push(Work::Unscheduled);
        }
    } else if *change.kind == *NODES {
        if change.event.kind != WatchKind::Modified || spec_or_labels_changed(&change.event) {
            queue.push(Work::Unscheduled);
            // Its guests may have to leave, or may have become able to.
            let name = meta::name(object);
            let (instances, _) = context.store.list(&INSTANCES, None);
            for instance in instances.iter().filter(|instance| instance["status"]["nodeName"] == name) {
                queue.push(Work::Instance(At::of(instance)));
            }
        }
    } else if *change.kind == *RESOURCE_QUOTAS {
        // Instances whose pods were refused may have waited for room.
        let (instances, _) = context.store.list(&INSTANCES, Some(&at.namespace));
        let is_refused = |instance: &Value| {
            conditions::get(instance, "Synchronized").is_some_and(|condition| condition["reason"] == "FailedCreate")
        };
        for instance in instances.iter().filter(|instance| is_refused(instance)) {
            queue.push(Work::Instance(At::of(instance)));
        }
    } else if *change.kind == *INSTANCETYPES || *change.kind == *PREFERENCES {
        // Machines may have waited for it.
        let (machines, _) = context.store.list(&MACHINES, None);
        for machine in machines.iter().filter(|machine| conditions::is_true(machine, "Failure")) {
            queue.push(Work::Machine(At::of(machine)));
        }
    } else if *change.kind == *STORAGE_CLASSES {
        // What an instance keeps may have waited for a class.
        let (instances, _) = context.store.list(&INSTANCES, None);
        for instance in instances.iter().filter(|instance| instance["status"]["phase"] == "Pending") {
            queue.push(Work::Instance(At::of(instance)));
        }
    } else {
        // A claim or a data volume: whoever uses it may have waited for this.
        if *change.kind == *CLAIMS {
            queue.push(Work::Unscheduled);
            if let Some(instance) = backend_storage::instance_of(object) {
                queue.push(Work::Instance(At { namespace: at.namespace.clone(), name: instance.to_owned() }));
            }
        }
        let (instances, _) = context.store.list(&INSTANCES, Some(&at.namespace));
        let (machines, _) = context.store.list(&MACHINES, Some(&at.namespace));
        for instance in instances.iter().filter(|instance| volumes::uses(&instance["spec"], &at.name)) {
            queue.push(Work::Instance(At::of(instance)));
        }
        for machine in machines.iter().filter(|machine| volumes::uses(&machine["spec"]["template"]["spec"], &at.name)) {
            queue.push(Work::Machine(At::of(machine)));
        }
    }
}

fn spec_or_labels_changed(event: &WatchEvent) -> bool {
    event.previous.as_ref().is_none_or(|before| {
        before["spec"] != event.object["spec"]
            || before["metadata"]["labels"] != event.object["metadata"]["labels"]
            || before["status"]["allocatable"] != event.object["status"]["allocatable"]
    })
}

fn route_guest(context: &VirtContext, queue: &mut Queue, uid: &str) {
    if let Some(guest) = context.guests.get(uid) {
        let at = At { namespace: guest.spec.namespace.clone(), name: guest.spec.name.clone() };
        queue.push(Work::Instance(at.clone()));
        // The launcher ends with its guest.
        if let Some(pod) = at.get(&context.store, &INSTANCES).and_then(|vmi| kinds::pod_of(&context.store, &vmi)) {
            queue.push(Work::Pod(At { namespace: at.namespace, name: meta::name(&pod).to_owned() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str) -> Work {
        Work::Pod(At { namespace: "a".into(), name: name.into() })
    }

    #[test]
    fn what_waits_already_is_not_queued_twice() {
        let mut queue = Queue::default();
        for work in [pod("a"), pod("b"), pod("a")] {
            queue.push(work);
        }
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some(pod("a")), Some(pod("b")), None]);
        queue.push(pod("a"));
        assert_eq!(queue.pop(), Some(pod("a")));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_for_later_comes_when_it_is_due() {
        let mut queue = Queue::default();
        queue.push_after(Duration::from_secs(5), pod("late"));
        queue.push_after(Duration::from_secs(1), pod("early"));
        queue.wake_due();
        assert_eq!(queue.pop(), None);
        tokio::time::advance(Duration::from_secs(2)).await;
        queue.wake_due();
        assert_eq!([queue.pop(), queue.pop()], [Some(pod("early")), None]);
    }
}
