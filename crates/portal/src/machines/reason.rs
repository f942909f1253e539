//! Why a machine is in a state that somebody wonders about, and the way out.

use kubevirt::meta::Conditions as _;
use kubevirt::{PrintableStatus, VirtualMachine, VirtualMachineInstance};
use model::machine::MachineState;

use super::state::conditions;
use crate::reasons::{self, Subject};

/// One or two sentences, or nothing where the state speaks for itself.
pub(super) fn reason(
    vm: Option<&VirtualMachine>,
    vmi: Option<&VirtualMachineInstance>,
    state: MachineState,
) -> Option<String> {
    match state {
        MachineState::Trouble => Some(trouble(vm, vmi)),
        MachineState::Waiting => Some(waiting(vm)),
        MachineState::Starting | MachineState::Stopped => failure(vm),
        MachineState::Paused => {
            conditions(vm, vmi).condition("Paused").and_then(|paused| reasons::paused(paused.reason.as_deref()?))
        }
        MachineState::Running => not_ready(vmi),
        _ => None,
    }
}

fn trouble(vm: Option<&VirtualMachine>, vmi: Option<&VirtualMachineInstance>) -> String {
    let printed = vm.and_then(|vm| vm.status.printable_status.as_ref());
    let conditions = conditions(vm, vmi);
    let words = |kind: &str| {
        let condition = conditions.condition(kind).filter(|condition| condition.status == "False")?;
        Some((condition.reason.as_deref().unwrap_or_default(), condition.message.as_deref().unwrap_or_default()))
    };
    if printed == Some(&PrintableStatus::CrashLoopBackOff) {
        let times =
            vm.and_then(|vm| vm.status.start_failure.as_ref()).map_or(0, |failure| failure.consecutive_fail_count);
        return reasons::crash_loop("The machine", None, times);
    }
    if let Some((reason, message)) = words("Synchronized").filter(|(_, message)| !message.is_empty()) {
        return reasons::not_synchronized(reason, message);
    }
    if let Some((_, message)) = words("PodScheduled").filter(|(_, message)| !message.is_empty()) {
        return reasons::unschedulable(Subject::Machine, message);
    }
    if let Some(failure) = failure(vm) {
        return failure;
    }
    match printed {
        Some(PrintableStatus::ErrImagePull | PrintableStatus::ImagePullBackOff) => reasons::image_pull(None, None),
        Some(PrintableStatus::DataVolumeError) => {
            "One of its disks could not be filled. The events of its data volume say why.".to_owned()
        }
        Some(PrintableStatus::ErrorUnschedulable) => "No node takes this machine.".to_owned(),
        Some(PrintableStatus::ErrorPvcNotFound) => "One of its disk claims does not exist.".to_owned(),
        Some(other) => format!("KubeVirt reports {other}."),
        None => "It failed to start. The events say why.".to_owned(),
    }
}

fn waiting(vm: Option<&VirtualMachine>) -> String {
    match vm.and_then(|vm| vm.status.printable_status.as_ref()) {
        Some(PrintableStatus::WaitingForReceiver) => {
            "It waits for a machine that moves here from elsewhere.".to_owned()
        }
        _ => {
            "It waits for the volume of one of its disks. If that takes long, look at the claim and its storage class."
                .to_owned()
        }
    }
}

/// Condition `Failure`: what the controller could not do, also while the machine is off.
fn failure(vm: Option<&VirtualMachine>) -> Option<String> {
    let failure = vm?.status.conditions.condition("Failure").filter(|failure| failure.status == "True")?;
    let message = failure.message.as_deref().filter(|message| !message.is_empty())?;
    Some(reasons::not_synchronized(failure.reason.as_deref().unwrap_or_default(), message))
}

/// A machine on a node that died stays `Running`; only its readiness tells.
fn not_ready(vmi: Option<&VirtualMachineInstance>) -> Option<String> {
    let ready = vmi?.status.conditions.condition("Ready").filter(|ready| ready.status == "False")?;
    let message = ready.message.as_deref().filter(|message| !message.is_empty())?;
    Some(format!("The cluster reports it as not ready: {}", reasons::sentence(message)))
}

#[cfg(test)]
mod tests {
    use super::super::state::state;
    use super::*;
    use serde_json::{Value, json};

    fn of(status: &Value) -> Option<String> {
        let vm: VirtualMachine = serde_json::from_value(json!({ "status": status })).unwrap();
        reason(Some(&vm), None, state(Some(&vm), None))
    }

    #[test]
    fn a_machine_that_no_node_takes_says_so_in_plain_words() {
        let text = of(&json!({"printableStatus": "ErrorUnschedulable", "conditions": [
            {"type": "Ready", "status": "False", "reason": "GuestNotRunning", "message": "Guest VM is not reported as running"},
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
             "message": "0/2 nodes are available: 2 Insufficient memory. no new claims to deallocate, preemption: none"}]}));
        assert_eq!(
            text.as_deref(),
            Some(
                "No node takes this machine. Of 2 nodes: 2 with too little free memory. Ask for less memory, or switch \
                 something else off."
            )
        );
    }

    #[test]
    fn a_missing_claim_wins_over_the_scheduling_that_it_prevents() {
        let message = "PVC rec/missing does not exist, waiting for it to appear";
        let text = of(&json!({"printableStatus": "ErrorPvcNotFound", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message},
            {"type": "Synchronized", "status": "False", "reason": "FailedPvcNotFound", "message": message}]}));
        assert!(text.unwrap().starts_with("The disk claim missing does not exist."));
    }

    #[test]
    fn a_stopped_machine_with_an_unknown_instance_type_says_why_it_will_not_start() {
        let text = of(&json!({"printableStatus": "Stopped", "conditions": [
            {"type": "Failure", "status": "True", "reason": "FailedFindInstancetype",
             "message": "virtualmachineclusterinstancetypes.instancetype.kubevirt.io \"no-such-type\" not found"}]}));
        assert_eq!(text.as_deref(), Some("The instance type no-such-type does not exist. Choose another one."));
    }

    #[test]
    fn crashes_are_counted_and_good_states_need_no_words() {
        let text = of(&json!({"printableStatus": "CrashLoopBackOff", "startFailure": {"consecutiveFailCount": 3}}));
        assert!(text.unwrap().contains("3 times so far"));
        assert_eq!(of(&json!({"printableStatus": "Running"})), None);
        assert_eq!(of(&json!({"printableStatus": "Stopped"})), None);
        assert_eq!(of(&json!({"printableStatus": "DataVolumeError"})).map(|text| text.is_empty()), Some(false));
    }
}
