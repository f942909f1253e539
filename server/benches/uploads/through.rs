//! Porthole's way, as its page goes it: parts with checksums, a few on their way at once.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use model::upload::{CHECKSUM_HEADER, FileMark, UploadRequest, UploadStage, UploadState, WINDOW};

use crate::NAMESPACE;
use crate::file::File;

const LOOK: Duration = Duration::from_millis(50);

/// One person's browser.
pub struct Portal {
    address: SocketAddr,
    cookie: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Portal {
    /// With a session.
    pub fn new(address: SocketAddr, cookie: String) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { address, cookie, http: Client::builder(TokioExecutor::new()).build(connector) }
    }

    /// Begins an upload and waits until it takes parts; its id.
    pub async fn begin(&self, name: &str, file: File) -> Result<String> {
        let request = UploadRequest {
            namespace: NAMESPACE.to_owned(),
            name: name.to_owned(),
            file: FileMark {
                name: "disk.img".to_owned(),
                size: file.bytes(),
                modified: 1,
                first_chunk: File::part_sum().to_owned(),
            },
            disk_bytes: file.bytes(),
            class: String::new(),
            access_mode: String::new(),
            volume_mode: String::new(),
            format: "raw disk".to_owned(),
            preference: String::new(),
            sha256: String::new(),
            is_image: false,
        };
        let body = Bytes::from(serde_json::to_vec(&request)?);
        let (status, answer) = self.ask("POST", "/uploads", "application/json", body).await?;
        if status != 201 {
            bail!("porthole answered {status}: {}", String::from_utf8_lossy(&answer));
        }
        let id = serde_json::from_slice::<UploadState>(&answer)?.id;
        self.wait_for(&id, UploadStage::takes_chunks).await?;
        Ok(id)
    }

    /// Sends the whole file and waits until the cluster has it.
    pub async fn send(&self, id: &str, file: File) -> Result<()> {
        stream::iter(0..file.parts)
            .map(|index| self.part(id, index))
            .buffered(usize::try_from(WINDOW)?)
            .try_collect::<()>()
            .await?;
        self.wait_for(id, |stage| !stage.takes_chunks()).await
    }

    async fn part(&self, id: &str, index: u64) -> Result<()> {
        let path = format!("/uploads/{id}/chunks/{index}?attempt=1");
        let (status, answer) = self.ask("PUT", &path, "application/octet-stream", File::part()).await?;
        if status != 200 {
            bail!("part {index} was answered with {status}: {}", String::from_utf8_lossy(&answer));
        }
        Ok(())
    }

    async fn wait_for(&self, id: &str, is_there: impl Fn(&UploadStage) -> bool) -> Result<()> {
        loop {
            let (_, answer) = self.ask("GET", &format!("/uploads/{id}"), "application/json", Bytes::new()).await?;
            let state: UploadState = serde_json::from_slice(&answer).context("porthole forgot the upload")?;
            if is_there(&state.stage) {
                return Ok(());
            }
            if state.stage.is_over() {
                bail!("the upload ended: {state:?}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn ask(&self, method: &str, path: &str, kind: &str, body: Bytes) -> Result<(u16, Bytes)> {
        let origin = format!("http://{}", self.address);
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{origin}{path}"))
            .header("origin", &origin)
            .header("cookie", &self.cookie)
            .header("content-type", kind)
            .header(CHECKSUM_HEADER, File::part_sum())
            .body(Full::new(body))?;
        let (head, body) = self.http.request(request).await?.into_parts();
        Ok((head.status.as_u16(), body.collect().await?.to_bytes()))
    }
}
