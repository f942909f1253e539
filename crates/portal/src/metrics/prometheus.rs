//! A range of numbers from Prometheus.
//!
//! Names of series changed over KubeVirt's versions, so each question asks for the present name `or` the older ones.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use model::ObjectRef;
use model::chart::{Unit, Window};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::images::https;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most that an answer may hold.
const MAX_ANSWER: usize = 4 << 20;

/// Where Prometheus is.
#[derive(Clone, Debug, Default)]
pub struct PrometheusSource {
    /// Its address, such as `http://prometheus.monitoring:9090`.
    pub url: String,
    /// Certificates that its own is signed by, as PEM; `None` for what the system trusts.
    pub ca: Option<String>,
    /// A file with the token to send, read for each question, since it may be renewed.
    pub token_file: Option<PathBuf>,
}

/// A Prometheus to ask.
#[derive(Debug)]
pub(super) struct Prometheus {
    base: String,
    token_file: Option<PathBuf>,
    client: Result<https::HttpsClient, String>,
}

/// One line of a chart: its name, and the question for it.
pub(super) struct Question {
    pub name: &'static str,
    pub query: String,
}

/// The questions behind each chart of a machine: title, unit, lines.
pub(super) fn questions(at: &ObjectRef, window: Window) -> [(&'static str, Unit, Vec<Question>); 4] {
    // Names of Kubernetes objects hold nothing that would end the text.
    let of = format!("{{namespace=\"{}\",name=\"{}\"}}", at.namespace, at.name);
    // Long enough for two scrapes of a usual Prometheus.
    let over = (window.step * 2).max(120);
    let rate = |names: &[&str]| {
        let rates: Vec<_> = names.iter().map(|name| format!("sum(rate(kubevirt_vmi_{name}{of}[{over}s]))")).collect();
        rates.join(" or ")
    };
    let used = format!(
        "sum(kubevirt_vmi_memory_available_bytes{of} - kubevirt_vmi_memory_usable_bytes{of}) \
         or sum(kubevirt_vmi_memory_resident_bytes{of})"
    );
    let line = |name, query| Question { name, query };
    [
        ("Processors", Unit::Cores, vec![line("used", rate(&["cpu_usage_seconds_total", "cpu_usage_seconds"]))]),
        ("Memory", Unit::Bytes, vec![line("used", used)]),
        (
            "Network",
            Unit::BytesPerSecond,
            vec![
                line("received", rate(&["network_receive_bytes_total"])),
                line("sent", rate(&["network_transmit_bytes_total"])),
            ],
        ),
        (
            "Disks",
            Unit::BytesPerSecond,
            vec![
                line("read", rate(&["storage_read_traffic_bytes_total"])),
                line("written", rate(&["storage_write_traffic_bytes_total"])),
            ],
        ),
    ]
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    error: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    result: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    values: Vec<(f64, String)>,
}

impl Prometheus {
    pub(super) fn new(source: PrometheusSource) -> Self {
        let roots = source.ca.as_deref().map(https::certificates).transpose();
        let client = roots.and_then(https::client);
        Self { base: source.url.trim_end_matches('/').to_owned(), token_file: source.token_file, client }
    }

    /// The numbers of a question; the error is a sentence for people.
    pub(super) async fn range(&self, query: &str, window: Window) -> Result<Vec<(i64, f64)>, String> {
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let Window { from, until, step } = window;
        let uri = format!("{}/api/v1/query_range?query={query}&start={from}&end={until}&step={step}", self.base);
        let (status, body) = tokio::time::timeout(PATIENCE, self.get(&uri))
            .await
            .map_err(|_elapsed| "Prometheus does not answer in time.".to_owned())??;
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err("Prometheus does not let Porthole in. An administrator has to check its token.".to_owned());
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
            format!("What answers at Prometheus' address is no Prometheus (status {}).", status.as_u16())
        })?;
        let Some(data) = answer.data else { return Err(format!("Prometheus refused: {}.", answer.error)) };
        let values = data.result.into_iter().next().map(|found| found.values).unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, reason = "a time in seconds")]
        let point = |(at, value): (f64, String)| Some((at as i64, value.parse().ok()?));
        Ok(values.into_iter().filter_map(point).collect())
    }

    async fn get(&self, uri: &str) -> Result<(StatusCode, Bytes), String> {
        let client =
            self.client.as_ref().map_err(|wrong| format!("The certificates for Prometheus are wrong: {wrong}."))?;
        let mut request = Request::get(uri);
        if let Some(path) = &self.token_file {
            let token = tokio::fs::read_to_string(path)
                .await
                .map_err(|_| "The file with the token for Prometheus cannot be read.".to_owned())?;
            let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
                .map_err(|_| "The token for Prometheus is none.".to_owned())?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let request = request.body(body).map_err(|_| "The address of Prometheus is none.".to_owned())?;
        let response = client
            .request(request)
            .await
            .map_err(|error| format!("Prometheus cannot be reached: {}.", crate::cluster::chain(&error)))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| format!("Prometheus' answer broke off: {error}."))?;
        Ok((status, body.to_bytes()))
    }
}
