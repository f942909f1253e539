//! All services that a person may see: where they are reached, and whether anything answers there.

use leptos::prelude::*;
use model::live::LiveKind;
use model::query::key::SERVICES;

use crate::components::listing::{Around, Listing, Naming, listed_query};
use crate::components::service_table::ServiceTable;
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
                let columns = Memo::new(move |_| shown.query.with(|query| SERVICES.columns_of(&query.columns)));
                let rows = Signal::derive(move || shown.list.with(|list| list.rows.clone()));
                view! { <ServiceTable rows columns query=shown.query names_team=shown.names_team/> }.into_any()
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
