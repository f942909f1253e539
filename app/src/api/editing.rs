//! Changing a machine that is there: discs, disks, network cards, size, what is said about it, deletion.

use leptos::prelude::*;
use model::editing::MachineEditing;

use super::{Answer, Wire};

/// What can be changed about a machine.
#[server(endpoint = "machines/editing", protocol = Wire)]
pub async fn get_machine_editing(namespace: String, name: String) -> Answer<MachineEditing> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.machine_editing(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}

/// Takes the disc out of a drive, or out of all if none is named.
#[server(endpoint = "machines/eject", protocol = Wire)]
pub async fn eject_disc(namespace: String, name: String, drive: String) -> Answer<()> {
    change(&namespace, &name, portal::editing::MachineChange::Eject { drive }).await
}

/// Puts a disc into a drive, or into a new one if no drive is named.
#[server(endpoint = "machines/insert", protocol = Wire)]
pub async fn insert_disc(namespace: String, name: String, drive: String, claim: String) -> Answer<()> {
    change(&namespace, &name, portal::editing::MachineChange::Insert { drive, claim }).await
}

/// Adds an empty disk; on a bus that suits if none is named.
#[server(endpoint = "machines/add-disk", protocol = Wire)]
pub async fn add_disk(
    namespace: String,
    name: String,
    size: String,
    class: String,
    #[server(default)] bus: String,
) -> Answer<()> {
    change(&namespace, &name, portal::editing::MachineChange::AddDisk { size, class, bus }).await
}

/// Adds a claim that is there already as a disk.
#[server(endpoint = "machines/attach-disk", protocol = Wire)]
pub async fn attach_disk(namespace: String, name: String, claim: String, #[server(default)] bus: String) -> Answer<()> {
    change(&namespace, &name, portal::editing::MachineChange::AttachDisk { claim, bus }).await
}

/// Takes a disk off the machine. Its claim stays.
#[server(endpoint = "machines/detach-disk", protocol = Wire)]
pub async fn detach_disk(namespace: String, name: String, disk: String) -> Answer<()> {
    change(&namespace, &name, portal::editing::MachineChange::DetachDisk { disk }).await
}

/// Adds a network card.
#[server(endpoint = "machines/add-card", protocol = Wire)]
pub async fn add_card(namespace: String, name: String, network: String) -> Answer<()> {
    change(&namespace, &name, portal::editing::MachineChange::AddCard { network }).await
}

/// Takes a network card away.
#[server(endpoint = "machines/remove-card", protocol = Wire)]
pub async fn remove_card(namespace: String, name: String, card: String) -> Answer<()> {
    change(&namespace, &name, portal::editing::MachineChange::RemoveCard { card }).await
}

/// Makes a disk larger.
#[server(endpoint = "machines/grow-disk", protocol = Wire)]
pub async fn grow_disk(namespace: String, name: String, claim: String, size: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.grow_disk(&cx.actor, &at, &claim, &size).await.map_err(|error| cx.fail(&error))
}

/// Changes processors and memory, or the ready-made size.
#[server(endpoint = "machines/resize", protocol = Wire)]
pub async fn resize_machine(
    namespace: String,
    name: String,
    instancetype: String,
    cpus: String,
    memory: String,
) -> Answer<()> {
    change(&namespace, &name, portal::editing::MachineChange::Resize { instancetype, cpus, memory }).await
}

/// Protects a machine against deletion, or takes the protection off.
#[server(endpoint = "machines/protect", protocol = Wire)]
pub async fn protect_machine(namespace: String, name: String, on: bool) -> Answer<()> {
    change(&namespace, &name, portal::editing::MachineChange::Protect { on }).await
}

/// Says what a machine is for, and what its people want to remember.
#[server(endpoint = "machines/describe", protocol = Wire)]
pub async fn describe_machine(
    namespace: String,
    name: String,
    #[server(default)] description: String,
    #[server(default)] notes: String,
) -> Answer<()> {
    change(&namespace, &name, portal::editing::MachineChange::Describe { description, notes }).await
}

/// Replaces a machine's labels.
#[server(endpoint = "machines/label", protocol = Wire)]
pub async fn label_machine(namespace: String, name: String, #[server(default)] labels: String) -> Answer<()> {
    change(&namespace, &name, portal::editing::MachineChange::Label { labels }).await
}

/// Changes when a machine runs.
#[server(endpoint = "machines/run", protocol = Wire)]
pub async fn set_run_strategy(namespace: String, name: String, strategy: String) -> Answer<()> {
    change(&namespace, &name, portal::editing::MachineChange::Run { strategy }).await
}

/// Takes back what waits for the next start: one thing, or all that can be if none is named.
#[server(endpoint = "machines/revert", protocol = Wire)]
pub async fn revert_change(namespace: String, name: String, #[server(default)] what: String) -> Answer<()> {
    change(&namespace, &name, portal::editing::MachineChange::Revert { what }).await
}

/// Deletes a machine and the named ones of its disks. `confirm` is its name, typed once more.
#[server(endpoint = "machines/delete", protocol = Wire)]
pub async fn delete_machine(
    namespace: String,
    name: String,
    confirm: String,
    #[server(default)] claims: Vec<String>,
) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("machine"))?;
    // Whoever may not know of the machine is not told that only its name is missing.
    cx.portal.machine_editing(&cx.actor, &at).await.map_err(|error| cx.fail(&error))?;
    if confirm.trim() != name {
        return Err(cx.invalid("Type the machine's name to delete it."));
    }
    cx.portal.delete_machine(&cx.actor, &at, &claims).await.map_err(|error| cx.fail(&error))?;
    crate::ssr::lead_on(crate::paths::MACHINES);
    Ok(())
}

/// One change, by whoever asks.
#[cfg(feature = "ssr")]
async fn change(namespace: &str, name: &str, change: portal::editing::MachineChange) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(namespace, name).map_err(|_| cx.not_found("machine"))?;
    cx.portal.change_machine(&cx.actor, &at, &change).await.map_err(|error| cx.fail(&error))
}
