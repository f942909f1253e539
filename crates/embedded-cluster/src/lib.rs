//! A single-node Kubernetes and `KubeVirt` API in one process, with real QEMU guests.
//!
//! ```text
//!   kubectl, portal ──TLS──► api ──► store ◄── controllers     what a control plane does by itself
//!                             │        ▲
//!                             │        └────── virt ──► guest  machines, pods, nodes' agents, QEMU
//!                             ├─ subresources ──┘    ▲
//!                             │                      │ files
//!   uploads, downloads ─TLS─► cdi, export ──► storage ┘        claims, what is on them, and what leaves them
//!                                snapshots ──────┘             what was on them at a moment
//! ```
//!
//! Everything goes through the [`store`]: the API writes wishes there, the loops watch it and write back what came of them.
//! Nothing calls anything else directly, except the subresources, which reach into a running guest.
//!
//! [`Cluster::start`] puts it together in a folder, and writes a kubeconfig there for everyone else.

mod api;
mod auth;
mod catalog;
mod cdi;
mod clock;
mod cluster;
mod containers;
mod controllers;
mod error;
mod export;
mod guest;
mod identity;
mod options;
mod percent;
mod quota;
mod resource;
mod seeds;
mod server;
mod snapshots;
mod storage;
pub mod store;
mod virt;
mod workloads;

pub use cluster::{Cluster, StartError};
pub use error::{ApiError, Cause};
pub use identity::IdentityError;
pub use options::{GuestsOnExit, NodeSpec, Options};
pub use resource::GroupResource;

/// The version of `KubeVirt` whose behaviour is kept.
pub const KUBEVIRT_VERSION: &str = "v1.9.0";
/// The version of CDI whose behaviour is kept.
pub const CDI_VERSION: &str = "1.66.0";
/// The version of Kubernetes whose behaviour is kept.
pub const KUBERNETES_VERSION: &str = "v1.36.0";
