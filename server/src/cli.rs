//! The command line. Each flag has a twin in the environment: `--data-dir` and `PORTHOLE_DATA_DIR`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// One web portal for the virtual machines and containers of a Kubernetes cluster that runs KubeVirt.
#[derive(Debug, Parser)]
#[command(name = "porthole", version)]
pub struct Cli {
    /// What the log holds, as tracing filters say it, such as `debug` or `info,portal=debug`.
    #[arg(long, global = true, env = "PORTHOLE_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
    /// How the log is written.
    #[arg(long, global = true, env = "PORTHOLE_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What porthole can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the portal.
    Serve(ServeArgs),
    /// The people who may sign in.
    Account(AccountArgs),
    /// Check the cluster: versions, storage, uploads, nodes, rights. Fails if something is broken.
    Doctor(DoctorArgs),
}

/// Where porthole keeps its files.
#[derive(Debug, Args)]
pub struct DataDirArg {
    /// Folder of the database and, with --embedded, of the cluster [default: ~/.local/share/porthole].
    #[arg(long, env = "PORTHOLE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// `porthole serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Bring an own cluster: a Kubernetes and KubeVirt API with QEMU guests inside this process.
    #[arg(long, env = "PORTHOLE_EMBEDDED", conflicts_with = "kubeconfig")]
    pub embedded: bool,
    /// Fill the embedded cluster once with two teams, their machines and three people.
    #[arg(long, env = "PORTHOLE_DEMO")]
    pub demo: bool,
    /// Where the files are.
    #[command(flatten)]
    pub data_dir: DataDirArg,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "PORTHOLE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDR", value_parser = address)]
    pub listen: SocketAddr,
    /// The cluster to serve; without it the pod's own cluster, else KUBECONFIG, else ~/.kube/config.
    #[arg(long, env = "PORTHOLE_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The address that people type, where a proxy stands in front, such as <https://porthole.example.org>.
    #[arg(long, env = "PORTHOLE_PUBLIC_ORIGIN", value_name = "URL")]
    pub public_origin: Option<String>,
    /// Where uploads go.
    #[command(flatten)]
    pub upload_proxy: UploadProxyArgs,
    /// Where numbers about machines come from.
    #[command(flatten)]
    pub prometheus: PrometheusArgs,
    /// Folder of images that embedded guests start from, searched first.
    #[arg(long, env = "PORTHOLE_GUEST_IMAGES", value_name = "DIR")]
    pub guest_images: Option<PathBuf>,
    /// What happens to embedded guests when porthole ends; kept ones are adopted at the next start.
    #[arg(long, env = "PORTHOLE_GUESTS_ON_EXIT", default_value = "keep", value_name = "WHAT")]
    pub guests_on_exit: GuestsOnExit,
    /// Password of the demo's people; generated and printed once unless given.
    #[arg(long, env = "PORTHOLE_DEMO_PASSWORD", hide_env_values = true, hide = true)]
    pub demo_password: Option<String>,
    /// Folder of the pages' scripts and styles; found beside the program unless given.
    #[arg(long, env = "LEPTOS_SITE_ROOT", value_name = "DIR", hide = true)]
    pub site_root: Option<PathBuf>,
}

/// Where uploads go, where it is not what CDI says.
#[derive(Clone, Debug, Args)]
pub struct UploadProxyArgs {
    /// Where uploads go: CDI's upload proxy, such as <https://cdi-uploadproxy.cdi.svc> [default: what CDI's configuration says].
    #[arg(long, env = "PORTHOLE_UPLOAD_PROXY", value_name = "URL")]
    pub upload_proxy: Option<String>,
    /// File with the certificates that the upload proxy's one is signed by, as PEM [default: those of CDI's configuration and of the cluster].
    #[arg(long, env = "PORTHOLE_UPLOAD_PROXY_CA", value_name = "FILE")]
    pub upload_proxy_ca: Option<PathBuf>,
}

/// The Prometheus that keeps what KubeVirt measures, where there is one.
#[derive(Clone, Debug, Args)]
pub struct PrometheusArgs {
    /// A Prometheus that scrapes KubeVirt, such as <http://prometheus.monitoring:9090>: charts then reach a day back and show networks and disks.
    #[arg(long, env = "PORTHOLE_PROMETHEUS", value_name = "URL")]
    pub prometheus: Option<String>,
    /// File with the certificates that Prometheus' one is signed by, as PEM [default: those that the system trusts].
    #[arg(long, env = "PORTHOLE_PROMETHEUS_CA", value_name = "FILE", requires = "prometheus")]
    pub prometheus_ca: Option<PathBuf>,
    /// File with the token to send to Prometheus.
    #[arg(long, env = "PORTHOLE_PROMETHEUS_TOKEN_FILE", value_name = "FILE", requires = "prometheus")]
    pub prometheus_token_file: Option<PathBuf>,
}

/// `porthole doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Check the embedded cluster that is being served from the data directory.
    #[arg(long, env = "PORTHOLE_EMBEDDED", conflicts_with = "kubeconfig")]
    pub embedded: bool,
    /// The cluster to check; without it the pod's own cluster, else KUBECONFIG, else ~/.kube/config.
    #[arg(long, env = "PORTHOLE_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Where the files are.
    #[command(flatten)]
    pub data_dir: DataDirArg,
    /// Where uploads go.
    #[command(flatten)]
    pub upload_proxy: UploadProxyArgs,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// What happens to embedded guests when porthole ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GuestsOnExit {
    /// They run on.
    Keep,
    /// They are switched off.
    Stop,
}

/// `porthole account`.
#[derive(Debug, Args)]
pub struct AccountArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AccountCommand,
}

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Add a person, or replace one of the same name. The password comes from standard input or `PORTHOLE_PASSWORD`.
    Add(AddAccountArgs),
    /// List the people.
    List(DataDirArg),
    /// Remove a person; their sessions end.
    Remove(RemoveAccountArgs),
}

/// `porthole account add`.
#[derive(Debug, Args)]
pub struct AddAccountArgs {
    /// The name to sign in with.
    pub name: String,
    /// The user that the cluster's roles are bound to [default: NAME].
    #[arg(long, env = "PORTHOLE_KUBERNETES_USER", value_name = "USER")]
    pub kubernetes_user: Option<String>,
    /// A group that the cluster's roles are bound to; may be given more than once.
    #[arg(long = "group", env = "PORTHOLE_GROUPS", value_name = "GROUP", value_delimiter = ',')]
    pub groups: Vec<String>,
    /// Where the files are.
    #[command(flatten)]
    pub data_dir: DataDirArg,
    /// The password.
    #[arg(long, env = "PORTHOLE_PASSWORD", hide_env_values = true, hide = true)]
    pub password: Option<String>,
}

/// `porthole account remove`.
#[derive(Debug, Args)]
pub struct RemoveAccountArgs {
    /// The name to remove.
    pub name: String,
    /// Where the files are.
    #[command(flatten)]
    pub data_dir: DataDirArg,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs()
        .ok()
        .and_then(|mut found| found.next())
        .ok_or_else(|| format!("`{text}` is no address and port, such as 127.0.0.1:8080 or [::]:8080"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn addresses_may_be_names() {
        assert!(address("localhost:0").is_ok_and(|found| found.ip().is_loopback()));
        assert!(address("8080").is_err());
    }
}
