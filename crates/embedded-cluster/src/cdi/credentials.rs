//! What a source is reached with: the Secret and the certificates that it names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::CdiContext;
use crate::resource::GroupResource;
use crate::storage::MAPS;
use crate::store::meta;
use crate::virt::kinds::text;

/// A user, or an access key, and what proves it.
#[derive(Clone)]
pub(super) struct Credentials {
    /// `accessKeyId`; empty where only the password counts.
    pub user: String,
    /// `secretKey`.
    pub password: String,
}

impl Credentials {
    /// The credentials in the Secret that a source names; `None` if it names none.
    pub(super) fn of(context: &CdiContext, claim: &Value, source: &Value) -> Result<Option<Self>, String> {
        let Some(name) = source["secretRef"].as_str().filter(|name| !name.is_empty()) else { return Ok(None) };
        let password = secret(context, claim, name, "secretKey");
        let password = password.ok_or_else(|| format!("the Secret {name} has no secretKey"))?;
        Ok(Some(Self { user: secret(context, claim, name, "accessKeyId").unwrap_or_default(), password }))
    }

    /// As the value of the header `Authorization`.
    pub(super) fn basic(&self) -> String {
        format!("Basic {}", BASE64.encode(format!("{}:{}", self.user, self.password)))
    }
}

/// A key of a Secret of the claim's namespace.
fn secret(context: &CdiContext, claim: &Value, name: &str, key: &str) -> Option<String> {
    let secret = context.store.get(&GroupResource::core("secrets"), Some(meta::namespace(claim)), name)?;
    let bytes = BASE64.decode(text(&secret["data"][key])).ok()?;
    String::from_utf8(bytes).ok().filter(|value| !value.is_empty())
}

/// Certificates to trust besides those of the system, as PEM.
pub(super) fn certificates(context: &CdiContext, claim: &Value, source: &Value) -> Vec<String> {
    let map =
        source["certConfigMap"].as_str().and_then(|name| context.store.get(&MAPS, Some(meta::namespace(claim)), name));
    let data = map.as_ref().and_then(|map| map["data"].as_object());
    data.into_iter().flatten().filter_map(|(_, pem)| pem.as_str().map(str::to_owned)).collect()
}
