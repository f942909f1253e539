//! What the lock guards: the objects, their indexes and their feeds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use http::StatusCode;
use rand::Rng;
use serde_json::Value;

use super::disk::{Disk, Loaded};
use super::key::ObjectKey;
use super::watch::{Feed, Watch, WatchEvent, WatchKind};
use super::{Changed, Mode, meta};
use crate::clock;
use crate::error::ApiError;
use crate::resource::GroupResource;

/// Versions skipped when a store is opened: writes that a killed process lost must not have their numbers given out again.
const SKIP_ON_OPEN: u64 = 10_000;
/// Letters of generated names: no vowels, so no words.
const NAME_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// Longest prefix of a generated name.
const NAME_PREFIX_LIMIT: usize = 58;
/// Fields that only the server writes.
const SERVER_FIELDS: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
];

#[derive(Default)]
struct Collection {
    /// Namespace to name to object.
    objects: BTreeMap<String, BTreeMap<String, Arc<Value>>>,
    feed: Feed,
    version: u64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) version: u64,
    opened_at: u64,
    collections: HashMap<GroupResource, Collection>,
    by_uid: HashMap<String, ObjectKey>,
    owned_by: HashMap<String, BTreeSet<ObjectKey>>,
    disk: Option<Disk>,
}

impl State {
    pub(super) fn load(disk: Disk, loaded: Loaded) -> Self {
        let newest = loaded.objects.iter().filter_map(|(_, object)| meta::version(object)).max().unwrap_or_default();
        let version = newest.max(loaded.version) + SKIP_ON_OPEN;
        let mut state = Self { version, opened_at: version, disk: Some(disk), ..Self::default() };
        for (key, object) in loaded.objects {
            state.index(&key, &object);
            let collection = state.collection(&key.resource);
            collection.version = version;
            collection.objects.entry(key.namespace).or_default().insert(key.name, Arc::new(object));
        }
        state
    }

    pub(super) fn get(&self, resource: &GroupResource, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        self.collections.get(resource)?.objects.get(namespace)?.get(name)
    }

    pub(super) fn at(&self, key: &ObjectKey) -> Option<&Arc<Value>> {
        self.get(&key.resource, &key.namespace, &key.name)
    }

    pub(super) fn list(&self, resource: &GroupResource, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let Some(collection) = self.collections.get(resource) else { return Vec::new() };
        match namespace {
            Some(namespace) => {
                collection.objects.get(namespace).map(|named| named.values().cloned().collect()).unwrap_or_default()
            }
            None => collection.objects.values().flat_map(|named| named.values().cloned()).collect(),
        }
    }

    pub(super) fn version_of(&self, resource: &GroupResource) -> u64 {
        self.collections.get(resource).map_or(0, |collection| collection.version)
    }

    /// Everything in a namespace.
    pub(super) fn content(&self, namespace: &str) -> Vec<ObjectKey> {
        let of_kind = |(resource, collection): (&GroupResource, &Collection)| {
            let names = collection.objects.get(namespace)?;
            Some(names.keys().map(|name| ObjectKey::of(resource, Some(namespace), name)).collect::<Vec<_>>())
        };
        self.collections.iter().filter_map(of_kind).flatten().collect()
    }

    pub(super) fn key_of_uid(&self, uid: &str) -> Option<&ObjectKey> {
        self.by_uid.get(uid)
    }

    pub(super) fn dependents(&self, uid: &str) -> Vec<ObjectKey> {
        self.owned_by.get(uid).map(|keys| keys.iter().cloned().collect()).unwrap_or_default()
    }

