//! What is wrong with a draft, field by field, each with the way to mend it.
//!
//! The browser asks while somebody types, the server asks again before it sends anything; only the server knows
//! which names are taken.

mod name;

use std::collections::BTreeMap;

use super::copies;
use super::draft::{Boot, MachineDraft, NetworkChoice};
use super::options::{CreateOptions, ImageKind, ImageOption};
use super::parameter::is_reference;
use super::size;

pub use name::suggest_name;

/// Field name to what is wrong with it.
pub type Problems = BTreeMap<String, String>;

/// Smallest disk that makes sense, in MiB.
const SMALLEST_DISK: u64 = 1;
/// Largest disk that is taken for no slip of the finger, in MiB: 64 TiB.
const LARGEST_DISK: u64 = 64 << 20;
/// Most processors that a guest can have.
const MOST_CPUS: u32 = 512;
/// Fields that count although the manifest is edited by hand: whose it is, and what goes into Secrets.
const BESIDE_THE_MANIFEST: [&str; 8] =
    ["name", "copies", "namespace", "user", "password", "ssh_keys", "user_data", "sysprep"];
/// What a line with a public key begins with.
const KEY_KINDS: [&str; 5] = ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-", "sk-ssh-ed25519@", "sk-ecdsa-sha2-"];
/// What cloud-init understands as the first line.
const USER_DATA_HEADS: [&str; 8] = [
    "#cloud-config",
    "#!",
    "#include",
    "#cloud-boothook",
    "#part-handler",
    "#upstart-job",
    "## template: jinja",
    "Content-Type:",
];

/// Everything that keeps a draft from becoming a machine.
pub fn problems(draft: &MachineDraft, options: &CreateOptions) -> Problems {
    let mut found = Problems::new();
    let mut add = |field: &str, wrong: Option<String>| {
        if let Some(text) = wrong {
            found.entry(field.to_owned()).or_insert(text);
        }
    };
    add("name", name::problem(draft));
    add("copies", copies::problem(draft));
    add("namespace", team(draft, options));
    add("system", system(draft, options));
    add("image", image(draft, options));
    add("container", container(draft));
    let needed = options.system(&draft.system);
    if draft.instancetype.is_empty() {
        add("cpus", cpus(&draft.cpus));
        add("memory", memory(&draft.memory));
    } else {
        let is_unknown = !options.sizes.is_empty() && options.size(&draft.instancetype).is_none();
        add("instancetype", is_unknown.then(|| "The cluster has no such size any more. Choose another.".to_owned()));
    }
    if let (Some(card), Some((has_cpus, has_memory))) =
        (needed.filter(|card| card.has_preference), size_of(draft, options))
    {
        let (cpus_field, memory_field) =
            if draft.instancetype.is_empty() { ("cpus", "memory") } else { ("instancetype", "instancetype") };
        let label = &card.label;
        add(cpus_field, (has_cpus < card.cpus).then(|| format!("{label} needs at least {} CPUs.", card.cpus)));
        let least = size::words(card.memory_mib);
        add(memory_field, (has_memory < card.memory_mib).then(|| format!("{label} needs at least {least} of memory.")));
    }
    add("disk", first_disk(draft, options));
    for (index, disk) in draft.disks.iter().enumerate() {
        add(&format!("disks.{index}"), disk_size(&disk.size).err());
    }
    add("multus", multus(draft, options));
    add("user", user(&draft.user));
    add("password", password(draft));
    add("ssh_keys", keys(&draft.ssh_keys));
    add("user_data", user_data(&draft.user_data));
    add("sysprep", sysprep(&draft.sysprep));
    let is_node = draft.node.is_empty() || draft.node.parse::<crate::Name>().is_ok();
    add(
        "node",
        (!is_node)
            .then(|| "This is not the name of a node: it holds lower-case letters, digits, '-' and '.'.".to_owned()),
    );
    add("devices", devices(draft, options));
    add("copies", edited_copies(draft));
    if draft.manifest.is_some() {
        // The manifest says the rest by itself.
        found.retain(|field, _| BESIDE_THE_MANIFEST.contains(&field.as_str()));
    }
    found
}

