//! Where the cluster's address and the portal's credentials come from.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};

use super::trouble::Trouble;

/// Where the cluster's address and the portal's own credentials come from.
#[derive(Clone, Debug)]
pub enum ClusterSource {
    /// A kubeconfig file. It may appear, change or be renewed while the portal runs.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// A context of it; its current one unless given.
        context: Option<String>,
    },
    /// The service account of the pod in which the portal runs.
    InCluster,
}

/// What a source gave: the configuration, and a number that changes with its content.
pub(super) struct Loaded {
    pub config: kube::Config,
    pub fingerprint: u64,
}

impl ClusterSource {
    pub(super) async fn load(&self) -> Result<Loaded, Trouble> {
        let (mut config, fingerprint) = match self {
            Self::Kubeconfig { path, context } => {
                let text = tokio::fs::read_to_string(path)
                    .await
                    .map_err(|error| Trouble::NoKubeconfig { path: path.clone(), error: error.to_string() })?;
                let bad = |error: kube::config::KubeconfigError| Trouble::BadKubeconfig {
                    path: path.clone(),
                    error: super::trouble::chain(&error),
                };
                // `read_from` resolves certificate files relative to the kubeconfig, which `from_yaml` cannot.
                let parsed = Kubeconfig::read_from(path).map_err(bad)?;
                let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
                let config = kube::Config::from_custom_kubeconfig(parsed, &options).await.map_err(bad)?;
                (config, hash(&text))
            }
            Self::InCluster => {
                let config = kube::Config::incluster()
                    .map_err(|error| Trouble::NotInCluster { error: super::trouble::chain(&error) })?;
                (config, 0)
            }
        };
        // A retry of an upgrade may throw somebody off a screen, and kube's own back-off hides for minutes that
        // the cluster is down. The portal's loops retry where that is right.
        config.default_retry = false;
        // Consoles and watches are silent for minutes; each call has its own limit instead.
        config.read_timeout = None;
        config.connect_timeout = Some(Duration::from_secs(5));
        Ok(Loaded { config, fingerprint })
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
current-context: one
clusters: [{name: one, cluster: {server: 'https://127.0.0.1:1'}}]
contexts: [{name: one, context: {cluster: one, user: me}}]
users: [{name: me, user: {token: abc}}]
";

    fn source(path: PathBuf, context: Option<&str>) -> ClusterSource {
        ClusterSource::Kubeconfig { path, context: context.map(str::to_owned) }
    }

    #[tokio::test]
    async fn a_missing_file_is_told_apart_from_a_bad_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        assert!(matches!(source(path.clone(), None).load().await, Err(Trouble::NoKubeconfig { .. })));
        std::fs::write(&path, "{{").unwrap();
        assert!(matches!(source(path, None).load().await, Err(Trouble::BadKubeconfig { .. })));
    }

    #[tokio::test]
    async fn an_unknown_context_is_a_bad_kubeconfig() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        std::fs::write(&path, KUBECONFIG).unwrap();
        assert!(matches!(source(path, Some("two")).load().await, Err(Trouble::BadKubeconfig { .. })));
    }

    #[tokio::test]
    async fn a_renewed_file_has_another_fingerprint_and_calls_are_never_retried() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        std::fs::write(&path, KUBECONFIG).unwrap();
        let first = source(path.clone(), Some("one")).load().await.ok().unwrap();
        assert!(!first.config.default_retry && first.config.read_timeout.is_none());
        std::fs::write(&path, KUBECONFIG.replace("abc", "def")).unwrap();
        let second = source(path, None).load().await.ok().unwrap();
        assert_ne!(first.fingerprint, second.fingerprint);
    }
}
