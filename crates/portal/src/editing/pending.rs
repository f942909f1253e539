//! What is asked for and does not run yet.

use kubevirt::VirtualMachineInstance;
use kubevirt::domain::{Domain, InstanceSpec, Interface, Network, Volume};
use model::create::size;
use model::editing::Pending;

use super::cards::{CardRules, cards, is_leaving};
use super::overview::words;
use super::revert::{Part, ready_made};

/// What can be had again, where it is asked for again.
pub(super) struct Stock<'a> {
    /// Whether a claim is there.
    pub has_claim: &'a dyn Fn(&str) -> bool,
    /// Whether a ready-made size is there.
    pub has_size: &'a dyn Fn(&str) -> bool,
}

/// Everything in which the machine and its instance differ, old beside new.
pub(super) fn pending(
    asked: &InstanceSpec,
    instancetype: &str,
    instance: &VirtualMachineInstance,
    rules: CardRules<'_>,
    stock: &Stock<'_>,
) -> Vec<Pending> {
    let mut found = Found(Vec::new());
    let runs = &instance.spec;
    sizes(&mut found, asked, instancetype, instance, stock);
    disks(&mut found, asked, runs, stock);
    let of = |spec: &InstanceSpec| -> Vec<_> {
        cards(spec, rules).into_iter().filter(|(card, _)| !is_leaving(card)).collect()
    };
    let (now, mut next) = (of(runs), of(asked));
    for (card, _) in &mut next {
        if let Some((running, _)) = now.iter().find(|(running, _)| running.name == card.name) {
            leave_open(card, running);
        }
    }
    for name in union(now.iter().map(|(card, _)| &card.name), next.iter().map(|(card, _)| &card.name)) {
        let way = |all: &[(Interface, Network)]| {
            all.iter().find(|(card, _)| card.name == *name).map_or_else(not_there, |(card, network)| way(card, network))
        };
        found.add(&Part::Card(name), format!("Network card {name}"), way(&now), way(&next), None);
    }
    found.0
}

struct Found(Vec<Pending>);

impl Found {
    fn add(&mut self, part: &Part<'_>, what: String, now: String, next: String, revert_denied: Option<String>) {
        if now != next {
            self.0.push(Pending { id: part.id(), what, now, next, revert_denied });
        }
    }
}

fn not_there() -> String {
    "not there".to_owned()
}

/// What a card leaves to its preference or to the cluster is what it got.
fn leave_open(card: &mut Interface, running: &Interface) {
    card.model = card.model.take().or_else(|| running.model.clone());
    if card.other.is_empty() {
        card.other.clone_from(&running.other);
    }
}

/// Where a card leads and how.
fn way(card: &Interface, network: &Network) -> String {
    format!("{}, {}, {}", network.describe(), card.binding(), card.model.as_deref().unwrap_or("virtio"))
}

