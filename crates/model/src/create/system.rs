//! Operating systems: what each needs to start and run well.
//!
//! The cluster's own preferences come first. Where it has none, the [built-in](built_in_systems) ones say the same in
//! fewer words, and the manifest then spells out what a preference would have filled in.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::draft::Firmware;
use super::size;

/// The family that a system belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Linux.
    #[default]
    Linux,
    /// Windows.
    Windows,
    /// Anything else.
    Other,
}

/// An operating system as the form offers it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemCard {
    /// Its name in drafts; also that of the preference, if the cluster has one.
    pub id: String,
    /// What people call it.
    pub label: String,
    /// Its family.
    pub family: Family,
    /// Whether the cluster has a preference of this name.
    pub has_preference: bool,
    /// Whether it is a variant that few people look for.
    pub is_variant: bool,
    /// Processors that it needs at least.
    pub cpus: u32,
    /// Memory in MiB that it needs at least.
    pub memory_mib: u64,
    /// The bus that its installer finds a disk on.
    pub disk_bus: String,
    /// The network card that it has a driver for.
    pub nic: String,
    /// What starts it; never [`Firmware::Auto`].
    pub firmware: Firmware,
    /// Whether its firmware has to remember settings.
    pub keeps_firmware: bool,
    /// Whether it wants a security chip.
    pub wants_tpm: bool,
    /// Whether a disc with virtio drivers helps it.
    pub has_drivers: bool,
    /// A disk that it fits on, in GiB.
    pub disk_gib: u64,
}

/// The systems that are offered where the cluster has no preferences.
pub fn built_in_systems() -> Vec<SystemCard> {
    // Name, label, family, processors, MiB, bus, card, firmware, keeps firmware and keys, drivers, GiB.
    use Family::{Linux, Other, Windows};
    use Firmware::{Bios, Efi, SecureBoot};
    [
        ("ubuntu", "Ubuntu", Linux, 1, 2048, "virtio", "virtio", Bios, false, false, 20),
        ("debian", "Debian", Linux, 1, 1024, "virtio", "virtio", Efi, false, false, 20),
        ("fedora", "Fedora", Linux, 1, 2048, "virtio", "virtio", SecureBoot, false, false, 20),
        ("windows.11", "Windows 11", Windows, 2, 4096, "sata", "e1000e", SecureBoot, true, true, 64),
        ("windows.10", "Windows 10", Windows, 2, 4096, "sata", "e1000e", SecureBoot, false, true, 64),
        ("windows.2k25", "Windows Server 2025", Windows, 2, 4096, "sata", "e1000e", SecureBoot, true, true, 64),
        ("windows.2k22", "Windows Server 2022", Windows, 2, 4096, "sata", "e1000e", SecureBoot, true, true, 64),
        ("windows.7", "Windows 7", Windows, 1, 2048, "sata", "e1000", Bios, false, false, 40),
        ("linux", "Other Linux", Linux, 1, 1024, "virtio", "virtio", Bios, false, false, 20),
        ("legacy", "Something else", Other, 1, 512, "sata", "e1000", Bios, false, false, 20),
    ]
    .into_iter()
    .map(|(id, label, family, cpus, memory_mib, bus, nic, firmware, keeps, has_drivers, disk_gib)| SystemCard {
        id: id.to_owned(),
        label: label.to_owned(),
        family,
        has_preference: false,
        is_variant: false,
        cpus,
        memory_mib,
        disk_bus: bus.to_owned(),
        nic: nic.to_owned(),
        firmware,
        keeps_firmware: keeps,
        wants_tpm: keeps,
        has_drivers,
        disk_gib,
    })
    .collect()
}

