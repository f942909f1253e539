//! Labels as the cluster has them.

use leptos::prelude::*;

/// Keys and values.
#[component]
pub fn Labels(
    /// In the cluster's order.
    labels: Vec<(String, String)>,
) -> impl IntoView {
    view! {
        <ul class="flex flex-wrap gap-1.5">
            {labels
                .into_iter()
                .map(|(key, value)| {
                    view! {
                        <li class="max-w-full truncate rounded-control bg-off-soft px-1.5 py-0.5 font-mono text-xs text-ink-quiet">
                            {key} <span class="text-ink-faint">"="</span> {value}
                        </li>
                    }
                })
                .collect_view()}
        </ul>
    }
}
