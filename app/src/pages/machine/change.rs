//! What can be changed about the machine: discs, disks, size; and what waits for the next start.
//!
//! Each change is a form of its own, so that it works without script; with script it says what became of it in the
//! corner, and the page follows by itself.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::ObjectRef;
use model::create::size;
use model::editing::{DiskEdit, MachineEditing, Pending};
use model::live::LiveKind;
use server_fn::ServerFn;

use super::delete::DeleteDialog;
use crate::api::editing::{
    AddDisk, EjectDisc, GrowDisk, InsertDisc, KeepSize, ResizeMachine, add_disk, eject_disc, get_machine_editing,
    grow_disk, insert_disc, keep_size, resize_machine,
};
use crate::api::{Answer, ApiError};
use crate::components::toasts::Toasts;
use crate::live::Live;
use crate::ui::{Glyph, Look, Notice, Panel, Tone, button_class};

const INPUT: &str = "h-8 rounded-control border border-rule-strong bg-paper-raised px-2 text-sm";

/// Sends changes and says what became of them.
#[derive(Clone, Copy)]
struct Changer {
    toasts: Toasts,
    live: Live,
    is_busy: RwSignal<bool>,
}

impl Changer {
    fn run(self, change: impl Future<Output = Answer<()>> + 'static, done: String) {
        if self.is_busy.get_untracked() {
            return;
        }
        self.is_busy.set(true);
        spawn_local(async move {
            let answer = change.await;
            self.is_busy.try_set(false);
            match answer {
                Ok(()) => {
                    self.toasts.say(Tone::Good, done);
                    self.live.raise(LiveKind::Machine);
                }
                Err(ApiError(error)) => self.toasts.say(Tone::Bad, error.message),
            }
        });
    }
}

/// All changes, in a panel. What this person may not change is said once.
#[component]
pub fn Changes(
    /// The machine.
    at: ObjectRef,
) -> impl IntoView {
    let live = Live::expect();
    let changer = Changer { toasts: Toasts::expect(), live, is_busy: RwSignal::new(false) };
    let asked = at.clone();
    let editing = Resource::new(
        move || (live.version(LiveKind::Machine), live.version(LiveKind::Image)),
        move |_| get_machine_editing(asked.namespace.to_string(), asked.name.to_string()),
    );
    view! {
        <Transition>
            {
                let at = at.clone();
                // Only what really changed is drawn anew: somebody may be typing here.
                let now = Memo::new(move |before: Option<&Option<MachineEditing>>| {
                    let answer = editing.get().and_then(Result::ok);
                    answer.or_else(|| before.cloned().flatten())
                });
                move || {
                    let at = at.clone();
                    now.get().map(|editing| view! { <Shown at editing changer/> })
                }
            }
        </Transition>
    }
}

#[component]
fn Shown(at: ObjectRef, editing: MachineEditing, changer: Changer) -> impl IntoView {
    let may_change = editing.change_denied.is_none();
    let MachineEditing { disks, discs, classes, pending, change_denied, delete_denied, is_live, .. } = editing.clone();
    let deleted = at.clone();
    let lines = disks
        .iter()
        .map(|disk| view! { <DiskLine at=at.clone() disk=disk.clone() discs=discs.clone() may_change changer/> })
        .collect_view();
    let has_drive = disks.iter().any(|disk| disk.is_drive);
    let filled = disks.iter().filter(|disk| disk.is_drive && disk.content.is_some()).count();
    view! {
        <Panel title="Disks and discs" glyph=Glyph::Disk>
            {(!pending.is_empty()).then(|| view! { <Waits at=at.clone() pending may_change changer/> })}
            {change_denied.map(|reason| view! { <p class="mb-2 text-sm text-ink-faint">{reason}</p> })}
            <ul class="flex flex-col divide-y divide-rule">{lines}</ul>
            {(may_change && filled > 1).then(|| view! { <EjectAll at=at.clone() changer/> })}
            {may_change
                .then(|| {
                    view! {
                        <div class="mt-3 flex flex-wrap items-start gap-x-6 gap-y-3">
                            <NewDisk at=at.clone() classes is_live changer/>
                            {(!has_drive && !discs.is_empty())
                                .then(|| view! { <Insert at=at.clone() drive=String::new() discs=discs.clone() changer/> })}
                            <Resize at=at.clone() editing=editing.clone() changer/>
                        </div>
                    }
                })}
        </Panel>
        <DeleteDialog at=deleted disks denied=delete_denied/>
    }
}

