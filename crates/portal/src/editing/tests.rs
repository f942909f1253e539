use model::{ErrorCode, ObjectRef};
use serde_json::{Value, json};

use super::MachineChange;
use super::steps;
use crate::testing::{Fake, allowed, ana};

fn machine() -> Value {
    json!({
        "metadata": {"name": "web", "namespace": "blue", "resourceVersion": "7"},
        "spec": {
            "dataVolumeTemplates": [{"metadata": {"name": "web-disk"}}, {"metadata": {"name": "web-installer"}}],
            "template": {"spec": {
                "domain": {
                    "cpu": {"sockets": 2, "cores": 1, "threads": 1, "model": "host-model"},
                    "memory": {"guest": "2Gi"},
                    "devices": {"disks": [{"name": "root", "disk": {"bus": "virtio"}}, {"name": "installer", "cdrom": {"bus": "sata"}}]},
                },
                "volumes": [
                    {"name": "root", "dataVolume": {"name": "web-disk"}},
                    {"name": "installer", "dataVolume": {"name": "web-installer", "hotpluggable": true}},
                ],
            }},
        },
    })
}

/// The machine after a change, as the API server would make it.
fn after(steps: &[Value]) -> Value {
    after_of(machine(), steps)
}

fn after_of(mut object: Value, steps: &[Value]) -> Value {
    for step in steps {
        let path = step["path"].as_str().unwrap();
        let (parent, last) = path.rsplit_once('/').unwrap();
        let place = object.pointer_mut(parent).unwrap_or_else(|| panic!("{path} leads nowhere"));
        match (step["op"].as_str().unwrap(), place) {
            ("add", Value::Array(entries)) if last == "-" => entries.push(step["value"].clone()),
            ("add" | "replace", Value::Object(map)) => drop(map.insert(last.to_owned(), step["value"].clone())),
            ("remove", Value::Array(entries)) => drop(entries.remove(last.parse().unwrap())),
            (other, place) => panic!("{other} {path} on {place}"),
        }
    }
    object
}

fn spec(object: &Value) -> &Value {
    &object["spec"]["template"]["spec"]
}

#[test]
fn ejecting_keeps_the_drive_and_takes_the_template_along() {
    let object = after(&steps::eject(&machine(), "installer", true).unwrap());
    assert_eq!(spec(&object)["volumes"].as_array().unwrap().len(), 1);
    assert_eq!(spec(&object)["domain"]["devices"]["disks"][1]["name"], "installer");
    assert_eq!(object["spec"]["dataVolumeTemplates"], json!([{"metadata": {"name": "web-disk"}}]));
}

#[test]
fn where_no_drive_can_be_empty_it_goes_with_its_disc() {
    let object = after(&steps::eject(&machine(), "installer", false).unwrap());
    assert_eq!(spec(&object)["domain"]["devices"]["disks"].as_array().unwrap().len(), 1);
}

#[test]
fn only_a_drive_with_a_disc_can_be_emptied() {
    assert!(steps::eject(&machine(), "root", true).is_err(), "a disk is no disc");
    assert!(steps::eject(&machine(), "no-such", true).is_err());
    let empty = after(&steps::eject(&machine(), "installer", true).unwrap());
    assert!(steps::eject(&empty, "installer", true).is_err());
}

#[test]
fn after_an_installation_all_discs_come_out_at_once() {
    let mut windows = machine();
    windows["spec"]["template"]["spec"]["domain"]["devices"]["disks"]
        .as_array_mut()
        .unwrap()
        .insert(0, json!({"name": "drivers", "cdrom": {"bus": "sata"}}));
    let drivers = json!({"name": "drivers", "containerDisk": {"image": "virtio"}});
    windows["spec"]["template"]["spec"]["volumes"].as_array_mut().unwrap().push(drivers);
    let kept = after_of(windows.clone(), &steps::eject(&windows, "", true).unwrap());
    assert_eq!(spec(&kept)["volumes"], json!([{"name": "root", "dataVolume": {"name": "web-disk"}}]));
    assert_eq!(kept["spec"]["dataVolumeTemplates"], json!([{"metadata": {"name": "web-disk"}}]));
    assert_eq!(spec(&kept)["domain"]["devices"]["disks"].as_array().unwrap().len(), 3);
    let gone = after_of(windows.clone(), &steps::eject(&windows, "", false).unwrap());
    assert_eq!(spec(&gone)["domain"]["devices"]["disks"], json!([{"name": "root", "disk": {"bus": "virtio"}}]));
    assert!(steps::eject(&gone, "", true).is_err());
}

#[test]
fn inserting_replaces_what_is_in_the_drive_or_brings_a_drive() {
    let object = after(&steps::insert(&machine(), "installer", "tools-iso", true).unwrap());
    let disc = json!({"name": "installer", "persistentVolumeClaim": {"claimName": "tools-iso", "hotpluggable": true}});
    assert_eq!(spec(&object)["volumes"][1], disc);
    let object = after(&steps::insert(&machine(), "", "tools-iso", true).unwrap());
    assert_eq!(spec(&object)["domain"]["devices"]["disks"][2], json!({"name": "disc-1", "cdrom": {"bus": "sata"}}));
    assert!(steps::insert(&machine(), "installer", "", true).is_err());
}

