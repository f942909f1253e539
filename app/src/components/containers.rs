//! The containers of a pod or of a workload's template: what they are told to do, and how they are.

use leptos::prelude::*;
use model::ObjectRef;
use model::workload::Container;

use super::commands::Terms;
use crate::paths;
use crate::ui::{Glyph, Icon, Look, button_class};
use crate::words;

/// One container, with what a page puts below it.
#[component]
pub fn ContainerLine(
    /// The container.
    container: Container,
    /// The pod, where it runs and may be entered.
    #[prop(optional_no_strip)]
    shell: Option<ObjectRef>,
    /// What can be changed about it.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let Container { name, image, state, is_ready, restarts, why, is_init, facts, environment } = container;
    let runs = !state.is_empty();
    let (glyph, tone, said) = match (runs, is_ready || state == "terminated: done") {
        (false, _) => (Glyph::Container, "text-ink-faint", "template"),
        (true, true) => (Glyph::Check, "text-good", "ready"),
        (true, false) => (Glyph::Clock, "text-warn", "not ready"),
    };
    let marker = name.clone();
    let shell = shell.filter(|_| state == "running").map(|at| paths::shell(&at, &name));
    view! {
        <li class="border-b border-rule py-2 text-sm last:border-b-0" data-container=marker>
            <div class="grid grid-cols-[1rem_minmax(0,1fr)_auto] items-center gap-x-3">
                <span class=tone title=said>
                    <Icon glyph/>
                    <span class="sr-only">{said}</span>
                </span>
                <span class="min-w-0">
                    <span class="font-medium">{name}</span>
                    {is_init.then(|| view! { <span class="ml-2 text-xs text-ink-faint">"prepares the pod"</span> })}
                    <span class="ml-2 text-ink-quiet">{state}</span>
                    <span class="block truncate font-mono text-xs text-ink-faint" title=image.clone()>
                        {image.clone()}
                    </span>
                </span>
                <span class="flex items-center gap-2 text-xs text-ink-faint">
                    {(restarts > 0).then(|| words::counted(restarts, "restart"))}
                    {shell
                        .map(|url| {
                            view! {
                                <a class=button_class(Look::Plain) href=url>
                                    <Icon glyph=Glyph::Keyboard/>
                                    "Shell"
                                </a>
                            }
                        })}
                </span>
            </div>
            <div class="mt-1 flex flex-col gap-1.5 pl-7">
                {why.map(|why| view! { <p class="prose-line text-ink-quiet">{why}</p> })}
                <Terms facts/>
                {(!environment.is_empty())
                    .then(|| {
                        view! {
                            <details class="text-ink-quiet">
                                <summary class="w-fit cursor-pointer rounded-control hover:text-ink">"Environment"</summary>
                                <pre class="mt-1 overflow-auto rounded-control bg-paper-sunken p-2 font-mono text-xs">{environment}</pre>
                            </details>
                        }
                    })}
                {children.map(|children| children())}
            </div>
        </li>
    }
}
