//! Disks, drives and discs: in and out, one more, larger.

use leptos::prelude::*;
use model::ObjectRef;
use model::create::size;
use model::editing::{ClaimOption, DiskEdit, MachineEditing};
use server_fn::ServerFn;

use super::{ChangeForm, Changer, INPUT};
use crate::api::editing::{
    AddDisk, AttachDisk, DetachDisk, EjectDisc, GrowDisk, InsertDisc, add_disk, attach_disk, detach_disk, eject_disc,
    grow_disk, insert_disc,
};
use crate::ui::{Look, button_class};

/// All disks, and forms for more.
#[component]
pub(super) fn Disks(at: ObjectRef, editing: MachineEditing, changer: Changer) -> impl IntoView {
    let MachineEditing { disks, detached, discs, claims, classes, buses, is_live, change_denied, .. } = editing;
    let may_change = change_denied.is_none();
    let has_drive = disks.iter().any(|disk| disk.is_drive);
    let filled = disks.iter().filter(|disk| disk.is_drive && disk.content.is_some()).count();
    let lines = disks
        .into_iter()
        .map(|disk| view! { <DiskLine at=at.clone() disk discs=discs.clone() may_change changer/> })
        .collect_view();
    let left =
        detached.into_iter().map(|disk| view! { <DetachedLine at=at.clone() disk may_change changer/> }).collect_view();
    let (of, machine) = (at.clone(), at);
    view! {
        <ul class="flex flex-col divide-y divide-rule">{lines} {left}</ul>
        {(may_change && filled > 1).then(|| view! { <EjectAll at=of changer/> })}
        {may_change
            .then(|| {
                view! {
                    <div class="mt-3 flex flex-col gap-y-3">
                        <NewDisk at=machine.clone() classes buses=buses.clone() is_live changer/>
                        {(!claims.is_empty()).then(|| view! { <Attach at=machine.clone() claims buses changer/> })}
                        {(!has_drive && !discs.is_empty())
                            .then(|| view! { <Insert at=machine.clone() drive=String::new() discs=discs.clone() changer/> })}
                    </div>
                }
            })}
    }
}

fn size_words(bytes: Option<u64>) -> Option<String> {
    bytes.map(|bytes| format!(" · {}", size::words(size::mib_of_bytes(bytes))))
}

#[component]
fn DiskLine(at: ObjectRef, disk: DiskEdit, discs: Vec<String>, may_change: bool, changer: Changer) -> impl IntoView {
    let kind = if disk.is_drive { "drive" } else { "disk" };
    let content = disk.content.clone().unwrap_or_else(|| "empty".to_owned());
    let (is_empty, is_drive) = (disk.content.is_none(), disk.is_drive);
    view! {
        <li class="flex flex-wrap items-center gap-x-3 gap-y-1.5 py-2 text-sm" data-disk=disk.name.clone()>
            <span class="font-medium">{disk.name.clone()}</span>
            <span class="text-xs text-ink-faint">{kind} {size_words(disk.bytes)}</span>
            <span class="min-w-0 flex-1 truncate text-ink-quiet" title=content.clone()>
                {content.clone()}
            </span>
            {(may_change && is_drive && !is_empty).then(|| view! { <Eject at=at.clone() disk=disk.clone() changer/> })}
            {(may_change && is_drive && is_empty && !discs.is_empty())
                .then(|| view! { <Insert at=at.clone() drive=disk.name.clone() discs changer/> })}
            {(may_change && !is_drive)
                .then(|| {
                    view! {
                        <Grow at=at.clone() disk=disk.clone() changer/>
                        <Detach at=at.clone() disk=disk.clone() changer/>
                    }
                })}
        </li>
    }
}

