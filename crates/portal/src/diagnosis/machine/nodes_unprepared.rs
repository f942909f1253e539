//! No node has the labels that KubeVirt sets where it is at work, and the machine asks for no others.

use super::super::machine_case::MachineCase;
use super::super::told::{Draft, Told};

/// virt-handler labels its node within a minute after it starts.
const NORMAL: i64 = 60;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told = no_label_fits(case)?;
    if super::cpu_model::named_model(case).is_some() {
        return None;
    }
    Some(
        Draft::error(
            told,
            "No node is ready to run machines",
            "An administrator has to look at virt-handler on the nodes: while it reports, a node has the label \
             kubevirt.io/schedulable=true.",
        )
        .normal_for(NORMAL)
        .for_administrators(),
    )
}

/// What the scheduler said, where every node lacks labels that the machine does not ask for by itself.
pub(super) fn no_label_fits(case: &MachineCase) -> Option<Told> {
    let told = case
        .gives(&["Unschedulable", "FailedScheduling"])
        .filter(|told| told.says(&["didn't match pod's node affinity/selector", "didn't match node selector"]))?;
    let spec = case.spec()?;
    let is_all = told.words.split_once(" nodes are available: ").is_some_and(|(counts, rest)| {
        let total = counts.rsplit('/').next().unwrap_or_default();
        rest.starts_with(&format!("{total} node(s) didn't match"))
    });
    (is_all && spec.node_selector.is_empty() && spec.affinity.is_none()).then_some(told)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{machine, rules, stuck};
    use serde_json::json;

    fn stuck_on(message: &str, spec: &serde_json::Value) -> serde_json::Value {
        let mut case = stuck("ErrorUnschedulable", "PodScheduled", "Unschedulable", message);
        case["vm"]["spec"]["template"]["spec"] = spec.clone();
        case
    }

    #[test]
    fn a_cluster_without_a_ready_node_is_told_from_a_machine_that_is_choosy() {
        for (message, spec, rule) in [
            ("0/1 nodes are available: 1 node(s) didn't match node selector.", json!({}), "nodes-unprepared"),
            (
                "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes are available.",
                json!({}),
                "nodes-unprepared",
            ),
            (
                "0/2 nodes are available: 1 Insufficient memory, 1 node(s) didn't match Pod's node affinity/selector.",
                json!({}),
                "unschedulable",
            ),
            (
                "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
                json!({"affinity": {"nodeAffinity": {}}}),
                "unschedulable",
            ),
        ] {
            assert_eq!(rules(&machine(&stuck_on(message, &spec))), [rule], "{message}");
        }
    }
}
