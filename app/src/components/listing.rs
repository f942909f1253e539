//! A page that is a list: its title with a count, what narrows it, its rows, its pages, and why it is empty.
//!
//! Rows hold their places while the pointer is over them or a menu of theirs is open: what changed in a row is shown, but
//! rows that came, went or moved wait, and a line says so.
//!
//! To add one: a query that answers with a [`List`], a table that fills [`Rows`], and a page that hands both to
//! [`Listing`].

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::query::bulk::is_acted_on;
use model::query::{List, ListQuery, Reply, Row, RowRef, StateCount, Tab};

use super::bulk::{BulkBar, Selection};
use super::bulk_result::BulkResult;
use super::columns::ColumnMenu;
use super::facets::FacetMenu;
use super::filters::{Pager, QueryForm, QueryProblem, StateChip, StateFilter};
use super::tabs::{InventoryTabs, has_tab};
use super::views::ViewMenu;
use crate::api::Answer;
use crate::ui::{Empty, Glyph, Icon, Loaded, Look, Skeleton, StateLook, button_class};
use crate::{paths, platform, words};

/// What a list is called and where it is.
#[derive(Clone, Copy, Debug)]
pub struct Naming {
    /// The page's title.
    pub title: &'static str,
    /// One of its rows.
    pub one: &'static str,
    /// Several of them.
    pub many: &'static str,
    /// What can be asked about them.
    pub tab: &'static Tab,
    /// The list's address without its query.
    pub base: &'static str,
}

impl Naming {
    /// Whether its rows are things that run: those have views, columns, files and actions on many.
    fn is_inventory(&self) -> bool {
        Tab::from_word(self.tab.word).is_some()
    }
}

/// A list as a page shows it.
pub struct Shown<R: Send + Sync + 'static, S: Send + Sync + 'static, M: Send + Sync + 'static> {
    /// What came.
    pub list: Memo<List<R, S, M>>,
    /// What was asked.
    pub query: Memo<ListQuery>,
    /// The teams that the person sees.
    pub namespaces: Signal<Vec<String>>,
    /// Whether rows name their team: not if there is only one to see.
    pub names_team: Signal<bool>,
}

impl<R: Send + Sync, S: Send + Sync, M: Send + Sync> Clone for Shown<R, S, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Send + Sync, S: Send + Sync, M: Send + Sync> Copy for Shown<R, S, M> {}

/// What a page puts around its rows.
#[derive(Default)]
pub struct Around {
    /// Beside the title: what begins something.
    pub beside: Option<AnyView>,
    /// Under it: what holds for the whole list.
    pub under: Option<AnyView>,
    /// After the rows.
    pub after: Option<AnyView>,
}

/// The query of the page's address.
pub fn listed_query() -> Memo<ListQuery> {
    let params = use_query_map();
    Memo::new(move |_| params.with(paths::list_query))
}

/// The page.
#[component]
pub fn Listing<R, S, M>(
    /// What it is called.
    naming: Naming,
    /// What was asked.
    query: Memo<ListQuery>,
    /// What comes.
    list: Resource<Answer<List<R, S, M>>>,
    /// What stands around the rows.
    around: fn(Shown<R, S, M>) -> Around,
    /// The rows, in a table.
    table: fn(Shown<R, S, M>) -> AnyView,
    /// What stands there if there is nothing at all: no right, or nothing yet.
    nothing: fn(Shown<R, S, M>) -> AnyView,
) -> impl IntoView
where
    R: Row + Clone + PartialEq + Send + Sync + 'static,
    S: Into<StateLook> + Copy + PartialEq + Send + Sync + 'static,
    M: Clone + PartialEq + Send + Sync + 'static,
{
    let Naming { title, .. } = naming;
    Selection::provide();
    let is_held = RwSignal::new(false);
    let waiting = move || {
        view! {
            <h1 class="mb-4 text-xl">{title}</h1>
            <Skeleton rows=8/>
        }
    };
    view! {
        <Title text=title/>
        <Loaded resource=list is_page=true waiting let:latest>
            {
                let list = Memo::new(move |before: Option<&List<R, S, M>>| {
                    let now = latest.get();
                    match before {
                        Some(before) if is_held.get() => held(before, now),
                        _ => now,
                    }
                });
                let changes = Memo::new(move |_| {
                    let places = |list: &List<R, S, M>| list.rows.iter().map(Row::place).collect::<Vec<_>>();
                    moved(&list.with(places), &latest.with(places))
                });
                let namespaces = Signal::derive(move || list.with(|list| list.namespaces.clone()));
                let names_team = Signal::derive(move || list.with(|list| list.namespaces.len() > 1));
                let shown = Shown { list, query, namespaces, names_team };
                let chips = Memo::new(move |_| latest.with(|list| list.counts.iter().map(chip).collect::<Vec<_>>()));
                let reply = Memo::new(move |_| latest.with(|list| list.reply.clone()));
                let page = Memo::new(move |_| latest.with(|list| (list.page, list.page_size, list.total)));
                let has_rows = Memo::new(move |_| list.with(|list| !list.rows.is_empty()));
                let rows = move || {
                    if has_rows.get() {
                        table(shown)
                    } else if query.with(ListQuery::is_narrowed) {
                        view! { <NoneFits naming/> }.into_any()
                    } else {
                        nothing(shown)
                    }
                };
                let frame = Framed { naming, query, reply, chips, page, changes, is_held };
                framed(frame, around(shown), rows)
            }
        </Loaded>
    }
}

