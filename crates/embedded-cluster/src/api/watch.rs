//! Watching: a response that never ends by itself.
//!
//! Each line is one event. Whatever is waiting when a line is written goes out in the same chunk, so a burst costs few
//! writes, and a single event leaves at once.
//!
//! A selector is applied to both sides of a change: an object that stops matching is `DELETED` for this watcher, one that
//! starts to match is `ADDED`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::StreamExt as _;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::media::{self, Shape};
use super::selectors::Selector;
use super::table::{Include, metadata_only, table};
use super::{Call, in_version, read, troubles};
use crate::catalog::{Kind, Version};
use crate::error::ApiError;
use crate::storage::MAPS;
use crate::storage::troubles::{NAME, NAMESPACE, Troubles};
use crate::store::{Store, Watch, WatchEvent, WatchKind, meta};

/// Bookmarks keep a quiet watcher's version young enough to resume from.
const BOOKMARK_EVERY: Duration = Duration::from_secs(30);
/// How long a watch lasts where the client does not say.
const DEFAULT_LIFETIME: Duration = Duration::from_mins(45);
/// A chunk is closed once it is this long.
const CHUNK: usize = 64 * 1024;

/// `GET` with `watch=true`.
pub(super) fn stream(call: &Call<'_>) -> Result<Response, ApiError> {
    let shape = media::shape(&call.parts.headers)?;
    let selector = read::selector(call)?;
    let asked = call.query.get("resourceVersion").unwrap_or_default();
    let from: Option<u64> = match asked {
        "" | "0" => None,
        text => Some(text.parse().map_err(|_| invalid_version(text))?),
    };
    let send_initial = call.query.flag("sendInitialEvents");
    let bookmarks = call.query.flag("allowWatchBookmarks");
    let from = if send_initial { None } else { from };
    let troubles = Troubles::read(&call.api.store);
    if let Some(end) = troubles::end_of_watch(&troubles, &call.kind.resource, call.api.store.version()) {
        return respond(Body::from(line("ERROR", &end.to_status())));
    }
    let switches = call.api.store.watch(&MAPS, Some(NAMESPACE), Some(call.api.store.version()))?;
    let watch = match call.api.store.watch(&call.kind.resource, call.namespace(), from) {
        Ok(watch) => watch,
        // As the real server does it: the request succeeds, and the stream says why it ends.
        Err(error) => {
            let line = line("ERROR", &error.to_status());
            return respond(Body::from(line));
        }
    };
    let lifetime = call.query.number("timeoutSeconds")?.filter(|seconds| *seconds > 0);
    let now = Instant::now();
    let watcher = Watcher {
        store: Arc::clone(&call.api.store),
        stop: call.api.stop.clone(),
        switches,
        kind: Arc::clone(call.kind),
        version: call.version.clone(),
        selector,
        shape,
        include: read::include(call),
        initial_end: (send_initial && bookmarks).then(|| watch.started_at()),
        watch,
        bookmarks,
        next_bookmark: now + BOOKMARK_EVERY,
        deadline: now + lifetime.map_or(DEFAULT_LIFETIME, Duration::from_secs),
        sent_columns: false,
    };
    let chunks = futures_util::stream::unfold(watcher, |mut watcher| async {
        let chunk = watcher.next_chunk().await?;
        Some((Ok::<_, Infallible>(chunk), watcher))
    });
    respond(Body::from_stream(chunks))
}

fn respond(body: Body) -> Result<Response, ApiError> {
    Response::builder().header(CONTENT_TYPE, "application/json").body(body).map_err(ApiError::internal)
}

fn invalid_version(text: &str) -> ApiError {
    ApiError::bad_request(format!(
        "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
    ))
}

fn line(kind: &str, object: &Value) -> Vec<u8> {
    let mut line = Vec::with_capacity(1024);
    write_line(&mut line, kind, object);
    line
}

fn write_line(out: &mut Vec<u8>, kind: &str, object: &Value) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"object\":");
    serde_json::to_writer(&mut *out, object).expect("an object in memory is always JSON");
    out.extend_from_slice(b"}\n");
}

