//! How the `KubeVirt` object configures the cluster.

use serde_json::Value;

use super::kinds::KUBEVIRTS;
use crate::store::Store;

/// The class of the claims that keep TPMs and the firmware's variables, where one was chosen.
pub fn state_class(store: &Store) -> Option<String> {
    let kubevirt = store.get(&KUBEVIRTS, Some("kubevirt"), "kubevirt")?;
    let class = kubevirt["spec"]["configuration"]["vmStateStorageClass"].as_str()?;
    (!class.is_empty()).then(|| class.to_owned())
}

/// A feature that the `KubeVirt` object switches on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// `addvolume` and `removevolume` as requests in a machine's status.
    HotplugVolumes,
    /// Volumes come and go as the machine's specification says, and drives may be empty. On unless it is disabled.
    DeclarativeHotplugVolumes,
    /// Files of the host as disks.
    HostDisk,
    /// Moves of instances with a graphics processor.
    VgpuLiveMigration,
    /// Snapshots, restores and clones of machines. On unless it is disabled.
    Snapshot,
}

impl Gate {
    const fn name(self) -> &'static str {
        match self {
            Self::HotplugVolumes => "HotplugVolumes",
            Self::DeclarativeHotplugVolumes => "DeclarativeHotplugVolumes",
            Self::HostDisk => "HostDisk",
            Self::VgpuLiveMigration => "VGPULiveMigration",
            Self::Snapshot => "Snapshot",
        }
    }

    /// Whether it is open.
    pub fn is_open(self, store: &Store) -> bool {
        let kubevirt = store.get(&KUBEVIRTS, Some("kubevirt"), "kubevirt");
        kubevirt.as_deref().map_or_else(|| self.is_open_by_default(), |kubevirt| self.is_open_in(kubevirt))
    }

    fn is_open_in(self, kubevirt: &Value) -> bool {
        let developer = &kubevirt["spec"]["configuration"]["developerConfiguration"];
        let has =
            |list: &str| developer[list].as_array().is_some_and(|gates| gates.iter().any(|gate| gate == self.name()));
        has("featureGates") || (self.is_open_by_default() && !has("disabledFeatureGates"))
    }

    const fn is_open_by_default(self) -> bool {
        matches!(self, Self::DeclarativeHotplugVolumes | Self::Snapshot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_gate_is_open_if_it_is_listed_or_by_its_nature() {
        let with = |developer: Value| json!({"spec": {"configuration": {"developerConfiguration": developer}}});
        assert!(!Gate::HostDisk.is_open_in(&with(json!({}))));
        assert!(Gate::HostDisk.is_open_in(&with(json!({"featureGates": ["HostDisk"]}))));
        assert!(Gate::DeclarativeHotplugVolumes.is_open_in(&with(json!({}))));
        let disabled = with(json!({"disabledFeatureGates": ["DeclarativeHotplugVolumes"]}));
        assert!(!Gate::DeclarativeHotplugVolumes.is_open_in(&disabled));
    }
}
