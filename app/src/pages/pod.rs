//! One pod: its containers, their logs, and what the cluster said about it.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_params_map, use_query_map};
use model::ObjectRef;
use model::live::LiveKind;
use model::workload::{Container, PodDetail, PodLog, PodRow};
use server_fn::ServerFn;

use crate::api;
use crate::api::pods::{DeletePod, delete_pod};
use crate::clock::Ago;
use crate::components::commands::Commands;
use crate::components::containers::ContainerLine;
use crate::components::events::Timeline;
use crate::components::labels::Labels;
use crate::components::live_part::{LivePart, PartOptions};
use crate::components::toasts::Toasts;
use crate::live::Live;
use crate::platform::PartKind;
use crate::ui::{
    Cancel, Dialog, Fact, Facts, Glyph, Icon, Loaded, Look, Notice, Panel, Pill, Skeleton, Tone, button_class,
};
use crate::{paths, words};

/// Lines of a log without script, unless the address asks for more.
const LINES: u32 = 200;
/// The question before it is deleted.
const CONFIRM: &str = "confirm-delete";

/// The page.
#[component]
pub fn PodPage() -> impl IntoView {
    let params = use_params_map();
    let at = Memo::new(move |_| {
        params.with(|params| (params.get("namespace").unwrap_or_default(), params.get("name").unwrap_or_default()))
    });
    move || {
        let (namespace, name) = at.get();
        view! { <Pod namespace name/> }
    }
}

#[component]
fn Pod(namespace: String, name: String) -> impl IntoView {
    let live = Live::expect();
    let title = name.clone();
    let detail = Resource::new(
        move || (live.version(LiveKind::Pod), live.version(LiveKind::Event)),
        move |_| api::pods::get_pod(namespace.clone(), name.clone()),
    );
    view! {
        <Title text=title/>
        <Loaded resource=detail is_page=true waiting=|| view! { <Skeleton rows=10/> } let:detail>
            <Shown detail/>
        </Loaded>
    }
}

#[component]
fn Shown(detail: Memo<PodDetail>) -> impl IntoView {
    let row = Memo::new(move |_| detail.with(|detail| detail.row.clone()));
    let reason = Memo::new(move |_| row.with(|row| row.reason.clone()));
    let deletion = Memo::new(move |_| {
        detail.with(|detail| (detail.row.at.clone(), detail.going.clone(), detail.delete_denied.clone()))
    });
    view! {
        <Header row/>
        {move || reason.get().map(|reason| view! { <div class="mt-3"><Notice tone=Tone::Warn>{reason}</Notice></div> })}
        <div class="mt-5 grid gap-x-8 gap-y-8 lg:grid-cols-[minmax(0,1fr)_19rem] xl:grid-cols-[minmax(0,1fr)_22rem]">
            <div class="flex min-w-0 flex-col gap-8">
                <Panel title="Containers" glyph=Glyph::Container>
                    {move || {
                        let (containers, at, may_enter) = detail
                            .with(|detail| (detail.containers.clone(), detail.row.at.clone(), detail.shell_denied.is_none()));
                        view! { <Containers containers shell=may_enter.then_some(at)/> }
                    }}
                    {move || {
                        detail
                            .with(|detail| detail.shell_denied.clone())
                            .map(|reason| view! { <p class="mt-1 text-sm text-ink-faint">"No shell: " {reason}</p> })
                    }}
                </Panel>
                <Log detail/>
            </div>
            <aside class="flex min-w-0 flex-col gap-6" aria-label="Facts">
                {move || view! { <PodFacts detail=detail.get()/> }}
                <Panel title="Timeline" glyph=Glyph::Clock>
                    {move || view! { <Timeline events=detail.with(|detail| detail.events.clone())/> }}
                </Panel>
                {move || {
                    let labels = detail.with(|detail| detail.labels.clone());
                    (!labels.is_empty())
                        .then(|| view! { <Panel title="Labels" glyph=Glyph::Label><Labels labels=labels/></Panel> })
                }}
                <Panel title="The same by hand" glyph=Glyph::Keyboard>
                    <Commands lines=detail.with_untracked(|detail| detail.commands.clone())/>
                </Panel>
            </aside>
        </div>
        {move || {
            let (at, going, denied) = deletion.get();
            view! { <DeleteDialog at going denied/> }
        }}
    }
}