#[test]
fn a_new_disk_brings_its_claim_and_a_name_that_is_free() {
    let object = after(&steps::add_disk(&machine(), "20", "fast", true).unwrap());
    let made = &object["spec"]["dataVolumeTemplates"][2];
    assert_eq!(
        (&made["metadata"]["name"], &made["spec"]["storage"]["storageClassName"]),
        (&json!("web-data-1"), &json!("fast"))
    );
    assert_eq!(spec(&object)["domain"]["devices"]["disks"][2], json!({"name": "data-1", "disk": {"bus": "scsi"}}));
    let bus = after(&steps::add_disk(&machine(), "20", "", false).unwrap());
    assert_eq!(spec(&bus)["domain"]["devices"]["disks"][2]["disk"]["bus"], "virtio", "off, it is like the first");
    assert!(steps::add_disk(&machine(), "much", "", true).is_err());
}

#[test]
fn a_new_size_changes_sockets_and_keeps_the_rest() {
    let object = after(&steps::resize(&machine(), "", "4", "8 GiB").unwrap());
    let domain = &spec(&object)["domain"];
    assert_eq!(domain["cpu"], json!({"sockets": 4, "cores": 1, "threads": 1, "model": "host-model"}));
    assert_eq!(domain["memory"]["guest"], "8Gi");
    assert!(steps::resize(&machine(), "u1.medium", "", "").is_err(), "it has a size of its own");
    for (cpus, memory) in [("0", "1 GiB"), ("two", "1 GiB"), ("2", "lots")] {
        assert!(steps::resize(&machine(), "", cpus, memory).is_err(), "{cpus} {memory}");
    }
}

fn web() -> ObjectRef {
    ObjectRef::parse("blue", "web").unwrap()
}

/// Ana may do everything in blue.
async fn fake(patch: (u16, Value)) -> Fake {
    let fake = Fake::new(move |call| match (call.review(), call.method.as_str()) {
        (Some(spec), _) => allowed(spec["resourceAttributes"]["namespace"] == "blue"),
        (None, "GET") if call.uri.ends_with("/virtualmachines/web") => (200, machine()),
        (None, "GET") => (404, json!({"kind": "Status", "message": "not found"})),
        (None, "PATCH") => patch.clone(),
        _ => (200, json!({})),
    });
    let fake = fake.await;
    fake.namespace("blue");
    let mut web = machine();
    web["status"] = json!({"printableStatus": "Running"});
    fake.machine("blue", "web", web.clone());
    fake.machine("green", "web", web);
    fake
}

fn eject() -> MachineChange {
    MachineChange::Eject { drive: "installer".to_owned() }
}

#[tokio::test]
async fn a_change_is_tested_against_the_version_that_it_was_made_from() {
    let fake = fake((200, json!({}))).await;
    fake.inner.change_machine(&ana(), &web(), &eject()).await.unwrap();
    let sent = fake.others().into_iter().find(|call| call.method == "PATCH").unwrap();
    assert_eq!(sent.body[0], json!({"op": "test", "path": "/metadata/resourceVersion", "value": "7"}));
    assert_eq!(sent.user.as_deref(), Some("ana@example"));
}

#[tokio::test]
async fn two_people_at_once_are_told_to_look_again() {
    let refusal =
        json!({"kind": "Status", "message": "the server rejected our request due to an error in our request"});
    let fake = fake((422, refusal)).await;
    let error = fake.inner.change_machine(&ana(), &web(), &eject()).await.unwrap_err().to_ui();
    assert!(error.code == ErrorCode::Conflict && error.message.contains("same moment"), "{error:?}");
}

#[tokio::test]
async fn a_machine_of_another_team_can_be_neither_changed_nor_deleted() {
    let fake = fake((200, json!({}))).await;
    let green = ObjectRef::parse("green", "web").unwrap();
    let changed = fake.inner.change_machine(&ana(), &green, &eject()).await.unwrap_err().to_ui();
    let deleted = fake.inner.delete_machine(&ana(), &green, &[]).await.unwrap_err().to_ui();
    assert_eq!((changed.code, deleted.code), (ErrorCode::NotFound, ErrorCode::NotFound));
    assert!(fake.others().iter().all(|call| call.method == "GET"));
}

#[tokio::test]
async fn a_claim_that_is_not_the_machines_is_never_deleted_with_it() {
    let fake = fake((200, json!({}))).await;
    let error = fake.inner.delete_machine(&ana(), &web(), &["other".to_owned()]).await.unwrap_err().to_ui();
    assert!(error.code == ErrorCode::Conflict && error.message.contains("other"));
    assert!(fake.others().iter().all(|call| call.method == "GET"));
}

#[tokio::test]
async fn deleting_a_machine_with_all_it_owns_is_one_request() {
    let fake = fake((200, json!({}))).await;
    fake.inner.delete_machine(&ana(), &web(), &["web-disk".to_owned(), "web-installer".to_owned()]).await.unwrap();
    let gone: Vec<_> = fake.others().into_iter().filter(|call| call.method == "DELETE").map(|call| call.uri).collect();
    assert!(gone[0].ends_with("/virtualmachines/web"), "{gone:?}");
}
