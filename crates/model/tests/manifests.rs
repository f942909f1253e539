//! The manifest of each card, as it was last agreed on, and against the schemas of a real cluster.
//!
//! The schemas are not part of this repository. They are read from the folder that `PORTHOLE_RECORDED` names, or
//! from `../shared/recorded` beside the repository; a test that needs them says so and passes where they are absent.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it says")]

use std::path::PathBuf;
use std::process::Command;

use model::create::{
    Boot, Bus, ClassOption, CreateOptions, ExtraDisk, Family, Firmware, Hidden, ImageKind, ImageOption, MachineDraft,
    NetworkChoice, Run, SizeCard, Tpm, all_as_yaml, built_in_systems, manifests, problems, read_machine,
    system_from_preference,
};
use serde_json::Value;

fn text(text: &str) -> String {
    text.to_owned()
}

fn options() -> CreateOptions {
    let image = |at: &str, kind| ImageOption { at: text(at), kind, bytes: 6 << 30, ..ImageOption::default() };
    let class = |name: &str, is_default| ClassOption {
        name: text(name),
        is_default,
        has_profile: is_default,
        is_shared: is_default,
    };
    CreateOptions {
        namespace: text("blue"),
        teams: vec![text("blue")],
        systems: built_in_systems(),
        sizes: vec![SizeCard { name: text("u1.medium"), cpus: 1, memory_mib: 4096, note: String::new() }],
        images: vec![
            image("blue/setup-iso", ImageKind::Iso),
            image("porthole-images/setup-iso", ImageKind::Iso),
            image("blue/golden", ImageKind::DataSource),
            image("blue/web-disk", ImageKind::Claim),
        ],
        networks: vec![text("blue/vlan-7")],
        classes: vec![class("fast", true), class("local", false)],
        devices: vec![text("nvidia.com/A10")],
        has_live_discs: true,
        driver_image: text("quay.io/kubevirt/virtio-container-disk:v1.9.0"),
        ..CreateOptions::default()
    }
}

fn installed(system: &str) -> MachineDraft {
    MachineDraft {
        name: text("web-1"),
        namespace: text("blue"),
        system: text(system),
        image: text("blue/setup-iso"),
        cpus: text("2"),
        memory: text("4 GiB"),
        disk: text("64 GiB"),
        ..MachineDraft::default()
    }
}

/// A draft for every branch that a manifest can take.
fn drafts() -> Vec<(String, MachineDraft)> {
    let linux = || installed("debian");
    let mut all: Vec<_> =
        built_in_systems().into_iter().map(|card| (card.id.replace('.', "-"), installed(&card.id))).collect();
    let long = format!("#cloud-config\nruncmd:\n{}", "  - echo hello to everybody\n".repeat(100));
    let more = [
        (
            "copy-of-an-image",
            MachineDraft {
                boot: Boot::Image,
                image: text("blue/golden"),
                disk: String::new(),
                instancetype: text("u1.medium"),
                ..linux()
            },
        ),
        (
            "copy-of-a-claim",
            MachineDraft {
                boot: Boot::Image,
                image: text("blue/web-disk"),
                disk: text("80"),
                storage_class: text("local"),
                ..linux()
            },
        ),
        ("disc-of-another-team", MachineDraft { image: text("porthole-images/setup-iso"), ..linux() }),
        (
            "container-disk",
            MachineDraft {
                boot: Boot::Container,
                container: text("quay.io/containerdisks/fedora:latest"),
                user: text("ana"),
                password: Hidden(text("correct: horse")),
                ssh_keys: text("ssh-ed25519 AAAA ana"),
                ..linux()
            },
        ),
        (
            "own-instructions",
            MachineDraft {
                user_data: text("#cloud-config\npackages: [vim]\n"),
                ssh_keys: text("ssh-ed25519 AAAA ana\n\nssh-rsa BBBB bo"),
                ..linux()
            },
        ),
        ("long-instructions", MachineDraft { user_data: long, ..linux() }),
        (
            "answer-file",
            MachineDraft {
                sysprep: text("<unattend xmlns=\"urn:schemas-microsoft-com:unattend\"></unattend>"),
                no_drivers: true,
                ..installed("windows.11")
            },
        ),
        (
            "everything-else",
            MachineDraft {
                boot: Boot::Blank,
                disks: vec![ExtraDisk { size: text("100") }, ExtraDisk { size: text("512 MiB") }],
                bus: Bus::Scsi,
                network: NetworkChoice::Multus,
                multus: text("blue/vlan-7"),
                node: text("node01"),
                apart: true,
                firmware: Firmware::SecureBoot,
                tpm: Tpm::Temporary,
                no_tablet: true,
                sound: true,
                devices: text("nvidia.com/A10"),
                run: Run::ByHand,
                ..linux()
            },
        ),
        (
            "no-network",
            MachineDraft { network: NetworkChoice::Nothing, firmware: Firmware::Bios, tpm: Tpm::Kept, ..linux() },
        ),
        (
            "bridge",
            MachineDraft {
                network: NetworkChoice::Bridge,
                firmware: Firmware::Efi,
                tpm: Tpm::Off,
                run: Run::Always,
                ..linux()
            },
        ),
    ];
    all.extend(more.into_iter().map(|(name, draft)| (text(name), draft)));
    all
}

#[test]
fn every_card_and_choice_gives_the_agreed_manifest() {
    for (name, draft) in drafts() {
        assert_eq!(problems(&draft, &options()), model::create::Problems::new(), "{name}");
        insta::assert_snapshot!(name, all_as_yaml(&draft, &options()));
    }
}