/// Old beside new.
#[component]
fn Waits(at: ObjectRef, pending: Vec<Pending>, may_change: bool, changer: Changer) -> impl IntoView {
    let can_revert = may_change && pending.iter().any(|change| change.can_revert);
    let (namespace, name) = (at.namespace.to_string(), at.name.to_string());
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        changer.run(keep_size(namespace.clone(), name.clone()), "The size stays as it is.".to_owned());
    };
    view! {
        <div class="mb-3">
            <Notice tone=Tone::Info>
                <p class="font-medium">"Waits for the next start"</p>
                <ul>
                    {pending
                        .into_iter()
                        .map(|change| view! { <li>{change.what} ": " <s class="text-ink-faint">{change.now}</s> " → " {change.next}</li> })
                        .collect_view()}
                </ul>
                {can_revert
                    .then(|| {
                        view! {
                            <form method="post" action=KeepSize::url() class="mt-2" on:submit=on_submit>
                                <Of at=at.clone()/>
                                <button type="submit" class=button_class(Look::Plain)>
                                    "Keep the present size"
                                </button>
                            </form>
                        }
                    })}
            </Notice>
        </div>
    }
}

/// Which machine a form is about.
#[component]
pub fn Of(
    /// The machine.
    at: ObjectRef,
) -> impl IntoView {
    let ObjectRef { namespace, name } = at;
    view! {
        <input type="hidden" name="namespace" value=String::from(namespace)/>
        <input type="hidden" name="name" value=String::from(name)/>
    }
}

#[component]
fn DiskLine(at: ObjectRef, disk: DiskEdit, discs: Vec<String>, may_change: bool, changer: Changer) -> impl IntoView {
    let size = disk.bytes.map(|bytes| size::words(size::mib_of_bytes(bytes)));
    let kind = if disk.is_drive { "drive" } else { "disk" };
    let content = disk.content.clone().unwrap_or_else(|| "empty".to_owned());
    let (is_empty, is_drive) = (disk.content.is_none(), disk.is_drive);
    view! {
        <li class="flex flex-wrap items-center gap-x-3 gap-y-1.5 py-2 text-sm" data-disk=disk.name.clone()>
            <span class="font-medium">{disk.name.clone()}</span>
            <span class="text-xs text-ink-faint">{kind} {size.map(|size| format!(" · {size}"))}</span>
            <span class="min-w-0 flex-1 truncate text-ink-quiet" title=content.clone()>
                {content.clone()}
            </span>
            {(may_change && is_drive && !is_empty).then(|| view! { <Eject at=at.clone() disk=disk.clone() changer/> })}
            {(may_change && is_drive && is_empty && !discs.is_empty())
                .then(|| view! { <Insert at=at.clone() drive=disk.name.clone() discs changer/> })}
            {(may_change && !is_drive).then(|| view! { <Grow at=at.clone() disk=disk.clone() changer/> })}
        </li>
    }
}

#[component]
fn Eject(at: ObjectRef, disk: DiskEdit, changer: Changer) -> impl IntoView {
    let (namespace, name, drive) = (at.namespace.to_string(), at.name.to_string(), disk.name.clone());
    let done = if disk.is_live { "The disc is on its way out." } else { "The disc is taken out at the next start." };
    let hint = if disk.is_live { "Takes the disc out now" } else { "Takes effect when the machine starts next" };
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        changer.run(eject_disc(namespace.clone(), name.clone(), drive.clone()), done.to_owned());
    };
    view! {
        <form method="post" action=EjectDisc::url() on:submit=on_submit>
            <Of at/>
            <input type="hidden" name="drive" value=disk.name/>
            <button type="submit" class=button_class(Look::Plain) title=hint>
                "Eject"
            </button>
        </form>
    }
}

/// For after an installation: the disc and the drivers have done their work.
#[component]
fn EjectAll(at: ObjectRef, changer: Changer) -> impl IntoView {
    let (namespace, name) = (at.namespace.to_string(), at.name.to_string());
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        let done = "The discs are on their way out. The machine starts from its disk.".to_owned();
        changer.run(eject_disc(namespace.clone(), name.clone(), String::new()), done);
    };
    view! {
        <form method="post" action=EjectDisc::url() class="mt-2 flex flex-wrap items-center gap-2 text-sm" on:submit=on_submit>
            <Of at/>
            <input type="hidden" name="drive" value=""/>
            <button type="submit" class=button_class(Look::Plain)>
                "Eject all discs"
            </button>
            <span class="text-ink-faint">"Is the installation over? Then the machine needs them no more."</span>
        </form>
    }
}

