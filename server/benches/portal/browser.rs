//! A person's browser: asks over a connection that stays open, and listens to hints.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;

/// With a session.
pub struct Browser {
    address: SocketAddr,
    cookie: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Browser {
    /// Asks a portal with a session's cookie.
    pub fn new(address: SocketAddr, cookie: String) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { address, cookie, http: Client::builder(TokioExecutor::new()).build(connector) }
    }

    /// A server function; the length of its answer.
    pub async fn post(&self, path: &str, form: &str) -> Result<usize> {
        self.ask("POST", path, form, "identity").await
    }

    /// A page; its length.
    pub async fn get(&self, path: &str) -> Result<usize> {
        self.ask("GET", path, "", "identity").await
    }

    /// The length of an answer as a browser lets it be packed.
    pub async fn packed(&self, method: &str, path: &str, form: &str) -> Result<usize> {
        self.ask(method, path, form, "br").await
    }

    async fn ask(&self, method: &str, path: &str, form: &str, encoding: &str) -> Result<usize> {
        let origin = format!("http://{}", self.address);
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{origin}{path}"))
            .header("origin", &origin)
            .header("cookie", &self.cookie)
            .header("accept-encoding", encoding)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::copy_from_slice(form.as_bytes())))?;
        let (head, body) = self.http.request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        if head.status != 200 {
            bail!("{path} was answered with {}: {}", head.status, String::from_utf8_lossy(&body));
        }
        Ok(body.len())
    }

    /// Opens a stream of hints and tells of each that is about machines. Returns once the stream is open.
    pub async fn listen(&self, heard: UnboundedSender<Instant>) -> Result<()> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request = format!(
            "GET /events HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nAccept: text/event-stream\r\nAccept-Encoding: identity\r\n\r\n",
            self.address, self.cookie
        );
        stream.write_all(request.as_bytes()).await?;
        let mut part = vec![0; 4096];
        let first = stream.read(&mut part).await.context("the stream of hints did not open")?;
        let head = String::from_utf8_lossy(&part[..first]);
        if !head.starts_with("HTTP/1.1 200") {
            bail!("the stream of hints was refused: {head}");
        }
        tokio::spawn(async move {
            loop {
                let Ok(length) = stream.read(&mut part).await else { return };
                let is_told = String::from_utf8_lossy(&part[..length]).contains("\"machine\"");
                if length == 0 || (is_told && heard.send(Instant::now()).is_err()) {
                    return;
                }
            }
        });
        Ok(())
    }
}
