//! All pods that a person may see.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::live::LiveKind;
use model::query::{ListQuery, PodList};

use crate::api;
use crate::components::filters::{Pager, SearchForm, StateFilter};
use crate::components::pod_table::PodTable;
use crate::live::Live;
use crate::ui::{Empty, Glyph, Loaded, Look, Skeleton, button_class, looks};
use crate::{paths, words};

/// The page.
#[component]
pub fn ContainersPage() -> impl IntoView {
    let live = Live::expect();
    let params = use_query_map();
    let query = Memo::new(move |_| params.with(paths::list_query));
    let list =
        Resource::new(move || (query.get(), live.version(LiveKind::Pod)), |(query, _)| api::pods::list_pods(query));
    view! {
        <Title text="Containers"/>
        <Loaded resource=list is_page=true waiting=|| view! { <Waiting/> } let:list>
            <Shown list query/>
        </Loaded>
    }
}

#[component]
fn Waiting() -> impl IntoView {
    view! {
        <h1 class="mb-4 text-xl">"Containers"</h1>
        <Skeleton rows=8/>
    }
}

#[component]
fn Shown(list: Memo<PodList>, query: Memo<ListQuery>) -> impl IntoView {
    let counts = Signal::derive(move || list.with(|list| looks(&list.counts)));
    let namespaces = Signal::derive(move || list.with(|list| list.namespaces.clone()));
    let names_team = Signal::derive(move || {
        list.with(|list| list.namespaces.len() > 1) && query.with(|query| query.namespace.is_empty())
    });
    let all = move || list.with(|list| list.counts.iter().map(|(_, count)| count).sum::<u32>());
    let page = Memo::new(move |_| list.with(|list| (list.page, list.page_size, list.total)));
    view! {
        <header class="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
            <h1 class="text-xl">"Containers" <span class="ml-2 font-normal text-ink-faint">{move || words::count(all())}</span></h1>
            <div class="flex min-w-0 max-md:w-full md:ml-auto">
                <SearchForm base=paths::CONTAINERS query placeholder="Name, node or image" namespaces/>
            </div>
        </header>
        <StateFilter base=paths::CONTAINERS query counts/>
        <div class="mt-2">
            <Show
                when=move || list.with(|list| !list.rows.is_empty())
                fallback=move || view! { <NothingHere query namespaces/> }
            >
                <PodTable list query names_team/>
            </Show>
        </div>
        {move || {
            let (page, page_size, total) = page.get();
            view! { <Pager base=paths::CONTAINERS query page page_size total/> }
        }}
        <Show when=move || list.with(|list| list.launchers_hidden > 0)>
            <p class="mt-4 text-sm text-ink-faint">
                {move || words::counted(list.with(|list| list.launchers_hidden), "launcher pod")}
                " of machines left out. A search finds them too."
            </p>
        </Show>
    }
}

#[component]
fn NothingHere(query: Memo<ListQuery>, namespaces: Signal<Vec<String>>) -> impl IntoView {
    let narrowed = move || query.with(|query| !(query.search.is_empty() && query.state.is_empty() && query.page < 2));
    move || {
        if narrowed() {
            view! {
                <Empty glyph=Glyph::Search title="No container fits">
                    <p>"Nothing you may see matches this search and state."</p>
                    <p class="mt-4">
                        <a class=button_class(Look::Plain) href=paths::CONTAINERS>
                            "Show all containers"
                        </a>
                    </p>
                </Empty>
            }
            .into_any()
        } else if namespaces.with(Vec::is_empty) {
            view! {
                <Empty glyph=Glyph::Lock title="You have no team yet">
                    <p>"No namespace lets you see pods. Ask an administrator to give your account a role in your team's namespace."</p>
                </Empty>
            }
            .into_any()
        } else {
            view! {
                <Empty glyph=Glyph::Container title="No containers yet">
                    <p>"Your team's pods appear here by themselves, as soon as something runs in the cluster."</p>
                </Empty>
            }
            .into_any()
        }
    }
}
