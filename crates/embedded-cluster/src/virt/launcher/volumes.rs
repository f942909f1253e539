//! Volumes of launcher pods, and the pods that bring further ones to a launcher that runs.

use kubevirt::domain::{InstanceSpec, Volume};
use serde_json::{Value, json};

use super::IMAGE;
use crate::store::{Store, meta};
use crate::virt::backend_storage;
use crate::virt::kinds::{CLAIMS, LAUNCHER_LABEL, controlled_by, text};
use crate::virt::volumes::{is_hotpluggable, is_persistent};

/// Folders that every launcher has, and where it sees them.
const OWN: [(&str, &str); 6] = [
    ("private", "/var/run/kubevirt-private"),
    ("public", "/var/run/kubevirt"),
    ("sockets", "/var/run/kubevirt/sockets"),
    ("libvirt-runtime", "/var/run/libvirt"),
    ("ephemeral-disks", "/var/run/kubevirt-ephemeral-disks"),
    ("hotplug-disks", "/var/run/kubevirt/hotplug-disks"),
];

/// Where a container sees its volumes.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    pub(super) folders: Vec<Value>,
    pub(super) devices: Vec<Value>,
}

impl Mounts {
    fn claim(&mut self, volume: &str, claim: Option<&Value>, folder: &str) {
        if claim.is_some_and(|claim| claim["spec"]["volumeMode"] == "Block") {
            self.devices.push(json!({"name": volume, "devicePath": format!("/dev/{volume}")}));
        } else {
            self.folders.push(json!({"name": volume, "mountPath": folder}));
        }
    }
}

/// The volumes of a launcher, and how its guest's container sees them.
pub(super) fn of_launcher(store: &Store, instance: &Value, spec: &InstanceSpec) -> (Vec<Value>, Mounts) {
    let mut mounts = Mounts::default();
    let mut volumes: Vec<Value> = OWN.iter().map(|(name, _)| json!({"name": name, "emptyDir": {}})).collect();
    mounts.folders.extend(OWN.iter().map(|(name, path)| json!({"name": name, "mountPath": path})));
    for volume in spec.volumes.iter().filter(|volume| !is_hotpluggable(volume)) {
        let name = &volume.name;
        if let Some(claim) = volume.claim() {
            let is_read_only = volume.source("ephemeral").is_some();
            let mut source = json!({"claimName": claim});
            if is_read_only {
                source["readOnly"] = true.into();
            }
            volumes.push(json!({"name": name, "persistentVolumeClaim": source}));
            let object = store.get(&CLAIMS, Some(meta::namespace(instance)), claim);
            mounts.claim(name, object.as_deref(), &format!("/var/run/kubevirt-private/vmi-disks/{name}"));
        } else {
            volumes.extend(of_texts(volume));
        }
    }
    if let Some((volume, folders)) = backend_storage::pod_volume(store, instance) {
        volumes.push(volume);
        mounts.folders.extend(folders);
    }
    (volumes, mounts)
}

/// Secrets and configuration maps that a volume's disc is made of.
fn of_texts(volume: &Volume) -> Vec<Value> {
    let name = &volume.name;
    let Some(kind) = volume.kind() else { return Vec::new() };
    let source = &volume.source[kind];
    let secret = |name: String, secret: &Value| {
        secret.as_str().map(|secret| json!({"name": name, "secret": {"secretName": secret}}))
    };
    match kind {
        "cloudInitNoCloud" | "cloudInitConfigDrive" => {
            let user = secret(format!("{name}-udata"), &source["secretRef"]["name"]);
            let network = secret(format!("{name}-ndata"), &source["networkDataSecretRef"]["name"]);
            user.into_iter().chain(network).collect()
        }
        "sysprep" if source["secret"].is_object() => {
            secret(name.clone(), &source["secret"]["name"]).into_iter().collect()
        }
        "sysprep" => vec![json!({"name": name, "configMap": {"name": source["configMap"]["name"]}})],
        "secret" => {
            let optional = source["optional"] == true;
            vec![json!({"name": name, "secret": {"secretName": source["secretName"], "optional": optional}})]
        }
        "configMap" => {
            let optional = source["optional"] == true;
            vec![json!({"name": name, "configMap": {"name": source["name"], "optional": optional}})]
        }
        _ => Vec::new(),
    }
}

