use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::{ErrorCode, ObjectRef};
use serde_json::{Value, json};

use super::MachineChange;
use super::cards::{self, CardRules};
use super::{disks, size};
use crate::cluster::watch::Store as _;
use crate::error::PortalError;
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

/// The machine after a change.
fn after(change: impl FnOnce(&mut Value) -> Result<(), PortalError>) -> Value {
    after_of(&machine(), change)
}

fn after_of(object: &Value, change: impl FnOnce(&mut Value) -> Result<(), PortalError>) -> Value {
    let mut object = object.clone();
    change(&mut object).unwrap();
    object
}

/// Whether a change of the machine is refused.
fn refuses(change: impl FnOnce(&mut Value) -> Result<(), PortalError>) -> bool {
    change(&mut machine()).is_err()
}

fn spec(object: &Value) -> &Value {
    &object["spec"]["template"]["spec"]
}

#[test]
fn ejecting_keeps_the_drive_and_takes_the_template_along() {
    let object = after(|object| disks::eject(object, "installer", true));
    assert_eq!(spec(&object)["volumes"].as_array().unwrap().len(), 1);
    assert_eq!(spec(&object)["domain"]["devices"]["disks"][1]["name"], "installer");
    assert_eq!(object["spec"]["dataVolumeTemplates"], json!([{"metadata": {"name": "web-disk"}}]));
}

#[test]
fn where_no_drive_can_be_empty_it_goes_with_its_disc() {
    let object = after(|object| disks::eject(object, "installer", false));
    assert_eq!(spec(&object)["domain"]["devices"]["disks"].as_array().unwrap().len(), 1);
}

#[test]
fn only_a_drive_with_a_disc_can_be_emptied() {
    assert!(refuses(|object| disks::eject(object, "root", true)), "a disk is no disc");
    assert!(refuses(|object| disks::eject(object, "no-such", true)));
    let empty = after(|object| disks::eject(object, "installer", true));
    assert!(disks::eject(&mut empty.clone(), "installer", true).is_err());
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
    let kept = after_of(&windows, |object| disks::eject(object, "", true));
    assert_eq!(spec(&kept)["volumes"], json!([{"name": "root", "dataVolume": {"name": "web-disk"}}]));
    assert_eq!(kept["spec"]["dataVolumeTemplates"], json!([{"metadata": {"name": "web-disk"}}]));
    assert_eq!(spec(&kept)["domain"]["devices"]["disks"].as_array().unwrap().len(), 3);
    let gone = after_of(&windows, |object| disks::eject(object, "", false));
    assert_eq!(spec(&gone)["domain"]["devices"]["disks"], json!([{"name": "root", "disk": {"bus": "virtio"}}]));
    assert!(disks::eject(&mut gone.clone(), "", true).is_err());
}

#[test]
fn inserting_replaces_what_is_in_the_drive_or_brings_a_drive() {
    let object = after(|object| disks::insert(object, "installer", "tools-iso", true));
    let disc = json!({"name": "installer", "persistentVolumeClaim": {"claimName": "tools-iso", "hotpluggable": true}});
    assert_eq!(spec(&object)["volumes"][1], disc);
    let object = after(|object| disks::insert(object, "", "tools-iso", true));
    assert_eq!(spec(&object)["domain"]["devices"]["disks"][2], json!({"name": "disc-1", "cdrom": {"bus": "sata"}}));
    assert!(refuses(|object| disks::insert(object, "installer", "", true)));
}

#[test]
fn a_new_disk_brings_its_claim_and_a_name_that_is_free() {
    let object = after(|object| disks::add(object, "20", "fast", "", true));
    let made = &object["spec"]["dataVolumeTemplates"][2];
    assert_eq!(
        (&made["metadata"]["name"], &made["spec"]["storage"]["storageClassName"]),
        (&json!("web-data-1"), &json!("fast"))
    );
    assert_eq!(spec(&object)["domain"]["devices"]["disks"][2], json!({"name": "data-1", "disk": {"bus": "scsi"}}));
    assert!(refuses(|object| disks::add(object, "much", "", "", true)));
}

#[test]
fn a_disk_comes_on_the_bus_that_was_chosen_or_on_one_that_suits() {
    let bus = |typed: &str, is_live: bool| {
        let object = after(|object| disks::add(object, "20", "", typed, is_live));
        spec(&object)["domain"]["devices"]["disks"][2]["disk"]["bus"].clone()
    };
    assert_eq!((bus("", true), bus("", false)), (json!("scsi"), json!("virtio")), "fixed, it is like the first");
    assert_eq!((bus("virtio", true), bus("sata", false)), (json!("virtio"), json!("sata")));
    assert!(refuses(|object| disks::add(object, "20", "", "sata", true)), "nothing is plugged into SATA");
}

