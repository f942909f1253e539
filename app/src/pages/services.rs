//! All services that a person may see: where they are reached, and whether anything answers there.

use leptos::prelude::*;
use model::live::LiveKind;
use model::query::key::SERVICES;
use model::workload::ServiceRow;

use crate::components::listing::{Around, Listing, Naming, listed_query};
use crate::live::Live;
use crate::ui::{Empty, Glyph};
use crate::{api, paths};

const NAMING: Naming =
    Naming { title: "Services", one: "service", many: "services", tab: &SERVICES, base: paths::SERVICES };

/// The page.
#[component]
pub fn ServicesPage() -> impl IntoView {
    let live = Live::expect();
    let query = listed_query();
    let list = Resource::new(
        move || (query.get(), live.version(LiveKind::Pod)),
        |(query, _)| api::workloads::list_services(query),
    );
    view! {
        <Listing
            naming=NAMING
            query
            list
            around=|_| Around::default()
            table=|shown| {
                view! {
                    {move || {
                        let names_team = shown.names_team.get();
                        view! { <ServiceTable rows=shown.list.with(|list| list.rows.clone()) names_team/> }
                    }}
                }
                    .into_any()
            }
            nothing=|_| {
                view! {
                    <Empty glyph=Glyph::Network title="No services yet">
                        <p>"A service gives pods one name and address. Publish a port when you run an image, and it appears here."</p>
                    </Empty>
                }
                    .into_any()
            }
        />
    }
}

/// Services as a table.
#[component]
pub fn ServiceTable(
    /// The services.
    rows: Vec<ServiceRow>,
    /// Whether rows name their team.
    #[prop(optional)]
    names_team: bool,
) -> impl IntoView {
    view! {
        <table class="rows" role="table">
            <thead>
                <tr>
                    <th scope="col">"Name"</th>
                    <th scope="col">"Ports"</th>
                    <th scope="col">"Leads to"</th>
                    <th scope="col" class="max-lg:hidden">"Reached at"</th>
                    <th scope="col" class="max-lg:hidden">"Kind"</th>
                </tr>
            </thead>
            <tbody>
                {rows
                    .into_iter()
                    .map(|row| {
                        let (leads, tone) = leads_to(&row);
                        view! {
                            <tr data-row="">
                                <td class="lead">
                                    <span class="font-medium">{row.at.name.to_string()}</span>
                                    {names_team.then(|| view! { <span class="ml-2 text-xs text-ink-faint">{row.at.namespace.to_string()}</span> })}
                                </td>
                                <td class="extra tabular">{row.ports.join(", ")}</td>
                                <td class=format!("extra {tone}") title=row.selector.join(", ")>{leads}</td>
                                <td class="extra max-lg:hidden"><span class="font-mono text-xs select-all">{row.addresses.join(" ")}</span></td>
                                <td class="extra max-lg:hidden">{row.kind}</td>
                            </tr>
                        }
                    })
                    .collect_view()}
            </tbody>
        </table>
    }
}

/// Where a service leads, and the ink that this deserves.
fn leads_to(row: &ServiceRow) -> (String, &'static str) {
    match (row.ready, row.pods) {
        (_, None) => ("what it names itself".to_owned(), "text-ink-quiet"),
        (0, Some(0)) => ("no pod fits it".to_owned(), "text-warn"),
        (0, Some(_)) => ("no pod is ready".to_owned(), "text-warn"),
        (ready, Some(all)) => (format!("{ready} of {all} pods"), ""),
    }
}
