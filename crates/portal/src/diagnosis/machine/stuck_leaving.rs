//! The machine was deleted or switched off long ago and is still there.

use model::machine::MachineState;

use super::super::machine_case::MachineCase;
use super::super::shared::finalizers;
use super::super::told::{Draft, Told};
use crate::clock::parse;

/// How long everything around the guest's own shutdown may take.
const ROOM: i64 = 90;
/// KubeVirt's own, where the machine names none.
const GRACE: i64 = 180;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let spec = case.spec()?;
    let grace = spec.termination_grace_period_seconds.unwrap_or(GRACE).clamp(0, 7200) + ROOM;
    let instance = case.vmi.as_deref().map(|vmi| &vmi.metadata);
    let leaving = |text: Option<&String>| text.map(String::as_str).and_then(parse);
    match case.state {
        MachineState::Stopping => {
            let since = leaving(instance.and_then(|instance| instance.deletion_timestamp.as_ref()))?;
            (case.facts.now - since >= grace).then(|| {
                Draft::warning(
                    Told::state(case.source(), Some(since), "It was asked to shut down and has not."),
                    "It was asked to shut down and takes longer than it may",
                    "Look at its screen: the guest may ask something. If its node is down, it goes when the node is back.",
                )
            })
        }
        MachineState::Terminating => {
            let machine = case.vm.as_deref().map(|vm| &vm.metadata).or(instance)?;
            let since = leaving(machine.deletion_timestamp.as_ref())?;
            (case.facts.now - since >= grace).then(|| {
                let explained = finalizers::explain("machine", machine);
                Draft::warning(Told::state(case.source(), Some(since), explained.1), explained.0.title, explained.0.fix)
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{ago, by, machine, rules};
    use serde_json::{Value, json};

    fn deleted(seconds: i64) -> Value {
        json!({"vm": {"metadata": {"deletionTimestamp": ago(seconds), "finalizers": ["kubevirt.io/virtualMachineControllerFinalize"]},
            "status": {"printableStatus": "Terminating"}}})
    }

    #[test]
    fn a_machine_that_does_not_go_names_what_holds_it() {
        let finding = by("stuck-leaving", &machine(&deleted(3600)));
        assert!(finding.why.contains("virtualMachineControllerFinalize") && finding.fix.contains("KubeVirt"));
        assert!(rules(&machine(&deleted(30))).is_empty(), "it takes its time");
    }

    #[test]
    fn a_guest_that_does_not_shut_down_is_told_after_its_grace() {
        let stopping = |seconds: i64| {
            machine(&json!({"vm": {"status": {"printableStatus": "Stopping"}}, "vmi": {
                "metadata": {"deletionTimestamp": ago(seconds)}, "spec": {"terminationGracePeriodSeconds": 20}}}))
        };
        assert!(by("stuck-leaving", &stopping(200)).fix.contains("screen"));
        assert!(rules(&stopping(60)).is_empty());
    }
}
