//! CDI's upload proxy: where it is, whom to trust, and what its answers mean.
//!
//! One request carries a whole file. The proxy looks at the token when the request begins, so a token that grows old
//! in the middle does no harm; a request that breaks cannot be continued, only made again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use kubevirt::CdiConfig;

use crate::cluster::Trouble;
use crate::images::https::{self, BodyError, HttpsClient};

/// The most of a refusal that is read.
const MAX_REFUSAL: usize = 16 << 10;
/// How long the question whether the proxy is ready may take; it waits ten seconds for the receiver by itself.
const PROBE: Duration = Duration::from_secs(20);

/// Where uploads go, where it is not what CDI says.
#[derive(Clone, Debug, Default)]
pub struct UploadProxy {
    /// Its address, such as `https://cdi-uploadproxy.cdi.svc`; what CDI's configuration says unless given.
    pub url: Option<String>,
    /// The certificates that its one is signed by, as PEM; those that CDI's configuration and the cluster name unless
    /// given.
    pub ca: Option<String>,
}

/// A client for the proxy.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    base: String,
    client: HttpsClient,
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// All bytes are there and look like a disk.
    Accepted,
    /// The token is too old or not known.
    Token,
    /// Not yet, or not now.
    Later(String),
    /// This request broke; the next one may not.
    Again(String),
    /// It makes no sense to try again.
    Refused(String),
}

impl Proxy {
    /// A client; `roots` are the cluster's own certificates. The error is a sentence for the person.
    pub(super) fn new(
        settings: &UploadProxy,
        config: &CdiConfig,
        roots: Option<Arc<[Vec<u8>]>>,
    ) -> Result<Self, String> {
        let base = settings.url.clone().or_else(|| config.upload_proxy()).ok_or(
            "CDI does not say where its upload proxy is. An administrator has to start porthole with --upload-proxy.",
        )?;
        let base = base.trim_end_matches('/').to_owned();
        let is_address = base.parse::<http::Uri>().is_ok_and(|uri| uri.authority().is_some());
        if !is_address {
            return Err(format!("The address of CDI's upload proxy, {base}, is no address."));
        }
        let client = https::client(trusted(settings, config, roots)?)
            .map_err(|error| format!("The certificates for CDI's upload proxy cannot be used: {error}."))?;
        Ok(Self { base, client })
    }

    /// Whether somebody answers there whose certificate is trusted; what they answer does not matter.
    async fn greet(&self) -> Result<(), String> {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = Request::get(format!("{}/healthz", self.base)).body(body).map_err(|error| error.to_string())?;
        match tokio::time::timeout(PROBE, self.client.request(request)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(crate::cluster::chain(&error)),
            Err(_elapsed) => Err("no answer in time".to_owned()),
        }
    }

    fn request(&self, method: Method, path: &str, token: &str) -> Result<http::request::Builder, Answer> {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| Answer::Token)?;
        bearer.set_sensitive(true);
        Ok(Request::builder().method(method).uri(format!("{}{path}", self.base)).header(AUTHORIZATION, bearer))
    }

    /// Asks whether an upload can begin. The answer is the path to send it to.
    pub(super) async fn probe(&self, token: &str) -> Result<&'static str, Answer> {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = self.request(Method::HEAD, ASYNC, token)?.body(body).map_err(|error| unsendable(&error))?;
        let response = tokio::time::timeout(PROBE, self.client.request(request))
            .await
            .map_err(|_| Answer::Later("CDI's upload proxy does not answer.".to_owned()))?
            .map_err(|error| unreachable(&error))?;
        match response.status() {
            status if status.is_success() => Ok(ASYNC),
            // Older ones know neither the question nor the path.
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Ok(SYNC),
            status => Err(judge(status, "")),
        }
    }

    /// Sends a file; resolves when the proxy answered.
    pub(super) async fn send<S>(&self, path: &str, token: &str, length: u64, bytes: S) -> Answer
    where
        S: Stream<Item = Result<Frame<Bytes>, BodyError>> + Send + 'static,
    {
        let request = self.request(Method::POST, path, token).and_then(|request| {
            request
                .header(CONTENT_TYPE, "application/octet-stream")
                .header(CONTENT_LENGTH, length)
                .body(StreamBody::new(bytes).boxed_unsync())
                .map_err(|error| unsendable(&error))
        });
        let response = match request {
            Ok(request) => self.client.request(request).await,
            Err(answer) => return answer,
        };
        match response {
            Ok(response) => read(response).await,
            Err(error) => unreachable(&error),
        }
    }
}

