//! One id and one log line for each request.
//!
//! The id goes into the extensions (so that an error's page can show it), into the span of everything that is
//! logged meanwhile, and into the answer's `x-request-id`. The line says method, path, status and duration; never
//! a query, a body or a cookie. Probes and files are logged at `debug`.

use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use rand::Rng;
use tracing::Instrument;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request its id and logs how it ended.
pub async fn log(mut request: Request, next: Next) -> Response {
    let id = format!("{:016x}", rand::rng().random::<u64>());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    request.extensions_mut().insert(app::RequestId(id.clone()));
    let span = tracing::info_span!("request", request.id = %id);
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    let elapsed = begun.elapsed();
    let kind = kind(&path);
    metrics::counter!("porthole_http_requests_total", "kind" => kind, "status" => class(status.as_u16())).increment(1);
    metrics::histogram!("porthole_http_request_duration_seconds", "kind" => kind).record(elapsed.as_secs_f64());
    span.in_scope(|| {
        let (status, duration_ms) = (status.as_u16(), (elapsed.as_secs_f64() * 10_000.0).round() / 10.0);
        if matches!(kind, "probe" | "file") && status < 400 {
            tracing::debug!(http.status = status, duration_ms, "{method} {path}");
        } else {
            tracing::info!(http.status = status, duration_ms, "{method} {path}");
        }
    });
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// A word for the metrics: few, and none that names a person or a machine.
fn kind(path: &str) -> &'static str {
    match path.split('/').nth(1).unwrap_or_default() {
        "healthz" | "readyz" | "metrics" => "probe",
        "api" => "api",
        "events" => "events",
        "console" => "console",
        "sign-in" | "sign-out" => "sign-in",
        _ if path.ends_with("/screen.png") => "screen",
        "" | "machines" | "containers" | "pods" => "page",
        _ => "file",
    }
}

fn class(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fall_into_few_kinds() {
        assert_eq!(kind("/machines/blue/web-1"), "page");
        assert_eq!(kind("/machines/blue/web-1/screen.png"), "screen");
        assert_eq!(kind("/pkg/porthole.js"), "file");
        assert_eq!(kind("/api/machines/act"), "api");
        assert_eq!(kind("/"), "page");
    }
}
