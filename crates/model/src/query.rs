//! List queries and their answers.
//!
//! Lists are searched, filtered, sorted and paged on the server, so a page carries only what it shows. The query is the
//! page's URL: `?q=web+state:running&sort=age&descending=true&columns=cpu,os&page=2&view=Mine`.
//!
//! | module | what it holds |
//! |---|---|
//! | [`key`] | what can be asked, sorted by and shown, for each kind of row |
//! | [`parse`](mod@parse) | the language of `q`, and what is wrong with a text |
//! | [`term`] | a query that was understood; written, it is canonical |
//! | [`matching`] | whether a row fits |
//! | [`suggest`](mod@suggest) | what may come next while somebody types |
//! | [`row`] | which row is meant |
//! | [`bulk`] | one action on many rows, and what became of each |
//! | [`view`] | queries with names |
//!
//! The browser's half needs none of it but the tables of keys: whatever a link or a suggestion leads to, the server has
//! written out already.

pub mod amount;
pub mod bulk;
pub mod key;
pub mod matching;
mod near;
pub mod parse;
pub mod row;
pub mod suggest;
pub mod term;
#[cfg(test)]
mod tests;
pub mod view;

use serde::{Deserialize, Serialize};

pub use key::{Key, Tab};
pub use parse::Problem;
pub use row::{Row, RowRef};
pub use term::Query;

use crate::image::{ImageRow, ImageState};
use crate::machine::{MachineRow, MachineState};
use crate::workload::{PodRow, PodState, ServiceRow, WorkloadRow, WorkloadState};

/// Rows on a page unless the query says otherwise.
pub const DEFAULT_PAGE_SIZE: u32 = 50;
/// The most rows that one page carries.
pub const MAX_PAGE_SIZE: u32 = 100;

/// What every list understands. Unknown words are ignored rather than refused: a stale link still opens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    /// What rows have to be, as typed.
    pub q: String,
    /// What to sort by.
    pub sort: Key,
    /// The other way round.
    pub descending: bool,
    /// Counted from 1; 0 means 1.
    pub page: u32,
    /// Rows on a page; 0 means [`DEFAULT_PAGE_SIZE`].
    pub page_size: u32,
    /// Columns, parted by commas; empty for the usual ones.
    pub columns: String,
    /// The name of the saved view that this began with.
    pub view: String,
}

impl ListQuery {
    /// All that fits a text.
    pub fn of(q: impl Into<String>) -> Self {
        Self { q: q.into(), ..Self::default() }
    }

    /// The same list, narrowed in another way: its first page.
    #[must_use]
    pub fn narrowed(&self, q: impl Into<String>) -> Self {
        Self { q: q.into(), page: 0, ..self.clone() }
    }

    /// Whether it leaves anything out.
    pub fn is_narrowed(&self) -> bool {
        !self.q.trim().is_empty() || self.page > 1
    }
}

/// How many rows have a state, and the query that a press on it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateCount<S> {
    /// The state.
    pub state: S,
    /// How many of the rows that fit but for their state.
    pub count: u32,
    /// Whether the query asks for it.
    pub is_chosen: bool,
    /// The query with only this state, or without any if it is chosen already.
    pub q: String,
}

/// The values of a key that the rows have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facet {
    /// The key.
    pub key: Key,
    /// The most frequent values, the most frequent one first.
    pub values: Vec<FacetValue>,
}

/// One value of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetValue {
    /// The value.
    pub value: String,
    /// How many rows have it, of those that fit but for this key.
    pub count: u32,
    /// Whether the query asks for it.
    pub is_chosen: bool,
    /// The query after a press on it.
    pub q: String,
}

/// What a list says about its query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// What was asked.
    pub asked: ListQuery,
    /// What of it was not understood. The rest counted.
    pub problem: Option<Problem>,
    /// The whole text with its last term completed, in the ways that are known.
    pub suggestions: Vec<String>,
    /// Values to narrow by.
    pub facets: Vec<Facet>,
    /// The query without states.
    pub any_state: String,
    /// What holds for a whole column, such as that nobody measures it.
    pub note: Option<String>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct List<R, S, M = ()> {
    /// The rows of this page.
    pub rows: Vec<R>,
    /// Rows that match the whole query.
    pub total: u32,
    /// The page that was answered, counted from 1.
    pub page: u32,
    /// Rows on a full page.
    pub page_size: u32,
    /// How many match all but the state, by state; states without any are left out.
    pub counts: Vec<StateCount<S>>,
    /// Namespaces of which this person may list such rows.
    pub namespaces: Vec<String>,
    /// What the query came to.
    pub reply: Reply,
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
