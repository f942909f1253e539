//! An image of a disk whose machine runs: a copy of a snapshot, since a copy of the disk itself would be torn.
//!
//! ```text
//! freeze ── VirtualMachineSnapshot, as the person ──► its content names a VolumeSnapshot of the disk
//! import ── DataVolume from that VolumeSnapshot, which the cluster copies when it is ready
//! thaw ──── the copy is done ──► the snapshot is deleted
//! ```
//!
//! A machine's snapshot rather than one of the claim: the guest's agent, where there is one, then quietens the file
//! systems, and whoever may change machines may make it. The snapshot belongs to the data volume, so it goes with it
//! even if this process ends before the copy is done.

use std::sync::Arc;
use std::time::Duration;

use kubevirt::DataVolumePhase;
use kubevirt::snapshot::{GROUP, SnapshotContentSpec, VirtualMachineSnapshot, VirtualMachineSnapshotContent};
use model::ObjectRef;
use rand::Rng as _;
use serde_json::{Value, json};

use super::make::at_field;
use super::passing::Passing;
use super::volume;
use crate::Inner;
use crate::access::Actor;
use crate::error::PortalError;

/// How long the cluster may take to name what it keeps of the disk. To keep it may take longer; the copy waits for it.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at the snapshot.
const LOOK: Duration = Duration::from_millis(300);
/// Between two looks at the copy, which the watch brings.
const LOOK_AT_COPY: Duration = Duration::from_secs(2);
/// After so many looks in a row without a copy it counts as deleted: the watch may be a little behind.
const GONE: u32 = 10;

/// A disk as it was at one moment.
pub(super) struct Frozen {
    /// The `VolumeSnapshot` to copy, in the machine's namespace.
    pub volume_snapshot: String,
    snapshot: Passing,
}

impl Inner {
    /// Keeps the disk on `claim` as it is now, while `machine` runs on it.
    pub(super) async fn freeze(
        self: &Arc<Self>,
        actor: &Actor,
        machine: &ObjectRef,
        claim: &str,
    ) -> Result<Frozen, PortalError> {
        let version = self.cluster.offers().optional.get(GROUP).copied();
        let version = version.ok_or_else(|| impossible(machine, "this cluster's KubeVirt makes no snapshots"))?;
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        let object = person.get_json(&self.machine_uri(machine)).await?;
        if let Some(reason) = cannot_be_kept(&object, claim) {
            return Err(impossible(machine, &reason));
        }
        let base = format!("/apis/{GROUP}/{version}/namespaces/{}", machine.namespace);
        let name = format!("image-{:012x}", rand::rng().random::<u64>() >> 16);
        let asked = json!({
            "apiVersion": format!("{GROUP}/{version}"),
            "kind": "VirtualMachineSnapshot",
            "metadata": { "name": name, "labels": { "app.kubernetes.io/managed-by": "porthole" } },
            "spec": { "source": { "apiGroup": "kubevirt.io", "kind": "VirtualMachine", "name": machine.name } },
        });
        let snapshots = format!("{base}/virtualmachinesnapshots");
        person.create(&snapshots, &asked).await?;
        let snapshot = Passing::new(self, actor, format!("{snapshots}/{name}"));
        let named = tokio::time::timeout(PATIENCE, self.until_named(actor, &base, snapshot.uri())).await;
        let content = named.map_err(|_elapsed| impossible(machine, "the cluster does not begin a snapshot"))?;
        let kept = content?.volume_backups.into_iter().find(|kept| kept.persistent_volume_claim.metadata.name == claim);
        let volume_snapshot = kept.and_then(|kept| kept.volume_snapshot_name);
        match volume_snapshot {
            Some(volume_snapshot) => Ok(Frozen { volume_snapshot, snapshot }),
            None => Err(impossible(machine, "its storage cannot keep the disk as it is at one moment")),
        }
    }

