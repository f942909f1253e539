//! What is said about the machine, when it runs, and whether it may be deleted.

use leptos::prelude::*;
use model::ObjectRef;
use model::editing::{MachineEditing, RUN_CHOICES, run_words};
use server_fn::ServerFn;

use super::{ChangeForm, Changer, INPUT};
use crate::api::editing::{
    DescribeMachine, LabelMachine, ProtectMachine, SetRunStrategy, describe_machine, label_machine, protect_machine,
    set_run_strategy,
};
use crate::ui::{Look, button_class};

const AREA: &str = "w-full rounded-control border border-rule-strong bg-paper-raised px-2 py-1.5 text-sm";

/// All of it; as text for those who may not change it.
#[component]
pub(super) fn About(at: ObjectRef, editing: MachineEditing, changer: Changer) -> impl IntoView {
    let MachineEditing { description, notes, labels, run_strategy, is_protected, change_denied, .. } = editing;
    if change_denied.is_some() {
        let run = run_words(&run_strategy).to_owned();
        return view! {
            <div class="flex flex-col gap-2 text-sm">
                <p>{description}</p>
                <p class="whitespace-pre-wrap text-ink-quiet">{notes}</p>
                <p class="text-ink-faint">{run} {is_protected.then_some(" · protected against deletion")}</p>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="flex flex-col gap-5">
            <Words at=at.clone() description notes changer/>
            <RunStrategy at=at.clone() now=run_strategy changer/>
            <Protection at=at.clone() is_protected changer/>
            <LabelText at labels changer/>
        </div>
    }
    .into_any()
}

#[component]
fn Words(at: ObjectRef, description: String, notes: String, changer: Changer) -> impl IntoView {
    let said = RwSignal::new(description.clone());
    let noted = RwSignal::new(notes.clone());
    let send = move |namespace, name| describe_machine(namespace, name, said.get_untracked(), noted.get_untracked());
    view! {
        <ChangeForm at action=DescribeMachine::url() send done="Description and notes are saved." changer>
            <label class="w-full text-sm">
                "What it is for"
                <input
                    class=format!("{INPUT} mt-1 w-full")
                    name="description"
                    value=description
                    on:input=move |event| said.set(event_target_value(&event))
                />
            </label>
            <label class="w-full text-sm">
                "Notes"
                <textarea class=format!("{AREA} mt-1") name="notes" rows="3" on:input=move |event| noted.set(event_target_value(&event))>
                    {notes}
                </textarea>
            </label>
            <button type="submit" class=button_class(Look::Plain)>
                "Save description and notes"
            </button>
        </ChangeForm>
    }
}

#[component]
fn RunStrategy(at: ObjectRef, now: String, changer: Changer) -> impl IntoView {
    let chosen = RwSignal::new(now.clone());
    let send = move |namespace, name| set_run_strategy(namespace, name, chosen.get_untracked());
    let is_known = RUN_CHOICES.iter().any(|choice| choice.strategy == now);
    let other = (!is_known && !now.is_empty()).then(|| now.clone());
    view! {
        <ChangeForm at action=SetRunStrategy::url() send done="It is set when the machine runs." changer>
            <fieldset class="flex w-full flex-col gap-1.5">
                <legend class="mb-1 text-sm">"When it runs"</legend>
                {RUN_CHOICES
                    .map(|choice| {
                        view! {
                            <label class="flex items-start gap-2 text-sm">
                                <input
                                    type="radio"
                                    class="mt-0.5 size-4 accent-accent"
                                    name="strategy"
                                    value=choice.strategy
                                    checked=choice.strategy == now
                                    on:change=move |_| chosen.set(choice.strategy.to_owned())
                                />
                                <span>
                                    {choice.label} " " <span class="text-ink-faint">{choice.about}</span>
                                </span>
                            </label>
                        }
                    })}
                {other.map(|strategy| view! { <p class="text-sm text-ink-faint">"Now it is " {strategy} "."</p> })}
            </fieldset>
            <button type="submit" class=button_class(Look::Plain)>
                "Set when it runs"
            </button>
        </ChangeForm>
    }
}

#[component]
fn Protection(at: ObjectRef, is_protected: bool, changer: Changer) -> impl IntoView {
    let send = move |namespace, name| protect_machine(namespace, name, !is_protected);
    let (about, label, done) = if is_protected {
        ("It is protected: nobody can delete it.", "Take the protection off", "It can be deleted again.")
    } else {
        ("Anybody with the right to can delete it.", "Protect it against deletion", "It is protected against deletion.")
    };
    view! {
        <ChangeForm at action=ProtectMachine::url() send done changer>
            <input type="hidden" name="on" value=if is_protected { "false" } else { "true" }/>
            <p class="w-full text-sm text-ink-quiet">{about}</p>
            <button type="submit" class=button_class(Look::Plain)>
                {label}
            </button>
        </ChangeForm>
    }
}

#[component]
fn LabelText(at: ObjectRef, labels: String, changer: Changer) -> impl IntoView {
    let typed = RwSignal::new(labels.clone());
    let rows = (labels.lines().count() + 1).clamp(2, 8).to_string();
    let send = move |namespace, name| label_machine(namespace, name, typed.get_untracked());
    view! {
        <ChangeForm at action=LabelMachine::url() send done="The labels are saved." changer>
            <label class="w-full text-sm">
                "Labels, one a line as key=value"
                <textarea
                    class=format!("{AREA} mt-1 font-mono text-xs")
                    name="labels"
                    rows=rows
                    autocapitalize="none"
                    autocomplete="off"
                    spellcheck="false"
                    on:input=move |event| typed.set(event_target_value(&event))
                >
                    {labels}
                </textarea>
            </label>
            <button type="submit" class=button_class(Look::Plain)>
                "Save labels"
            </button>
        </ChangeForm>
    }
}
