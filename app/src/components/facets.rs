//! Values to narrow a list by, with their counts: a menu of plain links.

use leptos::prelude::*;
use model::query::{Facet, ListQuery};

use crate::ui::{Glyph, Icon, Look, Menu, button_class};
use crate::{paths, words};

/// The menu.
#[component]
pub fn FacetMenu(
    /// The list's address without its query.
    base: &'static str,
    /// The list's query.
    query: Memo<ListQuery>,
    /// What there is to choose.
    facets: Memo<Vec<Facet>>,
) -> impl IntoView {
    let section = move |facet: Facet| {
        let values = facet.values.into_iter().map(|value| {
            let href = query.with(|query| paths::list(base, &query.narrowed(value.q)));
            view! {
                <li>
                    <a class=button_class(Look::Item) href=href aria-current=value.is_chosen.then_some("true")>
                        <span class="w-4 shrink-0 text-accent">{value.is_chosen.then(|| view! { <Icon glyph=Glyph::Check/> })}</span>
                        <span class="min-w-0 truncate" title=value.value.clone()>{value.value.clone()}</span>
                        <span class="tabular ml-auto text-xs text-ink-faint">{words::count(value.count)}</span>
                    </a>
                </li>
            }
        });
        view! {
            <section class="min-w-48 py-1">
                <h3 class="px-2 pb-1 text-xs font-medium text-ink-faint">{facet.key.title()}</h3>
                <ul>{values.collect_view()}</ul>
            </section>
        }
    };
    view! {
        <Menu
            label="Filter by value"
            class=button_class(Look::Plain)
            place="right-0 top-full mt-1 max-h-[70vh] w-72 overflow-y-auto"
            face=|| view! { "Filter" <Icon glyph=Glyph::Down/> }
        >
            {move || {
                let facets = facets.get();
                if facets.is_empty() {
                    view! { <p class="p-2 text-sm text-ink-quiet">"These rows have nothing to tell them apart by."</p> }.into_any()
                } else {
                    facets.into_iter().map(section).collect_view().into_any()
                }
            }}
        </Menu>
    }
}