    pub(super) fn create(
        &mut self,
        resource: &GroupResource,
        mut object: Value,
        mode: Mode,
    ) -> Result<Arc<Value>, ApiError> {
        self.name(resource, &mut object);
        let key = ObjectKey::of(resource, Some(meta::namespace(&object)), meta::name(&object));
        if key.name.is_empty() {
            return Err(ApiError::bad_request("name or generateName is required"));
        }
        self.check_namespace(&key)?;
        if self.at(&key).is_some() {
            return Err(ApiError::already_exists(resource, &key.name));
        }
        self.check_quotas(&key, None, &object)?;
        let metadata = meta::edit(&mut object);
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion", "generation"] {
            metadata.remove(field);
        }
        // A job's selector names its uid, so it has one before.
        if resource.group != "batch" || !metadata.get("uid").is_some_and(Value::is_string) {
            metadata.insert("uid".into(), uuid::Uuid::new_v4().to_string().into());
        }
        metadata.insert("creationTimestamp".into(), clock::now_seconds().into());
        if has_generation(resource) {
            metadata.insert("generation".into(), 1.into());
        }
        if mode == Mode::DryRun {
            return Ok(Arc::new(object));
        }
        let orphaned = {
            let mut owners = meta::owner_uids(&object).peekable();
            owners.peek().is_some() && owners.all(|uid| !self.by_uid.contains_key(uid))
        };
        let stored = self.put(&key, object);
        if orphaned {
            self.collect(&key);
        }
        Ok(stored)
    }

    /// Makes a name from `generateName` where there is none.
    fn name(&self, resource: &GroupResource, object: &mut Value) {
        if !meta::name(object).is_empty() {
            return;
        }
        let prefix: String = meta::text(object, "generateName").chars().take(NAME_PREFIX_LIMIT).collect();
        if prefix.is_empty() {
            return;
        }
        loop {
            let mut random = rand::rng();
            let suffix: String =
                (0..5).map(|_| char::from(NAME_LETTERS[random.random_range(0..NAME_LETTERS.len())])).collect();
            let name = format!("{prefix}{suffix}");
            if self.get(resource, meta::namespace(object), &name).is_none() {
                meta::edit(object).insert("name".into(), name.into());
                return;
            }
        }
    }

    fn check_namespace(&self, key: &ObjectKey) -> Result<(), ApiError> {
        if key.namespace.is_empty() {
            return Ok(());
        }
        let namespaces = GroupResource::core("namespaces");
        let Some(namespace) = self.get(&namespaces, "", &key.namespace) else {
            return Err(ApiError::not_found(&namespaces, &key.namespace));
        };
        if meta::is_terminating(namespace) {
            let why =
                format!("unable to create new content in namespace {} because it is being terminated", key.namespace);
            return Err(ApiError::forbidden(&key.resource, &key.name, &why));
        }
        Ok(())
    }

    pub(super) fn update(
        &mut self,
        resource: &GroupResource,
        object: Value,
        mode: Mode,
    ) -> Result<Arc<Value>, ApiError> {
        let key = ObjectKey::of(resource, Some(meta::namespace(&object)), meta::name(&object));
        self.modify(&key, mode, |current| {
            let asked = meta::text(&object, "resourceVersion");
            if !asked.is_empty() && asked != meta::text(current, "resourceVersion") {
                return Err(ApiError::stale(resource, &key.name));
            }
            let (asked, uid) = (meta::uid(&object), meta::uid(current));
            if !asked.is_empty() && asked != uid {
                let why = format!("Precondition failed: UID in precondition: {asked}, UID in object meta: {uid}");
                return Err(ApiError::conflict(resource, &key.name, &why));
            }
            *current = object;
            Ok(())
        })
    }

    pub(super) fn modify<R: Changed>(
        &mut self,
        key: &ObjectKey,
        mode: Mode,
        change: impl FnOnce(&mut Value) -> R,
    ) -> Result<Arc<Value>, ApiError> {
        let old = self.at(key).cloned().ok_or_else(|| ApiError::not_found(&key.resource, &key.name))?;
        let mut new = Value::clone(&old);
        if let Some(refusal) = change(&mut new).refusal() {
            return Err(refusal);
        }
        keep_server_fields(&old, &mut new);
        if new == *old {
            return Ok(old);
        }
        if meta::is_terminating(&old) {
            refuse_new_finalizers(key, &old, &new)?;
        }
        self.check_quotas(key, Some(&old), &new)?;
        if has_generation(&key.resource) && spec_changed(&old, &new) {
            let next = old["metadata"]["generation"].as_u64().unwrap_or(0) + 1;
            meta::edit(&mut new).insert("generation".into(), next.into());
        }
        if mode == Mode::DryRun {
            return Ok(Arc::new(new));
        }
        if self.may_go(key, &new) {
            return Ok(self.finish(key, Some(new)));
        }
        Ok(self.put(key, new))
    }

    pub(super) fn watch(
        &mut self,
        resource: &GroupResource,
        namespace: Option<&str>,
        from: Option<u64>,
    ) -> Result<Watch, ApiError> {
        let backlog = match from {
            None => {
                let added = |object: Arc<Value>| {
                    let version = meta::version(&object).unwrap_or_default();
                    WatchEvent { kind: WatchKind::Added, object, previous: None, version }
                };
                self.list(resource, namespace).into_iter().map(added).collect()
            }
            // A version from the future is one that a killed process had given out and lost.
            Some(from) if from > self.version => return Err(ApiError::expired(from, self.version)),
            Some(from) => {
                let feed = &self.collection(resource).feed;
                feed.since(from).map_err(|oldest| ApiError::expired(from, oldest))?
            }
        };
        let started_at = self.version;
        Ok(self.collection(resource).feed.subscribe(backlog, namespace, started_at))
    }

    pub(super) fn flushed(&self) -> Option<Receiver<()>> {
        self.disk.as_ref().map(Disk::flushed)
    }

    pub(super) fn close(&mut self) -> Option<Disk> {
        for collection in self.collections.values_mut() {
            collection.feed.close();
        }
        self.disk.take()
    }

    /// Stores the object as the next version and tells everyone.
    pub(super) fn put(&mut self, key: &ObjectKey, object: Value) -> Arc<Value> {
        let old = self.at(key).cloned();
        let new = self.place(key, object);
        self.follow_quotas(key, old.as_deref(), Some(&new));
        new
    }

    /// The same, but for the counts of quotas.
    pub(super) fn place(&mut self, key: &ObjectKey, mut object: Value) -> Arc<Value> {
        let version = self.stamp(&mut object);
        if let Some(old) = self.at(key).cloned() {
            self.unindex(key, &old);
        }
        self.index(key, &object);
        let object = Arc::new(object);
        let collection = self.collection(&key.resource);
        let named = collection.objects.entry(key.namespace.clone()).or_default();
        let previous = named.insert(key.name.clone(), Arc::clone(&object));
        let kind = if previous.is_some() { WatchKind::Modified } else { WatchKind::Added };
        collection.version = version;
        collection.feed.publish(WatchEvent { kind, object: Arc::clone(&object), previous, version });
        if let Some(disk) = &self.disk {
            disk.write(key.clone(), Some(Arc::clone(&object)), version);
        }
        object
    }

    /// Takes the object out and tells everyone. Returns its last state.
    pub(super) fn take(&mut self, key: &ObjectKey, last: Option<Value>) -> Option<Arc<Value>> {
        let collection = self.collections.get_mut(&key.resource)?;
        let named = collection.objects.get_mut(&key.namespace)?;
        let previous = named.remove(&key.name)?;
        if named.is_empty() {
            collection.objects.remove(&key.namespace);
        }
        self.unindex(key, &previous);
        let mut object = last.unwrap_or_else(|| Value::clone(&previous));
        let version = self.stamp(&mut object);
        let object = Arc::new(object);
        let collection = self.collection(&key.resource);
        collection.version = version;
        let event =
            WatchEvent { kind: WatchKind::Deleted, object: Arc::clone(&object), previous: Some(previous), version };
        collection.feed.publish(event);
        if let Some(disk) = &self.disk {
            disk.write(key.clone(), None, version);
        }
        self.follow_quotas(key, Some(&object), None);
        Some(object)
    }

    fn stamp(&mut self, object: &mut Value) -> u64 {
        self.version += 1;
        meta::edit(object).insert("resourceVersion".into(), self.version.to_string().into());
        self.version
    }

    fn collection(&mut self, resource: &GroupResource) -> &mut Collection {
        // The common case must not clone the name of the kind.
        if !self.collections.contains_key(resource) {
            let feed = Feed::starting_after(self.opened_at);
            self.collections.insert(resource.clone(), Collection { feed, ..Collection::default() });
        }
        self.collections.get_mut(resource).expect("it was inserted above")
    }

    fn index(&mut self, key: &ObjectKey, object: &Value) {
        self.by_uid.insert(meta::uid(object).to_owned(), key.clone());
        for owner in meta::owner_uids(object) {
            self.owned_by.entry(owner.to_owned()).or_default().insert(key.clone());
        }
    }

    fn unindex(&mut self, key: &ObjectKey, object: &Value) {
        self.by_uid.remove(meta::uid(object));
        for owner in meta::owner_uids(object) {
            if let Some(owned) = self.owned_by.get_mut(owner) {
                owned.remove(key);
                if owned.is_empty() {
                    self.owned_by.remove(owner);
                }
            }
        }
    }
}

