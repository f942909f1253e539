//! What pods ask for.

use serde_json::Value;

use super::amount::Amount;

/// How much a pod asks for of a resource such as `cpu`; `section` is `requests` or `limits`.
///
/// It is the sum over the containers; those that run once before the others count only where they need more.
pub(crate) fn asked(pod: &Value, section: &str, resource: &str) -> Amount {
    let amount = |container: &Value| of_container(container, section, resource).unwrap_or_default();
    let (beside, before): (Vec<_>, Vec<_>) =
        list(pod, "initContainers").iter().partition(|container| container["restartPolicy"] == "Always");
    let together: Amount = list(pod, "containers").iter().chain(beside).map(amount).sum();
    before.into_iter().map(amount).fold(together, Amount::max)
}

/// The containers of a pod that do not say how much they ask for.
pub(super) fn silent<'a>(pod: &'a Value, section: &str, resource: &str) -> Vec<&'a str> {
    let all = list(pod, "initContainers").iter().chain(list(pod, "containers"));
    let mut names: Vec<&str> = all
        .filter(|container| of_container(container, section, resource).is_none())
        .filter_map(|container| container["name"].as_str())
        .collect();
    names.sort_unstable();
    names
}

fn list<'a>(pod: &'a Value, field: &str) -> &'a [Value] {
    pod["spec"][field].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn of_container(container: &Value, section: &str, resource: &str) -> Option<Amount> {
    let of = |section: &str| Amount::read(&container["resources"][section][resource]);
    // A limit without a request is a request.
    of(section).or_else(|| if section == "requests" { of("limits") } else { None })
}
