//! How far something is.

use leptos::prelude::*;

/// A bar; one that moves by itself where nobody knows how far.
#[component]
pub fn Bar(
    /// In hundredths of a percent; `None` where nobody knows.
    hundredths: Option<u32>,
    /// What assistive technology calls it.
    #[prop(into)]
    label: String,
) -> impl IntoView {
    let percent = hundredths.map(|hundredths| hundredths.min(10_000) / 100);
    let (class, width) = match hundredths {
        Some(hundredths) => (
            "h-full rounded-full bg-accent transition-[width]",
            format!("width: {}.{:02}%", hundredths / 100, hundredths % 100),
        ),
        None => ("h-full animate-pulse rounded-full bg-accent", "width: 35%".to_owned()),
    };
    view! {
        <div
            class="h-1.5 w-full overflow-hidden rounded-full bg-off-soft"
            role="progressbar"
            aria-label=label
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=percent
        >
            <div class=class style=width></div>
        </div>
    }
}
