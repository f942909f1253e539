//! One machine: its screen, what can be done with it, and what is known about it.

mod asked;
mod change;
mod delete;
mod facts;
mod manifest;
mod metrics;
mod power;
mod stage;
mod tabs;
mod timeline;

pub use power::PowerMenu;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use model::commands::commands;
use model::live::LiveKind;
use model::machine::{MachineDetail, MachineRow};
use model::metrics::Range;
use tabs::{Tab, Tabs};

use crate::api;
use crate::clock::Clock;
use crate::components::crumbs::Crumbs;
use crate::components::events::Timeline;
use crate::components::findings::Findings;
use crate::components::kinds_away::KindsAway;
use crate::components::moves::MoveStrip;
use crate::components::power::{Power, RefusedAction, Viewer};
use crate::live::Live;
use crate::paths;
use crate::ui::{Glyph, Loaded, Panel, Pill, Skeleton};

/// The page.
#[component]
pub fn MachinePage() -> impl IntoView {
    let params = use_params_map();
    let at = Memo::new(move |_| {
        params.with(|params| (params.get("namespace").unwrap_or_default(), params.get("name").unwrap_or_default()))
    });
    move || {
        let (namespace, name) = at.get();
        view! { <Machine namespace name/> }
    }
}

#[component]
fn Machine(namespace: String, name: String) -> impl IntoView {
    let live = Live::expect();
    let title = name.clone();
    let detail = Resource::new(
        move || (live.version(LiveKind::Machine), live.version(LiveKind::Event)),
        move |_| api::machines::get_machine(namespace.clone(), name.clone()),
    );
    view! {
        <Title text=title/>
        <RefusedAction/>
        <KindsAway of=&[LiveKind::Machine, LiveKind::Event]/>
        <Loaded resource=detail is_page=true waiting=|| view! { <Waiting/> } let:detail>
            <Shown detail/>
        </Loaded>
    }
}

#[component]
fn Waiting() -> impl IntoView {
    view! {
        <div class="late grid gap-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
            <div class="aspect-[16/10] rounded-panel bg-stage"></div>
            <Skeleton rows=8/>
        </div>
    }
}

#[component]
fn Shown(detail: Memo<MachineDetail>) -> impl IntoView {
    let row = Memo::new(move |_| detail.with(|detail| detail.row.clone()));
    let at = row.with_untracked(|row| row.at.clone());
    let findings = Signal::derive(move || detail.with(|detail| detail.findings.clone()));
    let copy = Memo::new(move |_| detail.with(MachineDetail::disk_to_copy).map(|disk| paths::copy_image(&disk)));
    let latest = Memo::new(move |_| detail.with(|detail| detail.latest_move.clone()));
    let description = Memo::new(move |_| detail.with(|detail| detail.description.clone()));
    provide_context(Viewer(Memo::new(move |_| detail.with(|detail| detail.viewer.clone()))));
    look_again(detail);
    let query = use_query_map();
    let word = move |key: &'static str| Memo::new(move |_| query.with(|query| query.get(key).unwrap_or_default()));
    let tab_word = word("tab");
    let tab = Memo::new(move |_| tab_word.with(|word| Tab::from_word(word)));
    let (range_word, warnings, status) = (word("range"), word("warnings"), word("status"));
    let range = Memo::new(move |_| range_word.with(|word| Range::from_word(word)));
    let only_warnings = Memo::new(move |_| warnings.with(|word| word == "true"));
    let has_status = Memo::new(move |_| status.with(|word| word == "true"));
    view! {
        <Header row copy/>
        <p class="mt-1 text-sm text-ink-quiet empty:hidden">{move || description.get()}</p>
        <div class="mt-3 empty:hidden">
            <power::SlowStop row/>
        </div>
        <div class="mt-3 empty:hidden">
            <MoveStrip latest/>
        </div>
        <div class="mt-3 empty:hidden">
            <Findings findings row=row/>
        </div>
        <Tabs at=at.clone() now=tab/>
        {move || {
            let at = at.clone();
            if tab.get() == Tab::Overview {
                return view! { <Overview detail row/> }.into_any();
            }
            let content = match tab.get() {
                Tab::Metrics => view! { <metrics::MetricsTab at=at.clone() range/> }.into_any(),
                Tab::Timeline => view! { <timeline::TimelineTab at=at.clone() only_warnings/> }.into_any(),
                Tab::Yaml | Tab::Overview => view! { <manifest::ManifestTab at=at.clone() has_status/> }.into_any(),
            };
            view! {
                {content}
                <change::Changes at only_delete=true/>
            }
                .into_any()
        }}
    }
}

