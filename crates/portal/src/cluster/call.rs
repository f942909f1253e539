//! Calls to the cluster: in a person's name for what they do, in the portal's own for access reviews.
//!
//! An answer is read completely and bounded. What a refusal means for the person is decided by the caller, from
//! the status and the cluster's own words in [`Refusal`].

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Cluster, Trouble};

/// How long a call may take. virt-api gives virt-handler ten seconds.
const PATIENCE: Duration = Duration::from_secs(15);
/// The most that an answer may hold.
const MAX_ANSWER: usize = 16 << 20;
/// The most that a refusal may hold.
const MAX_REFUSAL: usize = 64 << 10;
const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// The cluster answered and refused.
    #[error("the cluster refused: {0}")]
    Refused(Refusal),
    /// The cluster did not answer.
    #[error("the cluster did not answer: {0}")]
    Unreachable(Trouble),
}

/// A refusal in the cluster's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The `message` of the Status object, or the text that came instead; empty if nothing came.
    pub message: String,
    /// Whether it was a Status object: the API server's and virt-api's proper way to refuse.
    pub is_status: bool,
    /// What is wrong with which field, where the cluster says so.
    pub causes: Vec<Cause>,
}

/// One reason of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The field's path, such as `spec.template.spec.volumes[0]`; may be empty.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.message)
    }
}

impl Refusal {
    /// Reads a refusal as it came.
    pub(crate) fn read(status: u16, body: &[u8]) -> Self {
        let told = serde_json::from_slice::<Value>(body).ok().filter(|value| value["kind"] == "Status");
        let message = told.as_ref().and_then(|status| status["message"].as_str()).map(str::to_owned);
        let causes = told.as_ref().and_then(|status| status["details"]["causes"].as_array());
        let text = |cause: &Value, key: &str| cause[key].as_str().unwrap_or_default().to_owned();
        let cause = |cause: &Value| Cause { field: text(cause, "field"), message: text(cause, "message") };
        Self {
            causes: causes.into_iter().flatten().map(cause).collect(),
            status,
            is_status: told.is_some(),
            message: message.unwrap_or_else(|| String::from_utf8_lossy(body).trim().chars().take(500).collect()),
        }
    }

    /// virt-api refuses what the person may not do with 401 and nothing else; a bad token comes with a Status.
    pub(crate) fn is_permission(&self) -> bool {
        self.status == 403 || (self.status == 401 && !self.is_status)
    }
}

/// Calls as one person, or as the portal itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct As<'a> {
    cluster: &'a Cluster,
    person: Option<(&'a str, &'a [String])>,
}

impl<'a> As<'a> {
    pub(super) const fn new(cluster: &'a Cluster, person: Option<(&'a str, &'a [String])>) -> Self {
        Self { cluster, person }
    }

    /// A GET; the answer's bytes.
    pub(crate) async fn get(&self, uri: &str) -> Result<Bytes, CallError> {
        self.question(http::Method::GET, uri, None).await
    }

    /// A GET for an object.
    pub(crate) async fn get_json(&self, uri: &str) -> Result<Value, CallError> {
        parsed(&self.get(uri).await?)
    }

    /// Makes an object; the answer is what was stored. With `dryRun=All` in the query nothing is.
    pub(crate) async fn create(&self, uri: &str, object: &Value) -> Result<Value, CallError> {
        parsed(&self.exchange(http::Method::POST, uri, Some((JSON, object))).await?)
    }

    /// Changes the fields that `change` names; `null` removes one. Lists are replaced as a whole.
    pub(crate) async fn merge(&self, uri: &str, change: &Value) -> Result<Value, CallError> {
        parsed(&self.exchange(http::Method::PATCH, uri, Some((MERGE_PATCH, change))).await?)
    }

    /// Changes an object step by step, with tests in between (RFC 6902).
    pub(crate) async fn json_patch(&self, uri: &str, steps: &Value) -> Result<Value, CallError> {
        parsed(&self.exchange(http::Method::PATCH, uri, Some((JSON_PATCH, steps))).await?)
    }

    /// Deletes the object of this identity, and with it what it owns: another one of the same name stays. What is gone
    /// already counts as deleted.
    pub(crate) async fn delete_exactly(&self, uri: &str, uid: Option<&str>) -> Result<(), CallError> {
        let mut options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background" });
        if let Some(uid) = uid {
            options["preconditions"] = json!({ "uid": uid });
        }
        match self.exchange(http::Method::DELETE, uri, Some((JSON, &options))).await {
            Err(CallError::Refused(refusal)) if refusal.status == 404 || (refusal.status == 409 && uid.is_some()) => {
                Ok(())
            }
            answer => answer.map(drop),
        }
    }

