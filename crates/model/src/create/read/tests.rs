use serde_json::json;

use super::super::draft::{ExtraDisk, NetworkChoice, Tpm};
use super::super::options::{ImageKind, ImageOption};
use super::super::{Boot, built_in_systems, yaml};
use super::*;

fn text(text: &str) -> String {
    text.to_owned()
}

fn options() -> CreateOptions {
    CreateOptions {
        systems: built_in_systems(),
        images: vec![ImageOption { at: text("blue/golden"), kind: ImageKind::DataSource, ..ImageOption::default() }],
        has_live_discs: true,
        driver_image: text("virtio:1"),
        ..CreateOptions::default()
    }
}

fn blank() -> MachineDraft {
    MachineDraft {
        name: text("web-1"),
        namespace: text("blue"),
        system: text("debian"),
        boot: Boot::Blank,
        cpus: text("2"),
        memory: text("1536 MiB"),
        disk: text("20 GiB"),
        disks: vec![ExtraDisk { size: text("100 GiB") }],
        ..MachineDraft::default()
    }
}

/// The machine as the cluster has it some time after it was made.
fn in_cluster(draft: &MachineDraft) -> Value {
    let mut machine = manifests(draft, &options()).machine;
    machine["metadata"]["uid"] = "u1".into();
    machine["metadata"]["annotations"] = json!({"kubevirt.io/latest-observed-api-version": "v1"});
    machine["status"] = json!({"printableStatus": "Running"});
    let spec = &mut machine["spec"]["template"]["spec"];
    spec["architecture"] = "amd64".into();
    spec["domain"]["machine"] = json!({"type": "q35"});
    spec["domain"]["resources"] = json!({});
    spec["domain"]["firmware"]["uuid"] = "f1".into();
    if spec["domain"]["devices"]["interfaces"].is_array() {
        spec["domain"]["devices"]["interfaces"][0]["macAddress"] = "02:00:00:00:00:01".into();
    }
    machine["spec"]["template"]["metadata"]["creationTimestamp"] = Value::Null;
    machine
}

#[test]
fn what_the_form_made_is_read_back_as_the_form() {
    let read = read_machine(&in_cluster(&blank()), &options());
    assert_eq!(read, MachineReading { draft: blank(), machine: None, notes: Vec::new() });
    let chosen = MachineDraft {
        boot: Boot::Image,
        image: text("blue/golden"),
        network: NetworkChoice::Nothing,
        tpm: Tpm::Kept,
        user: text("ana"),
        ssh_keys: text("ssh-ed25519 AAAA ana"),
        apart: true,
        ..blank()
    };
    assert_eq!(read_machine(&in_cluster(&chosen), &options()).draft, chosen);
}

#[test]
fn what_the_form_cannot_say_keeps_the_manifest_without_what_is_this_machines_alone() {
    let mut machine = in_cluster(&blank());
    machine["metadata"]["labels"] = json!({"app": "shop"});
    machine["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] = "web-1".into();
    let spec = &mut machine["spec"]["template"]["spec"];
    spec["hostname"] = "web-1".into();
    spec["domain"]["cpu"]["model"] = "host-passthrough".into();
    spec["volumes"][1] = json!({"name": "data-1", "persistentVolumeClaim": {"claimName": "old-data"}});
    machine["spec"]["dataVolumeTemplates"].as_array_mut().unwrap().pop();
    let read = read_machine(&machine, &options());
    let manifest = yaml::document(read.machine.as_ref().unwrap());
    for kept in [
        "app: shop",
        "app.kubernetes.io/name: \"${MACHINE_NAME}\"",
        "model: host-passthrough",
        "name: \"${MACHINE_NAME}-disk\"",
        "name: \"${MACHINE_NAME}-data-1\"",
        "name: old-data",
    ] {
        assert!(manifest.contains(kept), "{kept}\n{manifest}");
    }
    for gone in ["web-1", "02:00", "uuid", "status", "namespace: green", "hostname"] {
        assert!(!manifest.contains(gone), "{gone}\n{manifest}");
    }
    assert_eq!(portable_manifest(read.machine.as_ref().unwrap()), (read.machine.clone().unwrap(), Vec::new()), "once");
    let told = read.notes.join(" ");
    for word in ["cpu.model", "hostname", "metadata.labels", "data-1 becomes a copy of the claim old-data"] {
        assert!(told.contains(word), "{word}: {told}");
    }
}

#[test]
fn a_machine_that_is_installed_by_now_starts_from_an_empty_disk() {
    let made = MachineDraft { boot: Boot::Iso, image: text("blue/debian-iso"), ..blank() };
    let mut machine = in_cluster(&made);
    machine["spec"]["template"]["spec"]["volumes"]
        .as_array_mut()
        .unwrap()
        .retain(|volume| volume["name"] != "installer" && volume["name"] != "drivers");
    let read = read_machine(&machine, &options());
    assert_eq!((read.draft.boot, read.machine), (Boot::Blank, None));
}

#[test]
fn secrets_of_the_machine_are_left_out_and_that_is_told() {
    let mut draft = MachineDraft { user: text("ana"), ..blank() };
    draft.password.0 = text("horse");
    let read = read_machine(&in_cluster(&draft), &options());
    assert_eq!(read.draft, blank());
    assert!(read.notes[0].contains("Secret"), "{:?}", read.notes);
    let mut company = in_cluster(&draft);
    for volume in company["spec"]["template"]["spec"]["volumes"].as_array_mut().unwrap() {
        if volume["name"] == "cloudinit" {
            volume["cloudInitNoCloud"]["secretRef"]["name"] = "company-wide".into();
        }
    }
    let read = read_machine(&company, &options());
    assert!(read.machine.unwrap().to_string().contains("company-wide"), "a Secret of everybody stays");
}

#[test]
fn anything_is_read_without_a_panic() {
    for machine in [json!({}), json!([]), json!({"spec": {"template": 3, "dataVolumeTemplates": [1]}}), json!(null)] {
        let read = read_machine(&machine, &options());
        assert!(read.machine.is_some(), "{machine}");
    }
}
