//! Images: claims, the data volumes that fill them, and the names that machines are made from.
//!
//! ```text
//!   DataSource --names--> PersistentVolumeClaim <--makes and fills-- DataVolume
//!                                 |
//!                          StorageClass, StorageProfile: where it is kept, and how it may be used
//! ```

mod index;

pub(crate) use index::DiskIndex;
