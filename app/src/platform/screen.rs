//! A machine's screen: the Rust side of `public/console.js`.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::{Element, HtmlElement};

use super::ScreenNews;

#[wasm_bindgen(raw_module = "/console.js")]
extern "C" {
    #[wasm_bindgen(js_name = Screen)]
    type Glue;
    #[wasm_bindgen(js_name = openScreen)]
    fn open_screen(host: &HtmlElement, path: &str, tell: &Closure<dyn Fn(String, u16, String)>) -> Glue;
    #[wasm_bindgen(method)]
    fn press(this: &Glue, keys: &js_sys::Array);
    #[wasm_bindgen(method)]
    fn scale(this: &Glue, fit: bool);
    #[wasm_bindgen(method)]
    fn focus(this: &Glue);
    #[wasm_bindgen(method)]
    fn close(this: &Glue);
    #[wasm_bindgen(js_name = toggleFullScreen)]
    fn toggle_full_screen_of(element: &Element);
}

/// A machine's screen in an element.
pub struct Screen {
    glue: Glue,
    // The glue calls it for as long as the screen is open.
    _tell: Closure<dyn Fn(String, u16, String)>,
}

impl Screen {
    /// Opens a screen in an element that the page leaves alone from now on.
    pub fn open(host: NodeRef<html::Div>, path: &str, on_news: impl Fn(ScreenNews) + 'static) -> Option<Self> {
        let host = host.get_untracked()?;
        let tell =
            Closure::<dyn Fn(String, u16, String)>::new(move |what: String, code: u16, reason: String| {
                match what.as_str() {
                    "open" => on_news(ScreenNews::Open),
                    "end" => on_news(ScreenNews::End { code, reason }),
                    "escape" => on_news(ScreenNews::Escape),
                    _ => {}
                }
            });
        let glue = open_screen(&host, path, &tell);
        Some(Self { glue, _tell: tell })
    }

    /// Presses keys in order and releases them in reverse.
    pub fn press(&self, keys: &[(u32, &str)]) {
        let flat = js_sys::Array::new();
        for (keysym, code) in keys {
            flat.push(&JsValue::from(*keysym));
            flat.push(&JsValue::from_str(code));
        }
        self.glue.press(&flat);
    }

    /// Fits the picture into its place, or shows it in its own size.
    pub fn set_fit(&self, fit: bool) {
        self.glue.scale(fit);
    }

    /// Gives the keyboard to the machine.
    pub fn focus(&self) {
        self.glue.focus();
    }

    /// Ends it; nothing is told any more.
    pub fn close(&self) {
        self.glue.close();
    }
}

/// Shows an element in full screen, or ends it.
pub fn toggle_full_screen(element: NodeRef<html::Div>) {
    if let Some(element) = element.get_untracked() {
        toggle_full_screen_of(&element);
    }
}
