//! The earlier templates of a workload, each with what going back to it changes.

use leptos::prelude::*;
use model::workload::{DiffLine, Revision, WorkloadAction};

use super::actions::{ActForm, Of, Submit};
use crate::clock::Ago;
use crate::ui::{Glyph, Panel};

/// The list, newest first.
#[component]
pub(super) fn Revisions(of: Of, revisions: Vec<Revision>, denied: Option<String>) -> impl IntoView {
    view! {
        <Panel title="Revisions" glyph=Glyph::Restart>
            <ul class="text-sm">
                {revisions
                    .into_iter()
                    .map(|revision| view! { <Line of=of.clone() revision denied=denied.clone()/> })
                    .collect_view()}
            </ul>
        </Panel>
    }
}

#[component]
fn Line(of: Of, revision: Revision, denied: Option<String>) -> impl IntoView {
    let Revision { number, at, cause, images, is_current, diff } = revision;
    let head = view! {
        <span class="font-medium">"Revision " {number}</span>
        {is_current.then(|| view! { <span class="ml-2 text-good">"in use"</span> })}
        <span class="ml-2 font-mono text-xs text-ink-faint">{images.join(" ")}</span>
        {cause.map(|cause| view! { <span class="ml-2 text-ink-quiet">{cause}</span> })}
        {at.map(|at| view! { <span class="ml-2 text-xs text-ink-faint"><Ago at/></span> })}
    };
    let body = if is_current {
        view! { <p class="py-1.5">{head}</p> }.into_any()
    } else {
        view! {
            <details class="py-1.5">
                <summary class="cursor-pointer rounded-control hover:text-ink">{head}</summary>
                <div class="mt-2 flex flex-col gap-2">
                    {if diff.is_empty() {
                        view! { <p class="text-ink-faint">"Its template is the one in use."</p> }.into_any()
                    } else {
                        view! { <Difference lines=diff/> }.into_any()
                    }}
                    <ActForm of action=WorkloadAction::RollBack denied=denied.clone()>
                        <input type="hidden" name="value" value=number.to_string()/>
                        <Submit label=format!("Go back to revision {number}") denied/>
                    </ActForm>
                </div>
            </details>
        }
        .into_any()
    };
    view! { <li class="border-b border-rule last:border-b-0">{body}</li> }
}

/// Lines that go and come.
#[component]
fn Difference(lines: Vec<DiffLine>) -> impl IntoView {
    view! {
        <div class="overflow-auto rounded-control border border-rule bg-paper-sunken p-2 font-mono text-xs" tabindex="0" role="group" aria-label="What going back changes">
            {lines
                .into_iter()
                .map(|DiffLine { sign, text }| {
                    let (class, said) = match sign {
                        '+' => ("bg-good-soft text-good", "added: "),
                        '-' => ("bg-bad-soft text-bad", "removed: "),
                        _ => ("text-ink-quiet", ""),
                    };
                    view! {
                        <div class=format!("w-max min-w-full whitespace-pre {class}")>
                            <span class="sr-only">{said}</span>
                            <span aria-hidden="true">{sign.to_string()} " "</span>
                            {text}
                        </div>
                    }
                })
                .collect_view()}
        </div>
    }
}
