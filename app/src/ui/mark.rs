//! The mark: a ring with eight bolts and the horizon in its window.

use leptos::prelude::*;

const RING: &str = "M0.5 16a15.5 15.5 0 1 0 31 0a15.5 15.5 0 1 0 -31 0ZM6.75 16a9.25 9.25 0 1 0 18.5 0a9.25 9.25 0 1 0 -18.5 0ZM26.31 20.75a1.15 1.15 0 1 0 2.3 0a1.15 1.15 0 1 0 -2.3 0ZM19.6 27.46a1.15 1.15 0 1 0 2.3 0a1.15 1.15 0 1 0 -2.3 0ZM10.1 27.46a1.15 1.15 0 1 0 2.3 0a1.15 1.15 0 1 0 -2.3 0ZM3.39 20.75a1.15 1.15 0 1 0 2.3 0a1.15 1.15 0 1 0 -2.3 0ZM3.39 11.25a1.15 1.15 0 1 0 2.3 0a1.15 1.15 0 1 0 -2.3 0ZM10.1 4.54a1.15 1.15 0 1 0 2.3 0a1.15 1.15 0 1 0 -2.3 0ZM19.6 4.54a1.15 1.15 0 1 0 2.3 0a1.15 1.15 0 1 0 -2.3 0ZM26.31 11.25a1.15 1.15 0 1 0 2.3 0a1.15 1.15 0 1 0 -2.3 0Z";
const SEA: &str = "M8.75 16.9h14.5a7.25 7.25 0 0 1-14.5 0Z";

/// The mark in the colour of the text around it.
#[component]
pub fn Mark(
    /// Size and colour.
    class: &'static str,
) -> impl IntoView {
    view! {
        <svg class=class viewBox="0 0 32 32" fill="currentColor" aria-hidden="true">
            <path fill-rule="evenodd" d=RING></path>
            <path d=SEA></path>
        </svg>
    }
}
