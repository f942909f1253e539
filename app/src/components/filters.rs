//! What narrows a list: states as links with counts, a search field and a team as a GET form, and pages.

use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use model::query::{ListQuery, SortKey};

use crate::ui::{Glyph, Icon, Look, StateLook, Swatch, button_class};
use crate::{paths, platform, words};

/// States with their counts; the current one is marked, and a press on it shows all again.
#[component]
pub fn StateFilter(
    /// The list's address without its query.
    base: &'static str,
    /// The list's query.
    query: Memo<ListQuery>,
    /// How many there are in each state.
    #[prop(into)]
    counts: Signal<Vec<(StateLook, u32)>>,
) -> impl IntoView {
    let all = move || counts.with(|counts| counts.iter().map(|(_, count)| count).sum::<u32>());
    let chip = "inline-flex h-7 items-center gap-1.5 rounded-full px-2.5 text-sm text-ink-quiet hover:bg-off-soft \
                aria-[current]:bg-accent-soft aria-[current]:text-ink";
    view! {
        <nav class="-mx-1 flex flex-wrap items-center gap-0.5" aria-label="States">
            <a
                class=chip
                href=move || query.with(|query| paths::list(base, &with_state(query, "")))
                aria-current=move || query.with(|query| query.state.is_empty()).then_some("true")
            >
                "All"
                <span class="text-ink-faint">{move || words::count(all())}</span>
            </a>
            {move || {
                counts
                    .get()
                    .into_iter()
                    .map(|(state, count)| {
                        let is_current = query.with(|query| query.state == state.word);
                        let next = if is_current { "" } else { state.word };
                        view! {
                            <a
                                class=chip
                                href=query.with(|query| paths::list(base, &with_state(query, next)))
                                aria-current=is_current.then_some("true")
                            >
                                <Swatch state/>
                                {state.word}
                                <span class="text-ink-faint">{words::count(count)}</span>
                            </a>
                        }
                    })
                    .collect_view()
            }}
        </nav>
    }
}

fn with_state(query: &ListQuery, state: &str) -> ListQuery {
    ListQuery { state: state.to_owned(), page: 0, ..query.clone() }
}

fn with_page(query: &ListQuery, page: u32) -> ListQuery {
    ListQuery { page, ..query.clone() }
}

/// The search field and the team. Typing narrows the list as one goes; Enter works without WASM.
#[component]
pub fn SearchForm(
    /// The list's address without its query.
    base: &'static str,
    /// The list's query.
    query: Memo<ListQuery>,
    /// What the field looks for.
    placeholder: &'static str,
    /// The teams to choose from.
    #[prop(into)]
    namespaces: Signal<Vec<String>>,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let navigate = use_navigate();
    let narrow = move |change: &dyn Fn(&mut ListQuery)| {
        let mut next = query.get_untracked();
        change(&mut next);
        next.page = 0;
        let options = NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
        navigate(&paths::list(base, &next), options);
    };
    let narrow = StoredValue::new(narrow);
    // A link may change the query too; what somebody is typing is left alone.
    Effect::new(move |_| platform::set_field(input, &query.with(|query| query.search.clone())));
    let field = "h-8 rounded-control border border-rule-strong bg-paper-raised text-sm";
    view! {
        <form
            action=base
            method="get"
            role="search"
            class="flex min-w-0 flex-1 items-center gap-2 md:flex-none"
            on:submit=move |event| event.prevent_default()
        >
            <label class="relative min-w-0 flex-1 md:w-72">
                <span class="sr-only">{placeholder}</span>
                <span class="pointer-events-none absolute top-2 left-2.5 text-ink-faint">
                    <Icon glyph=Glyph::Search/>
                </span>
                <input
                    class=format!("{field} w-full pr-8 pl-8 placeholder:text-ink-faint")
                    type="search"
                    name="search"
                    placeholder=placeholder
                    autocomplete="off"
                    spellcheck="false"
                    node_ref=input
                    value=query.with_untracked(|query| query.search.clone())
                    on:input=move |event| {
                        let search = event_target_value(&event);
                        narrow.with_value(|narrow| narrow(&|query| search.trim().clone_into(&mut query.search)));
                    }
                />
                <kbd
                    class="pointer-events-none absolute top-1.5 right-1.5 hidden h-5 min-w-5 place-items-center rounded border border-rule bg-paper px-1 font-mono text-xs text-ink-faint md:grid"
                    aria-hidden="true"
                >
                    "/"
                </kbd>
            </label>
            <Teams
                chosen=Signal::derive(move || query.with(|query| query.namespace.clone()))
                namespaces
                on_choose=move |chosen: String| {
                    narrow.with_value(|narrow| narrow(&|query| query.namespace.clone_from(&chosen)));
                }
            />
            <Kept query/>
            // Typing narrows the list by itself where scripts run.
            <noscript inner_html=format!("<button class=\"{}\">Search</button>", button_class(Look::Plain))></noscript>
        </form>
    }
}

