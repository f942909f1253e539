//! Imports from object stores: the request of a web server, signed.
//!
//! An address is `http(s)://host/bucket/key`, and the bucket always stays in the path. The region that goes into the
//! signature is the one in a host of Amazon's, such as `s3.eu-central-1.amazonaws.com`, and the first label of any other
//! host's name. Without a Secret nothing is signed, which is enough for what a bucket shows to everybody.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Response, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use rusty_s3::actions::{GetObject, S3Action as _};
use rusty_s3::{Bucket, UrlStyle};
use serde_json::Value;

use super::CdiContext;
use super::credentials::{Credentials, certificates};
use super::download::{self, Remote};
use super::fetch::Client;
use super::jobs::Progress;
use super::target::Target;
use super::workers::End;
use crate::clock;
use crate::percent;
use crate::virt::kinds::text;

/// How long after it was signed a request may arrive.
const VALID_FOR: Duration = Duration::from_mins(15);
/// What is read of an answer that says why there is no object, in bytes.
const REFUSAL: usize = 64 << 10;

/// Fills the target with an object.
pub(super) async fn import(
    context: &Arc<CdiContext>,
    claim: &Value,
    source: &Value,
    target: Target,
    progress: &Arc<Progress>,
) -> End {
    match Object::of(context, claim, source) {
        Ok(object) => download::import(&object, None, target, progress).await,
        Err(why) => End::bad(unable(&why)),
    }
}

fn unable(why: &str) -> String {
    format!("Unable to connect to s3 data source: {why}")
}

/// An object in a bucket, and who asks for it.
struct Object {
    /// As the signed addresses begin.
    url: String,
    bucket: Bucket,
    key: String,
    credentials: Option<rusty_s3::Credentials>,
    client: Client,
}

impl Object {
    fn of(context: &CdiContext, claim: &Value, source: &Value) -> Result<Self, String> {
        let (bucket, key) = place(text(&source["url"]))?;
        let credentials = Credentials::of(context, claim, source)?;
        Ok(Self {
            url: bucket.object_url(&key).into(),
            bucket,
            key,
            credentials: credentials.map(|known| rusty_s3::Credentials::new(known.user, known.password)),
            client: Client::new(HeaderMap::new(), &certificates(context, claim, source), source)?,
        })
    }

    fn cannot_get(&self, why: &str) -> String {
        unable(&format!("could not get s3 object: \"{}/{}\": {why}", self.bucket.name(), self.key))
    }
}

impl Remote for Object {
    fn url(&self) -> &str {
        &self.url
    }

    async fn get(&self, offset: u64, validator: Option<&str>) -> Result<Response<Incoming>, String> {
        let action = GetObject::new(&self.bucket, self.credentials.as_ref(), &self.key);
        let signed = action.sign_with_time(VALID_FOR, &clock::now());
        self.client.get(signed.as_str(), offset, validator).await.map_err(|why| {
            // The signature is nobody's business.
            let why = why.replace(signed.as_str(), &self.url);
            let why = why.strip_prefix("HTTP request errored: ").unwrap_or(&why);
            self.cannot_get(&format!("RequestError: send request failed caused by: {why}"))
        })
    }

    async fn refusal(&self, response: Response<Incoming>) -> String {
        let (head, body) = response.into_parts();
        let id = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let body = Limited::new(body, REFUSAL).collect().await.map(http_body_util::Collected::to_bytes);
        let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
        let words = head.status.canonical_reason().unwrap_or_default();
        let (code, message) = match (element(&body, "Code"), element(&body, "Message")) {
            (Some(code), message) => (code.to_owned(), message.unwrap_or_default()),
            _ => (words.replace(' ', ""), words),
        };
        let (status, request, host) = (head.status.as_u16(), id("x-amz-request-id"), id("x-amz-id-2"));
        // The real client breaks the line before the tab, and the importer makes a blank of that.
        self.cannot_get(&format!("{code}: {message} \tstatus code: {status}, request id: {request}, host id: {host}"))
    }
}

/// The bucket and the key in an address.
fn place(url: &str) -> Result<(Bucket, String), String> {
    let wrong = |why: &str| format!("unable to parse endpoint {url:?}: {why}");
    let uri: Uri = url.parse().map_err(|_| wrong("it is not of the form https://host/bucket/key"))?;
    let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
    let scheme = if uri.scheme_str() == Some("http") { "http" } else { "https" };
    let path = percent::decode(uri.path());
    let (bucket, key) = path.trim_matches('/').split_once('/').unwrap_or_default();
    if bucket.is_empty() || key.is_empty() {
        return Err(wrong("it names no bucket and key, as in https://host/bucket/key"));
    }
    if key.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(wrong("a key with . or .. between slashes cannot be asked for"));
    }
    let endpoint = format!("{scheme}://{authority}").parse().map_err(|error| wrong(&format!("{error}")))?;
    let bucket = Bucket::new(endpoint, UrlStyle::Path, bucket.to_owned(), region(authority.host()).to_owned());
    Ok((bucket.map_err(|error| wrong(&error.to_string()))?, key.to_owned()))
}

fn region(host: &str) -> &str {
    let of_amazon = host.split_once("s3.").and_then(|(_, rest)| rest.strip_suffix(".amazonaws.com"));
    of_amazon.unwrap_or_else(|| host.split('.').next().unwrap_or(host))
}

/// What is in the first element of that name.
fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_host_bucket_and_key() {
        let read = |url: &str| {
            let (bucket, key) = place(url).unwrap();
            (bucket.object_url(&key).to_string(), bucket.region().to_owned())
        };
        let amazon = "https://s3.eu-central-1.amazonaws.com/images/linux/debian%2013.qcow2";
        assert_eq!(read(amazon), (amazon.to_owned(), "eu-central-1".to_owned()));
        assert_eq!(read("http://minio.team:9000/b/k/"), ("http://minio.team:9000/b/k".to_owned(), "minio".to_owned()));
        assert_eq!(read("s3://store.example/b/k").0, "https://store.example/b/k", "any other scheme means TLS");
        for wrong in ["", "https://host", "https://host/bucket", "https://host/bucket/", "https://host/b/x/../y"] {
            assert!(place(wrong).is_err_and(|why| why.starts_with("unable to parse endpoint")), "{wrong}");
        }
    }

    #[test]
    fn the_reason_is_found_in_what_a_store_answers() {
        let body =
            "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>The key is not there.</Message></Error>";
        assert_eq!(
            (element(body, "Code"), element(body, "Message")),
            (Some("NoSuchKey"), Some("The key is not there."))
        );
        assert_eq!(element("<html>", "Code"), None);
    }
}
