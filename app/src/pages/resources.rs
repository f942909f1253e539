//! The lower part of the first page: how much there is, who asks for most of it, what was told last.

use leptos::prelude::*;
use model::create::{QuotaKind, QuotaLine};
use model::live::LiveKind;
use model::query::amount::write;
use model::query::key::Reading;
use model::session::{Consumer, NodeSums, Resources, TeamQuota};

use super::nodes::{Filled, cpu_words, memory_words};
use crate::clock::Ago;
use crate::live::Live;
use crate::ui::{Bar, Fact, Facts, Glyph, Icon, Loaded, Panel, Skeleton};
use crate::{api, paths, words};

/// It asks by itself, and less often than what needs attention.
#[component]
pub fn ResourcesPart() -> impl IntoView {
    let live = Live::expect();
    let resources = Resource::new(
        move || [LiveKind::Machine, LiveKind::Event].map(|kind| live.version(kind)),
        |_| api::session::get_resources(String::new()),
    );
    view! {
        <Loaded resource=resources waiting=|| view! { <Skeleton rows=4/> } let:resources>
            <div class="grid gap-x-10 gap-y-8 md:grid-cols-2">
                {move || {
                    resources
                        .with(|Resources { nodes, quotas, largest, events }| {
                            [
                                nodes.clone().map(capacity),
                                (!quotas.is_empty()).then(|| limits(quotas)),
                                (!largest.is_empty()).then(|| consumers(largest)),
                                (!events.is_empty()).then(|| told(events)),
                            ]
                                .into_iter()
                                .collect_view()
                        })
                }}
            </div>
        </Loaded>
    }
}

fn capacity(nodes: NodeSums) -> AnyView {
    let count = if nodes.usable == nodes.count {
        words::counted(nodes.count, "node")
    } else {
        format!("{} of {} take pods", nodes.usable, words::counted(nodes.count, "node"))
    };
    view! {
        <Panel title="Capacity" glyph=Glyph::Node>
            <Facts>
                <Fact term="Nodes">
                    <a class="rounded-control underline hover:text-accent" href=paths::NODES>
                        {count}
                    </a>
                </Fact>
                <Fact term="CPU asked for">
                    <Filled share=nodes.cpu text=cpu_words(nodes.cpu) label="CPU of all nodes".to_owned()/>
                </Fact>
                <Fact term="Memory asked for">
                    <Filled share=nodes.memory text=memory_words(nodes.memory) label="Memory of all nodes".to_owned()/>
                </Fact>
            </Facts>
        </Panel>
    }
    .into_any()
}

fn limits(quotas: &[TeamQuota]) -> AnyView {
    let names_team = quotas.iter().any(|quota| quota.team != quotas[0].team);
    let lines = quotas.iter().map(|TeamQuota { team, line }| {
        let what = quota_word(line.resource);
        let term = if names_team { format!("{team} · {what}") } else { what.to_owned() };
        let filled = line.used.saturating_mul(10_000).checked_div(line.hard).unwrap_or(10_000);
        let hundredths = u32::try_from(filled).unwrap_or(u32::MAX);
        let (label, told) = (format!("{what} of {team}"), used(line));
        view! {
            <Fact term>
                <span class="flex min-w-40 items-center gap-2">
                    <span class="w-20 shrink-0">
                        <Bar hundredths=Some(hundredths) label/>
                    </span>
                    <span class="tabular text-xs text-ink-quiet">{told}</span>
                </span>
            </Fact>
        }
    });
    let lines = lines.collect_view();
    view! {
        <Panel title="Quota" glyph=Glyph::Processor>
            <Facts>{lines}</Facts>
        </Panel>
    }
    .into_any()
}

const fn quota_word(kind: QuotaKind) -> &'static str {
    match kind {
        QuotaKind::Cpu => "CPU",
        QuotaKind::Memory => "Memory",
        QuotaKind::Storage => "Disk space",
        QuotaKind::Disks => "Disks",
        QuotaKind::Pods => "Pods",
        QuotaKind::Machines => "Machines",
    }
}

/// `3 of 4`, in the limit's own unit.
fn used(line: &QuotaLine) -> String {
    let told = |amount: u64| match line.resource {
        QuotaKind::Cpu => write(Reading::Cpu, amount),
        QuotaKind::Memory | QuotaKind::Storage => {
            let (number, unit) = words::memory(amount);
            format!("{number} {unit}")
        }
        QuotaKind::Disks | QuotaKind::Pods | QuotaKind::Machines => amount.to_string(),
    };
    format!("{} of {}", told(line.used), told(line.hard))
}

fn consumers(largest: &[Consumer]) -> AnyView {
    let lines = largest.iter().map(|one| {
        let (href, glyph) = if one.is_machine {
            (paths::machine(&one.at), Glyph::Machine)
        } else {
            (paths::pod(&one.at), Glyph::Container)
        };
        let (number, unit) = words::memory(one.memory_mib);
        let cpu = one.cpu_milli.map(|cpu| format!("{} CPU · ", write(Reading::Cpu, cpu)));
        view! {
            <li class="flex items-center gap-2 border-b border-rule py-1.5 text-sm">
                <span class="text-ink-faint">
                    <Icon glyph/>
                </span>
                <a class="truncate rounded-control font-medium hover:text-accent" href=href>
                    {one.at.name.to_string()}
                </a>
                <span class="truncate text-xs text-ink-faint">{one.at.namespace.to_string()}</span>
                <span class="tabular ml-auto whitespace-nowrap text-ink-quiet">{cpu} {format!("{number} {unit}")}</span>
            </li>
        }
    });
    let lines = lines.collect_view();
    view! {
        <Panel title="Asks for most" glyph=Glyph::Processor>
            <ul>{lines}</ul>
        </Panel>
    }
    .into_any()
}

fn told(events: &[(String, model::machine::EventLine)]) -> AnyView {
    let lines = events.iter().map(|(team, event)| {
        let tone = if event.is_warning { "text-warn" } else { "text-ink-faint" };
        let glyph = if event.is_warning { Glyph::Warning } else { Glyph::Info };
        view! {
            <li class="flex items-baseline gap-2 border-b border-rule py-1.5 text-sm">
                <span class=tone>
                    <Icon glyph/>
                </span>
                <span class="prose-line min-w-0">
                    <span class="font-medium">{event.about.clone()}</span>
                    <span class="text-xs text-ink-faint">" " {team.clone()} " "</span>
                    <span class="text-ink-quiet">{event.message.clone()}</span>
                </span>
                <span class="ml-auto whitespace-nowrap text-xs text-ink-faint">{event.at.map(|at| view! { <Ago at/> })}</span>
            </li>
        }
    });
    let lines = lines.collect_view();
    view! {
        <Panel title="Told last" glyph=Glyph::Clock>
            <ul>{lines}</ul>
        </Panel>
    }
    .into_any()
}
