//! A text of YAML that can be edited: a plain text field, which the browser dresses with colours and line numbers.
//!
//! Without script it is the text field alone. What is typed is nobody's but the person's: the text is written from outside
//! only when another one is wanted.

use std::collections::BTreeSet;

use leptos::html;
use leptos::prelude::*;

use crate::platform;

/// The field.
#[component]
pub fn YamlField(
    /// Its id; what describes it has this id and `-said`.
    id: &'static str,
    /// The name with which a plain form sends it.
    name: &'static str,
    /// The text.
    text: RwSignal<String>,
    /// Lines on which something is wrong.
    wrong: Signal<BTreeSet<u32>>,
    /// Whether it is only looked at.
    #[prop(optional)]
    is_fixed: bool,
) -> impl IntoView {
    let host = NodeRef::<html::Div>::new();
    let first = text.get_untracked();
    let rows = first.lines().count().max(8).to_string();
    Effect::new(move |_| {
        // Again whenever another text was put in, or other lines are wrong.
        let lines: Vec<String> = wrong.with(|wrong| wrong.iter().map(ToString::to_string).collect());
        text.track();
        platform::dress_yaml(host, &lines.join(","));
    });
    view! {
        <div
            node_ref=host
            class="yaml grid max-h-[70vh] grid-cols-[auto_minmax(0,1fr)] overflow-y-auto rounded-control border border-rule-strong bg-paper-raised font-mono text-xs leading-5"
        >
            <div class="bg-paper-sunken px-2 py-2 text-right text-ink-faint select-none" data-gutter="" aria-hidden="true"></div>
            <div class="relative min-w-0">
                <pre class="pointer-events-none absolute inset-0 overflow-hidden px-2 py-2" data-layer="" aria-hidden="true"></pre>
                <textarea
                    id=id
                    name=name
                    class="relative block w-full resize-none overflow-x-auto overflow-y-hidden bg-transparent px-2 py-2 leading-5 whitespace-pre outline-offset-[-2px]"
                    rows=rows
                    wrap="off"
                    autocapitalize="none"
                    autocomplete="off"
                    spellcheck="false"
                    readonly=is_fixed
                    aria-label="The manifest as YAML"
                    aria-describedby=format!("{id}-said")
                    aria-invalid=move || wrong.with(|wrong| !wrong.is_empty()).then_some("true")
                    prop:value=move || text.get()
                    on:input=move |event| text.set(event_target_value(&event))
                >
                    {first}
                </textarea>
            </div>
        </div>
    }
}
