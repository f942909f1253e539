//! What a template asks for, before it fills in the form.
//!
//! A plain form: without script its answers come back in the address, and the server fills in the template. Secrets have
//! no name there, so they never stand in an address: without script they are written into the form afterwards.

use std::collections::BTreeMap;

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use model::create::{MachineDraft, MachineTemplate, ParameterKind, Problems, TemplateParameter, filled};

use crate::paths;
use crate::platform;
use crate::ui::{Look, button_class};

const INPUT: &str = "mt-1 h-9 w-full rounded-control border border-rule-strong bg-paper-raised px-2.5 text-base \
                     placeholder:text-ink-faint aria-[invalid=true]:border-bad";

/// Asks, and hands on the filled draft.
#[component]
pub fn Ask(
    /// What asks.
    template: MachineTemplate,
    /// The team that the address names.
    namespace: String,
    /// Values that came in the address.
    values: BTreeMap<String, String>,
    /// What is wrong with them.
    problems: Problems,
    /// Told when all is answered.
    done: Callback<MachineDraft>,
) -> impl IntoView {
    let wrong = RwSignal::new(problems);
    let (at, title) = (template.at.clone(), template.title.clone());
    let parameters = template.parameters.clone();
    let typed = RwSignal::new(values);
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        match typed.with_untracked(|values| filled(&template, values)) {
            Ok(draft) => done.run(draft),
            Err(problems) => {
                wrong.set(problems);
                platform::focus_first_problem();
            }
        }
    };
    view! {
        <form method="get" action=paths::NEW_MACHINE class="flex max-w-[34rem] flex-col gap-4" on:submit=on_submit novalidate>
            <h2 class="text-lg">"From " {title}</h2>
            <input type="hidden" name="template" value=at/>
            <input type="hidden" name="namespace" value=namespace/>
            <input type="hidden" name="answered" value="true"/>
            {parameters.into_iter().map(|parameter| view! { <Question parameter typed wrong/> }).collect_view()}
            <div class="flex justify-end gap-2">
                <a class=button_class(Look::Plain) href=paths::TEMPLATES>
                    "Another template"
                </a>
                <button type="submit" class=button_class(Look::Primary)>
                    "Fill in the form"
                </button>
            </div>
        </form>
    }
}

#[component]
fn Question(
    parameter: TemplateParameter,
    typed: RwSignal<BTreeMap<String, String>>,
    wrong: RwSignal<Problems>,
) -> impl IntoView {
    let name = parameter.name.clone();
    let id = format!("parameter-{name}");
    let said = format!("{id}-said");
    let now = typed.with_untracked(|values| values.get(&name).unwrap_or(&parameter.default).clone());
    let (of_problem, of_value) = (name.clone(), name.clone());
    let problem = Memo::new(move |_| wrong.with(|wrong| wrong.get(&of_problem).cloned()));
    let write = Callback::new(move |text: String| {
        typed.update(|values| drop(values.insert(of_value.clone(), text)));
        wrong.update(|wrong| drop(wrong.remove(&of_value)));
    });
    let is_wrong = move || problem.with(Option::is_some).then_some("true");
    let field = paths::parameter_field(&name);
    let (described, labelled) = (said.clone(), id.clone());
    let control = if parameter.kind == ParameterKind::Choice {
        view! {
            <select
                id=id
                class=INPUT
                name=field
                aria-describedby=described
                aria-invalid=is_wrong
                on:change=move |event| write.run(event_target_value(&event))
            >
                {now.is_empty().then(|| view! { <option value="">"Choose…"</option> })}
                {parameter
                    .choices
                    .iter()
                    .cloned()
                    .map(|choice| {
                        let (is_now, words) = (choice == now, choice.clone());
                        view! { <option value=choice selected=is_now>{words}</option> }
                    })
                    .collect_view()}
            </select>
        }
        .into_any()
    } else {
        let is_secret = parameter.kind == ParameterKind::Secret;
        let (kind, mode, example) = match parameter.kind {
            ParameterKind::Secret => ("password", "text", ""),
            ParameterKind::Number => ("text", "numeric", "2"),
            ParameterKind::Size => ("text", "text", "20 GiB"),
            ParameterKind::Text | ParameterKind::Choice => ("text", "text", ""),
        };
        view! {
            <input
                id=id
                class=INPUT
                type=kind
                inputmode=mode
                name=(!is_secret).then_some(field)
                value=now
                placeholder=example
                autocomplete=if is_secret { "new-password" } else { "off" }
                autocapitalize="none"
                spellcheck="false"
                aria-describedby=described
                aria-invalid=is_wrong
                on:input=move |event| write.run(event_target_value(&event))
            />
        }
        .into_any()
    };
    view! {
        <div>
            <label class="block text-sm font-medium" for=labelled>
                {parameter.title().to_owned()}
                {parameter.is_optional.then(|| view! { <span class="font-normal text-ink-faint">" (may stay empty)"</span> })}
            </label>
            {control}
            {(!parameter.hint.is_empty()).then(|| view! { <p class="prose-line mt-1 text-sm text-ink-faint">{parameter.hint.clone()}</p> })}
            <div id=said class="empty:hidden">
                {move || {
                    problem.get().map(|text| view! { <p class="prose-line mt-1 text-sm text-bad" role="alert" data-problem="">{text}</p> })
                }}
            </div>
        </div>
    }
}
