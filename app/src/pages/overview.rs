//! The first page: what needs attention, then counts, then what changed last.

use core::time::Duration;

use leptos::prelude::*;
use leptos_meta::Title;
use model::finding::DiskAttention;
use model::machine::{MachineRow, MachineState};
use model::query::ListQuery;
use model::session::Overview;
use model::workload::PodRow;

use super::resources::ResourcesPart;
use crate::clock::Ago;
use crate::components::findings::tone;
use crate::components::frame::Session;
use crate::components::picture::ScreenPicture;
use crate::components::power::{Power, RefusedAction};
use crate::paths;
use crate::ui::{Empty, Glyph, Icon, Loaded, Look, Pill, Skeleton, StateLook, Swatch, button_class, looks};
use crate::words;

/// How old a card's picture may get.
const PICTURE_AGE: Duration = Duration::from_secs(30);

/// The page.
#[component]
pub fn OverviewPage() -> impl IntoView {
    let session = Session::expect();
    view! {
        <Title text="Overview"/>
        <RefusedAction/>
        <Loaded resource=session.overview is_page=true waiting=|| view! { <Heading/> <Skeleton rows=10/> } let:overview>
            <Heading/>
            <Shown overview/>
        </Loaded>
    }
}

#[component]
fn Heading() -> impl IntoView {
    view! { <h1 class="mb-4 text-xl">"Overview"</h1> }
}

#[component]
fn Shown(overview: Memo<Overview>) -> impl IntoView {
    let is_empty = move || overview.with(|overview| overview.machines.is_empty() && overview.pods.is_empty());
    view! {
        <Show when=move || !is_empty() fallback=|| view! { <Nothing/> }>
            <div class="flex flex-col gap-8">
                <Attention overview/>
                <section class="grid gap-x-10 gap-y-4 md:grid-cols-2">
                    <Counts
                        title="Machines"
                        base=paths::MACHINES
                        counts=Signal::derive(move || overview.with(|overview| looks(&overview.machines)))
                    />
                    <Counts
                        title="Containers"
                        base=paths::CONTAINERS
                        counts=Signal::derive(move || overview.with(|overview| looks(&overview.pods)))
                    />
                </section>
                <Recent overview/>
                <ResourcesPart/>
            </div>
        </Show>
    }
}

#[component]
fn Nothing() -> impl IntoView {
    view! {
        <Empty glyph=Glyph::Overview title="Nothing here yet">
            <p>"Your team's machines and containers appear here by themselves, with whatever needs attention first."</p>
            <p class="mt-4">
                <a class=button_class(Look::Primary) href=paths::NEW_MACHINE>
                    "New machine"
                </a>
            </p>
        </Empty>
    }
}

/// What needs somebody, with the reason; or the calm word that nothing does.
#[component]
fn Attention(overview: Memo<Overview>) -> impl IntoView {
    let is_calm = move || {
        overview.with(|overview| {
            overview.attention.is_empty() && overview.attention_disks.is_empty() && overview.attention_pods.is_empty()
        })
    };
    view! {
        <section aria-labelledby="attention">
            <h2 id="attention" class="mb-2 text-base" class:sr-only=is_calm>
                "Needs attention"
            </h2>
            <Show
                when=move || !is_calm()
                fallback=|| {
                    view! {
                        <p class="flex items-center gap-2 text-ink-quiet">
                            <span class="text-good">
                                <Icon glyph=Glyph::Check/>
                            </span>
                            "Nothing needs attention."
                        </p>
                    }
                }
            >
                <ul class="border-t border-rule">
                    {move || {
                        overview
                            .with(|overview| {
                                let machines = overview.attention.iter().cloned().map(machine_line);
                                let pods = overview.attention_pods.iter().cloned().map(pod_line);
                                let disks = overview.attention_disks.iter().cloned().map(disk_line);
                                machines.chain(disks).chain(pods).collect_view()
                            })
                    }}
                </ul>
            </Show>
        </section>
    }
}

fn machine_line(row: MachineRow) -> AnyView {
    let url = paths::machine(&row.at);
    attention_line(url, row.at.name.to_string(), row.at.namespace.to_string(), row.state.into(), row.since, row.reason)
}

fn pod_line(row: PodRow) -> AnyView {
    let url = paths::pod(&row.at);
    attention_line(url, row.at.name.to_string(), row.at.namespace.to_string(), row.state.into(), row.since, row.reason)
}

fn disk_line(disk: DiskAttention) -> AnyView {
    let DiskAttention { at, finding } = disk;
    let (tone, since) = (tone(finding.severity), finding.since);
    let text = finding.sentence();
    view! {
        <li
            class="grid grid-cols-[auto_minmax(0,1fr)] items-baseline gap-x-3 border-b border-rule px-1 py-2 hover:bg-paper-sunken md:grid-cols-[minmax(8rem,14rem)_auto_minmax(0,1fr)]"
            data-row=""
        >
            <span class="flex min-w-0 items-baseline gap-2 max-md:order-2">
                <a class="truncate rounded-control font-medium hover:text-accent" href=paths::image(&at) data-row-link="">
                    {at.name.to_string()}
                </a>
                <span class="truncate text-xs text-ink-faint">{at.namespace.to_string()}</span>
            </span>
            <span class=format!("inline-flex h-5.5 items-center gap-1.5 rounded-full px-2 text-xs font-medium max-md:order-1 {}", tone.class())>
                <Icon glyph=Glyph::Disk/>
                "disk"
                {since.map(|at| view! { <span class="text-ink-quiet"><Ago at/></span> })}
            </span>
            <span class="prose-line min-w-0 text-ink-quiet max-md:order-3 max-md:col-span-2 max-md:mt-1">{text}</span>
        </li>
    }
    .into_any()
}

