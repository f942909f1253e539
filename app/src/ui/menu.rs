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
    /// What the button shows.
    #[prop(into)]
    face: ViewFnOnce,
    /// The list.
    children: Children,
) -> impl IntoView {
    view! {
        <details class="relative" data-menu="">
            <summary class=class aria-label=label>
                {face.run()}
            </summary>
            <div class=format!("float absolute z-30 p-1.5 {place}")>{children()}</div>
        </details>
    }
}
