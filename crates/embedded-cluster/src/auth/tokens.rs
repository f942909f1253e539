//! Bearer tokens: the administrator's, and those of service accounts.
//!
//! A service account's token is a JWT signed with the cluster's own key. It holds as long as the account (and the secret
//! that it came from, if any) is the same object as when it was signed, and until it expires, if it does.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use http::HeaderMap;
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use ring::hmac;
use serde_json::{Value, json};

use super::{MASTERS, UserInfo};
use crate::clock;
use crate::resource::GroupResource;
use crate::store::{Store, meta};

/// Who signs, and for whom where nobody says.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// The websocket subprotocol that carries a token, because browsers cannot set headers.
const TOKEN_PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";
/// Who signs tokens for uploads.
const UPLOAD_ISSUER: &str = "cdi-apiserver";
/// How long an upload may wait to begin.
const UPLOAD_SECONDS: i64 = 300;
/// How far the clocks of whoever is involved may be apart.
const UPLOAD_LEEWAY_SECONDS: i64 = 10;
/// Who the administrator's token stands for.
const ADMIN: &str = "admin";

/// Knows and signs tokens.
pub struct Tokens {
    admin: String,
    key: hmac::Key,
}

/// What a service account's token is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The `ServiceAccount` object.
    pub account: &'a Value,
    /// For whom it is meant; empty for the API server.
    pub audiences: &'a [String],
    /// Seconds; `None` holds for ever.
    pub lifetime: Option<i64>,
    /// The secret that holds the token: the token ends with it.
    pub secret: Option<&'a str>,
}

