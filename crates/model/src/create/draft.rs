//! What a person fills in to get a machine.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A text that is never written into a log.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(hidden)" })
    }
}

/// Defines a choice with the word that forms use for each value.
macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$doc])* $value,)+ }

        impl $name {
            /// All values, in the order in which the form shows them.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// The word that forms and drafts use.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$value => $word,)+ }
            }

            /// The value of a form's word; the default for a word that means nothing.
            pub fn from_word(word: &str) -> Self {
                Self::ALL.iter().copied().find(|value| value.word() == word).unwrap_or_default()
            }
        }
    };
}

pub(super) use choice;

choice! {
    /// What the machine starts from.
    Boot {
        /// An installation disc (ISO) beside an empty disk.
        #[default]
        Iso = "iso",
        /// A copy of an image.
        Image = "image",
        /// A disk that comes in a container image; it forgets everything when the machine stops.
        Container = "container",
        /// An empty disk.
        Blank = "blank",
    }
}

choice! {
    /// How a disk is attached.
    Bus {
        /// What suits the system.
        #[default]
        Auto = "auto",
        /// The fast one; the guest needs its driver.
        Virtio = "virtio",
        /// The one that every guest knows.
        Sata = "sata",
        /// For many disks; the guest needs the virtio-scsi driver.
        Scsi = "scsi",
    }
}

choice! {
    /// Where the first network interface leads.
    NetworkChoice {
        /// The pod network behind address translation: works everywhere, can be moved.
        #[default]
        Masquerade = "masquerade",
        /// The pod's own address, handed to the guest.
        Bridge = "bridge",
        /// A network that the cluster's administrator made.
        Multus = "multus",
        /// None at all.
        Nothing = "nothing",
    }
}

choice! {
    /// What starts the guest.
    Firmware {
        /// What suits the system.
        #[default]
        Auto = "auto",
        /// The classic one.
        Bios = "bios",
        /// The modern one.
        Efi = "efi",
        /// The modern one that starts only signed systems.
        SecureBoot = "secure_boot",
    }
}

choice! {
    /// Whether there is a security chip.
    Tpm {
        /// What suits the system.
        #[default]
        Auto = "auto",
        /// None.
        Off = "off",
        /// One that is empty after each stop.
        Temporary = "temporary",
        /// One that keeps its keys, on a small disk of its own.
        Kept = "kept",
    }
}

choice! {
    /// When the machine runs.
    Run {
        /// Starts now; a shutdown from inside is respected, a crash is not.
        #[default]
        UntilShutDown = "until_shut_down",
        /// Starts now and starts again whatever happens.
        Always = "always",
        /// Stays off until somebody starts it.
        ByHand = "by_hand",
        /// Starts now, once.
        Once = "once",
    }
}

impl Run {
    /// The run strategy that KubeVirt knows it by.
    pub const fn strategy(self) -> &'static str {
        match self {
            Self::UntilShutDown => "RerunOnFailure",
            Self::Always => "Always",
            Self::ByHand => "Manual",
            Self::Once => "Once",
        }
    }

    /// The choice in a person's words.
    pub const fn label(self) -> &'static str {
        match self {
            Self::UntilShutDown => "Start now; stay off after a shutdown from inside",
            Self::Always => "Keep it running, whatever happens",
            Self::ByHand => "Stay off until somebody starts it",
            Self::Once => "Run once, then stay off",
        }
    }
}

/// One more disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExtraDisk {
    /// How large, as typed.
    pub size: String,
}

/// Everything that a person fills in, as typed. The default is an empty form.
#[expect(clippy::struct_excessive_bools, reason = "each is a tick of the form")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineDraft {
    /// The machine's name; the first one's, or what all of them begin with, if there are several.
    pub name: String,
    /// How many machines to make, as typed; empty: one.
    pub copies: String,
    /// The team's namespace.
    pub namespace: String,
    /// The operating system: the id of a [`super::SystemCard`].
    pub system: String,
    /// What it starts from.
    pub boot: Boot,
    /// `namespace/name` of the ISO or image.
    pub image: String,
    /// The container image that holds the disk.
    pub container: String,
    /// A size that the cluster has ready; empty for a size of one's own.
    pub instancetype: String,
    /// Virtual processors, as typed.
    pub cpus: String,
    /// Memory, as typed: `4 GiB`.
    pub memory: String,
    /// The first disk's size, as typed; empty: as large as its image.
    pub disk: String,
    /// How the first disk is attached.
    pub bus: Bus,
    /// The storage class of new disks; empty: the cluster's default.
    pub storage_class: String,
    /// Further empty disks.
    pub disks: Vec<ExtraDisk>,
    /// Where the network interface leads.
    pub network: NetworkChoice,
    /// `namespace/name` of the network, if it is one of the administrator's.
    pub multus: String,
    /// The account that the guest makes.
    pub user: String,
    /// Its password.
    pub password: Hidden,
    /// Public keys that may sign in, one a line.
    pub ssh_keys: String,
    /// Instructions for the first start, in cloud-init's words.
    pub user_data: String,
    /// Windows' answer file for an unattended set-up.
    pub sysprep: String,
    /// The node that it has to run on.
    pub node: String,
    /// Whether it keeps away from the team's other machines of the same name stem.
    pub apart: bool,
    /// What starts the guest.
    pub firmware: Firmware,
    /// Whether there is a security chip.
    pub tpm: Tpm,
    /// Leaves the tablet out, so that the guest gets a mouse.
    pub no_tablet: bool,
    /// Leaves the driver disc out.
    pub no_drivers: bool,
    /// Adds a sound card.
    pub sound: bool,
    /// Devices of the node that the cluster permits, by resource name, one a line.
    pub devices: String,
    /// When it runs.
    pub run: Run,
    /// The machine's manifest as it was edited by hand, in YAML; `None`: what follows from all the others. `${MACHINE_NAME}` in it
    /// stands for the machine's name.
    pub manifest: Option<String>,
}

impl MachineDraft {
    /// The draft without what must not be kept in a browser.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        Self { password: Hidden::default(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_neither_logged_nor_kept() {
        let draft = MachineDraft { password: Hidden("correct horse".to_owned()), ..MachineDraft::default() };
        assert!(!format!("{draft:?}").contains("horse"));
        assert!(!serde_json::to_string(&draft.without_secrets()).unwrap().contains("horse"));
    }

    #[test]
    fn words_lead_back_to_choices() {
        for run in Run::ALL {
            assert_eq!(Run::from_word(run.word()), *run);
            assert_eq!(serde_json::to_value(run).unwrap(), run.word());
        }
        assert_eq!(Boot::from_word("floppy"), Boot::Iso);
    }

    #[test]
    fn an_old_draft_with_fewer_fields_is_still_read() {
        let draft: MachineDraft = serde_json::from_str(r#"{"name":"web-1"}"#).unwrap();
        assert_eq!(draft.name, "web-1");
    }
}
