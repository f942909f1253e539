//! Queries with names: those that come with a tab, and those that a person keeps.

use serde::{Deserialize, Serialize};

use super::key::{MACHINES, PODS, SERVICES, Tab, WORKLOADS};

/// The longest name of a view, in characters.
pub const MAX_NAME: usize = 60;
/// The most views that a person keeps for a tab.
pub const MAX_VIEWS: usize = 50;
/// The longest address of a view, in bytes.
pub const MAX_ADDRESS: usize = 2_000;

/// A view: a list's address under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Its name.
    pub name: String,
    /// The query of the list's address, such as `q=state%3Arunning&sort=age`.
    pub address: String,
    /// Whether it comes with the tab and cannot be changed.
    pub is_built_in: bool,
}

/// Name and query text of the views that come with a tab.
pub fn built_in(tab: &Tab) -> &'static [(&'static str, &'static str)] {
    if tab.word == MACHINES.word {
        &[
            ("Needs attention", "is:attention"),
            ("Running", "state:running"),
            ("Off", "state:stopped"),
            ("New", "age<7d"),
            ("Large", "memory>=16Gi"),
        ]
    } else if tab.word == PODS.word {
        &[
            ("Needs attention", "state:trouble"),
            ("Running", "state:running"),
            ("Restarting", "restarts>3"),
            ("New", "age<1d"),
        ]
    } else if tab.word == WORKLOADS.word {
        &[
            ("Needs attention", "state:trouble"),
            ("Rolling out", "state:updating"),
            ("Held", "state:paused"),
            ("On a schedule", "kind:cronjob"),
            ("New", "age<1d"),
        ]
    } else if tab.word == SERVICES.word {
        &[("Nothing answers", "ready:0"), ("Reached from outside", "kind:loadbalancer,nodeport")]
    } else {
        &[]
    }
}

/// What is wrong with a view's name.
pub fn name_problem(tab: &Tab, name: &str) -> Option<&'static str> {
    let name = name.trim();
    if name.is_empty() {
        return Some("Give the view a name.");
    }
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Some("A view's name has at most 60 characters.");
    }
    let is_taken = built_in(tab).iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    is_taken.then_some("A view that comes with the list has this name. Choose another one.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::parse::parse;

    #[test]
    fn views_that_come_with_a_tab_are_understood_by_it() {
        for tab in [&MACHINES, &PODS, &WORKLOADS, &SERVICES] {
            for (name, q) in built_in(tab) {
                assert_eq!(parse(q, tab).problems, [], "{name}");
            }
        }
    }

    #[test]
    fn names_are_there_short_and_not_those_of_the_tab() {
        assert_eq!(name_problem(&MACHINES, "Mine"), None);
        for name in [" ", "running", "a\nb", &"x".repeat(61)] {
            assert!(name_problem(&MACHINES, name).is_some(), "{name}");
        }
    }
}
