//! Why porthole does not start, each with the way out.
//!
//! What a person reads is the whole story: [`StartError`]'s text, then its causes, one a line. Exit code 2 means
//! that the command line or a file named by it is wrong, 1 that something outside stands in the way.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Why porthole does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// `--demo` without a cluster that it could fill.
    #[error("--demo fills the embedded cluster only.\nAdd --embedded, or leave --demo out.")]
    DemoWithoutEmbedded,
    /// The public origin is none.
    #[error(
        "`{0}` is no origin: it has to be http:// or https://, a host and maybe a port, and nothing more.\nCorrect --public-origin, such as https://porthole.example.org."
    )]
    PublicOrigin(String),
    /// The upload proxy's address is none.
    #[error(
        "`{0}` is no address: it has to begin with https:// or http://.\nCorrect --upload-proxy, such as https://cdi-uploadproxy.cdi.svc."
    )]
    UploadProxy(String),
    /// The certificates of the upload proxy cannot be read.
    #[error("The file {path} cannot be read.\nCorrect --upload-proxy-ca FILE.", path = .path.display())]
    UploadProxyCa {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Prometheus' address is none.
    #[error(
        "`{0}` is no address: it has to begin with https:// or http://.\nCorrect --prometheus, such as http://prometheus.monitoring:9090."
    )]
    Prometheus(String),
    /// The certificates of Prometheus cannot be read.
    #[error("The file {path} cannot be read.\nCorrect --prometheus-ca FILE.", path = .path.display())]
    PrometheusCa {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No home folder and no data dir.
    #[error("There is no folder for porthole's files, since HOME is not set.\nName one with --data-dir DIR.")]
    NoDataDir,
    /// The data dir cannot be used.
    #[error("The folder {path} cannot be used.\nMake it writable for this user, or choose another with --data-dir DIR.", path = .path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another porthole uses the folder.
    #[error("Another porthole{holder} uses the folder {path}.\nStop it, or choose another folder with --data-dir DIR.", path = .path.display())]
    DataDirInUse {
        /// The folder.
        path: PathBuf,
        /// ` (process 123)`, or nothing where it is not known.
        holder: String,
    },
    /// Somebody listens there already.
    #[error(
        "The address {0} is in use by another program.\nStop that program, or choose another address with --listen ADDR (port 0 takes a free one)."
    )]
    PortInUse(SocketAddr),
    /// The address cannot be listened on.
    #[error("Cannot listen on {address}.\nChoose another address with --listen ADDR.")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is no such kubeconfig.
    #[error("The kubeconfig {path} cannot be read.\nCorrect --kubeconfig FILE, or use --embedded for a cluster of porthole's own.", path = .path.display())]
    KubeconfigUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The kubeconfig makes no sense.
    #[error("The file {path} is no usable kubeconfig: {why}.\nTry it with `kubectl --kubeconfig {path} get namespaces`.", path = .path.display())]
    KubeconfigInvalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// No cluster is configured anywhere.
    #[error("There is no cluster to serve: this is no pod of a cluster, and there is no kubeconfig at {path}.\nName one with --kubeconfig FILE, or use --embedded for a cluster of porthole's own.", path = .path.display())]
    NoCluster {
        /// Where a kubeconfig was looked for.
        path: PathBuf,
    },
    /// The embedded cluster does not start.
    #[error("The embedded cluster does not start.")]
    Embedded(#[from] embedded_cluster::StartError),
    /// The embedded cluster does not take what it needs to hold.
    #[error("The embedded cluster could not be prepared.")]
    Prepare(#[from] crate::cluster::PrepareError),
    /// The database does not open.
    #[error("The database in {path} cannot be used.", path = .path.display())]
    Records {
        /// Its folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: portal::records::RecordsError,
    },
    /// The demo's people cannot be made.
    #[error("The demo's accounts could not be made.")]
    Accounts(#[source] portal::PortalError),
}

impl StartError {
    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::DemoWithoutEmbedded
            | Self::PublicOrigin(_)
            | Self::UploadProxy(_)
            | Self::UploadProxyCa { .. }
            | Self::Prometheus(_)
            | Self::PrometheusCa { .. }
            | Self::NoDataDir
            | Self::KubeconfigUnreadable { .. }
            | Self::KubeconfigInvalid { .. }
            | Self::NoCluster { .. } => 2,
            Self::DataDir { .. }
            | Self::DataDirInUse { .. }
            | Self::PortInUse(_)
            | Self::Listen { .. }
            | Self::Embedded(_)
            | Self::Prepare(_)
            | Self::Records { .. }
            | Self::Accounts(_) => 1,
        }
    }
}
