//! A template out of a file: chosen, looked at, then kept for a team.

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::create::{MachineTemplate, read_template, summary};

use crate::api::ApiError;
use crate::api::create::get_create_options;
use crate::api::templates::save_template;
use crate::components::toasts::Toasts;
use crate::platform::{self, ChosenFile};
use crate::ui::{Fact, Facts, Look, Notice, Tone, button_class};

const INPUT: &str = "mt-1 h-9 w-full rounded-control border border-rule-strong bg-paper-raised px-2.5";

/// The button that takes a file, and below it what is in the file.
#[component]
pub fn Import(
    /// Told when a template was kept.
    turn: RwSignal<u32>,
) -> impl IntoView {
    let read = RwSignal::new(None::<Result<MachineTemplate, &'static str>>);
    let choose = move |event: leptos::ev::Event| {
        let Some(file) = platform::files_of(&event).into_iter().next() else { return };
        spawn_local(async move {
            let found = content(&file).await;
            let template = found.ok_or("The browser cannot read this file.").and_then(|bytes| read_template(&bytes));
            read.try_set(Some(template));
        });
    };
    view! {
        <div class="mb-4">
            <label class=format!("{} inline-flex cursor-pointer focus-within:outline-2", button_class(Look::Plain))>
                "Import a file"
                <input type="file" class="sr-only" accept=".json,application/json" on:change=choose/>
            </label>
            {move || {
                read.get()
                    .map(|template| match template {
                        Ok(template) => view! { <Preview template read turn/> }.into_any(),
                        Err(wrong) => view! { <div class="mt-3"><Notice tone=Tone::Bad>{wrong}</Notice></div> }.into_any(),
                    })
            }}
        </div>
    }
}

/// All of a file; templates are small.
async fn content(file: &ChosenFile) -> Option<Vec<u8>> {
    let bytes = platform::read_file(file.key, 0, file.size).await;
    platform::forget_file(file.key);
    bytes
}

/// What became of a template, in a few sentences.
pub fn kept_words(title: &str, notes: &[String]) -> String {
    format!("The template {} is kept. {}", title.trim(), notes.join(" ")).trim_end().to_owned()
}

/// What the file holds, for which team, under which title.
#[component]
fn Preview(
    template: MachineTemplate,
    read: RwSignal<Option<Result<MachineTemplate, &'static str>>>,
    turn: RwSignal<u32>,
) -> impl IntoView {
    let toasts = Toasts::expect();
    let (title, team) = (RwSignal::new(template.title.clone()), RwSignal::new(String::new()));
    let teams = RwSignal::new(Vec::<String>::new());
    spawn_local(async move {
        if let Ok(options) = get_create_options(String::new()).await {
            teams.try_set(options.teams);
        }
    });
    let content = StoredValue::new((template.written_out(), template.parameters.clone()));
    let keep = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let first = teams.with_untracked(|teams| teams.first().cloned().unwrap_or_default());
        let team = if team.with_untracked(String::is_empty) { first } else { team.get_untracked() };
        spawn_local(async move {
            let (draft, parameters) = content.get_value();
            match save_template(team, title.get_untracked(), draft, parameters).await {
                Ok(notes) => {
                    toasts.say(Tone::Good, kept_words(&title.get_untracked(), &notes));
                    turn.try_update(|turn| *turn += 1);
                    read.try_set(None);
                }
                Err(ApiError(error)) => {
                    let at_field = error.fields.values().next().cloned();
                    toasts.say(Tone::Bad, at_field.unwrap_or(error.message));
                }
            }
        });
    };
    view! {
        <form class="mt-3 max-w-[34rem] rounded-panel border border-rule p-4" on:submit=keep aria-label="The template in the file">
            <div class="grid gap-3 sm:grid-cols-2">
                <label class="text-sm">
                    "Title"
                    <input class=INPUT prop:value=move || title.get() on:input=move |event| title.set(event_target_value(&event))/>
                </label>
                <label class="text-sm">
                    "Team"
                    <select class=INPUT on:change=move |event| team.set(event_target_value(&event))>
                        {move || teams.get().into_iter().map(|team| view! { <option value=team.clone()>{team.clone()}</option> }).collect_view()}
                    </select>
                </label>
            </div>
            <div class="my-3">
                <Facts>
                    {summary(&template)
                        .into_iter()
                        .map(|(what, value)| view! { <Fact term=what>{value}</Fact> })
                        .collect_view()}
                </Facts>
            </div>
            <div class="flex justify-end gap-2">
                <button type="button" class=button_class(Look::Plain) on:click=move |_| read.set(None)>
                    "Cancel"
                </button>
                <button type="submit" class=button_class(Look::Primary)>
                    "Keep template"
                </button>
            </div>
        </form>
    }
}
