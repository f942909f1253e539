//! What Porthole does, one module per capability, without HTTP and without pages.
//!
//! ```text
//! cluster  --watches--> machines, workloads, events      indexes in memory, one for everybody
//!    |                        |
//!    |                     access      who sees what: the cluster's own RBAC, asked and remembered
//!    |                        |
//!    `--calls as the person-- Portal   lists, details, actions, logs, pictures, consoles, hints
//!                             |
//!                          records     accounts and sessions in SQLite
//! ```
//!
//! [`Portal`] is all that the server and the pages use. Reads are answered from memory and filtered by what the
//! person may see; whatever changes something or opens a stream goes out impersonating them, so that the cluster
//! decides a second time and its audit log names them. What somebody may not see does not exist for them.
//!
//! | module | what it holds | its recipe |
//! |---|---|---|
//! | [`cluster`] | connection, health, discovery, watches, calls | to watch another kind |
//! | [`access`] | people, signing in, permissions | - |
//! | `machines` | virtual machines and power actions | to add an action |
//! | `templates` | drafts for new machines, kept in the cluster | - |
//! | `workloads` | pods, what runs them, containers, logs | to add an action |
//! | `listing` | lists from memory: narrowed, sorted, counted, paged | to add a kind of row |
//! | `migrations` | moves of machines to other nodes: where to, beginning one, taking one back | - |
//! | `nodes` | nodes, what is asked of them, emptying them | - |
//! | `inventory` | what is done with lists: saved views, actions on many rows, CSV | - |
//! | `create` | a new machine: what is offered, the dry run, the objects | to explain another refusal |
//! | [`editing`] | discs, disks and size of a machine that is there, and deleting it | - |
//! | `images` | claims and the volumes that fill them, uploads | - |
//! | `quota` | what a team may still use | - |
//! | `diagnosis` | what is wrong, why, and what to do | to add a rule |
//! | [`doctor`] | the check of the whole cluster | to add a check |
//! | `manifest` | a machine's manifest, edited by hand and merged with what others did | - |
//! | `metrics` | what machines, pods and nodes use: latest numbers and charts | - |
//! | `find` | things by their names, of every kind | - |
//! | `live` | hints for open pages | - |
//! | [`console`] | screens, serial consoles and shells, relayed | - |
//! | [`records`] | the database | to add a repository |

pub mod access;
pub mod clock;
pub mod cluster;
pub mod console;
mod create;
mod diagnosis;
pub mod doctor;
pub mod editing;
pub mod error;
mod events;
mod find;
mod images;
mod inventory;
mod lifecycle;
mod listing;
mod live;
mod machines;
mod manifest;
mod metrics;
mod migrations;
mod namespaces;
mod nodes;
mod overview;
mod quota;
pub mod records;
mod templates;
#[cfg(test)]
mod testing;
mod workloads;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use kubevirt::PersistentVolume;
use model::ObjectRef;
use model::create::{CreateOptions, MachineDraft, MachineReading, MachineTemplate};
use model::doctor::Report;
use model::editing::MachineEditing;
use model::finding::Finding;
use model::image::import::ImportRequest;
use model::image::{DownloadForm, ImageChoices, ImageDetail};
use model::live::{Hint, LiveKind};
use model::machine::{GuestReport, MachineAction, MachineDetail, Surroundings};
use model::manifest::{MachineManifest, ManifestCheck};
use model::metrics::{MachineMetrics, Range};
use model::migration::{MigrationList, MoveChoices};
use model::node::{DrainLine, NodeDetail, NodeRow};
use model::query::bulk::BulkRun;
use model::query::view::View;
use model::query::{ImageList, ListQuery, MachineList, PodList, ServiceList, Tab, WorkloadList};
use model::session::{ClusterStatus, Overview, Resources, Who};
use model::timeline::Timeline;
use model::upload::{UploadRequest, UploadState};
use model::workload::run::{RunDraft, RunOptions};
use model::workload::{PodDetail, PodLog, WorkloadDetail, WorkloadKind};

