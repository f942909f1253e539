//! The server's half: nothing happens before the browser takes over.

#![expect(clippy::unused_async, reason = "the browser's half of each function awaits")]

use std::time::{SystemTime, UNIX_EPOCH};

use leptos::html;
use leptos::prelude::NodeRef;

use super::{ChosenFile, PartKind, Reply, ScreenNews};
use crate::live::Live;

pub use crate::ssr::{remembered_theme, set_status};

/// The time in seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Follows `/events`. Nothing to follow on the server.
pub fn follow_events(_live: Live) {}

/// Calls back for each key that is the page's to use.
pub fn listen_keys(_on_key: impl FnMut(&str) -> bool + 'static) {}

/// Closes menus when the person clicks elsewhere or presses Escape.
pub fn close_menus_on_leave() {}

/// Whether a menu of the page's content is open.
pub fn is_menu_open() -> bool {
    false
}

/// Whether the person can see the page.
pub fn is_visible() -> bool {
    true
}

/// Puts the cursor into the search field.
pub fn focus_search() {}

/// What stands in a field.
pub fn field_text(_field: NodeRef<html::Input>) -> String {
    String::new()
}

/// Writes into a field, unless somebody is typing there.
pub fn set_field(_field: NodeRef<html::Input>, _text: &str) {}

/// Colours a text field's text. The browser does it.
pub fn dress_yaml(_host: NodeRef<html::Div>, _wrong: &str) {}

/// Has the browser save a text as a file.
pub fn save_text(_name: &str, _text: &str) {}

/// Opens the browser's own dialog for printing.
pub fn print_page() {}

/// Opens or closes the list of shortcuts.
pub fn toggle_help() {}

/// Moves the focus to another row. Says whether there are rows.
pub fn move_row(_by: i32) -> bool {
    false
}

/// Submits the form of an action for the row or page in hand.
pub fn submit_action(_word: &str) {}

/// Opens the screen of the row or page in hand.
pub fn open_console() {}

/// Shows a theme at once and remembers it.
pub fn set_theme(_theme: &str) {}

/// Tilts the icon's horizon when something needs attention.
pub fn set_attention(_needs_attention: bool) {}

/// Whether a picture failed to load before the page took over.
pub fn picture_failed(_picture: NodeRef<html::Img>) -> bool {
    false
}

/// Copies a text to the clipboard.
pub fn copy(_text: &str) {}

/// What the browser keeps under a name.
pub fn kept(_name: &str) -> Option<String> {
    None
}

/// Keeps a text in the browser.
pub fn keep(_name: &str, _text: &str) {}

/// Forgets what the browser keeps under a name.
pub fn forget(_name: &str) {}

/// Asks before the page is left, or no longer.
pub fn guard_leaving(_what: super::AtRisk, _guards: bool) {}

/// Puts the cursor into the first field that something is wrong with.
pub fn focus_first_problem() {}

/// Opens a page in a window of its own.
pub fn pop_out(_url: &str) {}

/// Has the browser fetch a file; the page stays.
pub fn download(_url: &str) {}

/// Puts the focus on the first control of the page's own bar.
pub fn focus_first_control() {}

/// Shows an element in full screen, or ends it.
pub fn toggle_full_screen(_element: NodeRef<html::Div>) {}

/// Sums up where the browser does not.
pub fn prepare_uploads() {}

/// The files that an event brought.
pub fn files_of(_event: &leptos::ev::Event) -> Vec<ChosenFile> {
    Vec::new()
}

/// Lets a file go.
pub fn forget_file(_key: u32) {}

/// Bytes of a file. The server has no files of anybody.
pub async fn read_file(_key: u32, _start: u64, _end: u64) -> Option<Vec<u8>> {
    None
}

/// SHA-256 in hexadecimal.
pub async fn sha256(_bytes: &[u8]) -> String {
    String::new()
}

/// Asks the server.
pub async fn ask_server(_method: &str, _url: &str, _body: Option<String>) -> Reply {
    Reply::default()
}

/// Sends one part of a file.
pub async fn send_part(_url: &str, _key: u32, _start: u64, _end: u64) -> Reply {
    Reply::default()
}

/// Waits.
pub async fn pause(_time: core::time::Duration) {}

/// What a form that is being sent holds under a name.
pub fn form_text(_event: &leptos::ev::SubmitEvent, _name: &str) -> String {
    String::new()
}

/// A part of a page that a script draws. The server never has one.
pub enum Part {}

impl Part {
    /// Opens a part in an element that the page leaves alone from now on.
    pub fn open(_kind: PartKind, _host: NodeRef<html::Div>, _options: &str) -> Option<Self> {
        None
    }

    /// Ends it.
    pub fn close(&self) {
        match *self {}
    }
}

/// A machine's screen in an element. The server never has one.
pub enum Screen {}

impl Screen {
    /// Opens a screen in an element that the page leaves alone from now on.
    pub fn open(_host: NodeRef<html::Div>, _path: &str, _on_news: impl Fn(ScreenNews) + 'static) -> Option<Self> {
        None
    }

    /// Presses keys in order and releases them in reverse.
    pub fn press(&self, _keys: &[(u32, &str)]) {
        match *self {}
    }

    /// Fits the picture into its place, or shows it in its own size.
    pub fn set_fit(&self, _fit: bool) {
        match *self {}
    }

    /// Gives the keyboard to the machine.
    pub fn focus(&self) {
        match *self {}
    }

    /// Ends it; nothing is told any more.
    pub fn close(&self) {
        match *self {}
    }
}