/// Kinds without a generation are data and permissions: nothing acts on a spec of theirs.
fn has_generation(resource: &GroupResource) -> bool {
    match resource.group.as_str() {
        "" => resource.resource == "pods",
        "rbac.authorization.k8s.io" | "storage.k8s.io" | "coordination.k8s.io" | "events.k8s.io" => false,
        _ => true,
    }
}

fn spec_changed(old: &Value, new: &Value) -> bool {
    let wanted = |object: &Value| {
        let fields = object.as_object().cloned().unwrap_or_default();
        let is_wanted = |name: &str| !matches!(name, "metadata" | "status" | "apiVersion" | "kind");
        fields.into_iter().filter(|(name, _)| is_wanted(name)).collect::<BTreeMap<_, _>>()
    };
    wanted(old) != wanted(new)
}

fn keep_server_fields(old: &Value, new: &mut Value) {
    let metadata = meta::edit(new);
    metadata.remove("selfLink");
    for field in SERVER_FIELDS {
        match old["metadata"].get(field) {
            Some(value) => drop(metadata.insert(field.into(), value.clone())),
            None => drop(metadata.remove(field)),
        }
    }
}

fn refuse_new_finalizers(key: &ObjectKey, old: &Value, new: &Value) -> Result<(), ApiError> {
    let had: Vec<&str> = meta::finalizers(old).collect();
    let added: Vec<&str> = meta::finalizers(new).filter(|finalizer| !had.contains(finalizer)).collect();
    if added.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} {:?} is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being \
         deleted, found new finalizers {added:?}",
        key.resource, key.name
    );
    Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message))
}
