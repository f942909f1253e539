//! A browser without pages: one person's cookie, and the headers that a browser would send.

use std::net::SocketAddr;

use axum::http::header::{ACCEPT, CONTENT_TYPE, COOKIE, HOST, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, Method, Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;

/// How long an answer may take before a test says which one never came.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);

type Http = hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>;

/// One person's browser.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    cookie: Option<String>,
    http: Http,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The session cookie that the answer sets, as a browser would send it.
    pub fn cookie(&self) -> Option<String> {
        let set = self.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pair = set.filter_map(|value| value.split(';').next()).find(|pair| pair.contains("porthole="));
        pair.filter(|pair| !pair.ends_with('=')).map(str::to_owned)
    }
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { address, cookie: None, http }
    }

    pub fn with_cookie(&self, cookie: Option<String>) -> Self {
        Self { cookie, ..self.clone() }
    }

    pub fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A page or a file, as a link opens it.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[(ACCEPT, "text/html")], "").await
    }

    /// A form or a server function, as a page of ours sends it.
    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(Method::POST, path, &[(ORIGIN, &self.origin())], body).await
    }

    /// Any request; the cookie is added.
    pub async fn send(&self, method: Method, path: &str, headers: &[(HeaderName, &str)], body: &str) -> Answer {
        let response = self.open(method.clone(), path, headers, body).await;
        let (parts, body) = response.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect()).await;
        let body = body.unwrap_or_else(|_| panic!("{method} {path} was not answered whole")).unwrap().to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// The same with bytes, such as a part of a file.
    pub async fn send_bytes(&self, method: Method, path: &str, headers: &[(HeaderName, &str)], body: Bytes) -> Answer {
        let mut request = Request::builder().method(&method).uri(format!("{}{path}", self.origin()));
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let answered = self.http.request(request.body(Full::from(body)).unwrap()).await;
        let (parts, body) = answered.unwrap_or_else(|error| panic!("{method} {path}: {error:?}")).into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// The same, without waiting for the end.
    pub async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: &str,
    ) -> Response<hyper::body::Incoming> {
        let mut request = Request::builder().method(&method).uri(format!("{}{path}", self.origin()));
        if method == Method::POST {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let asked = self.http.request(request.body(Full::from(body.to_owned())).unwrap());
        let answered = tokio::time::timeout(PATIENCE, asked).await;
        let answered = answered.unwrap_or_else(|_| panic!("{method} {path} got no answer"));
        answered.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"))
    }

    /// Opens a websocket as a plain client does; the status if it is refused.
    pub async fn socket(
        &self,
        path: &str,
        headers: &[(HeaderName, &str)],
    ) -> Result<(WebSocketStream<TcpStream>, HeaderMap), u16> {
        let mut request = Request::builder()
            .uri(format!("ws://{}{path}", self.address))
            .header(HOST, self.address.to_string())
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", tokio_tungstenite::tungstenite::handshake::client::generate_key());
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let stream = TcpStream::connect(self.address).await.unwrap();
        match tokio_tungstenite::client_async(request.body(()).unwrap(), stream).await {
            Ok((socket, response)) => Ok((socket, response.headers().clone())),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// A console, with the Origin that our page has.
    pub async fn console(&self, namespace: &str, vm: &str) -> Result<WebSocketStream<TcpStream>, u16> {
        let path = format!("/console/{namespace}/{vm}/vnc");
        Ok(self.socket(&path, &[(ORIGIN, &self.origin())]).await?.0)
    }
}
