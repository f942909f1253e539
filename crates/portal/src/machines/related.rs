//! Other objects that have to do with a machine: pods, disks, size and preference, Services, snapshots, moves.
//!
//! What the portal watches comes from its caches. The rest is asked for as the person when somebody looks; what they may not
//! see is named as hidden, and a kind that the cluster does not have is left out.

use model::ObjectRef;
use model::finding::FindingPage;
use model::machine::{Related, Surroundings};
use serde_json::Value;

use super::Machine;
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::{CallError, Kind};
use crate::error::PortalError;

/// What came of a question for a kind.
enum Found {
    Items(Vec<Value>),
    Hidden,
}

impl Inner {
    /// Everything that has to do with a machine, as far as this person may see it.
    pub(crate) async fn surroundings(&self, actor: &Actor, at: &ObjectRef) -> Result<Surroundings, PortalError> {
        let machine = self.visible_machine(actor, at).await?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let may_list = async |kind| self.permissions.may_in(actor, Ask::list(kind, Some(namespace))).await;
        let mut all = Surroundings::default();
        if may_list(Kind::Pod).await? {
            all.related.extend(self.launcher_pods(&machine));
        } else {
            all.hidden.push("pods".to_owned());
        }
        if may_list(Kind::Claim).await? {
            all.related.extend(self.disk_claims(&machine));
        } else {
            all.hidden.push("disks".to_owned());
        }
        all.related.extend(sizes(&machine));
        let kubevirt = self.cluster.offers().kubevirt.unwrap_or_default();
        let snapshots = self.cluster.offers().optional.get(kubevirt::snapshot::GROUP).copied();
        let services = format!("/api/v1/namespaces/{namespace}/services");
        let moves =
            format!("/apis/kubevirt.io/{}/namespaces/{namespace}/virtualmachineinstancemigrations", kubevirt.as_str());
        let snapshots = snapshots.map(|version| {
            format!("/apis/{}/{version}/namespaces/{namespace}/virtualmachinesnapshots", kubevirt::snapshot::GROUP)
        });
        let (services, snapshots, moves) = tokio::join!(
            self.list_as(actor, Some(services)),
            self.list_as(actor, snapshots),
            self.list_as(actor, Some(moves)),
        );
        let labels = pod_labels(&machine);
        for (what, found, line) in [
            ("Services", services?, &(|one: &Value| service(one, &labels)) as &dyn Fn(&Value) -> Option<Related>),
            ("snapshots", snapshots?, &|one| snapshot(one, name)),
            ("moves", moves?, &|one| migration(one, name)),
        ] {
            match found {
                Found::Items(items) => all.related.extend(items.iter().filter_map(line)),
                Found::Hidden => all.hidden.push(what.to_owned()),
            }
        }
        Ok(all)
    }

    /// A list in the person's name. A kind that the cluster does not have is empty.
    async fn list_as(&self, actor: &Actor, uri: Option<String>) -> Result<Found, PortalError> {
        let Some(uri) = uri else { return Ok(Found::Items(Vec::new())) };
        match self.cluster.as_person(&actor.user, &actor.groups).get_json(&uri).await {
            Ok(mut list) => {
                let items = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
                Ok(Found::Items(items))
            }
            Err(CallError::Refused(refusal)) if refusal.is_permission() => Ok(Found::Hidden),
            Err(CallError::Refused(refusal)) if refusal.status == 404 => Ok(Found::Items(Vec::new())),
            Err(error) => Err(error.into()),
        }
    }

    fn launcher_pods(&self, machine: &Machine) -> Vec<Related> {
        let launchers = self.pods.launchers(machine.at.namespace.as_str(), machine.at.name.as_str());
        let pod = |pod: &std::sync::Arc<crate::workloads::Workload>| {
            let node = pod.pod.spec.node_name.as_deref().map(|node| format!(" on {node}")).unwrap_or_default();
            let about = format!("{}{node}", pod.pod.status.phase.to_lowercase());
            related("Pod", pod.at.name.as_str(), about, Some(FindingPage::Pod(pod.at.clone())))
        };
        launchers.iter().map(pod).collect()
    }

    fn disk_claims(&self, machine: &Machine) -> Vec<Related> {
        let namespace = machine.at.namespace.as_str();
        let claims = machine.spec().into_iter().flat_map(|spec| &spec.volumes).filter_map(|volume| volume.claim());
        let claim = |name: &str| {
            let is_there = self.disks.claims.index().get(namespace, name).is_some();
            let is_made = self.disks.volumes.index().get(namespace, name).is_some();
            let about = match (is_there, is_made) {
                (true, true) => "data volume and claim",
                (true, false) => "claim",
                (false, true) => "data volume, no claim yet",
                (false, false) => "does not exist",
            };
            let at = ObjectRef::parse(namespace, name).ok().filter(|_| is_there || is_made);
            related("Disk", name, about, at.map(FindingPage::Image))
        };
        claims.map(claim).collect()
    }
}

fn related(what: &str, name: &str, about: impl Into<String>, page: Option<FindingPage>) -> Related {
    Related { what: what.to_owned(), name: name.to_owned(), about: about.into(), page }
}

