//! The root: what all pages share, and which page stands at which address.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{SsrMode, path};

use crate::clock::Clock;
use crate::components::frame::Frame;
use crate::components::palette::Palette;
use crate::components::power::Power;
use crate::components::toasts::Toasts;
use crate::components::undo::{Undo, UndoCorner};
use crate::components::uploads::Uploads;
use crate::live::Live;
use crate::pages::containers::ContainersPage;
use crate::pages::machines::MachinesPage;
use crate::pages::not_found::NotFound;
use crate::pages::overview::OverviewPage;
use crate::pages::sign_in::SignInPage;
use crate::parts::{self, LazyPage};

/// All pages. Each is rendered whole before the first byte leaves, so that it is complete without any script
/// and its status is right; the data comes from caches, so there is nothing to wait for.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    Clock::provide();
    let live = Live::provide();
    let toasts = Toasts::provide();
    Undo::provide();
    Power::provide(toasts, live);
    Uploads::provide(toasts, live);
    Palette::provide();
    let (is_routing, set_is_routing) = signal(false);
    view! {
        <Title formatter=|text: String| if text.is_empty() { "Porthole".to_owned() } else { format!("{text} · Porthole") }/>
        <Router set_is_routing>
            <div
                class="late pointer-events-none fixed inset-x-0 top-0 z-50 h-0.5 animate-pulse bg-accent"
                class:hidden=move || !is_routing.get()
                aria-hidden="true"
            ></div>
            <Frame>
                <FlatRoutes fallback=|| view! { <NotFound/> }>
                    <Route path=path!("/") view=OverviewPage ssr=SsrMode::Async/>
                    <Route path=path!("/sign-in") view=SignInPage ssr=SsrMode::Async/>
                    <Route path=path!("/machines") view=MachinesPage ssr=SsrMode::Async/>
                    <Route path=path!("/machines/new") view=LazyPage(parts::new_machine::make) ssr=SsrMode::Async/>
                    <Route path=path!("/machines/:namespace/:name") view=LazyPage(parts::machine::make) ssr=SsrMode::Async/>
                    <Route path=path!("/machines/:namespace/:name/console") view=LazyPage(parts::console::make) ssr=SsrMode::Async/>
                    <Route path=path!("/machines/:namespace/:name/move") view=LazyPage(parts::move_machine::make) ssr=SsrMode::Async/>
                    <Route path=path!("/templates") view=LazyPage(parts::templates::make) ssr=SsrMode::Async/>
                    <Route path=path!("/templates/new") view=LazyPage(parts::new_template::make) ssr=SsrMode::Async/>
                    <Route path=path!("/containers") view=ContainersPage ssr=SsrMode::Async/>
                    <Route path=path!("/workloads") view=LazyPage(parts::workloads::make) ssr=SsrMode::Async/>
                    <Route path=path!("/services") view=LazyPage(parts::services::make) ssr=SsrMode::Async/>
                    <Route path=path!("/containers/new") view=LazyPage(parts::run::make) ssr=SsrMode::Async/>
                    <Route path=path!("/workloads/:kind/:namespace/:name") view=LazyPage(parts::workload::make) ssr=SsrMode::Async/>
                    <Route path=path!("/images") view=LazyPage(parts::images::make) ssr=SsrMode::Async/>
                    <Route path=path!("/images/upload") view=LazyPage(parts::upload::make) ssr=SsrMode::Async/>
                    <Route path=path!("/images/import") view=LazyPage(parts::import::make) ssr=SsrMode::Async/>
                    <Route path=path!("/images/:namespace/:name") view=LazyPage(parts::image::make) ssr=SsrMode::Async/>
                    <Route path=path!("/pods/:namespace/:name") view=LazyPage(parts::pod::make) ssr=SsrMode::Async/>
                    <Route path=path!("/pods/:namespace/:name/shell") view=LazyPage(parts::shell::make) ssr=SsrMode::Async/>
                    <Route path=path!("/migrations") view=LazyPage(parts::migrations::make) ssr=SsrMode::Async/>
                    <Route path=path!("/nodes") view=LazyPage(parts::nodes::make) ssr=SsrMode::Async/>
                    <Route path=path!("/nodes/:name") view=LazyPage(parts::node::make) ssr=SsrMode::Async/>
                    <Route path=path!("/doctor") view=LazyPage(parts::doctor::make) ssr=SsrMode::Async/>
                </FlatRoutes>
            </Frame>
            <UndoCorner/>
        </Router>
    }
}
