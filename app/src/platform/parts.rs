//! Parts of a page that a script of ours draws: the Rust side of `public/terminal.js` and `public/logs.js`.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::HtmlElement;

use super::PartKind;

#[wasm_bindgen]
extern "C" {
    /// What either script gives back.
    type Opened;
    #[wasm_bindgen(method)]
    fn close(this: &Opened);
}

#[wasm_bindgen(raw_module = "/terminal.js")]
extern "C" {
    #[wasm_bindgen(js_name = openTerminal)]
    fn open_terminal(host: &HtmlElement, options: &str) -> Opened;
}

#[wasm_bindgen(raw_module = "/logs.js")]
extern "C" {
    #[wasm_bindgen(js_name = openLog)]
    fn open_log(host: &HtmlElement, options: &str) -> Opened;
}

/// An open part.
pub struct Part(Opened);

impl Part {
    /// Opens a part in an element that the page leaves alone from now on.
    pub fn open(kind: PartKind, host: NodeRef<html::Div>, options: &str) -> Option<Self> {
        let host = host.get_untracked()?;
        Some(Self(match kind {
            PartKind::Terminal => open_terminal(&host, options),
            PartKind::Log => open_log(&host, options),
        }))
    }

    /// Ends it.
    pub fn close(&self) {
        self.0.close();
    }
}
