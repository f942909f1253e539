//! Kinds from `CustomResourceDefinition` objects.

use serde_json::Value;

use super::{Behaviour, Column, Kind, NameRule, Version};
use crate::resource::GroupResource;

const VERBS: &[&str] = &["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// The kind that a definition defines; `None` where it serves no version.
pub(super) fn kind(definition: &Value) -> Option<Kind> {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let text = |field: &str| names[field].as_str().map(str::to_owned);
    let kind = text("kind")?;
    let all = spec["versions"].as_array()?;
    let mut versions: Vec<Version> =
        all.iter().filter(|version| version["served"] == true).filter_map(version).collect();
    versions.sort_by_key(|version| rank(&version.name));
    if versions.is_empty() {
        return None;
    }
    let storage = all.iter().find(|version| version["storage"] == true)?;
    Some(Kind {
        resource: GroupResource::new(spec["group"].as_str()?, text("plural")?),
        list_kind: text("listKind").unwrap_or_else(|| format!("{kind}List")),
        singular: text("singular").unwrap_or_else(|| kind.to_lowercase()),
        kind,
        short_names: words(&names["shortNames"]),
        categories: words(&names["categories"]),
        is_namespaced: spec["scope"] == "Namespaced",
        is_custom: true,
        verbs: VERBS,
        behaviour: Behaviour::Stored,
        names: NameRule::Subdomain,
        versions,
        storage_version: storage["name"].as_str()?.to_owned(),
        subresources: Vec::new(),
    })
}

fn version(version: &Value) -> Option<Version> {
    let columns = version["additionalPrinterColumns"].as_array().into_iter().flatten().filter_map(column).collect();
    Some(Version {
        name: version["name"].as_str()?.to_owned(),
        has_status: version["subresources"]["status"].is_object(),
        columns,
        schema: version["schema"]["openAPIV3Schema"].clone(),
    })
}

fn column(column: &Value) -> Option<Column> {
    let text = |field: &str| column[field].as_str().unwrap_or_default().to_owned();
    Some(Column {
        name: column["name"].as_str()?.to_owned(),
        kind: text("type"),
        format: text("format"),
        priority: column["priority"].as_i64().unwrap_or(0),
        description: text("description"),
        path: column["jsonPath"].as_str()?.to_owned(),
    })
}

fn words(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Versions in order of preference: `v2`, `v1`, `v1beta2`, `v1beta1`, `v1alpha1`, then anything else by name.
pub(super) fn rank(version: &str) -> (u8, std::cmp::Reverse<u32>, std::cmp::Reverse<u32>, String) {
    let parsed = version.strip_prefix('v').and_then(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let major: u32 = rest[..end].parse().ok()?;
        let (stage, minor) = match &rest[end..] {
            "" => (0, "0"),
            tail => tail
                .strip_prefix("beta")
                .map(|minor| (1, minor))
                .or_else(|| tail.strip_prefix("alpha").map(|minor| (2, minor)))?,
        };
        Some((stage, major, minor.parse().ok()?))
    });
    let (stage, major, minor) = parsed.unwrap_or((3, 0, 0));
    (stage, std::cmp::Reverse(major), std::cmp::Reverse(minor), version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_versions_come_first_and_newer_ones_before_older_ones() {
        let mut versions = ["v1alpha3", "v1", "foo", "v1beta1", "v2", "v1beta2"];
        versions.sort_by_key(|version| rank(version));
        assert_eq!(versions, ["v2", "v1", "v1beta2", "v1beta1", "v1alpha3", "foo"]);
    }
}
