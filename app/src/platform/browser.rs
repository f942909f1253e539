//! The browser's half.

use leptos::html;
use leptos::leptos_dom::helpers::{document, window};
use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, EventSource, HtmlElement, HtmlImageElement, KeyboardEvent, MessageEvent};

use super::AtRisk;
use crate::live::{Connection, Live};

/// The time in seconds since 1970, by the browser's clock.
#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit for a long while")]
pub fn now() -> i64 {
    (js_sys::Date::now() / 1_000.0) as i64
}

/// Only the server knows cookies before the page is there.
pub fn remembered_theme() -> Option<&'static str> {
    None
}

/// Statuses are the server's.
pub fn set_status(_code: u16) {}

/// The path of the page's address.
pub fn path() -> String {
    window().location().pathname().unwrap_or_default()
}

/// Follows `/events` for as long as the page is open.
///
/// The browser reconnects by itself when the line drops. It gives up when the server *refuses*; then the session
/// has ended, or a proxy answers for a server that is away, which [`Live::refused`] finds out.
pub fn follow_events(live: Live) {
    let Ok(source) = EventSource::new("/events") else { return };
    let on_open = Closure::<dyn Fn()>::new(move || live.opened());
    let on_hint = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some(text) = event.data().as_string() {
            live.hinted(&text);
        }
    });
    let followed = source.clone();
    let on_error = Closure::<dyn Fn()>::new(move || {
        if followed.ready_state() == EventSource::CLOSED {
            live.refused();
        } else {
            live.set_connection(Connection::Reconnecting);
        }
    });
    source.set_onopen(Some(on_open.as_ref().unchecked_ref()));
    source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    // Failing to add a listener leaves a page that reconnects and polls, which is still true.
    let _ = source.add_event_listener_with_callback("hint", on_hint.as_ref().unchecked_ref());
    // One stream for the whole life of the page: its callbacks live as long.
    on_open.forget();
    on_hint.forget();
    on_error.forget();
}

/// Calls back for each key that is the page's to use: no field has the focus, no menu, no screen, and no
/// modifier is held. Control or Command with K means `/`, as it does elsewhere on the web. The key is swallowed if
/// the callback says that it was used.
pub fn listen_keys(mut on_key: impl FnMut(&str) -> bool + 'static) {
    let listener = Closure::<dyn FnMut(KeyboardEvent)>::new(move |event: KeyboardEvent| {
        let is_elsewhere = event.ctrl_key() || event.meta_key() || event.alt_key() || event.default_prevented();
        let in_field = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .and_then(|element| element.closest("input, textarea, select, canvas, [contenteditable]").ok().flatten())
            .is_some();
        let in_help = document().query_selector("#help:popover-open").ok().flatten().is_some();
        let key = event.key();
        if (event.ctrl_key() || event.meta_key()) && key == "k" && !in_screen() {
            on_key("/");
            event.prevent_default();
            return;
        }
        // Arrows scroll, unless somebody has begun to walk through rows.
        let scrolls = key.starts_with("Arrow") && row_in_hand().is_none();
        if scrolls || is_elsewhere || in_field || (in_help && key != "?") {
            return;
        }
        if on_key(&key) {
            event.prevent_default();
        }
    });
    let _ = document().add_event_listener_with_callback("keydown", listener.as_ref().unchecked_ref());
    listener.forget();
}

/// Closes menus (`<details data-menu>`) when the person clicks elsewhere or presses Escape, and after a choice.
pub fn close_menus_on_leave() {
    let on_click = Closure::<dyn Fn(Event)>::new(move |event: Event| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let chosen = target
            .as_ref()
            .and_then(|element| element.closest("[data-menu] a, [data-menu] button:not([aria-disabled=true])").ok())
            .flatten()
            .is_some();
        for_each("details[data-menu][open]", |menu| {
            let is_inside = target.as_ref().is_some_and(|element| menu.contains(Some(element)));
            if chosen || !is_inside {
                let _ = menu.remove_attribute("open");
            }
        });
    });
    let on_key = Closure::<dyn Fn(KeyboardEvent)>::new(move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            for_each("details[data-menu][open]", |menu| {
                let _ = menu.remove_attribute("open");
                if let Ok(Some(summary)) = menu.query_selector("summary") {
                    focus(&summary);
                }
            });
        }
    });
    let _ = document().add_event_listener_with_callback("click", on_click.as_ref().unchecked_ref());
    let _ = document().add_event_listener_with_callback("keydown", on_key.as_ref().unchecked_ref());
    on_click.forget();
    on_key.forget();
}

