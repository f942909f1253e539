//! Parts: pages and pieces that the browser fetches when somebody goes to them, and not before.
//!
//! The build splits the browser's WASM at each function below (feature `split`, `xtask::site`): what only they
//! need leaves the first load. Without that feature they are ordinary pages of one WASM, as they always are on the
//! server. The document names the files of the part that its page needs, so that they arrive together with everything
//! else, and the browser takes a page over only once it has its part (`crate::hydrate`).

use core::future::Future;
use core::pin::Pin;

use leptos::prelude::*;
use leptos_router::LazyRoute;

use crate::components::palette::PaletteDialog;
use crate::components::uploads::Tray;
use crate::pages::console::ConsolePage;
use crate::pages::create::NewMachinePage;
use crate::pages::doctor::DoctorPage;
use crate::pages::images::{ImagePage, ImagesPage, ImportPage, UploadPage};
use crate::pages::machine::MachinePage;
use crate::pages::pod::PodPage;
use crate::pages::templates::{NewTemplatePage, TemplatesPage};
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
    /// A pod's page.
    Pod,
    /// Templates.
    Templates,
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
            ["pods", _, _] => Some(Self::Pod),
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
            Self::Pod => "pod",
            Self::Templates => "templates",
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
            Self::Pod => PodRoute::fetch().await,
            Self::Templates => TemplatesRoute::fetch().await,
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
        #[expect(non_snake_case, reason = "the splitter tells functions apart by their names, and only the route's is given")]
        const _: () = {
            use wasm_split_helpers::{SplitLoaderError, wasm_split};

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
    PodRoute: pod, PodPage;
    TemplatesRoute: templates, TemplatesPage;
    NewTemplateRoute: templates, NewTemplatePage;
}

/// What makes a piece: nothing if its part did not come.
pub type Making = Pin<Box<dyn Future<Output = Option<AnyView>> + Send>>;

/// Pieces of every page that are parts: the function's name and the part's, the component.
macro_rules! lazy_pieces {
    ($($name:ident, $component:ident;)+) => {$(
        #[doc = concat!("[`", stringify!($component), "`], a part of its own.")]
        pub fn $name() -> Making {
            #[cfg(feature = "split")]
            #[wasm_split_helpers::wasm_split($name, fallible)]
            fn make() -> Result<AnyView, wasm_split_helpers::SplitLoaderError> {
                Ok(view! { <$component/> }.into_any())
            }

            #[cfg(feature = "split")]
            return Box::pin(async { make().await.ok() });
            #[cfg(not(feature = "split"))]
            Box::pin(async { Some(view! { <$component/> }.into_any()) })
        }
    )+};
}

lazy_pieces! {
    palette, PaletteDialog;
    uploads, Tray;
}

/// Where a piece appears as soon as it is wanted.
#[component]
pub fn Piece(
    /// Whether it is wanted; once it is, it stays.
    wanted: Signal<bool>,
    /// What makes it.
    make: fn() -> Making,
) -> impl IntoView {
    let wanted = Memo::new(move |was: Option<&bool>| was == Some(&true) || wanted.get());
    move || wanted.get().then(|| Suspend::new(make()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_belongs_to_the_part_of_its_page() {
        let first = ["/", "/sign-in", "/machines", "/containers", "/no/such/page"];
        assert!(first.iter().all(|path| Part::of(path).is_none()));
        let parts = [
            ("/machines/new", "create"),
            ("/machines/blue/web", "machine"),
            ("/machines/blue/web/console", "console"),
            ("/images", "images"),
            ("/images/upload", "images"),
            ("/images/blue/debian", "images"),
            ("/pods/blue/web", "pod"),
            ("/templates/new", "templates"),
            ("/doctor", "doctor"),
        ];
        for (path, part) in parts {
            assert_eq!(Part::of(path).map(Part::name), Some(part), "{path}");
        }
    }
}