fn attention_line(
    url: String,
    name: String,
    team: String,
    state: StateLook,
    since: Option<i64>,
    reason: Option<String>,
) -> AnyView {
    view! {
        <li
            class="grid grid-cols-[auto_minmax(0,1fr)] items-baseline gap-x-3 border-b border-rule px-1 py-2 hover:bg-paper-sunken md:grid-cols-[minmax(8rem,14rem)_auto_minmax(0,1fr)]"
            data-row=""
        >
            <span class="flex min-w-0 items-baseline gap-2 max-md:order-2">
                <a class="truncate rounded-control font-medium hover:text-accent" href=url data-row-link="">
                    {name}
                </a>
                <span class="truncate text-xs text-ink-faint">{team}</span>
            </span>
            <span class="max-md:order-1">
                <Pill state since/>
            </span>
            <span class="prose-line min-w-0 text-ink-quiet max-md:order-3 max-md:col-span-2 max-md:mt-1">{reason}</span>
        </li>
    }
    .into_any()
}

/// One number for each state, each a link to the list of just those.
#[component]
fn Counts(
    title: &'static str,
    base: &'static str,
    #[prop(into)] counts: Signal<Vec<(StateLook, u32)>>,
) -> impl IntoView {
    let all = move || counts.with(|counts| counts.iter().map(|(_, count)| count).sum::<u32>());
    view! {
        <div class="border-t border-rule pt-3">
            <h2 class="text-sm font-normal text-ink-quiet">
                <a class="rounded-control hover:text-accent" href=base>
                    {title}
                </a>
            </h2>
            <p class="mt-1 flex flex-wrap items-baseline gap-x-6 gap-y-1">
                <a class="rounded-control text-2xl font-strong hover:text-accent" href=base aria-label=move || format!("{title}: {}", all())>
                    {move || words::count(all())}
                </a>
                {move || {
                    counts
                        .get()
                        .into_iter()
                        .map(|(state, count)| {
                            let query = ListQuery::of(format!("state:{}", state.word));
                            view! {
                                <a
                                    class="inline-flex items-center gap-1.5 rounded-control text-sm text-ink-quiet hover:text-ink"
                                    href=paths::list(base, &query)
                                >
                                    <Swatch state/>
                                    <span class="font-medium text-ink">{words::count(count)}</span>
                                    {state.word}
                                </a>
                            }
                        })
                        .collect_view()
                }}
            </p>
        </div>
    }
}

/// What changed last, as pictures of screens.
#[component]
fn Recent(overview: Memo<Overview>) -> impl IntoView {
    view! {
        <Show when=move || overview.with(|overview| !overview.recent.is_empty())>
            <section aria-labelledby="recent">
                <h2 id="recent" class="mb-3 text-base">
                    "Changed last"
                </h2>
                <ul class="grid grid-cols-2 gap-x-4 gap-y-6 md:grid-cols-3 lg:grid-cols-4">
                    <For
                        each=move || overview.with(|overview| overview.recent.clone())
                        key=|row| row.at.clone()
                        let:first
                    >
                        {
                            let at = first.at.clone();
                            let row = Memo::new(move |previous: Option<&MachineRow>| {
                                overview
                                    .with(|overview| overview.recent.iter().find(|row| row.at == at).cloned())
                                    .unwrap_or_else(|| previous.unwrap_or(&first).clone())
                            });
                            view! { <Card row/> }
                        }
                    </For>
                </ul>
            </section>
        </Show>
    }
}

#[component]
fn Card(row: Memo<MachineRow>) -> impl IntoView {
    let power = Power::expect();
    let at = row.with_untracked(|row| row.at.clone());
    let pictured = at.clone();
    let state = Memo::new(move |_| row.with(|row| power.state(row)));
    let has_picture =
        Memo::new(move |_| row.with(|row| matches!(row.state, MachineState::Running | MachineState::Paused)));
    view! {
        <li class="group relative min-w-0" data-row="">
            <div class="on-stage relative grid aspect-[16/10] place-items-center overflow-hidden rounded-panel border border-rule bg-stage text-stage-quiet">
                <span class="flex items-center gap-2 text-xs">
                    {move || view! { <Swatch state=state.get()/> }} {move || state.get().phrase()}
                </span>
                {move || {
                    has_picture
                        .get()
                        .then(|| view! { <ScreenPicture at=pictured.clone() every=PICTURE_AGE alt=""/> })
                }}
            </div>
            <div class="mt-2 flex min-w-0 items-center gap-2">
                <a
                    class="min-w-0 truncate font-medium group-hover:text-accent after:absolute after:inset-0 after:rounded-panel focus-visible:outline-0 focus-visible:after:outline-2 focus-visible:after:outline-accent"
                    href=paths::machine(&at)
                    data-row-link=""
                >
                    {at.name.to_string()}
                </a>
                <span class="ml-auto shrink-0">{move || { view! { <Pill state=state.get() since=None/> } }}</span>
            </div>
            <p class="truncate text-xs text-ink-faint">
                {at.namespace.to_string()} {move || row.with(|row| row.since).map(|at| view! { " · for " <Ago at/> })}
            </p>
        </li>
    }
}
