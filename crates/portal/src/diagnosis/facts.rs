//! What rules look at: plain data, gathered from the caches or written down by a test.

use std::sync::Arc;

use kubevirt::cdi::{DataSource, DataVolume};
use kubevirt::storage::{self, PersistentVolume, PersistentVolumeClaim, StorageClass};
use model::machine::EventLine;

use crate::workloads::Workload;

/// Everything that one object hangs on, as far as the portal knows it. Objects of namespaces are all of one, except for
/// names of images, which may be everybody's.
///
/// `None` means that the portal cannot know, for want of a right or of the kind: rules then say nothing that
/// depends on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Seconds since 1970.
    pub now: i64,
    /// Events about the objects below, newest first.
    pub events: Vec<EventLine>,
    pub data_volumes: Vec<Arc<DataVolume>>,
    pub claims: Vec<Arc<PersistentVolumeClaim>>,
    /// Names that disks are made from.
    pub data_sources: Vec<Arc<DataSource>>,
    /// Pods that fill disks or use them, and launchers.
    pub pods: Vec<Arc<Workload>>,
    pub classes: Option<Vec<Arc<StorageClass>>>,
    pub volumes: Option<Vec<Arc<PersistentVolume>>>,
    /// The last lines of containers, where somebody read them.
    pub logs: Vec<LogTail>,
    /// The class of scratch claims, where CDI names one.
    pub scratch_class: Option<String>,
}

/// The end of a pod's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogTail {
    pub pod: String,
    pub lines: Vec<String>,
}

impl Facts {
    pub(crate) fn data_volume(&self, name: &str) -> Option<&Arc<DataVolume>> {
        self.data_volumes.iter().find(|volume| volume.metadata.name == name)
    }

    pub(crate) fn claim(&self, name: &str) -> Option<&Arc<PersistentVolumeClaim>> {
        self.claims.iter().find(|claim| claim.metadata.name == name)
    }

    /// A name that disks are made from. Without a namespace it is of that of the objects.
    pub(crate) fn data_source(&self, namespace: Option<&str>, name: &str) -> Option<&Arc<DataSource>> {
        let fits = |source: &&Arc<DataSource>| {
            source.metadata.name == name
                && namespace.is_none_or(|place| source.metadata.namespace.as_deref() == Some(place))
        };
        self.data_sources.iter().find(fits)
    }

    pub(crate) fn pod(&self, name: &str) -> Option<&Arc<Workload>> {
        self.pods.iter().find(|pod| pod.at.name.as_str() == name)
    }

    /// Events about one object, newest first.
    pub(crate) fn events_about(&self, kind: &str, name: &str) -> impl Iterator<Item = &EventLine> {
        let about = format!("{kind} {name}");
        self.events.iter().filter(move |event| event.about == about)
    }

    /// Whether a class exists; `None` if the portal does not know.
    pub(crate) fn has_class(&self, name: &str) -> Option<bool> {
        Some(self.classes.as_ref()?.iter().any(|class| class.metadata.name == name))
    }

    /// The class that a disk without one gets.
    pub(crate) fn default_class(&self) -> Option<&StorageClass> {
        storage::default_class(self.classes.iter().flatten().map(Arc::as_ref))
    }

    /// Names of all classes, as a sentence lists them; `None` if the portal does not know or there are none.
    pub(crate) fn class_names(&self) -> Option<String> {
        let names: Vec<_> = self.classes.as_ref()?.iter().map(|class| class.metadata.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}
