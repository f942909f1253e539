//! One answer of `metrics.k8s.io`: what every pod and node uses at this moment.

use kubevirt::quantity;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{GROUP, Usage};
use crate::clock::parse;
use crate::cluster::{CallError, Cluster, Trouble};

/// What pods and nodes use.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Namespace and name of a pod, and what it uses.
    pub pods: Vec<(String, String, Usage)>,
    /// Name of a node, and what it uses.
    pub nodes: Vec<(String, Usage)>,
}

#[derive(Deserialize)]
struct List<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    name: String,
    namespace: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Amount {
    cpu: String,
    memory: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Container {
    usage: Amount,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodUsage {
    metadata: Meta,
    timestamp: String,
    containers: Vec<Container>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeUsage {
    metadata: Meta,
    timestamp: String,
    usage: Amount,
}

/// Asks in the portal's own name; `None` where the cluster does not have the group.
pub(super) async fn ask(cluster: &Cluster) -> Result<Option<Taken>, CallError> {
    let Some(version) = cluster.offers().optional.get(GROUP).copied() else { return Ok(None) };
    let get = async |what: &str| cluster.as_itself().get(&format!("/apis/{GROUP}/{version}/{what}")).await;
    let pods = read::<PodUsage>(&get("pods").await?)?;
    // Without the right to see nodes, pods are worth having.
    let nodes = match get("nodes").await {
        Ok(bytes) => read::<NodeUsage>(&bytes)?,
        Err(_) => Vec::new(),
    };
    Ok(Some(Taken {
        pods: pods
            .into_iter()
            .filter_map(|pod| Some((pod.usage()?, pod.metadata)))
            .map(|(usage, meta)| (meta.namespace, meta.name, usage))
            .collect(),
        nodes: nodes
            .into_iter()
            .filter_map(|node| Some((node.metadata.name, usage(&node.timestamp, [&node.usage])?)))
            .collect(),
    }))
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<Vec<T>, CallError> {
    let list: List<T> = serde_json::from_slice(bytes).map_err(|error| {
        CallError::Unreachable(Trouble::Failing(format!("the answer about usage is not understood: {error}")))
    })?;
    Ok(list.items)
}

impl PodUsage {
    /// All containers together; nothing while none has been measured.
    fn usage(&self) -> Option<Usage> {
        if self.containers.is_empty() {
            None
        } else {
            usage(&self.timestamp, self.containers.iter().map(|one| &one.usage))
        }
    }
}

fn usage<'a>(at: &str, amounts: impl IntoIterator<Item = &'a Amount>) -> Option<Usage> {
    let mut sum = Usage { at: parse(at)?, cpu_millis: 0, memory_bytes: 0 };
    for amount in amounts {
        let millis = quantity::milli_value(&amount.cpu)?;
        sum.cpu_millis = sum.cpu_millis.saturating_add(u32::try_from(millis).unwrap_or(u32::MAX));
        sum.memory_bytes = sum.memory_bytes.saturating_add(quantity::value(&amount.memory)?);
    }
    Some(sum)
}
