//! The questions to the cluster, all at once.

use kubevirt::subresource;
use serde_json::{Value, json};

use crate::cluster::{CallError, Cluster, Kind};
use crate::diagnosis::texts::sentence;
use crate::images::{UploadProxy, greet};

/// Why something could not be found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The portal's account lacks the right.
    Forbidden(String),
    /// The cluster does not have it.
    Absent,
    /// Anything else.
    Failed(String),
}

impl Refused {
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Forbidden(words) => {
                format!("Porthole's account may not read this; apply deploy/rbac.yaml anew. {}", sentence(words))
            }
            Self::Absent => "The cluster does not have it.".to_owned(),
            Self::Failed(words) => sentence(words),
        }
    }
}

pub(super) type Told = Result<Value, Refused>;

/// What the cluster answered.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    pub version: Told,
    pub kubevirt: Option<String>,
    pub installations: Told,
    /// virt-api's own version: it answers through the same aggregation as consoles and power actions.
    pub virt_api: Told,
    pub nodes: Told,
    pub classes: Told,
    pub profiles: Told,
    pub cdi_config: Told,
    /// CDI's installations.
    pub cdi: Told,
    /// The list of resources of the API that gives permissions for uploads.
    pub upload_api: Told,
    pub instance_types: Told,
    /// Address of the upload proxy, and why it does not answer.
    pub upload_proxy: Option<(String, Result<(), String>)>,
    /// What the portal's account may do: verb, group, resource, whether it may.
    pub rights: Vec<(Right, Result<bool, Refused>)>,
}

/// One right that the portal's account needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Right {
    pub verb: &'static str,
    pub group: &'static str,
    pub resource: &'static str,
    /// What does not work without it; `None`: nothing works.
    pub without: Option<&'static str>,
}

impl Right {
    const fn new(
        verb: &'static str,
        group: &'static str,
        resource: &'static str,
        without: Option<&'static str>,
    ) -> Self {
        Self { verb, group, resource, without }
    }
}

/// Rights beyond those of the watches.
const RIGHTS: [Right; 4] = [
    Right::new("create", "authorization.k8s.io", "subjectaccessreviews", None),
    Right::new("impersonate", "", "users", None),
    Right::new("impersonate", "", "groups", None),
    Right::new("list", "", "nodes", Some("this check does not see the nodes")),
];

impl Answers {
    pub(super) async fn ask(cluster: &Cluster, proxy: &UploadProxy) -> Self {
        let offers = cluster.offers();
        let version = offers.kubevirt.map_or("v1", kubevirt::ApiVersion::as_str);
        let subresources = offers.subresources.map_or("v1", kubevirt::ApiVersion::as_str);
        let get = async |path: String| -> Told { cluster.as_itself().get_json(&path).await.map_err(refused) };
        let (version_of, installations, virt_api, nodes, classes, profiles) = tokio::join!(
            get("/version".to_owned()),
            get(format!("/apis/kubevirt.io/{version}/kubevirts")),
            get(format!("/apis/{}/{subresources}/version", subresource::GROUP)),
            get("/api/v1/nodes".to_owned()),
            get("/apis/storage.k8s.io/v1/storageclasses".to_owned()),
            get("/apis/cdi.kubevirt.io/v1beta1/storageprofiles".to_owned()),
        );
        let (cdi_config, cdi, upload_api, instance_types) = tokio::join!(
            get("/apis/cdi.kubevirt.io/v1beta1/cdiconfigs/config".to_owned()),
            get("/apis/cdi.kubevirt.io/v1beta1/cdis".to_owned()),
            get("/apis/upload.cdi.kubevirt.io/v1beta1".to_owned()),
            get("/apis/instancetype.kubevirt.io/v1beta1/virtualmachineclusterinstancetypes".to_owned()),
        );
        let settings =
            cdi_config.clone().ok().and_then(|config| serde_json::from_value(config).ok()).unwrap_or_default();
        let roots = cluster.connection().ok().and_then(|connection| connection.roots);
        let upload_proxy = greet(proxy, &settings, roots).await;
        Self {
            version: version_of,
            kubevirt: offers.kubevirt.map(|_| offers.version.unwrap_or_default()),
            installations,
            virt_api,
            nodes,
            classes,
            profiles,
            cdi_config,
            cdi,
            upload_api,
            instance_types,
            upload_proxy,
            rights: rights(cluster).await,
        }
    }
}

fn refused(error: CallError) -> Refused {
    match error {
        CallError::Refused(refusal) if refusal.status == 404 => Refused::Absent,
        CallError::Refused(refusal) if refusal.is_permission() => Refused::Forbidden(refusal.message),
        CallError::Refused(refusal) => Refused::Failed(refusal.to_string()),
        CallError::Unreachable(trouble) => Refused::Failed(trouble.to_string()),
    }
}

async fn rights(cluster: &Cluster) -> Vec<(Right, Result<bool, Refused>)> {
    let of_kinds = Kind::ALL.into_iter().map(|kind| {
        let without = match kind {
            Kind::Machine | Kind::Instance | Kind::Namespace => None,
            Kind::Pod => Some("containers and launcher pods are not shown"),
            Kind::Event => Some("no events are shown, and many findings lack their cause"),
            Kind::Quota => Some("forms do not say what a team has left"),
            kind if Kind::RBAC.contains(&kind) => Some("a change of roles is noticed 20 seconds late"),
            _ => Some("disks and images are not shown in full"),
        };
        Right::new("list", kind.group(), kind.resource(), without)
    });
    let reviews = of_kinds.chain(RIGHTS).map(async |right| (right, may(cluster, right).await));
    futures_util::future::join_all(reviews).await
}

async fn may(cluster: &Cluster, right: Right) -> Result<bool, Refused> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": { "verb": right.verb, "group": right.group, "resource": right.resource } },
    });
    let uri = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = cluster.as_itself().review(uri, &review).await.map_err(refused)?;
    Ok(answer["status"]["allowed"] == true)
}
