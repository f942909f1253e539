//! Addresses and node ports of services. On this one machine they are given out, but lead nowhere.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::kinds::SERVICES;
use crate::error::{ApiError, Cause};
use crate::store::{Store, meta};
use crate::virt::kinds::text;

/// Addresses are `10.96.a.b`.
const PREFIX: &str = "10.96.";
/// Ports that services of the types `NodePort` and `LoadBalancer` get.
const NODE_PORTS: std::ops::RangeInclusive<u64> = 30_000..=32_767;

/// Gives a service what its type wants, and refuses what it cannot have.
pub(crate) fn admit(store: &Store, kind: &str, object: &mut Value, old: Option<&Value>) -> Result<(), ApiError> {
    let mut causes = Vec::new();
    let is_named_outside = object["spec"]["type"] == "ExternalName";
    let is_headless = object["spec"]["clusterIP"] == "None";
    let has_ports = object["spec"]["ports"].as_array().is_some_and(|ports| !ports.is_empty());
    if !has_ports && !is_named_outside && !is_headless {
        causes.push(Cause::required("spec.ports", ""));
    }
    let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if !kinds.contains(&text(&object["spec"]["type"])) {
        causes.push(super::validation::unsupported("spec.type", text(&object["spec"]["type"]), &kinds));
    }
    let several = object["spec"]["ports"].as_array().is_some_and(|ports| ports.len() > 1);
    for (index, port) in object["spec"]["ports"].as_array().into_iter().flatten().enumerate() {
        if several && text(&port["name"]).is_empty() {
            causes.push(Cause::required(&format!("spec.ports[{index}].name"), ""));
        }
        if !port["port"].as_i64().is_some_and(|number| (1..=65_535).contains(&number)) {
            let shown = port["port"].to_string();
            causes.push(Cause {
                reason: "FieldValueInvalid",
                message: format!("Invalid value: {shown}: must be between 1 and 65535, inclusive"),
                field: format!("spec.ports[{index}].port"),
            });
        }
    }
    let before = old.map(|old| text(&old["spec"]["clusterIP"])).unwrap_or_default();
    if !before.is_empty() && !is_named_outside {
        let asked = text(&object["spec"]["clusterIP"]);
        if asked.is_empty() {
            object["spec"]["clusterIP"] = before.into();
        } else if asked != before {
            causes.push(Cause {
                reason: "FieldValueInvalid",
                message: format!("Invalid value: [{asked:?}]: may not change once set"),
                field: "spec.clusterIPs[0]".to_owned(),
            });
        }
    }
    if !causes.is_empty() {
        return Err(ApiError::invalid(kind, meta::name(object), &causes));
    }
    if is_named_outside {
        return Ok(());
    }
    let (others, _) = store.list(&SERVICES, None);
    if text(&object["spec"]["clusterIP"]).is_empty() {
        let taken: BTreeSet<&str> = others.iter().map(|service| text(&service["spec"]["clusterIP"])).collect();
        let all = (0..=255_u16).flat_map(|third| (2..=254_u16).map(move |fourth| format!("{PREFIX}{third}.{fourth}")));
        let free = all.into_iter().find(|address| !taken.contains(address.as_str()));
        object["spec"]["clusterIP"] = free.ok_or_else(|| ApiError::internal("no address is free"))?.into();
    }
    object["spec"]["clusterIPs"] = json!([object["spec"]["clusterIP"]]);
    if matches!(text(&object["spec"]["type"]), "NodePort" | "LoadBalancer") {
        let ports = |service: &Value| service["spec"]["ports"].as_array().cloned().unwrap_or_default();
        let mut taken: BTreeSet<u64> =
            others.iter().flat_map(|service| ports(service)).filter_map(|port| port["nodePort"].as_u64()).collect();
        for port in object["spec"]["ports"].as_array_mut().into_iter().flatten() {
            if port["nodePort"].is_null()
                && let Some(free) = NODE_PORTS.clone().find(|number| !taken.contains(number))
            {
                taken.insert(free);
                port["nodePort"] = free.into();
            }
        }
    }
    Ok(())
}