fn chip<S: Into<StateLook> + Copy>(of: &StateCount<S>) -> StateChip {
    StateChip { look: of.state.into(), count: of.count, is_chosen: of.is_chosen, q: of.q.clone() }
}

/// The rows of before in their places, with what is known of them now. Another question gets its answer at once.
fn held<R: Row + Clone, S: Clone, M: Clone>(before: &List<R, S, M>, now: List<R, S, M>) -> List<R, S, M> {
    if before.reply.asked != now.reply.asked || before.page != now.page || before.rows.is_empty() {
        return now;
    }
    let latest = |row: &R| now.rows.iter().find(|new| new.is_same(row)).unwrap_or(row).clone();
    List { rows: before.rows.iter().map(latest).collect(), ..now }
}

/// How many rows came, went or stand elsewhere.
fn moved(shown: &[RowRef], latest: &[RowRef]) -> usize {
    let gone = shown.iter().filter(|at| !latest.contains(at)).count();
    let new = latest.iter().filter(|at| !shown.contains(at)).count();
    if gone + new > 0 {
        return gone.max(new);
    }
    shown.iter().zip(latest).filter(|(a, b)| a != b).count()
}

/// The part that is the same for all rows.
struct Framed {
    naming: Naming,
    query: Memo<ListQuery>,
    reply: Memo<Reply>,
    chips: Memo<Vec<StateChip>>,
    page: Memo<(u32, u32, u32)>,
    changes: Memo<usize>,
    is_held: RwSignal<bool>,
}

