//! What the cluster tells about disks, kept up to date by watches.

use kubevirt::{CdiConfig, DataSource, DataVolume, PersistentVolumeClaim, StorageClass, StorageProfile};
use model::live::LiveKind;

use crate::cluster::cache::Cache;
use crate::live::Live;

/// All claims, what fills them, and where they are kept. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct DiskIndex {
    pub claims: Cache<PersistentVolumeClaim>,
    /// Empty in a cluster without CDI, like sources and profiles.
    pub volumes: Cache<DataVolume>,
    pub sources: Cache<DataSource>,
    /// Of the whole cluster, like profiles: their namespace is empty.
    pub classes: Cache<StorageClass>,
    pub profiles: Cache<StorageProfile>,
    /// CDI's settings: one object, or none.
    pub settings: Cache<CdiConfig>,
}

impl DiskIndex {
    /// CDI's settings; its defaults where there is no CDI.
    pub(crate) fn settings(&self) -> CdiConfig {
        self.settings.index().get("", kubevirt::cdi::CONFIG_NAME).map(|known| (*known).clone()).unwrap_or_default()
    }

    pub(crate) fn new(live: &Live) -> Self {
        fn cache<T>(live: &Live) -> Cache<T> {
            Cache::new(live.clone(), LiveKind::Image)
        }
        Self {
            claims: cache(live),
            volumes: cache(live),
            sources: cache(live),
            classes: cache(live),
            profiles: cache(live),
            settings: cache(live),
        }
    }
}
