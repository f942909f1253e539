//! The downloads themselves: streamed from the disk, raw or packed.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{EXPORTS, ExportContext, claims_of};
use crate::storage::claim_disk;
use crate::virt::kinds::{SECRETS, text};

/// What is read of a disk at once, in bytes.
const FRAME: usize = 256 << 10;
/// Frames between the disk and the network.
const FRAMES: usize = 4;

/// Answers below `/api/export.kubevirt.io`.
pub(crate) fn router(context: Arc<ExportContext>) -> Router {
    const DISK: &str =
        "/api/export.kubevirt.io/{version}/namespaces/{namespace}/virtualmachineexports/{name}/volumes/{claim}/{file}";
    Router::new().route(DISK, get(download)).with_state(context)
}

async fn download(
    State(context): State<Arc<ExportContext>>,
    Path((_, namespace, name, claim, file)): Path<(String, String, String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let is_packed = match file.as_str() {
        "disk.img" => false,
        "disk.img.gz" => true,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let sent = headers.get(kubevirt::export::TOKEN_HEADER).map(http::HeaderValue::as_bytes);
    if !is_allowed(&context, &namespace, &name, sent.unwrap_or_default()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let export =
        context.store.get(&EXPORTS, Some(&namespace), &name).filter(|export| export["status"]["phase"] == "Ready");
    let Some(export) = export else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    if !claims_of(&context.store, &export).is_ok_and(|claims| claims.contains(&claim)) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let disk = claim_disk(&context.store, &context.folder, &namespace, &claim);
    let opened = disk
        .map_err(|trouble| trouble.to_string())
        .and_then(|disk| File::open(&disk.path).map(|file| (file, disk.bytes)).map_err(|error| error.to_string()));
    match opened {
        Ok((file, bytes)) => stream(file, bytes, is_packed),
        Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, why).into_response(),
    }
}

/// Whether the token is that of the export's Secret.
fn is_allowed(context: &ExportContext, namespace: &str, name: &str, sent: &[u8]) -> bool {
    let Some(export) = context.store.get(&EXPORTS, Some(namespace), name) else { return false };
    let secret = context.store.get(&SECRETS, Some(namespace), text(&export["status"]["tokenSecretRef"]));
    let token = secret.and_then(|secret| BASE64.decode(text(&secret["data"]["token"])).ok()).unwrap_or_default();
    !token.is_empty() && crate::auth::tokens::is_same(&token, sent)
}

fn stream(file: File, bytes: u64, is_packed: bool) -> Response {
    let (frames, arriving) = mpsc::channel(FRAMES);
    tokio::task::spawn_blocking(move || {
        let failed = frames.clone();
        let sent = if is_packed { pack(file, frames) } else { copy(file, Frames(frames)).map(drop) };
        if let Err(error) = sent {
            // Cut off, so that nobody takes a part for the whole; nobody may listen any more.
            let _ = failed.blocking_send(Err(error));
        }
    });
    let mut response = Body::from_stream(ReceiverStream::new(arriving)).into_response();
    let kind = if is_packed { "application/gzip" } else { "application/octet-stream" };
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    if !is_packed {
        response.headers_mut().insert(header::CONTENT_LENGTH, bytes.into());
    }
    response
}

/// Where frames go.
struct Frames(mpsc::Sender<io::Result<Bytes>>);

impl io::Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn copy<W: io::Write>(mut file: File, mut to: W) -> io::Result<W> {
    let mut buffer = vec![0; FRAME];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(to),
            read => to.write_all(&buffer[..read])?,
        }
    }
}

fn pack(file: File, frames: mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let buffered = io::BufWriter::with_capacity(FRAME, Frames(frames));
    let packed = copy(file, flate2::write::GzEncoder::new(buffered, flate2::Compression::fast()))?;
    packed.finish()?.flush()
}
