//! What keeps a node from taking a machine that moves: one table, for the choice of a node and for the refused request.
//!
//! It looks at what the scheduler looks at first. Rules about other pods, volumes and what a node has reserved are the
//! scheduler's own matter: a node without obstacles here is one that suits as far as can be seen.

use std::collections::BTreeMap;

use crate::create::size;
use crate::query::amount::write;
use crate::query::key::Reading;

/// The label by which virt-handler says that a node takes machines.
pub const SCHEDULABLE: &str = "kubevirt.io/schedulable";
/// Before a CPU model, in a label of each node that can offer it.
const HAS_MODEL: &str = "cpu-model.node.kubevirt.io/";
/// Before a CPU model, in a label of each node that takes guests which have it as their node's own.
const TAKES_MODEL: &str = "cpu-model-migration.node.kubevirt.io/";
/// Before a CPU model, in a label of the nodes whose own it is.
pub const HOST_MODEL: &str = "host-model-cpu.node.kubevirt.io/";
/// Given by the cluster to what is told apart here anyway: nodes that are cordoned or not ready.
const TOLD_APART: [&str; 3] =
    ["node.kubernetes.io/unschedulable", "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// The processor that a guest needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Processor {
    /// Whatever there is.
    #[default]
    Any,
    /// A model by its name.
    Named(String),
    /// One of the models that its node has.
    LikeItsNode(Vec<String>),
}

/// A taint that a machine puts up with; an empty text fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toleration {
    /// Of the taint.
    pub key: String,
    /// The value that it must have; `None` for any.
    pub value: Option<String>,
    /// Of the taint.
    pub effect: String,
}

/// A taint of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

/// What a machine asks of a node that it moves to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The node that it is on.
    pub node: Option<String>,
    /// What its pod asks for, in thousandths of processors.
    pub cpu_milli: u64,
    /// What its pod asks for, in MiB.
    pub memory_mib: u64,
    /// Labels that the node must have.
    pub labels: BTreeMap<String, String>,
    /// The processor.
    pub processor: Processor,
    /// What it puts up with.
    pub tolerations: Vec<Toleration>,
}

/// A node that a machine could move to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it is well.
    pub is_ready: bool,
    /// Whether new pods are kept off it.
    pub is_cordoned: bool,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// What nobody asks for yet, in thousandths of processors.
    pub free_cpu_milli: u64,
    /// What nobody asks for yet, in MiB.
    pub free_memory_mib: u64,
}

impl Place {
    /// What is free, in words.
    pub fn free(&self) -> String {
        let (cpu, memory) = (cpus(self.free_cpu_milli), size::words(self.free_memory_mib));
        format!("{cpu} CPU and {memory} free")
    }

    fn has(&self, label: &str) -> bool {
        self.labels.get(label).is_some_and(|value| value == "true")
    }
}

impl Wanted {
    /// What keeps a node from taking it, each as a sentence; none if it suits.
    pub fn obstacles(&self, place: &Place) -> Vec<String> {
        if self.node.as_ref() == Some(&place.name) {
            return vec!["The machine is on it.".to_owned()];
        }
        let mut found = Vec::new();
        let mut add = |is_so: bool, words: &dyn Fn() -> String| {
            if is_so {
                found.push(words());
            }
        };
        add(!place.is_ready, &|| "It is not ready.".to_owned());
        add(place.is_cordoned, &|| "It is cordoned: it takes nothing new.".to_owned());
        add(!place.has(SCHEDULABLE), &|| "KubeVirt puts no machines on it.".to_owned());
        for (key, value) in &self.labels {
            let is_met = place.labels.get(key) == Some(value);
            add(!is_met, &|| format!("It lacks the label {key}={value} that the machine asks for."));
        }
        for taint in place.taints.iter().filter(|taint| !self.puts_up_with(taint)) {
            let equals = if taint.value.is_empty() { "" } else { "=" };
            add(true, &|| format!("Its taint {}{equals}{} keeps the machine off.", taint.key, taint.value));
        }
        add(!self.finds_processor(place), &|| match &self.processor {
            Processor::Named(model) => format!("It lacks the CPU model {model}."),
            _ => "It lacks the CPU that the machine was started with.".to_owned(),
        });
        let (cpu, memory) = (place.free_cpu_milli, place.free_memory_mib);
        add(self.cpu_milli > cpu, &|| format!("{} CPU are asked for, {} are free.", cpus(self.cpu_milli), cpus(cpu)));
        add(self.memory_mib > memory, &|| {
            format!("{} of memory are asked for, {} are free.", size::words(self.memory_mib), size::words(memory))
        });
        found
    }

    fn puts_up_with(&self, taint: &Taint) -> bool {
        let keeps_off = matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
        !keeps_off
            || TOLD_APART.contains(&taint.key.as_str())
            || self.tolerations.iter().any(|one| {
                (one.key.is_empty() || one.key == taint.key)
                    && (one.effect.is_empty() || one.effect == taint.effect)
                    && one.value.as_ref().is_none_or(|value| *value == taint.value)
            })
    }

