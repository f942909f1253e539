//! Moving a running instance to another node: what virt-controller does about a `VirtualMachineInstanceMigration`.
//!
//! ```text
//!   Pending ──target pod made──► Scheduling ──it runs──► Scheduled ──handed over──► PreparingTarget
//!      │ waits while others move     │ no node: Failed after 5 minutes     (virt-handler, see `handler`)
//!      │                             │                                          ▼
//!      └── taken back before it was handed over ──► Failed          TargetReady ──► Running ──► Succeeded or Failed
//! ```
//!
//! The instance's `migrationState` is what both sides work by; the migration keeps a copy of it when it is over.
//! [`evacuation`] makes migrations where a node is to be emptied, [`migratable`] says which instances can move at all.

pub(crate) mod evacuation;
mod handler;
mod migratable;
mod target;
mod terms;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::VirtContext;
use super::conditions;
use super::engine::{Queue, Work};
use super::events::Source;
use super::hotplug;
use super::instance::enter;
use super::kinds::{At, INSTANCES, MIGRATIONS, PODS, is_final, pod_of, text};
use crate::clock;
use crate::store::{DeleteOptions, meta};

pub use handler::{Moves, follow};
pub use migratable::{Mobility, method};

/// On a migration until it is over.
pub const FINALIZER: &str = "kubevirt.io/migrationJobFinalize";
/// On a migration: the instance that moves.
pub const INSTANCE_LABEL: &str = "kubevirt.io/vmi-name";
/// On a target pod: the UID of its migration.
pub const JOB_LABEL: &str = "kubevirt.io/migrationJobUID";
/// On a target pod: the name of its migration.
pub const JOB_ANNOTATION: &str = "kubevirt.io/migrationJobName";
/// On an instance: the node that it moves to, or moved to last.
const TARGET_NODE_LABEL: &str = "kubevirt.io/migrationTargetNodeName";
/// On a migration that is to be given up.
const ABORT: &str = "migrationAbortRequested";
/// On a migration whose target pod was refused.
const OVER_QUOTA: &str = "migrationRejectedByResourceQuota";
/// Migrations of one instance that are kept when they are over.
const KEPT: usize = 5;
/// How long to wait while others move.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How long a target pod may look for a node, in seconds, and the annotation that says otherwise.
const UNSCHEDULABLE: (&str, i64) = ("kubevirt.io/migrationUnschedulablePodTimeoutSeconds", 300);
/// How long it may be pending for any other reason, in seconds, and the annotation that says otherwise.
const PENDING: (&str, i64) = ("kubevirt.io/migrationPendingPodTimeoutSeconds", 900);

/// How far a migration is.
pub(crate) fn phase(migration: &Value) -> &str {
    text(&migration["status"]["phase"])
}

/// Whether a migration is over.
pub(crate) fn is_over(migration: &Value) -> bool {
    matches!(phase(migration), "Succeeded" | "Failed")
}

/// The migrations of an instance by that name.
pub(crate) fn of_instance(context: &VirtContext, at: &At) -> Vec<Arc<Value>> {
    let (mut all, _) = context.store.list(&MIGRATIONS, Some(&at.namespace));
    all.retain(|migration| migration["spec"]["vmiName"] == at.name.as_str());
    all
}

/// Whether the state of an instance is about this migration.
fn is_about(instance: &Value, migration: &Value) -> bool {
    instance["status"]["migrationState"]["migrationUid"] == meta::uid(migration)
}

/// One look: the migration as it is, and everything that it depends on.
struct Look<'a> {
    context: &'a Arc<VirtContext>,
    at: &'a At,
    migration: &'a Value,
    instance: &'a Value,
    pod: Option<&'a Value>,
}

/// Looks at a migration.
pub fn reconcile(context: &Arc<VirtContext>, queue: &mut Queue, at: &At) {
    let Some(migration) = at.get(&context.store, &MIGRATIONS) else { return };
    let instance = At { namespace: at.namespace.clone(), name: text(&migration["spec"]["vmiName"]).to_owned() };
    let Some(instance) = instance.get(&context.store, &INSTANCES) else { return remove(context, at) };
    let pod = target::of(&context.store, &migration);
    let look = Look { context, at, migration: &migration, instance: &instance, pod: pod.as_deref() };
    look.observed();
    if look.is_allowed() {
        look.sync(queue);
    }
    look.update_status();
    if is_over(&migration) {
        look.collect_garbage();
    }
}

/// Nothing is left of a migration whose instance is gone.
fn remove(context: &VirtContext, at: &At) {
    // Somebody may have been faster.
    let _ = context.store.modify(&MIGRATIONS, Some(&at.namespace), &at.name, |migration| {
        meta::remove_finalizer(migration, FINALIZER);
    });
    let _ = context.store.delete(&MIGRATIONS, Some(&at.namespace), &at.name, DeleteOptions::now());
}

