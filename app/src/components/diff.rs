//! Two texts line by line: side by side where there is room, one below the other where there is not.

use leptos::prelude::*;
use model::manifest::{DiffRow, NumberedLine};

use crate::words;

/// What changed.
#[component]
pub fn Diff(
    /// Rows with a few lines around each change.
    rows: Vec<DiffRow>,
    /// What the left text is.
    old: &'static str,
    /// What the right text is.
    new: &'static str,
) -> impl IntoView {
    view! {
        <div class="overflow-x-auto rounded-control border border-rule bg-paper-raised font-mono text-xs leading-5" role="group" aria-label="Difference">
            <div class="grid grid-cols-2 gap-x-2 border-b border-rule px-2 py-1 font-sans text-ink-faint max-md:hidden">
                <span>{old}</span>
                <span>{new}</span>
            </div>
            {rows.into_iter().map(row).collect_view()}
        </div>
    }
}

fn row(row: DiffRow) -> AnyView {
    match row {
        DiffRow::Same(was, is) => {
            view! {
                <div class="grid grid-cols-1 md:grid-cols-2 md:gap-x-2">
                    <span class="max-md:hidden">{line(Some(was), "", " ", "")}</span>
                    {line(Some(is), "", " ", "")}
                </div>
            }
            .into_any()
        }
        DiffRow::Changed(was, is) => {
            view! {
                <div class="grid grid-cols-1 md:grid-cols-2 md:gap-x-2">
                    {line(was, "bg-bad-soft", "−", "Removed: ")} {line(is, "bg-good-soft", "+", "Added: ")}
                </div>
            }
            .into_any()
        }
        DiffRow::Skipped(count) => {
            view! {
                <div class="bg-paper-sunken px-2 font-sans text-ink-faint">{words::counted(count, "line")} " as before"</div>
            }
            .into_any()
        }
    }
}

fn line(line: Option<NumberedLine>, ground: &'static str, mark: &'static str, said: &'static str) -> AnyView {
    let Some((number, text)) = line else { return view! { <span class="max-md:hidden"></span> }.into_any() };
    view! {
        <span class=format!("grid grid-cols-[2.5rem_1rem_minmax(0,1fr)] {ground}")>
            <span class="pr-2 text-right text-ink-faint select-none" aria-hidden="true">{number}</span>
            <span class="select-none" aria-hidden="true">{mark}</span>
            <span class="break-words whitespace-pre-wrap">
                {(!said.is_empty()).then(|| view! { <span class="sr-only">{said}</span> })} {text}
            </span>
        </span>
    }
    .into_any()
}
