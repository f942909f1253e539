//! Parts: pages and pieces that the browser fetches when somebody goes to them, and not before.
//!
//! The build splits the browser's WASM at each function below (feature `split`, `xtask::site`): what only they
//! need leaves the first load. Without that feature they are ordinary pages of one WASM, as they always are on the
//! server. The document names the files of the part that its page needs, so that they arrive together with everything
//! else, and the browser takes a page over only once it has its part (`crate::hydrate`).

use core::future::Future;
use core::pin::Pin;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::ChooseView;

use crate::ui::{Empty, Glyph, Look, button_class};

/// The part of the page at an address; `None` for those of the first load.
pub fn part_of(path: &str) -> Option<&'static str> {
    let segments: Vec<_> = path.trim_matches('/').split('/').collect();
    match segments[..] {
        ["machines", "new"] => Some("create"),
        ["machines", _, _] => Some("machine"),
        ["machines", _, _, "console"] => Some("console"),
        ["templates", ..] => Some("templates"),
        ["images", ..] => Some("images"),
        ["nodes", ..] | ["migrations"] | ["machines", _, _, "move"] => Some("nodes"),
        ["pods", ..] => Some("pod"),
        ["containers", "new"] => Some("run"),
        ["workloads" | "services", ..] => Some("workloads"),
        ["doctor"] => Some("doctor"),
        _ => None,
    }
}

/// What makes a page or a piece: nothing if its part did not come.
pub type Making = Pin<Box<dyn Future<Output = Option<AnyView>> + Send>>;

/// A line for each part: its name, then each of its components with the name of the function that makes it.
macro_rules! parts {
    ($($part:ident: $first:ident = $first_component:path $(, $name:ident = $component:path)*;)+) => {
        $(
            parts!(@one $part, $first, $first_component);
            $(parts!(@one $part, $name, $component);)*
        )+

        /// Fetches a part, unless it is there. Tells whether it is. Each of its functions is made ready: a page is taken
        /// over at once, and must not wait.
        #[cfg(feature = "split")]
        pub async fn fetch(part: &str) -> bool {
            match part {
                $(stringify!($part) => $first::fetch().await.is_ok() $(&& $name::fetch().await.is_ok())*,)+
                _ => true,
            }
        }
    };
    (@one $part:ident, $name:ident, $component:path) => {
        #[doc = concat!("[`", stringify!($component), "`], of the part `", stringify!($part), "`.")]
        pub mod $name {
            use super::*;
            use $component as Component;

            #[cfg(feature = "split")]
            #[wasm_split_helpers::wasm_split($part, fallible, preload(fetch))]
            pub(super) fn $name() -> Result<AnyView, wasm_split_helpers::SplitLoaderError> {
                Ok(view! { <Component/> }.into_any())
            }

            /// Makes it, once its part is there.
            pub fn make() -> Making {
                #[cfg(feature = "split")]
                return Box::pin(async { $name().await.ok() });
                #[cfg(not(feature = "split"))]
                Box::pin(async { Some(view! { <Component/> }.into_any()) })
            }
        }
    };
}

parts! {
    console: console = crate::pages::console::ConsolePage;
    create: new_machine = crate::pages::create::NewMachinePage;
    doctor: doctor = crate::pages::doctor::DoctorPage;
    images: images = crate::pages::images::ImagesPage,
        image = crate::pages::images::ImagePage,
        import = crate::pages::images::ImportPage,
        upload = crate::pages::images::UploadPage;
    machine: machine = crate::pages::machine::MachinePage;
    nodes: nodes = crate::pages::nodes::NodesPage,
        node = crate::pages::nodes::NodePage,
        migrations = crate::pages::migrations::MigrationsPage,
        move_machine = crate::pages::move_machine::MovePage;
    palette: palette = crate::components::palette::PaletteDialog;
    pod: pod = crate::pages::pod::PodPage,
        shell = crate::pages::shell::ShellPage;
    run: run = crate::pages::run::RunPage;
    templates: templates = crate::pages::templates::TemplatesPage,
        new_template = crate::pages::templates::NewTemplatePage;
    uploads: uploads = crate::components::uploads::Tray;
    workloads: workloads = crate::pages::workloads::WorkloadsPage,
        workload = crate::pages::workload::WorkloadPage,
        services = crate::pages::services::ServicesPage;
}

/// The view of a route whose page is in a part.
#[derive(Clone, Copy)]
pub struct LazyPage(
    /// What makes the page.
    pub fn() -> Making,
);

impl ChooseView for LazyPage {
    async fn choose(self) -> AnyView {
        (self.0)().await.unwrap_or_else(|| view! { <NotLoaded/> }.into_any())
    }

    async fn preload(&self) {}
}

/// Where a piece of a page appears as soon as it is wanted.
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
#[component]
fn NotLoaded() -> impl IntoView {
    let here = leptos_router::hooks::use_location();
    let address = move || format!("{}{}", here.pathname.get(), here.search.get());
    view! {
        <Title text="Not loaded"/>
        <h1 class="sr-only">"Not loaded"</h1>
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
        assert!(first.iter().all(|path| part_of(path).is_none()));
        let parts = [
            ("/machines/new", "create"),
            ("/machines/blue/web", "machine"),
            ("/machines/blue/web/console", "console"),
            ("/images", "images"),
            ("/images/upload", "images"),
            ("/images/blue/debian", "images"),
            ("/nodes/node-1", "nodes"),
            ("/machines/blue/web/move", "nodes"),
            ("/pods/blue/web/shell", "pod"),
            ("/containers/new", "run"),
            ("/workloads/deployment/blue/web", "workloads"),
            ("/templates/new", "templates"),
            ("/doctor", "doctor"),
        ];
        for (path, part) in parts {
            assert_eq!(part_of(path), Some(part), "{path}");
        }
    }
}
