//! What the containers of a pod ask for together.

use kubevirt::quantity;

use crate::cluster::objects::ContainerSpec;

/// Thousandths of processors, and MiB; `None` where no container asks.
pub(super) fn of(containers: &[ContainerSpec]) -> (Option<u64>, Option<u64>) {
    let sum = |resource: &str, read: fn(&str) -> Option<u64>| {
        let asked = containers.iter().filter_map(|container| {
            let value = &container.resources["requests"][resource];
            read(&value.as_str().map_or_else(|| value.to_string(), str::to_owned)).filter(|_| !value.is_null())
        });
        asked.fold(None, |sum: Option<u64>, amount| Some(sum.unwrap_or_default().saturating_add(amount)))
    };
    (sum("cpu", quantity::milli_value), sum("memory", quantity::value).map(|bytes| bytes.div_ceil(1 << 20)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_of_all_containers_are_added_up_and_none_is_not_zero() {
        let containers: Vec<ContainerSpec> = serde_json::from_value(json!([
            {"name": "a", "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}}},
            {"name": "b", "resources": {"requests": {"cpu": 1}}},
            {"name": "c"}
        ]))
        .unwrap();
        assert_eq!(of(&containers), (Some(1250), Some(64)));
        assert_eq!(of(&containers[2..]), (None, None));
    }
}
