//! Files of the person's computer: the Rust side of `public/uploads.js`.

use core::time::Duration;

use leptos::prelude::set_timeout;
use sha2::{Digest as _, Sha256};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlInputElement;

use super::{ChosenFile, Reply};

#[wasm_bindgen(raw_module = "/uploads.js")]
extern "C" {
    #[wasm_bindgen(js_name = chosenFiles)]
    fn chosen_files(input: &HtmlInputElement) -> js_sys::Array;
    #[wasm_bindgen(js_name = droppedFiles)]
    fn dropped_files(event: &web_sys::DragEvent) -> js_sys::Array;
    #[wasm_bindgen(js_name = forgetFile)]
    fn forget(key: u32);
    #[wasm_bindgen(js_name = readFile)]
    fn read(key: u32, start: f64, end: f64) -> js_sys::Promise;
    #[wasm_bindgen(js_name = sumWith)]
    fn sum_with(sum: &Closure<dyn Fn(js_sys::Uint8Array) -> String>);
    #[wasm_bindgen(js_name = sha256)]
    fn sum(bytes: &js_sys::Uint8Array) -> js_sys::Promise;
    #[wasm_bindgen(js_name = askServer)]
    fn ask(method: &str, url: &str, body: Option<&str>) -> js_sys::Promise;
    #[wasm_bindgen(js_name = sendPart)]
    fn send(url: &str, key: u32, start: f64, end: f64) -> js_sys::Promise;
}

/// Sums up where the browser does not. Once for a page.
pub fn prepare_uploads() {
    let sum = Closure::<dyn Fn(js_sys::Uint8Array) -> String>::new(|bytes: js_sys::Uint8Array| {
        let sum = Sha256::digest(bytes.to_vec());
        let digits = sum.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
    });
    sum_with(&sum);
    sum.forget();
}

/// The files that an event of a field or of a place to drop brought.
pub fn files_of(event: &leptos::ev::Event) -> Vec<ChosenFile> {
    let list = if let Some(drag) = event.dyn_ref::<web_sys::DragEvent>() {
        dropped_files(drag)
    } else {
        match event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) {
            Some(input) => chosen_files(&input),
            None => return Vec::new(),
        }
    };
    list.iter().filter_map(|entry| chosen(&entry.dyn_into().ok()?)).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths and times of files are whole and fit"
)]
fn chosen(entry: &js_sys::Array) -> Option<ChosenFile> {
    Some(ChosenFile {
        key: entry.get(0).as_f64()? as u32,
        name: entry.get(1).as_string()?,
        size: entry.get(2).as_f64()? as u64,
        modified: entry.get(3).as_f64()? as i64,
    })
}

/// Lets a file go.
pub fn forget_file(key: u32) {
    forget(key);
}

/// Bytes of a file; `None` if it cannot be read any more.
pub async fn read_file(key: u32, start: u64, end: u64) -> Option<Vec<u8>> {
    let bytes = JsFuture::from(read(key, number(start), number(end))).await.ok()?;
    Some(bytes.dyn_into::<js_sys::Uint8Array>().ok()?.to_vec())
}

/// SHA-256 in hexadecimal; empty if it could not be worked out.
pub async fn sha256(bytes: &[u8]) -> String {
    let told = JsFuture::from(sum(&js_sys::Uint8Array::from(bytes))).await;
    told.ok().and_then(|told| told.as_string()).unwrap_or_default()
}

/// Asks the server.
pub async fn ask_server(method: &str, url: &str, body: Option<String>) -> Reply {
    reply(JsFuture::from(ask(method, url, body.as_deref())).await)
}

/// Sends one part of a file.
pub async fn send_part(url: &str, key: u32, start: u64, end: u64) -> Reply {
    reply(JsFuture::from(send(url, key, number(start), number(end))).await)
}

#[expect(clippy::cast_possible_truncation, reason = "statuses are small whole numbers")]
fn reply(told: Result<JsValue, JsValue>) -> Reply {
    let pair = told.ok().and_then(|told| told.dyn_into::<js_sys::Array>().ok());
    let Some(pair) = pair else { return Reply::default() };
    Reply { status: pair.get(0).as_f64().unwrap_or(0.0) as i32, body: pair.get(1).as_string().unwrap_or_default() }
}

#[expect(clippy::cast_precision_loss, reason = "no file has 2^53 bytes")]
const fn number(bytes: u64) -> f64 {
    bytes as f64
}

/// Waits.
pub async fn pause(time: Duration) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        set_timeout(
            move || {
                let _ = resolve.call0(&JsValue::NULL);
            },
            time,
        );
    });
    let _ = JsFuture::from(promise).await;
}
