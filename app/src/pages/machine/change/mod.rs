//! What can be changed about the machine: discs, disks, network cards, size; and what waits for its next start.
//!
//! Each change is a [`ChangeForm`] of its own, so that it works without script; with script what is wrong is said below
//! the form, what became of it in the corner, and the page follows by itself.

mod about;
mod cards;
mod disks;
mod pending;
mod size;

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::editing::MachineEditing;
use model::live::LiveKind;
use model::{ObjectRef, UiError};

use super::delete::DeleteDialog;
use crate::api::editing::get_machine_editing;
use crate::api::{Answer, ApiError};
use crate::components::toasts::Toasts;
use crate::live::Live;
use crate::ui::{Glyph, Panel, Tone};

const INPUT: &str = "h-8 rounded-control border border-rule-strong bg-paper-raised px-2 text-sm";

/// Sends changes, one after the other, and says what became of them.
#[derive(Clone, Copy)]
struct Changer {
    toasts: Toasts,
    live: Live,
    is_busy: RwSignal<bool>,
}

impl Changer {
    fn run(self, change: impl Future<Output = Answer<()>> + 'static, done: String, wrong: RwSignal<Option<UiError>>) {
        if self.is_busy.get_untracked() {
            return;
        }
        self.is_busy.set(true);
        wrong.set(None);
        spawn_local(async move {
            let answer = change.await;
            self.is_busy.try_set(false);
            match answer {
                Ok(()) => {
                    self.toasts.say(Tone::Good, done);
                    self.live.raise(LiveKind::Machine);
                }
                Err(ApiError(error)) => drop(wrong.try_set(Some(error))),
            }
        });
    }
}

/// The form of one change. What was typed stays when it is refused.
#[component]
fn ChangeForm<S, A>(
    at: ObjectRef,
    /// Where it goes without script.
    action: &'static str,
    /// What it sends with script, of the machine's namespace and name.
    send: S,
    /// What is said when it was done.
    #[prop(into)]
    done: String,
    changer: Changer,
    children: Children,
) -> impl IntoView
where
    S: Fn(String, String) -> A + 'static,
    A: Future<Output = Answer<()>> + 'static,
{
    let wrong = RwSignal::new(None::<UiError>);
    let (namespace, name) = (at.namespace.to_string(), at.name.to_string());
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        changer.run(send(namespace.clone(), name.clone()), done.clone(), wrong);
    };
    view! {
        <form method="post" action=action class="flex flex-wrap items-center gap-1.5" on:submit=on_submit>
            <Of at/>
            {children()}
            {move || {
                wrong.get().map(|error| view! { <p class="prose-line w-full text-sm text-bad" role="alert">{error.message}</p> })
            }}
        </form>
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

/// All changes, in panels. What this person may not change is said once.
#[component]
pub fn Changes(
    /// The machine.
    at: ObjectRef,
    /// Whether only the question before deleting is wanted, which the menu opens on every tab.
    #[prop(optional)]
    only_delete: bool,
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
                    now.get().map(|editing| view! { <Shown at editing changer only_delete/> })
                }
            }
        </Transition>
    }
}

#[component]
fn Shown(at: ObjectRef, editing: MachineEditing, changer: Changer, only_delete: bool) -> impl IntoView {
    let may_change = editing.change_denied.is_none();
    let MachineEditing { pending, change_denied, delete_denied, .. } = editing.clone();
    let going = editing.disks.iter().chain(&editing.detached).cloned().collect::<Vec<_>>();
    if only_delete {
        return view! { <DeleteDialog at disks=going denied=delete_denied/> }.into_any();
    }
    let about = view! { <about::About at=at.clone() editing=editing.clone() changer/> };
    let waits = (!pending.is_empty()).then(|| view! { <pending::Waits at=at.clone() pending may_change changer/> });
    let disks = view! { <disks::Disks at=at.clone() editing=editing.clone() changer/> };
    let resize = {
        let (at, editing) = (at.clone(), editing.clone());
        may_change.then(|| {
            view! {
                <Panel title="Size" glyph=Glyph::Processor>
                    <size::Resize at editing changer/>
                </Panel>
            }
        })
    };
    let cards = view! { <cards::Cards at=at.clone() editing changer/> };
    view! {
        <div class="flex min-w-0 flex-col gap-8">
            {waits}
            {change_denied.map(|reason| view! { <p class="text-sm text-ink-faint">{reason}</p> })}
            {resize}
            <Panel title="Disks and discs" glyph=Glyph::Disk>
                {disks}
            </Panel>
            <Panel title="Network cards" glyph=Glyph::Network>
                {cards}
            </Panel>
            <Panel title="About it" glyph=Glyph::Label>
                {about}
            </Panel>
        </div>
        <DeleteDialog at disks=going denied=delete_denied/>
    }
    .into_any()
}
