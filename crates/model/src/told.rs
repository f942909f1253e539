//! KubeVirt's and Kubernetes' conditions and events in plain words.
//!
//! The tables hold what clusters were recorded to say and what their sources name. Where a table has no row, a page shows
//! the cluster's own words, so a missing row costs a nicer sentence and nothing else.
//!
//! To add a row: put it into its table; the tests check that no row hides another one.

/// A condition: its type, its status, its reason (empty for any), and what it means.
type ConditionRow = (&'static str, &'static str, &'static str, &'static str);

const CONDITIONS: &[ConditionRow] = &[
    ("Ready", "True", "", "It runs and is ready."),
    ("Ready", "False", "VMINotExists", "It is switched off."),
    ("Ready", "False", "GuestNotRunning", "Its guest does not run."),
    ("Ready", "False", "PodNotExists", "It waits for its pod to get a place on a node."),
    ("Ready", "False", "PodTerminating", "Its pod is ending."),
    ("Ready", "False", "PodCompleted", "Its pod has ended."),
    ("Ready", "False", "PodConditionMissing", "Its pod has not said yet how it is."),
    ("Ready", "False", "VMIConditionMissing", "It was switched on just now and has not said yet how it is."),
    ("Ready", "False", "", "It is not ready."),
    ("Paused", "True", "PausedByUser", "Somebody paused it: its guest stands still and keeps its memory."),
    ("Paused", "True", "PausedIOError", "It was paused because a disk failed or is full."),
    ("Paused", "True", "PausedByMigrationMonitor", "It was paused so that its move can end."),
    ("Paused", "True", "", "Its guest stands still."),
    ("AgentConnected", "True", "", "The agent inside the guest answers."),
    ("AgentConnected", "False", "", "No agent inside the guest answers."),
    ("AccessCredentialsSynchronized", "True", "", "Keys and passwords were given to the guest."),
    ("AccessCredentialsSynchronized", "False", "", "Keys or passwords could not be given to the guest."),
    ("AgentVersionNotSupported", "True", "", "The agent inside the guest is too old."),
    ("LiveMigratable", "True", "", "It can move to another node while it runs."),
    (
        "LiveMigratable",
        "False",
        "DisksNotLiveMigratable",
        "It cannot move while it runs: a disk of it can be used on one node only.",
    ),
    (
        "LiveMigratable",
        "False",
        "InterfaceNotLiveMigratable",
        "It cannot move while it runs: a network card is bridged to the pod network.",
    ),
    (
        "LiveMigratable",
        "False",
        "HostDeviceNotLiveMigratable",
        "It cannot move while it runs: it uses a device of its node.",
    ),
    (
        "LiveMigratable",
        "False",
        "CPUModeLiveMigratable",
        "It cannot move while it runs: no other node has its kind of processor.",
    ),
    (
        "LiveMigratable",
        "False",
        "NoTSCFrequencyNotLiveMigratable",
        "It cannot move while it runs: its node does not tell the frequency of its clock.",
    ),
    (
        "LiveMigratable",
        "False",
        "HypervPassthroughNotLiveMigratable",
        "It cannot move while it runs: it uses its node's own Hyper-V features.",
    ),
    (
        "LiveMigratable",
        "False",
        "SEVNotLiveMigratable",
        "It cannot move while it runs: its memory is encrypted by its node.",
    ),
    (
        "LiveMigratable",
        "False",
        "TDXNotLiveMigratable",
        "It cannot move while it runs: its memory is encrypted by its node.",
    ),
    (
        "LiveMigratable",
        "False",
        "SecureExecutionNotLiveMigratable",
        "It cannot move while it runs: its memory is encrypted by its node.",
    ),
    ("LiveMigratable", "False", "", "It cannot move to another node while it runs."),
    ("StorageLiveMigratable", "True", "", "Its disks can move to other storage while it runs."),
    ("StorageLiveMigratable", "False", "", "Its disks cannot move to other storage while it runs."),
    ("EvacuationPending", "True", "", "Its node is to be emptied: it moves soon."),
    ("MigrationRequired", "True", "", "It has to move once so that a change takes effect."),
    ("RestartRequired", "True", "", "A change waits for its next start."),
    ("HotVCPUChange", "True", "", "Its number of processors is being changed while it runs."),
    ("HotMemoryChange", "True", "", "Its memory is being changed while it runs."),
    ("HotMemoryChange", "False", "", "Its memory could not be changed while it runs."),
    ("VolumesChange", "True", "", "Its disks are moving to other storage."),
    ("ManualRecoveryRequired", "True", "", "Moving its disks broke off: somebody has to put them right."),
    ("DataVolumesReady", "True", "", "All of its disks are there."),
    ("DataVolumesReady", "False", "", "Not all of its disks are there yet."),
    ("Provisioning", "True", "", "Its disks are being made."),
    ("Synchronized", "True", "", "It is as it was asked to be."),
    ("Synchronized", "False", "FailedPvcNotFound", "It waits for a disk that does not exist."),
    ("Synchronized", "False", "FailedCreate", "Its pod could not be made."),
    ("Synchronized", "False", "", "It could not be brought to what was asked for."),
    ("PodScheduled", "True", "", "A node has room for it."),
    ("PodScheduled", "False", "", "No node has room for it, or fits it."),
    ("Failure", "True", "FailedFindInstancetype", "Its ready-made size does not exist."),
    ("Failure", "True", "FailedFindPreference", "Its preference does not exist."),
    ("Failure", "True", "FailedCreate", "The cluster refused to switch it on."),
    ("Failure", "True", "FailedDelete", "The cluster could not switch it off."),
    ("Failure", "True", "", "The cluster could not do what was asked for."),
];