/// Names of both in the order of the first, then of the second.
fn union<'a>(now: impl Iterator<Item = &'a String>, next: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut names: Vec<_> = now.collect();
    for name in next {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn sizes(
    found: &mut Found,
    asked: &InstanceSpec,
    instancetype: &str,
    instance: &VirtualMachineInstance,
    stock: &Stock<'_>,
) {
    let runs = &instance.spec.domain;
    let memory = |domain: &Domain| domain.memory_bytes().map(|bytes| size::words(bytes / size::MIB));
    let own =
        |domain: &Domain| format!("{} CPUs, {}", domain.vcpus(), memory(domain).unwrap_or_else(|| "?".to_owned()));
    let running = ready_made(&instance.metadata).map(|(_, name)| name);
    if running.is_some() || !instancetype.is_empty() {
        let now = running.clone().unwrap_or_else(|| own(runs));
        let next = if instancetype.is_empty() { own(&asked.domain) } else { instancetype.to_owned() };
        let gone = running.filter(|name| !(stock.has_size)(name));
        let denied = gone.map(|name| format!("The cluster offers the size {name} no more."));
        found.add(&Part::Size, "Size".to_owned(), now, next, denied);
        return;
    }
    let cpus = |domain: &Domain| domain.vcpus().to_string();
    found.add(&Part::Cpus, "CPUs".to_owned(), cpus(runs), cpus(&asked.domain), None);
    if let (Some(now), Some(next)) = (memory(runs), memory(&asked.domain)) {
        found.add(&Part::Memory, "Memory".to_owned(), now, next, None);
    }
}

fn disks(found: &mut Found, asked: &InstanceSpec, runs: &InstanceSpec, stock: &Stock<'_>) {
    let volume = |spec: &InstanceSpec, name: &str| -> Option<Volume> {
        spec.volumes.iter().find(|volume| volume.name == *name).cloned()
    };
    let content = |spec: &InstanceSpec, name: &str| {
        let is_there = spec.domain.devices.disks.iter().any(|disk| disk.name == name);
        if is_there {
            volume(spec, name).map_or_else(|| "empty".to_owned(), |volume| words(&volume))
        } else {
            not_there()
        }
    };
    let devices = |spec: &InstanceSpec| -> Vec<String> {
        spec.domain.devices.disks.iter().map(|disk| disk.name.clone()).collect()
    };
    for name in union(devices(runs).iter(), devices(asked).iter()) {
        let running = volume(runs, name);
        let lost = running.as_ref().and_then(Volume::claim).filter(|claim| !(stock.has_claim)(claim));
        let denied = lost.map(|claim| format!("Its claim {claim} is not there any more."));
        found.add(&Part::Disk(name), format!("Disk {name}"), content(runs, name), content(asked, name), denied);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const RULES: CardRules<'_> = CardRules { unnamed_binding: "bridge", are_live: false };

    fn domain(cpus: u32, cards: &Value) -> Value {
        json!({"cpu": {"sockets": cpus}, "memory": {"guest": "2Gi"},
            "devices": {"disks": [{"name": "root", "disk": {}}, {"name": "cd", "cdrom": {}}], "interfaces": cards}})
    }

    fn difference(asked: Value, instancetype: &str, instance: Value) -> Vec<(String, String, String, Option<String>)> {
        let asked: InstanceSpec = serde_json::from_value(asked).unwrap();
        let instance: VirtualMachineInstance = serde_json::from_value(instance).unwrap();
        let stock = Stock { has_claim: &|claim| claim != "lost", has_size: &|name| name != "u1.gone" };
        let found = pending(&asked, instancetype, &instance, RULES, &stock);
        found.into_iter().map(|one| (one.id, one.now, one.next, one.revert_denied)).collect()
    }

    fn row(id: &str, now: &str, next: &str, denied: Option<&str>) -> (String, String, String, Option<String>) {
        (id.to_owned(), now.to_owned(), next.to_owned(), denied.map(str::to_owned))
    }

    #[test]
    fn what_waits_for_the_next_start_is_shown_old_beside_new() {
        let root = json!({"name": "root", "dataVolume": {"name": "web-disk"}});
        let cd = |claim: &str| json!({"name": "cd", "persistentVolumeClaim": {"claimName": claim}});
        let runs = json!({"domain": domain(2, &json!([])), "volumes": [root, cd("debian-iso")]});
        let asked = json!({"domain": domain(4, &json!([])), "volumes": [root]});
        assert_eq!(
            difference(asked.clone(), "", json!({"spec": runs})),
            [row("cpus", "2", "4", None), row("disk/cd", "debian-iso", "empty", None)]
        );
        assert!(difference(runs.clone(), "", json!({"spec": runs})).is_empty());
        let lost = json!({"domain": domain(4, &json!([])), "volumes": [root, cd("lost")]});
        let denied = Some("Its claim lost is not there any more.");
        assert_eq!(difference(asked, "", json!({"spec": lost})), [row("disk/cd", "lost", "empty", denied)]);
    }

    #[test]
    fn a_ready_made_size_is_one_difference_whatever_it_holds() {
        let runs = |name: &str| {
            json!({"metadata": {"annotations": {"kubevirt.io/cluster-instancetype-name": name}},
                "spec": {"domain": domain(2, &json!([]))}})
        };
        let asked =
            json!({"domain": {"devices": {"disks": [{"name": "root", "disk": {}}, {"name": "cd", "cdrom": {}}]}}});
        assert_eq!(
            difference(asked.clone(), "u1.large", runs("u1.small")),
            [row("size", "u1.small", "u1.large", None)]
        );
        let denied = Some("The cluster offers the size u1.gone no more.");
        assert_eq!(difference(asked, "u1.large", runs("u1.gone")), [row("size", "u1.gone", "u1.large", denied)]);
    }

    #[test]
    fn what_a_preference_chose_for_a_card_is_no_difference() {
        let networks = json!([{"name": "default", "pod": {}}]);
        let asked = json!({"domain": domain(2, &json!([{"name": "default"}])), "networks": networks});
        let card = json!([{"name": "default", "masquerade": {}, "model": "e1000e"}]);
        let runs = json!({"domain": domain(2, &card), "networks": networks});
        assert!(difference(asked, "", json!({"spec": runs})).is_empty());
    }

    #[test]
    fn a_card_that_nobody_named_is_there_all_the_same() {
        let named = json!([{"name": "default", "bridge": {}}, {"name": "net-1", "bridge": {}, "model": "e1000e"}]);
        let networks = json!([{"name": "default", "pod": {}}, {"name": "net-1", "multus": {"networkName": "blue/v7"}}]);
        let asked = json!({"domain": domain(2, &named), "networks": networks});
        let runs = json!({"domain": domain(2, &json!([]))});
        assert_eq!(
            difference(asked, "", json!({"spec": runs})),
            [row("card/net-1", "not there", "blue/v7, bridge, e1000e", None)]
        );
    }
}