#[test]
fn a_claim_is_attached_and_a_disk_detached_without_its_claim() {
    let object = after(|object| disks::attach(object, "old-data", "", true));
    let volume = json!({"name": "data-1", "persistentVolumeClaim": {"claimName": "old-data", "hotpluggable": true}});
    assert_eq!(spec(&object)["volumes"][2], volume);
    let object = after_of(&object, |object| disks::detach(object, "data-1"));
    assert_eq!(object, machine(), "what was added is gone again");
    let object = after(|object| disks::detach(object, "root"));
    assert_eq!(object["spec"]["dataVolumeTemplates"], json!([{"metadata": {"name": "web-installer"}}]));
    assert!(refuses(|object| disks::detach(object, "installer")), "a drive is no disk");
}

const FIXED: CardRules<'_> = CardRules { unnamed_binding: "bridge", are_live: false };
const LIVE: CardRules<'_> = CardRules { are_live: true, ..FIXED };

#[test]
fn a_card_is_added_beside_the_one_that_nobody_named() {
    let object = after(|object| cards::add(object, "blue/v7", FIXED));
    let devices = &spec(&object)["domain"]["devices"];
    let named = json!([{"name": "default", "bridge": {}}, {"name": "net-1", "model": "virtio", "bridge": {}}]);
    assert_eq!(devices["interfaces"], named);
    assert_eq!(
        spec(&object)["networks"],
        json!([{"name": "default", "pod": {}}, {"name": "net-1", "multus": {"networkName": "blue/v7"}}])
    );
    assert!(refuses(|object| cards::add(object, "pod", FIXED)), "there is one on the pod network");
    let none = after(|object| cards::take(object, "default", None, FIXED));
    assert_eq!(spec(&none)["domain"]["devices"]["autoattachPodInterface"], false, "none means none");
    let back = after_of(&none, |object| cards::add(object, "pod", FIXED));
    let card = json!([{"name": "default", "model": "virtio", "masquerade": {}}]);
    assert_eq!(spec(&back)["domain"]["devices"]["interfaces"], card);
}

#[test]
fn a_bridge_leaves_while_the_machine_runs_and_others_at_the_next_start() {
    let machine = after(|object| cards::add(object, "blue/v7", LIVE));
    let running = serde_json::from_value(spec(&machine).clone()).unwrap();
    let take = |name: &str, rules| after_of(&machine, |object| cards::take(object, name, Some(&running), rules));
    assert_eq!(spec(&take("net-1", LIVE))["domain"]["devices"]["interfaces"][1]["state"], "absent");
    assert_eq!(spec(&take("net-1", FIXED))["networks"], json!([{"name": "default", "pod": {}}]));
    assert_eq!(spec(&take("default", LIVE))["networks"][0]["name"], "net-1", "the pod network does not come and go");
    let off = after_of(&machine, |object| cards::take(object, "net-1", None, LIVE));
    assert_eq!(spec(&off)["networks"].as_array().unwrap().len(), 1);
    assert!(cards::take(&mut machine.clone(), "net-9", Some(&running), LIVE).is_err());
}