#[component]
fn Insert(at: ObjectRef, drive: String, discs: Vec<String>, changer: Changer) -> impl IntoView {
    let first = discs.first().cloned().unwrap_or_default();
    let chosen = RwSignal::new(first);
    let (namespace, name, into) = (at.namespace.to_string(), at.name.to_string(), drive.clone());
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        let claim = chosen.get_untracked();
        let done = format!("{claim} is on its way in.");
        changer.run(insert_disc(namespace.clone(), name.clone(), into.clone(), claim), done);
    };
    view! {
        <form method="post" action=InsertDisc::url() class="flex items-center gap-1.5" on:submit=on_submit>
            <Of at/>
            <input type="hidden" name="drive" value=drive/>
            <select class=INPUT name="claim" aria-label="Disc" on:change=move |event| chosen.set(event_target_value(&event))>
                {discs.into_iter().map(|disc| view! { <option value=disc.clone()>{disc.clone()}</option> }).collect_view()}
            </select>
            <button type="submit" class=button_class(Look::Plain)>
                "Insert"
            </button>
        </form>
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
    let (namespace, name, of) = (at.namespace.to_string(), at.name.to_string(), claim.clone());
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        let size = typed.get_untracked();
        let done = "The disk is growing. The guest may have to enlarge its file system.".to_owned();
        changer.run(grow_disk(namespace.clone(), name.clone(), of.clone(), size), done);
    };
    view! {
        <form method="post" action=GrowDisk::url() class="flex items-center gap-1.5" on:submit=on_submit>
            <Of at/>
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
        </form>
    }
    .into_any()
}

#[component]
fn NewDisk(at: ObjectRef, classes: Vec<String>, is_live: bool, changer: Changer) -> impl IntoView {
    let (typed, class) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (namespace, name) = (at.namespace.to_string(), at.name.to_string());
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        let change = add_disk(namespace.clone(), name.clone(), typed.get_untracked(), class.get_untracked());
        let when = if is_live { "The disk is being made." } else { "The disk comes with the next start." };
        changer.run(change, when.to_owned());
    };
    view! {
        <form method="post" action=AddDisk::url() class="flex items-center gap-1.5" on:submit=on_submit>
            <Of at/>
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
            <button type="submit" class=button_class(Look::Plain)>
                "Add disk"
            </button>
        </form>
    }
}

#[component]
fn Resize(at: ObjectRef, editing: MachineEditing, changer: Changer) -> impl IntoView {
    let MachineEditing { sizes, instancetype, cpus, memory_mib, .. } = editing;
    let is_ready_made = !instancetype.is_empty();
    let chosen = RwSignal::new(instancetype.clone());
    let cpus = RwSignal::new(cpus.map(|cpus| cpus.to_string()).unwrap_or_default());
    let memory = RwSignal::new(memory_mib.map(size::words).unwrap_or_default());
    let (namespace, name) = (at.namespace.to_string(), at.name.to_string());
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        let (namespace, name) = (namespace.clone(), name.clone());
        let change =
            resize_machine(namespace, name, chosen.get_untracked(), cpus.get_untracked(), memory.get_untracked());
        changer.run(change, "The new size is set. What cannot change live waits for the next start.".to_owned());
    };
    let fields = if is_ready_made {
        view! {
            <select class=INPUT name="instancetype" aria-label="Size" on:change=move |event| chosen.set(event_target_value(&event))>
                {sizes
                    .into_iter()
                    .map(|size| {
                        let is_now = size.name == instancetype;
                        let words = format!("{} · {} CPU · {}", size.name, size.cpus, size::words(size.memory_mib));
                        view! { <option value=size.name selected=is_now>{words}</option> }
                    })
                    .collect_view()}
            </select>
            <input type="hidden" name="cpus" value=""/>
            <input type="hidden" name="memory" value=""/>
        }
        .into_any()
    } else {
        view! {
            <input type="hidden" name="instancetype" value=""/>
            <input
                class=format!("{INPUT} w-14")
                name="cpus"
                aria-label="CPUs"
                value=cpus.get_untracked()
                on:input=move |event| cpus.set(event_target_value(&event))
            />
            <span class="text-sm text-ink-faint">"CPU"</span>
            <input
                class=format!("{INPUT} w-24")
                name="memory"
                aria-label="Memory"
                value=memory.get_untracked()
                on:input=move |event| memory.set(event_target_value(&event))
            />
        }
        .into_any()
    };
    view! {
        <form method="post" action=ResizeMachine::url() class="flex items-center gap-1.5" on:submit=on_submit>
            <Of at/>
            {fields}
            <button type="submit" class=button_class(Look::Plain)>
                "Change size"
            </button>
        </form>
    }
}