fn edited_copies(draft: &MachineDraft) -> Option<String> {
    let is_too_much = draft.manifest.is_some() && copies::count(draft) > 1;
    is_too_much.then(|| "An edited manifest makes one machine. Clear this, or use the form instead.".to_owned())
}

/// Processors and memory in MiB of what will be made, as far as they can be told.
pub fn size_of(draft: &MachineDraft, options: &CreateOptions) -> Option<(u32, u64)> {
    if draft.instancetype.is_empty() {
        Some((draft.cpus.trim().parse().ok()?, size::mib(&draft.memory)?))
    } else {
        options.size(&draft.instancetype).map(|size| (size.cpus, size.memory_mib))
    }
}

fn team(draft: &MachineDraft, options: &CreateOptions) -> Option<String> {
    if draft.namespace.is_empty() {
        return Some("Choose the team that the machine belongs to.".to_owned());
    }
    let is_known = options.teams.contains(&draft.namespace);
    (!is_known).then(|| format!("You cannot create machines in {}. Choose another team.", draft.namespace))
}

fn system(draft: &MachineDraft, options: &CreateOptions) -> Option<String> {
    let is_unknown = !draft.system.is_empty() && options.system(&draft.system).is_none();
    is_unknown.then(|| "The cluster does not know this system any more. Choose another.".to_owned())
}

fn image(draft: &MachineDraft, options: &CreateOptions) -> Option<String> {
    let (is_disc, what) = match draft.boot {
        Boot::Iso => (true, "the ISO to install from"),
        Boot::Image => (false, "the image to copy"),
        Boot::Container | Boot::Blank => return None,
    };
    if draft.image.is_empty() {
        return Some(format!("Choose {what}."));
    }
    let Some(image) = options.image(&draft.image) else {
        return Some(format!("{} is not there any more, or your team may not use it. Choose another.", draft.image));
    };
    if is_disc != (image.kind == ImageKind::Iso) {
        return Some(if is_disc {
            "This is a disk, not an installation disc. Choose \"A copy of an image\" to start from it.".to_owned()
        } else {
            "This is an installation disc. Choose \"An installation disc\" to start from it.".to_owned()
        });
    }
    image.unready.clone()
}

fn container(draft: &MachineDraft) -> Option<String> {
    if draft.boot != Boot::Container {
        return None;
    }
    let image = draft.container.trim();
    if image.is_empty() {
        return Some("Name the container image, such as quay.io/containerdisks/fedora:latest.".to_owned());
    }
    let is_right = image.bytes().all(|c| c.is_ascii_alphanumeric() || b"./:@_-".contains(&c)) && !image.contains("//");
    (!is_right).then(|| "This is not the name of a container image: leave out https:// and spaces.".to_owned())
}

fn cpus(text: &str) -> Option<String> {
    match text.trim().parse::<u32>() {
        Ok(1..=MOST_CPUS) => None,
        Ok(0) => Some("A machine needs at least one CPU.".to_owned()),
        Ok(_) => Some(format!("A machine has at most {MOST_CPUS} CPUs.")),
        Err(_) => Some("Write a whole number of CPUs, such as 2.".to_owned()),
    }
}

fn memory(text: &str) -> Option<String> {
    match size::mib(text) {
        None => Some("Write a size such as 4 GiB or 512 MiB.".to_owned()),
        Some(0..=15) => Some("A guest needs at least 16 MiB; most need 1 GiB or more.".to_owned()),
        Some(mib) if mib > 16 << 20 => Some("This is more than 16 TiB. Check the unit.".to_owned()),
        Some(_) => None,
    }
}

fn disk_size(text: &str) -> Result<u64, String> {
    match size::mib(text) {
        None => Err("Write a size such as 20 GiB.".to_owned()),
        Some(mib) if mib < SMALLEST_DISK => Err("A disk has at least 1 MiB.".to_owned()),
        Some(mib) if mib > LARGEST_DISK => Err("This is more than 64 TiB. Check the unit.".to_owned()),
        Some(mib) => Ok(mib),
    }
}

fn first_disk(draft: &MachineDraft, options: &CreateOptions) -> Option<String> {
    match draft.boot {
        Boot::Container => None,
        Boot::Iso | Boot::Blank => disk_size(&draft.disk).err(),
        Boot::Image if draft.disk.trim().is_empty() => None,
        Boot::Image => match disk_size(&draft.disk) {
            Err(wrong) => Some(wrong),
            Ok(mib) => options.image(&draft.image).and_then(|image| too_small(mib, image)),
        },
    }
}

