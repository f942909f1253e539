//! Services: where they are reached, and which pods they lead to.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubevirt::meta::Conditions as _;
use model::ObjectRef;
use model::query::Key as Property;
use model::workload::{ServiceRow, WorkloadState};
use serde_json::{Map, Value};

use super::Workload;
use crate::clock::parse;
use crate::cluster::objects::Loose;
use crate::listing::Entry;

/// A service as lists sort and search it.
#[derive(Debug)]
pub(crate) struct Listed {
    pub row: ServiceRow,
    labels: BTreeMap<String, String>,
    haystack: String,
}

impl Entry for Listed {
    type State = WorkloadState;

    fn at(&self) -> &ObjectRef {
        &self.row.at
    }

    fn word(state: WorkloadState) -> &'static str {
        state.word()
    }

    fn state(&self) -> WorkloadState {
        WorkloadState::Unknown
    }

    fn haystack(&self) -> &str {
        &self.haystack
    }

    fn node(&self) -> Option<&str> {
        None
    }

    fn created(&self) -> Option<i64> {
        self.row.created
    }

    fn labels(&self) -> Option<&BTreeMap<String, String>> {
        Some(&self.labels)
    }

    fn text(&self, property: Property) -> Option<&str> {
        match property {
            Property::Kind => Some(&self.row.kind),
            Property::Address => self.row.addresses.first().map(String::as_str),
            _ => None,
        }
    }

    fn any(&self, property: Property, test: &mut dyn FnMut(&str) -> bool) -> bool {
        match property {
            Property::Address => self.row.addresses.iter().any(|address| test(address)),
            other => self.text(other).is_some_and(test),
        }
    }

    fn amount(&self, property: Property) -> Option<i64> {
        // A service that leads to no pods of the cluster has none that could be ready.
        (property == Property::Ready && self.row.pods.is_some()).then(|| i64::from(self.row.ready))
    }
}

pub(super) fn listed(service: &Loose, pods: &[Arc<Workload>]) -> Option<Arc<Listed>> {
    let row = row(service, pods)?;
    let (addresses, ports) = (row.addresses.join(" "), row.ports.join(" "));
    let haystack = format!("{} {} {} {addresses} {ports}", row.at.name, row.at.namespace, row.kind).to_lowercase();
    Some(Arc::new(Listed { row, labels: service.metadata.labels.clone(), haystack }))
}

/// The row of a service; `pods` are those that the person may know of.
pub(super) fn row(service: &Loose, pods: &[Arc<Workload>]) -> Option<ServiceRow> {
    let at = ObjectRef::parse(service.metadata.namespace.as_deref()?, &service.metadata.name).ok()?;
    let selector = service.spec["selector"].as_object().filter(|selector| !selector.is_empty());
    let its: Vec<_> = selector
        .map(|selector| {
            pods.iter()
                .filter(|pod| {
                    pod.at.namespace == at.namespace && selects(selector, pod) && !pod.pod.metadata.is_being_deleted()
                })
                .collect()
        })
        .unwrap_or_default();
    let is_ready = |pod: &&&Arc<Workload>| pod.pod.status.conditions.is_true("Ready");
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Some(ServiceRow {
        kind: service.spec["type"].as_str().unwrap_or("ClusterIP").to_owned(),
        ports: service.spec["ports"].as_array().into_iter().flatten().map(port).collect(),
        addresses: addresses(&at, service),
        selector: selector
            .into_iter()
            .flatten()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect(),
        ready: number(its.iter().filter(is_ready).count()),
        pods: selector.is_some().then(|| number(its.len())),
        created: service.metadata.creation_timestamp.as_deref().and_then(parse),
        at,
    })
}

/// Whether a selector picks a pod.
fn selects(selector: &Map<String, Value>, pod: &Workload) -> bool {
    let labels = &pod.pod.metadata.labels;
    selector.iter().all(|(key, value)| labels.get(key).map(String::as_str) == value.as_str())
}

/// Whether a selector picks pods with these labels.
pub(super) fn picks(service: &Loose, labels: &Value) -> bool {
    let selector = service.spec["selector"].as_object().filter(|selector| !selector.is_empty());
    selector.is_some_and(|selector| selector.iter().all(|(key, value)| labels[key] == *value))
}

fn port(port: &Value) -> String {
    let from = port["port"].as_u64().unwrap_or_default();
    let to = match &port["targetPort"] {
        Value::String(name) => format!(" → {name}"),
        Value::Number(number) if number.as_u64() != Some(from) => format!(" → {number}"),
        _ => String::new(),
    };
    let node = port["nodePort"].as_u64().map(|node| format!(", at each node {node}")).unwrap_or_default();
    format!("{from}{to}/{}{node}", port["protocol"].as_str().unwrap_or("TCP"))
}

fn addresses(at: &ObjectRef, service: &Loose) -> Vec<String> {
    if let Some(name) = service.spec["externalName"].as_str().filter(|_| service.spec["type"] == "ExternalName") {
        return vec![name.to_owned()];
    }
    let mut found = vec![format!("{}.{}.svc", at.name, at.namespace)];
    let own = service.spec["clusterIP"].as_str().filter(|address| !address.is_empty() && *address != "None");
    found.extend(own.map(str::to_owned));
    for point in service.status["loadBalancer"]["ingress"].as_array().into_iter().flatten() {
        found.extend(point["ip"].as_str().or(point["hostname"].as_str()).map(str::to_owned));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(name: &str, labels: Value, is_ready: &str) -> Arc<Workload> {
        let mut pod = json!({"metadata": {"name": name, "namespace": "blue"}, "status": {"phase": "Running",
            "conditions": [{"type": "Ready", "status": is_ready}]}});
        pod["metadata"]["labels"] = labels;
        Arc::new(Workload::new(ObjectRef::parse("blue", name).unwrap(), serde_json::from_value(pod).unwrap()))
    }

    fn service(spec: Value) -> Loose {
        let mut service = json!({"metadata": {"name": "web", "namespace": "blue"},
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}});
        service["spec"] = spec;
        serde_json::from_value(service).unwrap()
    }

    #[test]
    fn a_service_counts_the_pods_that_it_selects() {
        let pods = [
            pod("a", json!({"app": "web", "x": "1"}), "True"),
            pod("b", json!({"app": "web"}), "False"),
            pod("c", json!({"app": "db"}), "True"),
        ];
        let spec = json!({"type": "LoadBalancer", "clusterIP": "10.0.0.1", "selector": {"app": "web"},
            "ports": [{"port": 80, "targetPort": "http", "nodePort": 30080}, {"port": 53, "targetPort": 53, "protocol": "UDP"}]});
        let row = row(&service(spec), &pods).unwrap();
        assert_eq!((row.ready, row.pods), (1, Some(2)));
        assert_eq!(row.ports, ["80 → http/TCP, at each node 30080", "53/UDP"]);
        assert_eq!(row.addresses, ["web.blue.svc", "10.0.0.1", "192.0.2.7"]);
    }

    #[test]
    fn one_without_a_selector_selects_nothing_rather_than_all() {
        let pods = [pod("a", json!({}), "True")];
        let row = row(&service(json!({"type": "ExternalName", "externalName": "db.example"})), &pods).unwrap();
        assert_eq!((row.pods, row.addresses.as_slice()), (None, &["db.example".to_owned()][..]));
        assert!(!picks(&service(json!({})), &json!({"app": "web"})));
    }
}