/// The pod that brings volumes to a launcher that runs.
pub fn attachment(store: &Store, launcher: &Value, volumes: &[Volume]) -> Value {
    let namespace = meta::namespace(launcher);
    let mut mounts = Mounts::default();
    mounts.folders.push(json!({"name": "hotplug-disks", "mountPath": "/path", "mountPropagation": "HostToContainer"}));
    let mut all = vec![json!({"name": "hotplug-disks", "emptyDir": {}})];
    for volume in volumes.iter().filter(|volume| is_persistent(volume)) {
        let claim = volume.claim().unwrap_or_default();
        all.push(json!({"name": volume.name, "persistentVolumeClaim": {"claimName": claim}}));
        let object = store.get(&CLAIMS, Some(namespace), claim);
        mounts.claim(&volume.name, object.as_deref(), &format!("/{}", volume.name));
    }
    let host =
        json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [text(&launcher["spec"]["nodeName"])]});
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "hp-volume-",
            "namespace": namespace,
            "labels": {LAUNCHER_LABEL: "hotplug-disk"},
            "ownerReferences": [controlled_by(launcher, "v1", "Pod")],
        },
        "spec": {
            "volumes": all,
            "containers": [{
                "name": "hotplug-disk",
                "image": IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "command": ["/bin/sh", "-c", "/usr/bin/container-disk --copy-path /path/hp"],
                "resources": {"limits": {"cpu": "100m", "memory": "80M"}, "requests": {"cpu": "10m", "memory": "2M"}},
                "volumeMounts": mounts.folders,
                "volumeDevices": mounts.devices,
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 0,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default",
            "serviceAccount": "default",
            "securityContext": {},
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                {"nodeSelectorTerms": [{"matchExpressions": [host]}]}}},
            "tolerations": [{"operator": "Exists"}],
            "schedulerName": "default-scheduler",
            "priority": 0,
            "enableServiceLinks": true,
            "preemptionPolicy": "PreemptLowerPriority",
        },
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launcher_carries_what_its_guest_is_made_of_and_leaves_the_rest_to_others() {
        let spec: InstanceSpec = serde_json::from_value(json!({"volumes": [
            {"name": "root", "dataVolume": {"name": "d"}},
            {"name": "later", "persistentVolumeClaim": {"claimName": "c", "hotpluggable": true}},
            {"name": "ci", "cloudInitNoCloud": {"secretRef": {"name": "s"}}},
            {"name": "image", "containerDisk": {"image": "i"}}]}))
        .unwrap();
        let (volumes, mounts) = of_launcher(&Store::in_memory(), &json!({"metadata": {"namespace": "a"}}), &spec);
        let names: Vec<_> = volumes[OWN.len()..].iter().map(|volume| text(&volume["name"])).collect();
        assert_eq!(names, ["root", "ci-udata"]);
        assert_eq!(volumes[OWN.len()]["persistentVolumeClaim"]["claimName"], "d");
        assert!(mounts.folders.iter().any(|mount| mount["mountPath"] == "/var/run/kubevirt-private/vmi-disks/root"));
    }

    #[test]
    fn an_attachment_goes_where_its_launcher_is_and_with_it() {
        let launcher = json!({"metadata": {"namespace": "a", "name": "l", "uid": "u"}, "spec": {"nodeName": "node2"}});
        let volume = Volume { name: "x".into(), source: [("dataVolume".to_owned(), json!({"name": "d"}))].into() };
        let pod = attachment(&Store::in_memory(), &launcher, &[volume]);
        assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], "u");
        assert!(pod["spec"]["affinity"].to_string().contains("node2"));
        assert_eq!(pod["spec"]["volumes"][1]["persistentVolumeClaim"]["claimName"], "d");
    }
}
