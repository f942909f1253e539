//! Services: where each leads, as `EndpointSlice` and in the old form as `Endpoints`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::WorkloadContext;
use super::kinds::{ENDPOINT_SLICES, ENDPOINTS, SERVICES};
use super::pods;
use crate::controllers::settle;
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::store::{DeleteOptions, Store, meta};
use crate::virt::kinds::{PODS, controlled_by, text};

/// The label that leads from a slice to its service.
const SERVICE: &str = "kubernetes.io/service-name";
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";

pub(super) fn reconcile(context: &WorkloadContext) -> Result<(), ApiError> {
    let (services, _) = context.store.list(&SERVICES, None);
    for service in &services {
        let selector = service["spec"]["selector"].as_object().filter(|selector| !selector.is_empty());
        let Some(selector) = selector else { continue };
        if service["spec"]["type"] != "ExternalName" && !meta::is_terminating(service) {
            one(&context.store, service, selector)?;
        }
    }
    clear(&context.store)
}

/// Endpoints whose service is gone. Slices go with their owner; the old form has none.
fn clear(store: &Store) -> Result<(), ApiError> {
    for endpoints in store.list(&ENDPOINTS, None).0 {
        let (namespace, name) = (meta::namespace(&endpoints), meta::name(&endpoints));
        let is_ours = meta::label(&endpoints, "endpoints.kubernetes.io/managed-by").is_some();
        if is_ours && store.get(&SERVICES, Some(namespace), name).is_none() {
            settle(store.delete(&ENDPOINTS, Some(namespace), name, DeleteOptions::default()))?;
        }
    }
    Ok(())
}

fn one(store: &Store, service: &Value, selector: &Map<String, Value>) -> Result<(), ApiError> {
    let (mut members, _) = store.list(&PODS, Some(meta::namespace(service)));
    members.retain(|pod| {
        selector.iter().all(|(key, value)| pod["metadata"]["labels"][key] == *value)
            && !pods::is_over(pod)
            && !text(&pod["status"]["podIP"]).is_empty()
    });
    let ports = ports(service, members.first());
    write_slice(store, service, &members, &ports)?;
    write_endpoints(store, service, &members, &ports)
}

/// Ports as the pods have them: a name leads to the number that a container gives it.
fn ports(service: &Value, pod: Option<&Arc<Value>>) -> Vec<Value> {
    let wanted = service["spec"]["ports"].as_array().into_iter().flatten();
    let number = |port: &Value| match &port["targetPort"] {
        Value::String(name) => {
            let containers = pod?["spec"]["containers"].as_array()?;
            let all = containers.iter().flat_map(|container| container["ports"].as_array().into_iter().flatten());
            all.into_iter().find(|own| own["name"] == name.as_str()).map(|own| own["containerPort"].clone())
        }
        Value::Null => Some(port["port"].clone()),
        number => Some(number.clone()),
    };
    wanted
        .filter_map(|port| {
            let mut known = json!({"port": number(port)?, "protocol": port["protocol"].as_str().unwrap_or("TCP")});
            known["name"] = text(&port["name"]).into();
            Some(known)
        })
        .collect()
}

fn reference(pod: &Value) -> Value {
    json!({"kind": "Pod", "namespace": meta::namespace(pod), "name": meta::name(pod), "uid": meta::uid(pod)})
}

/// Whether requests may go to a pod.
fn takes_requests(service: &Value, pod: &Value) -> bool {
    (pods::is_ready(pod) && !meta::is_terminating(pod)) || service["spec"]["publishNotReadyAddresses"] == true
}

fn write_slice(store: &Store, service: &Value, members: &[Arc<Value>], ports: &[Value]) -> Result<(), ApiError> {
    let endpoint = |pod: &Arc<Value>| {
        let mut endpoint = json!({
            "addresses": [pod["status"]["podIP"]],
            "conditions": {
                "ready": takes_requests(service, pod),
                "serving": pods::is_ready(pod),
                "terminating": meta::is_terminating(pod),
            },
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": reference(pod),
        });
        if pod["spec"]["hostname"].is_string() && pod["spec"]["subdomain"] == meta::name(service) {
            endpoint["hostname"] = pod["spec"]["hostname"].clone();
        }
        endpoint
    };
    let endpoints: Vec<Value> = members.iter().map(endpoint).collect();
    let namespace = Some(meta::namespace(service));
    let (slices, _) = store.list(&ENDPOINT_SLICES, namespace);
    let own = slices.iter().find(|slice| {
        meta::label(slice, SERVICE) == Some(meta::name(service)) && meta::label(slice, MANAGED_BY) == Some(MANAGER)
    });
    if let Some(own) = own {
        return settle(store.modify(&ENDPOINT_SLICES, namespace, meta::name(own), |slice| {
            slice["endpoints"] = endpoints.into();
            slice["ports"] = ports.into();
        }));
    }
    let mut labels = service["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.insert(SERVICE.into(), meta::name(service).into());
    labels.insert(MANAGED_BY.into(), MANAGER.into());
    settle(store.create(
        &ENDPOINT_SLICES,
        json!({
            "kind": "EndpointSlice",
            "apiVersion": "discovery.k8s.io/v1",
            "metadata": {
                "generateName": format!("{}-", meta::name(service)),
                "namespace": meta::namespace(service),
                "labels": labels,
                "ownerReferences": [controlled_by(service, "v1", "Service")],
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": ports,
        }),
    ))
}

fn write_endpoints(store: &Store, service: &Value, members: &[Arc<Value>], ports: &[Value]) -> Result<(), ApiError> {
    let (ready, waiting): (Vec<_>, Vec<_>) = members.iter().partition(|pod| takes_requests(service, pod));
    let address = |pod: &&Arc<Value>| json!({"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": reference(pod)});
    let mut subset = Map::new();
    for (field, pods) in [("addresses", &ready), ("notReadyAddresses", &waiting)] {
        if !pods.is_empty() {
            subset.insert(field.into(), pods.iter().map(address).collect());
        }
    }
    let subsets: Vec<Value> = if subset.is_empty() {
        Vec::new()
    } else {
        subset.insert("ports".into(), ports.iter().map(without_empty_name).collect());
        vec![subset.into()]
    };
    let kind: &GroupResource = &ENDPOINTS;
    let (namespace, name) = (Some(meta::namespace(service)), meta::name(service));
    if store.get(kind, namespace, name).is_some() {
        return settle(store.modify(kind, namespace, name, |endpoints| {
            if subsets.is_empty() {
                endpoints.as_object_mut().and_then(|fields| fields.remove("subsets"));
            } else {
                endpoints["subsets"] = subsets.into();
            }
        }));
    }
    let mut labels = service["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    labels.insert("endpoints.kubernetes.io/managed-by".into(), "endpoint-controller".into());
    let mut endpoints = json!({"kind": "Endpoints", "apiVersion": "v1",
        "metadata": {"name": name, "namespace": meta::namespace(service), "labels": labels}});
    if !subsets.is_empty() {
        endpoints["subsets"] = subsets.into();
    }
    settle(store.create(kind, endpoints))
}

fn without_empty_name(port: &Value) -> Value {
    let mut port = port.clone();
    if port["name"] == "" {
        port.as_object_mut().and_then(|fields| fields.remove("name"));
    }
    port
}
