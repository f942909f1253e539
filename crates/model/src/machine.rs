//! A virtual machine as a person sees it.

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, FindingPage};
use crate::migration::MigrationRow;
use crate::name::ObjectRef;

/// What a machine is doing, in few enough words to say on the phone.
///
/// Folded from KubeVirt's `printableStatus`; the reason of a bad state stands beside it in
/// [`MachineRow::reason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineState {
    /// Something is wrong and somebody has to act.
    Trouble,
    /// Switched on; its guest runs.
    Running,
    /// Switched on a moment ago; no guest yet.
    Starting,
    /// Moving to another node while it runs.
    Migrating,
    /// Held: the guest keeps its memory and does not run.
    Paused,
    /// Asked to shut down.
    Stopping,
    /// Waits for something outside of it, such as a volume or a migration's source.
    Waiting,
    /// Its disks are being made.
    Provisioning,
    /// Off.
    Stopped,
    /// Being deleted.
    Terminating,
    /// The cluster says nothing that Porthole understands.
    Unknown,
}

impl MachineState {
    /// All states, in the order in which lists and filters show them.
    pub const ALL: [Self; 11] = [
        Self::Trouble,
        Self::Running,
        Self::Starting,
        Self::Migrating,
        Self::Paused,
        Self::Stopping,
        Self::Waiting,
        Self::Provisioning,
        Self::Stopped,
        Self::Terminating,
        Self::Unknown,
    ];

    /// The word that URLs, filters and pills use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Starting => "starting",
            Self::Paused => "paused",
            Self::Migrating => "migrating",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Provisioning => "provisioning",
            Self::Waiting => "waiting",
            Self::Trouble => "trouble",
            Self::Terminating => "terminating",
            Self::Unknown => "unknown",
        }
    }

    /// The state that a word of a URL means.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether the state is on its way to another one by itself.
    pub const fn is_transitional(self) -> bool {
        matches!(self, Self::Starting | Self::Migrating | Self::Stopping | Self::Provisioning | Self::Terminating)
    }

    /// Whether a guest runs or is held, so that it has a screen.
    pub const fn has_guest(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Migrating | Self::Stopping)
    }
}

/// What a person can ask of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineAction {
    /// Switch on.
    Start,
    /// Shut down: the guest is asked, then switched off.
    Stop,
    /// Pull the plug of a guest that was asked to shut down and does not: it loses what it did not write.
    ForceOff,
    /// Shut down and switch on again.
    Restart,
    /// Hold the guest where it is.
    Pause,
    /// Let a held guest go on.
    Unpause,
    /// Ask the guest to reboot itself.
    SoftReboot,
    /// Press the reset button: the guest loses what it did not write.
    Reset,
    /// Go on on another node, without stopping.
    Migrate,
    /// See and use its screen.
    OpenConsole,
}

impl MachineAction {
    /// All actions, in the order in which menus show them.
    pub const ALL: [Self; 10] = [
        Self::Start,
        Self::Stop,
        Self::ForceOff,
        Self::Restart,
        Self::Pause,
        Self::Unpause,
        Self::SoftReboot,
        Self::Reset,
        Self::Migrate,
        Self::OpenConsole,
    ];

    /// The word that URLs, forms and the log use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::ForceOff => "force_off",
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::SoftReboot => "soft_reboot",
            Self::Reset => "reset",
            Self::Migrate => "migrate",
            Self::OpenConsole => "open_console",
        }
    }

    /// The action that a word of a form means.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.word() == word)
    }

    /// What the button says.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Stop => "Stop",
            Self::ForceOff => "Force off now",
            Self::Restart => "Restart",
            Self::Pause => "Pause",
            Self::Unpause => "Resume",
            Self::SoftReboot => "Reboot guest",
            Self::Reset => "Reset",
            Self::Migrate => "Move to another node",
            Self::OpenConsole => "Open console",
        }
    }
}

/// An action with the reason why it is not possible now, for this person and this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionOffer {
    /// The action.
    pub action: MachineAction,
    /// `None`: possible. Otherwise a sentence that the disabled button shows.
    pub denied: Option<String>,
}

/// One machine in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineRow {
    /// Which machine.
    pub at: ObjectRef,
    /// What it is doing.
    pub state: MachineState,
    /// Since when, in seconds since 1970; `None` where the cluster does not say.
    pub since: Option<i64>,
    /// One plain sentence, if the state is bad or waits: why, and the way out.
    pub reason: Option<String>,
    /// Virtual CPUs in all.
    pub cpus: Option<u32>,
    /// Guest memory in MiB.
    pub memory_mib: Option<u64>,
    /// The node that it runs on.
    pub node: Option<String>,
    /// Addresses that the cluster reports, the first one first.
    pub addresses: Vec<String>,
    /// The guest's operating system: as its agent reports it, or else the preference that it was made with.
    pub os: Option<String>,
    /// Images of its container disks and claims, as the specification names them.
    pub images: Vec<String>,
    /// Labels, as `key=value`.
    pub labels: Vec<String>,
    /// What its pod uses, if somebody asked and the cluster measures it.
    pub used: Option<crate::metrics::Used>,
    /// Created at, in seconds since 1970.
    pub created: Option<i64>,
    /// Every action, possible or with its reason why not.
    pub actions: Vec<ActionOffer>,
}

