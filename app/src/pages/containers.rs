//! All pods that a person may see.

use leptos::prelude::*;
use model::live::LiveKind;
use model::query::key::PODS;
use model::query::{ListQuery, PodList};

use crate::components::listing::{Around, Listing, Naming, listed_query};
use crate::components::pod_table::PodTable;
use crate::components::power::RefusedAction;
use crate::live::Live;
use crate::ui::{Empty, Glyph};
use crate::{api, paths, words};

const NAMING: Naming =
    Naming { title: "Containers", one: "container", many: "containers", tab: &PODS, base: paths::CONTAINERS };

/// The page.
#[component]
pub fn ContainersPage() -> impl IntoView {
    let live = Live::expect();
    let query = listed_query();
    let list =
        Resource::new(move || (query.get(), live.version(LiveKind::Pod)), |(query, _)| api::pods::list_pods(query));
    view! {
        <RefusedAction/>
        <Listing
            naming=NAMING
            query
            list
            around=|shown| Around { after: Some(view! { <LeftOut list=shown.list/> }.into_any()), ..Around::default() }
            table=|shown| view! { <PodTable list=shown.list query=shown.query names_team=shown.names_team/> }.into_any()
            nothing=|shown| view! { <NothingHere namespaces=shown.namespaces/> }.into_any()
        />
    }
}

/// Launcher pods are machines; the list says that it holds them back.
#[component]
fn LeftOut(list: Memo<PodList>) -> impl IntoView {
    let hidden = Memo::new(move |_| list.with(|list| list.more.hidden));
    move || {
        (hidden.get() > 0).then(|| {
            view! {
                <p class="mt-4 text-sm text-ink-faint">
                    {words::counted(hidden.get(), "launcher pod")} " of machines left out. "
                    <a class="underline hover:text-accent" href=paths::list(paths::CONTAINERS, &ListQuery::of("is:launcher"))>
                        "Show them"
                    </a>
                </p>
            }
        })
    }
}

/// Why the list is empty: no team, or nothing yet.
#[component]
fn NothingHere(namespaces: Signal<Vec<String>>) -> impl IntoView {
    move || {
        if namespaces.with(Vec::is_empty) {
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