impl Look<'_> {
    fn modify(&self, change: impl FnOnce(&mut Value)) {
        // Gone in between: there is nothing left to write.
        let _ = self.context.store.modify(&MIGRATIONS, Some(&self.at.namespace), &self.at.name, change);
    }

    fn modify_instance(&self, change: impl FnOnce(&mut Value)) {
        let at = At::of(self.instance);
        let _ = self.context.store.modify(&INSTANCES, Some(&at.namespace), &at.name, change);
    }

    fn normal(&self, reason: &str, message: &str) {
        self.context.recorder.normal(self.migration, Source::Controller, reason, message);
    }

    fn warning(&self, reason: &str, message: &str) {
        self.context.recorder.warning(self.migration, Source::Controller, reason, message);
    }

    fn is_taken_back(&self) -> bool {
        meta::is_terminating(self.migration)
    }

    fn observed(&self) {
        self.modify(|migration| {
            for version in ["latest", "storage"] {
                migration["metadata"]["annotations"][format!("kubevirt.io/{version}-observed-api-version")] =
                    "v1".into();
            }
        });
    }

    /// Whether no other migration of the instance is under way.
    fn is_allowed(&self) -> bool {
        let current = text(&self.instance["status"]["migrationState"]["migrationUid"]);
        let others = of_instance(self.context, &At::of(self.instance));
        current == meta::uid(self.migration)
            || !others.iter().any(|other| meta::uid(other) == current && !is_over(other))
    }

    fn is_handed_over(&self) -> bool {
        is_about(self.instance, self.migration)
    }

    fn runs(&self) -> bool {
        self.pod.is_some_and(|pod| pod["status"]["phase"] == "Running" && !meta::is_terminating(pod))
    }

    /// Does what the phase asks for.
    fn sync(&self, queue: &mut Queue) {
        let state = &self.instance["status"]["migrationState"];
        if meta::is_terminating(self.instance) || (self.is_handed_over() && state["completed"] == true) {
            return;
        }
        match (phase(self.migration), self.pod) {
            ("Pending" | "Scheduling", Some(pod)) if self.is_taken_back() => self.take_back(pod),
            ("Scheduled", Some(pod)) if self.is_taken_back() && !self.is_handed_over() => self.take_back(pod),
            ("Pending", None) if !self.is_taken_back() => self.make_pod(queue),
            ("Pending" | "Scheduling", Some(pod)) => {
                if self.runs() {
                    hotplug::attach(self.context, self.instance, pod);
                } else {
                    self.give_up_in_time(queue, pod);
                }
            }
            ("Scheduled", Some(pod)) if self.runs() && !self.is_handed_over() => self.hand_over(pod),
            ("Running", _) if self.is_taken_back() && self.is_handed_over() && state["abortRequested"] != true => {
                self.modify_instance(|instance| instance["status"]["migrationState"]["abortRequested"] = true.into());
                self.normal("SuccessfulAbortMigration", "Migration is ready to be canceled by virt-handler.");
            }
            _ => {}
        }
    }

    fn take_back(&self, pod: &Value) {
        let name = meta::name(pod);
        if self.delete(pod) {
            let message = format!("migration canceled and pod {}/{name} is deleted", meta::namespace(pod));
            self.normal("SuccessfulDelete", &message);
        }
    }

    fn delete(&self, pod: &Value) -> bool {
        let options = DeleteOptions::default();
        self.context.store.delete(&PODS, Some(meta::namespace(pod)), meta::name(pod), options).is_ok()
    }

    /// Makes the target pod, unless too many others are moving.
    fn make_pod(&self, queue: &mut Queue) {
        let wait = |queue: &mut Queue, time| queue.push_after(time, Work::Migration(self.at.clone()));
        if let Some(time) = evacuation::back_off(self.context, self.migration) {
            let at = At::of(self.instance);
            let message = format!("backoff migrating vmi {}/{}", at.namespace, at.name);
            self.context.recorder.warning(self.instance, Source::Controller, "MigrationBackoff", &message);
            return wait(queue, time);
        }
        let is_running = self.instance["status"]["phase"] == "Running";
        if !is_running || !self.is_turn() || pod_of(&self.context.store, self.instance).is_none() {
            return wait(queue, LOOK_AGAIN);
        }
        match self.context.store.create(&PODS, target::pod(&self.context.store, self.instance, self.migration)) {
            Ok(pod) => {
                let message = format!("Created migration target pod {}", meta::name(&pod));
                self.normal("SuccessfulCreate", &message);
            }
            Err(error) => {
                let message = format!("Error creating pod: {error}");
                self.context.recorder.warning(self.instance, Source::Controller, "FailedCreate", &message);
                if message.contains("exceeded quota") {
                    self.set_condition(OVER_QUOTA);
                }
                wait(queue, LOOK_AGAIN);
            }
        }
    }

    /// Whether the limits of the cluster and of the node leave room for one more.
    fn is_turn(&self) -> bool {
        let limits = terms::Limits::of(&self.context.store);
        let (all, _) = self.context.store.list(&MIGRATIONS, None);
        let is_under_way = |migration: &&Arc<Value>| {
            !is_over(migration)
                && (!matches!(phase(migration), "" | "Pending") || target::of(&self.context.store, migration).is_some())
        };
        let under_way: Vec<_> = all.iter().filter(is_under_way).collect();
        let node = &self.instance["status"]["nodeName"];
        let leaves = |migration: &&&Arc<Value>| {
            let instance = self.context.store.get(
                &INSTANCES,
                Some(meta::namespace(migration)),
                text(&migration["spec"]["vmiName"]),
            );
            instance.is_some_and(|instance| instance["status"]["nodeName"] == *node)
        };
        under_way.len() < limits.per_cluster && under_way.iter().filter(leaves).count() < limits.outbound_per_node
    }

    /// A target pod that does not come to run does not wait for ever.
    fn give_up_in_time(&self, queue: &mut Queue, pod: &Value) {
        if !matches!(text(&pod["status"]["phase"]), "" | "Pending") || meta::is_terminating(pod) {
            return;
        }
        let Some(made) = clock::parse(meta::text(pod, "creationTimestamp")) else { return };
        let waits = clock::now().duration_since(made).as_secs();
        let limit = |(annotation, default): (&str, i64)| {
            text(&self.migration["metadata"]["annotations"][annotation]).parse().unwrap_or(default)
        };
        let where_to = format!("{}/{}", meta::namespace(pod), meta::name(pod));
        let scheduled = conditions::get(pod, "PodScheduled");
        let is_unschedulable =
            scheduled.is_some_and(|condition| condition["status"] == "False" && condition["reason"] == "Unschedulable");
        if is_unschedulable {
            let message = format!(
                "Migration target pod for VMI [{}/{}] is currently unschedulable.",
                self.at.namespace,
                meta::name(self.instance)
            );
            let told = self.context.recorder.has_told(self.migration, &message);
            if !told {
                self.warning("migrationTargetPodUnschedulable", &message);
            }
        }
        let (limit, words) =
            if is_unschedulable { (limit(UNSCHEDULABLE), "unschedulable") } else { (limit(PENDING), "pending") };
        if waits >= limit {
            if self.delete(pod) {
                self.normal("SuccessfulDelete", &format!("{words} pod {where_to} timeout period exceeded"));
            }
        } else {
            let left = Duration::from_secs(u64::try_from(limit - waits).unwrap_or(0));
            queue.push_after(left, Work::Migration(self.at.clone()));
        }
    }

    /// From here on it is virt-handler's turn.
    fn hand_over(&self, pod: &Value) {
        let node = text(&pod["spec"]["nodeName"]).to_owned();
        let (configuration, policy) = terms::configuration(&self.context.store, self.instance);
        let attachment = hotplug::attachment_of(self.context, pod);
        self.modify_instance(|instance| {
            let mut state = json!({
                "migrationUid": meta::uid(self.migration),
                "migrationConfiguration": configuration,
                "sourceNode": instance["status"]["nodeName"],
                "sourcePod": self.migration["status"]["migrationState"]["sourcePod"],
                "targetNode": node,
                "targetPod": meta::name(pod),
                "targetMemoryOverhead": instance["status"]["memory"]["memoryOverhead"],
            });
            if let Some(policy) = &policy {
                state["migrationPolicyName"] = policy.as_str().into();
            }
            if let Some(attachment) = &attachment {
                state["targetAttachmentPodUID"] = meta::uid(attachment).into();
            }
            instance["status"]["migrationState"] = state;
            instance["metadata"]["labels"][TARGET_NODE_LABEL] = node.as_str().into();
        });
        self.normal("SuccessfulHandOver", "Migration target pod is ready for preparation by virt-handler.");
    }

    fn set_condition(&self, kind: &str) {
        self.modify(|migration| add_condition(migration, kind));
    }

    fn fail(&self, message: &str) {
        self.warning("FailedMigration", message);
        self.modify(|migration| enter(migration, "Failed"));
    }

    /// The status, by what there is.
    fn update_status(&self) {
        let now = phase(self.migration);
        let state = &self.instance["status"]["migrationState"];
        let is_down = |pod: &Value| matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed");
        let was_handed_over = matches!(now, "PreparingTarget" | "TargetReady" | "Running");
        let was_made = was_handed_over || matches!(now, "Scheduling" | "Scheduled");
        if is_over(self.migration) {
            self.close();
        } else if is_final(self.instance) {
            self.fail("Migration failed vmi shutdown during migration.");
        } else if self.is_taken_back() && !self.is_handed_over() {
            self.warning("FailedMigration", "Migration failed due to being canceled");
            self.modify(|migration| {
                add_condition(migration, ABORT);
                enter(migration, "Failed");
            });
        } else if self.is_handed_over() && state["failed"] == true {
            self.fail("source node reported migration failed");
        } else if self.pod.is_some_and(is_down) && state["completed"] != true {
            self.fail("Migration failed because target pod shutdown during migration");
        } else if was_made && self.pod.is_none_or(meta::is_terminating) && state["completed"] != true {
            self.fail("Migration target pod was removed during active migration.");
        } else if was_handed_over && state["migrationUid"].is_null() {
            self.fail("VMI's migration state was cleared during the active migration.");
        } else if was_handed_over && !self.is_handed_over() {
            self.fail("VMI's migration state was taken over by another migration job during active migration.");
        } else if self.is_taken_back() && conditions::get(self.migration, ABORT).is_none() {
            self.set_condition(ABORT);
        } else {
            self.advance();
        }
    }

    /// The next phase, if it is time for it.
    fn advance(&self) {
        let state = &self.instance["status"]["migrationState"];
        let next = match phase(self.migration) {
            "" if !self.is_allowed() => {
                return self.fail("VMI is not eligible for migration because another migration job is in progress.");
            }
            "" => "Pending",
            "Pending" if self.pod.is_some() => "Scheduling",
            "Scheduling" if self.runs() && self.pod.is_some_and(|pod| self.has_volumes(pod)) => "Scheduled",
            "Scheduled" if self.is_handed_over() => "PreparingTarget",
            "PreparingTarget" if state["targetNodeAddress"].is_string() => "TargetReady",
            "TargetReady" if state["startTimestamp"].is_string() => "Running",
            "Running" if state["completed"] == true => {
                self.stamp_target();
                self.normal("SuccessfulMigration", "Source node reported migration succeeded");
                "Succeeded"
            }
            _ => return,
        };
        let source = pod_of(&self.context.store, self.instance);
        self.modify(|migration| {
            if next == "Pending"
                && let Some(source) = source
            {
                migration["status"]["migrationState"]["sourcePod"] = meta::name(&source).into();
            }
            if next == "Scheduling" {
                conditions::remove(migration, OVER_QUOTA);
            }
            enter(migration, next);
        });
    }

    /// Whether volumes that were plugged in are there on the other node too.
    fn has_volumes(&self, pod: &Value) -> bool {
        hotplug::all_attached(self.context, self.instance, pod)
    }

    fn stamp_target(&self) {
        let Some(pod) = self.pod else { return };
        let at = At::of(pod);
        let ready = self.instance["status"]["migrationState"]["targetNodeDomainReadyTimestamp"].clone();
        let node = pod["spec"]["nodeName"].clone();
        let _ = self.context.store.modify(&PODS, Some(&at.namespace), &at.name, |pod| {
            pod["metadata"]["annotations"]["kubevirt.io/migration-target-ready-timestamp"] = ready;
            pod["metadata"]["labels"]["kubevirt.io/nodeName"] = node;
        });
    }

    /// It is over: what happened is kept, and nothing holds it any more.
    fn close(&self) {
        let state = self.instance["status"]["migrationState"].clone();
        let is_about = self.is_handed_over();
        self.modify(|migration| {
            if is_about {
                migration["status"]["migrationState"] = state;
            }
            meta::remove_finalizer(migration, FINALIZER);
        });
    }

    /// Only the last ones are kept.
    fn collect_garbage(&self) {
        let mut over = of_instance(self.context, &At::of(self.instance));
        over.retain(|migration| is_over(migration));
        over.sort_by_key(|migration| meta::version(migration));
        let surplus = over.len().saturating_sub(KEPT);
        for old in over.iter().take(surplus) {
            let at = At::of(old);
            let _ = self.context.store.delete(&MIGRATIONS, Some(&at.namespace), &at.name, DeleteOptions::now());
        }
    }
}

/// A condition of a migration: only its type, as KubeVirt writes them.
fn add_condition(migration: &mut Value, kind: &str) {
    if conditions::get(migration, kind).is_none() {
        conditions::set(migration, conditions::Condition::plain(kind, true));
    }
}
