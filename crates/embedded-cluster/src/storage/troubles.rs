//! The switchboard: known failures, brought about on purpose.
//!
//! A ConfigMap `kube-system/embedded-cluster-troubles` says which are on. A key that is there with any value but `false`
//! is on; deleting the key or the map puts things right again.
//!
//! To add one: a constant here with what it does, a look at it where it happens, a line in `docs/embedded-cluster.md`.

use serde_json::Value;

use super::{CLASSES, DEFAULT_CLASS, LOCAL_PROVISIONER, MAPS, PROVISIONER};
use crate::error::ApiError;
use crate::store::{Store, meta};

/// Where the switchboard is.
pub(crate) const NAMESPACE: &str = "kube-system";
/// What it is called.
pub(crate) const NAME: &str = "embedded-cluster-troubles";

/// No class is the default one.
pub(crate) const NO_DEFAULT_CLASS: &str = "no-default-class";
/// Volumes are not made; the value names a class, or `true` for all.
pub(crate) const PROVISIONING_HANGS: &str = "provisioning-hangs";
/// Scratch claims get no volume.
pub(crate) const SCRATCH_HANGS: &str = "scratch-hangs";
/// Uploads and imports meet a disk file that exists already, as on a hostPath that two volumes share.
pub(crate) const HOST_PATH_FILE_EXISTS: &str = "host-path-file-exists";
/// The storage is full when data arrives.
pub(crate) const NO_SPACE: &str = "no-space";
/// Uploads and imports are slow; the value is bytes a second.
pub(crate) const BYTES_PER_SECOND: &str = "bytes-per-second";

/// The API answers 503, but for what is needed to turn this off again.
pub(crate) const API_DOWN: &str = "api-down";
/// What virt-api serves answers 503.
pub(crate) const VIRT_API_DOWN: &str = "virt-api-down";
/// Watches end with 410, those that are open and those that begin.
pub(crate) const WATCH_EXPIRED: &str = "watch-expired";
/// A kind, by its plural, that nobody may list or watch.
pub(crate) const FORBIDDEN_KIND: &str = "forbidden-kind";
/// Answers of the API are held back; the value is milliseconds.
pub(crate) const SLOW: &str = "slow";
/// There are no figures of what pods and nodes use.
pub(crate) const NO_METRICS: &str = "no-metrics";

const IS_DEFAULT: &str = kubevirt::storage::DEFAULT_CLASS;
/// Marks the class that was the default one before the switch was turned.
const WAS_DEFAULT: &str = "embedded-cluster.porthole.dev/was-default-class";

/// Which troubles are on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Troubles(Value);

impl Troubles {
    /// Reads the switchboard.
    pub(crate) fn read(store: &Store) -> Self {
        Self(store.get(&MAPS, Some(NAMESPACE), NAME).map_or(Value::Null, |map| map["data"].clone()))
    }

    /// Whether there is nothing on the switchboard.
    pub(crate) fn is_quiet(&self) -> bool {
        self.0.as_object().is_none_or(serde_json::Map::is_empty)
    }

    /// The value of a trouble that is on.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.0[key].as_str().filter(|value| *value != "false")
    }

    /// Whether a trouble is on.
    pub(crate) fn is_on(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Whether no volume is made for a claim of the class.
    pub(super) fn hangs(&self, class: &str, is_scratch: bool) -> bool {
        let by_class = self.value(PROVISIONING_HANGS).is_some_and(|value| value == "true" || value == class);
        by_class || (is_scratch && self.is_on(SCRATCH_HANGS))
    }

    /// Takes the default class away, or gives it back.
    pub(super) fn apply_to_classes(&self, store: &Store) -> Result<(), ApiError> {
        let is_off = self.is_on(NO_DEFAULT_CLASS);
        for class in store.list(&CLASSES, None).0 {
            let annotations = &class["metadata"]["annotations"];
            if is_off && annotations[IS_DEFAULT] == "true" {
                store.modify(&CLASSES, None, meta::name(&class), |class| {
                    class["metadata"]["annotations"][IS_DEFAULT] = "false".into();
                    class["metadata"]["annotations"][WAS_DEFAULT] = "true".into();
                })?;
            } else if !is_off && annotations[WAS_DEFAULT] == "true" {
                store.modify(&CLASSES, None, meta::name(&class), |class| {
                    if let Some(annotations) = class["metadata"]["annotations"].as_object_mut() {
                        annotations.insert(IS_DEFAULT.to_owned(), "true".into());
                        annotations.remove(WAS_DEFAULT);
                    }
                })?;
            }
        }
        Ok(())
    }
}

/// The classes that every cluster starts with.
pub(crate) fn seeded_classes() -> [Value; 2] {
    let class = |name: &str, provisioner: &str, mode: &str, annotations: Value| {
        serde_json::json!({
            "kind": "StorageClass", "apiVersion": "storage.k8s.io/v1",
            "metadata": {"name": name, "annotations": annotations},
            "provisioner": provisioner, "reclaimPolicy": "Delete", "allowVolumeExpansion": true,
            "volumeBindingMode": mode,
        })
    };
    [
        class(DEFAULT_CLASS, PROVISIONER, "Immediate", serde_json::json!({IS_DEFAULT: "true"})),
        class("porthole-local", LOCAL_PROVISIONER, "WaitForFirstConsumer", serde_json::json!({})),
    ]
}