fn framed(
    Framed { naming, query, reply, chips, page, changes, is_held }: Framed,
    Around { beside, under, after }: Around,
    rows: impl Fn() -> AnyView + Send + 'static,
) -> impl IntoView {
    let Naming { title, base, tab, .. } = naming;
    let is_inventory = naming.is_inventory();
    let has_actions = is_inventory && is_acted_on(tab);
    let total = Memo::new(move |_| page.get().2);
    let problem = Memo::new(move |_| reply.with(|reply| reply.problem.clone()));
    let suggestions = Memo::new(move |_| reply.with(|reply| reply.suggestions.clone()));
    let facets = Memo::new(move |_| reply.with(|reply| reply.facets.clone()));
    let any_state = Memo::new(move |_| reply.with(|reply| reply.any_state.clone()));
    let params = use_query_map();
    // Whoever begins something with rows wants to see what becomes of them.
    Effect::new(move |before: Option<String>| {
        let run = params.with(|params| params.get("run").unwrap_or_default());
        if before.is_some_and(|before| before != run) {
            is_held.set(false);
        }
        run
    });
    let tools = is_inventory.then(|| {
        view! {
            <ViewMenu base tab query/>
            <ColumnMenu base tab query/>
            <a
                class=button_class(Look::Plain)
                href=move || query.with(|query| paths::csv(tab, query))
                rel="external"
                download=""
                title="All rows that match, as a file for spreadsheets"
            >
                <Icon glyph=Glyph::Download/>
                "CSV"
            </a>
        }
    });
    view! {
        {has_tab(base).then(|| view! { <InventoryTabs here=base/> })}
        <header class="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
            <h1 class="text-xl">{title} <span class="ml-2 font-normal text-ink-faint">{move || words::count(total.get())}</span></h1>
            <div class="ml-auto flex items-center gap-2 empty:hidden">{beside}</div>
        </header>
        {under}
        {has_actions.then(|| view! { <BulkResult here=Signal::derive(move || query.with(|query| paths::list(base, query)))/> })}
        <div class="flex flex-wrap items-start gap-2">
            <div class="min-w-60 flex-1">
                <QueryForm base tab query suggestions problem/>
            </div>
            <div class="flex flex-wrap items-center gap-2">
                <FacetMenu base query facets/>
                {tools}
            </div>
        </div>
        <QueryProblem problem/>
        <StateFilter base query chips any_state/>
        <div class="relative">
            <p class="absolute -top-7 right-0 text-xs" role="status">
                {move || {
                    let changes = changes.get();
                    (changes > 0)
                        .then(|| {
                            let text = format!("{} · refresh", words::counted(u32::try_from(changes).unwrap_or(u32::MAX), "change"));
                            view! {
                                <button type="button" class=button_class(Look::Quiet) on:click=move |_| is_held.set(false)>
                                    {text}
                                </button>
                            }
                        })
                }}
            </p>
        </div>
        <div
            class="mt-2"
            on:pointerenter=move |_| is_held.set(true)
            on:pointerleave=move |_| is_held.set(platform::is_menu_open())
        >
            {rows}
        </div>
        {move || {
            let note = reply.with(|reply| reply.note.clone());
            note.map(|note| view! { <p class="mt-2 text-xs text-ink-faint">{note}</p> })
        }}
        {move || {
            let (page, page_size, total) = page.get();
            view! { <Pager base query page page_size total/> }
        }}
        {move || (has_actions && total.get() > 0).then(|| view! { <BulkBar tab base query total/> })}
        {after}
    }
}

#[component]
fn NoneFits(naming: Naming) -> impl IntoView {
    let Naming { one, many, base, .. } = naming;
    view! {
        <Empty glyph=Glyph::Search title=format!("No {one} fits")>
            <p>"Nothing that you may see matches this filter."</p>
            <p class="mt-4">
                <a class=button_class(Look::Plain) href=base>
                    {format!("Show all {many}")}
                </a>
            </p>
        </Empty>
    }
}

/// Rows that keep their identity, so that one which changes does not disturb the others.
#[component]
pub fn Rows<R, S, M, V>(
    /// The list.
    list: Memo<List<R, S, M>>,
    /// One row.
    children: impl Fn(Memo<R>) -> V + Copy + Send + Sync + 'static,
) -> impl IntoView
where
    R: Row + Clone + PartialEq + Send + Sync + 'static,
    S: Send + Sync + 'static,
    M: Send + Sync + 'static,
    V: IntoView + 'static,
{
    view! {
        <For each=move || list.with(|list| list.rows.clone()) key=Row::place let:first>
            {
                let place = first.place();
                let row = Memo::new(move |previous: Option<&R>| {
                    list.with(|list| list.rows.iter().find(|row| row.place() == place).cloned())
                        .unwrap_or_else(|| previous.unwrap_or(&first).clone())
                });
                children(row)
            }
        </For>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(names: &[&str]) -> Vec<RowRef> {
        names.iter().filter_map(|name| format!("blue/{name}").parse().ok()).collect()
    }

    #[test]
    fn changes_are_counted_by_the_rows_that_would_move() {
        assert_eq!(moved(&at(&["a", "b"]), &at(&["a", "b"])), 0);
        assert_eq!(moved(&at(&["a", "b"]), &at(&["b", "a"])), 2);
        assert_eq!(moved(&at(&["a", "b"]), &at(&["new", "a"])), 1, "one came and pushed one off the page");
        assert_eq!(moved(&at(&["a", "b"]), &at(&["a"])), 1);
    }
}