impl MachineRow {
    /// The offer for one action.
    pub fn offer(&self, action: MachineAction) -> Option<&ActionOffer> {
        self.actions.iter().find(|offer| offer.action == action)
    }
}

/// All that a machine's page shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineDetail {
    /// The same facts as in the list.
    pub row: MachineRow,
    /// The run strategy as the cluster names it, such as `Always` or `Halted`.
    pub run_strategy: Option<String>,
    /// `false` if the machine has no graphics device, so that no screen can be shown.
    pub has_graphics: bool,
    /// The guest operating system as its agent reports it.
    pub guest_os: Option<String>,
    /// Machine type such as `q35`.
    pub machine_type: Option<String>,
    /// The launcher pod of the running instance.
    pub pod: Option<ObjectRef>,
    /// Disks in the order of the specification.
    pub disks: Vec<Disk>,
    /// Network interfaces in the order of the specification.
    pub interfaces: Vec<Interface>,
    /// Addresses, each with what tells of it.
    pub addresses: Vec<Address>,
    /// Whether the agent inside the guest answers.
    pub has_agent: bool,
    /// Labels of the VirtualMachine.
    pub labels: Vec<(String, String)>,
    /// Whether it is protected against deletion.
    pub is_protected: bool,
    /// One line that says what it is for.
    pub description: String,
    /// What it uses, in words, as far as that was sampled a moment ago: processors and memory.
    pub usage: Option<(String, String)>,
    /// Who else has its screen open at this moment.
    pub viewer: Option<String>,
    /// Its latest move to another node, while it goes on and as long as it is news.
    pub latest_move: Option<MigrationRow>,
    /// What is wrong with it and what to do, the worst first.
    pub findings: Vec<Finding>,
    /// Conditions that say something a person needs, with the cluster's own words.
    pub conditions: Vec<Condition>,
    /// Newest first.
    pub events: Vec<EventLine>,
}

impl MachineDetail {
    /// The disk that an image of this machine is made of: the first one on a claim that is no drive.
    pub fn disk_to_copy(&self) -> Option<ObjectRef> {
        let is_on_claim = |disk: &&Disk| {
            disk.device.starts_with("disk") && matches!(disk.source.as_str(), "dataVolume" | "persistentVolumeClaim")
        };
        let claim = self.disks.iter().find(is_on_claim)?.detail.as_deref()?;
        Some(ObjectRef { namespace: self.row.at.namespace.clone(), name: claim.parse().ok()? })
    }
}

/// An address of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The address.
    pub address: String,
    /// Who tells of it, in words such as `guest agent`.
    pub source: String,
}

/// What the agent inside the guest tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestReport {
    /// Facts with their names.
    pub facts: Vec<(String, String)>,
    /// Who is signed in, and since when, in seconds since 1970.
    pub users: Vec<(String, Option<i64>)>,
    /// File systems.
    pub filesystems: Vec<Filesystem>,
    /// Why there is nothing to tell, and what to do.
    pub silent: Option<String>,
}

/// One file system of a guest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filesystem {
    /// Where the guest has it, such as `/` or `C:\\`.
    pub mount: String,
    /// Such as `ext4`.
    pub kind: String,
    /// Bytes in use.
    pub used: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Another object that has to do with a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    /// What it is, such as `Service`.
    pub what: String,
    /// Its name.
    pub name: String,
    /// What is worth knowing about it, in a few words.
    pub about: String,
    /// Its page, where the portal has one.
    pub page: Option<FindingPage>,
}

/// All objects that have to do with a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    /// The objects, kind by kind.
    pub related: Vec<Related>,
    /// Kinds that this person may not see.
    pub hidden: Vec<String>,
}

/// One disk of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Name in the specification.
    pub name: String,
    /// What kind of source: `containerDisk`, `dataVolume`, `emptyDisk`, …
    pub source: String,
    /// The image, claim or size, as far as the source has one.
    pub detail: Option<String>,
    /// `disk`, `cdrom` or `lun`, with its bus if one is set.
    pub device: String,
}

/// One network interface of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Name in the specification.
    pub name: String,
    /// The network: `pod`, or the name of an attachment.
    pub network: String,
    /// `masquerade`, `bridge`, …
    pub binding: String,
    /// Hardware address, once known.
    pub mac: Option<String>,
    /// Addresses, once known.
    pub addresses: Vec<String>,
}

/// One condition in the cluster's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Such as `Ready` or `LiveMigratable`.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A word.
    pub reason: Option<String>,
    /// A sentence.
    pub message: Option<String>,
    /// Since when, in seconds since 1970.
    pub since: Option<i64>,
    /// What it means in plain words; empty where only the cluster has words for it.
    pub words: String,
    /// Whether it is bad news.
    pub is_bad: bool,
}

/// One event about a machine or pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventLine {
    /// Last seen, in seconds since 1970.
    pub at: Option<i64>,
    /// Whether the cluster marks it as a warning.
    pub is_warning: bool,
    /// A word such as `FailedScheduling`.
    pub reason: String,
    /// The cluster's sentence.
    pub message: String,
    /// Which object it is about, such as `Pod virt-launcher-a-x1`.
    pub about: String,
    /// How often it was seen.
    pub count: u32,
}