#[component]
fn Header(row: Memo<PodRow>) -> impl IntoView {
    let at = row.with_untracked(|row| row.at.clone());
    view! {
        <div class="flex flex-wrap items-center gap-x-3 gap-y-2">
            <a class=format!("{} -ml-2", button_class(Look::Quiet)) href=paths::CONTAINERS>
                <Icon glyph=Glyph::Back/>
                "Containers"
            </a>
            <h1 class="min-w-0 truncate text-xl">{at.name.to_string()}</h1>
            {move || {
                let (state, since) = row.with(|row| (row.state, row.since));
                view! { <Pill state since/> }
            }}
            <span class="text-sm text-ink-faint">{at.namespace.to_string()}</span>
            <button type="button" class=format!("{} ml-auto", button_class(Look::Quiet)) popovertarget=CONFIRM>
                <Icon glyph=Glyph::Trash/>
                "Delete…"
            </button>
        </div>
    }
}

#[component]
fn PodFacts(detail: PodDetail) -> impl IntoView {
    let PodDetail { row, owner, .. } = detail;
    let link = "rounded-control text-accent hover:underline";
    view! {
        <Facts>
            {row
                .machine
                .map(|machine| {
                    view! {
                        <Fact term="Runs">
                            <a class=link href=paths::machine(&machine)>
                                {machine.name.to_string()}
                            </a>
                        </Fact>
                    }
                })}
            {owner
                .map(|owner| {
                    let name = format!("{} {}", owner.kind, owner.at.name);
                    let name = match owner.page {
                        Some(kind) => view! { <a class=link href=paths::workload(kind, &owner.at)>{name}</a> }.into_any(),
                        None => name.into_any(),
                    };
                    view! { <Fact term="Part of">{name}</Fact> }
                })}
            <Fact term="Address">
                {row
                    .address
                    .map_or_else(
                        || view! { <span class="text-ink-faint">"none yet"</span> }.into_any(),
                        |address| view! { <span class="font-mono text-xs select-all">{address}</span> }.into_any(),
                    )}
            </Fact>
            <Fact term="Node">{row.node.unwrap_or_else(|| "–".to_owned())}</Fact>
            <Fact term="Restarts">{words::count(row.restarts)}</Fact>
            {row.created.map(|at| view! { <Fact term="Age"><Ago at/></Fact> })}
        </Facts>
    }
}

#[component]
fn Containers(containers: Vec<Container>, shell: Option<ObjectRef>) -> impl IntoView {
    view! {
        <ul>
            {containers
                .into_iter()
                .map(|container| view! { <ContainerLine container shell=shell.clone()/> })
                .collect_view()}
        </ul>
    }
}

/// The question: what its deletion means.
#[component]
fn DeleteDialog(at: ObjectRef, going: Vec<String>, denied: Option<String>) -> impl IntoView {
    let (toasts, live, navigate) = (Toasts::expect(), Live::expect(), use_navigate());
    let (namespace, name) = (at.namespace.to_string(), at.name.to_string());
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        let (at, navigate) = (at.clone(), navigate.clone());
        spawn_local(async move {
            match delete_pod(at.namespace.to_string(), at.name.to_string()).await {
                Ok(()) => {
                    toasts.say(Tone::Good, format!("{} is being deleted.", at.name));
                    live.raise(LiveKind::Pod);
                    navigate(paths::CONTAINERS, NavigateOptions::default());
                }
                Err(error) => toasts.say(Tone::Bad, error.0.message),
            }
        });
    };
    view! {
        <Dialog id=CONFIRM title=format!("Delete {name}?")>
            {match denied {
                Some(reason) => view! { <p class="mt-2 text-ink-quiet">{reason}</p> }.into_any(),
                None => {
                    view! {
                        <ul class="prose-line mt-2 flex flex-col gap-1 text-sm text-ink-quiet">
                            {going.into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}
                        </ul>
                        <form method="post" action=DeletePod::url() class="mt-3 flex justify-end gap-2" on:submit=on_submit>
                            <input type="hidden" name="namespace" value=namespace/>
                            <input type="hidden" name="name" value=name/>
                            <Cancel of=CONFIRM/>
                            <button type="submit" class=button_class(Look::Danger)>
                                "Delete pod"
                            </button>
                        </form>
                    }
                        .into_any()
                }
            }}
        </Dialog>
    }
}

