//! Workloads as rows of a list.

use leptos::prelude::*;
use model::query::key::WORKLOADS;
use model::query::{Key, ListQuery, Row as _, WorkloadList};
use model::workload::WorkloadRow;

use super::bulk::Pick;
use super::cells::{ColumnHead, Why, age_cell, text_cell};
use super::listing::Rows;
use super::pod_table::images;
use super::sort::SortHead;
use crate::paths;
use crate::ui::Pill;

/// The table.
#[component]
pub fn WorkloadTable(
    /// The rows of this page.
    list: Memo<WorkloadList>,
    /// The list's query.
    query: Memo<ListQuery>,
    /// Whether rows name their team.
    #[prop(into)]
    names_team: Signal<bool>,
) -> impl IntoView {
    let base = paths::WORKLOADS;
    let columns = Memo::new(move |_| query.with(|query| WORKLOADS.columns_of(&query.columns)));
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
fn cell(row: &WorkloadRow, key: Key) -> AnyView {
    match key {
        Key::Ready => {
            let ready = row.wanted.map_or_else(|| "–".to_owned(), |wanted| format!("{}/{wanted}", row.ready));
            view! { <td class="number extra">{ready}</td> }.into_any()
        }
        Key::Kind => text_cell(Some(row.kind.noun().to_owned())),
        Key::Image => view! {
            <td class="extra max-lg:hidden">
                <span class="block max-w-[32ch] truncate text-ink-quiet" title=row.images.join("\n")>{images(&row.images)}</span>
            </td>
        }
        .into_any(),
        Key::Age => age_cell(row.created),
        _ => text_cell(None),
    }
}

#[component]
fn Row(row: Memo<WorkloadRow>, columns: Memo<Vec<Key>>, names_team: Signal<bool>) -> impl IntoView {
    let (kind, at, place) = row.with_untracked(|row| (row.kind, row.at.clone(), row.place()));
    let (name, team) = (at.name.to_string(), at.namespace.to_string());
    view! {
        <tr data-row="">
            <Pick row=place/>
            <td class="lead">
                <span class="flex min-w-0 items-baseline gap-2">
                    <a
                        class="truncate rounded-control font-medium text-ink hover:text-accent md:max-w-[36ch]"
                        href=paths::workload(kind, &at)
                        data-row-link=""
                    >
                        {name}
                    </a>
                    {move || names_team.get().then(|| view! { <span class="truncate text-xs text-ink-faint">{team.clone()}</span> })}
                </span>
            </td>
            <td class="state" title=move || row.with(|row| row.said.clone())>
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