/// Whether a menu of the page's content is open.
pub fn is_menu_open() -> bool {
    document().query_selector("main details[data-menu][open]").ok().flatten().is_some()
}

/// Whether the person can see the page.
pub fn is_visible() -> bool {
    !document().hidden()
}

/// Puts the cursor into the search field.
pub fn focus_search() {
    if let Some(field) = first_visible("input[type=search]") {
        focus(&field);
    }
}

/// What stands in a field.
pub fn field_text(field: NodeRef<html::Input>) -> String {
    field.get_untracked().map(|field| field.value()).unwrap_or_default()
}

/// What a form that is being sent holds under a name.
pub fn form_text(event: &leptos::ev::SubmitEvent, name: &str) -> String {
    let form = event.target().and_then(|form| js_sys::Reflect::get(&form, &"elements".into()).ok());
    let control = form.and_then(|controls| js_sys::Reflect::get(&controls, &name.into()).ok());
    let value = control.and_then(|control| js_sys::Reflect::get(&control, &"value".into()).ok());
    value.and_then(|value| value.as_string()).unwrap_or_default()
}

/// Writes into a field, unless somebody is typing there.
pub fn set_field(field: NodeRef<html::Input>, text: &str) {
    let Some(field) = field.get_untracked() else { return };
    let has_focus = document().active_element().is_some_and(|active| active.is_same_node(Some(&field)));
    if !has_focus {
        field.set_value(text);
    }
}

/// Opens or closes the list of shortcuts, by its own button.
pub fn toggle_help() {
    if let Some(button) = document().query_selector("[popovertarget=help]").ok().flatten() {
        click(&button);
    }
}

/// Moves the focus to another row: from the row in hand, or to the first one. Says whether there are rows.
pub fn move_row(by: i32) -> bool {
    let mut links = Vec::new();
    for_each("[data-row-link]", |link| links.push(link));
    let Some(last) = links.len().checked_sub(1) else { return false };
    let current = row_in_hand().and_then(|row| row.query_selector("[data-row-link]").ok().flatten());
    let at = current.and_then(|current| links.iter().position(|link| *link == current));
    let to = match (at, by > 0) {
        (None, true) => 0,
        (None, false) => last,
        (Some(at), true) => (at + 1).min(last),
        (Some(at), false) => at.saturating_sub(1),
    };
    if let Some(link) = links.get(to) {
        focus(link);
    }
    true
}

/// Submits the form of an action for the row or page in hand, as if its button had been pressed.
pub fn submit_action(word: &str) {
    let button = format!("form[data-action={word}] button");
    if let Some(button) = in_hand(&button) {
        click(&button);
    } else if let Some(menu) = in_hand("details[data-menu] summary") {
        // Not possible now: the menu says why.
        click(&menu);
    }
}

/// Opens the screen of the row or page in hand.
pub fn open_console() {
    if let Some(link) = in_hand("a[data-console]") {
        click(&link);
    }
}

/// Shows a theme at once and remembers it.
pub fn set_theme(theme: &str) {
    let Some(root) = document().document_element() else { return };
    let cookie = if theme.is_empty() {
        let _ = root.remove_attribute("data-theme");
        "theme=; Path=/; Max-Age=0; SameSite=Lax".to_owned()
    } else {
        let _ = root.set_attribute("data-theme", theme);
        format!("theme={theme}; Path=/; Max-Age=31536000; SameSite=Lax")
    };
    let _ = js_sys::Reflect::set(&document(), &"cookie".into(), &cookie.into());
}

/// Tilts the icon's horizon when something needs attention.
pub fn set_attention(needs_attention: bool) {
    let href = if needs_attention { "/favicon-attention.svg" } else { "/favicon.svg" };
    if let Ok(Some(link)) = document().query_selector("link[rel=icon]") {
        let _ = link.set_attribute("href", href);
    }
}

/// Whether a picture failed to load before the page took over.
pub fn picture_failed(picture: NodeRef<html::Img>) -> bool {
    picture.get_untracked().is_some_and(|picture| {
        let picture: &HtmlImageElement = &picture;
        picture.complete() && picture.natural_width() == 0
    })
}

