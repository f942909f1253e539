//! Workloads as rows of a list, and the way between the lists of what runs in containers.

use leptos::prelude::*;
use model::query::{ListQuery, SortKey, WorkloadList};
use model::workload::WorkloadRow;

use super::sort::SortHead;
use crate::clock::Ago;
use crate::paths;
use crate::ui::Pill;

/// The way between workloads, pods and services.
#[component]
pub fn ContainerTabs(
    /// The address of the list that is shown.
    here: &'static str,
) -> impl IntoView {
    let tab = "inline-flex h-8 items-center border-b-2 border-transparent px-3 text-sm text-ink-quiet hover:text-ink \
               aria-[current]:border-accent aria-[current]:text-ink";
    let tabs = [(paths::CONTAINERS, "Workloads"), (paths::PODS, "Pods"), (paths::SERVICES, "Services")];
    view! {
        <nav class="mb-2 flex border-b border-rule" aria-label="Lists of containers">
            {tabs
                .map(|(url, label)| {
                    view! {
                        <a class=tab href=url aria-current=(url == here).then_some("page")>
                            {label}
                        </a>
                    }
                })
                .collect_view()}
        </nav>
    }
}

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
    let base = paths::CONTAINERS;
    // Names are unique within a kind only.
    let key = |row: &WorkloadRow| (row.kind, row.at.clone());
    view! {
        <table class="rows" role="table">
            <thead>
                <tr>
                    <SortHead label="Name" key=SortKey::Name base query/>
                    <SortHead label="State" key=SortKey::State base query/>
                    <th scope="col" class="number">"Ready"</th>
                    <th scope="col" class="max-lg:hidden">"Kind"</th>
                    <th scope="col" class="max-lg:hidden">"Image"</th>
                    <SortHead label="Age" key=SortKey::Age base query is_extra=true/>
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