struct Watcher {
    store: Arc<Store>,
    stop: CancellationToken,
    watch: Watch,
    /// Changes of the switchboard of troubles, and of the maps beside it.
    switches: Watch,
    kind: Arc<Kind>,
    version: Version,
    selector: Selector,
    shape: Shape,
    include: Include,
    bookmarks: bool,
    /// The version of the first state, until the bookmark after it has been sent.
    initial_end: Option<u64>,
    next_bookmark: Instant,
    deadline: Instant,
    sent_columns: bool,
}

impl Watcher {
    /// What to send next; `None` at the end.
    async fn next_chunk(&mut self) -> Option<Bytes> {
        let mut chunk = Vec::new();
        loop {
            while chunk.len() < CHUNK
                && let Some(event) = self.watch.try_next()
            {
                self.close_initial(&mut chunk, event.version);
                self.write(&mut chunk, &event);
            }
            if chunk.len() < CHUNK {
                self.close_initial(&mut chunk, u64::MAX);
            }
            if !chunk.is_empty() {
                return Some(chunk.into());
            }
            tokio::select! {
                event = self.watch.next() => match event {
                    Some(event) => self.write(&mut chunk, &event),
                    None => return None,
                },
                Some(event) = self.switches.next() => if meta::name(&event.object) == NAME {
                    let troubles = Troubles::read(&self.store);
                    let end = troubles::end_of_watch(&troubles, &self.kind.resource, self.store.version());
                    if let Some(end) = end {
                        self.deadline = Instant::now();
                        write_line(&mut chunk, "ERROR", &end.to_status());
                        return Some(chunk.into());
                    }
                },
                () = tokio::time::sleep_until(self.next_bookmark), if self.bookmarks => {
                    self.next_bookmark = Instant::now() + BOOKMARK_EVERY;
                    // Events up to this version are queued already: the bookmark must not overtake them.
                    let version = self.store.version();
                    while let Some(event) = self.watch.try_next() {
                        self.write(&mut chunk, &event);
                    }
                    self.write_bookmark(&mut chunk, version, false);
                },
                () = tokio::time::sleep_until(self.deadline) => return None,
                () = self.stop.cancelled() => return None,
            }
        }
    }

    /// Marks the end of the first state before anything newer is sent.
    fn close_initial(&mut self, chunk: &mut Vec<u8>, next: u64) {
        if let Some(version) = self.initial_end.take_if(|version| next > *version) {
            self.write_bookmark(chunk, version, true);
        }
    }

    fn write(&mut self, chunk: &mut Vec<u8>, event: &WatchEvent) {
        let does = self.selector.matches(&event.object);
        let did = event.previous.as_ref().is_some_and(|previous| self.selector.matches(previous));
        let kind = match (event.kind, did, does) {
            (WatchKind::Added, _, true) | (WatchKind::Modified, false, true) => "ADDED",
            (WatchKind::Modified, true, true) => "MODIFIED",
            (WatchKind::Modified, true, false) | (WatchKind::Deleted, true, _) => "DELETED",
            _ => return,
        };
        let object = in_version(&event.object, &self.kind, &self.version);
        match self.shape {
            Shape::Table => {
                let with_columns = !std::mem::replace(&mut self.sent_columns, true);
                let mut table = table(&self.kind, &self.version, [&*object], self.include, with_columns);
                table["metadata"] = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                write_line(chunk, kind, &table);
            }
            Shape::Metadata => write_line(chunk, kind, &metadata_only(&object)),
            Shape::Object | Shape::Discovery(_) => write_line(chunk, kind, &object),
        }
    }

    fn write_bookmark(&self, chunk: &mut Vec<u8>, version: u64, is_initial_end: bool) {
        let mut metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
        if is_initial_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let (kind, api_version) = match self.shape {
            Shape::Table => ("Table".to_owned(), "meta.k8s.io/v1".to_owned()),
            Shape::Metadata => ("PartialObjectMetadata".to_owned(), "meta.k8s.io/v1".to_owned()),
            Shape::Object | Shape::Discovery(_) => (self.kind.kind.clone(), self.kind.api_version(&self.version.name)),
        };
        let mut object = json!({"kind": kind, "apiVersion": api_version, "metadata": metadata});
        if self.shape == Shape::Table {
            object["columnDefinitions"] = Value::Null;
            object["rows"] = json!([]);
        }
        write_line(chunk, "BOOKMARK", &object);
    }
}
