//! Nodes, for those who may list them: how full they are, and what runs on them.

mod drain;
mod node;

use leptos::prelude::*;
use leptos_meta::Title;
use model::live::LiveKind;
use model::node::{NodeRow, Share};
use model::query::ListQuery;
use model::query::amount::write;
use model::query::key::Reading;

use crate::live::Live;
use crate::ui::{Bar, Empty, Glyph, Loaded, Pill, Skeleton};
use crate::{api, paths, words};
pub use node::NodePage;

/// The page.
#[component]
pub fn NodesPage() -> impl IntoView {
    let live = Live::expect();
    // Blocking: for whoever may not see nodes there is no such page, and that is the response's status.
    let nodes = Resource::new_blocking(
        move || (live.version(LiveKind::Node), live.version(LiveKind::Pod)),
        |_| api::nodes::list_nodes(),
    );
    view! {
        <Title text="Nodes"/>
        <Loaded resource=nodes is_page=true waiting=|| view! { <Skeleton rows=6/> } let:nodes>
            <h1 class="mb-4 text-xl">
                "Nodes" <span class="ml-2 font-normal text-ink-faint">{move || nodes.with(Vec::len)}</span>
            </h1>
            {move || {
                if nodes.with(Vec::is_empty) {
                    view! {
                        <Empty glyph=Glyph::Node title="No nodes">
                            <p>"The cluster tells of no node. It runs nothing until one joins it."</p>
                        </Empty>
                    }
                        .into_any()
                } else {
                    view! { <Table nodes/> }.into_any()
                }
            }}
        </Loaded>
    }
}

#[component]
fn Table(nodes: Memo<Vec<NodeRow>>) -> impl IntoView {
    view! {
        <table class="rows" role="table">
            <thead>
                <tr>
                    <th scope="col">"Name"</th>
                    <th scope="col">"State"</th>
                    <th scope="col">"CPU asked for"</th>
                    <th scope="col">"Memory asked for"</th>
                    <th scope="col" class="number">"Machines"</th>
                    <th scope="col" class="number">"Pods"</th>
                </tr>
            </thead>
            <tbody>{move || nodes.get().into_iter().map(row).collect_view()}</tbody>
        </table>
    }
}

fn row(node: NodeRow) -> AnyView {
    let on_it = ListQuery::of(format!("node:{}", node.name));
    let keeps_machines_off = node.takes_machines == Some(false);
    let troubles = (!node.troubles.is_empty()).then(|| node.troubles.join(" "));
    let link = "rounded-control hover:text-accent";
    view! {
        <tr data-row="">
            <td class="lead">
                <span class="flex min-w-0 items-baseline gap-2">
                    <a class="truncate rounded-control font-medium text-ink hover:text-accent" href=paths::node(&node.name) data-row-link="">
                        {node.name.clone()}
                    </a>
                    <span class="truncate text-xs text-ink-faint">{node.roles.join(", ")}</span>
                </span>
            </td>
            <td class="state">
                <span class="inline-flex items-center gap-2">
                    <Pill state=node.state since=node.since/>
                    {keeps_machines_off.then(|| view! { <span class="text-xs text-ink-faint">"takes no machines"</span> })}
                </span>
            </td>
            <td class="extra">
                <Filled share=node.cpu text=cpu_words(node.cpu) label=format!("CPU of {}", node.name)/>
            </td>
            <td class="extra">
                <Filled share=node.memory text=memory_words(node.memory) label=format!("Memory of {}", node.name)/>
            </td>
            <td class="number extra">
                <a class=link href=paths::list(paths::MACHINES, &on_it)>
                    {words::count(node.machines)}
                </a>
            </td>
            <td class="number extra">
                <a class=link href=paths::list(paths::CONTAINERS, &on_it)>
                    {node.pods.requested} <span class="text-ink-faint">"/" {node.pods.allocatable}</span>
                </a>
            </td>
        </tr>
        {troubles
            .map(|troubles| {
                view! {
                    <tr class="why">
                        <td colspan="6">
                            <p class="prose-line">{troubles}</p>
                        </td>
                    </tr>
                }
            })}
    }
    .into_any()
}

/// How much of something is asked for: a bar with its words.
#[component]
pub fn Filled(
    /// How much there is.
    share: Share,
    /// The same in words.
    text: String,
    /// What assistive technology calls the bar.
    label: String,
) -> impl IntoView {
    view! {
        <span class="flex min-w-40 items-center gap-2">
            <span class="w-20 shrink-0">
                <Bar hundredths=Some(share.hundredths()) label/>
            </span>
            <span class="tabular text-xs text-ink-quiet">{text}</span>
        </span>
    }
}

/// `1.5 of 8`, in processors.
pub fn cpu_words(share: Share) -> String {
    let tenths = share.requested.saturating_add(50) / 100;
    format!("{}.{} of {}", tenths / 10, tenths % 10, write(Reading::Cpu, share.allocatable))
}

/// `2 GiB of 15 GiB`.
pub fn memory_words(share: Share) -> String {
    let told = |mib| {
        let (number, unit) = words::memory(mib);
        format!("{number} {unit}")
    };
    format!("{} of {}", told(share.requested), told(share.allocatable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_told_as_much_of_how_much() {
        let share = Share { capacity: 8_000, allocatable: 7_500, requested: 1_250 };
        assert_eq!(cpu_words(share), "1.3 of 7500m");
        assert_eq!(memory_words(Share { capacity: 0, allocatable: 15_360, requested: 2_048 }), "2 GiB of 15 GiB");
    }
}