/// A claim of the machine that is no disk of it now.
#[component]
fn DetachedLine(at: ObjectRef, disk: DiskEdit, may_change: bool, changer: Changer) -> impl IntoView {
    let claim = disk.claim.unwrap_or_default();
    let (named, sent) = (claim.clone(), claim.clone());
    let send = move |namespace, name| attach_disk(namespace, name, sent.clone(), String::new());
    view! {
        <li class="flex flex-wrap items-center gap-x-3 gap-y-1.5 py-2 text-sm" data-detached=claim.clone()>
            <span class="font-medium text-ink-quiet">{claim.clone()}</span>
            <span class="text-xs text-ink-faint">"detached" {size_words(disk.bytes)}</span>
            <span class="min-w-0 flex-1 text-ink-quiet">"Kept until the machine is deleted"</span>
            {may_change
                .then(|| {
                    view! {
                        <ChangeForm at action=AttachDisk::url() send done=format!("{claim} is on its way back.") changer>
                            <input type="hidden" name="claim" value=named.clone()/>
                            <button type="submit" class=button_class(Look::Plain)>
                                "Attach"
                                <span class="sr-only">" " {named}</span>
                            </button>
                        </ChangeForm>
                    }
                })}
        </li>
    }
}

#[component]
fn Eject(at: ObjectRef, disk: DiskEdit, changer: Changer) -> impl IntoView {
    let drive = disk.name.clone();
    let done = if disk.is_live { "The disc is on its way out." } else { "The disc is taken out at the next start." };
    let hint = if disk.is_live { "Takes the disc out now" } else { "Takes effect when the machine starts next" };
    let send = move |namespace, name| eject_disc(namespace, name, drive.clone());
    view! {
        <ChangeForm at action=EjectDisc::url() send done changer>
            <input type="hidden" name="drive" value=disk.name/>
            <button type="submit" class=button_class(Look::Plain) title=hint>
                "Eject"
            </button>
        </ChangeForm>
    }
}

/// For after an installation: the disc and the drivers have done their work.
#[component]
fn EjectAll(at: ObjectRef, changer: Changer) -> impl IntoView {
    let send = |namespace, name| eject_disc(namespace, name, String::new());
    let done = "The discs are on their way out. The machine starts from its disk.";
    view! {
        <div class="mt-2 text-sm">
            <ChangeForm at action=EjectDisc::url() send done changer>
                <input type="hidden" name="drive" value=""/>
                <button type="submit" class=button_class(Look::Plain)>
                    "Eject all discs"
                </button>
                <span class="text-ink-faint">"Is the installation over? Then the machine needs them no more."</span>
            </ChangeForm>
        </div>
    }
}

/// Takes a disk off. What is on it stays.
#[component]
fn Detach(at: ObjectRef, disk: DiskEdit, changer: Changer) -> impl IntoView {
    let DiskEdit { name: disk, claim, is_live, .. } = disk;
    let hint = if is_live { "Takes the disk off now" } else { "Takes effect when the machine starts next" };
    let when = if is_live { "is on its way off" } else { "is taken off at the next start" };
    let kept = claim.map(|claim| format!(" Its claim {claim} stays.")).unwrap_or_default();
    let hint = format!("{hint}.{kept}");
    let done = format!("{disk} {when}.{kept}");
    let (named, sent) = (disk.clone(), disk.clone());
    let send = move |namespace, name| detach_disk(namespace, name, sent.clone());
    view! {
        <ChangeForm at action=DetachDisk::url() send done changer>
            <input type="hidden" name="disk" value=disk/>
            <button type="submit" class=button_class(Look::Plain) title=hint>
                "Detach"
                <span class="sr-only">" " {named}</span>
            </button>
        </ChangeForm>
    }
}

#[component]
fn Insert(at: ObjectRef, drive: String, discs: Vec<String>, changer: Changer) -> impl IntoView {
    let chosen = RwSignal::new(discs.first().cloned().unwrap_or_default());
    let into = drive.clone();
    let send = move |namespace, name| insert_disc(namespace, name, into.clone(), chosen.get_untracked());
    view! {
        <ChangeForm at action=InsertDisc::url() send done="The disc is on its way in." changer>
            <input type="hidden" name="drive" value=drive/>
            <select class=INPUT name="claim" aria-label="Disc" on:change=move |event| chosen.set(event_target_value(&event))>
                {discs.into_iter().map(|disc| view! { <option value=disc.clone()>{disc.clone()}</option> }).collect_view()}
            </select>
            <button type="submit" class=button_class(Look::Plain)>
                "Insert"
            </button>
        </ChangeForm>
    }
}

