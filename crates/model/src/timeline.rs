//! What happened to a machine and to what it hangs on, in one order.

use serde::{Deserialize, Serialize};

use crate::finding::FindingPage;

/// What happened, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// What happened, the newest first.
    pub entries: Vec<Entry>,
    /// How many of all that is known are warnings.
    pub warnings: u32,
    /// How many there are in all, before the filter.
    pub total: u32,
    /// What is missing because of this person's role.
    pub missing: Option<String>,
}

/// One thing that happened, or the same thing again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When, the last time, in seconds since 1970.
    pub at: Option<i64>,
    /// When the first time, where it happened more than once.
    pub first: Option<i64>,
    /// How often.
    pub count: u32,
    /// Whether it is a warning.
    pub is_warning: bool,
    /// What it means, in plain words.
    pub words: String,
    /// The cluster's own words; empty if it said nothing of its own.
    pub original: String,
    /// What it is about, such as `Pod virt-launcher-web-x1`; empty for the machine itself.
    pub about: String,
    /// The page of what it is about.
    pub page: Option<FindingPage>,
}
