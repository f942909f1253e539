//! The manifest, edited by hand: with the numbers of its lines, and what is wrong at each.

use std::collections::BTreeSet;

use leptos::prelude::*;

use super::state::Form;
use crate::ui::{Look, Notice, Tone, button_class};

/// Begins to edit, or goes back to the form.
#[component]
pub fn EditButton(form: Form, is_edited: Memo<bool>) -> impl IntoView {
    let press = move |_| if is_edited.get_untracked() { form.drop_manifest() } else { form.edit_manifest() };
    view! {
        <button type="button" class=format!("{} whitespace-nowrap", button_class(Look::Quiet)) on:click=press>
            {move || if is_edited.get() { "Use the form" } else { "Edit" }}
        </button>
    }
}

/// The text with its line numbers. It is as high as its lines, so that one scroll bar moves both.
#[component]
pub fn Editor(form: Form) -> impl IntoView {
    let text = Memo::new(move |_| form.draft.with(|draft| draft.manifest.clone().unwrap_or_default()));
    let count = Memo::new(move |_| text.with(|text| text.split('\n').count()));
    let problems = Memo::new(move |_| form.manifest_problems());
    let wrong = Memo::new(move |_| {
        problems.with(|problems| problems.iter().filter_map(|(line, _)| *line).collect::<BTreeSet<_>>())
    });
    let is_wrong = Memo::new(move |_| problems.with(|problems| !problems.is_empty()));
    view! {
        <div class="flex flex-col gap-2">
            <Notice tone=Tone::Info>
                "This text is what will be made. Name, team, password, keys and user-data still come from the form; its other fields no longer count. ${MACHINE_NAME} in it stands for the machine's name."
            </Notice>
            <ul id="field-manifest-said" class="flex flex-col gap-1 text-sm text-bad empty:hidden" role="alert">
                {move || {
                    problems
                        .get()
                        .into_iter()
                        .map(|(line, text)| {
                            let at = line.map(|line| format!("Line {line}: ")).unwrap_or_default();
                            view! { <li class="prose-line" data-problem="">{at} {text}</li> }
                        })
                        .collect_view()
                }}
            </ul>
            <div class="max-h-[60vh] overflow-auto rounded-control border border-rule-strong bg-paper-raised">
                <div class="grid grid-cols-[auto_1fr] font-mono text-xs leading-5">
                    <div class="sticky left-0 bg-paper-sunken px-2 py-2 text-right text-ink-faint select-none" aria-hidden="true">
                        {move || {
                            (1..=count.get())
                                .map(|line| {
                                    let is_wrong = move || wrong.with(|wrong| wrong.contains(&line));
                                    view! { <div class:text-bad=is_wrong class:font-strong=is_wrong>{line}</div> }
                                })
                                .collect_view()
                        }}
                    </div>
                    <textarea
                        id="field-manifest"
                        form=super::FORM
                        name="draft[manifest]"
                        class="min-w-0 resize-none overflow-x-auto overflow-y-hidden bg-transparent px-2 py-2 leading-5 whitespace-pre outline-offset-[-2px]"
                        rows=move || count.get().to_string()
                        wrap="off"
                        autocapitalize="none"
                        autocomplete="off"
                        spellcheck="false"
                        aria-label="The manifest as YAML"
                        aria-describedby="field-manifest-said"
                        aria-invalid=move || is_wrong.get().then_some("true")
                        prop:value=move || text.get()
                        on:input=move |event| {
                            let text = event_target_value(&event);
                            form.change("manifest", |draft| draft.manifest = Some(text));
                        }
                    >
                        {text.get_untracked()}
                    </textarea>
                </div>
            </div>
        </div>
    }
}
