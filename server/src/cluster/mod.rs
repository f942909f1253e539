//! The cluster behind the portal: which one it is, and what it has to hold before the portal follows it.
//!
//! The portal is a client like any other. A real cluster is used with the credentials that were given. The
//! embedded one is prepared as an administrator would do it: `deploy/rbac.yaml` is applied, a token for its
//! service account is requested, and the portal gets that token and nothing more.

use std::path::Path;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

pub mod embedded;
pub mod identity;
pub mod manifests;

use crate::start_error::StartError;

/// Why the embedded cluster could not be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A manifest of ours is no YAML.
    #[error("a manifest cannot be read")]
    Manifest(#[from] serde_yaml_ng::Error),
    /// A manifest names no kind or no name.
    #[error("a manifest has no {0}")]
    Incomplete(&'static str),
    /// The cluster refused a request.
    #[error("the cluster refused {what}")]
    Refused {
        /// The object or request.
        what: String,
        /// Its words.
        #[source]
        source: kube::Error,
    },
    /// The kubeconfig that the cluster wrote makes no sense.
    #[error("the cluster's own kubeconfig cannot be used")]
    Kubeconfig(#[from] KubeconfigError),
    /// The portal's credentials cannot be written.
    #[error("the portal's credentials cannot be written")]
    Write(#[from] std::io::Error),
    /// The answer to a token request holds no token.
    #[error("the cluster answered a token request without a token")]
    NoToken,
}

/// Checks a kubeconfig before anything depends on it. That the cluster answers is another matter: the portal
/// tries for ever and says on its pages what is wrong.
pub async fn check_kubeconfig(path: &Path) -> Result<(), StartError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| StartError::KubeconfigUnreadable { path: path.to_owned(), source })?;
    let invalid = |why: String| StartError::KubeconfigInvalid { path: path.to_owned(), why };
    let parsed = Kubeconfig::from_yaml(&text).map_err(|error| invalid(chain(&error)))?;
    if parsed.contexts.is_empty() {
        return Err(invalid("it holds no context".to_owned()));
    }
    Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default())
        .await
        .map(drop)
        .map_err(|error| invalid(chain(&error)))
}

/// A client with the credentials of a kubeconfig.
async fn client(path: &Path) -> Result<Client, PrepareError> {
    let config = Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &KubeConfigOptions::default()).await?;
    Client::try_from(config).map_err(|source| PrepareError::Refused { what: "the connection".to_owned(), source })
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(content: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        check_kubeconfig(&path).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_wrong_kubeconfig_is_told_with_the_way_out() {
        assert!(refusal(None).await.contains("Correct --kubeconfig"));
        for wrong in ["", "{", "apiVersion: v1\nkind: Config\n", "just text"] {
            let told = refusal(Some(wrong)).await;
            assert!(told.contains("no usable kubeconfig") && told.contains("kubectl"), "{wrong:?}: {told}");
        }
        let dangling =
            "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: b, user: c}}]\n";
        assert!(refusal(Some(dangling)).await.contains("no usable kubeconfig"));
    }
}
