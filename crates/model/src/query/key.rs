//! What can be asked, sorted by and shown, for each list.
//!
//! A [`Tab`] is one kind of row. To add one: its constant here, with the keys that its rows answer.

use serde::{Deserialize, Serialize};

use crate::image::ImageState;
use crate::machine::MachineState;
use crate::workload::{PodState, WorkloadState};

/// A property of a row: `key:value` in a query, a column of the table, an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// Name; as an order, namespace and then name.
    #[default]
    Name,
    /// What it is doing. As an order: trouble first.
    State,
    /// How long it has been doing that.
    For,
    /// The namespace.
    Team,
    /// The node that it runs on.
    Node,
    /// Addresses.
    Address,
    /// The guest's operating system.
    Os,
    /// What kind of workload or service it is.
    Kind,
    /// Images of containers and of container disks.
    Image,
    /// Processors.
    Cpu,
    /// Memory.
    Memory,
    /// Parts that are ready.
    Ready,
    /// Restarts of all containers together.
    Restarts,
    /// How long ago it was made.
    Age,
    /// Labels of the object.
    Label,
    /// Processors in use, where the cluster measures that. A column only.
    CpuUsed,
    /// Memory in use, where the cluster measures that. A column only.
    MemoryUsed,
    /// Properties without a value.
    Is,
}

/// How a key's values are read and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The whole word; `*` stands for any text.
    Word,
    /// A part of the text; with `*`, the whole of it.
    Part,
    /// One of the words that the tab names.
    Choice,
    /// `key` or `key=value`.
    Label,
    /// Thousandths of a processor, written `2`, `0.5` or `500m`.
    Cpu,
    /// MiB, written `8Gi`.
    Memory,
    /// A whole number.
    Count,
    /// Seconds, written `30s`, `10m`, `36h` or `2d`.
    Time,
}

impl Reading {
    /// Whether `<` and `>` make sense.
    pub const fn is_number(self) -> bool {
        matches!(self, Self::Cpu | Self::Memory | Self::Count | Self::Time)
    }
}

impl Key {
    /// Every key.
    pub const ALL: [Self; 18] = [
        Self::Name,
        Self::State,
        Self::For,
        Self::Team,
        Self::Node,
        Self::Address,
        Self::Os,
        Self::Kind,
        Self::Image,
        Self::Cpu,
        Self::Memory,
        Self::Ready,
        Self::Restarts,
        Self::Age,
        Self::Label,
        Self::Is,
        Self::CpuUsed,
        Self::MemoryUsed,
    ];

    /// The word in queries and addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::State => "state",
            Self::For => "for",
            Self::Team => "team",
            Self::Node => "node",
            Self::Address => "address",
            Self::Os => "os",
            Self::Kind => "kind",
            Self::Image => "image",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Ready => "ready",
            Self::Restarts => "restarts",
            Self::Age => "age",
            Self::Label => "label",
            Self::Is => "is",
            Self::CpuUsed => "cpu-used",
            Self::MemoryUsed => "memory-used",
        }
    }

    /// The key that a word means.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.word() == word)
    }

    /// The head of its column.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::State => "State",
            Self::For => "For",
            Self::Team => "Team",
            Self::Node => "Node",
            Self::Address => "Address",
            Self::Os => "System",
            Self::Kind => "Kind",
            Self::Image => "Image",
            Self::Cpu => "CPU",
            Self::Memory => "Memory",
            Self::Ready => "Ready",
            Self::Restarts => "Restarts",
            Self::Age => "Age",
            Self::Label => "Labels",
            Self::Is => "Is",
            Self::CpuUsed => "CPU used",
            Self::MemoryUsed => "Memory used",
        }
    }

    /// How its values are read.
    pub const fn reading(self) -> Reading {
        match self {
            Self::Name | Self::Team | Self::Node | Self::Address | Self::Kind => Reading::Word,
            Self::Os | Self::Image => Reading::Part,
            Self::State | Self::Is => Reading::Choice,
            Self::Label => Reading::Label,
            Self::Cpu | Self::CpuUsed => Reading::Cpu,
            Self::Memory | Self::MemoryUsed => Reading::Memory,
            Self::Ready | Self::Restarts => Reading::Count,
            Self::For | Self::Age => Reading::Time,
        }
    }

    /// A term that shows how the key is used.
    pub const fn example(self) -> &'static str {
        match self {
            Self::Name => "name:web*",
            Self::State => "state:running",
            Self::For => "for>10m",
            Self::Team => "team:blue",
            Self::Node => "node:node-1",
            Self::Address => "address:10.0.*",
            Self::Os => "os:ubuntu",
            Self::Kind => "kind:deployment",
            Self::Image => "image:nginx",
            Self::Cpu => "cpu>4",
            Self::Memory => "memory>=8Gi",
            Self::Ready => "ready:0",
            Self::Restarts => "restarts>3",
            Self::Age => "age<2d",
            Self::Label => "label:app=web",
            Self::Is => "is:attention",
            Self::CpuUsed => "cpu-used",
            Self::MemoryUsed => "memory-used",
        }
    }
}

