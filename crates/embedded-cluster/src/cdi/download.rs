//! Files of servers: streamed to disk, gone on with where they broke off, and made into disks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::checksum::has_checksum;
use super::convert::{self, FillError};
use super::jobs::{Progress, blocking};
use super::receive::{self, Sink};
use super::sniff::{self, Format};
use super::target::Target;
use super::workers::End;

/// A file that a server has.
pub(super) trait Remote: Sync {
    /// Its address: what is here of a file is gone on with only under the same one.
    fn url(&self) -> &str;

    /// Asks for it from an offset on. With a validator the server may send all of it if it is another file now.
    fn get(
        &self,
        offset: u64,
        validator: Option<&str>,
    ) -> impl Future<Output = Result<Response<Incoming>, String>> + Send;

    /// What it means that the server does not send the file.
    fn refusal(&self, response: Response<Incoming>) -> impl Future<Output = String> + Send;
}

/// Fills the target from a server's file.
pub(super) async fn import(
    remote: &impl Remote,
    checksum: Option<&str>,
    target: Target,
    progress: &Arc<Progress>,
) -> End {
    match fetch(remote, &target, progress).await {
        Ok(Fetched::NeedsScratch) => End { needs_scratch: true, ..End::good("Import Complete") },
        Ok(Fetched::File(file)) => {
            let checksum = checksum.map(str::to_owned);
            blocking(move || finish(&file, checksum.as_deref(), &target)).await
        }
        Err(message) => End::bad(message),
    }
}

enum Fetched {
    /// It must be converted, and there is no place to keep it meanwhile.
    NeedsScratch,
    /// It is here, whole.
    File(PathBuf),
}

fn finish(file: &Path, checksum: Option<&str>, target: &Target) -> End {
    if let Some(wanted) = checksum {
        match has_checksum(file, wanted) {
            Ok(true) => {}
            Ok(false) => {
                // The next try must not go on with it.
                let _ = std::fs::remove_file(file);
                let message = format!("Unable to process data: checksum mismatch: expected {wanted}");
                return End { is_fatal: true, ..End::bad(message) };
            }
            Err(why) => return End::bad(format!("Unable to process data: {why}")),
        }
    }
    match convert::fill(file, target) {
        Ok(()) => {
            // A note about a file that is gone.
            let _ = std::fs::remove_file(note_of(file));
            End::good("Import Complete")
        }
        Err(error) => {
            End::bad(format!("Unable to process data: Unable to convert source data to target format: {error}"))
        }
    }
}

async fn fetch(remote: &impl Remote, target: &Target, progress: &Progress) -> Result<Fetched, String> {
    let file = target.scratch.as_ref().map_or_else(|| target.part(), |scratch| scratch.join("import.part"));
    let known = Note::read(&file).filter(|note| note.url == remote.url());
    let have = file.metadata().map_or(0, |metadata| metadata.len());
    let offset = if known.is_some() { have } else { 0 };
    let known = known.map(|note| note.validator).filter(|validator| !validator.is_empty());
    let mut response = remote.get(offset, known.as_deref()).await?;
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE && offset > 0 {
        // There is nothing after what is here.
        return Ok(Fetched::File(file));
    }
    if response.status() == StatusCode::PARTIAL_CONTENT && known.is_some_and(|known| known != validator(&response)) {
        // Not every server looks at the validator: this is the end of another file.
        response = remote.get(0, None).await?;
    }
    if !matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
        return Err(remote.refusal(response).await);
    }
    let goes_on = response.status() == StatusCode::PARTIAL_CONTENT && offset > 0;
    let offset = if goes_on { offset } else { 0 };
    let note = Note { url: remote.url().to_owned(), validator: validator(&response) };
    let length =
        response.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let total = length.map(|length| length + offset);
    let mut frames = Box::pin(response.into_body().into_data_stream());
    let first = if goes_on { Vec::new() } else { receive::head(&mut frames).await.map_err(broken)? };
    let format = sniff::format(&first.concat());
    if !goes_on && format != Format::Raw && target.scratch.is_none() {
        return Ok(Fetched::NeedsScratch);
    }
    let limit = if target.scratch.is_some() { target.scratch_bytes } else { target.usable };
    let too_large = |size| format!("Unable to process data: {}", FillError::TooLarge { size, available: limit });
    if let Some(size) = total.filter(|total| *total > limit) {
        return Err(too_large(size));
    }
    note.write(&file);
    let no_sink = |error: std::io::Error| format!("Unable to process data: {error}");
    let sink = Sink::open(&file, goes_on, limit, target).map_err(no_sink)?;
    progress.begin(offset, total);
    let mut done = offset;
    let mut rest = futures_util::stream::iter(first.into_iter().map(Ok)).chain(frames);
    let mut failure = None;
    while let Some(frame) = rest.next().await {
        match frame {
            Ok(frame) => {
                done += frame.len() as u64;
                if !sink.write(frame).await {
                    break;
                }
                progress.set(done);
            }
            Err(error) => {
                failure = Some(broken(error));
                break;
            }
        }
    }
    let written = sink.finish().await.map_err(|error| format!("Unable to process data: {error}"))?;
    match failure {
        Some(failure) => Err(failure),
        None if total.is_some_and(|total| written < total) => Err("Unable to process data: unexpected EOF".to_owned()),
        None => Ok(Fetched::File(file)),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
fn broken(error: hyper::Error) -> String {
    tracing::debug!(%error, "an import broke off");
    "Unable to process data: unexpected EOF".to_owned()
}

/// What is known about a file that is not whole: kept beside it, so that the next try can go on.
struct Note {
    url: String,
    /// What the server calls this version of the file; empty if it has no name for it.
    validator: String,
}

fn note_of(file: &Path) -> PathBuf {
    file.with_extension("json")
}

impl Note {
    fn read(file: &Path) -> Option<Self> {
        let note: Value = serde_json::from_slice(&std::fs::read(note_of(file)).ok()?).ok()?;
        Some(Self { url: note["url"].as_str()?.to_owned(), validator: note["validator"].as_str()?.to_owned() })
    }

    fn write(&self, file: &Path) {
        let note = json!({"url": self.url, "validator": self.validator});
        if let Err(error) = std::fs::write(note_of(file), note.to_string()) {
            tracing::debug!(%error, "an import that breaks off will begin anew");
        }
    }
}

fn validator(response: &Response<Incoming>) -> String {
    let headers = response.headers();
    let strong = |value: &&HeaderValue| !value.as_bytes().starts_with(b"W/");
    let named = headers.get(header::ETAG).filter(strong).or_else(|| headers.get(header::LAST_MODIFIED));
    named.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}