impl Tokens {
    /// Takes the administrator's token and the key to sign with.
    pub fn new(admin: String, key: &[u8]) -> Self {
        Self { admin, key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// Who sent the request: `None` without a token, `Some(Err)` for a bad one.
    pub fn identify(&self, store: &Store, headers: &HeaderMap) -> Option<Result<UserInfo, InvalidToken>> {
        let token = bearer(headers)?;
        Some(self.user_of(store, &token).map(|(user, _)| user))
    }

    /// Whose token it is, and its audiences.
    pub fn user_of(&self, store: &Store, token: &str) -> Result<(UserInfo, Vec<String>), InvalidToken> {
        if is_same(token.as_bytes(), self.admin.as_bytes()) {
            return Ok((UserInfo::known(ADMIN, &[MASTERS]), vec![ISSUER.to_owned()]));
        }
        let claims = self.verify(token).ok_or(InvalidToken)?;
        let now = clock::now().as_second();
        if claims["exp"].as_i64().is_some_and(|end| end <= now) {
            return Err(InvalidToken);
        }
        let bound = &claims["kubernetes.io"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (namespace, name) = (text(&bound["namespace"]), text(&bound["serviceaccount"]["name"]));
        let is_alive = |resource: &str, reference: &Value| {
            store
                .get(&GroupResource::core(resource), Some(&namespace), reference["name"].as_str().unwrap_or_default())
                .is_some_and(|object| meta::uid(&object) == reference["uid"] && !meta::is_terminating(&object))
        };
        let secret = &bound["secret"];
        if !is_alive("serviceaccounts", &bound["serviceaccount"])
            || (secret.is_object() && !is_alive("secrets", secret))
        {
            return Err(InvalidToken);
        }
        let audiences = claims["aud"].as_array().into_iter().flatten().map(text).collect();
        Ok((UserInfo::service_account(&namespace, &name, &text(&bound["serviceaccount"]["uid"])), audiences))
    }

    /// Signs a token and says when it ends.
    pub fn sign(&self, store: &Store, claim: Claim<'_>) -> (String, Option<String>) {
        let now = clock::now();
        let namespace = meta::namespace(claim.account);
        let end = claim.lifetime.map(|seconds| now + jiff::SignedDuration::from_secs(seconds));
        let audiences = if claim.audiences.is_empty() { &[ISSUER.to_owned()] } else { claim.audiences };
        let mut claims = json!({
            "iss": ISSUER,
            "aud": audiences,
            "iat": now.as_second(),
            "nbf": now.as_second(),
            "jti": uuid::Uuid::new_v4().to_string(),
            "sub": format!("{}{namespace}:{}", super::SERVICE_ACCOUNT_PREFIX, meta::name(claim.account)),
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": {"name": meta::name(claim.account), "uid": meta::uid(claim.account)},
            },
        });
        if let Some(end) = end {
            claims["exp"] = end.as_second().into();
        }
        if let Some(secret) =
            claim.secret.and_then(|name| store.get(&GroupResource::core("secrets"), Some(namespace), name))
        {
            claims["kubernetes.io"]["secret"] = json!({"name": meta::name(&secret), "uid": meta::uid(&secret)});
        }
        (self.seal(&claims), end.map(clock::seconds))
    }

    /// A token with which one upload to a claim may begin within the next minutes.
    pub fn sign_upload(&self, namespace: &str, claim: &str) -> String {
        let now = clock::now().as_second();
        self.seal(&json!({
            "iss": UPLOAD_ISSUER, "iat": now, "nbf": now, "exp": now + UPLOAD_SECONDS,
            "data": {"operation": "Upload", "namespace": namespace, "name": claim,
                "resource": {"group": "", "version": "v1", "resource": "persistentvolumeclaims"}},
        }))
    }

    /// Namespace and name of the claim that an upload token is for, if it still holds.
    pub fn upload_target(&self, token: &str) -> Option<(String, String)> {
        let claims = self.verify(token).filter(|claims| claims["iss"] == UPLOAD_ISSUER)?;
        let is_current = claims["exp"].as_i64()? + UPLOAD_LEEWAY_SECONDS > clock::now().as_second();
        let text = |field: &str| claims["data"][field].as_str().map(str::to_owned);
        text("namespace").zip(text("name")).filter(|_| is_current)
    }

    fn seal(&self, claims: &Value) -> String {
        let header = BASE64.encode(json!({"alg": "HS256", "typ": "JWT"}).to_string());
        let signed = format!("{header}.{}", BASE64.encode(claims.to_string()));
        let signature = BASE64.encode(hmac::sign(&self.key, signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn verify(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        hmac::verify(&self.key, signed.as_bytes(), &BASE64.decode(signature).ok()?).ok()?;
        let (_, claims) = signed.split_once('.')?;
        serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()
    }
}

/// A token that nobody signed, or that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid bearer token")]
pub struct InvalidToken;

fn bearer(headers: &HeaderMap) -> Option<String> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
    }
    let protocols = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    let offered: Vec<&str> = protocols.flat_map(|list| list.split(',').map(str::trim)).collect();
    // A token alone would leave nothing to answer the browser with.
    if offered.len() < 2 {
        return offered.first().filter(|name| name.starts_with(TOKEN_PROTOCOL)).map(|_| String::new());
    }
    let encoded = offered.iter().find_map(|name| name.strip_prefix(TOKEN_PROTOCOL))?;
    Some(BASE64.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default())
}

/// Compares in a time that depends on the lengths alone.
pub(crate) fn is_same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DeleteOptions;

    fn with_account() -> (Store, Tokens) {
        let store = Store::in_memory();
        store.create(&GroupResource::core("namespaces"), json!({"metadata": {"name": "demo"}})).unwrap();
        let account = json!({"metadata": {"namespace": "demo", "name": "bot"}});
        store.create(&GroupResource::core("serviceaccounts"), account).unwrap();
        (store, Tokens::new("root-token".into(), b"a key for tests"))
    }

    fn token(store: &Store, tokens: &Tokens, lifetime: Option<i64>) -> String {
        let account = store.get(&GroupResource::core("serviceaccounts"), Some("demo"), "bot").unwrap();
        tokens.sign(store, Claim { account: &account, audiences: &[], lifetime, secret: None }).0
    }

    #[test]
    fn a_token_holds_while_its_account_lives() {
        let (store, tokens) = with_account();
        let token = token(&store, &tokens, Some(600));
        let (user, _) = tokens.user_of(&store, &token).unwrap();
        assert_eq!(user.name, "system:serviceaccount:demo:bot");
        assert!(user.is_in("system:serviceaccounts:demo"));
        let accounts = GroupResource::core("serviceaccounts");
        store.delete(&accounts, Some("demo"), "bot", DeleteOptions::default()).unwrap();
        store.create(&accounts, json!({"metadata": {"namespace": "demo", "name": "bot"}})).unwrap();
        assert!(tokens.user_of(&store, &token).is_err());
    }

    #[test]
    fn ended_and_altered_tokens_are_refused() {
        let (store, tokens) = with_account();
        assert!(tokens.user_of(&store, &token(&store, &tokens, Some(-1))).is_err());
        let mut altered = token(&store, &tokens, None);
        altered.replace_range(40..41, if &altered[40..41] == "A" { "B" } else { "A" });
        assert!(tokens.user_of(&store, &altered).is_err());
        assert!(tokens.user_of(&store, "").is_err());
    }

    #[test]
    fn a_token_for_an_upload_is_good_for_nothing_else() {
        let (store, tokens) = with_account();
        let upload = tokens.sign_upload("demo", "iso");
        assert_eq!(tokens.upload_target(&upload), Some(("demo".into(), "iso".into())));
        assert!(tokens.user_of(&store, &upload).is_err());
        assert_eq!(tokens.upload_target(&token(&store, &tokens, None)), None);
        assert_eq!(tokens.upload_target("root-token"), None);
    }

    #[test]
    fn a_browser_sends_its_token_as_a_subprotocol_beside_the_real_one() {
        let (store, tokens) = with_account();
        let offered = |list: String| {
            let mut headers = HeaderMap::new();
            headers.insert(SEC_WEBSOCKET_PROTOCOL, list.parse().unwrap());
            tokens.identify(&store, &headers)
        };
        let encoded = format!("{TOKEN_PROTOCOL}{}", BASE64.encode("root-token"));
        assert!(offered(format!("{encoded}, plain.kubevirt.io")).unwrap().unwrap().is_in(MASTERS));
        assert!(offered(encoded).unwrap().is_err());
        assert!(offered("plain.kubevirt.io".into()).is_none());
    }
}