/// The ready-made size and the preference that a machine is made with.
fn sizes(machine: &Machine) -> Vec<Related> {
    let Some(vm) = machine.vm.as_deref() else { return Vec::new() };
    let of = |what: &str, matcher: &Option<kubevirt::machine::Matcher>| {
        let matcher = matcher.as_ref().filter(|matcher| !matcher.name.is_empty())?;
        let is_shared = matcher.kind.as_deref().is_none_or(|kind| kind.to_lowercase().contains("cluster"));
        Some(related(what, &matcher.name, if is_shared { "of the cluster" } else { "of the team" }, None))
    };
    [of("Size", &vm.spec.instancetype), of("Preference", &vm.spec.preference)].into_iter().flatten().collect()
}

/// Labels that the machine's pods have.
fn pod_labels(machine: &Machine) -> Vec<(String, String)> {
    let of_template = machine.vm.iter().flat_map(|vm| vm.spec.template.metadata.labels.clone());
    let of_instance = machine.vmi.iter().flat_map(|vmi| vmi.metadata.labels.clone());
    of_template.chain(of_instance).collect()
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// A Service that sends to the machine. One without a selector chooses its targets by hand.
fn service(service: &Value, labels: &[(String, String)]) -> Option<Related> {
    let selector = service["spec"]["selector"].as_object().filter(|selector| !selector.is_empty())?;
    let has = |key: &String, value: &Value| labels.iter().any(|(known, is)| known == key && value == is.as_str());
    if !selector.iter().all(|(key, value)| has(key, value)) {
        return None;
    }
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    let ports: Vec<_> = ports.filter_map(|port| Some(port["port"].as_u64()?.to_string())).collect();
    let kind = Some(text(service, "/spec/type")).filter(|kind| !kind.is_empty()).unwrap_or("ClusterIP");
    let about = format!("{kind} {} port {}", text(service, "/spec/clusterIP"), ports.join(", "));
    Some(related("Service", text(service, "/metadata/name"), about, None))
}

fn snapshot(snapshot: &Value, machine: &str) -> Option<Related> {
    if text(snapshot, "/spec/source/kind") != "VirtualMachine" || text(snapshot, "/spec/source/name") != machine {
        return None;
    }
    let is_ready = snapshot["status"]["readyToUse"] == true;
    let about = if is_ready { "ready to use".to_owned() } else { text(snapshot, "/status/phase").to_lowercase() };
    Some(related("Snapshot", text(snapshot, "/metadata/name"), about, None))
}

fn migration(migration: &Value, machine: &str) -> Option<Related> {
    if text(migration, "/spec/vmiName") != machine {
        return None;
    }
    let state = &migration["status"]["migrationState"];
    let way = match (text(state, "/sourceNode"), text(state, "/targetNode")) {
        ("", _) | (_, "") => String::new(),
        (from, to) => format!(" from {from} to {to}"),
    };
    let phase = Some(text(migration, "/status/phase")).filter(|phase| !phase.is_empty()).unwrap_or("waits");
    Some(related("Move", text(migration, "/metadata/name"), format!("{}{way}", phase.to_lowercase()), None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, allowed, ana};
    use serde_json::json;

    #[tokio::test]
    async fn what_has_to_do_with_a_machine_is_found_and_what_is_hidden_is_named() {
        let fake = Fake::new(|call| match call.review() {
            Some(spec) => allowed(spec["resourceAttributes"]["namespace"] == "blue"),
            None if call.uri.ends_with("/services") => (200, json!({"items": [
                {"metadata": {"name": "front"}, "spec": {"selector": {"app": "web"}, "clusterIP": "10.96.0.9", "ports": [{"port": 80}, {"port": 443}]}},
                {"metadata": {"name": "other"}, "spec": {"selector": {"app": "db"}}},
                {"metadata": {"name": "by-hand"}, "spec": {}}]})),
            None if call.uri.ends_with("/virtualmachinesnapshots") => (403, json!({"kind": "Status", "message": "no"})),
            None => (200, json!({"items": [
                {"metadata": {"name": "move-1"}, "spec": {"vmiName": "web"}, "status": {"phase": "Succeeded",
                    "migrationState": {"sourceNode": "a", "targetNode": "b"}}},
                {"metadata": {"name": "move-2"}, "spec": {"vmiName": "other"}}]})),
        })
        .await;
        fake.claim("blue", "web-root");
        fake.machine(
            "blue",
            "web",
            json!({"spec": {
            "instancetype": {"name": "u1.small"},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"volumes": [
                {"name": "root", "persistentVolumeClaim": {"claimName": "web-root"}},
                {"name": "gone", "persistentVolumeClaim": {"claimName": "lost"}}]}}}}),
        );
        let all = fake.inner.surroundings(&ana(), &ObjectRef::parse("blue", "web").unwrap()).await.unwrap();
        let lines: Vec<_> = all.related.iter().map(|one| format!("{} {}: {}", one.what, one.name, one.about)).collect();
        assert_eq!(
            lines,
            [
                "Disk web-root: claim",
                "Disk lost: does not exist",
                "Size u1.small: of the cluster",
                "Service front: ClusterIP 10.96.0.9 port 80, 443",
                "Move move-1: succeeded from a to b",
            ]
        );
        assert_eq!(all.hidden, ["snapshots"]);
        assert!(all.related[0].page.is_some() && all.related[1].page.is_none());
    }
}
