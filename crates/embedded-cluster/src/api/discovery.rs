//! What is served: `/api`, `/apis` and below, in both forms (one document per version, or all in one), and the small paths
//! beside them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use super::media::{self, DiscoveryVersion, Shape};
use super::{Api, is_read, openapi};
use crate::KUBERNETES_VERSION;
use crate::catalog::{Catalog, Kind, Subresource, Version, api_version};
use crate::error::ApiError;

/// The group that virt-api serves.
pub(super) const SUBRESOURCES: &str = "subresources.kubevirt.io";
/// Its versions.
pub(super) const SUBRESOURCE_VERSIONS: [&str; 2] = ["v1", "v1alpha3"];
/// What virt-api lists. Not everything that it serves, and with neither kind nor verbs: clients must not rely on it.
const SUBRESOURCE_NAMES: [&str; 31] = [
    "expand-vm-spec",
    "virtualmachineinstances/vnc",
    "virtualmachineinstances/vnc/screenshot",
    "virtualmachineinstances/console",
    "virtualmachineinstances/portforward",
    "virtualmachineinstances/backup",
    "virtualmachineinstances/redefine-checkpoint",
    "virtualmachineinstances/pause",
    "virtualmachineinstances/unpause",
    "virtualmachineinstances/freeze",
    "virtualmachineinstances/unfreeze",
    "virtualmachineinstances/reset",
    "virtualmachineinstances/softreboot",
    "virtualmachines/start",
    "virtualmachines/stop",
    "virtualmachines/restart",
    "virtualmachines/migrate",
    "virtualmachines/expand-spec",
    "virtualmachines/objectgraph",
    "virtualmachines/evacuate/cancel",
    "virtualmachineinstances/guestosinfo",
    "virtualmachineinstances/userlist",
    "virtualmachineinstances/filesystemlist",
    "virtualmachineinstances/addvolume",
    "virtualmachineinstances/removevolume",
    "virtualmachineinstances/objectgraph",
    "virtualmachineinstances/sev/fetchcertchain",
    "virtualmachineinstances/sev/querylaunchmeasurement",
    "virtualmachineinstances/sev/setupsession",
    "virtualmachineinstances/sev/injectlaunchsecret",
    "virtualmachineinstances/evacuate/cancel",
];

/// Everything that is not about objects.
pub(super) fn serve(api: &Api, parts: &Parts) -> Result<Response, ApiError> {
    if !is_read(&parts.method) {
        return Err(ApiError::method_not_allowed());
    }
    let path = parts.uri.path().trim_end_matches('/');
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    if let ["healthz" | "livez" | "readyz", ..] = segments.as_slice() {
        return Ok((StatusCode::OK, "ok").into_response());
    }
    if let ["openapi", rest @ ..] = segments.as_slice() {
        return openapi::serve(api, &parts.headers, rest);
    }
    let catalog = api.catalog();
    let aggregated = match media::shape(&parts.headers)? {
        Shape::Discovery(version) => Some(version),
        _ => None,
    };
    let document = match (segments.as_slice(), aggregated) {
        (["api"], Some(form)) => return Ok(aggregate(form, &core_items(&catalog))),
        (["apis"], Some(form)) => return Ok(aggregate(form, &group_items(&catalog))),
        (["api"], None) => json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs":
            [{"clientCIDR": "0.0.0.0/0", "serverAddress": host(&parts.headers, &parts.uri)}]}),
        (["apis"], None) => {
            let groups: Vec<Value> = groups(&catalog).iter().map(|(name, versions)| group(name, versions)).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        (["apis", name], _) => {
            let (name, versions) =
                groups(&catalog).into_iter().find(|(group, _)| group == name).ok_or_else(ApiError::unknown_path)?;
            let mut group = group(&name, &versions);
            group["kind"] = "APIGroup".into();
            group["apiVersion"] = "v1".into();
            group
        }
        (["api", "v1"], _) => resource_list(&catalog, "", "v1")?,
        (["apis", group, version], _) => resource_list(&catalog, group, version)?,
        (["version"], _) => version(),
        ([], _) => json!({"paths": paths(&catalog)}),
        _ => return Err(ApiError::unknown_path()),
    };
    Ok(media::json(StatusCode::OK, &document))
}

/// The resource list of `subresources.kubevirt.io`, where virt-api has a router of its own.
pub(super) async fn subresource_list(State(api): State<Arc<Api>>, uri: Uri) -> Response {
    let version = uri.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    match resource_list(&api.catalog(), SUBRESOURCES, version) {
        Ok(list) => media::json(StatusCode::OK, &list),
        Err(refusal) => refusal.into_response(),
    }
}

fn groups(catalog: &Catalog) -> Vec<(String, Vec<String>)> {
    let mut groups = catalog.groups();
    let versions = SUBRESOURCE_VERSIONS.map(str::to_owned).to_vec();
    let after = groups.iter().position(|(group, _)| group == "kubevirt.io").map_or(groups.len(), |at| at + 1);
    groups.insert(after, (SUBRESOURCES.to_owned(), versions));
    groups
}

fn group(name: &str, versions: &[String]) -> Value {
    let version = |version: &String| json!({"groupVersion": api_version(name, version), "version": version});
    let all: Vec<Value> = versions.iter().map(version).collect();
    let preferred = all.first().cloned().unwrap_or_default();
    json!({"name": name, "versions": all, "preferredVersion": preferred})
}