/// The upload proxy's address, and why it does not answer; `None` if nobody says where it is.
pub(crate) async fn greet(
    settings: &UploadProxy,
    config: &CdiConfig,
    roots: Option<Arc<[Vec<u8>]>>,
) -> Option<(String, Result<(), String>)> {
    let address = settings.url.clone().or_else(|| config.upload_proxy())?;
    let answer = match Proxy::new(settings, config, roots) {
        Ok(proxy) => proxy.greet().await,
        Err(wrong) => Err(wrong),
    };
    Some((address, answer))
}

const ASYNC: &str = "/v1beta1/upload-async";
const SYNC: &str = "/v1beta1/upload";

/// Whom to trust: what was given, else what CDI and the cluster say, else what the system trusts.
fn trusted(
    settings: &UploadProxy,
    config: &CdiConfig,
    roots: Option<Arc<[Vec<u8>]>>,
) -> Result<Option<Vec<Vec<u8>>>, String> {
    let parse = |pem: &str| {
        https::certificates(pem)
            .map_err(|error| format!("The certificates for CDI's upload proxy cannot be read: {error}."))
    };
    if let Some(pem) = &settings.ca {
        return parse(pem).map(Some);
    }
    let mut all = roots.map(|roots| roots.to_vec()).unwrap_or_default();
    if let Some(pem) = &config.status.upload_proxy_ca {
        all.extend(parse(pem)?);
    }
    Ok((!all.is_empty()).then_some(all))
}

async fn read(response: Response<Incoming>) -> Answer {
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_REFUSAL).collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    judge(status, &String::from_utf8_lossy(&body))
}

/// What an answer of the proxy means (`upload.jsonl` of the recordings, and CDI's `uploadproxy.go`).
pub(super) fn judge(status: StatusCode, body: &str) -> Answer {
    let text = words(body);
    let lower = text.to_lowercase();
    let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if status.is_server_error()
        && let Some(explained) = crate::diagnosis::lasting_answer(&text)
    {
        return Answer::Refused(explained);
    }
    match status.as_u16() {
        // 409: it has everything already.
        200..=299 | 409 => Answer::Accepted,
        401 => Answer::Token,
        400 if text.is_empty() => Answer::Token,
        503 if says(&["already finished uploading"]) => Answer::Accepted,
        503 if says(&["not an upload target", "doesn't exist"]) => Answer::Refused(sentence(&text)),
        502..=504 => Answer::Later(if text.is_empty() { "The cluster is not ready for the upload.".to_owned() } else { sentence(&text) }),
        413 => Answer::Refused(
            "A proxy between Porthole and the cluster refuses uploads of this size (413). An administrator has to raise \
             its limit, or let Porthole reach CDI's upload proxy directly with --upload-proxy."
                .to_owned(),
        ),
        _ if says(&["larger than the reported available", "larger pvc", "no space left"]) => {
            Answer::Refused(format!("The disk is too small for this image. {}", sentence(&text)))
        }
        _ if says(&["invalid format", "backing file", "is invalid because"]) => {
            Answer::Refused(format!("The cluster cannot use this image. {}", sentence(&text)))
        }
        400 | 403..=499 => Answer::Refused(if text.is_empty() {
            format!("CDI's upload proxy refused the upload ({status}).")
        } else {
            sentence(&text)
        }),
        _ if text.is_empty() => Answer::Again(format!("CDI's upload proxy answered {status}.")),
        _ => Answer::Again(sentence(&text)),
    }
}

