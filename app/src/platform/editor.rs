//! A text field of YAML: the Rust side of `public/yaml.js`.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::HtmlElement;

#[wasm_bindgen(raw_module = "/yaml.js")]
extern "C" {
    #[wasm_bindgen(js_name = dress)]
    fn dress(host: &HtmlElement, wrong: &str);
    #[wasm_bindgen(js_name = saveText)]
    fn save(name: &str, text: &str);
}

/// Colours a text field's text, numbers its lines and marks those that are wrong, such as `3,7`.
pub fn dress_yaml(host: NodeRef<html::Div>, wrong: &str) {
    if let Some(host) = host.get() {
        dress(&host, wrong);
    }
}

/// Has the browser save a text as a file.
pub fn save_text(name: &str, text: &str) {
    save(name, text);
}

/// Opens the browser's own dialog for printing.
pub fn print_page() {
    let _ = window().print();
}
