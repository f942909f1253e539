//! The upload proxy and the upload servers behind it.
//!
//! | path below `/v1beta1` or `/v1alpha1` | answers |
//! |---|---|
//! | `/upload` | when the disk is ready |
//! | `/upload-async` | when everything has arrived; HEAD asks whether an upload may begin |
//! | `/upload-form`, `/upload-form-async` | the same for a form whose part `file` is the image |
//!
//! An upload that breaks off begins anew; the server takes the next try on the same claim.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use kubevirt::cdi::annotation;
use serde_json::Value;

use super::convert::{self, FillError};
use super::receive::{self, SaveError, Upload};
use super::sniff::Format;
use super::source::Way;
use super::target::Target;
use super::workers::{self, End};
use super::{CdiContext, pods};
use crate::storage::CLAIMS;
use crate::store::meta;

/// How long a request waits for the upload server to be ready.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a sender may go on after a refusal before the connection closes.
const LINGER: Duration = Duration::from_millis(500);

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Manner {
    is_async: bool,
    is_form: bool,
}

impl Manner {
    fn of(path: &str) -> Option<Self> {
        let name = path.strip_prefix("/v1beta1/").or_else(|| path.strip_prefix("/v1alpha1/"))?;
        let (is_async, is_form) = match name {
            "upload" => (false, false),
            "upload-async" => (true, false),
            "upload-form" => (false, true),
            "upload-form-async" => (true, true),
            _ => return None,
        };
        Some(Self { is_async, is_form })
    }
}

/// Everything that the proxy serves.
pub(crate) fn router(context: Arc<CdiContext>) -> Router {
    Router::new().fallback(serve).layer(DefaultBodyLimit::disable()).with_state(context)
}

async fn serve(State(context): State<Arc<CdiContext>>, request: Request) -> Response {
    let method = request.method().clone();
    let mut response = match (Manner::of(request.uri().path()), &method) {
        (None, &Method::GET) if request.uri().path() == "/healthz" => "OK".into_response(),
        (Some(_), &Method::OPTIONS) => preflight(request.headers()),
        (Some(manner), &Method::HEAD) if manner.is_async => match authorized(&context, request.headers()).await {
            Ok(_) => StatusCode::OK.into_response(),
            Err(refusal) => refusal,
        },
        (Some(manner), &Method::POST) => match authorized(&context, request.headers()).await {
            Ok(claim) => upload(&context, &claim, manner, request).await,
            Err(refusal) => refusal,
        },
        _ => StatusCode::NOT_FOUND.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

fn preflight(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    if let Some(headers) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, headers.clone());
    }
    response
}

/// The claim that the request may upload to, once its server is ready.
async fn authorized(context: &CdiContext, headers: &HeaderMap) -> Result<Arc<Value>, Response> {
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = sent.and_then(|value| value.strip_prefix("Bearer ")).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| StatusCode::BAD_REQUEST.into_response())?;
    let target = context.tokens.upload_target(token.trim());
    let (namespace, name) = target.ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())?;
    let ready = tokio::time::timeout(PATIENCE, async {
        loop {
            match look(context, &namespace, &name) {
                Ok(Some(claim)) => return Ok(claim),
                Ok(None) => tokio::time::sleep(LOOK_EVERY).await,
                Err(why) => return Err(why),
            }
        }
    });
    match ready.await {
        Ok(Ok(claim)) => Ok(claim),
        Ok(Err(why)) => Err(unavailable(&why)),
        Err(_) => Err(unavailable("context deadline exceeded")),
    }
}

/// The claim if it takes an upload, nothing if it will soon, or why it never will.
fn look(context: &CdiContext, namespace: &str, name: &str) -> Result<Option<Arc<Value>>, String> {
    let Some(claim) = context.store.get(&CLAIMS, Some(namespace), name) else {
        return Err(format!("rejecting Upload Request for PVC {name} that doesn't exist"));
    };
    let annotations = &claim["metadata"]["annotations"];
    if !annotations[annotation::UPLOAD_TARGET].is_string() {
        return Err(format!("PVC {name} is not an upload target"));
    }
    if annotations[annotation::POD_PHASE] == "Succeeded" {
        return Err(format!("rejecting Upload Request for PVC {name} that already finished uploading"));
    }
    let is_ready = annotations[annotation::POD_READY] == "true";
    Ok(is_ready.then_some(claim))
}

/// 503, with the apostrophes that a page would not show otherwise.
fn unavailable(why: &str) -> Response {
    let escaped = why.replace('&', "&amp;").replace('\'', "&#39;").replace('<', "&lt;").replace('>', "&gt;");
    (StatusCode::SERVICE_UNAVAILABLE, escaped).into_response()
}

