//! Changes of network cards.
//!
//! A machine that names no card gets one on the pod network all the same, unless it says that it wants none. So the
//! unnamed card is written down before another one joins it, and the last one to go leaves that word behind.

use kubevirt::domain::{InstanceSpec, Interface, Network};
use model::editing::POD_NETWORK;
use serde_json::{Value, json};

use super::parts::{CARDS, NETWORKS, SPEC, entries, entry, free_name, list, remove, set};
use crate::error::PortalError;

/// The name of the card that a machine has without naming one.
const UNNAMED: &str = "default";
/// How the cluster tells that a card is to be taken out while the machine runs.
const ABSENT: &str = "absent";

/// What the cluster does with cards.
#[derive(Clone, Copy, Debug)]
pub(super) struct CardRules<'a> {
    /// How the card is bound that a machine has without naming one.
    pub unnamed_binding: &'a str,
    /// Whether cards on networks of the cluster come and go while a machine runs.
    pub are_live: bool,
}

/// Cards with their networks as an instance gets them.
pub(super) fn cards(spec: &InstanceSpec, rules: CardRules<'_>) -> Vec<(Interface, Network)> {
    let devices = &spec.domain.devices;
    if devices.interfaces.is_empty() && spec.networks.is_empty() && devices.autoattach_pod_interface != Some(false) {
        let other = [(rules.unnamed_binding.to_owned(), json!({}))].into();
        let card = Interface { name: UNNAMED.to_owned(), other, ..Interface::default() };
        return vec![(card, Network { name: UNNAMED.to_owned(), pod: Some(json!({})), multus: None })];
    }
    let network = |name: &str| spec.networks.iter().find(|network| network.name == name).cloned();
    let joined = devices.interfaces.iter().map(|card| (card.clone(), network(&card.name).unwrap_or_default()));
    joined.collect()
}

/// Whether a card is on its way out.
pub(super) fn is_leaving(card: &Interface) -> bool {
    card.other.get("state").is_some_and(|state| state == ABSENT)
}

/// Whether such a card can be taken out while the machine runs.
pub(super) fn can_leave(card: &Interface, network: &Network, rules: CardRules<'_>) -> bool {
    rules.are_live && network.multus.is_some() && card.binding() == "bridge"
}

/// Adds a card on a network: [`POD_NETWORK`], or one of the cluster's as `namespace/name`.
pub(super) fn add(object: &mut Value, network: &str, rules: CardRules<'_>) -> Result<(), PortalError> {
    name_the_unnamed(object, rules);
    if network == POD_NETWORK && entries(object, NETWORKS).iter().any(|network| network["pod"].is_object()) {
        return Err(PortalError::field("network", "The machine has a card on the pod network already."));
    }
    let is_free = |name: &str| entry(object, CARDS, name).is_none() && entry(object, NETWORKS, name).is_none();
    let (name, source, binding) = if network == POD_NETWORK {
        let name = if is_free(UNNAMED) { UNNAMED.to_owned() } else { free_name("net", is_free) };
        (name, json!({ "pod": {} }), "masquerade")
    } else {
        (free_name("net", is_free), json!({ "multus": { "networkName": network } }), "bridge")
    };
    let like_the_first = entries(object, CARDS).iter().find_map(|card| card["model"].as_str());
    let card = json!({ "name": name, "model": like_the_first.unwrap_or("virtio"), binding: {} });
    let mut network = source;
    network["name"] = name.into();
    list(object, NETWORKS).push(network);
    list(object, CARDS).push(card);
    Ok(())
}

/// Takes a card away. One that the running machine can give back is only marked; the cluster takes it away then.
pub(super) fn take(
    object: &mut Value,
    name: &str,
    running: Option<&InstanceSpec>,
    rules: CardRules<'_>,
) -> Result<(), PortalError> {
    name_the_unnamed(object, rules);
    if entry(object, CARDS, name).is_none() {
        return Err(PortalError::Conflict(format!("The machine has no network card {name} any more.")));
    }
    let running = running.map(|spec| cards(spec, rules)).unwrap_or_default();
    let runs = running.iter().find(|(card, _)| card.name == name);
    if runs.is_some_and(|(card, network)| can_leave(card, network, rules)) {
        for card in list(object, CARDS).iter_mut().filter(|card| card["name"] == name) {
            card["state"] = ABSENT.into();
        }
        return Ok(());
    }
    remove(object, CARDS, name);
    remove(object, NETWORKS, name);
    if entries(object, CARDS).is_empty() {
        // Without a word the cluster would give it a card of its own.
        set(object, &format!("{SPEC}/domain/devices/autoattachPodInterface"), Some(&false.into()));
    }
    Ok(())
}

fn name_the_unnamed(object: &mut Value, rules: CardRules<'_>) {
    let has_none = entries(object, CARDS).is_empty() && entries(object, NETWORKS).is_empty();
    if has_none && object.pointer(&format!("{SPEC}/domain/devices/autoattachPodInterface")) != Some(&false.into()) {
        list(object, NETWORKS).push(json!({ "name": UNNAMED, "pod": {} }));
        list(object, CARDS).push(json!({ "name": UNNAMED, (rules.unnamed_binding): {} }));
    }
}
