//! A template of a machine that is there: what it holds and what it leaves out, before it is kept.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use model::create::{MachineReading, MachineTemplate, summary, yaml};
use server_fn::ServerFn;

use crate::api::ApiError;
use crate::api::templates::{SaveMachineAsTemplate, read_machine_as_template, save_machine_as_template};
use crate::components::power::RefusedAction;
use crate::components::toasts::Toasts;
use crate::paths;
use crate::ui::{Fact, Facts, Glyph, Icon, Loaded, Look, Notice, Skeleton, Tone, button_class};

/// The page.
#[component]
pub fn NewTemplatePage() -> impl IntoView {
    let params = use_query_map();
    let machine = params.with_untracked(|params| params.get("machine").unwrap_or_default());
    let (namespace, name) = machine.split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap_or_default();
    let asked = (namespace.clone(), name.clone());
    let reading = Resource::new(
        || (),
        move |()| {
            let (namespace, name) = asked.clone();
            read_machine_as_template(namespace, name)
        },
    );
    view! {
        <Title text="New template"/>
        <RefusedAction/>
        <header class="mb-5 flex flex-wrap items-center gap-x-3 gap-y-1">
            <a class=format!("{} -ml-2", button_class(Look::Quiet)) href=paths::TEMPLATES>
                <Icon glyph=Glyph::Back/>
                "Templates"
            </a>
            <h1 class="text-xl">"New template"</h1>
        </header>
        <Loaded resource=reading is_page=true waiting=|| view! { <Skeleton rows=8/> } let:reading>
            <Shown reading=reading.get_untracked() namespace=namespace.clone() name=name.clone()/>
        </Loaded>
    }
}

#[component]
fn Shown(reading: MachineReading, namespace: String, name: String) -> impl IntoView {
    let MachineReading { draft, machine, notes } = reading;
    let manifest = machine.as_ref().map(yaml::document);
    let template = MachineTemplate { draft, machine, ..MachineTemplate::default() };
    view! {
        <p class="prose-line mb-4 max-w-[60ch] text-ink-quiet">
            "What makes " <strong>{name.clone()}</strong>
            " is kept for the team's next machines: how it was made, not what is on its disks. To start from those, make an image of the machine first and choose it in the form."
        </p>
        <div class="max-w-[44rem]">
            <Facts>
                {summary(&template)
                    .into_iter()
                    .map(|(what, value)| view! { <Fact term=what>{value}</Fact> })
                    .collect_view()}
            </Facts>
            {(!notes.is_empty())
                .then(|| {
                    view! {
                        <div class="mt-4">
                            <Notice tone=Tone::Info>
                                <ul class="flex flex-col gap-1">
                                    {notes.into_iter().map(|note| view! { <li>{note}</li> }).collect_view()}
                                </ul>
                            </Notice>
                        </div>
                    }
                })}
            {manifest
                .map(|manifest| {
                    view! {
                        <pre
                            class="mt-4 max-h-[46vh] overflow-auto rounded-control border border-rule bg-paper-sunken p-3 font-mono text-xs whitespace-pre"
                            tabindex="0"
                            aria-label="The manifest that is kept"
                        >
                            {manifest}
                        </pre>
                    }
                })}
            <Keep namespace name/>
        </div>
    }
}

#[component]
fn Keep(namespace: String, name: String) -> impl IntoView {
    let (toasts, navigate) = (Toasts::expect(), use_navigate());
    let title = RwSignal::new(String::new());
    let wrong = RwSignal::new(None::<String>);
    let of = (namespace.clone(), name.clone());
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        let ((namespace, name), navigate) = (of.clone(), navigate.clone());
        spawn_local(async move {
            match save_machine_as_template(namespace, name, title.get_untracked()).await {
                Ok(()) => {
                    toasts.say(Tone::Good, format!("The template {} is kept.", title.get_untracked().trim()));
                    navigate(paths::TEMPLATES, NavigateOptions::default());
                }
                Err(ApiError(error)) => drop(wrong.try_set(Some(error.message))),
            }
        });
    };
    view! {
        <form method="post" action=SaveMachineAsTemplate::url() class="mt-5 max-w-[34rem]" on:submit=on_submit>
            <input type="hidden" name="namespace" value=namespace/>
            <input type="hidden" name="name" value=name/>
            <label class="block text-sm font-medium" for="template-title">
                "Title"
            </label>
            <input
                id="template-title"
                class="mt-1 h-9 w-full rounded-control border border-rule-strong bg-paper-raised px-2.5 aria-[invalid=true]:border-bad"
                name="title"
                placeholder="Web server"
                autocomplete="off"
                required
                aria-describedby="template-title-said"
                aria-invalid=move || wrong.with(Option::is_some).then_some("true")
                on:input=move |event| title.set(event_target_value(&event))
            />
            <div id="template-title-said" class="empty:hidden">
                {move || wrong.get().map(|text| view! { <p class="mt-1 text-sm text-bad" role="alert">{text}</p> })}
            </div>
            <div class="mt-4 flex justify-end">
                <button type="submit" class=button_class(Look::Primary)>
                    "Keep template"
                </button>
            </div>
        </form>
    }
}