/// One kind of row: what can be asked about it and shown of it.
#[derive(Debug)]
pub struct Tab {
    /// Its word in addresses and forms.
    pub word: &'static str,
    /// Keys of queries.
    pub keys: &'static [Key],
    /// Keys that rows can be sorted by.
    pub orders: &'static [Key],
    /// Columns to choose from; name and state are always there.
    pub columns: &'static [Key],
    /// Columns that are shown unless somebody chose.
    pub shown: &'static [Key],
    /// Keys whose values are offered with their counts.
    pub facets: &'static [Key],
    /// Words of `state:`.
    pub states: &'static [&'static str],
    /// Words of `is:`.
    pub flags: &'static [&'static str],
}

/// The word of `is:` for what somebody should look at.
pub const ATTENTION: &str = "attention";
/// The word of `is:` for pods that carry machines.
pub const LAUNCHER: &str = "launcher";

/// The words of all states of a kind.
macro_rules! words_of {
    ($state:ident) => {
        &{
            let mut words = [""; $state::ALL.len()];
            let mut at = 0;
            while at < words.len() {
                words[at] = $state::ALL[at].word();
                at += 1;
            }
            words
        }
    };
}

const MACHINE_STATES: &[&str] = words_of!(MachineState);
const POD_STATES: &[&str] = words_of!(PodState);
const WORKLOAD_STATES: &[&str] = words_of!(WorkloadState);
const IMAGE_STATES: &[&str] = words_of!(ImageState);

/// Virtual machines.
pub const MACHINES: Tab = Tab {
    word: "machines",
    keys: &[
        Key::State,
        Key::Team,
        Key::Node,
        Key::Os,
        Key::Label,
        Key::Name,
        Key::Cpu,
        Key::Memory,
        Key::Age,
        Key::For,
        Key::Image,
        Key::Address,
        Key::Is,
    ],
    orders: &[
        Key::Name,
        Key::State,
        Key::For,
        Key::Team,
        Key::Cpu,
        Key::Memory,
        Key::Address,
        Key::Node,
        Key::Os,
        Key::Image,
        Key::Age,
    ],
    columns: &[
        Key::Cpu,
        Key::CpuUsed,
        Key::Memory,
        Key::MemoryUsed,
        Key::Address,
        Key::Node,
        Key::Os,
        Key::Image,
        Key::Label,
        Key::Age,
    ],
    shown: &[Key::Cpu, Key::Memory, Key::Address, Key::Node, Key::Age],
    facets: &[Key::Team, Key::Node, Key::Os, Key::Label],
    states: MACHINE_STATES,
    flags: &[ATTENTION],
};

/// Pods.
pub const PODS: Tab = Tab {
    word: "pods",
    keys: &[
        Key::State,
        Key::Team,
        Key::Node,
        Key::Image,
        Key::Label,
        Key::Name,
        Key::Restarts,
        Key::Ready,
        Key::Cpu,
        Key::Memory,
        Key::Age,
        Key::For,
        Key::Address,
        Key::Is,
    ],
    orders: &[
        Key::Name,
        Key::State,
        Key::For,
        Key::Team,
        Key::Ready,
        Key::Restarts,
        Key::Image,
        Key::Cpu,
        Key::Memory,
        Key::Address,
        Key::Node,
        Key::Age,
    ],
    columns: &[
        Key::Ready,
        Key::Restarts,
        Key::Image,
        Key::Cpu,
        Key::CpuUsed,
        Key::Memory,
        Key::MemoryUsed,
        Key::Address,
        Key::Node,
        Key::Label,
        Key::Age,
    ],
    shown: &[Key::Ready, Key::Restarts, Key::Image, Key::Node, Key::Age],
    facets: &[Key::Team, Key::Node, Key::Label],
    states: POD_STATES,
    flags: &[LAUNCHER],
};

