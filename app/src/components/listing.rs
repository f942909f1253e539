//! A page that is a list: its title with a count, what narrows it, its rows, its pages, and why it is empty.
//!
//! To add one: a query that answers with a [`List`], a table that fills [`Rows`], and a page that hands both to
//! [`Listing`].

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::query::{List, ListQuery, Row};

use super::filters::{Pager, SearchForm, StateFilter};
use crate::api::Answer;
use crate::ui::{Empty, Glyph, Loaded, Look, Skeleton, StateLook, button_class, looks};
use crate::{paths, words};

/// What a list is called and where it is.
#[derive(Clone, Copy, Debug)]
pub struct Naming {
    /// The page's title.
    pub title: &'static str,
    /// One of its rows.
    pub one: &'static str,
    /// Several of them.
    pub many: &'static str,
    /// What the search looks at.
    pub searched: &'static str,
    /// The list's address without its query.
    pub base: &'static str,
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
    R: Clone + PartialEq + Send + Sync + 'static,
    S: Into<StateLook> + Copy + PartialEq + Send + Sync + 'static,
    M: Clone + PartialEq + Send + Sync + 'static,
{
    let Naming { title, .. } = naming;
    let waiting = move || {
        view! {
            <h1 class="mb-4 text-xl">{title}</h1>
            <Skeleton rows=8/>
        }
    };
    view! {
        <Title text=title/>
        <Loaded resource=list is_page=true waiting let:list>
            {
                let namespaces = Signal::derive(move || list.with(|list| list.namespaces.clone()));
                let names_team = Signal::derive(move || {
                    list.with(|list| list.namespaces.len() > 1) && query.with(|query| query.namespace.is_empty())
                });
                let shown = Shown { list, query, namespaces, names_team };
                let counts = Signal::derive(move || list.with(|list| looks(&list.counts)));
                let page = Memo::new(move |_| list.with(|list| (list.page, list.page_size, list.total)));
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
                framed(naming, query, namespaces, counts, page, around(shown), rows)
            }
        </Loaded>
    }
}

/// The part that is the same for all rows.
fn framed(
    naming: Naming,
    query: Memo<ListQuery>,
    namespaces: Signal<Vec<String>>,
    counts: Signal<Vec<(StateLook, u32)>>,
    page: Memo<(u32, u32, u32)>,
    Around { beside, under, after }: Around,
    rows: impl Fn() -> AnyView + Send + 'static,
) -> impl IntoView {
    let Naming { title, searched, base, .. } = naming;
    let all = move || counts.with(|counts| counts.iter().map(|(_, count)| count).sum::<u32>());
    view! {
        <header class="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
            <h1 class="text-xl">{title} <span class="ml-2 font-normal text-ink-faint">{move || words::count(all())}</span></h1>
            <div class="flex items-center gap-2 empty:hidden max-md:ml-auto">{beside}</div>
            <div class="flex min-w-0 max-md:w-full md:ml-auto">
                <SearchForm base query placeholder=searched namespaces/>
            </div>
        </header>
        {under}
        <StateFilter base query counts/>
        <div class="mt-2">{rows}</div>
        {move || {
            let (page, page_size, total) = page.get();
            view! { <Pager base query page page_size total/> }
        }}
        {after}
    }
}

#[component]
fn NoneFits(naming: Naming) -> impl IntoView {
    let Naming { one, many, base, .. } = naming;
    view! {
        <Empty glyph=Glyph::Search title=format!("No {one} fits")>
            <p>"Nothing that you may see matches this search and state."</p>
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
        <For each=move || list.with(|list| list.rows.clone()) key=|row| row.at().clone() let:first>
            {
                let at = first.at().clone();
                let row = Memo::new(move |previous: Option<&R>| {
                    list.with(|list| list.rows.iter().find(|row| *row.at() == at).cloned())
                        .unwrap_or_else(|| previous.unwrap_or(&first).clone())
                });
                children(row)
            }
        </For>
    }
}