    /// What the snapshot keeps, once the cluster has said it.
    async fn until_named(&self, actor: &Actor, base: &str, uri: &str) -> Result<SnapshotContentSpec, PortalError> {
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        loop {
            let snapshot = person.get_json(uri).await?;
            let status = serde_json::from_value::<VirtualMachineSnapshot>(snapshot).unwrap_or_default().status;
            if let Some(message) = status.error.and_then(|error| error.message).filter(|text| !text.is_empty()) {
                let told = crate::diagnosis::texts::sentence(&message);
                return Err(at_field("source", format!("The cluster could not make a snapshot. {told}")));
            }
            if let Some(name) = status.virtual_machine_snapshot_content_name {
                let content = person.get_json(&format!("{base}/virtualmachinesnapshotcontents/{name}")).await?;
                return Ok(serde_json::from_value::<VirtualMachineSnapshotContent>(content).unwrap_or_default().spec);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Gives a snapshot to the data volume that copies it, and deletes it when the copy is done.
    pub(super) async fn thaw(self: &Arc<Self>, actor: &Actor, at: &ObjectRef, uid: &str, frozen: Frozen) {
        let owner = json!({ "metadata": { "ownerReferences": volume::owner(at.name.as_str(), uid) } });
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        if let Err(error) = person.merge(frozen.snapshot.uri(), &owner).await {
            tracing::warn!(image = %at, %error, "a snapshot does not belong to its copy");
        }
        let (inner, at) = (Arc::clone(self), at.clone());
        self.lifecycle.tasks.spawn(async move {
            tokio::select! {
                () = inner.until_copied(&at) => drop(frozen),
                // It belongs to its copy, and goes with it.
                () = inner.lifecycle.stop.cancelled() => frozen.snapshot.keep(),
            }
        });
    }

    /// Resolves when a copy is done, or gone.
    async fn until_copied(&self, at: &ObjectRef) {
        let mut missing = 0;
        while missing < GONE {
            match self.disks.volumes.index().get(at.namespace.as_str(), at.name.as_str()) {
                Some(volume) if volume.status.phase == DataVolumePhase::Succeeded => return,
                Some(_) => missing = 0,
                None => missing += 1,
            }
            tokio::time::sleep(LOOK_AT_COPY).await;
        }
    }
}

/// Why the cluster cannot keep a disk of a machine, in its own words; `None` if it can or does not say.
fn cannot_be_kept(machine: &Value, claim: &str) -> Option<String> {
    let volumes = machine["spec"]["template"]["spec"]["volumes"].as_array()?;
    let is_of_claim = |volume: &&Value| {
        volume["persistentVolumeClaim"]["claimName"] == claim || volume["dataVolume"]["name"] == claim
    };
    let name = &volumes.iter().find(is_of_claim)?["name"];
    let statuses = machine["status"]["volumeSnapshotStatuses"].as_array()?;
    let status = statuses.iter().find(|status| status["name"] == *name)?;
    (status["enabled"] == false).then(|| {
        let reason = status["reason"].as_str().unwrap_or("its storage makes no snapshots");
        reason.trim_end_matches('.').to_owned()
    })
}

fn impossible(machine: &ObjectRef, why: &str) -> PortalError {
    at_field(
        "source",
        format!("The machine {} runs on it, and no image can be made meanwhile: {why}. Stop it first.", machine.name),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Answer, Call, Fake, allowed, ana};
    use model::image::import::{ImportRequest, ImportSource};

    fn machine(status: &Value) -> Value {
        json!({
            "metadata": {"namespace": "blue", "name": "web", "uid": "m1"},
            "spec": {"template": {"spec": {"volumes": [{"name": "root", "dataVolume": {"name": "web-disk"}}]}}},
            "status": {"volumeSnapshotStatuses": [status]},
        })
    }

    async fn fake(status: Value, backups: Value) -> Fake {
        let object = machine(&status);
        let answer = move |call: &Call| -> Answer {
            match call.method.as_str() {
                _ if call.review().is_some() => allowed(true),
                "POST" => (201, json!({"metadata": {"uid": "u1"}})),
                "GET" if call.uri.ends_with("/virtualmachines/web") => (200, object.clone()),
                "GET" if call.uri.contains("/virtualmachinesnapshots/") => {
                    (200, json!({"status": {"virtualMachineSnapshotContentName": "content"}}))
                }
                "GET" if call.uri.ends_with("/virtualmachinesnapshotcontents/content") => {
                    (200, json!({"spec": {"volumeBackups": backups}}))
                }
                _ => (200, json!({})),
            }
        };
        let fake = Fake::new(answer).await;
        fake.namespace("blue");
        fake.claim("blue", "web-disk");
        fake.class("fast");
        fake.machine("blue", "web", machine(&json!({})));
        fake.instance("blue", "web", json!({"metadata": {"namespace": "blue", "name": "web", "uid": "i1"},
            "spec": {"volumes": [{"name": "root", "dataVolume": {"name": "web-disk"}}]}, "status": {"phase": "Running"}}));
        fake
    }

    fn copy(is_live: bool) -> ImportRequest {
        ImportRequest {
            namespace: "blue".to_owned(),
            name: "golden".to_owned(),
            source: ImportSource::Clone { of: ObjectRef::parse("blue", "web-disk").unwrap(), is_live },
            disk_bytes: 0,
            class: "fast".to_owned(),
            access_mode: String::new(),
            volume_mode: String::new(),
            preference: String::new(),
            is_image: false,
        }
    }

    fn kept() -> Value {
        json!([{"volumeName": "root", "persistentVolumeClaim": {"metadata": {"name": "web-disk"}}, "volumeSnapshotName": "kept"}])
    }

    async fn refusal(fake: &Fake, request: ImportRequest) -> String {
        fake.inner.import_image(&ana(), request).await.unwrap_err().to_ui().fields["source"].clone()
    }

    #[tokio::test]
    async fn a_disk_in_use_is_copied_from_a_snapshot_that_goes_with_its_copy() {
        let fake = fake(json!({"name": "root", "enabled": true}), kept()).await;
        fake.inner.import_image(&ana(), copy(true)).await.unwrap();
        let calls: Vec<_> = fake.others().into_iter().filter(|call| call.method != "GET").collect();
        assert!(calls.iter().all(|call| call.user.as_deref() == Some("ana@example")), "all in the person's name");
        let [snapshot, volume, owner] = calls.as_slice() else { panic!("{calls:?}") };
        assert_eq!(snapshot.body["spec"]["source"]["name"], "web");
        assert_eq!(volume.body["spec"]["source"], json!({"snapshot": {"namespace": "blue", "name": "kept"}}));
        assert_eq!(owner.body["metadata"]["ownerReferences"][0]["uid"], "u1");
    }

    #[tokio::test]
    async fn the_snapshot_goes_when_the_copy_is_done() {
        let fake = fake(json!({"name": "root", "enabled": true}), kept()).await;
        tokio::time::pause();
        fake.inner.import_image(&ana(), copy(true)).await.unwrap();
        fake.volume("blue", "golden", &json!({"phase": "CloneInProgress"}));
        tokio::time::sleep(LOOK_AT_COPY * GONE * 2).await;
        assert!(fake.others().iter().all(|call| call.method != "DELETE"), "it is still copied");
        fake.volume("blue", "golden", &json!({"phase": "Succeeded"}));
        tokio::time::sleep(LOOK_AT_COPY * 2).await;
        let gone: Vec<_> = fake.others().into_iter().filter(|call| call.method == "DELETE").collect();
        assert!(gone[0].uri.contains("/virtualmachinesnapshots/image-"), "{gone:?}");
    }

    #[tokio::test]
    async fn nobody_gets_a_torn_copy_without_being_told_of_the_other_way() {
        let fake = fake(json!({"name": "root", "enabled": true}), kept()).await;
        let told = refusal(&fake, copy(false)).await;
        assert!(told.contains("web runs on it") && told.contains("snapshot"), "{told}");
    }

    #[tokio::test]
    async fn storage_without_snapshots_is_told_in_its_own_words_before_anything_is_made() {
        let reason = "No VolumeSnapshotClass: Volume snapshots are not configured for this StorageClass [local] [root]";
        let fake = fake(json!({"name": "root", "enabled": false, "reason": reason}), json!([])).await;
        let told = refusal(&fake, copy(true)).await;
        assert!(told.contains("No VolumeSnapshotClass") && told.ends_with("Stop it first."), "{told}");
        assert!(fake.others().iter().all(|call| call.method == "GET"));
    }

    #[tokio::test]
    async fn a_snapshot_that_leaves_the_disk_out_is_taken_back() {
        let fake = fake(json!({"name": "root"}), json!([])).await;
        assert!(refusal(&fake, copy(true)).await.contains("cannot keep the disk"));
        let deletes = || fake.others().iter().filter(|call| call.method == "DELETE").count();
        while deletes() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(fake.others().iter().all(|call| !call.uri.ends_with("/datavolumes")));
    }
}
