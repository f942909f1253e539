//! `VirtualMachine`: what a person made, switched on or not.

use serde::{Deserialize, Serialize};

use crate::domain::InstanceSpec;
use crate::meta::{Condition, ObjectMeta};
use crate::status::PrintableStatus;

/// A machine, switched on or not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualMachine {
    /// Name, labels, lifetime.
    pub metadata: ObjectMeta,
    /// What was asked for.
    pub spec: MachineSpec,
    /// What is.
    pub status: MachineStatus,
}

/// `spec` of a VirtualMachine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MachineSpec {
    /// The old switch; either this or `run_strategy` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,
    /// `Always`, `Halted`, `Manual`, `RerunOnFailure` or `Once`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_strategy: Option<String>,
    /// What its instances are made from.
    pub template: Template,
    /// Reference to a ready-made size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instancetype: Option<Matcher>,
    /// Reference to ready-made device choices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preference: Option<Matcher>,
}

impl MachineSpec {
    /// The run strategy, also where the old switch is used instead.
    pub fn effective_run_strategy(&self) -> Option<&str> {
        let switch = |on| if on { "Always" } else { "Halted" };
        self.run_strategy.as_deref().or_else(|| self.running.map(switch))
    }
}

/// `spec.template` of a VirtualMachine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Template {
    /// Labels and annotations that instances get.
    pub metadata: ObjectMeta,
    /// What instances are.
    pub spec: InstanceSpec,
}

/// A reference to an instance type or a preference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Matcher {
    /// Name.
    pub name: String,
    /// Kind; the cluster-wide one if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// `status` of a VirtualMachine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MachineStatus {
    /// The word that `kubectl get vm` prints; absent before KubeVirt 0.42.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub printable_status: Option<PrintableStatus>,
    /// Whether an instance exists; absent means no.
    pub created: bool,
    /// Whether the instance is ready; absent means no.
    pub ready: bool,
    /// The run strategy that the controller acts on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_strategy: Option<String>,
    /// Conditions, those of the instance among them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Starts and stops that are still to happen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub state_change_requests: Vec<StateChangeRequest>,
    /// Failed starts in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_failure: Option<StartFailure>,
}

/// A start or stop that is still to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StateChangeRequest {
    /// `Start` or `Stop`.
    pub action: String,
    /// For a stop: the instance that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// Failed starts in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StartFailure {
    /// How many.
    pub consecutive_fail_count: u32,
    /// The instance that failed last.
    #[serde(rename = "lastFailedVMIUID", skip_serializing_if = "Option::is_none")]
    pub last_failed_vmi_uid: Option<String>,
    /// RFC 3339: no try before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_timestamp: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::Conditions;
    use serde_json::json;

    #[test]
    fn a_stopped_machine_is_read() {
        let machine: VirtualMachine = serde_json::from_value(json!({
            "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine",
            "metadata": {"name": "life", "namespace": "rec", "labels": {"app": "life"}, "generation": 1},
            "spec": {"runStrategy": "Halted", "template": {"metadata": {"labels": {"kubevirt.io/vm": "life"}},
                "spec": {"domain": {"resources": {"requests": {"memory": "128Mi"}}, "devices": {}}}}},
            "status": {"printableStatus": "Stopped",
                "conditions": [{"type": "Ready", "status": "False", "reason": "VMINotExists", "message": "VMI does not exist"}],
                "volumeSnapshotStatuses": []}
        }))
        .unwrap();
        assert_eq!(machine.status.printable_status, Some(PrintableStatus::Stopped));
        assert!(!machine.status.created && !machine.status.ready);
        assert!(machine.status.conditions.is_false("Ready"));
        assert_eq!(machine.spec.template.spec.domain.memory_bytes(), Some(128 << 20));
    }

    #[test]
    fn the_old_switch_counts_as_a_run_strategy() {
        let strategy =
            |value| serde_json::from_value::<MachineSpec>(value).unwrap().effective_run_strategy().map(str::to_owned);
        assert_eq!(strategy(json!({"running": true})).as_deref(), Some("Always"));
        assert_eq!(strategy(json!({"running": false})).as_deref(), Some("Halted"));
        assert_eq!(strategy(json!({"runStrategy": "Manual"})).as_deref(), Some("Manual"));
        assert_eq!(strategy(json!({})), None);
    }
}
