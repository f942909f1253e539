//! One pod: its containers, the end of a log, and what the cluster said about it.

use leptos::html;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use model::ObjectRef;
use model::live::LiveKind;
use model::workload::{Container, PodDetail, PodLog, PodRow};

use crate::api;
use crate::clock::Ago;
use crate::components::crumbs::Crumbs;
use crate::components::events::Timeline;
use crate::components::kinds_away::KindsAway;
use crate::components::labels::Labels;
use crate::live::Live;
use crate::ui::{Fact, Facts, Glyph, Icon, Loaded, Look, Notice, Panel, Pill, Skeleton, Tone, button_class};
use crate::{paths, platform, words};

/// Lines of a log unless the address asks for more.
const LINES: u32 = 200;

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
        <KindsAway of=&[LiveKind::Pod, LiveKind::Event]/>
        <Loaded resource=detail is_page=true waiting=|| view! { <Skeleton rows=10/> } let:detail>
            <Shown detail/>
        </Loaded>
    }
}

#[component]
fn Shown(detail: Memo<PodDetail>) -> impl IntoView {
    let row = Memo::new(move |_| detail.with(|detail| detail.row.clone()));
    let reason = Memo::new(move |_| row.with(|row| row.reason.clone()));
    view! {
        <Header row/>
        {move || reason.get().map(|reason| view! { <div class="mt-3"><Notice tone=Tone::Warn>{reason}</Notice></div> })}
        <div class="mt-5 grid gap-x-8 gap-y-8 lg:grid-cols-[minmax(0,1fr)_19rem] xl:grid-cols-[minmax(0,1fr)_22rem]">
            <div class="flex min-w-0 flex-col gap-8">
                <Panel title="Containers" glyph=Glyph::Container>
                    {move || view! { <Containers containers=detail.with(|detail| detail.containers.clone())/> }}
                </Panel>
                <Log detail/>
            </div>
            <aside class="flex min-w-0 flex-col gap-6" aria-label="Facts">
                {move || view! { <PodFacts row=row.get()/> }}
                <Panel title="Timeline" glyph=Glyph::Clock>
                    {move || view! { <Timeline events=detail.with(|detail| detail.events.clone())/> }}
                </Panel>
                {move || {
                    let labels = detail.with(|detail| detail.labels.clone());
                    (!labels.is_empty())
                        .then(|| view! { <Panel title="Labels" glyph=Glyph::Label><Labels labels=labels/></Panel> })
                }}
            </aside>
        </div>
    }
}

#[component]
fn Header(row: Memo<PodRow>) -> impl IntoView {
    let at = row.with_untracked(|row| row.at.clone());
    view! {
        <div class="flex flex-wrap items-center gap-x-3 gap-y-2">
            <Crumbs list="Containers" base=paths::CONTAINERS team=at.namespace.clone()/>
            <h1 class="min-w-0 truncate text-xl">{at.name.to_string()}</h1>
            {move || {
                let (state, since) = row.with(|row| (row.state, row.since));
                view! { <Pill state since/> }
            }}
            <span class="text-sm text-ink-faint">{at.namespace.to_string()}</span>
        </div>
    }
}