/// How many events the first tab shows.
const LATEST: usize = 8;

/// The first tab.
#[component]
fn Overview(detail: Memo<MachineDetail>, row: Memo<MachineRow>) -> impl IntoView {
    let at = row.with_untracked(|row| row.at.clone());
    let all = paths::machine_timeline(&at, false);
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(|query| query.get("ask").unwrap_or_default()));
    let asks_guest = Memo::new(move |_| asked.with(|asked| asked == "guest"));
    let asks_related = Memo::new(move |_| asked.with(|asked| asked == "related"));
    let latest =
        Memo::new(move |_| detail.with(|detail| detail.events.iter().take(LATEST).cloned().collect::<Vec<_>>()));
    let lines = commands(&at).into_iter().map(|(does, line)| (does.to_owned(), line)).collect::<Vec<_>>();
    view! {
        <div class="mt-4 grid gap-x-8 gap-y-8 lg:grid-cols-[minmax(0,1fr)_19rem] xl:grid-cols-[minmax(0,1fr)_22rem]">
            <div class="min-w-0">
                <stage::Stage row/>
            </div>
            <facts::Side detail/>
            <change::Changes at=at.clone()/>
            <div class="flex min-w-0 flex-col gap-8">
                <asked::Guest detail is_asked=asks_guest/>
                <asked::Around at=at.clone() is_asked=asks_related/>
                <facts::Conditions detail/>
                <Panel
                    title="Timeline"
                    glyph=Glyph::Clock
                    aside=move || view! { <a class="rounded-control text-sm text-accent hover:underline" href=all>"All of it"</a> }
                >
                    {move || view! { <Timeline events=latest.get()/> }}
                </Panel>
                <asked::Terminal lines/>
            </div>
        </div>
    }
}

/// Asks again when something that is normal for now has had its time, though nothing in the cluster changes then.
fn look_again(detail: Memo<MachineDetail>) {
    let (live, clock) = (Live::expect(), Clock::expect());
    let until = Memo::new(move |_| detail.with(|detail| detail.findings.iter().filter_map(|f| f.normal_until).min()));
    Effect::new(move |_| {
        if let Some(until) = until.get() {
            let left = u64::try_from(until - clock.now_untracked()).unwrap_or(0);
            set_timeout(move || live.raise(LiveKind::Machine), core::time::Duration::from_secs(left + 1));
        }
    });
}

/// Name, state and what can be done.
#[component]
fn Header(row: Memo<MachineRow>, copy: Memo<Option<String>>) -> impl IntoView {
    let power = Power::expect();
    let at = row.with_untracked(|row| row.at.clone());
    let state = Memo::new(move |_| row.with(|row| (power.state(row), row.since)));
    let node = Memo::new(move |_| row.with(|row| row.node.clone()));
    view! {
        <div class="flex flex-wrap items-center gap-x-3 gap-y-2">
            <Crumbs list="Machines" base=paths::MACHINES team=at.namespace.to_string()/>
            <h1 class="min-w-0 truncate text-xl">{at.name.to_string()}</h1>
            {move || {
                let (state, since) = state.get();
                view! { <Pill state since/> }
            }}
            <span class="truncate text-sm text-ink-faint">
                {at.namespace.to_string()} {move || node.get().map(|node| format!(" · on {node}"))}
            </span>
            <div class="flex flex-wrap items-center gap-2 max-md:w-full md:ml-auto" data-page-actions="">
                <power::PowerBar row copy/>
            </div>
        </div>
    }
}
