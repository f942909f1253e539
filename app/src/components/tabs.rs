//! The kinds of rows of the inventory, beside each other. To add one: a line in [`TABS`].

use leptos::prelude::*;

use crate::paths;

/// Each kind with its address.
const TABS: [(&str, &str); 4] = [
    ("Machines", paths::MACHINES),
    ("Workloads", paths::WORKLOADS),
    ("Containers", paths::CONTAINERS),
    ("Services", paths::SERVICES),
];

/// Whether the list at an address is one of them.
pub fn has_tab(base: &str) -> bool {
    TABS.iter().any(|(_, href)| *href == base)
}

/// Links to the lists.
#[component]
pub fn InventoryTabs(
    /// The address of the list that is shown.
    here: &'static str,
) -> impl IntoView {
    view! {
        <nav class="mb-4 flex gap-5 border-b border-rule text-sm" aria-label="Inventory">
            {TABS
                .into_iter()
                .map(|(title, href)| {
                    view! {
                        <a
                            class="-mb-px border-b-2 border-transparent pb-2 text-ink-quiet hover:text-ink aria-[current]:border-accent aria-[current]:text-ink"
                            href=href
                            aria-current=(href == here).then_some("page")
                        >
                            {title}
                        </a>
                    }
                })
                .collect_view()}
        </nav>
    }
}
