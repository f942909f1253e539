//! CDI over the API, with storage, nodes and jobs as they are.

mod buckets;
pub(crate) mod cluster;
mod importing;
mod quotas;
mod replay;
mod story;
mod uploading;
