//! List queries and their answers.
//!
//! Lists are searched, filtered, sorted and paged on the server, so a page carries only what it shows. The
//! query is the page's URL: `?search=web&state=running&namespace=blue&sort=name&descending=true&page=2`.

use serde::{Deserialize, Serialize};

use crate::ObjectRef;
use crate::image::{ImageRow, ImageState};
use crate::machine::{MachineRow, MachineState};
use crate::workload::{PodRow, PodState, ServiceRow, WorkloadRow, WorkloadState};

/// Rows on a page unless the query says otherwise.
pub const DEFAULT_PAGE_SIZE: u32 = 50;
/// The most rows that one page carries.
pub const MAX_PAGE_SIZE: u32 = 200;

/// What every list understands. Unknown words are ignored rather than refused: a stale link still opens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    /// Text that the name, node, address or image has to contain; case does not matter.
    pub search: String,
    /// A state's word; empty for all.
    pub state: String,
    /// One namespace; empty for all that the person may see.
    pub namespace: String,
    /// What to sort by; empty for the list's own order.
    pub sort: SortKey,
    /// Largest first.
    pub descending: bool,
    /// Counted from 1; 0 means 1.
    pub page: u32,
    /// Rows on a page; 0 means [`DEFAULT_PAGE_SIZE`].
    pub page_size: u32,
}

impl ListQuery {
    /// Whether it leaves anything out but by team.
    pub const fn is_narrowed(&self) -> bool {
        !self.search.is_empty() || !self.state.is_empty() || self.page > 1
    }
}

/// The columns that lists can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortKey {
    /// By namespace, then name.
    #[default]
    Name,
    /// By state in the order of [`MachineState::ALL`] or [`PodState::ALL`]: trouble first.
    State,
    /// By node.
    Node,
    /// By creation time, newest first.
    Age,
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct List<R, S, M = ()> {
    /// The rows of this page.
    pub rows: Vec<R>,
    /// Rows that match the whole query.
    pub total: u32,
    /// The page that was answered, counted from 1.
    pub page: u32,
    /// Rows on a full page.
    pub page_size: u32,
    /// How many match search and namespace, by state; states without any are left out.
    pub counts: Vec<(S, u32)>,
    /// Namespaces of which this person may list such rows.
    pub namespaces: Vec<String>,
    /// What only this list says.
    pub more: M,
}

/// One page of machines.
pub type MachineList = List<MachineRow, MachineState>;
/// One page of pods.
pub type PodList = List<PodRow, PodState, Launchers>;
/// One page of the library.
pub type ImageList = List<ImageRow, ImageState, Filling>;

/// What a list of pods says about those that carry machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launchers {
    /// How many were left out: they are machines, and only a search shows them among the containers.
    pub hidden: u32,
}

/// One page of workloads.
pub type WorkloadList = List<WorkloadRow, WorkloadState, Unlisted>;
/// One page of services. They have no state of their own.
pub type ServiceList = List<ServiceRow, WorkloadState>;

/// What a list of workloads leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlisted {
    /// Plurals of kinds that Porthole itself may not list in this cluster.
    pub kinds: Vec<String>,
    /// How many belong to another workload, and stand on its page.
    pub owned: u32,
}

/// What the library says about the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filling {
    /// Whether the cluster can fill disks at all.
    pub has_cdi: bool,
}

/// A row of a list.
pub trait Row {
    /// Where it is; a row keeps this.
    fn at(&self) -> &ObjectRef;
}

impl Row for MachineRow {
    fn at(&self) -> &ObjectRef {
        &self.at
    }
}

impl Row for PodRow {
    fn at(&self) -> &ObjectRef {
        &self.at
    }
}

impl Row for ServiceRow {
    fn at(&self) -> &ObjectRef {
        &self.at
    }
}

impl Row for ImageRow {
    fn at(&self) -> &ObjectRef {
        &self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_sort_in_the_order_in_which_lists_show_them() {
        assert!(MachineState::ALL.is_sorted());
        assert!(PodState::ALL.is_sorted());
        assert!(ImageState::ALL.is_sorted());
    }
}
