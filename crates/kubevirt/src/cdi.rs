//! CDI, the part of a cluster that fills disks: by an upload, from an address, from another disk.
//!
//! ```text
//!   DataSource --names--> PersistentVolumeClaim <--makes and fills-- DataVolume
//!                                                                   (import, upload, clone, blank)
//! ```

mod config;
mod data_source;
mod data_volume;
mod upload;

pub use config::{CdiConfig, CdiConfigSpec, CdiConfigStatus, FilesystemOverhead};
pub use config::{ClaimPropertySet, StorageProfile, StorageProfileSpec, StorageProfileStatus};
pub use data_source::{DataSource, DataSourceOrigin, DataSourceSpec, DataSourceStatus};
pub use data_volume::{
    Blank, DataVolume, DataVolumePhase, DataVolumeSource, DataVolumeSpec, DataVolumeStatus, HttpSource, ObjectRef,
    RegistrySource, S3Source, SourceRef,
};
pub use upload::{UploadTokenRequest, UploadTokenRequestSpec, UploadTokenRequestStatus};

/// Names of annotations that CDI reads and writes, in full.
pub mod annotation {
    /// On a DataVolume or claim: bind it though nobody uses it yet. Its presence counts, not its value.
    pub const BIND_IMMEDIATELY: &str = "cdi.kubevirt.io/storage.bind.immediate.requested";
    /// On a claim: it is there to be uploaded to.
    pub const UPLOAD_TARGET: &str = "cdi.kubevirt.io/storage.upload.target";
    /// On a claim: the phase of the pod that fills it; `Succeeded` means filled.
    pub const POD_PHASE: &str = "cdi.kubevirt.io/storage.pod.phase";
    /// On a claim: `true` when the pod that fills it takes an upload.
    pub const POD_READY: &str = "cdi.kubevirt.io/storage.pod.ready";
    /// On a claim: how often the pod that fills it was restarted.
    pub const POD_RESTARTS: &str = "cdi.kubevirt.io/storage.pod.restarts";
    /// On a claim or DataVolume: `kubevirt` for a disk, `archive` for files.
    pub const CONTENT_TYPE: &str = "cdi.kubevirt.io/storage.contentType";
    /// On a claim or DataVolume: whether another claim is filled and handed over, `true` or `false`.
    pub const USE_POPULATOR: &str = "cdi.kubevirt.io/storage.usePopulator";
    /// On a claim: name of the claim that is filled in its place.
    pub const POPULATOR_CLAIM: &str = "cdi.kubevirt.io/storage.populator.pvcPrime";
}

/// Name of the one [`CdiConfig`] of a cluster.
pub const CONFIG_NAME: &str = "config";
