//! Which row of a list is meant.
//!
//! A machine or a pod is told by its team and name. Names of workloads repeat across kinds: theirs stands before them, as
//! in `deployments/blue/web`.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ObjectRef;
use crate::image::ImageRow;
use crate::machine::MachineRow;
use crate::name::InvalidName;
use crate::workload::{PodRow, ServiceRow, WorkloadKind, WorkloadRow};

/// One row, as forms and runs name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RowRef {
    /// Its kind, in lists that hold several.
    pub kind: Option<WorkloadKind>,
    /// Which object.
    pub at: ObjectRef,
}

impl From<ObjectRef> for RowRef {
    fn from(at: ObjectRef) -> Self {
        Self { kind: None, at }
    }
}

impl fmt::Display for RowRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) => write!(f, "{}/{}", kind.word(), self.at),
            None => self.at.fmt(f),
        }
    }
}

/// Why a text names no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRow {
    /// It has not the parts of one.
    #[error("a row is named by team/name, a workload by kind/team/name")]
    Parts,
    /// One of its names is none.
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl FromStr for RowRef {
    type Err = InvalidRow;

    fn from_str(text: &str) -> Result<Self, InvalidRow> {
        let parts: Vec<_> = text.split('/').collect();
        match parts[..] {
            [team, name] => Ok(ObjectRef::parse(team, name)?.into()),
            [kind, team, name] => {
                let kind = WorkloadKind::from_word(kind).ok_or(InvalidRow::Parts)?;
                Ok(Self { kind: Some(kind), at: ObjectRef::parse(team, name)? })
            }
            _ => Err(InvalidRow::Parts),
        }
    }
}

/// A row of a list.
pub trait Row {
    /// Where it is; a row keeps this.
    fn at(&self) -> &ObjectRef;

    /// Its kind, in lists that hold several.
    fn kind(&self) -> Option<WorkloadKind> {
        None
    }

    /// How it is named.
    fn place(&self) -> RowRef {
        RowRef { kind: self.kind(), at: self.at().clone() }
    }

    /// Whether both are rows of the same thing.
    fn is_same(&self, other: &Self) -> bool {
        self.kind() == other.kind() && self.at() == other.at()
    }
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

impl Row for WorkloadRow {
    fn at(&self) -> &ObjectRef {
        &self.at
    }

    fn kind(&self) -> Option<WorkloadKind> {
        Some(self.kind)
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
    use proptest::prelude::*;

    #[test]
    fn a_workload_is_named_with_its_kind_and_everything_else_without() {
        let row: RowRef = "deployments/blue/web".parse().unwrap();
        assert_eq!((row.kind, row.at.to_string().as_str()), (Some(WorkloadKind::Deployment), "blue/web"));
        let row: RowRef = "blue/web".parse().unwrap();
        assert_eq!((row.kind, row.at.to_string().as_str()), (None, "blue/web"));
    }

    #[test]
    fn what_names_no_row_is_refused_with_its_form() {
        for text in ["", "web", "pods/blue/web", "deployments/blue/web/x"] {
            assert_eq!(text.parse::<RowRef>(), Err(InvalidRow::Parts), "{text}");
        }
        assert!(matches!("blue/Web".parse::<RowRef>(), Err(InvalidRow::Name(_))));
    }

    proptest! {
        #[test]
        fn names_of_rows_come_back(kind in proptest::option::of(0..WorkloadKind::ALL.len()), team in "[a-z]{1,9}", name in "[a-z0-9]{1,9}") {
            let row = RowRef { kind: kind.map(|place| WorkloadKind::ALL[place]), at: ObjectRef::parse(&team, &name).unwrap() };
            prop_assert_eq!(row.to_string().parse(), Ok(row));
        }
    }
}
