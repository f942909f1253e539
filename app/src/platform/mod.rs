//! What differs between the server and the browser, with the same shape on both.
//!
//! This is one of three places that know which half they are compiled into (the others are `lib.rs` and
//! `ssr.rs`). Everything that touches the browser is here, so that a component never names a DOM type, and on
//! the server each of these functions does nothing, or what the server can do instead.

#[cfg(feature = "hydrate")]
mod browser;
#[cfg(feature = "hydrate")]
mod editor;
#[cfg(feature = "hydrate")]
mod files;
#[cfg(feature = "hydrate")]
mod parts;
#[cfg(feature = "hydrate")]
mod screen;
#[cfg(feature = "ssr")]
mod server;

#[cfg(feature = "hydrate")]
pub use browser::*;
#[cfg(feature = "hydrate")]
pub use editor::{dress_yaml, print_page, save_text};
#[cfg(feature = "hydrate")]
pub use files::{ask_server, files_of, forget_file, pause, prepare_uploads, read_file, send_part, sha256};
#[cfg(feature = "hydrate")]
pub use parts::Part;
#[cfg(feature = "hydrate")]
pub use screen::{Screen, toggle_full_screen};
#[cfg(feature = "ssr")]
pub use server::*;

/// Where a screen is kept: in the browser it belongs to the one thread that there is. The server may dispose of a
/// page on another thread than the one that rendered it, where it may not even drop what is local.
#[cfg(feature = "hydrate")]
pub type ScreenStorage = leptos::prelude::LocalStorage;
/// Where a screen is kept; there is none on the server.
#[cfg(feature = "ssr")]
pub type ScreenStorage = leptos::prelude::SyncStorage;

/// Which script draws a part of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// A serial console, or shells.
    Terminal,
    /// Logs as they are written.
    Log,
}

/// A file that somebody chose. It stays with the browser, which knows it by a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenFile {
    /// The number.
    pub key: u32,
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was changed last, in milliseconds since 1970.
    pub modified: i64,
}

/// What would be lost if the page were left now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtRisk {
    /// What was typed into a form.
    Form,
    /// The way to a file that is being uploaded.
    Upload,
}

/// What a server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status; 0 if there was no answer, -1 if a file could not be read.
    pub status: i32,
    /// The body.
    pub body: String,
}

/// What the glue tells about a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScreenNews {
    /// The picture is there.
    Open,
    /// The websocket closed, with its code (0 if there was none) and reason.
    End {
        /// The websocket's close code; 0 if the viewer itself gave up.
        code: u16,
        /// The reason that came with it; may be empty.
        reason: String,
    },
    /// The person gave the keyboard back to the page.
    Escape,
}