pub use self::metrics::PrometheusSource;
pub use access::{Account, Actor, NewAccount, SessionId, SignInError};
pub use cluster::ClusterSource;
pub use error::PortalError;
pub use images::{Chunk, ChunkError, Download, UploadProxy};
pub use inventory::{BulkOrder, Target};
pub use lifecycle::Lifecycle;
pub use records::Records;
pub use templates::NewTemplate;
pub use workloads::{LogQuery, LogStream, WorkloadChange};

use access::{Accounts, Permissions, Visible};
use clock::SystemClock;
use cluster::cache::Cache;
use cluster::{Cluster, Kind, KindHealth};

/// One portal in front of one cluster. Cheap to clone.
#[derive(Clone)]
pub struct Portal(Arc<Inner>);

impl std::fmt::Debug for Portal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Portal").field("status", &self.cluster_status()).finish_non_exhaustive()
    }
}

/// What all capabilities share; each adds its methods in its own module.
struct Inner {
    cluster: Arc<Cluster>,
    permissions: Arc<Permissions>,
    accounts: Accounts,
    records: Records,
    machines: machines::MachineIndex,
    pods: workloads::PodIndex,
    controllers: workloads::Controllers,
    events: events::EventIndex,
    namespaces: namespaces::NamespaceIndex,
    disks: images::DiskIndex,
    /// Volumes that claims are bound to; their namespace is empty.
    volumes: Cache<PersistentVolume>,
    quotas: Cache<quota::ResourceQuota>,
    nodes: Cache<cluster::objects::Node>,
    migrations: Cache<cluster::objects::Loose>,
    catalog: create::Catalog,
    uploads: images::Uploads,
    runs: inventory::Runs,
    live: live::Live,
    leases: console::Leases,
    schemas: manifest::schema::Schemas,
    metrics: Arc<metrics::Metrics>,
    lifecycle: Lifecycle,
}

impl Portal {
    /// Starts to follow a cluster. Returns at once: a cluster that does not answer is tried again for ever, and
    /// [`Portal::cluster_status`] says why. Needs a tokio runtime.
    pub fn connect(
        source: ClusterSource,
        records: Records,
        lifecycle: Lifecycle,
        proxy: UploadProxy,
        prometheus: Option<PrometheusSource>,
    ) -> Self {
        let clock = SystemClock::shared();
        let live = live::Live::new();
        let cluster = Cluster::new(Arc::clone(&clock), live.clone());
        let permissions = Arc::new(Permissions::new(Arc::clone(&cluster), Arc::clone(&clock)));
        let inner = Inner {
            accounts: Accounts::new(records.clone(), Arc::clone(&clock)),
            machines: machines::MachineIndex::new(live.clone(), Arc::clone(&clock)),
            pods: workloads::PodIndex::new(live.clone()),
            controllers: workloads::Controllers::new(&live),
            events: events::EventIndex::new(live.clone()),
            namespaces: namespaces::NamespaceIndex::new(Arc::clone(&permissions)),
            disks: images::DiskIndex::new(&live, Arc::clone(&clock)),
            volumes: Cache::new(live.clone(), LiveKind::Image),
            quotas: Cache::new(live.clone(), LiveKind::Image),
            nodes: Cache::new(live.clone(), LiveKind::Node),
            migrations: Cache::new(live.clone(), LiveKind::Machine),
            catalog: create::Catalog::new(&live),
            schemas: manifest::schema::Schemas::default(),
            metrics: Arc::new(metrics::Metrics::new(prometheus, Arc::clone(&clock))),
            uploads: images::Uploads::new(proxy, clock),
            runs: inventory::Runs::default(),
            leases: console::Leases::default(),
            cluster,
            permissions,
            records,
            live,
            lifecycle,
        };
        inner.start(source);
        let inner = Arc::new(inner);
        inner.lifecycle.spawn("resume uploads", Arc::clone(&inner).resume_uploads());
        Self(inner)
    }

    /// The database.
    pub fn records(&self) -> &Records {
        &self.0.records
    }

    /// Whether the first lists have arrived, so that pages show the truth.
    pub fn is_ready(&self) -> bool {
        self.0.cluster.is_ready()
    }

