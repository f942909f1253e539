//! What the cluster tells about disks, kept up to date by watches.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kubevirt::{CdiConfig, DataSource, DataVolume, PersistentVolumeClaim, StorageClass, StorageProfile};
use model::live::LiveKind;

use super::pace::Pace;
use crate::clock::Clock;
use crate::cluster::cache::Cache;
use crate::cluster::watch::{Key, Store};
use crate::listing::Index;
use crate::live::Live;

/// Over how long the speed of an import is measured: CDI tells its progress every few seconds.
const MEASURED_OVER: Duration = Duration::from_secs(30);
/// Parts of a whole in which progress is kept.
const WHOLE: u64 = 1_000_000_000;

/// All claims, what fills them, and where they are kept. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct DiskIndex {
    pub claims: Cache<PersistentVolumeClaim>,
    /// Empty in a cluster without CDI, like sources and profiles.
    pub volumes: DataVolumes,
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

    pub(crate) fn new(live: &Live, clock: Arc<dyn Clock>) -> Self {
        fn cache<T>(live: &Live) -> Cache<T> {
            Cache::new(live.clone(), LiveKind::Image)
        }
        Self {
            claims: cache(live),
            volumes: DataVolumes { cache: cache(live), paces: Arc::default(), clock },
            sources: cache(live),
            classes: cache(live),
            profiles: cache(live),
            settings: cache(live),
        }
    }
}

/// Data volumes, and how fast they are filled, which the cluster does not say itself.
#[derive(Clone, Debug)]
pub(crate) struct DataVolumes {
    cache: Cache<DataVolume>,
    paces: Arc<Mutex<HashMap<Key, Pace>>>,
    clock: Arc<dyn Clock>,
}

impl DataVolumes {
    pub(crate) fn index(&self) -> &Index<DataVolume> {
        self.cache.index()
    }

    /// How many bytes a second come to a volume's disk; 0 where nobody knows.
    pub(crate) fn bytes_per_second(&self, volume: &DataVolume) -> u64 {
        let bytes = volume.spec.claim().and_then(|claim| claim.resources.requests.bytes()).unwrap_or(0);
        let key = (volume.metadata.namespace.clone().unwrap_or_default(), volume.metadata.name.clone());
        let paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = paces.get(&key).map_or(0, |pace| pace.per_second(self.clock.now()));
        u64::try_from(u128::from(parts) * u128::from(bytes) / u128::from(WHOLE)).unwrap_or(u64::MAX)
    }
}

impl Store for DataVolumes {
    type Object = DataVolume;

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "parts of a whole")]
    #[expect(clippy::cast_precision_loss, reason = "a whole is far below 2^52")]
    fn apply(&self, key: &Key, volume: DataVolume) {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        match volume.status.percent().filter(|percent| (0.0..100.0).contains(percent)) {
            Some(percent) => {
                let pace = paces.entry(key.clone()).or_insert(Pace::over(MEASURED_OVER));
                pace.note(self.clock.now(), (percent / 100.0 * WHOLE as f64) as u64);
            }
            None => drop(paces.remove(key)),
        }
        drop(paces);
        self.cache.apply(key, volume);
    }

    fn delete(&self, key: &Key) {
        self.paces.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        self.cache.delete(key);
    }

    fn retain(&self, listed: &HashSet<Key>) {
        self.paces.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, _| listed.contains(key));
        self.cache.retain(listed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use serde_json::json;

    #[test]
    fn the_speed_of_an_import_follows_from_its_progress() {
        let clock = Arc::new(ManualClock::default());
        let disks = DiskIndex::new(&Live::new(), clock.clone());
        let key = ("blue".to_owned(), "debian".to_owned());
        let tell = |progress: &str| {
            let volume = json!({
                "metadata": {"namespace": "blue", "name": "debian"},
                "spec": {"storage": {"resources": {"requests": {"storage": "10Gi"}}}},
                "status": {"progress": progress},
            });
            disks.volumes.apply(&key, serde_json::from_value(volume).unwrap());
        };
        let speed = || disks.volumes.bytes_per_second(&disks.volumes.index().get("blue", "debian").unwrap());
        tell("N/A");
        assert_eq!(speed(), 0);
        tell("10.00%");
        clock.advance(Duration::from_secs(10));
        tell("20.00%");
        assert_eq!(speed() >> 20, 102, "a tenth of 10 GiB in ten seconds");
        tell("100.0%");
        assert_eq!(speed(), 0, "nothing comes any more");
    }
}
