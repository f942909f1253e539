//! What an administrator does in a real cluster for the portal, done in the embedded one: a service account with the
//! rights of `deploy/rbac.yaml`, and the images for everybody of `deploy/shared-images.yaml`.
//!
//! Its token lies in a file that the portal's client reads again once a minute, as it does in a pod of a real
//! cluster; here a task of ours requests the next token when half of the present one's time is over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Request;
use jiff::Timestamp;
use kube::Client;
use kube::config::{AuthInfo, Context, Kubeconfig, NamedAuthInfo, NamedContext};
use portal::Lifecycle;
use serde_json::{Value, json};

use super::manifests::{self, IfThere};
use super::{PrepareError, client};
use crate::data_dir::write_secret;

/// What the portal may do in a cluster; the same file that is applied to a real one.
pub const RBAC: &str = include_str!("../../../deploy/rbac.yaml");
/// The namespace of images for everybody, as it is made in a real cluster.
const SHARED_IMAGES: &str = include_str!("../../../deploy/shared-images.yaml");

const TOKEN_PATH: &str = "/api/v1/namespaces/porthole/serviceaccounts/porthole/token";
const LIFETIME_SECONDS: i64 = 12 * 3600;
const RETRY: Duration = Duration::from_secs(30);

/// The portal's credentials in the embedded cluster.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The kubeconfig that holds them.
    pub kubeconfig: PathBuf,
    token: PathBuf,
}

/// Makes the service account and writes a kubeconfig for it. Returns when the next token is due.
pub async fn take(admin_kubeconfig: &Path, folder: &Path) -> Result<(Identity, Client, Duration), PrepareError> {
    let admin = client(admin_kubeconfig).await?;
    for manifest in [RBAC, SHARED_IMAGES] {
        manifests::apply(&admin, manifests::parse(manifest)?, IfThere::Update).await?;
    }
    std::fs::create_dir_all(folder)?;
    let identity = Identity { kubeconfig: folder.join("kubeconfig"), token: folder.join("token") };
    let due = identity.renew_once(&admin).await?;
    let admin_file = Kubeconfig::read_from(admin_kubeconfig)?;
    let text = serde_yaml_ng::to_string(&identity.config(admin_file))?;
    write_secret(&identity.kubeconfig, &text)?;
    Ok((identity, admin, due))
}

impl Identity {
    fn config(&self, admin: Kubeconfig) -> Kubeconfig {
        let cluster = admin.clusters.first().map(|cluster| cluster.name.clone()).unwrap_or_default();
        let name = "porthole".to_owned();
        let token_file = Some(self.token.to_string_lossy().into_owned());
        let user = AuthInfo { token_file, ..AuthInfo::default() };
        let context = Context { cluster, user: Some(name.clone()), ..Context::default() };
        Kubeconfig {
            clusters: admin.clusters,
            auth_infos: vec![NamedAuthInfo { name: name.clone(), auth_info: Some(user), ..NamedAuthInfo::default() }],
            contexts: vec![NamedContext { name: name.clone(), context: Some(context), ..NamedContext::default() }],
            current_context: Some(name),
            ..admin
        }
    }

    /// Requests tokens until the process stops.
    pub async fn keep_fresh(self, admin: Client, mut due: Duration, lifecycle: Lifecycle) {
        let _loud = lifecycle.stop.clone().drop_guard();
        loop {
            tokio::select! {
                () = lifecycle.stop.cancelled() => break,
                () = tokio::time::sleep(due) => {}
            }
            due = self.renew_once(&admin).await.unwrap_or_else(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "the portal's token could not be renewed");
                RETRY
            });
        }
    }

    async fn renew_once(&self, admin: &Client) -> Result<Duration, PrepareError> {
        let refused = |source| PrepareError::Refused { what: "a token for the portal".to_owned(), source };
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": { "expirationSeconds": LIFETIME_SECONDS },
        });
        let request = Request::post(TOKEN_PATH)
            .header("content-type", "application/json")
            .body(body.to_string().into_bytes())
            .expect("a fixed path and header make a request");
        let answer: Value = admin.request(request).await.map_err(refused)?;
        let token = answer.pointer("/status/token").and_then(Value::as_str).ok_or(PrepareError::NoToken)?;
        write_secret(&self.token, token)?;
        let expires = answer.pointer("/status/expirationTimestamp").and_then(Value::as_str);
        Ok(half_of_the_time(expires.and_then(|text| text.parse().ok()), Timestamp::now()))
    }
}

fn half_of_the_time(expires: Option<Timestamp>, now: Timestamp) -> Duration {
    let seconds = expires.map_or(LIFETIME_SECONDS, |expires| expires.as_second() - now.as_second());
    Duration::from_secs(u64::try_from(seconds / 2).unwrap_or(0)).max(RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_token_is_due_when_half_of_the_time_is_over() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let after = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).ok();
        assert_eq!(half_of_the_time(after(3600), now), Duration::from_mins(30));
        assert_eq!(half_of_the_time(after(-5), now), RETRY);
        assert_eq!(half_of_the_time(None, now), Duration::from_hours(6));
    }

    #[test]
    fn the_portal_has_least_rights() {
        let roles: Vec<Value> = manifests::parse(RBAC)
            .unwrap()
            .into_iter()
            .filter(|object| object.types.as_ref().is_some_and(|types| types.kind == "ClusterRole"))
            .map(|object| object.data)
            .collect();
        assert_eq!(roles.len(), 1);
        for rule in roles[0]["rules"].as_array().unwrap() {
            let text = rule.to_string();
            assert!(!text.contains("\"*\""), "no wildcard: {text}");
            let reads = ["get", "list", "watch"];
            let only_reads =
                rule["verbs"].as_array().unwrap().iter().all(|verb| reads.contains(&verb.as_str().unwrap()));
            let is_known = text.contains("subjectaccessreviews") || text.contains("impersonate");
            assert!(only_reads || is_known, "neither a read, a question nor an impersonation: {text}");
            assert!(!text.contains("secrets"), "the portal reads no secrets: {text}");
        }
    }
}