/// An event: the kind that it is about, its reason, and what it means.
type EventRow = (&'static str, &'static str, &'static str);

const EVENTS: &[EventRow] = &[
    ("VirtualMachine", "SuccessfulCreate", "It was switched on."),
    ("VirtualMachine", "SuccessfulDelete", "It was switched off."),
    ("VirtualMachine", "FailedCreate", "The cluster refused to switch it on."),
    ("VirtualMachine", "FailedDelete", "The cluster could not switch it off."),
    ("VirtualMachine", "SuccessfulDataVolumeCreate", "One of its disks is being made."),
    ("VirtualMachine", "FailedDataVolumeCreate", "One of its disks could not be made."),
    ("VirtualMachine", "FailedFindInstancetype", "Its ready-made size does not exist."),
    ("VirtualMachine", "RestartRequired", "A change waits for its next start."),
    ("VirtualMachineInstance", "SuccessfulCreate", "Its pod was made."),
    ("VirtualMachineInstance", "SuccessfulDelete", "Its pod was removed."),
    ("VirtualMachineInstance", "FailedCreate", "Its pod could not be made."),
    ("VirtualMachineInstance", "FailedPvcNotFound", "It waits for a disk that does not exist."),
    ("VirtualMachineInstance", "FailedDataVolumeNotFound", "It waits for a disk that does not exist."),
    ("VirtualMachineInstance", "Created", "The node put the guest together."),
    ("VirtualMachineInstance", "Started", "The guest started."),
    ("VirtualMachineInstance", "ShuttingDown", "The guest was asked to shut down."),
    ("VirtualMachineInstance", "Stopped", "The guest has ended."),
    ("VirtualMachineInstance", "Deleted", "The guest was switched off."),
    ("VirtualMachineInstance", "Paused", "The guest was paused."),
    ("VirtualMachineInstance", "Unpaused", "The guest goes on."),
    ("VirtualMachineInstance", "Reset", "The reset button was pressed."),
    ("VirtualMachineInstance", "SoftRebooted", "The guest was asked to reboot."),
    ("VirtualMachineInstance", "Migrating", "It is moving to another node."),
    ("VirtualMachineInstance", "PreparingTarget", "The node that it moves to is prepared."),
    ("VirtualMachineInstance", "Migrated", "It has moved to another node."),
    ("VirtualMachineInstance", "SyncFailed", "Its node could not bring it to what was asked for."),
    ("VirtualMachineInstance", "VolumeReady", "A disk came while it runs."),
    ("VirtualMachineInstance", "VolumeUnplugged", "A disk was taken away while it runs."),
    ("VirtualMachineInstance", "SuccessfulAttachVolume", "A disk is being attached."),
    ("VirtualMachineInstance", "AccessCredentialsSyncSuccess", "Keys and passwords were given to the guest."),
    ("VirtualMachineInstance", "AccessCredentialsSyncFailed", "Keys or passwords could not be given to the guest."),
    ("VirtualMachineInstanceMigration", "SuccessfulCreate", "A place on another node is being prepared for its move."),
    ("VirtualMachineInstanceMigration", "SuccessfulHandOver", "The place on the other node is ready for its move."),
    ("VirtualMachineInstanceMigration", "SuccessfulMigration", "Its move succeeded."),
    ("VirtualMachineInstanceMigration", "FailedMigration", "Its move failed; it runs on where it was."),
    ("VirtualMachineInstanceMigration", "SuccessfulDelete", "The place on the other node was given up."),
    ("VirtualMachineInstanceMigration", "migrationTargetPodUnschedulable", "No other node has room for its move."),
    ("Pod", "Scheduled", "A node was found for its pod."),
    ("Pod", "FailedScheduling", "No node has room for its pod, or fits it."),
    ("Pod", "Pulling", "An image is being fetched."),
    ("Pod", "Pulled", "An image is there."),
    ("Pod", "Created", "A container was made."),
    ("Pod", "Started", "A container started."),
    ("Pod", "Killing", "A container is being ended."),
    ("Pod", "BackOff", "Something failed again and again; the next try comes later."),
    ("Pod", "Failed", "Something about the pod failed."),
    ("Pod", "Unhealthy", "A check of the pod's health failed."),
    ("Pod", "Evicted", "The node sent the pod away."),
    ("Pod", "Preempted", "Something more important took the pod's place."),
    ("Pod", "FailedMount", "A disk could not be brought into the pod."),
    ("Pod", "FailedAttachVolume", "A disk could not be attached to the node."),
    ("Pod", "SuccessfulAttachVolume", "A disk was attached to the node."),
    ("Pod", "FailedCreatePodSandBox", "The node could not make the pod's network."),
    ("PersistentVolumeClaim", "ExternalProvisioning", "Space for the disk was asked for."),
    ("PersistentVolumeClaim", "Provisioning", "Space for the disk is being made."),
    ("PersistentVolumeClaim", "ProvisioningSucceeded", "Space for the disk was made."),
    ("PersistentVolumeClaim", "ProvisioningFailed", "Space for the disk could not be made."),
    ("PersistentVolumeClaim", "WaitForFirstConsumer", "The disk is made when a machine first uses it."),
    ("PersistentVolumeClaim", "WaitForPodScheduled", "The disk is made when its machine's node is known."),
    ("PersistentVolumeClaim", "Resizing", "The disk is growing."),
    ("PersistentVolumeClaim", "FileSystemResizeSuccessful", "The disk has grown."),
    ("PersistentVolumeClaim", "VolumeResizeFailed", "The disk could not grow."),
    ("PersistentVolumeClaim", "NoPopulator", "The storage cannot copy by itself; the copy is made byte by byte."),
    ("PersistentVolumeClaim", "ImportSucceeded", "The disk was filled."),
    ("PersistentVolumeClaim", "UploadSucceeded", "The upload is on the disk."),
    ("PersistentVolumeClaim", "ErrImportFailed", "The disk could not be filled."),
    ("PersistentVolumeClaim", "ErrStartingPod", "The pod that fills the disk could not start."),
    ("DataVolume", "NotFound", "The disk is about to be made."),
    ("DataVolume", "Pending", "The disk waits for its space."),
    ("DataVolume", "Bound", "The disk has its space."),
    ("DataVolume", "WaitForFirstConsumer", "The disk is made when a machine first uses it."),
    ("DataVolume", "CreatingScratchSpace", "Room for unpacking is being made."),
    ("DataVolume", "ImportScheduled", "The import is about to begin."),
    ("DataVolume", "ImportInProgress", "The import is under way."),
    ("DataVolume", "ImportSucceeded", "The import is done."),
    ("DataVolume", "CloneScheduled", "The copy is about to begin."),
    ("DataVolume", "CloneInProgress", "The copy is under way."),
    ("DataVolume", "CloneSucceeded", "The copy is done."),
    ("DataVolume", "UploadScheduled", "The upload is about to begin."),
    ("DataVolume", "UploadReady", "The disk waits for an upload."),
    ("DataVolume", "UploadSucceeded", "The upload is done."),
    ("DataVolume", "ErrClaimNotValid", "The disk could not be asked for as it is described."),
    ("DataVolume", "ErrStartingPod", "The pod that fills the disk could not start."),
    ("DataVolume", "ErrResourceMarkedForDeletion", "A disk of the same name is still being deleted."),
    ("DataVolume", "Unschedulable", "No node has room for the pod that fills the disk."),
    ("DataVolume", "Error", "The disk could not be filled."),
];

/// What a condition means; `None` where the cluster's own words have to do.
pub fn condition(kind: &str, status: &str, reason: &str) -> Option<&'static str> {
    let fits = |row: &&ConditionRow| row.0 == kind && row.1 == status && (row.2 == reason || row.2.is_empty());
    CONDITIONS.iter().find(fits).map(|row| row.3)
}

