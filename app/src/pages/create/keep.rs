//! Keeping what is filled in as a template, with what it asks for: each `${NAME}` in the form can become a parameter.

use std::collections::BTreeMap;

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::create::{MachineDraft, MachineTemplate, ParameterKind, TemplateParameter, kept_in_template, references};

use super::state::Form;
use crate::api::ApiError;
use crate::api::templates::save_template;
use crate::components::toasts::Toasts;
use crate::pages::templates::kept_words;
use crate::ui::{Look, Menu, Tone, button_class};

const INPUT: &str = "mt-1 h-8 w-full rounded-control border border-rule-strong bg-paper-raised px-2 text-sm";
/// Chosen for what is no parameter.
const NONE: &str = "";

/// What is known about the template before anybody says so: that of a template that is changed.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    title: String,
    parameters: BTreeMap<String, TemplateParameter>,
}

impl Kept {
    /// Of a template that is changed, if one is.
    pub fn of(template: Option<&MachineTemplate>) -> Self {
        let Some(template) = template else { return Self::default() };
        let parameters = template.parameters.iter().map(|parameter| (parameter.name.clone(), parameter.clone()));
        Self { title: template.title.clone(), parameters: parameters.collect() }
    }
}

/// The parameter of a name: as somebody said, or as the form tells by itself. One that was said to be none has no name.
fn asked_for(
    said: &BTreeMap<String, TemplateParameter>,
    name: &str,
    kind: Option<ParameterKind>,
) -> Option<TemplateParameter> {
    let told = || Some(TemplateParameter { name: name.to_owned(), kind: kind?, ..TemplateParameter::default() });
    said.get(name).cloned().or_else(told).filter(|parameter| !parameter.name.is_empty())
}

fn kind_words(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Text => "a text",
        ParameterKind::Number => "a whole number",
        ParameterKind::Size => "a size",
        ParameterKind::Choice => "one of several",
        ParameterKind::Secret => "a secret",
    }
}

/// Keeps what is filled in for the team's next machines.
#[component]
pub fn SaveTemplate(form: Form, kept: Kept) -> impl IntoView {
    let toasts = Toasts::expect();
    let title = RwSignal::new(kept.title);
    // What somebody said about a name; the others are what the form tells by itself.
    let said = RwSignal::new(kept.parameters);
    let wrong = RwSignal::new(None::<String>);
    let named = Memo::new(move |_| form.draft.with(references));
    let parameters = move || -> Vec<TemplateParameter> {
        let named = named.get().into_iter();
        said.with(|said| named.filter_map(|(name, kind)| asked_for(said, &name, kind)).collect())
    };
    let rows = Memo::new(move |_| named.with(|named| named.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()));
    let save = move |_| {
        let draft = form.draft.get_untracked();
        // Secrets stay in the browser; a reference to one goes along.
        let MachineDraft { password, ssh_keys, .. } = kept_in_template(&draft);
        let draft = MachineDraft { password, ssh_keys, ..draft };
        let (words, asked) = (title.get_untracked(), untrack(parameters));
        spawn_local(async move {
            match save_template(draft.namespace.clone(), words.clone(), draft, asked).await {
                Ok(notes) => {
                    toasts.say(Tone::Good, kept_words(&words, &notes));
                    wrong.try_set(None);
                    title.try_set(String::new());
                }
                Err(ApiError(error)) => drop(wrong.try_set(Some(error.message))),
            }
        });
    };
    view! {
        <Menu label="Save as template" class=button_class(Look::Quiet) place="right-0 bottom-full mb-1 w-80" face=|| "Save as template">
            <div class="flex max-h-[60vh] flex-col gap-2 overflow-y-auto p-2">
                <label class="text-sm">
                    "Title"
                    <input
                        class=INPUT
                        placeholder="Web server"
                        autocomplete="off"
                        aria-describedby="save-template-said"
                        prop:value=move || title.get()
                        on:input=move |event| title.set(event_target_value(&event))
                    />
                </label>
                {move || {
                    rows.get().into_iter().map(|name| view! { <Parameter name named said/> }).collect_view()
                }}
                <p class="text-xs text-ink-faint">
                    "For your team. Name, keys and password are not kept. Write " <code class="font-mono">"${DISK}"</code>
                    " into a field, with any name in capitals, to be asked for it each time."
                </p>
                <div id="save-template-said" class="empty:hidden">
                    {move || wrong.get().map(|text| view! { <p class="prose-line text-sm text-bad" role="alert">{text}</p> })}
                </div>
                <button type="button" class=button_class(Look::Plain) on:click=save>
                    "Save"
                </button>
            </div>
        </Menu>
    }
}

