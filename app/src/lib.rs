//! The pages of Porthole, compiled twice: to WASM for the browser (`hydrate`) and into the server (`ssr`).
//!
//! | module | what it holds |
//! |---|---|
//! | [`api`] | the server functions: all that the browser may ask |
//! | [`pages`] | one module per page: what it shows and where its data comes from |
//! | [`components`] | parts that know machines, pods, sessions |
//! | [`ui`] | parts that know nothing but how things look |
//! | [`live`], [`clock`] | what keeps an open page true |
//! | [`platform`] | what differs between browser and server |
//!
//! A page works in three steps: the server renders it whole; links and forms work as they are; WASM then takes
//! over and adds live updates, shortcuts and screens. To add a page: a path in [`paths`], a module in [`pages`],
//! a route in [`app`].

// A page is one nested type; the optimised builds compute the layout of all of it.
#![recursion_limit = "512"]

#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!("`ssr` and `hydrate` are two platforms: build them separately, or every event handler goes silent");
#[cfg(not(any(feature = "ssr", feature = "hydrate")))]
compile_error!("choose a platform: `--features ssr` for the server and for tests, `--features hydrate` for WASM");

pub mod api;
pub mod app;
pub mod clock;
pub mod components;
pub mod live;
pub mod pages;
pub mod parts;
pub mod paths;
pub mod platform;
#[cfg(feature = "ssr")]
pub mod shell;
pub mod shortcuts;
#[cfg(feature = "ssr")]
pub mod ssr;
pub mod ui;
pub mod words;

pub use app::App;
#[cfg(feature = "ssr")]
pub use shell::{PartFiles, shell};
#[cfg(feature = "ssr")]
pub use ssr::RequestId;

/// Takes over the page that the server rendered, as soon as the page's part is there. If it does not come, the page
/// stays what the server made it: its links and forms work, and lead to pages that say what is wrong.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    #[cfg(not(feature = "split"))]
    leptos::mount::hydrate_body(App);
    #[cfg(feature = "split")]
    wasm_bindgen_futures::spawn_local(async {
        let is_there = match parts::Part::of(&platform::path()) {
            Some(part) => part.fetch().await.is_ok(),
            None => true,
        };
        if is_there {
            leptos::mount::hydrate_body(App);
        }
    });
}
