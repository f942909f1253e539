//! Pods as rows of a list.

use leptos::prelude::*;
use model::query::{ListQuery, PodList, SortKey};
use model::workload::PodRow;

use super::listing::Rows;
use super::sort::SortHead;
use crate::clock::Ago;
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
    let base = paths::PODS;
    view! {
        <table class="rows" role="table">
            <thead>
                <tr>
                    <SortHead label="Name" key=SortKey::Name base query/>
                    <SortHead label="State" key=SortKey::State base query/>
                    <th scope="col" class="number">"Ready"</th>
                    <th scope="col" class="number">"Restarts"</th>
                    <th scope="col" class="max-lg:hidden">"Image"</th>
                    <SortHead label="Node" key=SortKey::Node base query/>
                    <SortHead label="Age" key=SortKey::Age base query is_extra=true/>
                </tr>
            </thead>
            <tbody>
                <Rows list let:row>
                    <Row row names_team/>
                </Rows>
            </tbody>
        </table>
    }
}

#[component]
fn Row(row: Memo<PodRow>, names_team: Signal<bool>) -> impl IntoView {
    let at = row.with_untracked(|row| row.at.clone());
    let (name, team) = (at.name.to_string(), at.namespace.to_string());
    let machine = row.with_untracked(|row| row.machine.clone());
    view! {
        <tr data-row="">
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
            <td class="number extra">
                {move || row.with(|row| row.ready)}
                <span class="text-ink-faint">"/" {move || row.with(|row| row.containers)}</span>
            </td>
            <td class="number extra">{move || row.with(|row| words::count(row.restarts))}</td>
            <td class="extra max-lg:hidden">
                <span class="block max-w-[32ch] truncate text-ink-quiet" title=move || row.with(|row| row.images.join("\n"))>
                    {move || row.with(|row| images(&row.images))}
                </span>
            </td>
            <td class="extra">{move || row.with(|row| row.node.clone().unwrap_or_else(|| "–".to_owned()))}</td>
            <td class="extra text-ink-quiet max-lg:hidden">{move || row.with(|row| row.created).map(|at| view! { <Ago at/> })}</td>
        </tr>
        {move || {
            row.with(|row| row.reason.clone())
                .map(|reason| {
                    view! {
                        <tr class="why">
                            <td colspan="7">
                                <p class="prose-line max-w-[92ch]">{reason}</p>
                            </td>
                        </tr>
                    }
                })
        }}
    }
}

/// The first image without its registry, and how many more there are.
fn images(images: &[String]) -> String {
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
