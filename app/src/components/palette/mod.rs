//! The command palette: every page, everything by its name, and what can be done with the machine in view, by keyboard.
//!
//! Opened with Control or Command and K. Its code is a part of its own (`crate::parts`), fetched when it is opened for
//! the first time.

mod entries;
mod list;

use leptos::prelude::*;

use crate::parts::{self, Piece};
pub use list::PaletteDialog;

/// Opens the palette from anywhere.
#[derive(Clone, Copy)]
pub struct Palette {
    /// Goes up each time that it is asked for; 0 while nobody has.
    asked: RwSignal<u32>,
}

impl Palette {
    /// For everything below.
    pub fn provide() -> Self {
        let palette = Self { asked: RwSignal::new(0) };
        provide_context(palette);
        palette
    }

    /// The page's own.
    pub fn expect() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }

    /// Opens it.
    pub fn open(self) {
        self.asked.try_update(|asked| *asked += 1);
    }
}

/// Where the palette appears.
#[component]
pub fn PaletteHost() -> impl IntoView {
    let palette = Palette::expect();
    view! { <Piece wanted=Signal::derive(move || palette.asked.get() > 0) make=parts::palette::make/> }
}
