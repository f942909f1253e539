//! Imports from web servers: streamed to disk, and gone on with where they broke off.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use ring::digest;
use serde_json::{Value, json};

use super::CdiContext;
use super::convert::{self, FillError};
use super::fetch::{Client, status_line};
use super::jobs::{Progress, blocking};
use super::receive::{self, Sink};
use super::sniff::{self, Format};
use super::target::Target;
use super::workers::End;
use crate::resource::GroupResource;
use crate::storage::MAPS;
use crate::store::meta;
use crate::virt::kinds::text;

/// Fills the target from an address.
pub(super) async fn import(
    context: &Arc<CdiContext>,
    claim: &Value,
    source: &Value,
    target: Target,
    progress: &Arc<Progress>,
) -> End {
    match fetch(context, claim, source, &target, progress).await {
        Ok(Fetched::NeedsScratch) => End { needs_scratch: true, ..End::good("Import Complete") },
        Ok(Fetched::File(file)) => {
            let checksum = source["checksum"].as_str().map(str::to_owned);
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

async fn fetch(
    context: &CdiContext,
    claim: &Value,
    source: &Value,
    target: &Target,
    progress: &Progress,
) -> Result<Fetched, String> {
    let url = text(&source["url"]);
    let client = Client::new(headers(context, claim, source)?, &certificates(context, claim, source), source)?;
    let file = target.scratch.as_ref().map_or_else(|| target.part(), |scratch| scratch.join("import.part"));
    let known = Note::read(&file).filter(|note| note.url == url);
    let have = file.metadata().map_or(0, |metadata| metadata.len());
    let offset = if known.is_some() { have } else { 0 };
    let response = client
        .get(url, offset, known.as_ref().map(|note| note.validator.as_str()).filter(|validator| !validator.is_empty()))
        .await
        .map_err(|why| format!("Unable to connect to http data source: {why}"))?;
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE && offset > 0 {
        // There is nothing after what is here.
        return Ok(Fetched::File(file));
    }
    if !matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
        let code = response.status().as_u16();
        let line = status_line(&response);
        return Err(format!(
            "Unable to connect to http data source: expected status code 200, got {code}. Status: {line}"
        ));
    }
    let goes_on = response.status() == StatusCode::PARTIAL_CONTENT && offset > 0;
    let offset = if goes_on { offset } else { 0 };
    let note = Note { url: url.to_owned(), validator: validator(&response) };
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

/// Whether a file has a checksum such as `sha256:…`.
pub(super) fn has_checksum(file: &Path, wanted: &str) -> Result<bool, String> {
    use std::io::Read as _;
    let (kind, hex) = wanted.split_once(':').ok_or("a checksum looks like sha256:…")?;
    let algorithm = match kind {
        "sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => &digest::SHA256,
        "sha512" => &digest::SHA512,
        other => return Err(format!("the embedded cluster cannot compute checksums of the kind {other:?}")),
    };
    let mut context = digest::Context::new(algorithm);
    let mut file = std::fs::File::open(file).map_err(|error| error.to_string())?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(|error| error.to_string())? {
            0 => break,
            read => context.update(&buffer[..read]),
        }
    }
    let found = context.finish();
    let digits = hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    Ok(digits.eq(found.as_ref().iter().map(|byte| Some(*byte))))
}

/// A key of a Secret of the claim's namespace.
pub(super) fn secret(context: &CdiContext, claim: &Value, name: &str, key: &str) -> Option<String> {
    let secret = context.store.get(&GroupResource::core("secrets"), Some(meta::namespace(claim)), name)?;
    let bytes = BASE64.decode(text(&secret["data"][key])).ok()?;
    String::from_utf8(bytes).ok().filter(|value| !value.is_empty())
}

/// Credentials and the header lines that are to be sent along.
fn headers(context: &CdiContext, claim: &Value, source: &Value) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    if let Some(name) = source["secretRef"].as_str().filter(|name| !name.is_empty()) {
        let user = secret(context, claim, name, "accessKeyId").unwrap_or_default();
        let password = secret(context, claim, name, "secretKey");
        let password = password.ok_or_else(|| format!("the Secret {name} has no secretKey"))?;
        let encoded = BASE64.encode(format!("{user}:{password}"));
        let value = HeaderValue::try_from(format!("Basic {encoded}")).map_err(|_| "the credentials cannot be sent")?;
        headers.insert(header::AUTHORIZATION, value);
    }
    let named = |field: &str| {
        source[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut lines = named("extraHeaders");
    for name in named("secretExtraHeaders") {
        let secret = context.store.get(&GroupResource::core("secrets"), Some(meta::namespace(claim)), &name);
        let values = secret.as_ref().and_then(|secret| secret["data"].as_object());
        let decoded = values.into_iter().flatten().filter_map(|(_, value)| BASE64.decode(text(value)).ok());
        lines.extend(decoded.filter_map(|bytes| String::from_utf8(bytes).ok()));
    }
    for line in lines {
        let parsed = line.split_once(':').and_then(|(name, value)| {
            Some((http::HeaderName::try_from(name.trim()).ok()?, HeaderValue::try_from(value.trim()).ok()?))
        });
        let (name, value) = parsed.ok_or("an extra header is not of the form name: value")?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Certificates to trust besides those of the system, as PEM.
pub(super) fn certificates(context: &CdiContext, claim: &Value, source: &Value) -> Vec<String> {
    let map =
        source["certConfigMap"].as_str().and_then(|name| context.store.get(&MAPS, Some(meta::namespace(claim)), name));
    let data = map.as_ref().and_then(|map| map["data"].as_object());
    data.into_iter().flatten().filter_map(|(_, pem)| pem.as_str().map(str::to_owned)).collect()
}