/// One name that the form refers to: whether the template asks for it, and how.
#[component]
fn Parameter(
    name: String,
    named: Memo<Vec<(String, Option<ParameterKind>)>>,
    said: RwSignal<BTreeMap<String, TemplateParameter>>,
) -> impl IntoView {
    let of = StoredValue::new(name.clone());
    let now = Memo::new(move |_| {
        let name = of.get_value();
        let kind = named.with(|named| named.iter().find(|(of, _)| *of == name).and_then(|(_, kind)| *kind));
        said.with(|said| asked_for(said, &name, kind)).unwrap_or_default()
    });
    let change = move |change: &dyn Fn(&mut TemplateParameter)| {
        let mut parameter = now.get_untracked();
        change(&mut parameter);
        said.update(|said| drop(said.insert(of.get_value(), parameter)));
    };
    let is_asked = Memo::new(move |_| now.with(|now| !now.name.is_empty()));
    let kind = Memo::new(move |_| now.with(|now| now.kind));
    let choose = move |word: String| {
        change(&|parameter| {
            parameter.name = if word == NONE { String::new() } else { of.get_value() };
            parameter.kind = ParameterKind::from_word(&word);
        });
    };
    view! {
        <fieldset class="flex flex-col gap-1.5 rounded-control border border-rule p-2">
            <legend class="px-1 font-mono text-xs">{name.clone()}</legend>
            <select class=INPUT aria-label=format!("{name} is") on:change=move |event| choose(event_target_value(&event))>
                <option value=NONE selected=!is_asked.get_untracked()>"not asked for"</option>
                {ParameterKind::ALL
                    .iter()
                    .map(|of| {
                        let is_now = is_asked.get_untracked() && kind.get_untracked() == *of;
                        view! { <option value=of.word() selected=is_now>{kind_words(*of)}</option> }
                    })
                    .collect_view()}
            </select>
            {move || {
                is_asked
                    .get()
                    .then(|| {
                        let kind = kind.get();
                        view! {
                            <label class="text-xs text-ink-quiet">
                                "Asked as"
                                <input
                                    class=INPUT
                                    prop:value=now.with_untracked(|now| now.label.clone())
                                    on:input=move |event| {
                                        let text = event_target_value(&event);
                                        change(&|parameter| parameter.label.clone_from(&text));
                                    }
                                />
                            </label>
                            {(kind == ParameterKind::Choice)
                                .then(|| {
                                    view! {
                                        <label class="text-xs text-ink-quiet">
                                            "Values, one a line"
                                            <textarea
                                                class="mt-1 w-full rounded-control border border-rule-strong bg-paper-raised px-2 py-1 text-sm"
                                                rows="3"
                                                prop:value=now.with_untracked(|now| now.choices.join("\n"))
                                                on:input=move |event| {
                                                    let text = event_target_value(&event);
                                                    change(&|parameter| {
                                                        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                                                        parameter.choices = lines.map(str::to_owned).collect();
                                                    });
                                                }
                                            ></textarea>
                                        </label>
                                    }
                                })}
                            {(kind != ParameterKind::Secret)
                                .then(|| {
                                    view! {
                                        <label class="text-xs text-ink-quiet">
                                            "Proposed"
                                            <input
                                                class=INPUT
                                                prop:value=now.with_untracked(|now| now.default.clone())
                                                on:input=move |event| {
                                                    let text = event_target_value(&event);
                                                    change(&|parameter| parameter.default.clone_from(&text));
                                                }
                                            />
                                        </label>
                                    }
                                })}
                            <label class="flex items-center gap-2 text-xs">
                                <input
                                    type="checkbox"
                                    class="size-4 accent-accent"
                                    prop:checked=now.with_untracked(|now| now.is_optional)
                                    on:change=move |event| {
                                        let is_optional = event_target_checked(&event);
                                        change(&|parameter| parameter.is_optional = is_optional);
                                    }
                                />
                                "May stay empty"
                            </label>
                        }
                    })
            }}
        </fieldset>
    }
}
