//! Imports from web servers.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderValue, Response, header};
use hyper::body::Incoming;
use serde_json::Value;

use super::CdiContext;
use super::credentials::{Credentials, certificates};
use super::download::{self, Remote};
use super::fetch::{Client, status_line};
use super::jobs::Progress;
use super::target::Target;
use super::workers::End;
use crate::resource::GroupResource;
use crate::store::meta;
use crate::virt::kinds::text;

/// Fills the target from an address.
pub(super) async fn import(
    context: &Arc<CdiContext>,
    claim: &Value,
    source: &Value,
    target: Target,
    progress: &Arc<Progress>,
) -> End {
    match WebFile::of(context, claim, source) {
        Ok(file) => download::import(&file, source["checksum"].as_str(), target, progress).await,
        Err(message) => End::bad(message),
    }
}

struct WebFile<'a> {
    url: &'a str,
    client: Client,
}

impl<'a> WebFile<'a> {
    fn of(context: &CdiContext, claim: &Value, source: &'a Value) -> Result<Self, String> {
        let certificates = certificates(context, claim, source);
        let client = Client::new(headers(context, claim, source)?, &certificates, source)?;
        Ok(Self { url: text(&source["url"]), client })
    }
}

impl Remote for WebFile<'_> {
    fn url(&self) -> &str {
        self.url
    }

    async fn get(&self, offset: u64, validator: Option<&str>) -> Result<Response<Incoming>, String> {
        let response = self.client.get(self.url, offset, validator).await;
        response.map_err(|why| format!("Unable to connect to http data source: {why}"))
    }

    async fn refusal(&self, response: Response<Incoming>) -> String {
        let code = response.status().as_u16();
        let line = status_line(&response);
        format!("Unable to connect to http data source: expected status code 200, got {code}. Status: {line}")
    }
}

/// Credentials and the header lines that are to be sent along.
fn headers(context: &CdiContext, claim: &Value, source: &Value) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    if let Some(credentials) = Credentials::of(context, claim, source)? {
        let value = HeaderValue::try_from(credentials.basic()).map_err(|_| "the credentials cannot be sent")?;
        headers.insert(header::AUTHORIZATION, value);
    }
    let named = |field: &str| {
        source[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut lines = named("extraHeaders");
    for name in named("secretExtraHeaders") {
        let secret = context.store.get(&GroupResource::core("secrets"), Some(meta::namespace(claim)), &name);
        let values = secret.as_ref().and_then(|secret| secret["data"].as_object());
        let decoded = values.into_iter().flatten().filter_map(|(_, value)| BASE64.decode(text(value)).ok());
        lines.extend(decoded.filter_map(|bytes| String::from_utf8(bytes).ok()));
    }
    for line in lines {
        let parsed = line.split_once(':').and_then(|(name, value)| {
            Some((http::HeaderName::try_from(name.trim()).ok()?, HeaderValue::try_from(value.trim()).ok()?))
        });
        let (name, value) = parsed.ok_or("an extra header is not of the form name: value")?;
        headers.append(name, value);
    }
    Ok(headers)
}
