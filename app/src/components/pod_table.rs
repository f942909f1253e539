//! Pods as rows of a list.

use leptos::prelude::*;
use model::query::amount::write;
use model::query::key::{PODS, Reading};
use model::query::{Key, ListQuery, PodList};
use model::workload::PodRow;

use super::bulk::Pick;
use super::cells::{ColumnHead, Why, age_cell, code_cell, list_cell, number_cell, text_cell};
use super::listing::Rows;
use super::sort::SortHead;
use crate::paths;
use crate::ui::Pill;
use crate::words;

/// The table.
#[component]
pub fn PodTable(
    /// The rows of this page.
    list: Memo<PodList>,
    /// The list's query.
    query: Memo<ListQuery>,
    /// Whether rows name their team.
    #[prop(into)]
    names_team: Signal<bool>,
) -> impl IntoView {
    let base = paths::CONTAINERS;
    let columns = Memo::new(move |_| query.with(|query| PODS.columns_of(&query.columns)));
    view! {
        <table class="rows" role="table">
            <thead>
                <tr>
                    <th scope="col">
                        <span class="sr-only">"Choose"</span>
                    </th>
                    <SortHead key=Key::Name base query/>
                    <SortHead key=Key::State base query/>
                    {move || columns.get().into_iter().map(|key| view! { <ColumnHead key base query/> }).collect_view()}
                </tr>
            </thead>
            <tbody>
                <Rows list let:row>
                    <Row row columns names_team/>
                </Rows>
            </tbody>
        </table>
    }
}

/// One cell of a chosen column.
fn cell(row: &PodRow, key: Key) -> AnyView {
    match key {
        Key::Ready => view! {
            <td class="number extra">
                {row.ready} <span class="text-ink-faint">"/" {row.containers}</span>
            </td>
        }
        .into_any(),
        Key::Restarts => number_cell(Some((words::count(row.restarts), ""))),
        Key::Image => view! {
            <td class="extra max-lg:hidden">
                <span class="block max-w-[32ch] truncate text-ink-quiet" title=row.images.join("\n")>{images(&row.images)}</span>
            </td>
        }
        .into_any(),
        Key::Cpu => number_cell(row.cpu_milli.map(|milli| (write(Reading::Cpu, milli), ""))),
        Key::Memory => number_cell(row.memory_mib.map(words::memory)),
        Key::CpuUsed => number_cell(row.used.map(|used| (words::cpu(used.cpu_milli), ""))),
        Key::MemoryUsed => number_cell(row.used.map(|used| words::memory(used.memory_mib))),
        Key::Address => code_cell(row.address.clone()),
        Key::Node => text_cell(row.node.clone()),
        Key::Label => list_cell(&row.labels),
        Key::Age => age_cell(row.created),
        _ => text_cell(None),
    }
}

#[component]
fn Row(row: Memo<PodRow>, columns: Memo<Vec<Key>>, names_team: Signal<bool>) -> impl IntoView {
    let at = row.with_untracked(|row| row.at.clone());
    let (name, team) = (at.name.to_string(), at.namespace.to_string());
    let machine = row.with_untracked(|row| row.machine.clone());
    view! {
        <tr data-row="">
            <Pick row=at.clone()/>
            <td class="lead">
                <span class="flex min-w-0 items-baseline gap-2">
                    <a class="truncate rounded-control font-medium text-ink hover:text-accent md:max-w-[36ch]" href=paths::pod(&at) data-row-link="">
                        {name}
                    </a>
                    {move || names_team.get().then(|| view! { <span class="truncate text-xs text-ink-faint">{team.clone()}</span> })}
                    {machine
                        .map(|machine| {
                            view! {
                                <a class="truncate rounded-control text-xs text-ink-faint hover:text-accent" href=paths::machine(&machine)>
                                    "runs " {machine.name.to_string()}
                                </a>
                            }
                        })}
                </span>
            </td>
            <td class="state">
                {move || {
                    let (state, since) = row.with(|row| (row.state, row.since));
                    view! { <Pill state since/> }
                }}
            </td>
            {move || row.with(|row| columns.with(|columns| columns.iter().map(|key| cell(row, *key)).collect_view()))}
        </tr>
        <Why reason=Signal::derive(move || row.with(|row| row.reason.clone())) columns/>
    }
}

/// The first image without its registry, and how many more there are.
pub(super) fn images(images: &[String]) -> String {
    let Some(first) = images.first() else { return "–".to_owned() };
    let short = first.rsplit('/').next().unwrap_or(first);
    match images.len() {
        1 => short.to_owned(),
        more => format!("{short} + {}", more - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_by_their_last_part() {
        assert_eq!(images(&[]), "–");
        assert_eq!(images(&["registry.example.org/team/web:1.2".to_owned()]), "web:1.2");
        assert_eq!(images(&["nginx:1".to_owned(), "b".to_owned(), "c".to_owned()]), "nginx:1 + 2");
    }
}
