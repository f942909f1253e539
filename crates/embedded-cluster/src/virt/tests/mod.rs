//! The controllers and subresources together, over the API's own router.

mod changes;
mod cluster;
mod disks;
mod fat;
mod firmware;
mod lifecycle;
mod moving;
mod moving_qemu;
mod qemu;
mod quotas;
pub(crate) mod recording;
mod replay;
mod sizes;
mod state;
pub(crate) mod story;
mod streams;
mod volumes;
mod workloads;