fn resource_list(catalog: &Catalog, group: &str, version: &str) -> Result<Value, ApiError> {
    let resources: Vec<Value> = if group == SUBRESOURCES && SUBRESOURCE_VERSIONS.contains(&version) {
        let entry = |name| json!({"name": name, "singularName": "", "namespaced": true, "kind": "", "verbs": null});
        SUBRESOURCE_NAMES.iter().map(entry).collect()
    } else {
        catalog.in_version(group, version).into_iter().flat_map(|(kind, version)| entries(kind, version)).collect()
    };
    if resources.is_empty() {
        return Err(ApiError::unknown_path());
    }
    let mut list =
        json!({"kind": "APIResourceList", "groupVersion": api_version(group, version), "resources": resources});
    if !group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    Ok(list)
}

fn entries(kind: &Kind, version: &Version) -> Vec<Value> {
    let mut own = json!({
        "name": kind.resource.resource,
        "singularName": kind.singular,
        "namespaced": kind.is_namespaced,
        "kind": kind.kind,
        "verbs": kind.verbs,
    });
    for (field, words) in [("shortNames", &kind.short_names), ("categories", &kind.categories)] {
        if !words.is_empty() {
            own[field] = json!(words);
        }
    }
    let below = kind.subresources_of(version).into_iter().map(|subresource| {
        let mut entry = json!({
            "name": format!("{}/{}", kind.resource.resource, subresource.name),
            "singularName": "",
            "namespaced": kind.is_namespaced,
            "kind": kind.kind,
            "verbs": subresource.verbs,
        });
        if let Some((group, version, foreign)) = subresource.foreign {
            // Bodies of the same group and version are named by their kind only.
            if !version.is_empty() {
                entry["group"] = group.into();
                entry["version"] = version.into();
            }
            entry["kind"] = foreign.into();
        }
        entry
    });
    std::iter::once(own).chain(below).collect()
}

fn core_items(catalog: &Catalog) -> Vec<Value> {
    vec![json!({"metadata": {}, "versions": [version_item(catalog, "", "v1")]})]
}

fn group_items(catalog: &Catalog) -> Vec<Value> {
    let item = |(name, versions): &(String, Vec<String>)| {
        let versions: Vec<Value> = versions.iter().map(|version| version_item(catalog, name, version)).collect();
        json!({"metadata": {"name": name}, "versions": versions})
    };
    groups(catalog).iter().map(item).collect()
}

fn version_item(catalog: &Catalog, group: &str, version: &str) -> Value {
    let resources: Vec<Value> = if group == SUBRESOURCES {
        subresource_items()
    } else {
        catalog.in_version(group, version).into_iter().map(|(kind, version)| resource_item(kind, version)).collect()
    };
    json!({"version": version, "resources": resources, "freshness": "Current"})
}

fn resource_item(kind: &Kind, version: &Version) -> Value {
    // Kinds of the server itself are listed without their group and version, those of definitions and of other servers
    // with them.
    let is_foreign =
        kind.is_custom || kind.resource.group.ends_with(".kubevirt.io") || kind.resource.group == "metrics.k8s.io";
    let own = if is_foreign { (kind.resource.group.as_str(), version.name.as_str()) } else { ("", "") };
    let mut item = json!({
        "resource": kind.resource.resource,
        "responseKind": {"group": own.0, "version": own.1, "kind": kind.kind},
        "scope": if kind.is_namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular,
        "verbs": kind.verbs,
    });
    for (field, words) in [("shortNames", &kind.short_names), ("categories", &kind.categories)] {
        if !words.is_empty() {
            item[field] = json!(words);
        }
    }
    let below = kind.subresources_of(version);
    if !below.is_empty() {
        let one = |subresource: &Subresource| {
            let (group, version, kind) = subresource.foreign.unwrap_or((own.0, own.1, &kind.kind));
            json!({"subresource": subresource.name, "verbs": subresource.verbs,
                "responseKind": {"group": group, "version": version, "kind": kind}})
        };
        item["subresources"] = below.iter().map(one).collect();
    }
    item
}

fn subresource_items() -> Vec<Value> {
    let nothing = json!({"group": "", "version": "", "kind": ""});
    let mut items: Vec<Value> = Vec::new();
    for name in SUBRESOURCE_NAMES {
        let (resource, below) = name.split_once('/').unwrap_or((name, ""));
        let at = items.iter().position(|item| item["resource"] == resource).unwrap_or_else(|| {
            items.push(json!({"resource": resource, "responseKind": nothing, "scope": "Namespaced",
                "singularResource": "", "verbs": null}));
            items.len() - 1
        });
        if !below.is_empty() {
            let entry = json!({"subresource": below, "responseKind": nothing, "verbs": null});
            match items[at]["subresources"].as_array_mut() {
                Some(list) => list.push(entry),
                None => items[at]["subresources"] = json!([entry]),
            }
        }
    }
    items
}

fn aggregate(form: DiscoveryVersion, items: &[Value]) -> Response {
    let version = form.name();
    let document = json!({"kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {}, "items": items});
    let media = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    (StatusCode::OK, [(CONTENT_TYPE, media)], document.to_string()).into_response()
}

fn version() -> Value {
    let mut numbers = KUBERNETES_VERSION.trim_start_matches('v').split('.');
    json!({
        "major": numbers.next(),
        "minor": numbers.next(),
        "gitVersion": KUBERNETES_VERSION,
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, super::architecture()),
    })
}

fn paths(catalog: &Catalog) -> Vec<String> {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for (group, versions) in groups(catalog) {
        paths.push(format!("/apis/{group}"));
        paths.extend(versions.iter().map(|version| format!("/apis/{group}/{version}")));
    }
    paths.extend(["/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"].map(str::to_owned));
    paths
}

fn host(headers: &HeaderMap, uri: &Uri) -> String {
    let named = headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
    named.or_else(|| uri.host()).unwrap_or("127.0.0.1").to_owned()
}
