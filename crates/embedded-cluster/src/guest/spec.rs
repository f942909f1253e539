//! What a guest is made of, as far as whoever runs it has to know.
//!
//! It is written beside the guest's sockets, so that a restarted Porthole knows what it finds running.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// One guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestSpec {
    /// UID of the instance: the guest's identity here.
    pub uid: String,
    /// Namespace of the instance.
    pub namespace: String,
    /// Name of the instance.
    pub name: String,
    /// Virtual processors.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// What the firmware tells the guest it is.
    pub firmware_uuid: Option<String>,
    /// Serial number that the firmware tells.
    pub firmware_serial: Option<String>,
    /// A kernel to start directly.
    pub kernel: Option<Kernel>,
    /// Disks in the order of the specification.
    pub disks: Vec<GuestDisk>,
    /// The content of the discs that are made for this guest. They may hold secrets and are not written down here.
    #[serde(skip)]
    pub discs: Vec<Disc>,
    /// EFI firmware instead of a BIOS.
    pub efi: Option<Efi>,
    /// A TPM 2.0.
    pub tpm: Option<Tpm>,
    /// Network cards in the order of the specification.
    pub cards: Vec<NetworkCard>,
    /// A pointer with absolute positions, so that the pointer of a viewer does not drift.
    pub tablet: Option<Tablet>,
    /// Whether there is a screen.
    pub has_graphics: bool,
    /// Whether there is a serial console.
    pub has_serial: bool,
    /// Where the serial console's output is kept.
    pub serial_log: Option<PathBuf>,
    /// Whether the guest is held from the start.
    pub starts_paused: bool,
    /// UID of the migration by which it comes from another process; `None` for one that was started.
    #[serde(default)]
    pub arrived_by: Option<String>,
}

#[cfg(test)]
impl GuestSpec {
    /// A small guest with a screen, a serial console and nothing else.
    pub fn sample(uid: &str) -> Self {
        Self {
            uid: uid.into(),
            namespace: "blue".into(),
            name: "web".into(),
            cpus: 1,
            memory_mib: 64,
            firmware_uuid: None,
            firmware_serial: None,
            kernel: None,
            disks: Vec::new(),
            discs: Vec::new(),
            efi: None,
            tpm: None,
            cards: Vec::new(),
            tablet: None,
            has_graphics: true,
            has_serial: true,
            serial_log: None,
            starts_paused: false,
            arrived_by: None,
        }
    }
}

/// A kernel to start directly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// The kernel.
    pub image: PathBuf,
    /// Its initial file system.
    pub initrd: Option<PathBuf>,
    /// Its command line.
    pub arguments: String,
}

/// Firmware that boots by EFI.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Efi {
    /// Whether it boots only what is signed.
    pub has_secure_boot: bool,
    /// The folder that keeps its variables; without one they are lost when the guest ends.
    pub kept_in: Option<PathBuf>,
}

/// A TPM 2.0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tpm {
    /// The folder that keeps what it holds; without one that is lost when the guest ends.
    pub kept_in: Option<PathBuf>,
}

/// One disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestDisk {
    /// Name in the specification.
    pub name: String,
    /// Where its content comes from.
    pub content: Content,
    /// How it is attached.
    pub bus: Bus,
    /// Whether it is an optical drive.
    pub is_cdrom: bool,
    /// Whether the guest may only read.
    #[serde(default)]
    pub is_read_only: bool,
    /// Whether other guests may use the same file at the same time.
    #[serde(default)]
    pub is_shared: bool,
    /// Place in the order of boot attempts.
    pub boot_order: Option<u32>,
    /// Serial number that the guest sees.
    pub serial: Option<String>,
    /// Where it was plugged in while the guest ran; `None` for one that was there from the start.
    #[serde(default)]
    pub place: Option<Place>,
}

impl GuestDisk {
    /// Whether the guest cannot write to it.
    pub(super) const fn is_fixed(&self) -> bool {
        // An image that is plugged in later has no overlay.
        let is_plain_image = self.place.is_some() && matches!(self.content, Content::Image(_));
        self.is_cdrom || self.is_read_only || is_plain_image
    }

    /// Whether what the guest writes goes to an overlay that is lost with the guest.
    pub(super) const fn has_overlay(&self) -> bool {
        !self.is_fixed() && matches!(self.content, Content::Image(_) | Content::Ephemeral(_) | Content::Disc)
    }

    /// The name of its overlay in the guest's folder.
    pub(super) fn overlay(&self) -> String {
        file_of("overlay", &self.name, "qcow2")
    }

    /// Its own files in the guest's folder.
    pub(super) fn own_files(&self) -> Vec<String> {
        let made = match self.content {
            Content::Empty(_) => Some(file_of("disk", &self.name, "img")),
            Content::Disc => Some(file_of("disc", &self.name, "iso")),
            _ => None,
        };
        made.into_iter().chain(self.has_overlay().then(|| self.overlay())).collect()
    }
}

/// Where a disk was plugged in. The guest finds it there again after a move to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// A slot of the PCI bus.
    Slot(usize),
    /// A target of the SCSI bus.
    Scsi(u8),
}

/// Where a disk's content comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// A file of an image, raw or qcow2. What the guest writes is lost when it ends.
    Image(PathBuf),
    /// A raw file that others own. What the guest writes is lost when it ends.
    Ephemeral(PathBuf),
    /// A raw file that outlives the guest.
    File(PathBuf),
    /// An empty disk of this many bytes, lost when the guest ends.
    Empty(u64),
    /// One of [`GuestSpec::discs`], by the disk's name.
    Disc,
    /// Nothing: an optical drive without a disc.
    Nothing,
}

/// A disc made for one guest.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Disc {
    /// Name of its disk.
    pub name: String,
    /// The image.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Disc {
    /// Without its content, which may be secret.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Disc").field("name", &self.name).field("bytes", &self.bytes.len()).finish()
    }
}

impl Disc {
    /// Writes it into a guest's folder, readable by nobody else.
    pub(super) fn write(&self, folder: &Path) -> std::io::Result<()> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let path = folder.join(file_of("disc", &self.name, "iso"));
        let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(&self.bytes)
    }
}

/// The name of a disk's own file in its guest's folder. No name of a disk leads out of there.
pub(super) fn file_of(kind: &str, name: &str, ending: &str) -> String {
    format!("{kind}-{}.{ending}", plain(name))
}

/// A name of which nothing is left that QEMU or a path could take for more than a name.
pub(super) fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// How a disk is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bus {
    /// Paravirtual block device.
    Virtio,
    /// AHCI.
    Sata,
    /// Paravirtual SCSI controller.
    Scsi,
    /// USB stick.
    Usb,
}

impl Bus {
    /// The bus of that name; what KubeVirt does on amd64 without one is SATA.
    pub fn from_word(word: Option<&str>) -> Self {
        match word {
            Some("virtio") => Self::Virtio,
            Some("scsi") => Self::Scsi,
            Some("usb") => Self::Usb,
            _ => Self::Sata,
        }
    }
}

/// A pointer with absolute positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tablet {
    /// Every system knows it.
    Usb,
    /// Paravirtual.
    Virtio,
}

/// One network card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkCard {
    /// `virtio`, `e1000e`, …
    pub model: String,
    /// Hardware address.
    pub mac: String,
}
