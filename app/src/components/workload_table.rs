//! Workloads as rows of a list.

use leptos::prelude::*;
use model::query::{Key, ListQuery, WorkloadList};
use model::workload::WorkloadRow;

use super::sort::SortHead;
use crate::clock::Ago;
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
    // Names are unique within a kind only.
    let key = |row: &WorkloadRow| (row.kind, row.at.clone());
    view! {
        <table class="rows" role="table">
            <thead>
                <tr>
                    <SortHead key=Key::Name base query/>
                    <SortHead key=Key::State base query/>
                    <SortHead key=Key::Ready base query/>
                    <SortHead key=Key::Kind base query is_extra=true/>
                    <SortHead key=Key::Image base query is_extra=true/>
                    <SortHead key=Key::Age base query is_extra=true/>
                </tr>
            </thead>
            <tbody>
                <For each=move || list.with(|list| list.rows.clone()) key=key let:first>
                    {
                        let at = key(&first);
                        let row = Memo::new(move |previous: Option<&WorkloadRow>| {
                            list.with(|list| list.rows.iter().find(|row| key(row) == at).cloned())
                                .unwrap_or_else(|| previous.unwrap_or(&first).clone())
                        });
                        move || view! { <Row row=row.get() names_team/> }
                    }
                </For>
            </tbody>
        </table>
    }
}

#[component]
fn Row(row: WorkloadRow, names_team: Signal<bool>) -> impl IntoView {
    let team = row.at.namespace.to_string();
    let ready = row.wanted.map_or_else(|| "–".to_owned(), |wanted| format!("{}/{wanted}", row.ready));
    let image = row.images.first().map(|image| image.rsplit('/').next().unwrap_or(image).to_owned());
    view! {
        <tr data-row="">
            <td class="lead">
                <span class="flex min-w-0 items-baseline gap-2">
                    <a
                        class="truncate rounded-control font-medium text-ink hover:text-accent md:max-w-[36ch]"
                        href=paths::workload(row.kind, &row.at)
                        data-row-link=""
                    >
                        {row.at.name.to_string()}
                    </a>
                    {move || names_team.get().then(|| view! { <span class="truncate text-xs text-ink-faint">{team.clone()}</span> })}
                </span>
            </td>
            <td class="state" title=row.said>
                <Pill state=row.state since=row.since/>
            </td>
            <td class="number extra">{ready}</td>
            <td class="extra max-lg:hidden">{row.kind.noun()}</td>
            <td class="extra max-lg:hidden">
                <span class="block max-w-[32ch] truncate text-ink-quiet" title=row.images.join("\n")>
                    {image.unwrap_or_else(|| "–".to_owned())}
                </span>
            </td>
            <td class="extra text-ink-quiet max-lg:hidden">{row.created.map(|at| view! { <Ago at/> })}</td>
        </tr>
        {row
            .reason
            .map(|reason| {
                view! {
                    <tr class="why">
                        <td colspan="6">
                            <p class="prose-line max-w-[92ch]">{reason}</p>
                        </td>
                    </tr>
                }
            })}
    }
}
