//! The check of a whole cluster: what works, what does not, and what to do.

use serde::{Deserialize, Serialize};

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It works.
    Good,
    /// It could not be found out; Porthole lacks a right, or the cluster does not say.
    Unknown,
    /// It works with limits that somebody will notice.
    Weak,
    /// It does not work.
    Broken,
}

impl Health {
    /// The word that pages and the terminal use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "unknown",
            Self::Weak => "weak",
            Self::Broken => "broken",
        }
    }
}

/// What a check is about, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Whether the cluster answers, and in which version.
    Cluster,
    /// KubeVirt, its settings, the way to screens.
    Machines,
    /// Nodes that run guests.
    Nodes,
    /// Storage classes and what is known about them.
    Storage,
    /// CDI and the way of uploads.
    Images,
    /// What Porthole's own account may do.
    Rights,
}

impl Area {
    /// All areas in order.
    pub const ALL: [Self; 6] = [Self::Cluster, Self::Machines, Self::Nodes, Self::Storage, Self::Images, Self::Rights];

    /// The heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Cluster => "Cluster",
            Self::Machines => "Machines",
            Self::Nodes => "Nodes",
            Self::Storage => "Storage",
            Self::Images => "Images and uploads",
            Self::Rights => "Porthole's rights",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// In kebab case; it does not change between versions.
    pub id: String,
    /// What it is about.
    pub area: Area,
    /// How it is.
    pub health: Health,
    /// What was found, in a sentence.
    pub found: String,
    /// What to do, where something should be done.
    pub fix: Option<String>,
}

/// Everything that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// When, in seconds since 1970.
    pub at: i64,
    /// In the order of [`Area::ALL`].
    pub checks: Vec<Check>,
}

impl Report {
    /// The worst of all.
    pub fn health(&self) -> Health {
        self.checks.iter().map(|check| check.health).max().unwrap_or(Health::Unknown)
    }

    /// How many checks came out so.
    pub fn count(&self, health: Health) -> usize {
        self.checks.iter().filter(|check| check.health == health).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_as_good_as_its_worst_check() {
        let check = |health| Check { id: "a".into(), area: Area::Cluster, health, found: String::new(), fix: None };
        let report = Report { at: 0, checks: vec![check(Health::Good), check(Health::Broken), check(Health::Weak)] };
        assert_eq!((report.health(), report.count(Health::Good)), (Health::Broken, 1));
        assert_eq!(Report::default().health(), Health::Unknown);
    }
}
