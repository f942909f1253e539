//! What a machine is doing, and since when.
//!
//! KubeVirt folds it into one word, `printableStatus`. Before 0.42 that word is absent; the same decisions are
//! then made here, in the same order as in KubeVirt's `setPrintableStatus`.

use kubevirt::instance::{MigrationState, Phase};
use kubevirt::meta::{Condition, Conditions as _};
use kubevirt::{PrintableStatus, VirtualMachine, VirtualMachineInstance};
use model::machine::MachineState;

use crate::clock::parse;

/// What it is doing.
pub(crate) fn state(vm: Option<&VirtualMachine>, vmi: Option<&VirtualMachineInstance>) -> MachineState {
    let Some(status) = vm.and_then(|vm| vm.status.printable_status.as_ref()) else { return derived(vm, vmi) };
    match status {
        PrintableStatus::Running => MachineState::Running,
        // A quota or an admission webhook can hold a machine here for ever.
        PrintableStatus::Starting if is_stuck(conditions(vm, vmi)) => MachineState::Trouble,
        PrintableStatus::Starting => MachineState::Starting,
        PrintableStatus::Paused => MachineState::Paused,
        PrintableStatus::Migrating => MachineState::Migrating,
        PrintableStatus::Stopping => MachineState::Stopping,
        PrintableStatus::Stopped => MachineState::Stopped,
        PrintableStatus::Provisioning => MachineState::Provisioning,
        PrintableStatus::Terminating => MachineState::Terminating,
        PrintableStatus::WaitingForVolumeBinding | PrintableStatus::WaitingForReceiver => MachineState::Waiting,
        PrintableStatus::CrashLoopBackOff
        | PrintableStatus::ErrorUnschedulable
        | PrintableStatus::ErrImagePull
        | PrintableStatus::ImagePullBackOff
        | PrintableStatus::ErrorPvcNotFound
        | PrintableStatus::DataVolumeError => MachineState::Trouble,
        PrintableStatus::Other(word) if word.starts_with("Err") => MachineState::Trouble,
        PrintableStatus::Unknown | PrintableStatus::Other(_) => MachineState::Unknown,
    }
}

/// The instance's conditions; the machine's own copy of them where there is no instance.
pub(crate) fn conditions<'a>(
    vm: Option<&'a VirtualMachine>,
    vmi: Option<&'a VirtualMachineInstance>,
) -> &'a [Condition] {
    let of_instance = vmi.map(|vmi| vmi.status.conditions.as_slice()).filter(|conditions| !conditions.is_empty());
    of_instance.or_else(|| vm.map(|vm| vm.status.conditions.as_slice())).unwrap_or_default()
}

fn is_stuck(conditions: &[Condition]) -> bool {
    conditions.is_false("Synchronized")
}

fn derived(vm: Option<&VirtualMachine>, vmi: Option<&VirtualMachineInstance>) -> MachineState {
    if vm.is_some_and(|vm| vm.metadata.is_being_deleted()) {
        return MachineState::Terminating;
    }
    let Some(instance) = vmi else { return without_instance(vm) };
    if instance.metadata.is_being_deleted() {
        return if vm.is_some() { MachineState::Stopping } else { MachineState::Terminating };
    }
    let conditions = conditions(vm, vmi);
    let is_moving = instance.status.migration_state.as_ref().is_some_and(MigrationState::is_under_way);
    match instance.status.phase {
        phase if is_moving && !phase.is_final() => MachineState::Migrating,
        Phase::Running if conditions.is_true("Paused") => MachineState::Paused,
        Phase::Running => MachineState::Running,
        _ if is_stuck(conditions) || conditions.is_false("PodScheduled") => MachineState::Trouble,
        Phase::Unset | Phase::Pending | Phase::Scheduling | Phase::Scheduled => MachineState::Starting,
        Phase::WaitingForSync => MachineState::Waiting,
        Phase::Failed if vm.is_some_and(|vm| vm.status.start_failure.is_some()) => MachineState::Trouble,
        Phase::Succeeded | Phase::Failed => MachineState::Stopped,
        Phase::Unknown => MachineState::Unknown,
    }
}

fn without_instance(vm: Option<&VirtualMachine>) -> MachineState {
    let Some(vm) = vm else { return MachineState::Unknown };
    let asked = |action: &str| vm.status.state_change_requests.iter().any(|request| request.action == action);
    // `created` without an instance: it exists, but the portal cannot see it.
    match (vm.status.created, vm.status.ready) {
        (true, true) => MachineState::Running,
        (true, false) => MachineState::Starting,
        (false, _) if vm.status.start_failure.is_some() => MachineState::Trouble,
        (false, _) if asked("Start") || vm.spec.effective_run_strategy() == Some("Always") => MachineState::Starting,
        (false, _) => MachineState::Stopped,
    }
}

