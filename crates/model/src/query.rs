//! List queries and their answers.
//!
//! Lists are searched, filtered, sorted and paged on the server, so a page carries only what it shows. The
//! query is the page's URL: `?search=web&state=running&namespace=blue&sort=name&descending=true&page=2`.

use serde::{Deserialize, Serialize};

use crate::machine::{MachineRow, MachineState};
use crate::workload::{PodRow, PodState};

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

/// One page of machines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineList {
    /// The rows of this page.
    pub rows: Vec<MachineRow>,
    /// Rows that match the whole query.
    pub total: u32,
    /// The page that was answered, counted from 1.
    pub page: u32,
    /// Rows on a full page.
    pub page_size: u32,
    /// How many machines match search and namespace, by state; states without any are left out.
    pub counts: Vec<(MachineState, u32)>,
    /// Namespaces whose machines this person may list.
    pub namespaces: Vec<String>,
}

/// One page of pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PodList {
    /// Launcher pods that were left out: they are machines, and only a search shows them among the containers.
    pub launchers_hidden: u32,
    /// The rows of this page.
    pub rows: Vec<PodRow>,
    /// Rows that match the whole query.
    pub total: u32,
    /// The page that was answered, counted from 1.
    pub page: u32,
    /// Rows on a full page.
    pub page_size: u32,
    /// How many pods match search and namespace, by state; states without any are left out.
    pub counts: Vec<(PodState, u32)>,
    /// Namespaces whose pods this person may list.
    pub namespaces: Vec<String>,
}
