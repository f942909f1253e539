//! Services as rows: of their list, and of the page of what they lead to.

use leptos::prelude::*;
use model::query::{Key, ListQuery};
use model::workload::ServiceRow;

use super::cells::{ColumnHead, age_cell, code_cell, text_cell};
use super::sort::SortHead;
use crate::paths;

/// The table.
#[component]
pub fn ServiceTable(
    /// The services.
    #[prop(into)]
    rows: Signal<Vec<ServiceRow>>,
    /// What is shown besides name and ports.
    #[prop(into)]
    columns: Signal<Vec<Key>>,
    /// The list's query, where the heads sort.
    #[prop(optional)]
    query: Option<Memo<ListQuery>>,
    /// Whether rows name their team.
    #[prop(optional, into)]
    names_team: Signal<bool>,
) -> impl IntoView {
    let base = paths::SERVICES;
    let name = match query {
        Some(query) => view! { <SortHead key=Key::Name base query/> }.into_any(),
        None => title(Key::Name),
    };
    let head = move |key| match query {
        Some(query) if key != Key::Address => view! { <ColumnHead key base query/> }.into_any(),
        _ => title(key),
    };
    view! {
        <table class="rows" role="table">
            <thead>
                <tr>
                    {name}
                    <th scope="col">"Ports"</th>
                    {move || columns.get().into_iter().map(head).collect_view()}
                </tr>
            </thead>
            <tbody>
                {move || {
                    let (columns, names_team) = (columns.get(), names_team.get());
                    rows.get().iter().map(|row| line(row, &columns, names_team)).collect_view()
                }}
            </tbody>
        </table>
    }
}

/// A head that does not sort.
fn title(key: Key) -> AnyView {
    let class = match key {
        Key::Name => "",
        Key::Ready => "number",
        _ => "max-lg:hidden",
    };
    view! { <th scope="col" class=class>{key.title()}</th> }.into_any()
}

fn line(row: &ServiceRow, columns: &[Key], names_team: bool) -> impl IntoView + use<> {
    let team = row.at.namespace.to_string();
    view! {
        <tr data-row="">
            <td class="lead">
                <span class="font-medium">{row.at.name.to_string()}</span>
                {names_team.then(|| view! { <span class="ml-2 text-xs text-ink-faint">{team}</span> })}
            </td>
            <td class="extra tabular">{row.ports.join(", ")}</td>
            {columns.iter().map(|key| cell(row, *key)).collect_view()}
        </tr>
    }
}

/// One cell of a chosen column.
fn cell(row: &ServiceRow, key: Key) -> AnyView {
    match key {
        Key::Ready => {
            let (leads, tone) = leads_to(row);
            view! { <td class=format!("number extra {tone}") title=row.selector.join(", ")>{leads}</td> }.into_any()
        }
        Key::Address => code_cell(Some(row.addresses.join(" "))),
        Key::Kind => text_cell(Some(row.kind.clone())),
        Key::Age => age_cell(row.created),
        _ => text_cell(None),
    }
}

/// Where a service leads, and the ink that this deserves.
fn leads_to(row: &ServiceRow) -> (String, &'static str) {
    match (row.ready, row.pods) {
        (_, None) => ("leads elsewhere".to_owned(), "text-ink-quiet"),
        (0, Some(0)) => ("no pod fits it".to_owned(), "text-warn"),
        (0, Some(_)) => ("no pod is ready".to_owned(), "text-warn"),
        (ready, Some(all)) => (format!("{ready} of {all} pods"), ""),
    }
}