    fn finds_processor(&self, place: &Place) -> bool {
        match &self.processor {
            Processor::Any => true,
            Processor::Named(model) => place.has(&format!("{HAS_MODEL}{model}")),
            Processor::LikeItsNode(models) => models.iter().all(|model| place.has(&format!("{TAKES_MODEL}{model}"))),
        }
    }
}

fn cpus(milli: u64) -> String {
    write(Reading::Cpu, milli)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted { node: Some("a".to_owned()), cpu_milli: 1500, memory_mib: 2048, ..Wanted::default() }
    }

    fn place() -> Place {
        Place {
            name: "b".to_owned(),
            labels: labels(&[(SCHEDULABLE, "true"), ("disk", "ssd")]),
            is_ready: true,
            free_cpu_milli: 1500,
            free_memory_mib: 2048,
            ..Place::default()
        }
    }

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn taint(key: &str, effect: &str) -> Taint {
        Taint { key: key.to_owned(), value: "x".to_owned(), effect: effect.to_owned() }
    }

    #[test]
    fn a_node_with_just_enough_suits_and_says_what_is_free() {
        assert!(wanted().obstacles(&place()).is_empty());
        assert_eq!(place().free(), "1500m CPU and 2 GiB free");
    }

    #[test]
    fn everything_that_keeps_a_node_from_it_is_told() {
        let with_labels = Wanted { labels: labels(&[("disk", "ssd"), ("zone", "north")]), ..wanted() };
        let named = Wanted { processor: Processor::Named("Skylake".to_owned()), ..wanted() };
        let alike = Wanted { processor: Processor::LikeItsNode(vec!["Opteron".to_owned()]), ..wanted() };
        let off = labels(&[(SCHEDULABLE, "false")]);
        let rows: [(Wanted, Place, &str); 11] = [
            (wanted(), Place { name: "a".to_owned(), ..place() }, "The machine is on it."),
            (wanted(), Place { is_ready: false, ..place() }, "It is not ready."),
            (wanted(), Place { is_cordoned: true, ..place() }, "It is cordoned: it takes nothing new."),
            (wanted(), Place { labels: off, ..place() }, "KubeVirt puts no machines on it."),
            (wanted(), Place { labels: BTreeMap::new(), ..place() }, "KubeVirt puts no machines on it."),
            (with_labels, place(), "It lacks the label zone=north that the machine asks for."),
            (
                wanted(),
                Place { taints: vec![taint("gpu", "NoSchedule")], ..place() },
                "Its taint gpu=x keeps the machine off.",
            ),
            (named, place(), "It lacks the CPU model Skylake."),
            (alike, place(), "It lacks the CPU that the machine was started with."),
            (wanted(), Place { free_cpu_milli: 1000, ..place() }, "1500m CPU are asked for, 1 are free."),
            (wanted(), Place { free_memory_mib: 512, ..place() }, "2 GiB of memory are asked for, 512 MiB are free."),
        ];
        for (wanted, place, words) in rows {
            assert_eq!(wanted.obstacles(&place), [words]);
        }
        let worst = Place { name: "c".to_owned(), ..Place::default() };
        assert_eq!(wanted().obstacles(&worst).len(), 4, "not ready, not schedulable, no processor, no memory");
    }

    #[test]
    fn taints_that_are_tolerated_or_only_a_wish_or_told_apart_keep_nothing_off() {
        let fits = |tolerations: Vec<Toleration>, taint: Taint| {
            let wanted = Wanted { tolerations, ..wanted() };
            wanted.obstacles(&Place { taints: vec![taint], ..place() }).is_empty()
        };
        let of = |key: &str, value: Option<&str>, effect: &str| {
            vec![Toleration { key: key.to_owned(), value: value.map(str::to_owned), effect: effect.to_owned() }]
        };
        assert!(fits(of("gpu", Some("x"), "NoSchedule"), taint("gpu", "NoSchedule")));
        assert!(fits(of("", None, ""), taint("gpu", "NoExecute")));
        assert!(!fits(of("gpu", Some("y"), ""), taint("gpu", "NoSchedule")));
        assert!(!fits(of("gpu", None, "NoExecute"), taint("gpu", "NoSchedule")));
        assert!(fits(Vec::new(), taint("gpu", "PreferNoSchedule")));
        assert!(fits(Vec::new(), taint("node.kubernetes.io/unschedulable", "NoSchedule")));
    }

    #[test]
    fn a_node_offers_the_processor_by_its_labels() {
        let offers = |processor: Processor, label: &str| {
            let mut place = place();
            place.labels.insert(label.to_owned(), "true".to_owned());
            Wanted { processor, ..wanted() }.obstacles(&place).is_empty()
        };
        assert!(offers(Processor::Named("Skylake".to_owned()), "cpu-model.node.kubevirt.io/Skylake"));
        let alike = Processor::LikeItsNode(vec!["Opteron".to_owned()]);
        assert!(offers(alike.clone(), "cpu-model-migration.node.kubevirt.io/Opteron"));
        assert!(!offers(alike, "host-model-cpu.node.kubevirt.io/Opteron"));
    }
}
