//! What the form would have said.

use serde_json::Value;

use super::super::draft::{Boot, Bus, ExtraDisk, Firmware, MachineDraft, NetworkChoice, Run, Tpm};
use super::super::manifest::{GROUP, cloud_config};
use super::super::size;
use super::super::system::SystemCard;

/// The draft of a cleaned machine, if it runs this system.
pub(super) fn draft(machine: &Value, card: &SystemCard) -> MachineDraft {
    let spec = &machine["spec"];
    let instance = &spec["template"]["spec"];
    let (domain, devices) = (&instance["domain"], &instance["domain"]["devices"]);
    let mut draft = MachineDraft {
        name: text(&machine["metadata"]["name"]),
        namespace: text(&machine["metadata"]["namespace"]),
        system: card.id.clone(),
        instancetype: text(&spec["instancetype"]["name"]),
        cpus: processors(domain),
        memory: size_text(&domain["memory"]["guest"]),
        node: text(&instance["nodeSelector"]["kubernetes.io/hostname"]),
        apart: spec["template"]["metadata"]["labels"][GROUP].is_string(),
        firmware: firmware(domain, card),
        tpm: tpm(&devices["tpm"], card),
        no_tablet: !named(&devices["inputs"], "tablet").is_object(),
        sound: devices["sound"].is_object(),
        devices: each(&devices["hostDevices"]).map(|device| text(&device["deviceName"])).collect::<Vec<_>>().join("\n"),
        run: run(text(&spec["runStrategy"]).as_str()),
        ..MachineDraft::default()
    };
    disks(machine, card, &mut draft);
    network(instance, &mut draft);
    instructions(&instance["volumes"], &mut draft);
    draft
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    each(list).find(|entry| entry["name"] == name).unwrap_or(&Value::Null)
}

fn run(strategy: &str) -> Run {
    Run::ALL.iter().copied().find(|run| run.strategy() == strategy).unwrap_or(Run::ByHand)
}

fn processors(domain: &Value) -> String {
    if !domain["cpu"].is_object() {
        return String::new();
    }
    let part = |name: &str| domain["cpu"][name].as_u64().filter(|part| *part > 0).unwrap_or(1);
    (part("sockets") * part("cores") * part("threads")).to_string()
}

