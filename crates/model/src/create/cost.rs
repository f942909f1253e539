//! What a choice costs, said before it is made.

use super::draft::{Boot, Bus, MachineDraft, NetworkChoice, Run, Tpm};
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
    let makes_claims = draft.boot != Boot::Container || !draft.disks.is_empty();
    let is_local = makes_claims && class.is_some_and(|class| !class.is_shared);
    add(
        "storage_class",
        is_local,
        "Disks of this class can be used on one node at a time: the machine cannot move while it runs.",
    );
    add(
        "storage_class",
        makes_claims && class.is_none() && draft.storage_class.is_empty() && !options.classes.is_empty(),
        "The cluster has no default storage class. Choose one, or the disks are never made.",
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
    let keeps = draft.tpm == Tpm::Kept || (draft.tpm == Tpm::Auto && wants_tpm);
    add("tpm", keeps, "Its keys live on a small disk of their own, which copies of the machine do not take along.");
    add("no_tablet", draft.no_tablet, "Without a tablet the pointer on the screen drifts away from your own.");
    add(
        "no_drivers",
        draft.no_drivers && card.is_some_and(|card| card.has_drivers),
        "Windows then runs without the faster devices and cannot tell its address.",
    );
    add("devices", !draft.devices.trim().is_empty(), "A machine with a device of its node cannot move while it runs.");
    add("run", draft.run == Run::Always, "Shutting down from inside only restarts it; stop it here instead.");
    add("run", draft.run == Run::Once, "It cannot be restarted afterwards, only started anew by changing this.");
    found
}

fn plural(cpus: u32) -> String {
    if cpus == 1 { "1 CPU".to_owned() } else { format!("{cpus} CPUs") }
}

#[cfg(test)]
mod tests {
    use super::super::built_in_systems;
    use super::*;

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
