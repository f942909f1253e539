//! What a request's path and query say, in the words of the API.
//!
//! ```text
//!   /api/v1/namespaces/demo/pods/a/log
//!        │             │    │    │ └ subresource: the first segment counts for permissions, the rest belongs to whoever answers
//!        │             │    │    └ name
//!        version       │    resource
//!                      namespace
//! ```

use std::collections::HashMap;

use http::{Method, Uri};

use crate::auth::rbac::Attributes;
use crate::error::ApiError;
use crate::percent::decode;
use crate::resource::GroupResource;

/// Segments after a namespace's name that are about the namespace itself.
const OF_NAMESPACE: [&str; 2] = ["status", "finalize"];

/// A request, taken apart. It travels with the request as an extension.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// Whether the path is about objects; otherwise only `path` and `verb` are set.
    pub is_resource: bool,
    /// The whole path.
    pub path: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; lower-case method on other paths.
    pub verb: String,
    /// Empty for the core group.
    pub group: String,
    /// For example `v1`.
    pub version: String,
    /// The plural.
    pub resource: String,
    /// Empty for objects of the cluster and for lists over all namespaces.
    pub namespace: String,
    /// Empty for lists and for posts.
    pub name: String,
    /// Everything after the name, for example `log` or `vnc/screenshot`.
    pub subresource: String,
}

impl RequestInfo {
    /// Takes a request apart.
    pub fn parse(method: &Method, uri: &Uri) -> Self {
        let path = uri.path();
        let segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode).collect();
        let mut info = Self { path: path.to_owned(), verb: method.as_str().to_ascii_lowercase(), ..Self::default() };
        let rest = match segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["api", version, _, ..] => {
                (*version).clone_into(&mut info.version);
                &segments[2..]
            }
            ["apis", group, version, _, ..] => {
                (*group).clone_into(&mut info.group);
                (*version).clone_into(&mut info.version);
                &segments[3..]
            }
            _ => return info,
        };
        info.is_resource = true;
        let rest = match rest {
            [first, namespace, third, ..] if first == "namespaces" && !OF_NAMESPACE.contains(&third.as_str()) => {
                info.namespace.clone_from(namespace);
                &rest[2..]
            }
            [first, namespace, ..] if first == "namespaces" => {
                info.namespace.clone_from(namespace);
                rest
            }
            _ => rest,
        };
        info.resource = rest.first().cloned().unwrap_or_default();
        info.name = rest.get(1).cloned().unwrap_or_default();
        info.subresource = rest.get(2..).unwrap_or_default().join("/");
        let query = Query::parse(uri);
        verb(method, !info.name.is_empty(), query.flag("watch")).clone_into(&mut info.verb);
        if matches!(info.verb.as_str(), "list" | "watch" | "deletecollection") {
            // Permissions for one named object also allow to watch it alone.
            query.get("fieldSelector").and_then(named_by).unwrap_or_default().clone_into(&mut info.name);
        }
        info
    }

    /// The kind asked for.
    pub fn group_resource(&self) -> GroupResource {
        GroupResource::new(&self.group, &self.resource)
    }

    /// The namespace, if there is one.
    pub fn namespace(&self) -> Option<&str> {
        (!self.namespace.is_empty()).then_some(self.namespace.as_str())
    }

    /// What it needs permission for. Only the first segment of a subresource counts.
    pub fn attributes(&self) -> Attributes {
        if !self.is_resource {
            return Attributes::on_path(&self.verb, &self.path);
        }
        Attributes {
            verb: self.verb.clone(),
            group: self.group.clone(),
            resource: self.resource.clone(),
            subresource: self.subresource.split('/').next().unwrap_or_default().to_owned(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            path: String::new(),
        }
    }
}

fn verb(method: &Method, has_name: bool, watch: bool) -> &'static str {
    match (method.as_str(), has_name) {
        ("GET" | "HEAD", true) => "get",
        ("GET" | "HEAD", false) if watch => "watch",
        ("GET" | "HEAD", false) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => "",
    }
}

fn named_by(selector: &str) -> Option<&str> {
    let wanted = selector.split(',').find_map(|term| term.strip_prefix("metadata.name="))?;
    Some(wanted.trim_start_matches('='))
}

/// The query of a request.
#[derive(Debug, Clone, Default)]
pub struct Query {
    values: HashMap<String, String>,
}

impl Query {
    /// Reads the query of an address. Of repeated keys the first counts.
    pub fn parse(uri: &Uri) -> Self {
        let mut values = HashMap::new();
        for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            values.entry(decode(&key.replace('+', " "))).or_insert_with(|| decode(&value.replace('+', " ")));
        }
        Self { values }
    }

    /// A value that is there and not empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether a switch is on.
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.values.get(key).map(|value| value.to_ascii_lowercase()).as_deref(), Some("true" | "1"))
    }

    /// A number, or the 400 that says it is none.
    pub fn number<N: std::str::FromStr>(&self, key: &str) -> Result<Option<N>, ApiError> {
        let Some(text) = self.get(key) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| ApiError::bad_request(format!("invalid value for {key}: {text:?}")))
    }

    /// Whether `dryRun=All` is set. Any other value is refused.
    pub fn mode(&self) -> Result<crate::store::Mode, ApiError> {
        match self.get("dryRun") {
            None => Ok(crate::store::Mode::Commit),
            Some("All") => Ok(crate::store::Mode::DryRun),
            Some(other) => {
                Err(ApiError::bad_request(format!("invalid dry run value: {other:?}: only All is supported")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &Method, uri: &str) -> RequestInfo {
        RequestInfo::parse(method, &uri.parse().unwrap())
    }

    #[test]
    fn paths_are_taken_apart_as_the_real_server_does() {
        let log = parse(&Method::GET, "/api/v1/namespaces/demo/pods/a/log?follow=true");
        assert_eq!(
            (log.verb.as_str(), log.namespace.as_str(), log.resource.as_str(), log.name.as_str()),
            ("get", "demo", "pods", "a")
        );
        assert_eq!(log.attributes().full_resource(), "pods/log");

        let screen = parse(
            &Method::GET,
            "/apis/subresources.kubevirt.io/v1/namespaces/demo/virtualmachineinstances/a/vnc/screenshot",
        );
        assert_eq!(screen.subresource, "vnc/screenshot");
        assert_eq!(screen.attributes().full_resource(), "virtualmachineinstances/vnc");

        let namespace = parse(&Method::PUT, "/api/v1/namespaces/demo/status");
        assert_eq!((namespace.resource.as_str(), namespace.name.as_str()), ("namespaces", "demo"));
        assert_eq!((namespace.namespace.as_str(), namespace.subresource.as_str()), ("demo", "status"));

        let one = parse(&Method::GET, "/api/v1/namespaces/demo/pods?watch=1&fieldSelector=metadata.name%3Da");
        assert_eq!((one.verb.as_str(), one.name.as_str()), ("watch", "a"));

        let all = parse(&Method::DELETE, "/apis/kubevirt.io/v1/namespaces/demo/virtualmachines");
        assert_eq!(all.verb, "deletecollection");
        assert!(!parse(&Method::GET, "/apis/kubevirt.io/v1").is_resource);
    }
}