async fn upload(context: &Arc<CdiContext>, claim: &Value, manner: Manner, request: Request) -> Response {
    if claim["metadata"]["annotations"][annotation::CONTENT_TYPE] == "archive" {
        let message = "Saving stream failed: the embedded cluster takes disks, not archives";
        return (StatusCode::INTERNAL_SERVER_ERROR, message).into_response();
    }
    let Some(upload) = context.uploads.begin(meta::uid(claim)) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let (Some(target), Some(pod)) = (Target::of(context, claim), pods::of_claim(context, claim, Way::Upload)) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    context.log(&pod, "an upload begins");
    let (saved, rest) = if manner.is_form {
        (save_form(request, &target).await, None)
    } else {
        let mut bytes = request.into_body().into_data_stream();
        (receive::save(&mut bytes, &target).await, Some(bytes))
    };
    let (file, format) = match saved {
        Ok(saved) => saved,
        Err(error) => {
            let is_no_capacity = matches!(&error, SaveError::Fill { error, .. } if error.is_no_capacity());
            let answer = failed(context, &pod, &error.to_string(), is_no_capacity);
            return match rest {
                Some(rest) => lingering(answer, rest),
                None => answer,
            };
        }
    };
    let for_check = (file.clone(), target.clone());
    let checked = blocking(move || check(&for_check.0, format, &for_check.1)).await;
    if let Err(error) = checked {
        // Nothing can be made of it.
        let _ = std::fs::remove_file(&file);
        let message = format!("Unable to convert source data to target format: {error}");
        return failed(context, &pod, &message, error.is_no_capacity());
    }
    let ending = finish(Arc::clone(context), pod, file, target, upload, manner.is_async);
    if manner.is_async {
        context.tracker.spawn(ending);
        return StatusCode::OK.into_response();
    }
    ending.await
}

/// What can be said before a disk is converted.
fn check(file: &std::path::Path, format: Format, target: &Target) -> Result<(), FillError> {
    use std::io::Read as _;
    let Format::Image(format) = format else { return Ok(()) };
    let mut head = Vec::new();
    std::fs::File::open(file)?.take(super::sniff::ENOUGH as u64).read_to_end(&mut head)?;
    convert::check_image(file, format, &head, target).map(drop)
}

/// Makes the disk, and says so in the pod.
async fn finish(
    context: Arc<CdiContext>,
    pod: Arc<Value>,
    file: std::path::PathBuf,
    target: Target,
    upload: Upload,
    is_async: bool,
) -> Response {
    let made = blocking(move || convert::fill(&file, &target)).await;
    let response = match made {
        Ok(()) => {
            workers::finish(&context, &pod, &End::good("Upload Complete"));
            StatusCode::OK.into_response()
        }
        Err(error) => {
            let message = format!("Unable to convert source data to target format: {error}");
            if is_async {
                // Nobody waits for an answer: the pod tells.
                workers::finish(&context, &pod, &End::bad(format!("Saving stream failed: {message}")));
            }
            failed(&context, &pod, &message, error.is_no_capacity())
        }
    };
    drop(upload);
    response
}

async fn blocking(work: impl FnOnce() -> Result<(), FillError> + Send + 'static) -> Result<(), FillError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(std::io::Error::other(error).into()))
}

fn failed(context: &CdiContext, pod: &Value, message: &str, is_no_capacity: bool) -> Response {
    let (code, message) = if is_no_capacity {
        let why = format!("effective image size is larger than the reported available storage: {message}");
        (StatusCode::BAD_REQUEST, why)
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, message.to_owned())
    };
    let message = format!("Saving stream failed: {message}");
    context.log(pod, &message);
    (code, message).into_response()
}

/// An answer that ends a moment later than it is said. A connection that is closed while bytes still arrive is reset, and
/// takes the answer along; CDI's server, like all of Go's, gives the sender the same time to notice.
fn lingering(answer: Response, rest: BodyDataStream) -> Response {
    let swallow = async move {
        // Whoever goes on sending after that does not read.
        let _ = tokio::time::timeout(LINGER, rest.for_each(|_| std::future::ready(()))).await;
    };
    let silence = stream::once(swallow).filter_map(|()| std::future::ready(None));
    answer.map(|body| Body::from_stream(body.into_data_stream().chain(silence)))
}

async fn save_form(request: Request, target: &Target) -> Result<(std::path::PathBuf, Format), SaveError> {
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| SaveError::Broken)?;
    while let Some(part) = form.next_field().await.map_err(|_| SaveError::Broken)? {
        if part.name() == Some("file") {
            return receive::save(part, target).await;
        }
    }
    Err(SaveError::Broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_both_versions_are_known() {
        assert_eq!(Manner::of("/v1beta1/upload-form-async"), Some(Manner { is_async: true, is_form: true }));
        assert_eq!(Manner::of("/v1alpha1/upload"), Some(Manner { is_async: false, is_form: false }));
        assert_eq!(Manner::of("/v1/upload"), None);
    }
}
