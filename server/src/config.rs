//! What `porthole serve` does, decided once from the command line: no module below looks at flags.

use std::net::SocketAddr;
use std::path::PathBuf;

use portal::{PrometheusSource, UploadProxy};

use crate::cli::{GuestsOnExit, PrometheusArgs, ServeArgs, UploadProxyArgs};
use crate::data_dir;
use crate::environment;
use crate::start_error::StartError;
use crate::web::origin::Origin;

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the database and of the embedded cluster.
    pub data_dir: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The origin that browsers see, where a proxy stands in front.
    pub public_origin: Option<Origin>,
    /// Which cluster.
    pub cluster: ClusterChoice,
    /// Folder of scripts and styles, if it was named.
    pub site_root: Option<PathBuf>,
    /// Where uploads go, as far as it was given.
    pub upload_proxy: UploadProxy,
    /// Where numbers about machines come from, if it was given.
    pub prometheus: Option<PrometheusSource>,
}

/// Which cluster is served.
#[derive(Clone, Debug)]
pub enum ClusterChoice {
    /// One of our own.
    Embedded {
        /// Folders of guest images, searched in order.
        guest_images: Vec<PathBuf>,
        /// What happens to the guests at the end.
        guests_on_exit: GuestsOnExit,
        /// The demo, if it is wanted.
        demo: Option<Demo>,
    },
    /// The one that a file names.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// How the file was found, for the log.
        found: &'static str,
    },
    /// The one in which this process is a pod.
    InCluster,
}

/// The demo.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The people's password; an earlier or a generated one unless given.
    pub password: Option<String>,
}

impl Config {
    /// Checks the command line and finds out what it leaves open.
    pub fn from_args(args: ServeArgs) -> Result<Self, StartError> {
        if args.demo && !args.embedded {
            return Err(StartError::DemoWithoutEmbedded);
        }
        let data_dir = data_dir::or_default(args.data_dir.data_dir)?;
        let public_origin =
            args.public_origin.map(|text| text.parse().map_err(|_| StartError::PublicOrigin(text))).transpose()?;
        let cluster = if args.embedded {
            let folders = [args.guest_images, Some(data_dir.join("guest-images")), data_dir::shared_guest_images()];
            ClusterChoice::Embedded {
                guest_images: folders.into_iter().flatten().collect(),
                guests_on_exit: args.guests_on_exit,
                demo: args.demo.then_some(Demo { password: args.demo_password }),
            }
        } else {
            find_cluster(args.kubeconfig)?
        };
        let upload_proxy = upload_proxy(args.upload_proxy)?;
        let prometheus = prometheus(args.prometheus)?;
        let (listen, site_root) = (args.listen, args.site_root);
        Ok(Self { data_dir, listen, public_origin, cluster, site_root, upload_proxy, prometheus })
    }
}

/// Where uploads go, as the command line says.
pub fn upload_proxy(args: UploadProxyArgs) -> Result<UploadProxy, StartError> {
    let UploadProxyArgs { upload_proxy: url, upload_proxy_ca: ca } = args;
    if let Some(url) = url.as_ref().filter(|url| !(url.starts_with("https://") || url.starts_with("http://"))) {
        return Err(StartError::UploadProxy(url.clone()));
    }
    let read =
        |path: PathBuf| std::fs::read_to_string(&path).map_err(|source| StartError::UploadProxyCa { path, source });
    Ok(UploadProxy { url, ca: ca.map(read).transpose()? })
}

/// Where numbers about machines come from, as the command line says.
fn prometheus(args: PrometheusArgs) -> Result<Option<PrometheusSource>, StartError> {
    let PrometheusArgs { prometheus, prometheus_ca, prometheus_token_file: token_file } = args;
    let Some(url) = prometheus.filter(|url| !url.is_empty()) else { return Ok(None) };
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return Err(StartError::Prometheus(url));
    }
    let read =
        |path: PathBuf| std::fs::read_to_string(&path).map_err(|source| StartError::PrometheusCa { path, source });
    Ok(Some(PrometheusSource { url, ca: prometheus_ca.map(read).transpose()?, token_file }))
}

/// The cluster that the command line or the environment names.
pub fn find_cluster(named: Option<PathBuf>) -> Result<ClusterChoice, StartError> {
    if let Some(path) = named {
        return Ok(ClusterChoice::Kubeconfig { path, found: "given with --kubeconfig" });
    }
    if environment::is_in_cluster() {
        return Ok(ClusterChoice::InCluster);
    }
    let path = environment::default_kubeconfig().unwrap_or_else(|| PathBuf::from("~/.kube/config"));
    if path.exists() {
        let found = if environment::is_set("KUBECONFIG") { "named by KUBECONFIG" } else { "kubectl's default" };
        Ok(ClusterChoice::Kubeconfig { path, found })
    } else {
        Err(StartError::NoCluster { path })
    }
}
