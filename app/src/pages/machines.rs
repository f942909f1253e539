//! All machines that a person may see: filtered, searched, sorted and paged by the URL.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::live::LiveKind;
use model::query::{ListQuery, MachineList};
use model::session::KubeVirtStatus;

use crate::api;
use crate::components::filters::{Pager, SearchForm, StateFilter};
use crate::components::machine_table::MachineTable;
use crate::components::power::RefusedAction;
use crate::live::Live;
use crate::ui::{Empty, Glyph, Loaded, Look, Skeleton, button_class, looks};
use crate::{paths, words};

/// The page.
#[component]
pub fn MachinesPage() -> impl IntoView {
    let live = Live::expect();
    let params = use_query_map();
    let query = Memo::new(move |_| params.with(paths::list_query));
    let list = Resource::new(
        move || (query.get(), live.version(LiveKind::Machine)),
        |(query, _)| api::machines::list_machines(query),
    );
    view! {
        <Title text="Machines"/>
        <RefusedAction/>
        <Loaded resource=list is_page=true waiting=|| view! { <Waiting/> } let:list>
            <Shown list query/>
        </Loaded>
    }
}

#[component]
fn Waiting() -> impl IntoView {
    view! {
        <h1 class="mb-4 text-xl">"Machines"</h1>
        <Skeleton rows=8/>
    }
}

#[component]
fn Shown(list: Memo<MachineList>, query: Memo<ListQuery>) -> impl IntoView {
    let counts = Signal::derive(move || list.with(|list| looks(&list.counts)));
    let namespaces = Signal::derive(move || list.with(|list| list.namespaces.clone()));
    let names_team = Signal::derive(move || {
        list.with(|list| list.namespaces.len() > 1) && query.with(|query| query.namespace.is_empty())
    });
    let all = move || list.with(|list| list.counts.iter().map(|(_, count)| count).sum::<u32>());
    let page = Memo::new(move |_| list.with(|list| (list.page, list.page_size, list.total)));
    view! {
        <header class="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
            <h1 class="text-xl">"Machines" <span class="ml-2 font-normal text-ink-faint">{move || words::count(all())}</span></h1>
            <a class=format!("{} max-md:ml-auto", button_class(Look::Primary)) href=paths::NEW_MACHINE>
                "New machine"
            </a>
            <div class="flex min-w-0 max-md:w-full md:ml-auto">
                <SearchForm base=paths::MACHINES query placeholder="Name, node or address" namespaces/>
            </div>
        </header>
        <StateFilter base=paths::MACHINES query counts/>
        <div class="mt-2">
            <Show
                when=move || list.with(|list| !list.rows.is_empty())
                fallback=move || view! { <NothingHere query namespaces/> }
            >
                <MachineTable list query names_team/>
            </Show>
        </div>
        {move || {
            let (page, page_size, total) = page.get();
            view! { <Pager base=paths::MACHINES query page page_size total/> }
        }}
    }
}

/// Why the list is empty: nothing fits, no KubeVirt, no team, or nothing yet.
#[component]
fn NothingHere(query: Memo<ListQuery>, namespaces: Signal<Vec<String>>) -> impl IntoView {
    let live = Live::expect();
    let narrowed = move || query.with(|query| !(query.search.is_empty() && query.state.is_empty() && query.page < 2));
    let is_absent = move || {
        live.cluster.with(|cluster| matches!(cluster, Some(Ok(status)) if status.kubevirt == KubeVirtStatus::Absent))
    };
    view! {
        <Transition>
            {move || {
                if narrowed() {
                    view! {
                        <Empty glyph=Glyph::Search title="No machine fits">
                            <p>"Nothing you may see matches this search and state."</p>
                            <p class="mt-4">
                                <a class=button_class(Look::Plain) href=paths::MACHINES>
                                    "Show all machines"
                                </a>
                            </p>
                        </Empty>
                    }
                        .into_any()
                } else if is_absent() {
                    view! {
                        <Empty glyph=Glyph::Unplug title="This cluster has no KubeVirt">
                            <p>
                                "Machines appear here once KubeVirt is installed in the cluster. Containers work without it."
                            </p>
                            <p class="mt-4">
                                <a class=button_class(Look::Primary) href=paths::CONTAINERS>
                                    "Show containers"
                                </a>
                            </p>
                        </Empty>
                    }
                        .into_any()
                } else if namespaces.with(Vec::is_empty) {
                    view! {
                        <Empty glyph=Glyph::Lock title="You have no team yet">
                            <p>
                                "No namespace lets you see machines. Ask an administrator to give your account a role such as "
                                <code class="font-mono text-xs">"kubevirt.io:view"</code> " in your team's namespace."
                            </p>
                        </Empty>
                    }
                        .into_any()
                } else {
                    view! {
                        <Empty glyph=Glyph::Machine title="No machines yet">
                            <p>"Your team's virtual machines appear here as soon as one is made, here or in the cluster."</p>
                            <p class="mt-4">
                                <a class=button_class(Look::Primary) href=paths::NEW_MACHINE>
                                    "New machine"
                                </a>
                            </p>
                        </Empty>
                    }
                        .into_any()
                }
            }}
        </Transition>
    }
}
