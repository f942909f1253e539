//! What can be done with a workload: forms that work without script. With script what is wrong is said below the form,
//! what became of it in the corner, and the page follows by itself.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use model::ObjectRef;
use model::live::LiveKind;
use model::workload::{Offer, WorkloadAction, WorkloadKind};
use server_fn::ServerFn;

use crate::api::workloads::{ActOnWorkload, act_on_workload};
use crate::components::toasts::Toasts;
use crate::live::Live;
use crate::ui::{Cancel, Dialog, Glyph, Icon, Look, Tone, button_class};
use crate::{paths, platform};

pub(super) const INPUT: &str = "h-8 rounded-control border border-rule-strong bg-paper-raised px-2 text-sm";
/// The question before it is deleted.
const CONFIRM: &str = "confirm-delete";

/// Which workload.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Of {
    pub kind: WorkloadKind,
    pub at: ObjectRef,
}

/// The form of one action; what is inside it holds the `value`.
#[component]
pub(super) fn ActForm(
    of: Of,
    action: WorkloadAction,
    /// Why it is not possible now.
    denied: Option<String>,
    /// The container that it is about.
    #[prop(optional, into)]
    container: String,
    #[prop(default = "flex flex-wrap items-center gap-1.5")] class: &'static str,
    children: Children,
) -> impl IntoView {
    let (toasts, live, navigate) = (Toasts::expect(), Live::expect(), use_navigate());
    let wrong = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let Of { kind, at } = of;
    let (place, about) = (at.clone(), container.clone());
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(reason) = &denied {
            toasts.say(Tone::Warn, reason.clone());
            return;
        }
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        wrong.set(None);
        let value = platform::form_text(&event, "value");
        let (at, container, navigate) = (place.clone(), about.clone(), navigate.clone());
        spawn_local(async move {
            let (namespace, name) = (at.namespace.to_string(), at.name.to_string());
            let word = action.word().to_owned();
            let answer = act_on_workload(kind.word().to_owned(), namespace, name, word, container, value).await;
            is_busy.try_set(false);
            match answer {
                Ok(said) => {
                    toasts.say(Tone::Good, said);
                    live.raise(LiveKind::Pod);
                    if action == WorkloadAction::Delete {
                        navigate(paths::WORKLOADS, NavigateOptions::default());
                    }
                }
                Err(error) => drop(wrong.try_set(Some(error.0.message))),
            }
        });
    };
    view! {
        <form method="post" action=ActOnWorkload::url() class=class on:submit=on_submit data-action=action.word()>
            <input type="hidden" name="kind" value=kind.word()/>
            <input type="hidden" name="namespace" value=at.namespace.to_string()/>
            <input type="hidden" name="name" value=at.name.to_string()/>
            <input type="hidden" name="action" value=action.word()/>
            <input type="hidden" name="container" value=container/>
            {children()}
            {move || wrong.get().map(|text| view! { <p class="prose-line w-full text-sm text-bad" role="alert">{text}</p> })}
        </form>
    }
}

/// The button of a form, with the reason if it does nothing now.
#[component]
pub(super) fn Submit(
    #[prop(into)] label: String,
    denied: Option<String>,
    #[prop(default = Look::Plain)] look: Look,
) -> impl IntoView {
    let (is_denied, title) = (denied.is_some(), denied.clone());
    view! {
        <button type="submit" class=button_class(look) aria-disabled=is_denied.then_some("true") title=title>
            {label}
            {denied.map(|reason| view! { <span class="sr-only">": " {reason}</span> })}
        </button>
    }
}

/// The bar of actions.
#[component]
pub(super) fn Actions(of: Of, offers: Vec<Offer>, wanted: Option<u32>) -> impl IntoView {
    let offer = |action: WorkloadAction| offers.iter().find(|offer| offer.action == action).cloned();
    // Of two that undo each other, the one that is possible; the first one if neither is.
    let either = |first: WorkloadAction, second: WorkloadAction| {
        let (first, second) = (offer(first), offer(second));
        second.filter(|second| second.denied.is_none()).or(first)
    };
    let presses = [
        offer(WorkloadAction::Restart),
        offer(WorkloadAction::RunNow),
        either(WorkloadAction::Pause, WorkloadAction::Resume),
        either(WorkloadAction::Suspend, WorkloadAction::Unsuspend),
    ];
    let scale = offer(WorkloadAction::Scale).map(|Offer { action, denied }| {
        let may = denied.is_none();
        view! {
            <ActForm of=of.clone() action denied=denied.clone()>
                <label class="flex items-center gap-1.5 text-sm text-ink-quiet">
                    "Pods"
                    <input
                        class=format!("{INPUT} w-16")
                        type="number"
                        min="0"
                        name="value"
                        value=wanted.unwrap_or(1).to_string()
                        disabled=!may
                    />
                </label>
                <Submit label=action.label() denied/>
            </ActForm>
        }
    });
    view! {
        <div class="mt-4 flex flex-wrap items-start gap-x-3 gap-y-2" data-page-actions="">
            {scale}
            {presses
                .into_iter()
                .flatten()
                .map(|Offer { action, denied }| {
                    view! {
                        <ActForm of=of.clone() action denied=denied.clone()>
                            <Submit label=action.label() denied/>
                        </ActForm>
                    }
                })
                .collect_view()}
            <button type="button" class=button_class(Look::Quiet) popovertarget=CONFIRM>
                <Icon glyph=Glyph::Trash/>
                "Delete…"
            </button>
        </div>
    }
}

/// The question: what goes along, what stays, and the name where data is lost.
#[component]
pub(super) fn DeleteDialog(of: Of, going: Vec<String>, takes_data: bool, denied: Option<String>) -> impl IntoView {
    let name = of.at.name.to_string();
    let noun = of.kind.noun();
    let title = format!("Delete {name}?");
    view! {
        <Dialog id=CONFIRM title>
            {match denied {
                Some(reason) => view! { <p class="mt-2 text-ink-quiet">{reason}</p> }.into_any(),
                None => {
                    view! {
                        <ul class="prose-line mt-2 flex flex-col gap-1 text-sm text-ink-quiet">
                            {going.into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}
                        </ul>
                        <ActForm of action=WorkloadAction::Delete denied=None class="mt-3 flex flex-col gap-3">
                            {takes_data
                                .then(|| {
                                    view! {
                                        <label class="text-sm">
                                            "Type " <strong>{name}</strong> " to delete it with its data"
                                            <input
                                                class=format!("{INPUT} mt-1 w-full")
                                                name="value"
                                                required
                                                autocomplete="off"
                                                autocapitalize="none"
                                                spellcheck="false"
                                            />
                                        </label>
                                    }
                                })}
                            <div class="flex justify-end gap-2">
                                <Cancel of=CONFIRM/>
                                <Submit label=format!("Delete {noun}") denied=None look=Look::Danger/>
                            </div>
                        </ActForm>
                    }
                        .into_any()
                }
            }}
        </Dialog>
    }
}
