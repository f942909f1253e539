//! Parts: the pages that the browser fetches when somebody goes to them, and not before.
//!
//! The build splits the browser's WASM at each function below (feature `split`, `xtask::site`): what only these pages
//! need leaves the first load. Without that feature they are ordinary pages of one WASM, as they always are on the
//! server. The document names the files of the part that its page needs, so that they arrive together with everything
//! else, and the browser takes a page over only once it has its part (`crate::hydrate`).

use leptos::prelude::*;
use leptos_router::LazyRoute;

use crate::pages::console::ConsolePage;
use crate::pages::create::NewMachinePage;
use crate::pages::doctor::DoctorPage;
use crate::pages::images::{ImagePage, ImagesPage, ImportPage, UploadPage};
use crate::pages::machine::MachinePage;
use crate::pages::migrations::MigrationsPage;
use crate::pages::nodes::{NodePage, NodesPage};
use crate::pages::pod::PodPage;
use crate::pages::run::RunPage;
use crate::pages::services::ServicesPage;
use crate::pages::shell::ShellPage;
use crate::pages::templates::{NewTemplatePage, TemplatesPage};
use crate::pages::workload::WorkloadPage;
use crate::pages::workloads::WorkloadsPage;
#[cfg(feature = "split")]
use crate::ui::{Empty, Glyph, Look, button_class};

/// A part: one page, or several that a person goes to and fro between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The console.
    Console,
    /// The form for a new machine.
    Create,
    /// The check of the cluster.
    Doctor,
    /// Images, and how they come in.
    Images,
    /// A machine's page.
    Machine,
    /// Nodes, and moves between them.
    Nodes,
    /// A pod's page and its shells.
    Pod,
    /// The form that runs an image.
    Run,
    /// Templates.
    Templates,
    /// What runs pods, and what leads to them.
    Workloads,
}

impl Part {
    /// The part of the page at an address; `None` for those of the first load.
    pub fn of(path: &str) -> Option<Self> {
        let segments: Vec<_> = path.trim_matches('/').split('/').collect();
        match segments[..] {
            ["machines", "new"] => Some(Self::Create),
            ["machines", _, _] => Some(Self::Machine),
            ["machines", _, _, "console"] => Some(Self::Console),
            ["templates", ..] => Some(Self::Templates),
            ["images", ..] => Some(Self::Images),
            ["nodes", ..] | ["migrations"] => Some(Self::Nodes),
            ["pods", ..] => Some(Self::Pod),
            ["containers", "new"] => Some(Self::Run),
            ["workloads" | "services", ..] => Some(Self::Workloads),
            ["doctor"] => Some(Self::Doctor),
            _ => None,
        }
    }

    /// What its file is called, before the fingerprint.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Create => "create",
            Self::Doctor => "doctor",
            Self::Images => "images",
            Self::Machine => "machine",
            Self::Nodes => "nodes",
            Self::Pod => "pod",
            Self::Run => "run",
            Self::Templates => "templates",
            Self::Workloads => "workloads",
        }
    }

    /// Fetches it, unless it is there.
    #[cfg(feature = "split")]
    pub async fn fetch(self) -> Result<(), wasm_split_helpers::SplitLoaderError> {
        match self {
            Self::Console => ConsoleRoute::fetch().await,
            Self::Create => NewMachineRoute::fetch().await,
            Self::Doctor => DoctorRoute::fetch().await,
            Self::Images => ImagesRoute::fetch().await,
            Self::Machine => MachineRoute::fetch().await,
            Self::Nodes => NodesRoute::fetch().await,
            Self::Pod => PodRoute::fetch().await,
            Self::Run => RunRoute::fetch().await,
            Self::Templates => TemplatesRoute::fetch().await,
            Self::Workloads => WorkloadsRoute::fetch().await,
        }
    }
}

/// Routes for pages of parts: the route, the part's name, the page.
macro_rules! lazy_pages {
    ($($route:ident: $part:ident, $page:ident;)+) => {$(
        #[doc = concat!("[`", stringify!($page), "`] of the part `", stringify!($part), "`.")]
        pub struct $route;

        impl LazyRoute for $route {
            fn data() -> Self {
                Self
            }

            #[cfg(feature = "split")]
            async fn view(_: Self) -> AnyView {
                Self::page().await.unwrap_or_else(|_| view! { <NotLoaded/> }.into_any())
            }

            #[cfg(not(feature = "split"))]
            async fn view(_: Self) -> AnyView {
                view! { <$page/> }.into_any()
            }
        }

        #[cfg(feature = "split")]
        const _: () = {
            use wasm_split_helpers::{SplitLoaderError, wasm_split};

            // The tool tells split functions apart by their names.
            #[wasm_split($part, fallible, preload(fetch))]
            fn $route() -> Result<AnyView, SplitLoaderError> {
                Ok(view! { <$page/> }.into_any())
            }

            impl $route {
                async fn page() -> Result<AnyView, SplitLoaderError> {
                    $route().await
                }

                #[allow(dead_code, reason = "one of the routes of a part fetches it")]
                async fn fetch() -> Result<(), SplitLoaderError> {
                    fetch().await
                }
            }
        };
    )+};
}

lazy_pages! {
    ConsoleRoute: console, ConsolePage;
    NewMachineRoute: create, NewMachinePage;
    DoctorRoute: doctor, DoctorPage;
    ImagesRoute: images, ImagesPage;
    ImageRoute: images, ImagePage;
    ImportRoute: images, ImportPage;
    UploadRoute: images, UploadPage;
    MachineRoute: machine, MachinePage;
    NodesRoute: nodes, NodesPage;
    NodeRoute: nodes, NodePage;
    MigrationsRoute: nodes, MigrationsPage;
    PodRoute: pod, PodPage;
    ShellRoute: pod, ShellPage;
    RunRoute: run, RunPage;
    TemplatesRoute: templates, TemplatesPage;
    NewTemplateRoute: templates, NewTemplatePage;
    WorkloadsRoute: workloads, WorkloadsPage;
    WorkloadRoute: workloads, WorkloadPage;
    ServicesRoute: workloads, ServicesPage;
}

/// What stands in place of a page whose part did not come: the network is gone, or the server has another version by
/// now than the one that is open here.
#[cfg(feature = "split")]
#[component]
fn NotLoaded() -> impl IntoView {
    let here = leptos_router::hooks::use_location();
    let address = move || format!("{}{}", here.pathname.get(), here.search.get());
    view! {
        <Empty glyph=Glyph::Refresh title="This page could not be loaded">
            <p>
                "Porthole was updated since this tab was opened, or it does not answer at the moment. Load the page anew; what you have typed into forms is kept."
            </p>
            <p class="mt-4">
                <a class=button_class(Look::Primary) href=address rel="external">
                    "Load the page anew"
                </a>
            </p>
        </Empty>
    }
}