/// What an event about an object of a kind means.
pub fn event(kind: &str, reason: &str) -> Option<&'static str> {
    EVENTS.iter().find(|row| row.0 == kind && row.1 == reason).map(|row| row.2)
}

/// Whether a condition is bad news.
pub fn is_bad(kind: &str, status: &str) -> bool {
    matches!(
        (kind, status),
        ("Failure" | "AgentVersionNotSupported" | "ManualRecoveryRequired", "True")
            | ("Synchronized" | "PodScheduled" | "AccessCredentialsSynchronized" | "HotMemoryChange", "False")
    )
}

/// `LiveMigratable` as `Live migratable`: what a condition is called where it has no words of its own.
pub fn spaced(kind: &str) -> String {
    let mut text = String::with_capacity(kind.len() + 4);
    let mut was_lower = false;
    for letter in kind.chars() {
        if letter.is_uppercase() && was_lower {
            text.push(' ');
            text.extend(letter.to_lowercase());
        } else {
            text.push(letter);
        }
        was_lower = letter.is_lowercase() || letter.is_numeric();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_hides_another_and_each_is_a_sentence() {
        for (place, row) in CONDITIONS.iter().enumerate() {
            assert_eq!(condition(row.0, row.1, row.2), Some(row.3), "{row:?} is hidden");
            let same = CONDITIONS[..place].iter().any(|other| (other.0, other.1, other.2) == (row.0, row.1, row.2));
            assert!(!same && row.3.ends_with('.'), "{row:?}");
        }
        for (place, row) in EVENTS.iter().enumerate() {
            assert!(!EVENTS[..place].iter().any(|other| (other.0, other.1) == (row.0, row.1)), "{row:?} twice");
            assert!(row.2.ends_with('.'), "{row:?}");
        }
    }

    #[test]
    fn conditions_that_clusters_were_recorded_with_have_words() {
        for (kind, status, reason) in [
            ("Ready", "True", ""),
            ("Ready", "False", "GuestNotRunning"),
            ("Ready", "False", "PodNotExists"),
            ("Ready", "False", "PodTerminating"),
            ("Ready", "False", "VMIConditionMissing"),
            ("Ready", "False", "VMINotExists"),
            ("Paused", "True", "PausedByUser"),
            ("LiveMigratable", "True", ""),
            ("LiveMigratable", "False", "DisksNotLiveMigratable"),
            ("StorageLiveMigratable", "True", ""),
            ("DataVolumesReady", "True", "AllDVsReady"),
            ("Failure", "True", "FailedCreate"),
            ("Failure", "True", "FailedFindInstancetype"),
            ("PodScheduled", "False", "Unschedulable"),
            ("RestartRequired", "True", ""),
            ("Synchronized", "False", "FailedPvcNotFound"),
        ] {
            assert!(condition(kind, status, reason).is_some(), "{kind}={status} {reason}");
        }
        assert_eq!(condition("Dreaming", "True", ""), None);
    }

    #[test]
    fn events_that_clusters_were_recorded_with_have_words() {
        for (kind, reason) in [
            ("DataVolume", "CloneInProgress"),
            ("DataVolume", "ErrResourceMarkedForDeletion"),
            ("PersistentVolumeClaim", "ExternalProvisioning"),
            ("PersistentVolumeClaim", "NoPopulator"),
            ("Pod", "FailedScheduling"),
            ("VirtualMachine", "SuccessfulCreate"),
            ("VirtualMachineInstance", "ShuttingDown"),
            ("VirtualMachineInstance", "SoftRebooted"),
            ("VirtualMachineInstanceMigration", "migrationTargetPodUnschedulable"),
        ] {
            assert!(event(kind, reason).is_some(), "{kind} {reason}");
        }
    }

    #[test]
    fn condition_names_are_read_as_words() {
        assert_eq!(spaced("LiveMigratable"), "Live migratable");
        assert_eq!(spaced("Ready"), "Ready");
        assert_eq!(spaced("AgentVersionNotSupported"), "Agent version not supported");
    }
}
