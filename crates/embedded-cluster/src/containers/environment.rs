//! What a program finds in its environment, and what `$(NAME)` in its command stands for.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::quota;
use crate::store::{Store, meta};
use crate::virt::kinds::{CONFIG_MAPS, SECRETS, text};

/// The variables of a container, over those of its image. The error is what the node's agent says.
pub(super) fn variables(
    store: &Store,
    pod: &Value,
    container: &Value,
    image: &[(String, String)],
) -> Result<Vec<(String, String)>, String> {
    let mut all: BTreeMap<String, String> = image.iter().cloned().collect();
    all.entry("PATH".to_owned()).or_insert_with(|| super::image::tools::PATH.to_owned());
    let host = text(&pod["spec"]["hostname"]);
    all.insert("HOSTNAME".to_owned(), if host.is_empty() { meta::name(pod) } else { host }.to_owned());
    if container["tty"] == true {
        all.insert("TERM".to_owned(), "xterm".to_owned());
    }
    for source in container["envFrom"].as_array().into_iter().flatten() {
        let prefix = text(&source["prefix"]);
        for (name, value) in whole(store, pod, source)? {
            all.insert(format!("{prefix}{name}"), value);
        }
    }
    for variable in container["env"].as_array().into_iter().flatten() {
        let value = if variable["valueFrom"].is_object() {
            match looked_up(store, pod, container, &variable["valueFrom"])? {
                Some(value) => value,
                None => continue,
            }
        } else {
            expand(text(&variable["value"]), &all)
        };
        all.insert(text(&variable["name"]).to_owned(), value);
    }
    Ok(all.into_iter().collect())
}

/// Replaces `$(NAME)` by the variable; `$$(NAME)` is `$(NAME)` itself, and what is not known stays.
pub(super) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            match variables.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            out.push('$');
        }
    }
    out + rest
}

fn whole(store: &Store, pod: &Value, source: &Value) -> Result<Vec<(String, String)>, String> {
    let is_secret = source["secretRef"].is_object();
    let reference = if is_secret { &source["secretRef"] } else { &source["configMapRef"] };
    match data(store, pod, is_secret, text(&reference["name"])) {
        Some(all) => Ok(all),
        None if reference["optional"] == true => Ok(Vec::new()),
        None => Err(missing(is_secret, text(&reference["name"]))),
    }
}

fn missing(is_secret: bool, name: &str) -> String {
    format!("{} \"{name}\" not found", if is_secret { "secret" } else { "configmap" })
}

/// All that a map or a secret holds.
fn data(store: &Store, pod: &Value, is_secret: bool, name: &str) -> Option<Vec<(String, String)>> {
    let kind = if is_secret { &SECRETS } else { &CONFIG_MAPS };
    let object = store.get(kind, Some(meta::namespace(pod)), name)?;
    let fields = object["data"].as_object().cloned().unwrap_or_default();
    let read = |value: &Value| {
        let plain = text(value);
        if is_secret {
            STANDARD.decode(plain).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
        } else {
            plain.to_owned()
        }
    };
    Some(fields.iter().map(|(name, value)| (name.clone(), read(value))).collect())
}

fn looked_up(store: &Store, pod: &Value, container: &Value, from: &Value) -> Result<Option<String>, String> {
    for (field, is_secret) in [("configMapKeyRef", false), ("secretKeyRef", true)] {
        let reference = &from[field];
        if reference.is_object() {
            let (name, key) = (text(&reference["name"]), text(&reference["key"]));
            let all = data(store, pod, is_secret, name);
            let found = all.as_ref().and_then(|all| all.iter().find(|(known, _)| known == key));
            return match (found, &all) {
                (Some((_, value)), _) => Ok(Some(value.clone())),
                _ if reference["optional"] == true => Ok(None),
                (None, None) => Err(missing(is_secret, name)),
                (None, Some(_)) => {
                    let kind = if is_secret { "Secret" } else { "ConfigMap" };
                    Err(format!("couldn't find key {key} in {kind} {}/{name}", meta::namespace(pod)))
                }
            };
        }
    }
    if from["resourceFieldRef"].is_object() {
        let (section, resource) =
            text(&from["resourceFieldRef"]["resource"]).split_once('.').unwrap_or(("limits", "cpu"));
        let alone = serde_json::json!({"spec": {"containers": [container]}});
        let amount = quota::asked(&alone, section, resource);
        // Whole processors, rounded up.
        return Ok(Some(if resource == "cpu" { amount.milli().div_ceil(1000) } else { amount.whole() }.to_string()));
    }
    Ok(Some(field_of(pod, text(&from["fieldRef"]["fieldPath"]))))
}

/// A field of the pod that may be asked for by its path.
fn field_of(pod: &Value, path: &str) -> String {
    if let Some((section, key)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        return text(section.split('.').fold(pod, |value, field| &value[field]).get(key).unwrap_or(&Value::Null))
            .to_owned();
    }
    text(path.split('.').fold(pod, |value, field| &value[field])).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_commands_are_replaced_and_unknown_ones_stay() {
        let known = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        assert_eq!(expand("x$(A)y$(B)z$$(A)$", &known), "x1y$(B)z$(A)$");
    }

    #[test]
    fn fields_of_the_pod_are_found_by_their_path() {
        let pod =
            serde_json::json!({"metadata": {"name": "p", "labels": {"a.b/c": "d"}}, "spec": {"nodeName": "node1"}});
        assert_eq!(field_of(&pod, "metadata.name"), "p");
        assert_eq!(field_of(&pod, "metadata.labels['a.b/c']"), "d");
        assert_eq!(field_of(&pod, "spec.nodeName"), "node1");
    }
}
