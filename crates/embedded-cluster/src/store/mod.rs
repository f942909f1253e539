//! Every object of the cluster: kept in memory, written behind to one file, watchable.
//!
//! ```text
//!   create ──► stored ──update/modify──► stored ──delete──► gone
//!                │                                            ▲
//!                └─delete, finalizers left──► terminating ────┘ last finalizer removed
//! ```
//!
//! One counter numbers every change of every kind. The number of an object's last change is its `resourceVersion`, and a
//! watch may resume from any number that the history still reaches.
//!
//! Objects are untyped and kept as sent, unknown fields too. The store knows what every API server knows about any object:
//! names, uids, versions, generations, finalizers, owners, quotas, and that a namespace takes its content with it. Schemas,
//! defaults, permissions and formats are the business of [`crate::api`].
//!
//! Each call is atomic: it takes the lock, changes what has to change (an owner's end may end many objects), queues the
//! events and the writes, and lets go. Nothing waits for the disk.
//!
//! ```
//! use embedded_cluster::{GroupResource, store::{DeleteOptions, Store}};
//! use serde_json::json;
//!
//! let (namespaces, maps) = (GroupResource::core("namespaces"), GroupResource::core("configmaps"));
//! let store = Store::in_memory();
//! store.create(&namespaces, json!({"metadata": {"name": "demo"}}))?;
//! store.create(&maps, json!({"metadata": {"namespace": "demo", "name": "a"}, "data": {"k": "v"}}))?;
//! store.modify(&maps, Some("demo"), "a", |map| map["data"]["k"] = "w".into())?;
//! store.delete(&namespaces, None, "demo", DeleteOptions::default())?;
//! assert!(store.get(&maps, Some("demo"), "a").is_none());
//! # Ok::<(), embedded_cluster::ApiError>(())
//! ```

mod delete;
mod disk;
mod key;
pub mod meta;
mod quotas;
mod state;
mod watch;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use serde_json::Value;

use crate::error::ApiError;
use crate::resource::GroupResource;

pub use delete::{DeleteOptions, Preconditions, Propagation};
pub use disk::DiskError;
pub use key::ObjectKey;
use state::State;
pub use watch::{Watch, WatchEvent, WatchKind};

/// How long [`Store::flush`] waits for the disk.
const FLUSH_PATIENCE: Duration = Duration::from_secs(10);

/// What a change closure may return: nothing, or a refusal that undoes the change.
pub trait Changed {
    /// The refusal, if it is one.
    fn refusal(self) -> Option<ApiError>;
}

impl Changed for () {
    fn refusal(self) -> Option<ApiError> {
        None
    }
}

impl Changed for Result<(), ApiError> {
    fn refusal(self) -> Option<ApiError> {
        self.err()
    }
}

/// Whether a write happens or only shows what would happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Write.
    #[default]
    Commit,
    /// `dryRun=All`: check everything, answer as if, change nothing.
    DryRun,
}

/// All objects. Share it behind an [`Arc`].
pub struct Store {
    state: RwLock<State>,
}

impl Store {
    /// A store that forgets everything when it is dropped.
    pub fn in_memory() -> Self {
        Self { state: RwLock::new(State::default()) }
    }

    /// Opens the store in the file, or makes a new one. The file is locked while it is open.
    pub fn open(file: &Path) -> Result<Self, DiskError> {
        let (disk, loaded) = disk::Disk::open(file)?;
        Ok(Self { state: RwLock::new(State::load(disk, loaded)) })
    }

    /// One object. The namespace is `None` for objects of the cluster.
    pub fn get(&self, resource: &GroupResource, namespace: Option<&str>, name: &str) -> Option<Arc<Value>> {
        self.read().get(resource, namespace.unwrap_or_default(), name).cloned()
    }

    /// One object, or the refusal that says it is not there.
    pub fn find(&self, resource: &GroupResource, namespace: Option<&str>, name: &str) -> Result<Arc<Value>, ApiError> {
        self.get(resource, namespace, name).ok_or_else(|| ApiError::not_found(resource, name))
    }

    /// Every object of a kind, in one namespace or in all, ordered by namespace and name, with the version of the answer.
    pub fn list(&self, resource: &GroupResource, namespace: Option<&str>) -> (Vec<Arc<Value>>, u64) {
        let state = self.read();
        (state.list(resource, namespace), state.version)
    }