/// The teams, if there is a choice.
#[component]
fn Teams(
    chosen: Signal<String>,
    namespaces: Signal<Vec<String>>,
    on_choose: impl Fn(String) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    move || {
        let options = namespaces.get();
        (options.len() > 1).then(|| {
            let chosen = chosen.get();
            view! {
                <label>
                    <span class="sr-only">"Team"</span>
                    <select
                        class="h-8 max-w-36 rounded-control border border-rule-strong bg-paper-raised px-2 text-sm"
                        name="namespace"
                        on:change=move |event| on_choose(event_target_value(&event))
                    >
                        <option value="" selected=chosen.is_empty()>
                            "All teams"
                        </option>
                        {options
                            .into_iter()
                            .map(|name| {
                                view! {
                                    <option value=name.clone() selected=name == chosen>
                                        {name.clone()}
                                    </option>
                                }
                            })
                            .collect_view()}
                    </select>
                </label>
            }
        })
    }
}

/// What the form keeps of the query where no script runs: everything but search, team and page.
#[component]
fn Kept(query: Memo<ListQuery>) -> impl IntoView {
    let kept = |query: &ListQuery| {
        [
            ("state", query.state.clone()),
            ("sort", if query.sort == SortKey::default() { "" } else { paths::sort_word(query.sort) }.to_owned()),
            ("descending", if query.descending { "true" } else { "" }.to_owned()),
        ]
    };
    move || {
        query
            .with(kept)
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
            .collect_view()
    }
}

/// Pages of a long list.
#[component]
pub fn Pager(
    /// The list's address without its query.
    base: &'static str,
    /// The list's query.
    query: Memo<ListQuery>,
    /// The page shown, counted from 1.
    page: u32,
    /// Rows on a full page.
    page_size: u32,
    /// Rows in all.
    total: u32,
) -> impl IntoView {
    let last = total.div_ceil(page_size.max(1)).max(1);
    (last > 1).then(|| {
        let first_row = (page.max(1) - 1) * page_size + 1;
        let last_row = (first_row + page_size - 1).min(total);
        let link = move |to: u32, label: &'static str, is_there: bool| {
            is_there.then(|| {
                let href = move || query.with(|query| paths::list(base, &with_page(query, to)));
                view! {
                    <a class=button_class(Look::Plain) href=href>
                        {label}
                    </a>
                }
            })
        };
        view! {
            <nav class="flex items-center gap-2 py-4 text-sm" aria-label="Pages">
                <span class="mr-auto text-ink-faint">
                    {format!("{}–{} of {}", words::count(first_row), words::count(last_row), words::count(total))}
                </span>
                {link(page.saturating_sub(1), "Previous", page > 1)}
                {link(page + 1, "Next", page < last)}
            </nav>
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_state_starts_at_the_first_page_and_keeps_the_search() {
        let query =
            ListQuery { search: "web".to_owned(), state: "running".to_owned(), page: 3, ..ListQuery::default() };
        let next = with_state(&query, "stopped");
        assert_eq!((next.search.as_str(), next.state.as_str(), next.page), ("web", "stopped", 0));
        assert_eq!(with_page(&query, 4).state, "running");
    }
}
