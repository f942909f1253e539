//! A question in front of the page, in a popover that opens and closes without WASM too.

use leptos::prelude::*;

use super::{Look, button_class};

/// The frame of a question. A button with `popovertarget` and the same id opens it.
#[component]
pub fn Dialog(
    /// Unique on the page.
    id: &'static str,
    /// The question.
    #[prop(into)]
    title: String,
    /// What is at stake, and the answers.
    children: Children,
) -> impl IntoView {
    let title_id = format!("{id}-title");
    let labelled_by = title_id.clone();
    view! {
        <div
            id=id
            popover="auto"
            class="float m-auto w-[min(28rem,calc(100vw-2rem))] p-5"
            role="dialog"
            aria-labelledby=labelled_by
        >
            <h2 id=title_id class="text-lg">
                {title}
            </h2>
            {children()}
        </div>
    }
}

/// The answer that changes nothing.
#[component]
pub fn Cancel(
    /// The question's id.
    of: &'static str,
) -> impl IntoView {
    view! {
        <button type="button" class=button_class(Look::Plain) popovertarget=of popovertargetaction="hide">
            "Cancel"
        </button>
    }
}
