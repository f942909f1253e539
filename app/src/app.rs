//! The root: what all pages share, and which page stands at which address.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{SsrMode, path};

use crate::clock::Clock;
use crate::components::frame::Frame;
use crate::components::power::Power;
use crate::components::toasts::Toasts;
use crate::components::undo::{Undo, UndoCorner};
use crate::components::uploads::Uploads;
use crate::live::Live;
use crate::pages::console::ConsolePage;
use crate::pages::containers::ContainersPage;
use crate::pages::create::NewMachinePage;
use crate::pages::doctor::DoctorPage;
use crate::pages::images::{ImagePage, ImagesPage, ImportPage, UploadPage};
use crate::pages::machine::MachinePage;
use crate::pages::machines::MachinesPage;
use crate::pages::nodes::{NodePage, NodesPage};
use crate::pages::not_found::NotFound;
use crate::pages::overview::OverviewPage;
use crate::pages::pod::PodPage;
use crate::pages::run::RunPage;
use crate::pages::services::ServicesPage;
use crate::pages::shell::ShellPage;
use crate::pages::sign_in::SignInPage;
use crate::pages::templates::{NewTemplatePage, TemplatesPage};
use crate::pages::workload::WorkloadPage;
use crate::pages::workloads::WorkloadsPage;

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
                    <Route path=path!("/machines/new") view=NewMachinePage ssr=SsrMode::Async/>
                    <Route path=path!("/machines/:namespace/:name") view=MachinePage ssr=SsrMode::Async/>
                    <Route path=path!("/machines/:namespace/:name/console") view=ConsolePage ssr=SsrMode::Async/>
                    <Route path=path!("/templates") view=TemplatesPage ssr=SsrMode::Async/>
                    <Route path=path!("/templates/new") view=NewTemplatePage ssr=SsrMode::Async/>
                    <Route path=path!("/containers") view=ContainersPage ssr=SsrMode::Async/>
                    <Route path=path!("/workloads") view=WorkloadsPage ssr=SsrMode::Async/>
                    <Route path=path!("/services") view=ServicesPage ssr=SsrMode::Async/>
                    <Route path=path!("/containers/new") view=RunPage ssr=SsrMode::Async/>
                    <Route path=path!("/workloads/:kind/:namespace/:name") view=WorkloadPage ssr=SsrMode::Async/>
                    <Route path=path!("/images") view=ImagesPage ssr=SsrMode::Async/>
                    <Route path=path!("/images/upload") view=UploadPage ssr=SsrMode::Async/>
                    <Route path=path!("/images/import") view=ImportPage ssr=SsrMode::Async/>
                    <Route path=path!("/images/:namespace/:name") view=ImagePage ssr=SsrMode::Async/>
                    <Route path=path!("/pods/:namespace/:name") view=PodPage ssr=SsrMode::Async/>
                    <Route path=path!("/nodes") view=NodesPage ssr=SsrMode::Async/>
                    <Route path=path!("/nodes/:name") view=NodePage ssr=SsrMode::Async/>
                    <Route path=path!("/pods/:namespace/:name/shell") view=ShellPage ssr=SsrMode::Async/>
                    <Route path=path!("/doctor") view=DoctorPage ssr=SsrMode::Async/>
                </FlatRoutes>
            </Frame>
            <UndoCorner/>
        </Router>
    }
}
