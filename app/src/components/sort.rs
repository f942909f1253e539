//! Column heads that sort: plain links, so that a sorted list has an address.

use leptos::prelude::*;
use model::query::key::Reading;
use model::query::{Key, ListQuery};

use crate::paths;
use crate::ui::{Glyph, Icon};

/// The query after a press on a column's head: the other way round if the list is sorted by it already.
fn pressed(query: &ListQuery, key: Key) -> ListQuery {
    ListQuery { sort: key, descending: query.sort == key && !query.descending, page: 0, ..query.clone() }
}

/// A column's head.
#[component]
pub fn SortHead(
    /// The column, and what it sorts by.
    key: Key,
    /// The list's address without its query.
    base: &'static str,
    /// The list's query.
    query: Memo<ListQuery>,
    /// Whether narrower screens leave the column out.
    #[prop(optional)]
    is_extra: bool,
) -> impl IntoView {
    // Times are read as words, and stand like them.
    let is_number = key.reading().is_number() && key.reading() != Reading::Time;
    let is_current = move || query.with(|query| query.sort == key);
    let order = move || {
        query.with(|query| match (query.sort == key, query.descending) {
            (false, _) => None,
            (true, false) => Some("ascending"),
            (true, true) => Some("descending"),
        })
    };
    view! {
        <th scope="col" aria-sort=order class:max-lg:hidden=is_extra class:number=is_number>
            <a
                class="inline-flex items-center gap-1 rounded-control hover:text-ink"
                class:text-ink=is_current
                href=move || query.with(|query| paths::list(base, &pressed(query, key)))
            >
                {key.title()}
                {move || {
                    is_current()
                        .then(|| {
                            let glyph = if query.with(|query| query.descending) {
                                Glyph::Descending
                            } else {
                                Glyph::Ascending
                            };
                            view! { <Icon glyph/> }
                        })
                }}
            </a>
        </th>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressing_a_column_twice_turns_the_order_round_and_starts_at_the_first_page() {
        let query = ListQuery { page: 4, ..ListQuery::of("web") };
        let once = pressed(&query, Key::Age);
        assert_eq!((once.sort, once.descending, once.page, once.q.as_str()), (Key::Age, false, 0, "web"));
        assert!(pressed(&once, Key::Age).descending);
        assert!(!pressed(&pressed(&once, Key::Age), Key::Age).descending);
        assert!(!pressed(&once, Key::Node).descending);
    }
}
