//! What a choice costs, said before it is made.

use super::draft::{Boot, Bus, Firmware, MachineDraft, NetworkChoice, Run, Tpm};
use super::options::{CreateOptions, ImageKind};
use super::problem::size_of;
use super::size;
use super::system::Family;

/// Field name and what its present value costs, in the order of the form.
pub fn costs(draft: &MachineDraft, options: &CreateOptions) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut add = |field, holds: bool, text: &str| {
        if holds {
            found.push((field, text.to_owned()));
        }
    };
    let card = options.system(&draft.system);
    let is_windows = card.is_some_and(|card| card.family == Family::Windows);
    let image = options.image(&draft.image);
    let is_copied_disc = draft.boot == Boot::Iso
        && image.is_some_and(|image| image.kind == ImageKind::Iso && image.parts().0 != draft.namespace);
    add(
        "image",
        is_copied_disc,
        "The disc belongs to another team, so it is copied into yours first. That takes a while.",
    );
    add(
        "container",
        draft.boot == Boot::Container,
        "What the guest writes is gone when the machine stops. Add a disk for what has to stay.",
    );
    add(
        "boot",
        draft.boot == Boot::Blank,
        "Nothing on an empty disk can start: the machine waits at its firmware until something is installed on it.",
    );
    if let (Some(card), Some((cpus, memory))) = (card.filter(|card| !card.has_preference), size_of(draft, options)) {
        let is_small = cpus < card.cpus || memory < card.memory_mib;
        let text =
            format!("{} asks for {} and {} at least.", card.label, plural(card.cpus), size::words(card.memory_mib));
        add("memory", is_small, &text);
    }
    let is_hidden_disk = is_windows && draft.boot == Boot::Iso && matches!(draft.bus, Bus::Virtio | Bus::Scsi);
    add("bus", is_hidden_disk, "Windows' set-up sees this disk only after you load its driver from the driver disc.");
    let class = options.classes.iter().find(|class| {
        if draft.storage_class.is_empty() { class.is_default } else { class.name == draft.storage_class }
    });
    let makes_claims = makes_claims(draft);
    let is_local = makes_claims && class.is_some_and(|class| !class.is_shared);
    add(
        "storage_class",
        is_local,
        "Disks of this class can be used on one node at a time: the machine cannot move while it runs.",
    );
    add(
        "copies",
        super::count(draft) > 1 && draft.boot == Boot::Iso,
        "All of them install from the same disc. Where its storage is bound to one node, they have to run there.",
    );
    add(
        "network",
        draft.network == NetworkChoice::Bridge,
        "A bridge on the pod network cannot be live-migrated: the machine stops when its node is emptied.",
    );
    add(
        "network",
        draft.network == NetworkChoice::Nothing,
        "Without a network the machine can be reached on its screen only.",
    );
    add("node", !draft.node.is_empty(), "It runs on this node only: it stops when the node does and cannot move.");
    let wants_tpm = card.is_some_and(|card| card.wants_tpm);
    add(
        "tpm",
        draft.tpm == Tpm::Off && wants_tpm && is_windows,
        "The set-up of this Windows refuses to install without a security chip.",
    );
    let keeps = keeps_state(draft, options);
    add("tpm", keeps, "Its keys live on a small disk of their own, which copies of the machine do not take along.");
    add("no_tablet", draft.no_tablet, "Without a tablet the pointer on the screen drifts away from your own.");
    add(
        "no_drivers",
        draft.no_drivers && card.is_some_and(|card| card.has_drivers),
        "Windows then runs without the faster devices and cannot tell its address.",
    );
    add("devices", !draft.devices.trim().is_empty(), "A machine with a device of its node cannot move while it runs.");
    add(
        "firmware",
        draft.firmware == Firmware::SecureBoot && !is_windows,
        "Only kernels and drivers that are signed start: if its screen stays dark, choose EFI without Secure Boot.",
    );
    add("run", draft.run == Run::Always, "Shutting down from inside only restarts it; stop it here instead.");
    add("run", draft.run == Run::Once, "It cannot be restarted afterwards, only started anew by changing this.");
    // What stops a machine goes before what only costs something.
    found.splice(0..0, foreseen(draft, options, class.map(|class| class.name.as_str())));
    found
}

