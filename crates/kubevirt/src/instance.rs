//! `VirtualMachineInstance`: a machine that is switched on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::InstanceSpec;
use crate::meta::{Condition, ObjectMeta};

/// A machine that is switched on. It has the same name as its VirtualMachine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualMachineInstance {
    /// Name and owner.
    pub metadata: ObjectMeta,
    /// What was asked for when it was switched on.
    pub spec: InstanceSpec,
    /// What is.
    pub status: InstanceStatus,
}

/// `status` of a VirtualMachineInstance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceStatus {
    /// How far it is.
    pub phase: Phase,
    /// When it got there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phase_transition_timestamps: Vec<PhaseTransition>,
    /// The node that it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// UID of each live launcher pod, with its node; two while it migrates.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub active_pods: BTreeMap<String, String>,
    /// Interfaces with the addresses that are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<InterfaceStatus>,
    /// The guest's operating system as its agent reports it.
    #[serde(rename = "guestOSInfo")]
    pub guest_os_info: GuestOsInfo,
    /// Machine type in full, such as `pc-q35-7.2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<crate::domain::MachineType>,
    /// Conditions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The latest migration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_state: Option<MigrationState>,
    /// How each volume is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_status: Vec<VolumeStatus>,
    /// A word about the phase, if something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl InstanceStatus {
    /// When the current phase began, as RFC 3339.
    pub fn phase_since(&self) -> Option<&str> {
        let mut newest_first = self.phase_transition_timestamps.iter().rev();
        newest_first.find(|at| at.phase == self.phase).map(|at| at.phase_transition_timestamp.as_str())
    }
}

/// How far an instance is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Nothing is known yet.
    #[default]
    #[serde(rename = "")]
    Unset,
    /// Its pod does not exist yet.
    Pending,
    /// Its pod looks for a node or starts.
    Scheduling,
    /// Its pod runs, the guest does not yet.
    Scheduled,
    /// The guest runs or is paused.
    Running,
    /// The guest ended by itself or was asked to.
    Succeeded,
    /// The guest ended in a bad way.
    Failed,
    /// Waits for the other side of a migration between clusters.
    WaitingForSync,
    /// The node does not answer, or the word is of another version.
    #[serde(other)]
    Unknown,
}

impl Phase {
    /// Whether the instance came to its end.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// When an instance came to a phase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PhaseTransition {
    /// Which phase.
    pub phase: Phase,
    /// RFC 3339.
    pub phase_transition_timestamp: String,
}

/// One volume as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeStatus {
    /// Name in the specification.
    pub name: String,
    /// How far an attachment is: `Pending`, `Bound`, `AttachedToNode`, `MountedToPod`, `Ready`, and back again.
    pub phase: String,
    /// A word about the phase.
    pub reason: String,
    /// A sentence about the phase.
    pub message: String,
    /// Set if it was attached while the guest runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hotplug_volume: Option<HotplugVolume>,
}

/// `hotplugVolume` of a volume's status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HotplugVolume {
    /// The pod that brings the volume to the node; empty while there is none.
    pub attach_pod_name: String,
}

/// One interface as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InterfaceStatus {
    /// Name in the specification; absent for one that only the guest knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Hardware address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// The first address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// All addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ip_addresses: Vec<String>,
    /// Name inside the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface_name: Option<String>,
    /// Where the facts come from, such as `domain, guest-agent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info_source: Option<String>,
}

/// The guest's operating system; all absent without an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GuestOsInfo {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name with version, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pretty_name: Option<String>,
    /// Version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_release: Option<String>,
}

/// The latest migration of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MigrationState {
    /// UID of the `VirtualMachineInstanceMigration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_uid: Option<String>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_node: Option<String>,
    /// To where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_node: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_timestamp: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_timestamp: Option<String>,
    /// Whether it came to an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed: Option<bool>,
    /// Whether that end was a bad one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<bool>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// The `MigrationPolicy` that its terms come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_policy_name: Option<String>,
    /// Its terms, as of the `KubeVirt` object and that policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_configuration: Option<Value>,
    /// `PreCopy`, `PostCopy` or `Paused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

impl MigrationState {
    /// Whether the instance is moving now.
    pub fn is_under_way(&self) -> bool {
        self.start_timestamp.is_some() && self.end_timestamp.is_none() && self.completed != Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::Conditions;
    use serde_json::json;

    #[test]
    fn a_running_instance_is_read() {
        let instance: VirtualMachineInstance = serde_json::from_value(json!({
            "metadata": {"name": "life", "namespace": "rec", "uid": "u",
                "ownerReferences": [{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": "life", "uid": "v", "controller": true}]},
            "status": {
                "phase": "Running", "nodeName": "node2", "activePods": {"p": "node2"}, "guestOSInfo": {},
                "phaseTransitionTimestamps": [
                    {"phase": "Pending", "phaseTransitionTimestamp": "2026-11-23T08:54:53Z"},
                    {"phase": "Running", "phaseTransitionTimestamp": "2026-11-23T08:54:55Z"}],
                "interfaces": [{"name": "default", "ipAddress": "10.244.2.9", "mac": "52:54:00:81:a9:e0", "queueCount": 1}],
                "conditions": [{"type": "Ready", "status": "True", "lastProbeTime": null, "lastTransitionTime": null}],
                "machine": {"type": "pc-q35-rhel9.6.0"}
            }
        }))
        .unwrap();
        assert_eq!(instance.metadata.controller().unwrap().kind, "VirtualMachine");
        assert_eq!(instance.status.phase_since(), Some("2026-11-23T08:54:55Z"));
        assert!(instance.status.conditions.is_true("Ready") && !instance.status.conditions.is_true("Paused"));
        assert_eq!(instance.status.interfaces[0].ip_address.as_deref(), Some("10.244.2.9"));
    }

    #[test]
    fn a_phase_of_the_future_is_unknown_and_an_absent_one_is_unset() {
        let status: InstanceStatus = serde_json::from_value(json!({"phase": "Dreaming"})).unwrap();
        assert_eq!(status.phase, Phase::Unknown);
        let status: InstanceStatus = serde_json::from_value(json!({})).unwrap();
        assert_eq!(status.phase, Phase::Unset);
    }

    #[test]
    fn a_migration_is_under_way_between_its_start_and_its_end() {
        let state = |value| serde_json::from_value::<MigrationState>(value).unwrap().is_under_way();
        assert!(!state(json!({"migrationUid": "m"})));
        assert!(state(json!({"startTimestamp": "2026-11-23T08:54:53Z"})));
        assert!(!state(json!({"startTimestamp": "2026-11-23T08:54:53Z", "endTimestamp": "2026-11-23T08:54:59Z"})));
    }
}