/// A draft in another team's words may come back in other words; the machine that it makes is the same.
#[test]
fn every_draft_is_read_back_from_its_machine() {
    for (name, draft) in drafts() {
        let made = manifests(&draft, &options());
        let read = read_machine(&made.machine, &options());
        assert_eq!(read.machine, None, "{name}: {:?}", read.notes);
        let again = manifests(&read.draft, &options());
        if made.secrets.is_empty() {
            assert_eq!(again, made, "{name}");
        } else {
            assert!(!read.notes.is_empty(), "{name}: what is in a Secret is left out, and that is told");
        }
    }
}

#[test]
fn a_half_filled_draft_has_a_manifest_too() {
    let made = manifests(&MachineDraft::default(), &CreateOptions::default());
    assert_eq!(made.machine["kind"], "VirtualMachine");
    let yaml = all_as_yaml(&MachineDraft::default(), &CreateOptions::default());
    assert!(yaml.contains("name: new-machine"), "{yaml}");
}

#[test]
fn windows_7_sees_its_disk_and_its_card() {
    let made = manifests(&installed("windows.7"), &options()).machine;
    let devices = &made["spec"]["template"]["spec"]["domain"]["devices"];
    assert_eq!(devices["disks"][0]["disk"]["bus"], "sata");
    assert_eq!(devices["interfaces"][0]["model"], "e1000");
    assert!(!made.to_string().contains("virtio"), "{made}");
}

#[test]
fn every_disk_has_its_volume_and_every_new_claim_its_size() {
    for (name, draft) in drafts() {
        let machine = manifests(&draft, &options()).machine;
        let spec = &machine["spec"]["template"]["spec"];
        let names = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&spec["domain"]["devices"]["disks"]), names(&spec["volumes"]), "{name}");
        for template in machine["spec"]["dataVolumeTemplates"].as_array().into_iter().flatten() {
            let claim = &template["metadata"]["name"];
            let is_used =
                spec["volumes"].as_array().unwrap().iter().any(|volume| volume["dataVolume"]["name"] == *claim);
            assert!(is_used, "{name}: {claim} is made for nobody");
            assert!(template["spec"]["storage"]["resources"]["requests"]["storage"].is_string(), "{name}: {claim}");
        }
    }
}

#[expect(clippy::disallowed_macros, reason = "a test that is skipped says so, and has no log")]
fn recorded(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("PORTHOLE_RECORDED").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recorded"));
    let file = root.join(path);
    if !file.exists() {
        eprintln!("skipped: {} is not there", file.display());
        return None;
    }
    Some(file)
}

fn schema(group: &str, kind: &str) -> Option<Value> {
    let file = recorded(&format!("openapi/{group}.json.gz"))?;
    let unpacked = Command::new("gzip").arg("-dc").arg(file).output().unwrap();
    let document: Value = serde_json::from_slice(&unpacked.stdout).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    schemas.iter().find(|(name, _)| name.ends_with(kind)).map(|(_, schema)| schema.clone())
}

/// What a value holds that its schema does not know, or in another type.
fn complaints(at: &str, value: &Value, schema: &Value, found: &mut Vec<String>) {
    if schema["x-kubernetes-preserve-unknown-fields"] == true
        || schema.get("$ref").is_some()
        || schema.get("allOf").is_some()
    {
        return;
    }
    if schema["x-kubernetes-int-or-string"] == true {
        return;
    }
    let is_right = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        _ => true,
    };
    if !is_right {
        found.push(format!("{at} is {value} instead of {}", schema["type"]));
    }
    if let (Some(choices), Some(_)) = (schema["enum"].as_array(), value.as_str())
        && !choices.contains(value)
    {
        found.push(format!("{at} is {value}, which is none of {choices:?}"));
    }
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.is_object() && value.get(required).is_none() {
            found.push(format!("{at} lacks {required}"));
        }
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        match (schema["properties"].get(key), schema.get("additionalProperties")) {
            (Some(known), _) | (None, Some(known)) => complaints(&format!("{at}.{key}"), inner, known, found),
            (None, None) => found.push(format!("{at}.{key} is not known")),
        }
    }
    for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
        complaints(&format!("{at}[{index}]"), inner, &schema["items"], found);
    }
}

#[test]
fn every_manifest_fits_a_real_clusters_schema() {
    let Some(schema) = schema("kubevirt.io_v1", ".v1.VirtualMachine") else { return };
    let mut found = Vec::new();
    for (name, draft) in drafts() {
        complaints(&name, &manifests(&draft, &options()).machine, &schema, &mut found);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_wrong_manifest_does_not_fit() {
    let Some(schema) = schema("kubevirt.io_v1", ".v1.VirtualMachine") else { return };
    let mut machine = manifests(&installed("debian"), &options()).machine;
    machine["spec"]["template"]["spec"]["domain"]["devices"]["tablets"] = true.into();
    let mut found = Vec::new();
    complaints("vm", &machine, &schema, &mut found);
    assert_eq!(found, ["vm.spec.template.spec.domain.devices.tablets is not known"]);
}

#[test]
fn a_real_clusters_preferences_become_cards() {
    let Some(file) = recorded("objects/clusterpreferences.json") else { return };
    let preferences: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let cards: Vec<_> = preferences.as_array().unwrap().iter().filter_map(system_from_preference).collect();
    assert!(cards.len() > 30, "{}", cards.len());
    let windows: Vec<_> =
        cards.iter().filter(|card| card.family == Family::Windows).map(|card| card.label.as_str()).collect();
    assert!(windows.contains(&"Windows 11") && windows.contains(&"Windows Server 2022"), "{windows:?}");
    for card in &cards {
        assert!(!card.disk_bus.is_empty() && !card.nic.is_empty() && card.firmware != Firmware::Auto, "{card:?}");
        assert!(card.memory_mib >= 128 && card.cpus >= 1, "{card:?}");
    }
}
