#![expect(clippy::needless_pass_by_value, reason = "values are written where they are used")]

use serde_json::json;

use super::*;
use crate::options::NodeSpec;
use crate::virt::kinds::CLAIMS;

fn store() -> Store {
    let store = Store::in_memory();
    crate::seeds::plant(&store, &NodeSpec::defaults()).unwrap();
    store
}

fn machine(fields: Value) -> Value {
    let mut machine = json!({"metadata": {"name": "m", "namespace": "default"}, "spec": {"runStrategy": "Halted", "template": {"spec": {
        "domain": {"devices": {
            "disks": [{"name": "root", "disk": {}}, {"name": "cd", "cdrom": {"bus": "sata"}}],
            "interfaces": [{"name": "default", "masquerade": {}}]}},
        "volumes": [{"name": "root", "persistentVolumeClaim": {"claimName": "c"}}, {"name": "extra", "emptyDisk": {"capacity": "1Gi"}}]}}}});
    for (field, value) in fields.as_object().unwrap() {
        machine["spec"][field] = value.clone();
    }
    machine
}

#[test]
fn a_size_and_a_system_become_a_whole_machine() {
    let store = store();
    let wanted = machine(json!({"instancetype": {"name": "u1.large"}, "preference": {"name": "windows.11"}}));
    let expanded = expand(&store, &wanted).unwrap();
    let spec = &expanded["spec"]["template"]["spec"];
    let domain = &spec["domain"];
    assert_eq!(domain["cpu"], json!({"sockets": 2, "cores": 1, "threads": 1}));
    assert_eq!(domain["memory"], json!({"guest": "8Gi"}));
    assert_eq!(domain["devices"]["disks"][0], json!({"name": "root", "disk": {"bus": "sata"}}));
    assert_eq!(domain["devices"]["disks"][2], json!({"name": "extra", "disk": {"bus": "sata"}}));
    assert_eq!(domain["devices"]["interfaces"][0]["model"], "e1000e");
    assert_eq!(domain["devices"]["inputs"][0]["type"], "tablet");
    assert_eq!(domain["devices"]["tpm"], json!({"persistent": true}));
    assert_eq!(domain["firmware"]["bootloader"]["efi"], json!({"persistent": true, "secureBoot": true}));
    assert!(domain["features"]["smm"].is_object() && domain["features"]["hyperv"]["spinlocks"].is_object());
    assert_eq!(domain["clock"]["timer"]["hpet"]["present"], false);
    assert_eq!(spec["terminationGracePeriodSeconds"], 3600);
    assert_eq!(expanded["spec"]["template"]["metadata"]["annotations"]["vm.kubevirt.io/os"], "windows");
    assert_eq!(causes(&store, &wanted), []);
}

#[test]
fn a_preference_leaves_alone_what_the_machine_says() {
    let store = store();
    let mut wanted = machine(json!({"preference": {"name": "fedora"}}));
    let template = &mut wanted["spec"]["template"]["spec"];
    template["domain"]["devices"]["disks"][0]["disk"]["bus"] = "scsi".into();
    template["domain"]["firmware"] = json!({"bootloader": {"bios": {}}});
    let expanded = expand(&store, &wanted).unwrap();
    let domain = &expanded["spec"]["template"]["spec"]["domain"];
    assert_eq!(domain["devices"]["disks"][0]["disk"]["bus"], "scsi");
    assert_eq!(domain["firmware"], json!({"bootloader": {"bios": {}}}));
    assert!(domain.get("clock").is_none(), "{domain}");
}

#[test]
fn what_is_decided_twice_or_too_small_is_refused() {
    let store = store();
    let mut twice = machine(json!({"instancetype": {"name": "u1.nano"}}));
    twice["spec"]["template"]["spec"]["domain"]["cpu"] = json!({"cores": 2});
    twice["spec"]["template"]["spec"]["domain"]["memory"] = json!({"guest": "1Gi"});
    let told = causes(&store, &twice);
    let fields = "spec.template.spec.domain.cpu.cores, spec.template.spec.domain.memory.guest";
    assert_eq!(told[0].1, format!("VM field(s) {fields} conflicts with selected instance type"));
    let small = machine(json!({"instancetype": {"name": "u1.nano"}, "preference": {"name": "windows.11"}}));
    let told = causes(&store, &small);
    assert!(told[0].1.contains("insufficient CPU resources of 1 vCPU provided by instance type"), "{told:?}");
    assert!(told[1].1.contains("insufficient Memory resources of 512Mi"), "{told:?}");
}

#[test]
fn what_is_not_there_is_told_in_the_real_words() {
    let store = store();
    let of = |fields: Value| expand(&store, &machine(fields)).unwrap_err();
    assert_eq!(
        of(json!({"instancetype": {"name": "none"}})),
        (
            "FailedFindInstancetype",
            "virtualmachineclusterinstancetypes.instancetype.kubevirt.io \"none\" not found".into()
        )
    );
    let own = json!({"preference": {"name": "none", "kind": "VirtualMachinePreference"}});
    assert_eq!(of(own).1, "virtualmachinepreferences.instancetype.kubevirt.io \"none\" not found");
}

#[test]
fn names_are_found_on_the_volume() {
    let store = store();
    let claim = json!({"metadata": {"name": "c", "namespace": "default", "labels": {
        "instancetype.kubevirt.io/default-instancetype": "u1.medium", "instancetype.kubevirt.io/default-preference": "debian"}}});
    store.create(&CLAIMS, claim).unwrap();
    let from = |volume: &str| json!({"inferFromVolume": volume});
    let mut inferred = machine(json!({"instancetype": from("root"), "preference": from("root")}));
    infer(&store, &mut inferred).unwrap();
    assert_eq!(
        inferred["spec"]["instancetype"],
        json!({"name": "u1.medium", "kind": "virtualmachineclusterinstancetype"})
    );
    assert_eq!(inferred["spec"]["preference"]["name"], "debian");
    let mut unknown = machine(json!({"instancetype": from("extra")}));
    assert_eq!(infer(&store, &mut unknown).unwrap_err().0, "spec.instancetype.inferFromVolume");
    unknown["spec"]["instancetype"]["inferFromVolumeFailurePolicy"] = "Ignore".into();
    infer(&store, &mut unknown).unwrap();
    assert!(unknown["spec"].get("instancetype").is_none());
}

#[test]
fn names_are_found_on_the_image_that_a_new_disk_is_made_from() {
    let store = store();
    store.create(&GroupResource::core("namespaces"), json!({"metadata": {"name": "porthole-images"}})).unwrap();
    let source = json!({"metadata": {"name": "golden", "namespace": "porthole-images", "labels": {"instancetype.kubevirt.io/default-preference": "ubuntu"}},
        "spec": {"source": {"pvc": {"name": "p", "namespace": "porthole-images"}}}});
    store.create(&GroupResource::new("cdi.kubevirt.io", "datasources"), source).unwrap();
    let template = json!({"metadata": {"name": "c"}, "spec": {"sourceRef": {"kind": "DataSource", "name": "golden", "namespace": "porthole-images"}}});
    let mut inferred = machine(json!({"preference": {"inferFromVolume": "root"}, "dataVolumeTemplates": [template]}));
    infer(&store, &mut inferred).unwrap();
    assert_eq!(inferred["spec"]["preference"], json!({"name": "ubuntu", "kind": "virtualmachineclusterpreference"}));
}
