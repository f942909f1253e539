//! A field of the form: its label, its control, what it means and what is wrong with it, all under the draft's name for
//! it.

use leptos::prelude::*;

use super::state::Form;

const INPUT: &str = "w-full rounded-control border border-rule-strong bg-paper-raised px-2.5 text-base \
                     placeholder:text-ink-faint aria-[invalid=true]:border-bad";

/// How a field is filled in.
pub(super) enum Control {
    Line,
    Lines,
    Tick,
    /// Values with what they are called.
    Choice(Vec<(String, String)>),
}

/// The field.
#[component]
pub(super) fn Field(
    form: Form,
    name: &'static str,
    label: &'static str,
    #[prop(optional)] hint: &'static str,
    #[prop(optional)] example: &'static str,
    control: Control,
) -> impl IntoView {
    let id = format!("field-{name}");
    let said = format!("{id}-said");
    let wire = format!("draft[{name}]");
    let now = Memo::new(move |_| form.draft.with(|draft| draft.get(name).to_owned()));
    let problem = Memo::new(move |_| form.problem(name));
    let is_wrong = move || problem.with(Option::is_some).then_some("true");
    let (described, labelled) = (said.clone(), id.clone());
    let is_tick = matches!(control, Control::Tick);
    let control = match control {
        Control::Line => view! {
            <input
                id=id
                class=format!("{INPUT} h-9")
                type="text"
                name=wire
                placeholder=example
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                aria-describedby=described
                aria-invalid=is_wrong
                value=now.get_untracked()
                prop:value=move || now.get()
                on:input=move |event| form.change(name, event_target_value(&event))
                on:blur=move |_| form.leave(name)
            />
        }
        .into_any(),
        Control::Lines => view! {
            <textarea
                id=id
                class=format!("{INPUT} py-1.5 font-mono text-xs")
                name=wire
                rows="5"
                placeholder=example
                autocapitalize="none"
                spellcheck="false"
                aria-describedby=described
                aria-invalid=is_wrong
                prop:value=move || now.get()
                on:input=move |event| form.change(name, event_target_value(&event))
                on:blur=move |_| form.leave(name)
            >
                {now.get_untracked()}
            </textarea>
        }
        .into_any(),
        Control::Tick => view! {
            <input
                id=id
                type="checkbox"
                class="size-4 accent-accent"
                name=wire
                value="true"
                aria-describedby=described
                checked=now.with_untracked(|now| now == "true")
                prop:checked=move || now.with(|now| now == "true")
                on:change=move |event| {
                    form.change(name, if event_target_checked(&event) { "true".to_owned() } else { String::new() });
                }
            />
        }
        .into_any(),
        Control::Choice(choices) => view! {
            <select
                id=id
                class=format!("{INPUT} h-9")
                name=wire
                aria-describedby=described
                aria-invalid=is_wrong
                on:change=move |event| form.change(name, event_target_value(&event))
                on:blur=move |_| form.leave(name)
            >
                {choices
                    .into_iter()
                    .map(|(value, words)| {
                        let is_chosen = now.with_untracked(|now| *now == value);
                        let of = value.clone();
                        view! {
                            <option value=value selected=is_chosen prop:selected=move || now.with(|now| *now == of)>
                                {words}
                            </option>
                        }
                    })
                    .collect_view()}
            </select>
        }
        .into_any(),
    };
    let label_class = if is_tick { "text-sm" } else { "mb-1 block text-sm font-medium" };
    let label = view! { <label class=label_class for=labelled>{label}</label> };
    let both = if is_tick {
        view! { <div class="flex items-center gap-2">{control} {label}</div> }.into_any()
    } else {
        view! { {label} {control} }.into_any()
    };
    view! {
        <div class="max-w-[34rem]">
            {both} {(!hint.is_empty()).then(|| view! { <p class="prose-line mt-1 text-sm text-ink-faint">{hint}</p> })}
            <div id=said class="empty:hidden">
                {move || {
                    problem.get().map(|text| view! { <p class="prose-line mt-1 text-sm text-bad" role="alert" data-problem="">{text}</p> })
                }}
            </div>
        </div>
    }
}
