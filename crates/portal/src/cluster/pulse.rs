//! Whether the cluster answers, and what it offers.
//!
//! One request, the list of API groups, is both heartbeat and discovery: a KubeVirt that is installed later
//! shows up within [`PERIOD`]. When it fails, the credentials are read again, since they may have been renewed.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIGroupList;
use kubevirt::{ApiVersion, subresource};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::{Cluster, ClusterSource, Connection, Kind, Offers, Trouble, UNWATCHED};

/// Between two looks at a cluster that answers.
const PERIOD: Duration = Duration::from_secs(10);
/// Between two looks at one that does not.
const RETRY: Duration = Duration::from_secs(2);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long KubeVirt's version is believed.
const VERSION_AGE: Duration = Duration::from_mins(1);

/// Connects, and keeps an eye on the cluster for ever.
pub(crate) async fn run(cluster: Arc<Cluster>, source: ClusterSource) {
    let mut pulse = Pulse { cluster, source, fingerprint: None, generation: 0, version_seen: None };
    loop {
        let outcome = pulse.beat().await;
        let pause = if outcome.is_ok() { PERIOD } else { RETRY };
        pulse.cluster.record(outcome);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // Many watches may nudge at once: a moment's rest joins them into one look.
            () = pulse.cluster.nudge.notified() => tokio::time::sleep(Duration::from_millis(250)).await,
        }
    }
}

struct Pulse {
    cluster: Arc<Cluster>,
    source: ClusterSource,
    fingerprint: Option<u64>,
    generation: u64,
    version_seen: Option<Instant>,
}

impl Pulse {
    async fn beat(&mut self) -> Result<(), Trouble> {
        if self.fingerprint.is_none() {
            self.connect(false).await?;
        }
        let groups = match self.groups().await {
            Ok(groups) => groups,
            Err(trouble) => {
                // Certificate files can be renewed without a change of the kubeconfig that names them.
                let refused = matches!(trouble, Trouble::Unauthorized(_) | Trouble::Certificate(_));
                // One broken connection is not yet a cluster that is gone.
                let is_broken = matches!(trouble, Trouble::Failing(_));
                if !self.connect(refused).await? && !is_broken {
                    return Err(trouble);
                }
                self.groups().await?
            }
        };
        self.discover(&groups).await;
        Ok(())
    }

    /// Reads the source and connects anew if it changed; tells whether it did.
    async fn connect(&mut self, even_if_unchanged: bool) -> Result<bool, Trouble> {
        let loaded = self.source.load().await?;
        if self.fingerprint == Some(loaded.fingerprint) && !even_if_unchanged {
            return Ok(false);
        }
        self.generation += 1;
        let connection = Connection::new(loaded.config, self.generation)?;
        self.fingerprint = Some(loaded.fingerprint);
        self.cluster.connection.send_replace(Some(connection));
        Ok(true)
    }

    async fn groups(&self) -> Result<APIGroupList, Trouble> {
        let client = self.cluster.connection().map_err(|trouble| (*trouble).clone())?.client;
        match timeout(PATIENCE, client.list_api_groups()).await {
            Ok(answer) => answer.map_err(|error| Trouble::from_kube(&error)),
            Err(_elapsed) => Err(Trouble::TimedOut),
        }
    }

    async fn discover(&mut self, groups: &APIGroupList) {
        let before = self.cluster.offers();
        let mut offers = Offers {
            is_known: true,
            kubevirt: served(groups, "kubevirt.io"),
            subresources: served(groups, subresource::GROUP),
            version: before.version.clone(),
            optional: Kind::ALL
                .into_iter()
                .map(|kind| (kind.group(), kind.optional_versions()))
                .chain(UNWATCHED)
                .filter_map(|(group, versions)| optional(groups, group, versions))
                .collect(),
        };
        let is_old = self.version_seen.is_none_or(|seen| seen.elapsed() > VERSION_AGE);
        match offers.kubevirt {
            None => offers.version = None,
            Some(api) if is_old || before.kubevirt.is_none() || before.version.is_none() => {
                if let Some(version) = self.version(api, offers.subresources).await {
                    offers.version = Some(version);
                    self.version_seen = Some(Instant::now());
                }
            }
            Some(_) => {}
        }
        self.cluster.offer(offers);
    }