    /// The number of the newest change.
    pub fn version(&self) -> u64 {
        self.read().version
    }

    /// The number of the newest change of one kind; 0 if there never was one.
    pub fn version_of(&self, resource: &GroupResource) -> u64 {
        self.read().version_of(resource)
    }

    /// Adds an object. Sets uid, creation time, version and generation, and makes a name from `generateName`.
    ///
    /// An object in a namespace needs the namespace to exist and not to be ending. An object whose owners are all gone is
    /// collected at once.
    pub fn create(&self, resource: &GroupResource, object: Value) -> Result<Arc<Value>, ApiError> {
        self.create_with(resource, object, Mode::Commit)
    }

    /// As [`Store::create`], or only as if.
    pub fn create_with(&self, resource: &GroupResource, object: Value, mode: Mode) -> Result<Arc<Value>, ApiError> {
        self.write().create(resource, object, mode)
    }

    /// Replaces an object. Refused with a conflict if `metadata.resourceVersion` is set and not the newest.
    ///
    /// An object that did not change keeps its version and causes no event.
    pub fn update(&self, resource: &GroupResource, object: Value) -> Result<Arc<Value>, ApiError> {
        self.update_with(resource, object, Mode::Commit)
    }

    /// As [`Store::update`], or only as if.
    pub fn update_with(&self, resource: &GroupResource, object: Value, mode: Mode) -> Result<Arc<Value>, ApiError> {
        self.write().update(resource, object, mode)
    }

    /// Reads, changes and writes an object in one step.
    ///
    /// A closure that changes nothing makes no new version; one that returns an `Err` undoes itself. The closure runs under
    /// the store's lock: no calls back into the store from there.
    pub fn modify<R: Changed>(
        &self,
        resource: &GroupResource,
        namespace: Option<&str>,
        name: &str,
        change: impl FnOnce(&mut Value) -> R,
    ) -> Result<Arc<Value>, ApiError> {
        self.modify_with(resource, namespace, name, Mode::Commit, change)
    }

    /// As [`Store::modify`], or only as if.
    pub fn modify_with<R: Changed>(
        &self,
        resource: &GroupResource,
        namespace: Option<&str>,
        name: &str,
        mode: Mode,
        change: impl FnOnce(&mut Value) -> R,
    ) -> Result<Arc<Value>, ApiError> {
        self.write().modify(&ObjectKey::of(resource, namespace, name), mode, change)
    }

    /// Asks for an object's end. What is owned by it ends too, unless [`Propagation::Orphan`] says otherwise.
    ///
    /// With finalizers the object stays, marked by `deletionTimestamp`, until the last one is removed. A pod that sits on a
    /// node is only marked too: its node's agent ends it with a second delete of `grace_period_seconds: Some(0)`.
    #[expect(clippy::needless_pass_by_value, reason = "options are made for one call")]
    pub fn delete(
        &self,
        resource: &GroupResource,
        namespace: Option<&str>,
        name: &str,
        options: DeleteOptions,
    ) -> Result<Arc<Value>, ApiError> {
        self.write().delete(&ObjectKey::of(resource, namespace, name), &options)
    }

    /// Watches a kind, in one namespace or in all.
    ///
    /// `from` is the version that the watcher has seen: everything after it follows. `None` starts with an `Added` for each
    /// object that exists. A version that the history no longer reaches is refused with 410 `Expired`: list again.
    pub fn watch(
        &self,
        resource: &GroupResource,
        namespace: Option<&str>,
        from: Option<u64>,
    ) -> Result<Watch, ApiError> {
        self.write().watch(resource, namespace, from)
    }

    /// Waits until everything written so far is on disk. Blocks.
    pub fn flush(&self) {
        let receiver = self.read().flushed();
        if let Some(receiver) = receiver
            && receiver.recv_timeout(FLUSH_PATIENCE).is_err()
        {
            tracing::warn!("the cluster's store is slow to reach the disk");
        }
    }

    /// Ends every watch, writes what is left and closes the file. Later changes stay in memory only. Blocks.
    pub fn close(&self) {
        let disk = self.write().close();
        drop(disk);
    }

    // A panic inside one call must not take the whole cluster with it: changes are made on copies and put in place whole.
    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Store").field("version", &self.version()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