/// The proxy escapes its texts as if they were HTML.
fn words(body: &str) -> String {
    let text = body.trim().trim_start_matches("Saving stream failed:").trim();
    let text = [("&#39;", "'"), ("&#34;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
        .into_iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    if text.starts_with('<') { String::new() } else { text.chars().take(400).collect() }
}

fn sentence(text: &str) -> String {
    crate::diagnosis::texts::sentence(text)
}

fn unsendable(error: &http::Error) -> Answer {
    Answer::Refused(format!("The upload cannot be sent: {error}."))
}

fn unreachable(error: &hyper_util::client::legacy::Error) -> Answer {
    let told = crate::cluster::chain(error);
    if error.is_connect() {
        let trouble = Trouble::Failing(told.clone());
        tracing::warn!(error = %trouble, "CDI's upload proxy cannot be reached");
        let is_trust = told.to_lowercase().contains("certificate");
        return Answer::Later(if is_trust {
            "Porthole does not trust the certificate of CDI's upload proxy. An administrator has to name its \
             certificates with --upload-proxy-ca."
                .to_owned()
        } else {
            "CDI's upload proxy cannot be reached.".to_owned()
        });
    }
    Answer::Again("The connection to the cluster broke.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_was_recorded() {
        let code = |status: u16, text: &str| judge(StatusCode::from_u16(status).unwrap(), text);
        assert_eq!(code(200, ""), Answer::Accepted);
        assert_eq!(code(400, ""), Answer::Token, "no token");
        assert_eq!(code(401, ""), Answer::Token);
        assert_eq!(code(503, "rejecting Upload Request for PVC iso that already finished uploading"), Answer::Accepted);
        assert!(matches!(code(503, "timed out waiting for the condition"), Answer::Later(_)));
        let gone = code(503, "rejecting Upload Request for PVC x that doesn&#39;t exist");
        assert!(matches!(&gone, Answer::Refused(text) if text.contains("doesn't")), "{gone:?}");
        let small = "Saving stream failed: effective image size is larger than the reported available storage: 2 > 1. A larger PVC is required";
        assert!(matches!(code(400, small), Answer::Refused(text) if text.starts_with("The disk is too small")));
        assert!(matches!(code(500, "Saving stream failed: unexpected EOF"), Answer::Again(_)));
        let taken = "Saving stream failed: Unable to transfer source data to target file: error determining if block device \
                     exists: exit status 1, blockdev: ioctl error on BLKGETSIZE64: Inappropriate ioctl for device";
        assert!(matches!(code(500, taken), Answer::Refused(text) if text.contains("share one folder")));
        assert!(matches!(code(500, ""), Answer::Again(_)));
        assert!(matches!(code(413, "<html>nginx</html>"), Answer::Refused(text) if text.contains("413")));
    }

    #[test]
    fn what_was_given_goes_before_what_cdi_says() {
        let config: CdiConfig = serde_json::from_value(serde_json::json!({
            "status": {"uploadProxyURL": "cdi.example"}
        }))
        .unwrap();
        let found = Proxy::new(&UploadProxy::default(), &config, None).unwrap();
        assert_eq!(found.base, "https://cdi.example");
        let settings = UploadProxy { url: Some("https://other:1/".to_owned()), ca: None };
        assert_eq!(Proxy::new(&settings, &config, None).unwrap().base, "https://other:1");
        let nothing = Proxy::new(&UploadProxy::default(), &CdiConfig::default(), None).unwrap_err();
        assert!(nothing.contains("--upload-proxy"), "{nothing}");
        let junk = UploadProxy {
            url: None,
            ca: Some("-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----".to_owned()),
        };
        assert!(Proxy::new(&junk, &config, None).unwrap_err().contains("cannot be read"));
    }
}
