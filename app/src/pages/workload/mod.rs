//! One workload: how it is, what it runs, what can be done with it, and its logs.

mod actions;
mod parts;
mod revisions;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use model::live::LiveKind;
use model::workload::{WorkloadAction, WorkloadDetail};

use crate::components::commands::Commands;
use crate::components::events::Timeline;
use crate::components::findings::Findings;
use crate::components::labels::Labels;
use crate::components::live_part::{LivePart, PartOptions};
use crate::live::Live;
use crate::platform::PartKind;
use crate::ui::{Glyph, Icon, Loaded, Look, Notice, Panel, Pill, Skeleton, Tone, button_class};
use crate::{api, paths};
use actions::{Actions, DeleteDialog, Of};

/// The page.
#[component]
pub fn WorkloadPage() -> impl IntoView {
    let params = use_params_map();
    let at = Memo::new(move |_| {
        params.with(|params| ["kind", "namespace", "name"].map(|key| params.get(key).unwrap_or_default()))
    });
    move || {
        let [kind, namespace, name] = at.get();
        view! { <Workload kind namespace name/> }
    }
}

#[component]
fn Workload(kind: String, namespace: String, name: String) -> impl IntoView {
    let live = Live::expect();
    let title = name.clone();
    let detail = Resource::new(
        move || (live.version(LiveKind::Pod), live.version(LiveKind::Event)),
        move |_| api::workloads::get_workload(kind.clone(), namespace.clone(), name.clone()),
    );
    view! {
        <Title text=title/>
        <Loaded resource=detail is_page=true waiting=|| view! { <Skeleton rows=10/> } let:detail>
            <Shown detail/>
        </Loaded>
    }
}

#[component]
fn Shown(detail: Memo<WorkloadDetail>) -> impl IntoView {
    let of = detail.with_untracked(|detail| Of { kind: detail.row.kind, at: detail.row.at.clone() });
    // Only what really changed is drawn anew: somebody may be typing here.
    let findings = Memo::new(move |_| detail.with(|detail| detail.findings.clone()));
    let containers = Memo::new(move |_| detail.with(|detail| (detail.containers.clone(), detail.actions.clone())));
    let actions = Memo::new(move |_| detail.with(|detail| (detail.actions.clone(), detail.row.wanted)));
    let revisions = Memo::new(move |_| {
        detail.with(|detail| (detail.revisions.clone(), detail.denied(WorkloadAction::RollBack).map(str::to_owned)))
    });
    let deletion = Memo::new(move |_| {
        detail.with(|detail| {
            (detail.going.clone(), detail.takes_data, detail.denied(WorkloadAction::Delete).map(str::to_owned))
        })
    });
    let (acts, changes, rolls, deletes) = (of.clone(), of.clone(), of.clone(), of.clone());
    view! {
        <Header detail/>
        <p class="prose-line mt-1 text-ink-quiet">{move || detail.with(|detail| detail.row.said.clone())}</p>
        <div class="mt-3"><Findings findings/></div>
        {move || {
            let (offers, wanted) = actions.get();
            view! { <Actions of=acts.clone() offers wanted/> }
        }}
        <div class="mt-5 grid gap-x-8 gap-y-8 lg:grid-cols-[minmax(0,1fr)_19rem] xl:grid-cols-[minmax(0,1fr)_22rem]">
            <div class="flex min-w-0 flex-col gap-8">
                {move || view! { <parts::Pods pods=detail.with(|detail| detail.pods.clone())/> }}
                {move || view! { <parts::Runs runs=detail.with(|detail| detail.runs.clone())/> }}
                <Panel title="Containers" glyph=Glyph::Container>
                    {move || {
                        let (containers, offers) = containers.get();
                        view! { <parts::Template of=changes.clone() containers offers/> }
                    }}
                </Panel>
                <Logs detail/>
                {move || {
                    let (revisions, denied) = revisions.get();
                    (!revisions.is_empty()).then(|| view! { <revisions::Revisions of=rolls.clone() revisions denied/> })
                }}
            </div>
            <aside class="flex min-w-0 flex-col gap-6" aria-label="Facts">
                {move || view! { <parts::Facts detail=detail.get()/> }}
                {move || view! { <parts::Services services=detail.with(|detail| detail.services.clone())/> }}
                <Panel title="Timeline" glyph=Glyph::Clock>
                    {move || view! { <Timeline events=detail.with(|detail| detail.events.clone())/> }}
                </Panel>
                {move || {
                    let labels = detail.with(|detail| detail.labels.clone());
                    (!labels.is_empty()).then(|| view! { <Panel title="Labels" glyph=Glyph::Label><Labels labels/></Panel> })
                }}
                <Panel title="The same by hand" glyph=Glyph::Keyboard>
                    <Commands lines=detail.with_untracked(|detail| detail.commands.clone())/>
                </Panel>
            </aside>
        </div>
        {move || {
            let (going, takes_data, denied) = deletion.get();
            view! { <DeleteDialog of=deletes.clone() going takes_data denied/> }
        }}
    }
}

#[component]
fn Header(detail: Memo<WorkloadDetail>) -> impl IntoView {
    let row = detail.with_untracked(|detail| detail.row.clone());
    view! {
        <div class="flex flex-wrap items-center gap-x-3 gap-y-2">
            <a class=format!("{} -ml-2", button_class(Look::Quiet)) href=paths::WORKLOADS>
                <Icon glyph=Glyph::Back/>
                "Workloads"
            </a>
            <h1 class="min-w-0 truncate text-xl">{row.at.name.to_string()}</h1>
            {move || {
                let (state, since) = detail.with(|detail| (detail.row.state, detail.row.since));
                view! { <Pill state since/> }
            }}
            <span class="text-sm text-ink-faint">{row.kind.noun()} " in " {row.at.namespace.to_string()}</span>
        </div>
    }
}

/// The logs of all its pods, merged.
#[component]
fn Logs(detail: Memo<WorkloadDetail>) -> impl IntoView {
    let (row, denied) = detail.with_untracked(|detail| (detail.row.clone(), detail.logs_denied.clone()));
    let containers = detail.with_untracked(|detail| {
        let all = detail.containers.iter().filter(|container| !container.is_init);
        all.map(|container| container.name.clone()).collect()
    });
    let options = PartOptions {
        path: paths::workload_log_stream(row.kind, &row.at),
        label: format!("Logs of {}", row.at.name),
        containers,
        merged: true,
        ..PartOptions::default()
    };
    view! {
        <Panel title="Logs" glyph=Glyph::Log>
            {match denied {
                Some(reason) => view! { <Notice tone=Tone::Info>{reason}</Notice> }.into_any(),
                None => {
                    view! {
                        <LivePart kind=PartKind::Log options>
                            <noscript inner_html="<p>Logs of several pods are merged by a script. Without script, open one of the pods to read its log.</p>"></noscript>
                        </LivePart>
                    }
                        .into_any()
                }
            }}
        </Panel>
    }
}
