//! Which columns a list shows: a menu of plain links, so that the choice is in the address.

use leptos::prelude::*;
use model::query::{ListQuery, Tab};

use crate::paths;
use crate::ui::{Glyph, Icon, Look, Menu, button_class};

/// The menu.
#[component]
pub fn ColumnMenu(
    /// The list's address without its query.
    base: &'static str,
    /// What there is to show.
    tab: &'static Tab,
    /// The list's query.
    query: Memo<ListQuery>,
) -> impl IntoView {
    let link = move |key: model::query::Key| {
        let is_shown = move || query.with(|query| tab.columns_of(&query.columns).contains(&key));
        let href = move || {
            query.with(|query| {
                let columns = tab.columns_with(&query.columns, key);
                paths::list(base, &ListQuery { columns, ..query.clone() })
            })
        };
        view! {
            <a class=button_class(Look::Item) href=href aria-current=move || is_shown().then_some("true")>
                <span class="w-4 shrink-0 text-accent">{move || is_shown().then(|| view! { <Icon glyph=Glyph::Check/> })}</span>
                {key.title()}
            </a>
        }
    };
    view! {
        <Menu label="Choose columns" class=button_class(Look::Plain) face=|| view! { "Columns" <Icon glyph=Glyph::Down/> }>
            {tab.columns.iter().copied().map(link).collect_view()}
        </Menu>
    }
}
