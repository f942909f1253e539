//! Deleting the machine: a question that names every disk, and wants the machine's name.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use model::ObjectRef;
use model::create::size;
use model::editing::DiskEdit;
use model::live::LiveKind;
use server_fn::ServerFn;

use super::change::Of;
use crate::api::ApiError;
use crate::api::editing::{DeleteMachine, delete_machine};
use crate::components::power::Viewer;
use crate::components::toasts::Toasts;
use crate::components::undo::Undo;
use crate::live::Live;
use crate::paths;
use crate::ui::{Cancel, Dialog, Glyph, Icon, Look, Notice, Tone, button_class};

/// The menu's line that opens the question.
#[component]
pub fn DeleteItem() -> impl IntoView {
    view! {
        <button type="button" class=button_class(Look::Item) popovertarget="confirm-delete">
            <Icon glyph=Glyph::Close/>
            "Delete…"
        </button>
    }
}

/// The question, in a popover that works without script.
#[component]
pub fn DeleteDialog(
    /// The machine.
    at: ObjectRef,
    /// Its disks.
    disks: Vec<DiskEdit>,
    /// Why this person cannot delete it.
    denied: Option<String>,
) -> impl IntoView {
    let (toasts, live, navigate, undo) = (Toasts::expect(), Live::expect(), use_navigate(), Undo::expect());
    let viewer = Viewer::words();
    let claims: Vec<_> = disks.into_iter().filter(|disk| disk.claim.is_some()).collect();
    let its_own =
        claims.iter().filter(|disk| disk.goes_along).filter_map(|disk| disk.claim.clone()).collect::<Vec<_>>();
    let going = RwSignal::new(its_own);
    let typed = RwSignal::new(String::new());
    let machine = at.clone();
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        let (at, typed) = (machine.clone(), typed.get_untracked());
        if typed.trim() != at.name.as_str() {
            toasts.say(Tone::Bad, "Type the machine's name to delete it.");
            return;
        }
        let claims = going.get_untracked();
        let text = match claims.as_slice() {
            [] => format!("{} is about to be deleted. Its disks stay.", at.name),
            claims => format!("{} is about to be deleted, with {}.", at.name, claims.join(", ")),
        };
        undo.later(text, move || delete(at.clone(), typed.clone(), claims.clone(), toasts, live));
        navigate(paths::MACHINES, NavigateOptions::default());
    };
    let lines = claims.into_iter().map(|disk| view! { <Fate disk going/> }).collect::<Vec<_>>();
    let has_disks = !lines.is_empty();
    let name = at.name.to_string();
    view! {
        <Dialog id="confirm-delete" title=format!("Delete {name}?")>
            {match denied {
                Some(reason) => view! { <p class="mt-2 text-ink-quiet">{reason}</p> }.into_any(),
                None => {
                    view! {
                        <form method="post" action=DeleteMachine::url() class="mt-2 flex flex-col gap-3" on:submit=on_submit>
                            <Of at/>
                            {move || viewer.get().map(|text| view! { <Notice tone=Tone::Warn>{text}</Notice> })}
                            {has_disks
                                .then(|| {
                                    view! {
                                        <p class="prose-line text-sm text-ink-quiet">
                                            "Disks with a tick are deleted with it, and what is on them is lost. The others stay."
                                        </p>
                                        <ul class="flex flex-col gap-1.5">{lines}</ul>
                                    }
                                })}
                            <label class="text-sm">
                                "Type " <strong>{name.clone()}</strong> " to delete it"
                                <input
                                    class="mt-1 h-9 w-full rounded-control border border-rule-strong bg-paper-raised px-2.5"
                                    name="confirm"
                                    required
                                    autocomplete="off"
                                    autocapitalize="none"
                                    spellcheck="false"
                                    on:input=move |event| typed.set(event_target_value(&event))
                                />
                            </label>
                            <div class="flex justify-end gap-2">
                                <Cancel of="confirm-delete"/>
                                <button type="submit" class=button_class(Look::Danger)>
                                    "Delete machine"
                                </button>
                            </div>
                        </form>
                    }
                        .into_any()
                }
            }}
        </Dialog>
    }
}

/// Asks the cluster.
fn delete(at: ObjectRef, typed: String, claims: Vec<String>, toasts: Toasts, live: Live) {
    spawn_local(async move {
        let (namespace, name) = (at.namespace.to_string(), at.name.to_string());
        match delete_machine(namespace, name, typed, claims).await {
            Ok(()) => {
                toasts.say(Tone::Good, format!("{} is being deleted.", at.name));
                live.raise(LiveKind::Machine);
            }
            Err(ApiError(error)) => toasts.say(Tone::Bad, format!("{}: {}", at.name, error.message)),
        }
    });
}

/// Whether one disk goes too.
#[component]
fn Fate(disk: DiskEdit, going: RwSignal<Vec<String>>) -> impl IntoView {
    let claim = disk.claim.unwrap_or_default();
    let size = disk.bytes.map(|bytes| format!(" · {}", size::words(size::mib_of_bytes(bytes))));
    let about = if disk.is_drive { " · disc" } else { "" };
    let changed = claim.clone();
    view! {
        <li>
            <label class="flex items-center gap-2 text-sm">
                <input
                    type="checkbox"
                    class="size-4 accent-accent"
                    name="claims[]"
                    value=claim.clone()
                    checked=disk.goes_along
                    on:change=move |event| {
                        let is_on = event_target_checked(&event);
                        going.update(|going| {
                            going.retain(|claim| *claim != changed);
                            if is_on {
                                going.push(changed.clone());
                            }
                        });
                    }
                />
                <span class="min-w-0 truncate">{claim} <span class="text-ink-faint">{about} {size}</span></span>
            </label>
        </li>
    }
}
