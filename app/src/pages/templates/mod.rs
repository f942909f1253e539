//! Templates: what new machines of a team can start from.

mod from_machine;
mod import;

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use model::create::{MachineTemplate, NATIVE, TemplateParameter};
use server_fn::ServerFn;

use crate::api::ApiError;
use crate::api::templates::{DeleteTemplate, delete_template, list_templates};
use crate::components::toasts::Toasts;
use crate::paths;
use crate::ui::{Empty, Glyph, Loaded, Look, Skeleton, Tone, button_class};

pub use from_machine::NewTemplatePage;
pub use import::kept_words;

/// The page.
#[component]
pub fn TemplatesPage() -> impl IntoView {
    let turn = RwSignal::new(0_u32);
    let list = Resource::new(move || turn.get(), |_| list_templates());
    view! {
        <Title text="Templates"/>
        <header class="mb-3 flex items-center gap-4">
            <h1 class="text-xl">"Templates"</h1>
            <a class=format!("{} ml-auto", button_class(Look::Primary)) href=paths::NEW_MACHINE>
                "New machine"
            </a>
        </header>
        <import::Import turn/>
        <Loaded resource=list is_page=true waiting=|| view! { <Skeleton rows=6/> } let:list>
            <Shown list turn/>
        </Loaded>
    }
}

#[component]
fn Shown(list: Memo<Vec<MachineTemplate>>, turn: RwSignal<u32>) -> impl IntoView {
    move || {
        let templates = list.get();
        if templates.is_empty() {
            return view! {
                <Empty glyph=Glyph::Copy title="No templates yet">
                    <p>
                        "A template keeps a filled-in form. Fill in a new machine, then choose \"Save as template\" below the form, or choose it from the menu of a machine that is there."
                    </p>
                </Empty>
            }
            .into_any();
        }
        view! {
            <ul class="flex flex-col divide-y divide-rule border-y border-rule">
                {templates.into_iter().map(|template| view! { <Line template turn/> }).collect_view()}
            </ul>
        }
        .into_any()
    }
}

#[component]
fn Line(template: MachineTemplate, turn: RwSignal<u32>) -> impl IntoView {
    let toasts = Toasts::expect();
    let is_native = template.is_native;
    let place = template.at.strip_prefix(NATIVE).unwrap_or(&template.at);
    let (namespace, name) = place.split_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap_or_default();
    let team = if template.is_shared { "for everybody".to_owned() } else { namespace.clone() };
    let to = if template.is_shared { "" } else { &namespace };
    let uses = paths::new_machine_from(&template.at, to);
    let changes = paths::change_template(&template.at, to);
    let about = if is_native {
        format!("the cluster's own · {team}")
    } else {
        format!("version {} · {team}", template.version)
    };
    let asked = template.parameters.iter().map(TemplateParameter::title).collect::<Vec<_>>().join(", ");
    let file_name = format!("{name}.json");
    let file = leptos::serde_json::to_string_pretty(&template).unwrap_or_default();
    let (of_namespace, of_name, title) = (namespace.clone(), name.clone(), template.title.clone());
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        let (namespace, name, title) = (of_namespace.clone(), of_name.clone(), title.clone());
        spawn_local(async move {
            match delete_template(namespace, name).await {
                Ok(()) => {
                    toasts.say(Tone::Good, format!("The template {title} is gone."));
                    turn.try_update(|turn| *turn += 1);
                }
                Err(ApiError(error)) => toasts.say(Tone::Bad, error.message),
            }
        });
    };
    view! {
        <li class="flex flex-wrap items-center gap-x-4 gap-y-1.5 py-2.5">
            <a class="font-medium text-ink hover:underline" href=uses.clone()>
                {template.title.clone()}
            </a>
            <span class="text-sm text-ink-faint">{about}</span>
            {(!asked.is_empty()).then(|| view! { <span class="text-sm text-ink-quiet">"asks for " {asked}</span> })}
            <span class="ml-auto flex items-center gap-1.5">
                <a class=button_class(Look::Plain) href=uses>
                    "Use"
                </a>
                <a
                    class=button_class(Look::Quiet)
                    download=file_name
                    href=format!("data:application/json;charset=utf-8,{}", paths::encode(&file))
                >
                    "Export"
                </a>
                {(!is_native)
                    .then(|| {
                        view! {
                            <a class=button_class(Look::Quiet) href=changes>
                                "Change"
                            </a>
                            <form method="post" action=DeleteTemplate::url() on:submit=on_submit>
                                <input type="hidden" name="namespace" value=namespace/>
                                <input type="hidden" name="name" value=name/>
                                <button type="submit" class=button_class(Look::Quiet)>
                                    "Delete"
                                </button>
                            </form>
                        }
                    })}
            </span>
        </li>
    }
}
