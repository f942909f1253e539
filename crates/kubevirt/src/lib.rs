//! KubeVirt's objects and requests as a portal reads and sends them, without I/O.
//!
//! The types are narrow on purpose: they hold the fields that somebody reads, ignore all others, and treat every
//! field as absent-able, because clusters from KubeVirt 0.36 to today answer with different subsets. They are for
//! *reading*. Never write one of them back with a PUT, that would drop the fields that it does not know; change a
//! machine by a patch or by a [`subresource`].
//!
//! ```text
//!   VirtualMachine --creates--> VirtualMachineInstance --runs in--> Pod virt-launcher-…
//!        what should be               what is                        not described here
//! ```
//!
//! Its disks are [`storage`] objects, which [`cdi`] fills and [`volume_snapshot`] keeps as they are at a moment; [`snapshot`]
//! and [`export`] do that for whole machines, or take them elsewhere.
//!
//! To read one more field: add it as an `Option` (or a list with a default) to the struct that mirrors its place
//! in the object, and a line to that module's test.

pub mod cdi;
pub mod cluster;
pub mod domain;
pub mod export;
pub mod instance;
pub mod machine;
pub mod meta;
pub mod quantity;
pub mod snapshot;
pub mod status;
pub mod storage;
pub mod subresource;
pub mod template;
pub mod volume_snapshot;

pub use cdi::{CdiConfig, DataSource, DataVolume, DataVolumePhase, StorageProfile};
pub use cluster::KubeVirt;
pub use instance::VirtualMachineInstance;
pub use machine::VirtualMachine;
pub use status::PrintableStatus;
pub use storage::{PersistentVolume, PersistentVolumeClaim, StorageClass};
pub use subresource::{ApiVersion, Subresource};
pub use volume_snapshot::{VolumeSnapshot, VolumeSnapshotClass};