#[test]
fn a_new_size_changes_sockets_and_keeps_the_rest() {
    let object = after(|object| size::resize(object, "", "4", "8 GiB"));
    let domain = &spec(&object)["domain"];
    assert_eq!(domain["cpu"], json!({"sockets": 4, "cores": 1, "threads": 1, "model": "host-model"}));
    assert_eq!(domain["memory"]["guest"], "8Gi");
    assert!(refuses(|object| size::resize(object, "u1.medium", "", "")), "it has a size of its own");
    for (cpus, memory) in [("0", "1 GiB"), ("two", "1 GiB"), ("2", "lots")] {
        assert!(refuses(|object| size::resize(object, "", cpus, memory)), "{cpus} {memory}");
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
async fn what_the_cluster_notes_meanwhile_is_nobodys_change() {
    let sent = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&sent);
    let refusal =
        json!({"kind": "Status", "message": "the server rejected our request due to an error in our request"});
    let fake = Fake::new(move |call| match (call.review(), call.method.as_str()) {
        (Some(_), _) => allowed(true),
        (None, "GET") => {
            let mut now = machine();
            now["metadata"]["resourceVersion"] = (7 + seen.load(Ordering::SeqCst)).to_string().into();
            (200, now)
        }
        _ if seen.fetch_add(1, Ordering::SeqCst) == 0 => (422, refusal.clone()),
        _ => (200, json!({})),
    });
    let fake = fake.await;
    fake.machine("blue", "web", machine());
    fake.inner.change_machine(&ana(), &web(), &eject()).await.unwrap();
    let versions: Vec<_> = patches(&fake).iter().map(|patch| patch[0]["value"].clone()).collect();
    assert_eq!(versions, ["7", "8"]);
    assert_eq!(sent.load(Ordering::SeqCst), 2);
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

/// The machine as it was when it was started: smaller, and with another disc.
fn instance() -> Value {
    let mut spec = machine()["spec"]["template"]["spec"].clone();
    spec["domain"]["cpu"]["sockets"] = 1.into();
    spec["volumes"][1] = json!({"name": "installer", "persistentVolumeClaim": {"claimName": "old-iso"}});
    json!({"metadata": {"name": "web", "namespace": "blue"}, "spec": spec, "status": {"phase": "Running"}})
}

async fn running() -> Fake {
    let fake = Fake::new(|call| match (call.review(), call.method.as_str()) {
        (Some(spec), _) => allowed(spec["resourceAttributes"]["namespace"] == "blue"),
        (None, "GET") if call.uri.ends_with("/virtualmachines/web") => (200, machine()),
        (None, "GET") if call.uri.ends_with("/virtualmachineinstances/web") => (200, instance()),
        (None, "GET") => (404, json!({"kind": "Status", "message": "not found"})),
        _ => (200, json!({})),
    });
    let fake = fake.await;
    fake.namespace("blue");
    let mut web = machine();
    web["status"] = json!({"printableStatus": "Running"});
    fake.machine("blue", "web", web);
    fake.instance("blue", "web", instance());
    fake
}

fn patches(fake: &Fake) -> Vec<Value> {
    fake.others().into_iter().filter(|call| call.method == "PATCH").map(|call| call.body).collect()
}

#[tokio::test]
async fn taking_back_one_thing_or_all_asks_for_what_runs() {
    let fake = running().await;
    fake.claim("blue", "old-iso");
    let waiting = fake.inner.machine_editing(&ana(), &web()).await.unwrap().pending;
    assert_eq!(waiting.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["cpus", "disk/installer"]);
    let revert = |what: &str| MachineChange::Revert { what: what.to_owned() };
    fake.inner.change_machine(&ana(), &web(), &revert("cpus")).await.unwrap();
    fake.inner.change_machine(&ana(), &web(), &revert("")).await.unwrap();
    let paths = |patch: &Value| -> Vec<String> {
        patch.as_array().unwrap().iter().map(|step| step["path"].as_str().unwrap().to_owned()).collect()
    };
    let [one, all] = patches(&fake).try_into().unwrap();
    let sockets = "/spec/template/spec/domain/cpu/sockets";
    assert_eq!(paths(&one), ["/metadata/resourceVersion", sockets]);
    let templates = "/spec/dataVolumeTemplates";
    assert_eq!(paths(&all), ["/metadata/resourceVersion", templates, sockets, "/spec/template/spec/volumes"]);
    let error = fake.inner.change_machine(&ana(), &web(), &revert("memory")).await.unwrap_err().to_ui();
    assert!(error.code == ErrorCode::Conflict && error.message.contains("Nothing"), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_taken_back_says_why() {
    let fake = running().await;
    let revert = MachineChange::Revert { what: "disk/installer".to_owned() };
    let error = fake.inner.change_machine(&ana(), &web(), &revert).await.unwrap_err().to_ui();
    assert!(error.message.contains("old-iso is not there any more"), "{error:?}");
    assert!(patches(&fake).is_empty());
}

#[tokio::test]
async fn only_a_claim_that_nobody_uses_can_be_attached() {
    let fake = running().await;
    for claim in ["web-disk", "spare"] {
        fake.claim("blue", claim);
    }
    let offered = fake.inner.machine_editing(&ana(), &web()).await.unwrap().claims;
    assert_eq!(offered.iter().map(|claim| claim.name.as_str()).collect::<Vec<_>>(), ["spare"]);
    let attach = |claim: &str| MachineChange::AttachDisk { claim: claim.to_owned(), bus: String::new() };
    let error = fake.inner.change_machine(&ana(), &web(), &attach("web-disk")).await.unwrap_err().to_ui();
    assert!(error.fields.contains_key("claim"), "{error:?}");
    fake.inner.change_machine(&ana(), &web(), &attach("spare")).await.unwrap();
    assert_eq!(patches(&fake).len(), 1);
}

#[tokio::test]
async fn a_claim_that_the_machine_left_still_goes_with_it_and_the_question_names_it() {
    let fake = running().await;
    fake.claim("blue", "web-data-1");
    let mut volume = json!({"metadata": {"namespace": "blue", "name": "web-data-1"}, "status": {"phase": "Succeeded"}});
    volume["metadata"]["ownerReferences"] = json!([{"kind": "VirtualMachine", "name": "web", "controller": true}]);
    let key = ("blue".to_owned(), "web-data-1".to_owned());
    fake.inner.disks.volumes.apply(&key, serde_json::from_value(volume).unwrap());
    let editing = fake.inner.machine_editing(&ana(), &web()).await.unwrap();
    assert_eq!(editing.detached[0].claim.as_deref(), Some("web-data-1"));
    assert!(editing.claims.is_empty());
    fake.inner.delete_machine(&ana(), &web(), &["web-data-1".to_owned()]).await.unwrap();
}

#[tokio::test]
async fn a_card_leads_only_where_the_team_may_go() {
    let fake = running().await;
    let add = |network: &str| MachineChange::AddCard { network: network.to_owned() };
    let error = fake.inner.change_machine(&ana(), &web(), &add("green/v7")).await.unwrap_err().to_ui();
    assert!(error.fields.contains_key("network"), "{error:?}");
    let cards = fake.inner.machine_editing(&ana(), &web()).await.unwrap().cards;
    assert_eq!((cards[0].name.as_str(), cards[0].binding.as_str()), ("default", "bridge"), "the unnamed one");
}