    /// Deletes an object; what it owns goes with it, or stays if `keeps_owned`.
    pub(crate) async fn delete(&self, uri: &str, keeps_owned: bool) -> Result<(), CallError> {
        let policy = if keeps_owned { "Orphan" } else { "Background" };
        let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy });
        self.exchange(http::Method::DELETE, uri, Some((JSON, &options))).await.map(drop)
    }

    /// An access review: a question, though it is a POST.
    pub(crate) async fn review(&self, uri: &str, body: &Value) -> Result<Value, CallError> {
        parsed(&self.question(http::Method::POST, uri, Some(body)).await?)
    }

    /// A subresource that is no stream.
    pub(crate) async fn subresource(&self, request: &kubevirt::subresource::Request) -> Result<Bytes, CallError> {
        let method = if request.method == "PUT" { http::Method::PUT } else { http::Method::GET };
        self.exchange(method, &request.uri, request.body.as_ref().map(|body| (JSON, body))).await
    }

    /// A request that changes nothing is sent once more if its connection broke: that is most often an unused one
    /// that the server closed at this moment.
    async fn question(&self, method: http::Method, uri: &str, body: Option<&Value>) -> Result<Bytes, CallError> {
        let body = body.map(|body| (JSON, body));
        match self.exchange(method.clone(), uri, body).await {
            Err(CallError::Unreachable(Trouble::Failing(_))) => self.exchange(method, uri, body).await,
            answer => answer,
        }
    }

    async fn exchange(
        &self,
        method: http::Method,
        uri: &str,
        body: Option<(&'static str, &Value)>,
    ) -> Result<Bytes, CallError> {
        let call = async {
            let mut request = Request::builder().method(method).uri(uri);
            if let Some((kind, _)) = body {
                request = request.header(CONTENT_TYPE, kind);
            }
            let body = body.map(|(_, body)| body.to_string().into_bytes()).unwrap_or_default();
            let response = self.send(request.body(Body::from(body)).map_err(|error| unsendable(&error))?).await?;
            accepted(response).await
        };
        let outcome = timeout(PATIENCE, call).await.unwrap_or(Err(CallError::Unreachable(Trouble::TimedOut)));
        let result = match &outcome {
            Ok(_) => "ok",
            Err(CallError::Refused(_)) => "refused",
            Err(CallError::Unreachable(_)) => "unreachable",
        };
        metrics::counter!("porthole_cluster_calls_total", "result" => result).increment(1);
        outcome
    }

    /// Sends one request under the right name; the answer is whatever came.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Result<Response<Body>, CallError> {
        if let Some((user, groups)) = self.person {
            impersonate(request.headers_mut(), user, groups)?;
        }
        let connection = self.cluster.connection().map_err(|trouble| CallError::Unreachable((*trouble).clone()))?;
        connection.client.send(request).await.map_err(|error| {
            self.cluster.look_again();
            CallError::Unreachable(Trouble::from_kube(&error))
        })
    }
}

/// Puts the person's name on a request: the cluster's RBAC then decides, and its audit log names them.
fn impersonate(headers: &mut http::HeaderMap, user: &str, groups: &[String]) -> Result<(), CallError> {
    let value = |text: &str| HeaderValue::from_str(text).map_err(|error| unsendable(&error));
    headers.insert(HeaderName::from_static("impersonate-user"), value(user)?);
    for group in groups {
        headers.append(HeaderName::from_static("impersonate-group"), value(group)?);
    }
    Ok(())
}

fn unsendable(error: &(dyn std::error::Error + 'static)) -> CallError {
    CallError::Unreachable(Trouble::SetUp(super::trouble::chain(error)))
}

fn parsed(bytes: &Bytes) -> Result<Value, CallError> {
    serde_json::from_slice(bytes)
        .map_err(|error| CallError::Unreachable(Trouble::Failing(format!("the answer is no JSON: {error}"))))
}

async fn accepted(response: Response<Body>) -> Result<Bytes, CallError> {
    let status = response.status();
    if !status.is_success() {
        return Err(CallError::Refused(refusal(status, response).await));
    }
    match Limited::new(response.into_body(), MAX_ANSWER).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(CallError::Unreachable(Trouble::Failing(super::trouble::chain(error.as_ref())))),
    }
}

/// Reads a refusal; a body that does not arrive leaves the status alone.
pub(crate) async fn refusal(status: StatusCode, response: Response<Body>) -> Refusal {
    let body = Limited::new(response.into_body(), MAX_REFUSAL).collect().await;
    Refusal::read(status.as_u16(), &body.map(http_body_util::Collected::to_bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_object_is_quoted_and_plain_text_too() {
        let proper = Refusal::read(409, br#"{"kind":"Status","message":"VM is already running","code":409}"#);
        assert_eq!((proper.message.as_str(), proper.is_status), ("VM is already running", true));
        let text = Refusal::read(503, b"service unavailable\n");
        assert_eq!((text.message.as_str(), text.is_status), ("service unavailable", false));
    }

    #[test]
    fn a_webhook_says_which_field_is_wrong() {
        let body = br#"{"kind":"Status","message":"no","details":{"causes":[{"field":"spec.a","message":"bad a"}]}}"#;
        let cause = Cause { field: "spec.a".to_owned(), message: "bad a".to_owned() };
        assert_eq!(Refusal::read(422, body).causes, [cause]);
    }

    #[test]
    fn a_bare_401_is_a_refused_permission_and_one_with_a_status_is_a_bad_token() {
        assert!(Refusal::read(401, b"").is_permission());
        assert!(!Refusal::read(401, br#"{"kind":"Status","message":"Unauthorized"}"#).is_permission());
        assert!(Refusal::read(403, br#"{"kind":"Status","message":"no"}"#).is_permission());
    }

    #[test]
    fn every_group_gets_its_own_header() {
        let mut headers = http::HeaderMap::new();
        impersonate(&mut headers, "ana", &["a".to_owned(), "b".to_owned()]).unwrap();
        assert_eq!(headers["impersonate-user"], "ana");
        assert_eq!(headers.get_all("impersonate-group").iter().collect::<Vec<_>>(), ["a", "b"]);
        assert!(impersonate(&mut headers, "a\nb", &[]).is_err(), "no header can be smuggled in");
    }
}
