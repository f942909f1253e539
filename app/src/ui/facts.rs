//! Panels and lists of facts.

use leptos::prelude::*;

use super::{Glyph, Icon};

/// A part of a page under its own heading, between thin rules.
#[component]
pub fn Panel(
    /// The heading.
    title: &'static str,
    /// Its icon.
    glyph: Glyph,
    /// What stands at the heading's other end.
    #[prop(optional, into)]
    aside: ViewFnOnce,
    /// The content.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="min-w-0 border-t border-rule pt-3">
            <header class="mb-2 flex min-h-7 items-center gap-2">
                <span class="text-ink-faint">
                    <Icon glyph/>
                </span>
                <h2 class="text-base">{title}</h2>
                <div class="ml-auto flex items-center gap-2">{aside.run()}</div>
            </header>
            {children()}
        </section>
    }
}

/// Terms and what is known about them.
#[component]
pub fn Facts(
    /// [`Fact`]s.
    children: Children,
) -> impl IntoView {
    view! { <dl class="grid grid-cols-[minmax(5.5rem,auto)_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm">{children()}</dl> }
}

/// One term and what is known about it.
#[component]
pub fn Fact(
    /// The term.
    #[prop(into)]
    term: String,
    /// What is known.
    children: Children,
) -> impl IntoView {
    view! {
        <dt class="text-ink-faint">{term}</dt>
        <dd class="min-w-0 break-words">{children()}</dd>
    }
}

/// A number with its unit in a quieter tone.
#[component]
pub fn Quantity(
    /// The number.
    #[prop(into)]
    number: String,
    /// The unit.
    #[prop(into)]
    unit: String,
) -> impl IntoView {
    view! {
        <span class="whitespace-nowrap">
            {number} " " <span class="text-ink-faint">{unit}</span>
        </span>
    }
}
