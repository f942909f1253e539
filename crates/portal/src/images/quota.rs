//! What a team's quotas leave for disks.

use kubevirt::quantity::value;
use serde_json::Value;

/// The least that any quota of a list leaves for claims of a class, in bytes, and that quota's name; `None` where no
/// quota counts storage. A quota that allows no further claim leaves nothing.
pub(super) fn storage_left(quotas: &Value, class: &str) -> Option<(u64, String)> {
    let of_class = |what: &str| format!("{class}.storageclass.storage.k8s.io/{what}");
    let bytes = ["requests.storage".to_owned(), of_class("requests.storage")];
    let counts = ["persistentvolumeclaims".to_owned(), of_class("persistentvolumeclaims")];
    let quotas = quotas["items"].as_array()?;
    let left = |quota: &Value, what: &str| {
        let hard = quota["status"]["hard"].get(what).or_else(|| quota["spec"]["hard"].get(what))?;
        let used = quota["status"]["used"].get(what).and_then(Value::as_str).and_then(value).unwrap_or(0);
        Some(value(hard.as_str()?)?.saturating_sub(used))
    };
    let of_quota = |quota: &Value| {
        let name = quota["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let least = bytes.iter().filter_map(|what| left(quota, what)).min();
        let is_full = counts.iter().any(|what| left(quota, what) == Some(0));
        if is_full { Some((0, name)) } else { least.map(|least| (least, name)) }
    };
    quotas.iter().filter_map(of_quota).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_tightest_quota_counts() {
        let quotas = json!({"items": [
            {"metadata": {"name": "wide"}, "status": {"hard": {"requests.storage": "100Gi"}, "used": {"requests.storage": "10Gi"}}},
            {"metadata": {"name": "fast"}, "status": {"hard": {"ssd.storageclass.storage.k8s.io/requests.storage": "20Gi"}}},
            {"metadata": {"name": "cpus"}, "status": {"hard": {"requests.cpu": "1"}}}
        ]});
        assert_eq!(storage_left(&quotas, "ssd"), Some((20 << 30, "fast".to_owned())));
        assert_eq!(storage_left(&quotas, "hdd"), Some((90 << 30, "wide".to_owned())));
    }

    #[test]
    fn a_quota_of_zero_or_without_another_claim_leaves_nothing() {
        let zero = json!({"items": [{"metadata": {"name": "q"}, "status": {"hard": {"requests.storage": "0"}}}]});
        assert_eq!(storage_left(&zero, ""), Some((0, "q".to_owned())));
        let full = json!({"items": [{"metadata": {"name": "q"}, "status": {
            "hard": {"persistentvolumeclaims": "2"}, "used": {"persistentvolumeclaims": "2"}}}]});
        assert_eq!(storage_left(&full, ""), Some((0, "q".to_owned())));
        assert_eq!(storage_left(&json!({"items": []}), ""), None);
    }
}
