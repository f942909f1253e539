//! Command lines to copy.

use leptos::prelude::*;

use crate::platform;
use crate::ui::{Glyph, Icon, Look, button_class};

/// One line, with its button.
#[component]
pub fn Command(
    /// The line.
    text: Signal<String>,
    /// What it is, as it continues "Copy the …".
    what: &'static str,
) -> impl IntoView {
    view! {
        <div class="flex items-start gap-1">
            <code class="min-w-0 flex-1 rounded-control bg-paper-sunken px-2 py-1.5 font-mono text-xs break-words select-all">{text}</code>
            <CopyButton text what/>
        </div>
    }
}

/// Copies a text.
#[component]
pub fn CopyButton(
    /// The text.
    text: Signal<String>,
    /// What it is, as it continues "Copy the …".
    what: &'static str,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class=button_class(Look::Quiet)
            aria-label=format!("Copy the {what}")
            title="Copy"
            on:click=move |_| platform::copy(&text.get_untracked())
        >
            <Icon glyph=Glyph::Copy/>
        </button>
    }
}

/// Lines with what each does.
#[component]
pub fn Commands(
    /// What it does, and the line.
    lines: Vec<(String, String)>,
) -> impl IntoView {
    view! {
        <ul class="flex flex-col gap-2">
            {lines
                .into_iter()
                .map(|(does, line)| {
                    view! {
                        <li>
                            <p class="text-xs text-ink-faint">{does}</p>
                            <Command text=Signal::stored(line) what="line"/>
                        </li>
                    }
                })
                .collect_view()}
        </ul>
    }
}

/// Terms with what is known about them, as the server words them.
#[component]
pub fn Terms(
    /// Term and words.
    facts: Vec<(String, String)>,
) -> impl IntoView {
    view! {
        <dl class="grid grid-cols-[minmax(5.5rem,auto)_minmax(0,1fr)] gap-x-4 gap-y-1 text-sm empty:hidden">
            {facts
                .into_iter()
                .map(|(term, words)| {
                    view! {
                        <dt class="text-ink-faint">{term}</dt>
                        <dd class="min-w-0 break-words">{words}</dd>
                    }
                })
                .collect_view()}
        </dl>
    }
}