/// The card of a preference; `None` for one that no person should choose: other processors, hidden twins.
pub fn system_from_preference(object: &Value) -> Option<SystemCard> {
    let id = object["metadata"]["name"].as_str().filter(|name| !name.is_empty())?;
    let spec = &object["spec"];
    let is_foreign = spec["preferredArchitecture"].as_str().is_some_and(|architecture| architecture != "amd64");
    // A `.virtio` preference is for a guest that has the drivers already, which its installer has not.
    let variant = id.rsplit('.').next().unwrap_or_default();
    if is_foreign || variant == "virtio" || variant == "arm64" || id.contains(".s390x") {
        return None;
    }
    let labels = &object["metadata"]["labels"];
    let is_windows = id.starts_with("windows")
        || labels["instancetype.kubevirt.io/os-type"] == "windows"
        || spec["annotations"]["vm.kubevirt.io/os"] == "windows";
    let family = match id {
        "legacy" => Family::Other,
        _ if is_windows => Family::Windows,
        _ => Family::Linux,
    };
    let devices = &spec["devices"];
    let efi = &spec["firmware"]["preferredEfi"];
    let firmware = match (efi.is_object(), efi["secureBoot"] == true) {
        (true, true) => Firmware::SecureBoot,
        (true, false) => Firmware::Efi,
        (false, _) => Firmware::Bios,
    };
    let required = |place: &str| &spec["requirements"][place]["guest"];
    let is_old = ["windows.xp", "windows.2k3", "windows.2k8", "windows.7"].contains(&id);
    let nic = match id {
        // No driver of their own for the newer card, or none that its setup finds.
        "windows.7" | "windows.2k8" => "e1000",
        "windows.2k3" | "windows.xp" => "rtl8139",
        _ => devices["preferredInterfaceModel"].as_str().unwrap_or("virtio"),
    };
    let display = object["metadata"]["annotations"]["openshift.io/display-name"].as_str();
    Some(SystemCard {
        label: display.map_or_else(|| label(id), |name| name.trim_start_matches("Microsoft ").to_owned()),
        family,
        has_preference: true,
        is_variant: [".desktop", ".dpdk", ".realtime", ".virtiotransitional", ".efi"]
            .iter()
            .any(|end| id.ends_with(end)),
        cpus: required("cpu").as_u64().and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or(1),
        memory_mib: required("memory").as_str().and_then(size::mib).unwrap_or(512),
        disk_bus: devices["preferredDiskBus"].as_str().unwrap_or("virtio").to_owned(),
        nic: nic.to_owned(),
        firmware,
        keeps_firmware: efi["persistent"] == true,
        wants_tpm: devices["preferredTPM"].is_object(),
        has_drivers: is_windows && !is_old,
        disk_gib: match (is_windows, is_old) {
            (true, false) => 64,
            (true, true) => 40,
            (false, _) => 20,
        },
        id: id.to_owned(),
    })
}

/// A preference's name as people say it: `windows.2k22` is `Windows Server 2022`.
fn label(id: &str) -> String {
    let (name, rest) = id.split_once('.').unwrap_or((id, ""));
    let name = match name {
        "windows" => "Windows",
        "centos" => "CentOS",
        "rhel" => "Red Hat Enterprise Linux",
        "opensuse" => "openSUSE",
        "oraclelinux" => "Oracle Linux",
        "sles" => "SUSE Linux Enterprise",
        "cirros" => "CirrOS",
        "linux" => "Other Linux",
        "legacy" => "Something else",
        other => return capital(&format!("{other} {}", rest.replace('.', " "))),
    };
    let rest = rest.replace('.', " ").replace("stream", "Stream ").replace("xp", "XP").replace("2k3", "Server 2003");
    let rest = rest.replace("2k8", "Server 2008").replace("2k", "Server 20");
    capital(&format!("{name} {rest}"))
}

fn capital(text: &str) -> String {
    let text = text.trim();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_preference_says_what_a_system_needs() {
        let card = system_from_preference(&json!({
            "metadata": {"name": "windows.11"},
            "spec": {
                "annotations": {"vm.kubevirt.io/os": "windows"},
                "devices": {"preferredDiskBus": "sata", "preferredInterfaceModel": "e1000e", "preferredTPM": {"persistent": true}},
                "firmware": {"preferredEfi": {"persistent": true, "secureBoot": true}},
                "requirements": {"cpu": {"guest": 2}, "memory": {"guest": "4Gi"}},
            },
        }))
        .unwrap();
        assert_eq!(
            (card.label.as_str(), card.family, card.cpus, card.memory_mib),
            ("Windows 11", Family::Windows, 2, 4096)
        );
        assert!(card.wants_tpm && card.keeps_firmware && card.has_drivers && card.firmware == Firmware::SecureBoot);
    }

    #[test]
    fn windows_7_gets_what_it_has_drivers_for() {
        let seven = json!({"metadata": {"name": "windows.7"}, "spec": {"devices": {"preferredDiskBus": "sata", "preferredInterfaceModel": "e1000e"}}});
        let card = system_from_preference(&seven).unwrap();
        assert_eq!((card.disk_bus.as_str(), card.nic.as_str(), card.has_drivers), ("sata", "e1000", false));
    }

    #[test]
    fn twins_and_other_processors_are_not_offered() {
        for name in ["windows.11.virtio", "fedora.arm64", "rhel.9.s390x"] {
            assert_eq!(system_from_preference(&json!({"metadata": {"name": name}, "spec": {}})), None, "{name}");
        }
    }

    #[test]
    fn names_are_said_as_people_say_them() {
        for (id, said) in [
            ("windows.2k22", "Windows Server 2022"),
            ("windows.2k8", "Windows Server 2008"),
            ("centos.stream10", "CentOS Stream 10"),
            ("ubuntu", "Ubuntu"),
            ("rhel.9", "Red Hat Enterprise Linux 9"),
        ] {
            assert_eq!(label(id), said);
        }
    }
}
