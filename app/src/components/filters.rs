//! What narrows a list: states as links with counts, a query as a GET form, and pages.
//!
//! Whatever a link leads to, the server has written out: no query is read here.

use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use model::query::{Key, ListQuery, Problem, Tab};

use crate::ui::{Glyph, Icon, Look, StateLook, Swatch, button_class};
use crate::{paths, platform, words};

/// One state as a filter.
#[derive(Clone, Debug, PartialEq)]
pub struct StateChip {
    /// How it looks.
    pub look: StateLook,
    /// How many there are.
    pub count: u32,
    /// Whether the query asks for it.
    pub is_chosen: bool,
    /// The query after a press on it.
    pub q: String,
}

/// States with their counts; the current one is marked, and a press on it shows all again.
#[component]
pub fn StateFilter(
    /// The list's address without its query.
    base: &'static str,
    /// The list's query.
    query: Memo<ListQuery>,
    /// The states that there are.
    chips: Memo<Vec<StateChip>>,
    /// The query without states.
    any_state: Memo<String>,
) -> impl IntoView {
    let chip = "inline-flex h-7 items-center gap-1.5 rounded-full px-2.5 text-sm text-ink-quiet hover:bg-off-soft \
                aria-[current]:bg-accent-soft aria-[current]:text-ink";
    let link = move |q: &str| query.with(|query| paths::list(base, &query.narrowed(q)));
    let all = move || chips.with(|chips| chips.iter().map(|chip| chip.count).sum::<u32>());
    let is_any = move || chips.with(|chips| chips.iter().all(|chip| !chip.is_chosen));
    view! {
        <nav class="-mx-1 flex flex-wrap items-center gap-0.5" aria-label="States">
            <a class=chip href=move || any_state.with(|q| link(q)) aria-current=move || is_any().then_some("true")>
                "All"
                <span class="text-ink-faint">{move || words::count(all())}</span>
            </a>
            {move || {
                chips
                    .get()
                    .into_iter()
                    .map(|StateChip { look, count, is_chosen, q }| {
                        view! {
                            <a class=chip href=link(&q) aria-current=is_chosen.then_some("true")>
                                <Swatch state=look/>
                                {look.word}
                                <span class="text-ink-faint">{words::count(count)}</span>
                            </a>
                        }
                    })
                    .collect_view()
            }}
        </nav>
    }
}

/// The query. Typing narrows the list as one goes; Enter works without WASM.
#[component]
pub fn QueryForm(
    /// The list's address without its query.
    base: &'static str,
    /// What can be asked about.
    tab: &'static Tab,
    /// The list's query.
    query: Memo<ListQuery>,
    /// The whole text with its last term completed.
    suggestions: Memo<Vec<String>>,
    /// What was not understood.
    problem: Memo<Option<Problem>>,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let navigate = StoredValue::new(use_navigate());
    let narrow = move |q: String| {
        let options = NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
        let url = query.with_untracked(|query| paths::list(base, &query.narrowed(q)));
        navigate.with_value(|navigate| navigate(&url, options));
    };
    // A link may change the query too; what somebody is typing is left alone.
    Effect::new(move |_| platform::set_field(input, &query.with(|query| query.q.clone())));
    let examples = tab.keys.iter().take(3).map(|key| key.example()).collect::<Vec<_>>().join("  ");
    let label = format!("Filter, such as {examples}");
    view! {
        <form action=base method="get" role="search" class="min-w-0 flex-1" on:submit=move |event| event.prevent_default()>
            <label class="relative block">
                <span class="sr-only">{label}</span>
                <span class="pointer-events-none absolute top-2 left-2.5 text-ink-faint">
                    <Icon glyph=Glyph::Search/>
                </span>
                <input
                    class="h-8 w-full rounded-control border border-rule-strong bg-paper-raised pr-8 pl-8 text-sm placeholder:text-ink-faint aria-[invalid]:border-warn"
                    type="search"
                    name="q"
                    placeholder=examples
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    list="q-suggestions"
                    aria-describedby="q-problem"
                    aria-invalid=move || problem.with(Option::is_some).then_some("true")
                    node_ref=input
                    value=query.with_untracked(|query| query.q.clone())
                    on:input=move |event| narrow(event_target_value(&event))
                />
                <kbd
                    class="pointer-events-none absolute top-1.5 right-1.5 hidden h-5 min-w-5 place-items-center rounded border border-rule bg-paper px-1 font-mono text-xs text-ink-faint md:grid"
                    aria-hidden="true"
                >
                    "/"
                </kbd>
            </label>
            <datalist id="q-suggestions">
                {move || suggestions.get().into_iter().map(|text| view! { <option value=text></option> }).collect_view()}
            </datalist>
            <Kept query/>
            // Typing narrows the list by itself where scripts run.
            <noscript inner_html=format!("<button class=\"{}\">Filter</button>", button_class(Look::Plain))></noscript>
        </form>
    }
}

/// What is wrong with the query, where it begins. The line is always there, so that nothing moves when it speaks.
#[component]
pub fn QueryProblem(
    /// What was not understood.
    problem: Memo<Option<Problem>>,
) -> impl IntoView {
    view! {
        <p id="q-problem" class="min-h-5 text-xs text-warn" role="status">
            {move || problem.get().map(|problem| format!("Column {}: {}", problem.column, problem.message))}
        </p>
    }
}

/// What the form keeps of the query where no script runs: everything but its text and the page.
#[component]
fn Kept(query: Memo<ListQuery>) -> impl IntoView {
    let kept = |query: &ListQuery| {
        [
            ("sort", if query.sort == Key::default() { "" } else { query.sort.word() }.to_owned()),
            ("descending", if query.descending { "true" } else { "" }.to_owned()),
            ("columns", query.columns.clone()),
            ("view", query.view.clone()),
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
                let href = move || query.with(|query| paths::list(base, &ListQuery { page: to, ..query.clone() }));
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