/// Since when, in seconds since 1970.
pub(super) fn since(
    vm: Option<&VirtualMachine>,
    vmi: Option<&VirtualMachineInstance>,
    state: MachineState,
) -> Option<i64> {
    let time = |text: Option<&str>| text.and_then(parse);
    let conditions = conditions(vm, vmi);
    let condition = |kind: &str| time(conditions.condition(kind).and_then(|c| c.last_transition_time.as_deref()));
    let phase = || time(vmi.and_then(|vmi| vmi.status.phase_since()));
    let made = || {
        let metadata = vmi.map(|vmi| &vmi.metadata).or_else(|| vm.map(|vm| &vm.metadata));
        time(metadata.and_then(|metadata| metadata.creation_timestamp.as_deref()))
    };
    match state {
        MachineState::Terminating => time(vm.and_then(|vm| vm.metadata.deletion_timestamp.as_deref()))
            .or_else(|| time(vmi.and_then(|vmi| vmi.metadata.deletion_timestamp.as_deref()))),
        MachineState::Stopping => time(vmi.and_then(|vmi| vmi.metadata.deletion_timestamp.as_deref())).or_else(phase),
        MachineState::Migrating => {
            let migration = vmi.and_then(|vmi| vmi.status.migration_state.as_ref());
            time(migration.and_then(|migration| migration.start_timestamp.as_deref())).or_else(phase)
        }
        MachineState::Paused => condition("Paused").or_else(phase),
        MachineState::Running => phase().or_else(|| condition("Ready")).or_else(made),
        MachineState::Stopped => {
            let off = vm.and_then(|vm| vm.status.conditions.condition("Ready").filter(|ready| ready.status == "False"));
            time(off.and_then(|ready| ready.last_transition_time.as_deref())).or_else(made)
        }
        MachineState::Trouble => condition("Synchronized")
            .or_else(|| condition("PodScheduled"))
            .or_else(|| condition("Failure"))
            .or_else(phase)
            .or_else(made),
        MachineState::Starting | MachineState::Provisioning | MachineState::Waiting | MachineState::Unknown => {
            phase().or_else(made)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn vm(value: Value) -> VirtualMachine {
        serde_json::from_value(value).unwrap()
    }

    fn vmi(value: Value) -> VirtualMachineInstance {
        serde_json::from_value(value).unwrap()
    }

    fn printed(word: &str) -> MachineState {
        state(Some(&vm(json!({"status": {"printableStatus": word}}))), None)
    }

    #[test]
    fn every_word_of_kubevirt_is_folded() {
        for (word, expected) in [
            ("Running", MachineState::Running),
            ("Starting", MachineState::Starting),
            ("WaitingForVolumeBinding", MachineState::Waiting),
            ("ErrorUnschedulable", MachineState::Trouble),
            ("FailedUnschedulable", MachineState::Trouble),
            ("ErrorDataVolumeNotFound", MachineState::Trouble),
            ("CrashLoopBackOff", MachineState::Trouble),
            ("Terminating", MachineState::Terminating),
            ("Hibernating", MachineState::Unknown),
        ] {
            assert_eq!(printed(word), expected, "{word}");
        }
    }

    #[test]
    fn a_start_that_a_quota_holds_up_is_trouble() {
        let vm = vm(json!({"status": {"printableStatus": "Starting", "conditions": [
            {"type": "Synchronized", "status": "False", "reason": "FailedCreate", "message": "exceeded quota: x"}]}}));
        assert_eq!(state(Some(&vm), None), MachineState::Trouble);
    }

    #[test]
    fn old_clusters_without_the_word_are_understood() {
        let always = vm(json!({"spec": {"running": true}, "status": {"created": true}}));
        let off = vm(json!({"spec": {"running": false}}));
        let cases = [
            (&off, None, MachineState::Stopped),
            (&always, Some(json!({"status": {"phase": "Scheduling"}})), MachineState::Starting),
            (&always, Some(json!({"status": {"phase": "Running"}})), MachineState::Running),
            (
                &always,
                Some(json!({"status": {"phase": "Running", "conditions": [{"type": "Paused", "status": "True"}]}})),
                MachineState::Paused,
            ),
            (
                &always,
                Some(
                    json!({"status": {"phase": "Running", "migrationState": {"startTimestamp": "2026-01-01T00:00:00Z"}}}),
                ),
                MachineState::Migrating,
            ),
            (
                &always,
                Some(
                    json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Running"}}),
                ),
                MachineState::Stopping,
            ),
            (
                &always,
                Some(json!({"status": {"phase": "Scheduling", "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}})),
                MachineState::Trouble,
            ),
            (&off, Some(json!({"status": {"phase": "Succeeded"}})), MachineState::Stopped),
        ];
        for (vm, instance, expected) in cases {
            let instance = instance.map(vmi);
            assert_eq!(state(Some(vm), instance.as_ref()), expected, "{instance:?}");
        }
        let gone = VirtualMachine { metadata: vm_deleted(), ..off };
        assert_eq!(state(Some(&gone), None), MachineState::Terminating);
    }

    fn vm_deleted() -> kubevirt::meta::ObjectMeta {
        serde_json::from_value(json!({"deletionTimestamp": "2026-01-01T00:00:00Z"})).unwrap()
    }

    #[test]
    fn since_is_when_the_state_began() {
        let running = vmi(json!({"status": {"phase": "Running", "phaseTransitionTimestamps": [
            {"phase": "Scheduled", "phaseTransitionTimestamp": "2026-01-01T00:00:00Z"},
            {"phase": "Running", "phaseTransitionTimestamp": "2026-01-01T00:00:07Z"}]}}));
        assert_eq!(since(None, Some(&running), MachineState::Running), parse("2026-01-01T00:00:07Z"));
        let stopped = vm(json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}, "status": {"conditions": [
            {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-02T00:00:00Z"}]}}));
        assert_eq!(since(Some(&stopped), None, MachineState::Stopped), parse("2026-01-02T00:00:00Z"));
        assert_eq!(since(None, None, MachineState::Unknown), None);
    }
}
