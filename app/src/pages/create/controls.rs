//! The form's controls: each with its label, what it costs and what is wrong with it, under the draft's field name.

use std::borrow::Cow;

use leptos::prelude::*;
use model::create::MachineDraft;

use super::state::Form;
use crate::ui::{Glyph, Icon};

/// A field of the draft as a text: its name, and how it is read and written.
pub struct Field<R = fn(&MachineDraft) -> String, W = fn(&mut MachineDraft, String)> {
    /// As the draft calls it; `disks.0` for a part of a list.
    pub name: Cow<'static, str>,
    /// Reads it.
    pub read: R,
    /// Writes it.
    pub write: W,
}

/// The draft's field that holds a text.
macro_rules! text {
    ($name:ident $(. $part:tt)*) => {
        $crate::pages::create::controls::Field {
            name: stringify!($name).into(),
            read: |draft: &model::create::MachineDraft| draft.$name $(.$part)*.clone(),
            write: |draft: &mut model::create::MachineDraft, text| draft.$name $(.$part)* = text,
        }
    };
}

/// The draft's field that holds one of several words.
macro_rules! word {
    ($name:ident: $kind:ty) => {
        $crate::pages::create::controls::Field {
            name: stringify!($name).into(),
            read: |draft: &model::create::MachineDraft| draft.$name.word().to_owned(),
            write: |draft: &mut model::create::MachineDraft, word| draft.$name = <$kind>::from_word(&word),
        }
    };
}

/// A field of the draft that is on or off.
#[derive(Clone, Copy)]
pub struct Flag {
    /// As the draft calls it.
    pub name: &'static str,
    /// Reads it.
    pub read: fn(&MachineDraft) -> bool,
    /// Writes it.
    pub write: fn(&mut MachineDraft, bool),
}

/// The draft's field that is on or off.
macro_rules! flag {
    ($name:ident) => {
        $crate::pages::create::controls::Flag {
            name: stringify!($name),
            read: |draft: &model::create::MachineDraft| draft.$name,
            write: |draft: &mut model::create::MachineDraft, is_on| draft.$name = is_on,
        }
    };
}

pub(super) use {flag, text, word};

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

/// The label above a control, and below it what its value means, costs, and what is wrong with it.
#[component]
fn Labelled(form: Form, field: String, label: &'static str, hint: &'static str, children: Children) -> impl IntoView {
    view! {
        <label class="mb-1 block text-sm font-medium" for=id_of(&field)>
            {label}
        </label>
        {children()}
        {(!hint.is_empty()).then(|| view! { <p class="prose-line mt-1 text-sm text-ink-faint">{hint}</p> })}
        <Said form field/>
    }
}

/// One line of text.
#[component]
pub fn Line<R, W>(
    form: Form,
    field: Field<R, W>,
    label: &'static str,
    #[prop(optional)] placeholder: &'static str,
    #[prop(optional)] hint: &'static str,
    #[prop(default = "text")] kind: &'static str,
) -> impl IntoView
where
    R: Fn(&MachineDraft) -> String + Send + Sync + 'static,
    W: Fn(&mut MachineDraft, String) + Send + Sync + 'static,
{
    let Field { name, read, write } = field;
    let field = name.into_owned();
    let id = id_of(&field);
    let (typed, left, wrong) = (field.clone(), field.clone(), field.clone());
    let now = Memo::new(move |_| form.draft.with(&read));
    let input = view! {
        <input
            id=id.clone()
            class=format!("{INPUT} h-9")
            type=kind
            name=wire_name(&field)
            placeholder=placeholder
            autocomplete=if kind == "password" { "new-password" } else { "off" }
            autocapitalize="none"
            spellcheck="false"
            aria-describedby=format!("{id}-said")
            aria-invalid=move || form.problem(&wrong).is_some().then_some("true")
            value=now.get_untracked()
            prop:value=move || now.get()
            on:input=move |event| {
                let text = event_target_value(&event);
                form.change(&typed, |draft| write(draft, text));
            }
            on:blur=move |_| form.leave(&left)
        />
    };
    view! {
        <div class="max-w-[34rem]">
            <Labelled form field label hint>
                {input}
            </Labelled>
        </div>
    }
}

/// Several lines of text.
#[component]
pub fn Lines(
    form: Form,
    field: Field,
    label: &'static str,
    #[prop(optional)] placeholder: &'static str,
    #[prop(optional)] hint: &'static str,
    #[prop(default = 3)] rows: u32,
) -> impl IntoView {
    let Field { name, read, write } = field;
    let field = name.into_owned();
    let id = id_of(&field);
    let (typed, left, wrong) = (field.clone(), field.clone(), field.clone());
    let now = Memo::new(move |_| form.draft.with(read));
    let area = view! {
        <textarea
            id=id.clone()
            class=format!("{INPUT} py-1.5 font-mono text-xs")
            name=wire_name(&field)
            rows=rows
            placeholder=placeholder
            autocapitalize="none"
            spellcheck="false"
            aria-describedby=format!("{id}-said")
            aria-invalid=move || form.problem(&wrong).is_some().then_some("true")
            prop:value=move || now.get()
            on:input=move |event| {
                let text = event_target_value(&event);
                form.change(&typed, |draft| write(draft, text));
            }
            on:blur=move |_| form.leave(&left)
        >
            {now.get_untracked()}
        </textarea>
    };
    view! {
        <div class="max-w-[44rem]">
            <Labelled form field label hint>
                {area}
            </Labelled>
        </div>
    }
}

/// One of several, in a list that folds out. Options are values with what they are called.
#[component]
pub fn Choice(
    form: Form,
    field: Field,
    label: &'static str,
    /// What choosing does, if it is more than writing the field.
    #[prop(optional)]
    on_choose: Option<fn(Form, String)>,
    options: Signal<Vec<(String, String)>>,
) -> impl IntoView {
    let Field { name, read, write } = field;
    let field = name.into_owned();
    let id = id_of(&field);
    let (chosen, left, wrong) = (field.clone(), field.clone(), field.clone());
    let now = Memo::new(move |_| form.draft.with(read));
    let choose = move |value: String| match on_choose {
        Some(choose) => choose(form, value),
        None => form.change(&chosen, |draft| write(draft, value)),
    };
    let select = view! {
        <select
            id=id.clone()
            class=format!("{INPUT} h-9")
            name=wire_name(&field)
            aria-describedby=format!("{id}-said")
            aria-invalid=move || form.problem(&wrong).is_some().then_some("true")
            on:change=move |event| choose(event_target_value(&event))
            on:blur=move |_| form.leave(&left)
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
    };
    view! {
        <div class="max-w-[34rem]">
            <Labelled form field label hint="">
                {select}
            </Labelled>
        </div>
    }
}

/// Yes or no.
#[component]
pub fn Tick(form: Form, field: Flag, label: &'static str) -> impl IntoView {
    let Flag { name: field, read, write } = field;
    let now = Memo::new(move |_| form.draft.with(read));
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
                        form.change(field, |draft| write(draft, is_on));
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
    field: Field,
    label: &'static str,
    /// What choosing does.
    on_choose: fn(Form, String),
    /// Value, name, and a line about it.
    options: Signal<Vec<(String, String, String)>>,
) -> impl IntoView {
    let Field { name, read, .. } = field;
    let field = name.into_owned();
    let wire_name = wire_name(&field);
    let now = Memo::new(move |_| form.draft.with(read));
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
                                        name=wire_name.clone()
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