/// What runs pods.
pub const WORKLOADS: Tab = Tab {
    word: "workloads",
    keys: &[Key::State, Key::Team, Key::Kind, Key::Image, Key::Label, Key::Name, Key::Ready, Key::Age, Key::For],
    orders: &[Key::Name, Key::State, Key::For, Key::Team, Key::Kind, Key::Ready, Key::Image, Key::Age],
    columns: &[Key::Kind, Key::Ready, Key::Image, Key::Age],
    shown: &[Key::Kind, Key::Ready, Key::Image, Key::Age],
    facets: &[Key::Team, Key::Kind, Key::Label],
    states: WORKLOAD_STATES,
    flags: &[],
};

/// What leads to pods.
pub const SERVICES: Tab = Tab {
    word: "services",
    keys: &[Key::Team, Key::Kind, Key::Label, Key::Name, Key::Address, Key::Ready, Key::Age],
    orders: &[Key::Name, Key::Team, Key::Kind, Key::Ready, Key::Age],
    columns: &[Key::Ready, Key::Address, Key::Kind, Key::Age],
    shown: &[Key::Ready, Key::Address, Key::Kind, Key::Age],
    facets: &[Key::Team, Key::Kind, Key::Label],
    states: &[],
    flags: &[],
};

/// The library of images.
pub const IMAGES: Tab = Tab {
    word: "images",
    keys: &[Key::State, Key::Team, Key::Name, Key::Age],
    orders: &[Key::Name, Key::State, Key::Age],
    columns: &[],
    shown: &[],
    facets: &[Key::Team],
    states: IMAGE_STATES,
    flags: &[],
};

impl Tab {
    /// The tab of the inventory that a word means.
    pub fn from_word(word: &str) -> Option<&'static Self> {
        [&MACHINES, &PODS, &WORKLOADS, &SERVICES].into_iter().find(|tab| tab.word == word)
    }

    /// The columns that an address asks for, in the tab's order; the usual ones if it asks for none.
    pub fn columns_of(&self, asked: &str) -> Vec<Key> {
        let asked: Vec<_> = asked.split(',').filter_map(Key::from_word).collect();
        let chosen: Vec<_> = self.columns.iter().copied().filter(|key| asked.contains(key)).collect();
        if chosen.is_empty() { self.shown.to_vec() } else { chosen }
    }

    /// Whether an address asks for a column of what is in use.
    pub fn shows_usage(&self, asked: &str) -> bool {
        self.columns_of(asked).iter().any(|key| matches!(key, Key::CpuUsed | Key::MemoryUsed))
    }

    /// What an address asks for after a column was added or taken away; nothing for the usual ones.
    pub fn columns_with(&self, asked: &str, toggled: Key) -> String {
        let now = self.columns_of(asked);
        let is_in = |key: &Key| now.contains(key) != (*key == toggled);
        let next: Vec<_> = self.columns.iter().copied().filter(is_in).collect();
        if next.is_empty() || next == self.shown {
            return String::new();
        }
        next.iter().map(|key| key.word()).collect::<Vec<_>>().join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_word_and_an_example_of_itself() {
        for key in Key::ALL {
            assert_eq!(Key::from_word(key.word()), Some(key));
            assert!(key.example().starts_with(key.word()));
        }
    }

    #[test]
    fn a_column_is_added_and_taken_away_and_the_usual_ones_leave_the_address_bare() {
        assert_eq!(MACHINES.columns_of(""), MACHINES.shown);
        let with_os = MACHINES.columns_with("", Key::Os);
        assert_eq!(with_os, "cpu,memory,address,node,os,age");
        assert_eq!(MACHINES.columns_with(&with_os, Key::Os), "");
        assert_eq!(MACHINES.columns_of("os,nonsense"), [Key::Os]);
        assert_eq!(MACHINES.columns_with("os", Key::Os), "", "a list keeps columns");
    }
}
