//! The machine asks for a CPU model that no node has.

use super::super::machine_case::MachineCase;
use super::super::told::Draft;

/// KubeVirt labels a node a moment after it joined.
const NORMAL: i64 = 60;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = super::nodes_unprepared::no_label_fits(case)?;
    let model = named_model(case)?;
    Some(
        Draft::error(
            told,
            format!("No node has the CPU model {model} that it asks for"),
            "Choose another model; without one KubeVirt takes that of the node. What a node has stands in its labels \
             cpu-model.node.kubevirt.io/….",
        )
        .normal_for(NORMAL),
    )
}

/// The CPU model that it asks for by name; every node has one of its own to give.
pub(super) fn named_model(case: &MachineCase) -> Option<&str> {
    let model = case.spec()?.domain.cpu.as_ref()?.model.as_deref()?;
    (!matches!(model, "host-model" | "host-passthrough")).then_some(model)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, rules, stuck};
    use serde_json::{Value, json};

    fn asking(cpu: &Value, selector: &Value) -> Value {
        let message = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are \
                       available: 2 Preemption is not helpful for scheduling.";
        let mut case = stuck("ErrorUnschedulable", "PodScheduled", "Unschedulable", message);
        case["vm"]["spec"]["template"]["spec"] = json!({"domain": {"cpu": cpu}, "nodeSelector": selector});
        case
    }

    #[test]
    fn a_model_that_no_node_has_is_named() {
        let found = machine(&asking(&json!({"model": "EPYC-Genoa"}), &json!({})));
        assert_eq!(rules(&found), ["cpu-model"]);
        assert!(by("cpu-model", &found).title.contains("EPYC-Genoa"));
        let found = machine(&asking(&json!({"model": "host-model"}), &json!({})));
        assert_eq!(rules(&found), ["nodes-unprepared"], "every node has a model of its own");
    }

    #[test]
    fn whoever_asks_for_labels_too_may_lack_those() {
        let found = machine(&asking(&json!({"model": "EPYC-Genoa"}), &json!({"zone": "a"})));
        assert_eq!(rules(&found), ["unschedulable"]);
    }
}
