//! The form's controls: each with its label, what it costs and what is wrong with it, under the draft's field name.

use leptos::prelude::*;
use model::create::MachineDraft;

use super::state::Form;
use crate::ui::{Glyph, Icon};

/// Reads a field.
pub type Read = fn(&MachineDraft) -> String;
/// Writes a field.
pub type Write = fn(&mut MachineDraft, String);

const INPUT: &str = "w-full rounded-control border border-rule-strong bg-paper-raised px-2.5 text-base \
                     placeholder:text-ink-faint aria-[invalid=true]:border-bad";

/// The name under which a plain form sends a field: `disks.0` is `draft[disks][0][size]`.
fn wire_name(field: &str) -> String {
    match field.split_once('.') {
        Some((list, index)) => format!("draft[{list}][{index}][size]"),
        None => format!("draft[{field}]"),
    }
}

fn id_of(field: &str) -> String {
    format!("field-{}", field.replace('.', "-"))
}

/// A part of the form under its heading.
#[component]
pub fn Section(
    /// The heading.
    title: &'static str,
    /// What it decides, in a sentence.
    #[prop(optional)]
    hint: &'static str,
    /// The controls.
    children: Children,
) -> impl IntoView {
    view! {
        <fieldset class="min-w-0">
            <legend class="mb-1 text-lg font-strong">{title}</legend>
            {(!hint.is_empty()).then(|| view! { <p class="prose-line mb-3 max-w-[60ch] text-sm text-ink-quiet">{hint}</p> })}
            <div class="flex flex-col gap-4">{children()}</div>
        </fieldset>
    }
}

/// What a field costs and what is wrong with it.
#[component]
pub fn Said(form: Form, #[prop(into)] field: String) -> impl IntoView {
    let id = format!("{}-said", id_of(&field));
    let (of_problem, of_cost) = (field.clone(), field);
    let problem = Memo::new(move |_| form.problem(&of_problem));
    let cost = Memo::new(move |_| form.cost(&of_cost));
    view! {
        <div id=id class="empty:hidden">
            {move || {
                problem.get().map(|text| view! { <p class="prose-line mt-1 text-sm text-bad" role="alert" data-problem="">{text}</p> })
            }}
            {move || {
                cost.get()
                    .map(|text| {
                        view! {
                            <p class="prose-line mt-1 flex items-start gap-1.5 text-sm text-warn">
                                <span class="mt-0.5"><Icon glyph=Glyph::Warning/></span>
                                {text}
                            </p>
                        }
                    })
            }}
        </div>
    }
}

/// One line of text.
#[component]
pub fn Line(
    form: Form,
    #[prop(into)] field: String,
    label: &'static str,
    get: impl Fn(&MachineDraft) -> String + Copy + Send + Sync + 'static,
    set: impl Fn(&mut MachineDraft, String) + Copy + Send + Sync + 'static,
    #[prop(optional)] placeholder: &'static str,
    #[prop(optional)] hint: &'static str,
    #[prop(default = "text")] kind: &'static str,
    /// Suggestions.
    #[prop(optional)]
    list: &'static str,
) -> impl IntoView {
    let (id, name) = (id_of(&field), wire_name(&field));
    let said = format!("{id}-said");
    let (typed, left, wrong) = (field.clone(), field.clone(), field.clone());
    let now = Memo::new(move |_| form.draft.with(get));
    view! {
        <div class="max-w-[34rem]">
            <label class="mb-1 block text-sm font-medium" for=id.clone()>
                {label}
            </label>
            <input
                id=id
                class=format!("{INPUT} h-9")
                type=kind
                name=name
                placeholder=placeholder
                autocomplete=if kind == "password" { "new-password" } else { "off" }
                autocapitalize="none"
                spellcheck="false"
                list=(!list.is_empty()).then_some(list)
                aria-describedby=said
                aria-invalid=move || form.problem(&wrong).is_some().then_some("true")
                value=now.get_untracked()
                prop:value=move || now.get()
                on:input=move |event| {
                    let text = event_target_value(&event);
                    form.change(&typed, |draft| set(draft, text));
                }
                on:blur=move |_| form.leave(&left)
            />
            {(!hint.is_empty()).then(|| view! { <p class="prose-line mt-1 text-sm text-ink-faint">{hint}</p> })}
            <Said form field/>
        </div>
    }
}