/// Troubles of others that this draft would meet too.
fn foreseen(draft: &MachineDraft, options: &CreateOptions, class: Option<&str>) -> Vec<(&'static str, String)> {
    let chosen = |field: &str| match field {
        "storage_class" if makes_claims(draft) => Some(class.unwrap_or_default()),
        "run" if draft.run != Run::ByHand => Some(""),
        _ => None,
    };
    let fields = ["storage_class", "run"];
    let told = |field: &'static str| {
        let choice = chosen(field)?;
        options.foreseen.iter().find(|known| known.is_about(field, choice)).map(|known| (field, known.sentence()))
    };
    fields.into_iter().filter_map(told).collect()
}

fn makes_claims(draft: &MachineDraft) -> bool {
    draft.boot != Boot::Container || !draft.disks.is_empty()
}

/// Whether the machine gets a small disk for its chip.
pub(super) fn keeps_state(draft: &MachineDraft, options: &CreateOptions) -> bool {
    let wants_tpm = options.system(&draft.system).is_some_and(|card| card.wants_tpm);
    draft.tpm == Tpm::Kept || (draft.tpm == Tpm::Auto && wants_tpm)
}

fn plural(cpus: u32) -> String {
    if cpus == 1 { "1 CPU".to_owned() } else { format!("{cpus} CPUs") }
}

#[cfg(test)]
mod tests {
    use super::super::{ClassOption, built_in_systems};
    use super::*;
    use crate::finding::Foreseen;

    fn told(draft: &MachineDraft) -> Vec<&'static str> {
        let options = CreateOptions { systems: built_in_systems(), ..CreateOptions::default() };
        costs(draft, &options).into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn the_defaults_cost_nothing() {
        assert_eq!(told(&MachineDraft::default()), Vec::<&str>::new());
    }

    #[test]
    fn what_keeps_a_machine_from_moving_is_said() {
        let draft =
            MachineDraft { network: NetworkChoice::Bridge, node: "node01".to_owned(), ..MachineDraft::default() };
        assert_eq!(told(&draft), ["network", "node"]);
    }

    #[test]
    fn troubles_of_others_are_told_where_the_draft_would_meet_them() {
        let known = |field: &str, choice: Option<&str>| Foreseen {
            field: field.to_owned(),
            choice: choice.map(str::to_owned),
            met_by: "blue/data".to_owned(),
            told: "The storage does not make a volume.".to_owned(),
        };
        let class = |name: &str, is_default| ClassOption {
            name: name.to_owned(),
            is_default,
            is_shared: true,
            ..ClassOption::default()
        };
        let options = CreateOptions {
            classes: vec![class("slow", true), class("fast", false)],
            foreseen: vec![known("storage_class", Some("slow")), known("run", None)],
            ..CreateOptions::default()
        };
        let told =
            |draft: &MachineDraft| costs(draft, &options).into_iter().map(|(field, _)| field).collect::<Vec<_>>();
        assert_eq!(told(&MachineDraft::default()), ["storage_class", "run"], "the default class is meant");
        let elsewhere = MachineDraft { storage_class: "fast".to_owned(), run: Run::ByHand, ..MachineDraft::default() };
        assert_eq!(told(&elsewhere), [""; 0]);
    }

    #[test]
    fn windows_on_a_virtio_disk_and_without_its_chip_is_warned_about() {
        let draft = MachineDraft {
            system: "windows.11".to_owned(),
            bus: Bus::Virtio,
            tpm: Tpm::Off,
            ..MachineDraft::default()
        };
        assert_eq!(told(&draft), ["bus", "tpm"]);
    }
}