#[component]
fn PodFacts(row: PodRow) -> impl IntoView {
    view! {
        <Facts>
            {row
                .machine
                .map(|machine| {
                    view! {
                        <Fact term="Runs">
                            <a class="rounded-control text-accent hover:underline" href=paths::machine(&machine)>
                                {machine.name.to_string()}
                            </a>
                        </Fact>
                    }
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
fn Containers(containers: Vec<Container>) -> impl IntoView {
    view! {
        <ul>
            {containers
                .into_iter()
                .map(|container| {
                    let (glyph, tone) = if container.is_ready { (Glyph::Check, "text-good") } else { (Glyph::Clock, "text-warn") };
                    view! {
                        <li class="grid grid-cols-[1rem_minmax(0,1fr)_auto] items-center gap-x-3 border-b border-rule py-2 text-sm last:border-b-0">
                            <span class=tone title=if container.is_ready { "ready" } else { "not ready" }>
                                <Icon glyph/>
                                <span class="sr-only">{if container.is_ready { "ready" } else { "not ready" }}</span>
                            </span>
                            <span class="min-w-0">
                                <span class="font-medium">{container.name}</span>
                                <span class="ml-2 text-ink-quiet">{container.state}</span>
                                <span class="block truncate font-mono text-xs text-ink-faint" title=container.image.clone()>
                                    {container.image.clone()}
                                </span>
                            </span>
                            <span class="text-xs text-ink-faint">
                                {(container.restarts > 0).then(|| words::counted(container.restarts, "restart"))}
                            </span>
                        </li>
                    }
                })
                .collect_view()}
        </ul>
    }
}

/// The end of one container's log. Which one, and how much of it, is in the address.
#[component]
fn Log(detail: Memo<PodDetail>) -> impl IntoView {
    let params = use_query_map();
    let at = detail.with_untracked(|detail| detail.row.at.clone());
    let names = Memo::new(move |_| {
        detail.with(|detail| detail.containers.iter().map(|container| container.name.clone()).collect::<Vec<_>>())
    });
    let denied = Memo::new(move |_| detail.with(|detail| detail.logs_denied.clone()));
    let asked = Memo::new(move |_| {
        let (container, lines) = params.with(|params| (params.get("container"), params.get("lines")));
        let container = container.filter(|name| names.with(|names| names.contains(name)));
        let container = container.or_else(|| names.with(|names| names.first().cloned())).unwrap_or_default();
        (container, lines.and_then(|lines| lines.parse().ok()).unwrap_or(LINES))
    });
    let turn = RwSignal::new(0_u32);
    let place = at.clone();
    let log = Resource::new(
        move || (asked.get(), denied.with(Option::is_some), turn.get()),
        move |((container, lines), is_denied, _)| {
            let at = place.clone();
            async move {
                if is_denied {
                    return Ok(PodLog::default());
                }
                api::pods::get_pod_log(at.namespace.to_string(), at.name.to_string(), container, lines).await
            }
        },
    );
    let bar = at.clone();
    let aside = move || {
        let at = bar.clone();
        view! { <LogBar at names asked turn/> }
    };
    view! {
        <div id="log" class="min-w-0 scroll-mt-16">
            <Panel title="Log" glyph=Glyph::Log aside=aside>
                {move || match denied.get() {
                    Some(reason) => view! { <Notice tone=Tone::Info>{reason}</Notice> }.into_any(),
                    None => {
                        view! {
                            <Loaded resource=log waiting=|| view! { <div class="h-64 rounded-panel bg-stage"></div> } let:log>
                                <Lines log/>
                            </Loaded>
                        }
                            .into_any()
                    }
                }}
            </Panel>
        </div>
    }
}

#[component]
fn LogBar(at: ObjectRef, names: Memo<Vec<String>>, asked: Memo<(String, u32)>, turn: RwSignal<u32>) -> impl IntoView {
    let tabs = at.clone();
    let again = at.clone();
    view! {
        <nav class="flex items-center gap-0.5" aria-label="Containers">
            {move || {
                let (current, lines) = asked.get();
                let names = names.get();
                (names.len() > 1)
                    .then(|| {
                        names
                            .into_iter()
                            .map(|name| {
                                view! {
                                    <a
                                        class="inline-flex h-7 items-center rounded-control px-2 text-sm text-ink-quiet hover:bg-off-soft aria-[current]:bg-accent-soft aria-[current]:text-ink"
                                        href=paths::pod_log(&tabs, &name, lines)
                                        aria-current=(name == current).then_some("true")
                                    >
                                        {name.clone()}
                                    </a>
                                }
                            })
                            .collect_view()
                    })
            }}
        </nav>
        <a
            class=button_class(Look::Quiet)
            href=move || asked.with(|(container, lines)| paths::pod_log(&at, container, if *lines < 2_000 { 2_000 } else { LINES }))
        >
            {move || if asked.with(|(_, lines)| *lines < 2_000) { "Show 2,000 lines" } else { "Show fewer" }}
        </a>
        <a
            class=button_class(Look::Quiet)
            href=move || asked.with(|(container, lines)| paths::pod_log(&again, container, *lines))
            on:click=move |event| {
                event.prevent_default();
                turn.update(|turn| *turn = turn.wrapping_add(1));
            }
        >
            <Icon glyph=Glyph::Refresh/>
            "Refresh"
        </a>
    }
}

#[component]
fn Lines(log: Memo<PodLog>) -> impl IntoView {
    let place = NodeRef::<html::Div>::new();
    Effect::new(move |_| {
        log.track();
        platform::scroll_to_end(place);
    });
    view! {
        <div
            node_ref=place
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
