//! What the cluster said about a thing, newest first.

use leptos::prelude::*;
use model::machine::EventLine;

use crate::clock::Ago;
use crate::ui::{Glyph, Icon};
use crate::words;

/// Events as a timeline.
#[component]
pub fn Timeline(
    /// Newest first.
    events: Vec<EventLine>,
) -> impl IntoView {
    if events.is_empty() {
        return view! { <p class="py-2 text-sm text-ink-faint">"The cluster has reported nothing lately. It keeps events for about an hour."</p> }
            .into_any();
    }
    view! {
        <ol class="flex flex-col">{events.into_iter().map(|event| view! { <Line event/> }).collect_view()}</ol>
    }
    .into_any()
}

#[component]
fn Line(event: EventLine) -> impl IntoView {
    let dot = if event.is_warning { "text-warn" } else { "text-ink-faint" };
    view! {
        <li class="grid grid-cols-[3.25rem_1rem_minmax(0,1fr)] gap-x-2 border-l-0 py-1 text-sm">
            <span class="text-right text-ink-faint">{event.at.map(|at| view! { <Ago at/> })}</span>
            <span class=format!("grid h-5 place-items-center {dot}")>
                {if event.is_warning {
                    view! { <Icon glyph=Glyph::Warning/> }.into_any()
                } else {
                    view! { <span class="size-1.5 rounded-full bg-current"></span> }.into_any()
                }}
            </span>
            <span class="min-w-0 break-words">
                <span class="font-medium">{event.reason}</span>
                {event.is_warning.then(|| view! { <span class="sr-only">" (warning)"</span> })}
                " "
                <span class="text-ink-quiet">{event.message}</span>
                " "
                <span class="text-xs text-ink-faint">
                    {event.about}
                    {(event.count > 1).then(|| format!(" · {} times", words::count(event.count)))}
                </span>
            </span>
        </li>
    }
}