/// The log of one container as it is written; without script its end, of which container and how much is in the address.
#[component]
fn Log(detail: Memo<PodDetail>) -> impl IntoView {
    let params = use_query_map();
    let (at, denied) = detail.with_untracked(|detail| (detail.row.at.clone(), detail.logs_denied.clone()));
    let names = detail.with_untracked(|detail| {
        // Those that prepare the pod come last: their log is short, and seldom what somebody looks for.
        let (first, last): (Vec<_>, Vec<_>) = detail.containers.iter().partition(|container| !container.is_init);
        first.into_iter().chain(last).map(|container| container.name.clone()).collect::<Vec<_>>()
    });
    let (container, lines) = params.with_untracked(|params| (params.get("container"), params.get("lines")));
    let container = container.filter(|name| names.contains(name));
    let container = container.or_else(|| names.first().cloned()).unwrap_or_default();
    let lines = lines.and_then(|lines| lines.parse().ok()).unwrap_or(LINES);
    let options = PartOptions {
        path: paths::pod_log_stream(&at),
        label: format!("Log of {}", at.name),
        containers: names.clone(),
        container: Some(container.clone()),
        ..PartOptions::default()
    };
    view! {
        <div id="log" class="min-w-0 scroll-mt-16">
            <Panel title="Log" glyph=Glyph::Log>
                {match denied {
                    Some(reason) => view! { <Notice tone=Tone::Info>{reason}</Notice> }.into_any(),
                    None => {
                        view! {
                            <LivePart kind=PartKind::Log options>
                                <Ending at names container lines/>
                            </LivePart>
                        }
                            .into_any()
                    }
                }}
            </Panel>
        </div>
    }
}

/// The end of a log, as the server read it.
#[component]
fn Ending(at: ObjectRef, names: Vec<String>, container: String, lines: u32) -> impl IntoView {
    let (place, asked) = (at.clone(), container.clone());
    let log = Resource::new(
        || (),
        move |()| api::pods::get_pod_log(place.namespace.to_string(), place.name.to_string(), asked.clone(), lines),
    );
    let link = |name: &str, lines: u32, label: String, is_here: bool| {
        view! {
            <a class=button_class(Look::Quiet) href=paths::pod_log(&at, name, lines) aria-current=is_here.then_some("true")>
                {label}
            </a>
        }
    };
    let others = names.iter().map(|name| link(name, lines, name.clone(), *name == container)).collect::<Vec<_>>();
    view! {
        <nav class="mb-1 flex flex-wrap items-center gap-0.5" aria-label="Parts of the log">
            {others} {link(&container, 2_000, "Show 2,000 lines".to_owned(), false)}
        </nav>
        <Loaded resource=log waiting=|| view! { <div class="h-64 rounded-panel bg-stage"></div> } let:log>
            <Lines log/>
        </Loaded>
    }
}

#[component]
fn Lines(log: Memo<PodLog>) -> impl IntoView {
    view! {
        <div
            class="log on-stage max-h-[32rem] min-h-40 overflow-auto rounded-panel bg-stage p-3 text-stage-ink focus-visible:outline-stage-accent"
            tabindex="0"
            role="log"
            aria-live="off"
            aria-label="Log"
        >
            {move || {
                log.with(|log| {
                    if log.lines.is_empty() {
                        view! { <p class="text-stage-quiet">"This container has written nothing yet."</p> }.into_any()
                    } else {
                        view! { <pre class="w-max min-w-full">{log.lines.join("\n")}</pre> }.into_any()
                    }
                })
            }}
        </div>
    }
}
