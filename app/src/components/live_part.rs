//! A part of a page that a script of ours draws once the page is there, and what stands in its place until then.

use leptos::html;
use leptos::prelude::*;
use leptos::serde_json;
use serde::Serialize;

use crate::platform::{Part, PartKind, ScreenStorage};

/// What the script is told. See `public/terminal.js` and `public/logs.js`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PartOptions {
    /// `serial` or `shell`; nothing for a log.
    pub kind: &'static str,
    /// Where it connects to.
    pub path: String,
    /// What assistive technology calls it.
    pub label: String,
    /// The containers to choose from.
    pub containers: Vec<String>,
    /// The one that is chosen at first.
    pub container: Option<String>,
    /// Whether several pods are in one log.
    pub merged: bool,
}

/// The part.
#[component]
pub fn LivePart(
    /// Which script.
    kind: PartKind,
    /// What it is told.
    options: PartOptions,
    /// The classes of its place.
    #[prop(default = "")]
    class: &'static str,
    /// What stands there without script.
    children: Children,
) -> impl IntoView {
    let host = NodeRef::<html::Div>::new();
    let is_open = RwSignal::new(false);
    let part = StoredValue::<Option<Part>, ScreenStorage>::new_with_storage(None);
    Effect::new(move |_| {
        let options = serde_json::to_string(&options).unwrap_or_default();
        let opened = Part::open(kind, host, &options);
        is_open.set(opened.is_some());
        part.set_value(opened);
    });
    on_cleanup(move || {
        if let Some(part) = part.try_update_value(Option::take).flatten() {
            part.close();
        }
    });
    view! {
        <div node_ref=host class=class></div>
        <div class:hidden=move || is_open.get()>{children()}</div>
    }
}