    /// Plurals of the kinds whose first list has not arrived.
    pub fn awaited_kinds(&self) -> Vec<&'static str> {
        self.0.cluster.awaited()
    }

    /// Checks a name and password. On success the caller opens a session and stores the account's name in it.
    pub async fn sign_in(&self, username: &str, password: &str, from: IpAddr) -> Result<Account, SignInError> {
        self.0.accounts.sign_in(username, password, from).await
    }

    /// The person behind a session; `None` if the account is gone.
    pub async fn actor(&self, username: &str, session: SessionId) -> Result<Option<Actor>, PortalError> {
        Ok(self.0.accounts.find(username).await?.map(|account| account.into_actor(session)))
    }

    /// Creates an account or replaces it.
    pub async fn save_account(&self, account: NewAccount) -> Result<(), PortalError> {
        Ok(self.0.accounts.save(account).await?)
    }

    /// All accounts by name.
    pub async fn accounts(&self) -> Result<Vec<Account>, PortalError> {
        Ok(self.0.accounts.list().await?)
    }

    /// Who somebody is and what they see.
    pub async fn who(&self, actor: &Actor) -> Result<Who, PortalError> {
        self.0.who(actor).await
    }

    /// What the frame says about the cluster.
    pub fn cluster_status(&self) -> ClusterStatus {
        self.0.cluster.status()
    }

    /// The first page.
    pub async fn overview(&self, actor: &Actor, namespace: Option<&str>) -> Result<Overview, PortalError> {
        let namespace = namespace.unwrap_or_default();
        let machines = self.0.machine_overview(actor, namespace).await?;
        let pods = self.0.pod_overview(actor, namespace).await?;
        let attention_disks = self.0.disk_attention(actor, namespace).await?;
        Ok(Overview {
            machines: machines.counts,
            attention: machines.attention,
            recent: machines.recent,
            pods: pods.counts,
            attention_pods: pods.attention,
            attention_disks,
        })
    }

    /// Things of every kind by their names.
    pub async fn find(&self, actor: &Actor, name: &str) -> Result<Vec<model::find::Found>, PortalError> {
        find::find(self, actor, name).await
    }

    /// One page of machines.
    pub async fn list_machines(&self, actor: &Actor, query: &ListQuery) -> Result<MachineList, PortalError> {
        self.0.list_machines(actor, query).await
    }

    /// One machine.
    pub async fn machine(&self, actor: &Actor, at: &ObjectRef) -> Result<MachineDetail, PortalError> {
        self.0.machine(actor, at).await
    }

    /// What the agent inside a machine's guest tells.
    pub async fn guest_report(&self, actor: &Actor, at: &ObjectRef) -> Result<GuestReport, PortalError> {
        self.0.guest_report(actor, at).await
    }

    /// Other objects that have to do with a machine.
    pub async fn surroundings(&self, actor: &Actor, at: &ObjectRef) -> Result<Surroundings, PortalError> {
        self.0.surroundings(actor, at).await
    }

    /// A machine's manifest, with its status or without.
    pub async fn machine_manifest(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        has_status: bool,
    ) -> Result<MachineManifest, PortalError> {
        self.0.machine_manifest(actor, at, has_status).await
    }

    /// What a manifest would do that was read as `base` and edited since.
    pub async fn check_manifest(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        base: &str,
        text: &str,
    ) -> Result<ManifestCheck, PortalError> {
        self.0.check_manifest(actor, at, base, text).await
    }

    /// Saves a manifest that was read as `base` and edited since, as the person.
    pub async fn save_manifest(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        base: &str,
        text: &str,
    ) -> Result<(), PortalError> {
        self.0.save_manifest(actor, at, base, text).await
    }

    /// What happened to a machine, the newest first.
    pub async fn machine_timeline(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        only_warnings: bool,
    ) -> Result<Timeline, PortalError> {
        self.0.machine_timeline(actor, at, only_warnings).await
    }

    /// What a machine uses over a range of time, drawn.
    pub async fn machine_metrics(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        range: Range,
    ) -> Result<MachineMetrics, PortalError> {
        self.0.machine_metrics(actor, at, range).await
    }

    /// What is wrong with a disk, known by the name of its data volume or claim; nothing for whoever may not see it.
    pub async fn disk_findings(&self, actor: &Actor, at: &ObjectRef) -> Result<Vec<Finding>, PortalError> {
        self.0.explain_disk(actor, at).await
    }

    /// The check of the whole cluster, for those who see all of it.
    pub async fn doctor(&self, actor: &Actor) -> Result<Report, PortalError> {
        Box::pin(self.0.doctor(actor)).await
    }

    /// Does something with a machine, as the person.
    pub async fn act(&self, actor: &Actor, at: &ObjectRef, action: MachineAction) -> Result<(), PortalError> {
        self.0.act(actor, at, action).await
    }

    /// What the form for a new machine offers in a team; in the person's first one if none of theirs is named.
    pub async fn create_options(&self, actor: &Actor, namespace: &str) -> Result<CreateOptions, PortalError> {
        self.0.create_options(actor, namespace).await
    }

    /// Checks a draft by our own rules and by the cluster's, without making anything.
    pub async fn check_machines(&self, actor: &Actor, draft: &MachineDraft) -> Result<(), PortalError> {
        self.0.check_machines(actor, draft).await
    }

    /// Makes the machines that a draft asks for, as the person: all of them, or none.
    pub async fn create_machines(&self, actor: &Actor, draft: &MachineDraft) -> Result<Vec<ObjectRef>, PortalError> {
        self.0.create_machines(actor, draft).await
    }

    /// Templates of the person's teams and those for everybody.
    pub async fn templates(&self, actor: &Actor) -> Result<Vec<MachineTemplate>, PortalError> {
        self.0.templates(actor).await
    }

    /// One template by its [`MachineTemplate::at`], with values for what it has made up.
    pub async fn template(&self, actor: &Actor, at: &str) -> Result<MachineTemplate, PortalError> {
        self.0.template(actor, at).await
    }

    /// Keeps a draft as a template of a team, as the person. The answer is what was changed in its manifest, in sentences.
    pub async fn save_template(
        &self,
        actor: &Actor,
        namespace: &str,
        new: &NewTemplate,
    ) -> Result<Vec<String>, PortalError> {
        self.0.save_template(actor, namespace, new).await
    }

    /// What a template of a machine that is there would hold.
    pub async fn read_as_template(&self, actor: &Actor, at: &ObjectRef) -> Result<MachineReading, PortalError> {
        self.0.read_as_template(actor, at).await
    }

    /// Keeps a machine that is there as a template of its team, as the person.
    pub async fn save_machine_as_template(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        title: &str,
    ) -> Result<(), PortalError> {
        self.0.save_machine_as_template(actor, at, title).await
    }

    /// Removes a template, as the person.
    pub async fn delete_template(&self, actor: &Actor, at: &ObjectRef) -> Result<(), PortalError> {
        self.0.delete_template(actor, at).await
    }

    /// What can be changed about a machine.
    pub async fn machine_editing(&self, actor: &Actor, at: &ObjectRef) -> Result<MachineEditing, PortalError> {
        self.0.machine_editing(actor, at).await
    }

    /// Changes a machine, as the person.
    pub async fn change_machine(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        change: &editing::MachineChange,
    ) -> Result<(), PortalError> {
        self.0.change_machine(actor, at, change).await
    }

    /// Makes one of a machine's disks larger, as the person.
    pub async fn grow_disk(&self, actor: &Actor, at: &ObjectRef, claim: &str, size: &str) -> Result<(), PortalError> {
        self.0.grow_disk(actor, at, claim, size).await
    }

    /// Deletes a machine and the named ones of its disks, as the person.
    pub async fn delete_machine(&self, actor: &Actor, at: &ObjectRef, claims: &[String]) -> Result<(), PortalError> {
        self.0.delete_machine(actor, at, claims).await
    }

    /// A picture of the machine's screen, in PNG.
    pub async fn machine_screenshot(&self, actor: &Actor, at: &ObjectRef) -> Result<Bytes, PortalError> {
        self.0.screenshot(actor, at).await
    }

    /// One page of pods.
    pub async fn list_pods(&self, actor: &Actor, query: &ListQuery) -> Result<PodList, PortalError> {
        self.0.list_pods(actor, query).await
    }

    /// One page of what runs pods.
    pub async fn list_workloads(&self, actor: &Actor, query: &ListQuery) -> Result<WorkloadList, PortalError> {
        Box::pin(self.0.list_workloads(actor, query)).await
    }

    /// One page of services.
    pub async fn list_services(&self, actor: &Actor, query: &ListQuery) -> Result<ServiceList, PortalError> {
        self.0.list_services(actor, query).await
    }

    /// One workload.
    pub async fn workload(
        &self,
        actor: &Actor,
        kind: WorkloadKind,
        at: &ObjectRef,
    ) -> Result<WorkloadDetail, PortalError> {
        Box::pin(self.0.workload(actor, kind, at)).await
    }

    /// Changes a workload, as the person; what was set off, in a sentence.
    pub async fn change_workload(
        &self,
        actor: &Actor,
        kind: WorkloadKind,
        at: &ObjectRef,
        change: &WorkloadChange,
    ) -> Result<String, PortalError> {
        Box::pin(self.0.change_workload(actor, kind, at, change)).await
    }

    /// What the form that runs an image offers.
    pub async fn run_options(&self, actor: &Actor) -> Result<RunOptions, PortalError> {
        self.0.run_options(actor).await
    }

    /// Checks a draft by our own rules and by the cluster's, without making anything.
    pub async fn check_run(&self, actor: &Actor, draft: &RunDraft) -> Result<(), PortalError> {
        self.0.check_run(actor, draft).await
    }

    /// Runs an image, as the person; the deployment that was made.
    pub async fn run_image(&self, actor: &Actor, draft: &RunDraft) -> Result<ObjectRef, PortalError> {
        self.0.run_image(actor, draft).await
    }

    /// Deletes a pod, as the person.
    pub async fn delete_pod(&self, actor: &Actor, at: &ObjectRef) -> Result<(), PortalError> {
        self.0.delete_pod(actor, at).await
    }

    /// One pod.
    pub async fn pod(&self, actor: &Actor, at: &ObjectRef) -> Result<PodDetail, PortalError> {
        self.0.pod(actor, at).await
    }

    /// The end of a container's log; the first container unless one is named.
    pub async fn pod_log(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        container: Option<&str>,
        tail_lines: u32,
    ) -> Result<PodLog, PortalError> {
        self.0.pod_log(actor, at, container, tail_lines).await
    }

    /// The log of one container of a pod, as it is written.
    pub async fn follow_pod(&self, actor: &Actor, at: &ObjectRef, query: &LogQuery) -> Result<LogStream, PortalError> {
        self.0.follow_pod(actor, at, query).await
    }

    /// The logs of all that a workload runs, as they are written.
    pub async fn follow_workload(
        &self,
        actor: &Actor,
        kind: WorkloadKind,
        at: &ObjectRef,
        query: &LogQuery,
    ) -> Result<LogStream, PortalError> {
        self.0.follow_workload(actor, kind, at, query).await
    }

    /// The views of a tab: those that come with it, then the person's own by name.
    pub async fn views(&self, actor: &Actor, tab: &Tab) -> Result<Vec<View>, PortalError> {
        self.0.views(actor, tab).await
    }

    /// Keeps a view; one of the same name is replaced.
    pub async fn save_view(&self, actor: &Actor, tab: &Tab, name: &str, address: &str) -> Result<(), PortalError> {
        self.0.save_view(actor, tab, name, address).await
    }

    /// Gives one of the person's views another name.
    pub async fn rename_view(&self, actor: &Actor, tab: &Tab, name: &str, next: &str) -> Result<(), PortalError> {
        self.0.rename_view(actor, tab, name, next).await
    }

    /// Forgets one of the person's views.
    pub async fn delete_view(&self, actor: &Actor, tab: &Tab, name: &str) -> Result<(), PortalError> {
        self.0.delete_view(actor, tab, name).await
    }

    /// What the first page shows besides what needs attention; in one namespace, or in all that the person sees.
    pub async fn resources(&self, actor: &Actor, namespace: Option<&str>) -> Result<Resources, PortalError> {
        self.0.resources(actor, namespace.unwrap_or_default()).await
    }

    /// Moves of machines that somebody sees, of one team if it is named.
    pub async fn migrations(&self, actor: &Actor, namespace: &str) -> Result<MigrationList, PortalError> {
        self.0.list_migrations(actor, namespace).await
    }

    /// Where a machine can move to.
    pub async fn move_choices(&self, actor: &Actor, at: &ObjectRef) -> Result<MoveChoices, PortalError> {
        self.0.move_choices(actor, at).await
    }

    /// Moves a machine to another node: to the one that is named, or to any that suits.
    pub async fn start_move(&self, actor: &Actor, at: &ObjectRef, node: &str) -> Result<(), PortalError> {
        self.0.start_move(actor, at, node).await
    }

    /// Takes a move back.
    pub async fn cancel_migration(&self, actor: &Actor, at: &ObjectRef) -> Result<(), PortalError> {
        self.0.cancel_migration(actor, at).await
    }

    /// All nodes, for whoever may list them.
    pub async fn nodes(&self, actor: &Actor) -> Result<Vec<NodeRow>, PortalError> {
        self.0.list_nodes(actor).await
    }

    /// One node.
    pub async fn node(&self, actor: &Actor, name: &str) -> Result<NodeDetail, PortalError> {
        self.0.node(actor, name).await
    }

    /// Keeps new pods off a node, or lets them on again, as the person.
    pub async fn cordon(&self, actor: &Actor, name: &str, is_cordoned: bool) -> Result<(), PortalError> {
        self.0.cordon(actor, name, is_cordoned).await
    }

    /// What would become of a node's pods if it were emptied.
    pub async fn drain_preview(&self, actor: &Actor, name: &str) -> Result<Vec<DrainLine>, PortalError> {
        self.0.drain_preview(actor, name).await
    }

    /// Empties a node, as the person: cordons it, then evicts its pods, which goes on until all are gone or it is stopped.
    /// Pods that nobody would make again go only if `loses` says so.
    pub async fn drain(&self, actor: &Actor, name: &str, loses: bool) -> Result<BulkRun, PortalError> {
        Arc::clone(&self.0).drain(actor, name, loses).await
    }

    /// Stops a run that can be stopped. What was done stays done.
    pub fn stop_run(&self, actor: &Actor, id: &str) -> Result<(), PortalError> {
        self.0.runs.stop(actor, id)
    }

    /// Begins one action on many rows, as the person. The answer is how far it has got after a moment; it goes on.
    pub async fn begin_run(&self, actor: &Actor, order: BulkOrder) -> Result<BulkRun, PortalError> {
        Arc::clone(&self.0).begin_run(actor, order).await
    }

    /// One of the person's runs, as far as it has got.
    pub fn bulk_run(&self, actor: &Actor, id: &str) -> Result<BulkRun, PortalError> {
        self.0.runs.get(actor, id)
    }

    /// Everything that a query means, as lines of CSV in parts.
    pub async fn export(
        &self,
        actor: &Actor,
        tab: &'static Tab,
        query: &ListQuery,
    ) -> Result<impl Iterator<Item = String> + Send + use<>, PortalError> {
        self.0.export_rows(actor, tab, query).await
    }

    /// One page of the library.
    pub async fn list_images(&self, actor: &Actor, query: &ListQuery) -> Result<ImageList, PortalError> {
        self.0.list_images(actor, query).await
    }

    /// One image.
    pub async fn image(&self, actor: &Actor, at: &ObjectRef) -> Result<ImageDetail, PortalError> {
        self.0.image(actor, at).await
    }

    /// What the forms for a new image offer.
    pub async fn image_choices(&self, actor: &Actor) -> Result<ImageChoices, PortalError> {
        self.0.image_choices(actor).await
    }

    /// Has the cluster fetch or copy an image, in the person's name.
    pub async fn import_image(&self, actor: &Actor, request: ImportRequest) -> Result<ObjectRef, PortalError> {
        self.0.import_image(actor, request).await
    }

    /// Has the cluster offer an image's disk as a download; what the offer is called.
    pub async fn prepare_download(&self, actor: &Actor, at: &ObjectRef) -> Result<String, PortalError> {
        self.0.prepare_download(actor, at).await
    }

    /// Opens a download that was prepared.
    pub async fn open_download(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        offer: &str,
        form: DownloadForm,
    ) -> Result<Download, PortalError> {
        self.0.open_download(actor, at, offer, form).await
    }

    /// Has a disk made now that would wait for its first machine, as the person.
    pub async fn make_disk(&self, actor: &Actor, at: &ObjectRef) -> Result<(), PortalError> {
        self.0.make_disk(actor, at).await
    }

    /// Deletes an image that no machine uses.
    pub async fn delete_image(&self, actor: &Actor, at: &ObjectRef) -> Result<(), PortalError> {
        self.0.delete_image(actor, at).await
    }

    /// Begins an upload: makes the data volume in the person's name and waits for its claim.
    pub async fn begin_upload(&self, actor: &Actor, request: UploadRequest) -> Result<UploadState, PortalError> {
        self.0.begin_upload(actor, request).await
    }

    /// The person's uploads, those that ended lately included.
    pub fn uploads(&self, actor: &Actor) -> Vec<UploadState> {
        self.0.uploads_of(actor)
    }

    /// One of the person's uploads.
    pub fn upload(&self, actor: &Actor, id: &str) -> Result<UploadState, PortalError> {
        self.0.upload(actor, id)
    }

    /// Takes one part of a file. Waits while the cluster is slower than the browser.
    pub async fn take_chunk<B, E>(
        &self,
        actor: &Actor,
        id: &str,
        chunk: &Chunk<'_>,
        body: B,
    ) -> Result<UploadState, PortalError>
    where
        B: Stream<Item = Result<Bytes, E>> + Send,
        E: Send,
    {
        self.0.take_chunk(actor, id, chunk, body).await
    }

    /// Ends an upload; what it made in the cluster is deleted.
    pub async fn cancel_upload(&self, actor: &Actor, id: &str) -> Result<UploadState, PortalError> {
        self.0.cancel_upload(actor, id).await
    }

    /// What changes in the namespaces that the person sees: the first change at once, then at most four a second of
    /// a kind and namespace. A hint without a namespace means everything of its kind. The stream ends when the
    /// portal stops or the session ends.
    pub fn hints(&self, actor: &Actor) -> impl Stream<Item = Hint> + Send + use<> {
        let (inner, actor) = (Arc::clone(&self.0), actor.clone());
        let signed_out = inner.records.live_sessions().end_of(&actor.session);
        let stop = inner.lifecycle.stop.clone();
        let ends = async move {
            tokio::select! {
                () = signed_out.cancelled() => {}
                () = stop.cancelled() => {}
            }
        };
        let live = inner.live.clone();
        live.hints(move |change| {
            let (inner, actor) = (Arc::clone(&inner), actor.clone());
            async move { inner.may_hear(&actor, &change).await }
        })
        .take_until(ends)
    }

    /// Opens a machine's screen or serial console, or a shell; [`console::relay`] then carries it.
    pub async fn open_console(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        way: console::Way,
        takeover: bool,
    ) -> Result<console::ConsoleUpstream, console::ConsoleRefusal> {
        self.0.open_console(actor, at, way, takeover).await
    }
}

