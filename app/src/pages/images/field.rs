//! Fields of the forms for a new image: label, input, what is wrong, what it means.

use leptos::prelude::*;
use model::finding::Foreseen;
use model::image::{ImageChoices, SHARED_NAMESPACE};

/// The classes of an input.
pub(super) const INPUT: &str = "mt-1 h-9 w-full rounded-control border border-rule-strong bg-paper-raised px-2.5 text-sm \
     aria-invalid:border-bad";

/// One field: the label above, what is wrong or what it means below.
#[component]
pub(super) fn Field(
    /// The label.
    label: &'static str,
    /// The id of the input, and with `-help` that of what stands below.
    #[prop(into)]
    id: String,
    /// What it means.
    help: Signal<String>,
    /// What is wrong with it; empty if nothing is.
    error: Signal<String>,
    /// The input.
    children: Children,
) -> impl IntoView {
    let below = format!("{id}-help");
    let is_wrong = move || !error.with(String::is_empty);
    view! {
        <div class="min-w-0">
            <label class="block text-sm font-medium" for=id>
                {label}
            </label>
            {children()}
            <p
                class="prose-line mt-1 text-xs empty:hidden"
                class:text-bad=is_wrong
                class:text-ink-faint=move || !is_wrong()
                id=below
            >
                {move || if is_wrong() { error.get() } else { help.get() }}
            </p>
        </div>
    }
}

/// A line of text.
#[component]
pub(super) fn Line(
    /// The label.
    label: &'static str,
    /// The id, unique on the page.
    #[prop(into)]
    id: String,
    /// What is typed.
    value: RwSignal<String>,
    /// What it means.
    #[prop(optional, into)]
    help: Signal<String>,
    /// What is wrong with it.
    #[prop(into)]
    error: Signal<String>,
    /// `text`, `password`, `url`.
    #[prop(default = "text")]
    kind: &'static str,
    /// An example.
    #[prop(optional)]
    placeholder: &'static str,
) -> impl IntoView {
    let below = format!("{id}-help");
    view! {
        <Field label id=id.clone() help error>
            <input
                id=id.clone()
                class=INPUT
                type=kind
                placeholder=placeholder
                autocomplete=if kind == "password" { "new-password" } else { "off" }
                autocapitalize="none"
                spellcheck="false"
                aria-describedby=below.clone()
                aria-invalid=move || (!error.with(String::is_empty)).then_some("true")
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
        </Field>
    }
}

/// One of several.
#[component]
pub(super) fn Choice(
    /// The label.
    label: &'static str,
    /// The id, unique on the page.
    #[prop(into)]
    id: String,
    /// What is chosen.
    value: RwSignal<String>,
    /// Values with what they are called.
    options: Vec<(String, String)>,
    /// What it means.
    #[prop(optional, into)]
    help: Signal<String>,
    /// What is wrong with it.
    #[prop(into)]
    error: Signal<String>,
) -> impl IntoView {
    let below = format!("{id}-help");
    let options = options
        .into_iter()
        .map(|(option, text)| {
            let is_chosen = value.with_untracked(|value| *value == option);
            view! {
                <option value=option selected=is_chosen>
                    {text}
                </option>
            }
        })
        .collect_view();
    view! {
        <Field label id=id.clone() help error>
            <select
                id=id.clone()
                class=INPUT
                aria-describedby=below.clone()
                aria-invalid=move || (!error.with(String::is_empty)).then_some("true")
                on:change=move |event| value.set(event_target_value(&event))
            >
                {options}
            </select>
        </Field>
    }
}

/// The teams to choose from.
pub(super) fn teams(choices: &ImageChoices) -> Vec<(String, String)> {
    let label = |name: &String| if name == SHARED_NAMESPACE { format!("{name} (for everybody)") } else { name.clone() };
    choices.namespaces.iter().map(|name| (name.clone(), label(name))).collect()
}

/// The storage classes to choose from, the default one first.
pub(super) fn classes(choices: &ImageChoices) -> Vec<(String, String)> {
    let has_default = choices.classes.iter().any(|class| class.is_default);
    let none = (!has_default).then(|| (String::new(), "Choose a class".to_owned()));
    none.into_iter().chain(choices.classes.iter().map(|class| (class.name.clone(), class.label()))).collect()
}

/// What the chosen class would meet now, as others do; empty where nothing is known.
pub(super) fn foreseen(choices: &ImageChoices, class: &str) -> String {
    let known = choices.foreseen.iter().find(|known| known.is_about("class", class));
    known.map(Foreseen::sentence).unwrap_or_default()
}

/// The class that is chosen before anybody chooses.
pub(super) fn first_class(choices: &ImageChoices) -> String {
    choices.classes.iter().find(|class| class.is_default).map(|class| class.name.clone()).unwrap_or_default()
}

/// What machines made from the image are, as preferences of the cluster.
pub(super) fn systems(choices: &ImageChoices) -> Vec<(String, String)> {
    let none = (String::new(), "Not said".to_owned());
    core::iter::once(none).chain(choices.preferences.iter().map(|name| (name.clone(), name.clone()))).collect()
}
