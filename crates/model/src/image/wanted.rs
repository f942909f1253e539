//! What is asked of every new image, wherever its bytes come from.

use std::collections::BTreeMap;

use crate::Name;

/// The part of a request that uploads and imports share.
pub(crate) struct Wanted<'a> {
    /// What it is to be called.
    pub name: &'a str,
    /// The team's namespace.
    pub namespace: &'a str,
    /// How large the disk is to be, in bytes; 0: nothing was said.
    pub disk_bytes: u64,
    /// What to say if no size was said; `None` where none is needed.
    pub size_is_missing: Option<&'static str>,
    /// The storage class; empty for the default.
    pub class: &'a str,
    /// The preference of machines made from it; empty for none.
    pub preference: &'a str,
}

impl Wanted<'_> {
    /// What is wrong with it, by field.
    pub(crate) fn check(&self) -> BTreeMap<String, String> {
        let mut wrong = BTreeMap::new();
        let mut say = |field: &str, text: &str| drop(wrong.insert(field.to_owned(), text.to_owned()));
        if let Err(error) = super::check_name(self.name) {
            say("name", error);
        }
        if self.namespace.parse::<Name>().is_err() {
            say("namespace", "Choose a team.");
        }
        if let Some(missing) = self.size_is_missing.filter(|_| self.disk_bytes == 0) {
            say("size", missing);
        } else if self.disk_bytes > super::MAX_BYTES {
            say("size", "That is larger than any disk can be.");
        }
        for (field, value) in [("class", self.class), ("preference", self.preference)] {
            if !value.is_empty() && value.parse::<Name>().is_err() {
                say(field, "That is no name that the cluster could know.");
            }
        }
        wrong
    }
}