    /// KubeVirt's version, from virt-api or from the installation's status; both may be closed to the portal.
    async fn version(&self, api: ApiVersion, subresources: Option<ApiVersion>) -> Option<String> {
        if let Some(version) = subresources {
            let told = self.get(&format!("/apis/{}/{}/version", subresource::GROUP, version.as_str())).await;
            if let Some(version) = told.as_ref().and_then(|answer| answer["gitVersion"].as_str()) {
                return Some(version.to_owned());
            }
        }
        let installations = self.get(&format!("/apis/kubevirt.io/{}/kubevirts", api.as_str())).await?;
        installations["items"][0]["status"]["observedKubeVirtVersion"].as_str().map(str::to_owned)
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let client = self.cluster.connection().ok()?.client;
        let request = http::Request::get(path).body(Vec::new()).ok()?;
        timeout(PATIENCE, client.request::<Value>(request)).await.ok()?.ok()
    }
}

/// The version of a group to use: the newest that the portal knows and the cluster serves.
fn served(groups: &APIGroupList, name: &str) -> Option<ApiVersion> {
    let group = groups.groups.iter().find(|group| group.name == name)?;
    [ApiVersion::V1, ApiVersion::V1Alpha3]
        .into_iter()
        .find(|known| group.versions.iter().any(|version| version.version == known.as_str()))
}

/// A group that a cluster may do without, and the version to use: the first of `known` that is served.
fn optional(
    groups: &APIGroupList,
    name: &'static str,
    known: &'static [&'static str],
) -> Option<(&'static str, &'static str)> {
    let group = groups.groups.iter().find(|group| group.name == name)?;
    let is_served = |known: &&&str| group.versions.iter().any(|version| version.version == ***known);
    known.iter().find(is_served).map(|version| (name, *version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn groups(versions: &[(&str, &[&str])]) -> APIGroupList {
        let groups: Vec<_> = versions
            .iter()
            .map(|(name, versions)| {
                let versions: Vec<_> =
                    versions.iter().map(|v| json!({"groupVersion": format!("{name}/{v}"), "version": v})).collect();
                json!({"name": name, "versions": versions})
            })
            .collect();
        serde_json::from_value(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})).unwrap()
    }

    #[test]
    fn each_group_gets_its_own_version() {
        let old = groups(&[("kubevirt.io", &["v1alpha3"]), ("subresources.kubevirt.io", &["v1alpha3", "v1"])]);
        assert_eq!(served(&old, "kubevirt.io"), Some(ApiVersion::V1Alpha3));
        assert_eq!(served(&old, "subresources.kubevirt.io"), Some(ApiVersion::V1));
    }

    #[test]
    fn a_cluster_without_kubevirt_or_with_an_unknown_version_offers_none() {
        assert_eq!(served(&groups(&[("apps", &["v1"])]), "kubevirt.io"), None);
        assert_eq!(served(&groups(&[("kubevirt.io", &["v7"])]), "kubevirt.io"), None);
    }

    #[test]
    fn a_group_that_a_cluster_may_do_without_is_found_in_a_version_that_the_portal_reads() {
        let present = groups(&[("cdi.kubevirt.io", &["v1beta1", "v1alpha1"])]);
        let of = |groups: &APIGroupList, kind: Kind| optional(groups, kind.group(), kind.optional_versions());
        assert_eq!(of(&present, Kind::DataVolume), Some(("cdi.kubevirt.io", "v1beta1")));
        assert_eq!(of(&groups(&[("cdi.kubevirt.io", &["v9"])]), Kind::DataVolume), None);
        assert_eq!(of(&present, Kind::Pod), None, "every cluster has pods");
    }
}
