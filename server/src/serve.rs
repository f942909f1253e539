//! `porthole serve`: everything put together, and taken apart again.
//!
//! Start: folder and its lock, address, database, cluster, portal, routes. The first three fail in words before
//! anything runs. A real cluster that does not answer is no reason not to start: pages say what is wrong, and the
//! portal goes on by itself when the cluster comes back.
//!
//! Stop: consoles and event streams end, requests under way get a few seconds, then the embedded cluster goes.
//! A task that breaks cancels the same token: a portal that has lost a part of itself ends and is started anew,
//! rather than showing a picture that no longer changes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use portal::{ClusterSource, Lifecycle, Portal, Records};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::cluster::check_kubeconfig;
use crate::cluster::embedded::Embedded;
use crate::config::{ClusterChoice, Config, Demo};
use crate::data_dir::{self, Lock};
use crate::demo::people::Password;
use crate::demo::{self, people};
use crate::start_error::StartError;
use crate::web::origin::Origins;
use crate::web::site::Site;
use crate::web::{self, WebState};

/// How long requests and consoles may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// A running porthole.
pub struct Porthole {
    address: SocketAddr,
    origins: Arc<Origins>,
    lifecycle: Lifecycle,
    portal: Portal,
    routes: JoinHandle<()>,
    embedded: Option<Embedded>,
    password: Option<Password>,
    _lock: Lock,
}

impl Porthole {
    /// Starts everything. Returns when the address answers.
    pub async fn start(config: Config, metrics: PrometheusHandle) -> Result<Self, StartError> {
        data_dir::create(&config.data_dir)?;
        let data_dir = config.data_dir.canonicalize().unwrap_or_else(|_| config.data_dir.clone());
        let lock = data_dir::lock(&data_dir)?;
        let listener = listen(config.listen).await?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { address: config.listen, source })?;
        let records =
            Records::open(&data_dir).await.map_err(|source| StartError::Records { path: data_dir.clone(), source })?;
        let lifecycle = Lifecycle::default();

        let (source, embedded, demo) = follow(config.cluster, &data_dir, &lifecycle).await?;
        let portal = Portal::connect(source, records, lifecycle.clone(), config.upload_proxy, config.prometheus);
        let password = match (&embedded, demo) {
            (Some(embedded), Some(demo)) => Some(show(&portal, embedded, demo, &lifecycle).await?),
            _ => None,
        };
        let origins = Arc::new(config.public_origin.map_or(Origins::Listening(address), Origins::Public));
        let state = WebState {
            portal: portal.clone(),
            origins: origins.clone(),
            lifecycle: lifecycle.clone(),
            site: Site::find(config.site_root.as_deref()),
            metrics,
        };
        warn_if_nobody_can_sign_in(&portal).await;
        let service = web::router(&state);
        let stop = lifecycle.stop.clone();
        let routes = tokio::spawn(async move {
            let _loud = stop.clone().drop_guard();
            web::listener::run(listener, service, stop).await;
        });
        Ok(Self { address, origins, lifecycle, portal, routes, embedded, password, _lock: lock })
    }

    /// The address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the portal knows and does.
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// The embedded cluster, if it is served.
    pub fn embedded(&self) -> Option<&Embedded> {
        self.embedded.as_ref()
    }

    /// Resolves when a part of this broke, or when it is told to stop.
    pub async fn ended(&self) {
        match &self.embedded {
            Some(embedded) => tokio::select! {
                () = self.lifecycle.stop.cancelled() => {}
                () = embedded.died() => {}
            },
            None => self.lifecycle.stop.cancelled().await,
        }
    }

    /// What the person at the terminal wants to know: where, who, and with which password.
    pub fn announcement(&self) -> String {
        let address = match &*self.origins {
            Origins::Public(origin) => origin.to_string(),
            Origins::Listening(address) => format!("http://{address}"),
        };
        let mut lines = vec![format!("\nPorthole: {address}\n")];
        if let Some(password) = &self.password {
            let people = people::PEOPLE.map(|(name, _, who)| format!("{name} ({who})")).join(", ");
            lines.push(format!("  People    {people}"));
            lines.push(match password {
                Password::Given => "  Password  the one in PORTHOLE_DEMO_PASSWORD, for all of them".to_owned(),
                Password::Generated(password) => {
                    format!("  Password  {password}   for all of them; it is shown this once")
                }
                Password::Earlier => "  Password  the one from before; PORTHOLE_DEMO_PASSWORD sets another".to_owned(),
            });
        }
        if let Some(embedded) = &self.embedded {
            lines.push(format!("  kubectl   export KUBECONFIG={}", embedded.kubeconfig().display()));
        }
        lines.push("  Stop      Ctrl-C\n".to_owned());
        lines.join("\n")
    }

    /// Ends everything in order.
    pub async fn stop(self) {
        self.lifecycle.stop.cancel();
        self.lifecycle.tasks.close();
        let ending = async {
            if let Err(error) = self.routes.await {
                tracing::error!(%error, "the listener broke");
            }
            self.lifecycle.tasks.wait().await;
        };
        if tokio::time::timeout(GRACE, ending).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => StartError::PortInUse(address),
        _ => StartError::Listen { address, source },
    })
}

type Followed = (ClusterSource, Option<Embedded>, Option<Demo>);

async fn follow(
    choice: ClusterChoice,
    data_dir: &std::path::Path,
    lifecycle: &Lifecycle,
) -> Result<Followed, StartError> {
    match choice {
        ClusterChoice::Embedded { guest_images, guests_on_exit, demo } => {
            let embedded = Embedded::start(data_dir, guest_images, guests_on_exit, lifecycle).await?;
            tracing::info!(cluster.address = embedded.address(), "serving the embedded cluster");
            let path = embedded.portal_kubeconfig.clone();
            Ok((ClusterSource::Kubeconfig { path, context: None }, Some(embedded), demo))
        }
        ClusterChoice::Kubeconfig { path, found } => {
            check_kubeconfig(&path).await?;
            tracing::info!(kubeconfig = %path.display(), "serving the cluster of the kubeconfig {found}");
            Ok((ClusterSource::Kubeconfig { path, context: None }, None, None))
        }
        ClusterChoice::InCluster => {
            tracing::info!("serving the cluster in which this pod runs, as its service account");
            Ok((ClusterSource::InCluster, None, None))
        }
    }
}

async fn show(portal: &Portal, embedded: &Embedded, demo: Demo, lifecycle: &Lifecycle) -> Result<Password, StartError> {
    let held = demo::fill(&embedded.admin).await?;
    if !held.is_empty() {
        lifecycle.tasks.spawn(demo::machines::hold(embedded.admin.clone(), held, lifecycle.clone()));
    }
    people::invite(portal, demo.password).await.map_err(StartError::Accounts)
}

async fn warn_if_nobody_can_sign_in(portal: &Portal) {
    if portal.accounts().await.is_ok_and(|accounts| accounts.is_empty()) {
        tracing::warn!(
            "nobody can sign in yet: add a person with `porthole account add NAME --group GROUP`, where GROUP is \
             one that the cluster's role bindings name"
        );
    }
}