/// A quantity of whole MiB as people type it; empty for any other, which the form cannot say.
fn size_text(quantity: &Value) -> String {
    let mib = quantity.as_str().and_then(|text| {
        let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(at);
        let factor = match unit {
            "Mi" => 1,
            "Gi" => size::GIB_IN_MIB,
            "Ti" => size::GIB_IN_MIB * 1024,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(factor)
    });
    match mib {
        Some(mib) if mib.is_multiple_of(size::GIB_IN_MIB) => format!("{} GiB", mib / size::GIB_IN_MIB),
        Some(mib) => format!("{mib} MiB"),
        None => String::new(),
    }
}

fn firmware(domain: &Value, card: &SystemCard) -> Firmware {
    let loader = &domain["firmware"]["bootloader"];
    let said = if loader["efi"].is_object() {
        // Secure is what EFI is unless somebody says otherwise.
        Some(if loader["efi"]["secureBoot"] == false { Firmware::Efi } else { Firmware::SecureBoot })
    } else if loader["bios"].is_object() || !card.has_preference {
        Some(Firmware::Bios)
    } else {
        None
    };
    said.filter(|said| card.has_preference || *said != card.firmware).unwrap_or_default()
}

fn tpm(tpm: &Value, card: &SystemCard) -> Tpm {
    let comes_by_itself = card.wants_tpm && !card.has_preference;
    match tpm {
        Value::Object(chip) if chip.get("enabled") == Some(&Value::Bool(false)) => Tpm::Off,
        Value::Object(chip) if chip.get("persistent") != Some(&Value::Bool(true)) => Tpm::Temporary,
        Value::Object(_) if comes_by_itself => Tpm::Auto,
        Value::Object(_) => Tpm::Kept,
        _ if comes_by_itself => Tpm::Off,
        _ => Tpm::Auto,
    }
}

fn disks(machine: &Value, card: &SystemCard, draft: &mut MachineDraft) {
    let instance = &machine["spec"]["template"]["spec"];
    let (devices, volumes) = (&instance["domain"]["devices"]["disks"], &instance["volumes"]);
    let namespace = text(&machine["metadata"]["namespace"]);
    let template = |volume: &Value| {
        let claim = volume["dataVolume"]["name"].as_str()?;
        each(&machine["spec"]["dataVolumeTemplates"]).find(|made| made["metadata"]["name"] == claim)
    };
    // What a claim is copied from, or the claim itself where nothing says how it was made.
    let image = |volume: &Value| {
        if let Some(made) = template(volume) {
            return source(&made["spec"]);
        }
        let claim = volume["persistentVolumeClaim"]["claimName"].as_str().or(volume["dataVolume"]["name"].as_str())?;
        Some(format!("{namespace}/{claim}"))
    };
    let root = named(volumes, "root");
    let bus = text(&named(devices, "root")["disk"]["bus"]);
    draft.bus = if bus == card.disk_bus { Bus::Auto } else { Bus::from_word(&bus) };
    if let Some(image) = root["containerDisk"]["image"].as_str() {
        draft.boot = Boot::Container;
        image.clone_into(&mut draft.container);
    } else {
        let disc = named(volumes, "installer");
        let copied = image(root);
        draft.boot = match (&copied, disc.is_object()) {
            (Some(_), _) => Boot::Image,
            (None, true) => Boot::Iso,
            (None, false) => Boot::Blank,
        };
        draft.image = copied.or_else(|| image(disc)).unwrap_or_default();
        draft.no_drivers = draft.boot == Boot::Iso && card.has_drivers && !named(volumes, "drivers").is_object();
        if let Some(made) = template(root) {
            draft.disk = size_text(&made["spec"]["storage"]["resources"]["requests"]["storage"]);
            draft.storage_class = text(&made["spec"]["storage"]["storageClassName"]);
        }
    }
    draft.disks = (1..=volumes.as_array().map_or(0, Vec::len))
        .map(|number| named(volumes, &format!("data-{number}")))
        .take_while(|volume| volume.is_object())
        .map(|volume| {
            let made = template(volume).unwrap_or(&Value::Null);
            ExtraDisk { size: size_text(&made["spec"]["storage"]["resources"]["requests"]["storage"]) }
        })
        .collect();
}

/// `namespace/name` of what a claim is copied from; `None` for an empty one.
fn source(spec: &Value) -> Option<String> {
    let from = if spec["sourceRef"].is_object() { &spec["sourceRef"] } else { &spec["source"]["pvc"] };
    Some(format!("{}/{}", from["namespace"].as_str()?, from["name"].as_str()?))
}

fn network(instance: &Value, draft: &mut MachineDraft) {
    let card = &instance["domain"]["devices"]["interfaces"][0];
    let network = &instance["networks"][0];
    draft.multus = text(&network["multus"]["networkName"]);
    draft.network = if card.is_null() {
        NetworkChoice::Nothing
    } else if !draft.multus.is_empty() {
        NetworkChoice::Multus
    } else if card["bridge"].is_object() {
        NetworkChoice::Bridge
    } else {
        NetworkChoice::Masquerade
    };
}

/// Instructions in cloud-init's words; those that the form made up become its fields again.
fn instructions(volumes: &Value, draft: &mut MachineDraft) {
    let Some(text) = named(volumes, "cloudinit")["cloudInitNoCloud"]["userData"].as_str() else { return };
    let mut lines = text.lines().skip(1).peekable();
    let quoted = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    let (mut user, mut keys) = (String::new(), Vec::new());
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("user:") {
            user = quoted(name);
        } else if line == "ssh_authorized_keys:" {
            while let Some(key) = lines.next_if(|line| line.starts_with("  - ")) {
                keys.push(quoted(&key[4..]));
            }
        }
    }
    let listed: Vec<_> = keys.iter().map(String::as_str).collect();
    if cloud_config(&user, "", &listed) == text {
        draft.user = user;
        draft.ssh_keys = keys.join("\n");
    } else {
        text.clone_into(&mut draft.user_data);
    }
}