fn too_small(mib: u64, image: &ImageOption) -> Option<String> {
    let least = size::mib_of_bytes(image.bytes);
    (mib < least).then(|| {
        format!(
            "A copy cannot be smaller than its image, which has {}. Leave the size empty to take that.",
            size::words(least)
        )
    })
}

fn multus(draft: &MachineDraft, options: &CreateOptions) -> Option<String> {
    if draft.network != NetworkChoice::Multus {
        return None;
    }
    if draft.multus.is_empty() {
        return Some("Choose the network.".to_owned());
    }
    let is_known = options.networks.contains(&draft.multus);
    (!is_known).then(|| format!("There is no network {} that your team may use.", draft.multus))
}

fn user(user: &str) -> Option<String> {
    let mut letters = user.bytes();
    let is_right = match letters.next() {
        None => true,
        Some(first) => {
            (first.is_ascii_lowercase() || first == b'_')
                && user.len() <= 32
                && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_-".contains(&c))
        }
    };
    (!is_right).then(|| {
        "An account's name begins with a lower-case letter and holds lower-case letters, digits, '-' and '_'."
            .to_owned()
    })
}

fn password(draft: &MachineDraft) -> Option<String> {
    if is_reference(&draft.password.0) {
        // Nobody sees in a password field that a template's reference is still in it.
        return Some("The template asks for a password. Write it here.".to_owned());
    }
    let has_both = !draft.password.0.is_empty() && !draft.user_data.trim().is_empty();
    has_both.then(|| {
        "Your own user-data replaces what Porthole would write. Set the password in the user-data, or clear one of the two."
            .to_owned()
    })
}

fn keys(text: &str) -> Option<String> {
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line = line.trim();
        if line.contains("PRIVATE KEY") {
            return Some("This is a private key: keep it to yourself. The public one ends in .pub.".to_owned());
        }
        let is_key = KEY_KINDS.iter().any(|kind| line.starts_with(kind)) && line.split_whitespace().count() >= 2;
        if !is_key {
            return Some(format!("Line {} is not a public key: it begins with ssh-ed25519 or ssh-rsa.", number + 1));
        }
    }
    None
}

fn user_data(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return None;
    }
    if !USER_DATA_HEADS.iter().any(|head| text.starts_with(head)) {
        return Some(
            "The first line has to be #cloud-config, or #! for a script; otherwise the guest ignores all of it."
                .to_owned(),
        );
    }
    if text.starts_with("#cloud-config") {
        let tab = text.lines().position(|line| line.trim_start_matches(' ').starts_with('\t'));
        return tab.map(|line| format!("Line {} is indented with a tab. YAML wants spaces.", line + 1));
    }
    None
}

fn sysprep(text: &str) -> Option<String> {
    let text = text.trim();
    let is_right = text.is_empty() || (text.starts_with('<') && text.contains("unattend") && text.ends_with('>'));
    (!is_right).then(|| "This is not an answer file: it is XML with an <unattend> element.".to_owned())
}

fn devices(draft: &MachineDraft, options: &CreateOptions) -> Option<String> {
    let unknown = draft
        .devices
        .lines()
        .map(str::trim)
        .find(|name| !name.is_empty() && !options.devices.iter().any(|device| device == name))?;
    Some(format!("The cluster does not permit a device {unknown}. An administrator adds it to permittedHostDevices."))
}

#[cfg(test)]
mod tests {
    use super::super::built_in_systems;
    use super::*;

    fn options() -> CreateOptions {
        CreateOptions {
            teams: vec!["blue".to_owned()],
            systems: built_in_systems(),
            images: vec![
                ImageOption {
                    at: "blue/debian-iso".to_owned(),
                    kind: ImageKind::Iso,
                    bytes: 700 << 20,
                    ..ImageOption::default()
                },
                ImageOption {
                    at: "blue/golden".to_owned(),
                    kind: ImageKind::DataSource,
                    bytes: 10 << 30,
                    ..ImageOption::default()
                },
            ],
            ..CreateOptions::default()
        }
    }