impl Inner {
    fn start(&self, source: ClusterSource) {
        use cluster::watch::follow;
        let (tasks, cluster) = (&self.lifecycle, &self.cluster);
        let shared = || Arc::clone(cluster);
        tasks.spawn("pulse", cluster::pulse::run(shared(), source));
        tasks.spawn("watch machines", follow(shared(), Kind::Machine, self.machines.machines()));
        tasks.spawn("watch instances", follow(shared(), Kind::Instance, self.machines.instances()));
        tasks.spawn("watch pods", follow(shared(), Kind::Pod, self.pods.clone()));
        tasks.spawn("watch events", follow(shared(), Kind::Event, self.events.clone()));
        tasks.spawn("watch namespaces", follow(shared(), Kind::Namespace, self.namespaces.clone()));
        tasks.spawn("watch claims", follow(shared(), Kind::Claim, self.disks.claims.clone()));
        tasks.spawn("watch data volumes", follow(shared(), Kind::DataVolume, self.disks.volumes.clone()));
        tasks.spawn("watch data sources", follow(shared(), Kind::DataSource, self.disks.sources.clone()));
        tasks.spawn("watch volumes", follow(shared(), Kind::PersistentVolume, self.volumes.clone()));
        tasks.spawn("watch moves", follow(shared(), Kind::Migration, self.migrations.clone()));
        tasks.spawn("watch nodes", follow(shared(), Kind::Node, self.nodes.clone()));
        tasks.spawn("watch quotas", follow(shared(), Kind::Quota, self.quotas.clone()));
        tasks.spawn("watch CDI's settings", follow(shared(), Kind::CdiConfig, self.disks.settings.clone()));
        tasks.spawn("watch storage classes", follow(shared(), Kind::StorageClass, self.disks.classes.clone()));
        tasks.spawn("watch storage profiles", follow(shared(), Kind::StorageProfile, self.disks.profiles.clone()));
        tasks.spawn("watch installations", follow(shared(), Kind::Installation, self.catalog.installations.clone()));
        tasks.spawn("watch sizes", follow(shared(), Kind::Size, self.catalog.sizes.clone()));
        tasks.spawn("watch preferences", follow(shared(), Kind::Preference, self.catalog.preferences.clone()));
        for kind in Kind::WORKLOADS {
            tasks.spawn("watch workloads", follow(shared(), kind, self.controllers.cache(kind).clone()));
        }
        for kind in Kind::RBAC {
            let invalidator = namespaces::Invalidator(Arc::clone(&self.permissions));
            tasks.spawn("watch permissions", follow(shared(), kind, invalidator));
        }
        tasks.spawn("sample usage", Arc::clone(&self.metrics).follow(shared(), self.pods.clone()));
        tasks.spawn("look again at machines", machines::look_again(self.machines.clone()));
        tasks.spawn("sweep sessions", records::sweep(self.records.clone()));
    }

