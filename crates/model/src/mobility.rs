//! Why a machine cannot move to another node while it runs, in plain words and with a way out.
//!
//! One table for the disabled button, the refused request and the finding: KubeVirt's reasons (`LiveMigratable=False`),
//! with the words of old versions where they say something else. What keeps single nodes from taking it is in
//! [`target`].

pub mod target;

/// What keeps a machine where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// As it continues "It cannot move to another node while it runs: ".
    pub what: String,
    /// What helps.
    pub fix: String,
}

/// The obstacle behind a reason and its message; a reason of the future is told in the cluster's own words.
pub fn obstacle(reason: &str, message: &str) -> Obstacle {
    let (what, fix) = match reason {
        "DisksNotLiveMigratable" if message.contains("HostDisk") => {
            ("it uses a file of its node as a disk", "Copy the disk into a claim on shared storage.")
        }
        "DisksNotLiveMigratable" => return disk(message),
        "InterfaceNotLiveMigratable" => (
            "it is bridged to the cluster's own network",
            "Choose masquerade for that network, at the price of another address inside the guest.",
        ),
        "HostDeviceNotLiveMigratable" => ("it uses a device of its node", "Take the device out to let it move."),
        "CPUModeLiveMigratable" => {
            ("its CPU model is known to its node only", "Choose a CPU model by name that all nodes have.")
        }
        "HypervPassthroughNotLiveMigratable" | "NoTSCFrequencyNotLiveMigratable" => (
            "it relies on features of its node's CPU for Windows",
            "Take re-enlightenment or the passthrough of Hyper-V features out.",
        ),
        "SEVNotLiveMigratable" | "TDXNotLiveMigratable" | "SecureExecutionNotLiveMigratable" => {
            ("its memory is encrypted by its node", "That cannot be had together with moving.")
        }
        "VirtIOFSNotLiveMigratable" => ("it shares a folder with its node", "Use a disk instead of the shared folder."),
        "HotplugNotLiveMigratable" => {
            ("a disk was plugged in while it runs", "Take the disk out, or restart the machine with it.")
        }
        "PersistentReservationNotLiveMigratable" => {
            ("it reserves a disk for itself", "Switch the reservation off in the disk's settings.")
        }
        _ => return Obstacle { what: lower(message), fix: "Its conditions below say more.".to_owned() },
    };
    Obstacle { what: what.to_owned(), fix: fix.to_owned() }
}

fn disk(message: &str) -> Obstacle {
    let word = message.split_once("PVC ").and_then(|(_, rest)| rest.split_whitespace().next());
    let claim = word.map(|word| word.trim_matches([',', '.', '"'])).filter(|word| !word.is_empty() && *word != "is");
    let disk = claim.map_or_else(|| "one of its disks".to_owned(), |claim| format!("its disk {claim}"));
    Obstacle {
        what: format!("{disk} can be used by one node only (ReadWriteOnce)"),
        fix: "Use a disk that several nodes can share (ReadWriteMany), if the cluster has such storage.".to_owned(),
    }
}

/// The cluster's words as part of a sentence.
fn lower(message: &str) -> String {
    let mut characters = message.trim().trim_end_matches('.').chars();
    characters.next().map_or_else(
        || "the cluster does not say why".to_owned(),
        |first| first.to_lowercase().chain(characters).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_reason_is_told_in_plain_words() {
        for reason in [
            "InterfaceNotLiveMigratable",
            "CPUModeLiveMigratable",
            "HostDeviceNotLiveMigratable",
            "SEVNotLiveMigratable",
            "TDXNotLiveMigratable",
            "SecureExecutionNotLiveMigratable",
            "NoTSCFrequencyNotLiveMigratable",
            "HypervPassthroughNotLiveMigratable",
            "DisksNotLiveMigratable",
            "HotplugNotLiveMigratable",
            "VirtIOFSNotLiveMigratable",
            "PersistentReservationNotLiveMigratable",
        ] {
            let obstacle = obstacle(reason, "The moon is full");
            assert!(!obstacle.what.contains("moon") && obstacle.fix.ends_with('.'), "{reason}: {obstacle:?}");
        }
        assert_eq!(obstacle("SomethingNew", "The moon is full.").what, "the moon is full");
    }

    #[test]
    fn a_disk_is_named_where_the_cluster_names_it() {
        let new = "cannot migrate VMI: PVC root is not shared, live migration requires that all PVCs must be shared";
        assert!(obstacle("DisksNotLiveMigratable", new).what.starts_with("its disk root "));
        let old = "cannot migrate VMI with non-shared PVCs";
        assert!(obstacle("DisksNotLiveMigratable", old).what.starts_with("one of its disks "));
        let host = "cannot migrate VMI with non-shared HostDisk";
        assert!(obstacle("DisksNotLiveMigratable", host).what.contains("file of its node"));
    }
}
