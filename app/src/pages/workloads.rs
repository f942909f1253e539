//! All workloads that a person may see: what runs pods, and how it is.

use leptos::prelude::*;
use model::live::LiveKind;
use model::query::WorkloadList;
use model::query::key::WORKLOADS;

use crate::components::listing::{Around, Listing, Naming, listed_query};
use crate::components::workload_table::WorkloadTable;
use crate::live::Live;
use crate::ui::{Empty, Glyph, Look, Notice, Tone, button_class};
use crate::{api, paths, words};

const NAMING: Naming =
    Naming { title: "Workloads", one: "workload", many: "workloads", tab: &WORKLOADS, base: paths::WORKLOADS };

/// The page.
#[component]
pub fn WorkloadsPage() -> impl IntoView {
    let live = Live::expect();
    let query = listed_query();
    let list = Resource::new(
        move || (query.get(), live.version(LiveKind::Pod)),
        |(query, _)| api::workloads::list_workloads(query),
    );
    view! {
        <Listing
            naming=NAMING
            query
            list
            around=|shown| Around {
                beside: Some(view! { <a class=button_class(Look::Primary) href=paths::RUN>"Run an image"</a> }.into_any()),
                under: Some(view! { <Unlisted list=shown.list/> }.into_any()),
                after: Some(view! { <Owned list=shown.list/> }.into_any()),
            }
            table=|shown| view! { <WorkloadTable list=shown.list query=shown.query names_team=shown.names_team/> }.into_any()
            nothing=|shown| view! { <NothingHere namespaces=shown.namespaces/> }.into_any()
        />
    }
}

/// Kinds that Porthole itself may not list: a person with the right would miss them otherwise.
#[component]
fn Unlisted(list: Memo<WorkloadList>) -> impl IntoView {
    move || {
        let kinds = list.with(|list| list.more.kinds.join(", "));
        (!kinds.is_empty()).then(|| {
            view! {
                <div class="mb-2">
                    <Notice tone=Tone::Warn>
                        "Porthole's own identity may not list " {kinds} ". An administrator has to add them to Porthole's role."
                    </Notice>
                </div>
            }
        })
    }
}

#[component]
fn Owned(list: Memo<WorkloadList>) -> impl IntoView {
    let owned = Memo::new(move |_| list.with(|list| list.more.owned));
    move || {
        (owned.get() > 0).then(|| {
            view! {
                <p class="mt-4 text-sm text-ink-faint">
                    {words::count(owned.get())} " more belong to one of these and stand on its page. A search finds them too."
                </p>
            }
        })
    }
}

#[component]
fn NothingHere(namespaces: Signal<Vec<String>>) -> impl IntoView {
    move || {
        if namespaces.with(Vec::is_empty) {
            view! {
                <Empty glyph=Glyph::Lock title="You have no team yet">
                    <p>"No namespace lets you see workloads. Ask an administrator to give your account a role in your team's namespace."</p>
                </Empty>
            }
            .into_any()
        } else {
            view! {
                <Empty glyph=Glyph::Container title="Nothing runs yet">
                    <p>"Run a container image: Porthole keeps it running and starts it again if it ends."</p>
                    <p class="mt-4">
                        <a class=button_class(Look::Primary) href=paths::RUN>
                            "Run an image"
                        </a>
                    </p>
                </Empty>
            }
            .into_any()
        }
    }
}