#[component]
fn Grow(at: ObjectRef, disk: DiskEdit, changer: Changer) -> impl IntoView {
    if let Some(reason) = disk.grow_denied {
        let is_worth_saying = disk.claim.is_some();
        return is_worth_saying.then(|| view! { <span class="text-xs text-ink-faint">{reason}</span> }).into_any();
    }
    let typed = RwSignal::new(String::new());
    let claim = disk.claim.unwrap_or_default();
    let of = claim.clone();
    let send = move |namespace, name| grow_disk(namespace, name, of.clone(), typed.get_untracked());
    let done = "The disk is growing. The guest may have to enlarge its file system.";
    view! {
        <ChangeForm at action=GrowDisk::url() send done changer>
            <input type="hidden" name="claim" value=claim/>
            <input
                class=format!("{INPUT} w-24")
                name="size"
                placeholder="40 GiB"
                aria-label="New size"
                required
                on:input=move |event| typed.set(event_target_value(&event))
            />
            <button type="submit" class=button_class(Look::Plain)>
                "Grow"
            </button>
        </ChangeForm>
    }
    .into_any()
}

/// How a disk is attached.
#[component]
fn BusChoice(buses: Vec<String>, chosen: RwSignal<String>) -> impl IntoView {
    view! {
        <select class=INPUT name="bus" aria-label="Bus" on:change=move |event| chosen.set(event_target_value(&event))>
            <option value="">"suitable bus"</option>
            {buses.into_iter().map(|bus| view! { <option value=bus.clone()>{bus.clone()}</option> }).collect_view()}
        </select>
    }
}

#[component]
fn NewDisk(at: ObjectRef, classes: Vec<String>, buses: Vec<String>, is_live: bool, changer: Changer) -> impl IntoView {
    let [typed, class, bus] = [(); 3].map(|()| RwSignal::new(String::new()));
    let send = move |namespace, name| {
        add_disk(namespace, name, typed.get_untracked(), class.get_untracked(), bus.get_untracked())
    };
    let done = if is_live { "The disk is being made." } else { "The disk comes with the next start." };
    view! {
        <ChangeForm at action=AddDisk::url() send done changer>
            <input
                class=format!("{INPUT} w-24")
                name="size"
                placeholder="20 GiB"
                aria-label="Size of the new disk"
                required
                on:input=move |event| typed.set(event_target_value(&event))
            />
            <select class=INPUT name="class" aria-label="Storage class" on:change=move |event| class.set(event_target_value(&event))>
                <option value="">"default storage"</option>
                {classes.into_iter().map(|class| view! { <option value=class.clone()>{class.clone()}</option> }).collect_view()}
            </select>
            <BusChoice buses chosen=bus/>
            <button type="submit" class=button_class(Look::Plain)>
                "Add disk"
            </button>
        </ChangeForm>
    }
}

/// A claim that is there already, as one more disk.
#[component]
fn Attach(at: ObjectRef, claims: Vec<ClaimOption>, buses: Vec<String>, changer: Changer) -> impl IntoView {
    let chosen = RwSignal::new(claims.first().map(|claim| claim.name.clone()).unwrap_or_default());
    let bus = RwSignal::new(String::new());
    let send = move |namespace, name| attach_disk(namespace, name, chosen.get_untracked(), bus.get_untracked());
    view! {
        <ChangeForm at action=AttachDisk::url() send done="The disk is on its way in. The machine writes on it." changer>
            <select class=INPUT name="claim" aria-label="Claim" on:change=move |event| chosen.set(event_target_value(&event))>
                {claims
                    .into_iter()
                    .map(|claim| {
                        let words = format!("{}{}", claim.name, size_words(claim.bytes).unwrap_or_default());
                        view! { <option value=claim.name>{words}</option> }
                    })
                    .collect_view()}
            </select>
            <BusChoice buses chosen=bus/>
            <button type="submit" class=button_class(Look::Plain)>
                "Attach as disk"
            </button>
            <span class="text-xs text-ink-faint">"The machine writes on it, so an image is best copied first."</span>
        </ChangeForm>
    }
}