/// Copies a text to the clipboard, where the browser allows it.
pub fn copy(text: &str) {
    let clipboard = js_sys::Reflect::get(&window().navigator(), &"clipboard".into());
    let Ok(clipboard) = clipboard else { return };
    let Ok(write) = js_sys::Reflect::get(&clipboard, &"writeText".into()) else { return };
    if let Some(write) = write.dyn_ref::<js_sys::Function>() {
        let _ = write.call1(&clipboard, &JsValue::from_str(text));
    }
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

/// What the browser keeps under a name.
pub fn kept(name: &str) -> Option<String> {
    storage()?.get_item(name).ok().flatten()
}

/// Keeps a text in the browser, where it allows that.
pub fn keep(name: &str, text: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(name, text);
    }
}

/// Forgets what the browser keeps under a name.
pub fn forget(name: &str) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(name);
    }
}

/// What the browser calls for an event.
type Listener = Closure<dyn Fn(Event)>;

thread_local! {
    /// A listener for each thing at risk, and none otherwise: one that never asks would still keep the browser from
    /// holding the page ready for going back.
    static LEAVING: std::cell::RefCell<Vec<(AtRisk, Listener)>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Asks before the page is left while something is at risk, or no longer for its sake.
pub fn guard_leaving(what: AtRisk, guards: bool) {
    LEAVING.with_borrow_mut(|listeners| {
        let known = listeners.iter().position(|(of, _)| *of == what);
        match (known, guards) {
            (None, true) => {
                let ask = Listener::new(|event: Event| event.prevent_default());
                let _ = window().add_event_listener_with_callback("beforeunload", ask.as_ref().unchecked_ref());
                listeners.push((what, ask));
            }
            (Some(index), false) => {
                let (_, ask) = listeners.swap_remove(index);
                let _ = window().remove_event_listener_with_callback("beforeunload", ask.as_ref().unchecked_ref());
            }
            _ => {}
        }
    });
}

/// Puts the cursor into the first field that something is wrong with, once the page shows it.
pub fn focus_first_problem() {
    request_animation_frame(|| {
        let Ok(Some(field)) = document().query_selector("[aria-invalid=true]") else { return };
        if let Ok(Some(folded)) = field.closest("details:not([open])") {
            let _ = folded.set_attribute("open", "");
        }
        focus(&field);
    });
}

/// Opens a page in a window of its own.
pub fn pop_out(url: &str) {
    let _ = window().open_with_url_and_target_and_features(url, "_blank", "popup,width=1120,height=760");
}

/// Has the browser fetch a file; the page stays.
pub fn download(url: &str) {
    let _ = window().location().assign(url);
}

/// Puts the focus on the first control of the page's own bar.
pub fn focus_first_control() {
    if let Some(control) = first_visible("[data-bar] a, [data-bar] button, [data-bar] summary") {
        focus(&control);
    }
}

fn for_each(selector: &str, mut act: impl FnMut(Element)) {
    let Ok(found) = document().query_selector_all(selector) else { return };
    for index in 0..found.length() {
        if let Some(element) = found.item(index).and_then(|node| node.dyn_into::<Element>().ok()) {
            act(element);
        }
    }
}

fn first_visible(selector: &str) -> Option<Element> {
    let mut first = None;
    for_each(selector, |element| {
        let is_visible = element.dyn_ref::<HtmlElement>().is_some_and(|element| element.offset_parent().is_some());
        if first.is_none() && is_visible {
            first = Some(element);
        }
    });
    first
}

fn in_screen() -> bool {
    document().active_element().is_some_and(|element| element.tag_name() == "CANVAS")
}

fn row_in_hand() -> Option<Element> {
    document().active_element().and_then(|element| element.closest("[data-row]").ok().flatten())
}

/// The element in the row that has the focus, or else in the page's own actions.
fn in_hand(selector: &str) -> Option<Element> {
    match row_in_hand() {
        Some(row) => row.query_selector(selector).ok().flatten(),
        None => document().query_selector(&format!("[data-page-actions] {selector}")).ok().flatten(),
    }
}

fn focus(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        let _ = element.focus();
    }
}

fn click(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        element.click();
    }
}
