//! What a team may still use.

use std::collections::BTreeMap;

use kubevirt::quantity;
use model::create::{QuotaKind, QuotaLine, size};
use serde_json::Value;

/// Limits that a new machine counts against, each resource once: the one with the least left.
pub(super) fn lines(list: &Value) -> Vec<QuotaLine> {
    let mut tightest: BTreeMap<&'static str, QuotaLine> = BTreeMap::new();
    for quota in list["items"].as_array().into_iter().flatten() {
        let status = &quota["status"];
        for (name, hard) in status["hard"].as_object().into_iter().flatten() {
            let Some((group, kind)) = kind(name) else { continue };
            let read = |value: &Value| amount(value, kind);
            let Some(hard) = read(hard) else { continue };
            let line = QuotaLine { resource: kind, hard, used: read(&status["used"][name]).unwrap_or_default() };
            let is_tighter = tightest.get(group).is_none_or(|known| line.left() < known.left());
            if is_tighter {
                tightest.insert(group, line);
            }
        }
    }
    tightest.into_values().collect()
}

fn kind(name: &str) -> Option<(&'static str, QuotaKind)> {
    match name {
        "cpu" | "requests.cpu" => Some(("cpu", QuotaKind::Cpu)),
        "memory" | "requests.memory" | "limits.memory" => Some(("memory", QuotaKind::Memory)),
        "requests.storage" => Some(("storage", QuotaKind::Storage)),
        "pods" | "count/pods" | "count/virtualmachines.kubevirt.io" => Some(("count", QuotaKind::Count)),
        _ => None,
    }
}

fn amount(value: &Value, kind: QuotaKind) -> Option<u64> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match kind {
        QuotaKind::Cpu => quantity::milli_value(&text),
        QuotaKind::Count => quantity::value(&text),
        QuotaKind::Memory | QuotaKind::Storage => quantity::value(&text).map(|bytes| bytes / size::MIB),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_several_limits_the_tightest_counts() {
        let quota = |hard: Value, used: Value| json!({"status": {"hard": hard, "used": used}});
        let found = lines(&json!({"items": [
            quota(json!({"requests.memory": "8Gi", "requests.cpu": "4"}), json!({"requests.memory": "6Gi", "requests.cpu": "500m"})),
            quota(json!({"limits.memory": "16Gi", "services": "3"}), json!({"limits.memory": "15Gi"})),
        ]}));
        let left: Vec<_> = found.iter().map(|line| (line.resource, line.left())).collect();
        assert_eq!(left, [(QuotaKind::Cpu, 3500), (QuotaKind::Memory, 1024)]);
    }

    #[test]
    fn a_quota_of_zero_leaves_nothing() {
        let found = lines(&json!({"items": [{"status": {"hard": {"pods": "0"}}}]}));
        assert_eq!(found[0].left(), 0);
        assert!(lines(&Value::Null).is_empty());
    }
}