    fn draft() -> MachineDraft {
        let text = str::to_owned;
        MachineDraft {
            name: text("web-1"),
            namespace: text("blue"),
            system: text("debian"),
            image: text("blue/debian-iso"),
            cpus: text("2"),
            memory: text("4 GiB"),
            disk: text("20 GiB"),
            ..MachineDraft::default()
        }
    }

    fn wrong(change: impl FnOnce(&mut MachineDraft)) -> Problems {
        let mut draft = draft();
        change(&mut draft);
        problems(&draft, &options())
    }

    fn only(field: &str, part: &str, change: impl FnOnce(&mut MachineDraft)) {
        let found = wrong(change);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found.get(field).is_some_and(|text| text.contains(part)), "{field} {part}: {found:?}");
    }

    #[test]
    fn a_good_draft_has_no_problems() {
        assert_eq!(wrong(|_| ()), Problems::new());
    }

    #[test]
    fn an_edited_manifest_takes_the_place_of_what_it_says() {
        let edited = |draft: &mut MachineDraft| {
            draft.manifest = Some("kind: VirtualMachine".to_owned());
            draft.cpus = "two".to_owned();
            draft.image.clear();
        };
        assert_eq!(wrong(edited), Problems::new());
        only("user", "lower-case letter", |draft| {
            edited(draft);
            draft.user = "Ana".to_owned();
        });
        only("copies", "one machine", |draft| {
            edited(draft);
            draft.copies = "2".to_owned();
        });
    }

    #[test]
    fn an_empty_form_names_every_field_that_is_needed() {
        let found = problems(&MachineDraft::default(), &options());
        assert_eq!(
            found.keys().map(String::as_str).collect::<Vec<_>>(),
            ["cpus", "disk", "image", "memory", "name", "namespace"]
        );
    }

    #[test]
    fn each_problem_is_named_at_its_field_with_the_fix() {
        only("name", "Try web-1", |draft| draft.name = "Web 1".to_owned());
        only("name", "at most 63", |draft| draft.name = "a".repeat(64));
        only("name", "has 64", |draft| {
            draft.name = "a".repeat(61);
            draft.copies = "10".to_owned();
        });
        only("copies", "1 to 20", |draft| draft.copies = "100".to_owned());
        only("namespace", "You cannot create machines in green", |draft| draft.namespace = "green".to_owned());
        only("cpus", "whole number", |draft| draft.cpus = "two".to_owned());
        only("memory", "4 GiB", |draft| draft.memory = "lots".to_owned());
        only("disk", "20 GiB", |draft| draft.disk = String::new());
        only("disks.1", "20 GiB", |draft| {
            draft.disks = vec![super::super::ExtraDisk { size: "5".to_owned() }, super::super::ExtraDisk::default()];
        });
        only("image", "is a disk", |draft| draft.image = "blue/golden".to_owned());
        only("image", "not there any more", |draft| draft.image = "green/secret".to_owned());
        only("disk", "10 GiB", |draft| {
            draft.boot = Boot::Image;
            draft.image = "blue/golden".to_owned();
            draft.disk = "5 GiB".to_owned();
        });
        only("container", "leave out https", |draft| {
            draft.boot = Boot::Container;
            draft.container = "https://quay.io/a".to_owned();
        });
        only("ssh_keys", "private key", |draft| draft.ssh_keys = "-----BEGIN OPENSSH PRIVATE KEY-----".to_owned());
        only("ssh_keys", "Line 2", |draft| draft.ssh_keys = "ssh-ed25519 AAAA me\nhello".to_owned());
        only("user_data", "#cloud-config", |draft| draft.user_data = "packages: [vim]".to_owned());
        only("user_data", "Line 2", |draft| draft.user_data = "#cloud-config\n\tpackages: [vim]".to_owned());
        only("sysprep", "unattend", |draft| draft.sysprep = "hello".to_owned());
        only("multus", "Choose", |draft| draft.network = NetworkChoice::Multus);
        only("devices", "gpu", |draft| draft.devices = "nvidia.com/gpu".to_owned());
        only("password", "asks for a password", |draft| draft.password.0 = "${PW}".to_owned());
        only("password", "user-data", |draft| {
            draft.password.0 = "secret".to_owned();
            draft.user_data = "#cloud-config\n".to_owned();
        });
    }
}
