//! All machines that a person may see: filtered, searched, sorted and paged by the URL.

use leptos::prelude::*;
use model::live::LiveKind;
use model::query::key::MACHINES;
use model::session::KubeVirtStatus;

use crate::components::listing::{Around, Listing, Naming, listed_query};
use crate::components::machine_table::MachineTable;
use crate::components::power::RefusedAction;
use crate::live::Live;
use crate::ui::{Empty, Glyph, Look, button_class};
use crate::{api, paths};

const NAMING: Naming =
    Naming { title: "Machines", one: "machine", many: "machines", tab: &MACHINES, base: paths::MACHINES };

/// The page.
#[component]
pub fn MachinesPage() -> impl IntoView {
    let live = Live::expect();
    let query = listed_query();
    let list = Resource::new(
        move || (query.get(), live.version(LiveKind::Machine)),
        |(query, _)| api::machines::list_machines(query),
    );
    view! {
        <RefusedAction/>
        <Listing
            naming=NAMING
            query
            list
            around=|_| Around { beside: Some(view! { <NewMachine/> }.into_any()), ..Around::default() }
            table=|shown| view! { <MachineTable list=shown.list query=shown.query names_team=shown.names_team/> }.into_any()
            nothing=|shown| view! { <NothingHere namespaces=shown.namespaces/> }.into_any()
        />
    }
}

#[component]
fn NewMachine() -> impl IntoView {
    view! {
        <a class=button_class(Look::Primary) href=paths::NEW_MACHINE>
            "New machine"
        </a>
    }
}

/// Why the list is empty: no KubeVirt, no team, or nothing yet.
#[component]
fn NothingHere(namespaces: Signal<Vec<String>>) -> impl IntoView {
    let live = Live::expect();
    let is_absent = move || {
        live.cluster.with(|cluster| matches!(cluster, Some(Ok(status)) if status.kubevirt == KubeVirtStatus::Absent))
    };
    view! {
        <Transition>
            {move || {
                if is_absent() {
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
                                <NewMachine/>
                            </p>
                        </Empty>
                    }
                        .into_any()
                }
            }}
        </Transition>
    }
}