    /// An error unless a list of the kind has come, so that an empty page never means "not read yet".
    fn settled(&self, kind: Kind) -> Result<(), PortalError> {
        if self.cluster.kinds.has_listed(kind) {
            return Ok(());
        }
        match self.cluster.kinds.health(kind) {
            KindHealth::Denied => Err(PortalError::KindDenied(kind.resource())),
            KindHealth::Absent => Ok(()),
            _ => Err(PortalError::NotReady(self.cluster.trouble())),
        }
    }

    /// The moment, in seconds since 1970.
    fn now(&self) -> i64 {
        clock::seconds(self.cluster.now())
    }

    /// Namespaces whose objects of a kind somebody may list.
    async fn visible(&self, actor: &Actor, kind: Kind) -> Result<Arc<Visible>, PortalError> {
        self.settled(kind)?;
        Ok(self.permissions.visible(actor, kind, || self.known_namespaces()).await?)
    }

    /// All namespaces; where the portal may not list them, those in which it saw something.
    fn known_namespaces(&self) -> BTreeSet<String> {
        let mut names = self.namespaces.all();
        if names.is_empty() {
            names = self.machines.index.namespaces();
            names.extend(self.pods.index.namespaces());
            names.extend(self.disks.claims.index().namespaces());
        }
        names
    }

    async fn who(&self, actor: &Actor) -> Result<Who, PortalError> {
        let machines = self.visible_machines(actor).await?;
        let pods = self.visible(actor, Kind::Pod).await?;
        let is_administrator = self.permissions.may(actor, access::Ask::list(Kind::Machine, None)).await?;
        Ok(Who {
            username: actor.account.clone(),
            namespaces: machines.namespaces.union(&pods.namespaces).cloned().collect(),
            is_administrator,
            sees_nodes: self.sees_nodes(actor).await?,
        })
    }

    /// Whether a change concerns somebody.
    async fn may_hear(&self, actor: &Actor, change: &live::Change) -> bool {
        let Some(namespace) = change.namespace.as_deref() else { return true };
        let kind = match change.kind {
            LiveKind::Machine => Kind::Machine,
            LiveKind::Pod => Kind::Pod,
            LiveKind::Event => Kind::Event,
            LiveKind::Image => Kind::Claim,
            LiveKind::Node => Kind::Node,
            LiveKind::Cluster => return true,
        };
        let visible = self.permissions.visible(actor, kind, || self.known_namespaces()).await;
        visible.is_ok_and(|visible| visible.covers(namespace))
    }
}
