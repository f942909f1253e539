//! A menu that opens without WASM too: a `<details>`.

use leptos::prelude::*;

/// A button that shows a list of things to do.
#[component]
pub fn Menu(
    /// What assistive technology calls it.
    label: &'static str,
    /// The classes of the button.
    class: &'static str,
    /// Where the list stands: `left-0`, `right-0`, and how wide it is.
    #[prop(default = "right-0 top-full mt-1 w-64")]
    place: &'static str,
    /// Told that the list was opened, for one that is only then worth making.
    #[prop(optional)]
    opened: Option<RwSignal<bool>>,
    /// What the button shows.
    #[prop(into)]
    face: ViewFnOnce,
    /// The list.
    children: Children,
) -> impl IntoView {
    let on_toggle = move |_| {
        if let Some(opened) = opened {
            opened.try_set(true);
        }
    };
    view! {
        <details class="relative" data-menu="" on:toggle=on_toggle>
            <summary class=class aria-label=label>
                {face.run()}
            </summary>
            <div class=format!("float absolute z-30 p-1.5 {place}")>{children()}</div>
        </details>
    }
}
