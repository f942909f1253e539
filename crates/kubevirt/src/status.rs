//! The one word that KubeVirt prints for a machine.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `status.printableStatus` of a VirtualMachine.
///
/// A word that this version does not know is kept as [`PrintableStatus::Other`] and printed as it came.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum PrintableStatus {
    /// Off.
    Stopped,
    /// Its disks are being made.
    Provisioning,
    /// Switched on, no guest yet.
    Starting,
    /// The guest runs.
    Running,
    /// The guest is held.
    Paused,
    /// Asked to shut down.
    Stopping,
    /// Being deleted.
    Terminating,
    /// It failed to start and waits before the next try.
    CrashLoopBackOff,
    /// Moving to another node.
    Migrating,
    /// The cluster does not know.
    Unknown,
    /// No node fits.
    ErrorUnschedulable,
    /// An image could not be pulled.
    ErrImagePull,
    /// An image could not be pulled, the next try comes later.
    ImagePullBackOff,
    /// A claim that it names does not exist.
    ErrorPvcNotFound,
    /// A data volume failed.
    DataVolumeError,
    /// A claim has no volume yet.
    WaitingForVolumeBinding,
    /// Waits for a migration from elsewhere.
    WaitingForReceiver,
    /// A word of another version of KubeVirt.
    Other(String),
}

impl PrintableStatus {
    const KNOWN: [Self; 17] = [
        Self::Stopped,
        Self::Provisioning,
        Self::Starting,
        Self::Running,
        Self::Paused,
        Self::Stopping,
        Self::Terminating,
        Self::CrashLoopBackOff,
        Self::Migrating,
        Self::Unknown,
        Self::ErrorUnschedulable,
        Self::ErrImagePull,
        Self::ImagePullBackOff,
        Self::ErrorPvcNotFound,
        Self::DataVolumeError,
        Self::WaitingForVolumeBinding,
        Self::WaitingForReceiver,
    ];

    /// The word as KubeVirt writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stopped => "Stopped",
            Self::Provisioning => "Provisioning",
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::Paused => "Paused",
            Self::Stopping => "Stopping",
            Self::Terminating => "Terminating",
            Self::CrashLoopBackOff => "CrashLoopBackOff",
            Self::Migrating => "Migrating",
            Self::Unknown => "Unknown",
            Self::ErrorUnschedulable => "ErrorUnschedulable",
            Self::ErrImagePull => "ErrImagePull",
            Self::ImagePullBackOff => "ImagePullBackOff",
            Self::ErrorPvcNotFound => "ErrorPvcNotFound",
            Self::DataVolumeError => "DataVolumeError",
            Self::WaitingForVolumeBinding => "WaitingForVolumeBinding",
            Self::WaitingForReceiver => "WaitingForReceiver",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for PrintableStatus {
    fn from(word: String) -> Self {
        match word.as_str() {
            // The name that KubeVirt 0.43 and 0.44 used.
            "FailedUnschedulable" => Self::ErrorUnschedulable,
            known => Self::KNOWN.into_iter().find(|status| status.as_str() == known).unwrap_or(Self::Other(word)),
        }
    }
}

impl From<PrintableStatus> for String {
    fn from(status: PrintableStatus) -> Self {
        status.as_str().to_owned()
    }
}

impl fmt::Display for PrintableStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_word_reads_back_as_itself() {
        for status in PrintableStatus::KNOWN {
            assert_eq!(PrintableStatus::from(status.as_str().to_owned()), status);
        }
    }

    #[test]
    fn a_word_of_the_future_is_kept() {
        let status: PrintableStatus = serde_json::from_str("\"Hibernating\"").unwrap();
        assert_eq!(status, PrintableStatus::Other("Hibernating".to_owned()));
        assert_eq!(serde_json::to_string(&status).unwrap(), "\"Hibernating\"");
    }

    #[test]
    fn the_old_name_of_unschedulable_is_understood() {
        assert_eq!(PrintableStatus::from("FailedUnschedulable".to_owned()), PrintableStatus::ErrorUnschedulable);
    }
}
