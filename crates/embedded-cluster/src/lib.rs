//! A single-node Kubernetes and `KubeVirt` API in one process, with real QEMU guests.

mod clock;
mod error;
mod guest;
mod resource;
pub mod store;

pub use error::{ApiError, Cause};
pub use resource::GroupResource;
