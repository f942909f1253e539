//! What Porthole does, one module per capability, without HTTP and without pages.
pub mod access;
pub mod cluster;
pub mod console;
pub mod error;
pub mod records;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use model::ObjectRef;
use model::live::Hint;
use model::machine::{MachineAction, MachineDetail};
use model::query::{ListQuery, MachineList, PodList};
use model::session::{ClusterStatus, Overview, Who};
use model::workload::{PodDetail, PodLog};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use access::{Account, Actor, NewAccount, SessionId, SignInError};
pub use cluster::ClusterSource;
pub use error::PortalError;
pub use records::Records;

/// How the process tells the portal's tasks to end, and waits for them.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    /// Cancelled when the process stops; consoles then end with 1012. A task that crashes cancels it too.
    pub stop: CancellationToken,
    /// Every task that the portal starts.
    pub tasks: TaskTracker,
}

/// One portal in front of one cluster. Cheap to clone.
#[derive(Clone)]
pub struct Portal(Arc<Inner>);
struct Inner {}

impl Portal {
    /// Starts to follow a cluster. Returns at once: a cluster that does not answer is tried again for ever, and
    /// [`Portal::cluster_status`] says why. Needs a tokio runtime.
    pub fn connect(source: ClusterSource, records: Records, lifecycle: Lifecycle) -> Self {
        let _ = (source, records, lifecycle);
        Self(Arc::new(Inner {}))
    }
    /// The database.
    pub fn records(&self) -> &Records {
        unimplemented!()
    }
    /// Whether the first lists have arrived, so that pages show the truth.
    pub fn is_ready(&self) -> bool {
        unimplemented!()
    }
    /// Checks a name and password. On success the caller opens a session and stores the account's name in it.
    pub async fn sign_in(&self, _username: &str, _password: &str, _from: IpAddr) -> Result<Account, SignInError> {
        unimplemented!()
    }
    /// The person behind a session; `None` if the account is gone.
    pub async fn actor(&self, _username: &str, _session: SessionId) -> Result<Option<Actor>, PortalError> {
        unimplemented!()
    }
    /// Creates an account or replaces it.
    pub async fn save_account(&self, _account: NewAccount) -> Result<(), PortalError> {
        unimplemented!()
    }
    /// All accounts by name.
    pub async fn accounts(&self) -> Result<Vec<Account>, PortalError> {
        unimplemented!()
    }
    /// Who somebody is and what they see.
    pub async fn who(&self, _actor: &Actor) -> Result<Who, PortalError> {
        unimplemented!()
    }
    /// What the frame says about the cluster.
    pub fn cluster_status(&self) -> ClusterStatus {
        unimplemented!()
    }
    /// The first page.
    pub async fn overview(&self, _actor: &Actor, _namespace: Option<&str>) -> Result<Overview, PortalError> {
        unimplemented!()
    }
    /// One page of machines.
    pub async fn list_machines(&self, _actor: &Actor, _query: &ListQuery) -> Result<MachineList, PortalError> {
        unimplemented!()
    }
    /// One machine.
    pub async fn machine(&self, _actor: &Actor, _at: &ObjectRef) -> Result<MachineDetail, PortalError> {
        unimplemented!()
    }
    /// Does something with a machine, as the person.
    pub async fn act(&self, _actor: &Actor, _at: &ObjectRef, _action: MachineAction) -> Result<(), PortalError> {
        unimplemented!()
    }
    /// A picture of the machine's screen, in PNG.
    pub async fn machine_screenshot(&self, _actor: &Actor, _at: &ObjectRef) -> Result<Bytes, PortalError> {
        unimplemented!()
    }
    /// One page of pods.
    pub async fn list_pods(&self, _actor: &Actor, _query: &ListQuery) -> Result<PodList, PortalError> {
        unimplemented!()
    }
    /// One pod.
    pub async fn pod(&self, _actor: &Actor, _at: &ObjectRef) -> Result<PodDetail, PortalError> {
        unimplemented!()
    }
    /// The end of a container's log; the first container unless one is named.
    pub async fn pod_log(
        &self,
        _actor: &Actor,
        _at: &ObjectRef,
        _container: Option<&str>,
        _tail_lines: u32,
    ) -> Result<PodLog, PortalError> {
        unimplemented!()
    }
    /// What changes in the namespaces that the person sees. The stream ends when the portal stops or the session ends.
    pub fn hints(&self, _actor: &Actor) -> impl Stream<Item = Hint> + Send + use<> {
        futures_util::stream::pending()
    }
    /// Opens a machine's screen; [`console::relay`] then carries it.
    pub async fn open_console(
        &self,
        _actor: &Actor,
        _at: &ObjectRef,
        _takeover: bool,
    ) -> Result<console::ConsoleUpstream, console::ConsoleRefusal> {
        unimplemented!()
    }
}
