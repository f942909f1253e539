//! The root: what all pages share, and which page stands at which address.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{Lazy, SsrMode, path};

use crate::clock::Clock;
use crate::components::frame::Frame;
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
use crate::parts;

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
                    <Route path=path!("/machines/new") view={Lazy::<parts::NewMachineRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/machines/:namespace/:name") view={Lazy::<parts::MachineRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/machines/:namespace/:name/console") view={Lazy::<parts::ConsoleRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/templates") view={Lazy::<parts::TemplatesRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/templates/new") view={Lazy::<parts::NewTemplateRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/containers") view=ContainersPage ssr=SsrMode::Async/>
                    <Route path=path!("/workloads") view={Lazy::<parts::WorkloadsRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/services") view={Lazy::<parts::ServicesRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/containers/new") view={Lazy::<parts::RunRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/workloads/:kind/:namespace/:name") view={Lazy::<parts::WorkloadRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/images") view={Lazy::<parts::ImagesRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/images/upload") view={Lazy::<parts::UploadRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/images/import") view={Lazy::<parts::ImportRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/images/:namespace/:name") view={Lazy::<parts::ImageRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/pods/:namespace/:name") view={Lazy::<parts::PodRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/pods/:namespace/:name/shell") view={Lazy::<parts::ShellRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/migrations") view={Lazy::<parts::MigrationsRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/nodes") view={Lazy::<parts::NodesRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/nodes/:name") view={Lazy::<parts::NodeRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/doctor") view={Lazy::<parts::DoctorRoute>::new()} ssr=SsrMode::Async/>
                </FlatRoutes>
            </Frame>
            <UndoCorner/>
        </Router>
    }
}