/// Several lines of text.
#[component]
pub fn Lines(
    form: Form,
    field: &'static str,
    label: &'static str,
    get: Read,
    set: Write,
    #[prop(optional)] placeholder: &'static str,
    #[prop(optional)] hint: &'static str,
    #[prop(default = 3)] rows: u32,
) -> impl IntoView {
    let id = id_of(field);
    let now = Memo::new(move |_| form.draft.with(get));
    view! {
        <div class="max-w-[44rem]">
            <label class="mb-1 block text-sm font-medium" for=id.clone()>
                {label}
            </label>
            <textarea
                id=id.clone()
                class=format!("{INPUT} py-1.5 font-mono text-xs")
                name=wire_name(field)
                rows=rows
                placeholder=placeholder
                autocapitalize="none"
                spellcheck="false"
                aria-describedby=format!("{id}-said")
                aria-invalid=move || form.problem(field).is_some().then_some("true")
                prop:value=move || now.get()
                on:input=move |event| {
                    let text = event_target_value(&event);
                    form.change(field, |draft| set(draft, text));
                }
                on:blur=move |_| form.leave(field)
            >
                {now.get_untracked()}
            </textarea>
            {(!hint.is_empty()).then(|| view! { <p class="prose-line mt-1 text-sm text-ink-faint">{hint}</p> })}
            <Said form field/>
        </div>
    }
}

/// One of several, in a list that folds out. Options are values with what they are called.
#[component]
pub fn Choice(
    form: Form,
    field: &'static str,
    label: &'static str,
    get: Read,
    /// What choosing does.
    on_choose: fn(Form, String),
    options: Signal<Vec<(String, String)>>,
    #[prop(optional)] hint: &'static str,
) -> impl IntoView {
    let id = id_of(field);
    let now = Memo::new(move |_| form.draft.with(get));
    view! {
        <div class="max-w-[34rem]">
            <label class="mb-1 block text-sm font-medium" for=id.clone()>
                {label}
            </label>
            <select
                id=id.clone()
                class=format!("{INPUT} h-9")
                name=wire_name(field)
                aria-describedby=format!("{id}-said")
                aria-invalid=move || form.problem(field).is_some().then_some("true")
                on:change=move |event| on_choose(form, event_target_value(&event))
                on:blur=move |_| form.leave(field)
            >
                {move || {
                    options
                        .get()
                        .into_iter()
                        .map(|(value, name)| {
                            let is_chosen = value == now.get_untracked();
                            let of = value.clone();
                            view! {
                                <option value=value selected=is_chosen prop:selected=move || now.with(|now| *now == of)>
                                    {name}
                                </option>
                            }
                        })
                        .collect_view()
                }}
            </select>
            {(!hint.is_empty()).then(|| view! { <p class="prose-line mt-1 text-sm text-ink-faint">{hint}</p> })}
            <Said form field/>
        </div>
    }
}

/// Yes or no.
#[component]
pub fn Tick(
    form: Form,
    field: &'static str,
    label: &'static str,
    get: fn(&MachineDraft) -> bool,
    set: fn(&mut MachineDraft, bool),
) -> impl IntoView {
    let now = Memo::new(move |_| form.draft.with(get));
    view! {
        <div>
            <label class="flex items-center gap-2 text-sm">
                <input
                    type="checkbox"
                    class="size-4 accent-accent"
                    name=wire_name(field)
                    value="true"
                    checked=now.get_untracked()
                    prop:checked=move || now.get()
                    on:change=move |event| {
                        let is_on = event_target_checked(&event);
                        form.change(field, |draft| set(draft, is_on));
                    }
                />
                {label}
            </label>
            <Said form field/>
        </div>
    }
}

/// One of a few, side by side, each with a line about it.
#[component]
pub fn Cards(
    form: Form,
    field: &'static str,
    label: &'static str,
    get: Read,
    on_choose: fn(Form, String),
    /// Value, name, and a line about it.
    options: Signal<Vec<(String, String, String)>>,
) -> impl IntoView {
    let now = Memo::new(move |_| form.draft.with(get));
    view! {
        <div role="radiogroup" aria-label=label>
            <div class="grid grid-cols-[repeat(auto-fill,minmax(11rem,1fr))] gap-2">
                {move || {
                    options
                        .get()
                        .into_iter()
                        .map(|(value, name, about)| {
                            let (of, chosen) = (value.clone(), value.clone());
                            let is_chosen = now.with_untracked(|now| *now == value);
                            view! {
                                <label class="flex cursor-pointer items-start gap-2 rounded-panel border border-rule bg-paper-raised px-3 py-2 hover:border-rule-strong has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-accent">
                                    <input
                                        type="radio"
                                        class="mt-0.5 size-4 shrink-0 accent-accent"
                                        name=wire_name(field)
                                        value=value
                                        checked=is_chosen
                                        prop:checked=move || now.with(|now| *now == of)
                                        on:change=move |_| on_choose(form, chosen.clone())
                                    />
                                    <span class="min-w-0">
                                        <span class="block text-sm font-medium">{name}</span>
                                        <span class="block text-xs text-ink-quiet empty:hidden">{about}</span>
                                    </span>
                                </label>
                            }
                        })
                        .collect_view()
                }}
            </div>
            <Said form field/>
        </div>
    }
}
