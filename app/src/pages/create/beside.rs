//! What stands beside the form: what the team has left, the manifest, and the commands that do the same.

use leptos::prelude::*;
use model::create::{Headroom, all_as_yaml, headroom, kubectl_line, virtctl_line};

use super::manifest;
use super::state::Form;
use crate::components::commands::{Command, CopyButton};
use crate::paths;
use crate::ui::{Glyph, Look, Panel, button_class};

/// The column beside the form.
#[component]
pub fn Beside(form: Form) -> impl IntoView {
    let is_edited = Memo::new(move |_| form.draft.with(|draft| draft.manifest.is_some()));
    let yaml = Memo::new(move |_| {
        form.draft.with(|draft| {
            let from_form = || form.options.with(|options| all_as_yaml(draft, options));
            draft.manifest.clone().unwrap_or_else(from_form)
        })
    });
    let name = Memo::new(move |_| {
        form.draft.with(|draft| if draft.name.is_empty() { "machine".to_owned() } else { draft.name.clone() })
    });
    let kubectl = Signal::derive(move || form.draft.with(kubectl_line));
    let virtctl =
        Memo::new(move |_| form.draft.with(|draft| form.options.with(|options| virtctl_line(draft, options))));
    let virtctl_text = Signal::derive(move || virtctl.with(|(line, _)| line.clone()));
    view! {
        <aside class="sticky top-16 flex min-w-0 flex-col gap-6 max-lg:static" aria-label="What will be made">
            <Quota form/>
            <Panel
                title="Manifest"
                glyph=Glyph::Log
                aside=move || {
                    view! {
                        <manifest::EditButton form is_edited/>
                        <CopyButton text=yaml.into() what="manifest"/>
                        <a
                            class=button_class(Look::Quiet)
                            download=move || format!("{}.yaml", name.get())
                            href=move || format!("data:application/yaml;charset=utf-8,{}", paths::encode(&yaml.get()))
                        >
                            "Download"
                        </a>
                    }
                }
            >
                {move || {
                    if is_edited.get() {
                        view! { <manifest::Editor form/> }.into_any()
                    } else {
                        view! {
                            <pre
                                class="max-h-[46vh] overflow-auto rounded-control border border-rule bg-paper-sunken p-3 font-mono text-xs whitespace-pre"
                                tabindex="0"
                                aria-label="The manifest as YAML"
                                data-manifest=""
                            >
                                {yaml}
                            </pre>
                        }
                            .into_any()
                    }
                }}
            </Panel>
            <Panel title="The same by hand" glyph=Glyph::Keyboard>
                <div class="flex flex-col gap-3">
                    <Command text=kubectl what="kubectl line"/>
                    <Command text=virtctl_text what="virtctl line"/>
                    {move || {
                        let left_out = virtctl.with(|(_, left_out)| left_out.join(", "));
                        (!left_out.is_empty())
                            .then(|| view! { <p class="prose-line text-xs text-ink-faint">"virtctl leaves out: " {left_out} "."</p> })
                    }}
                </div>
            </Panel>
        </aside>
    }
}

/// What the team has left, before and after.
#[component]
fn Quota(form: Form) -> impl IntoView {
    let lines = Memo::new(move |_| form.draft.with(|draft| form.options.with(|options| headroom(draft, options))));
    move || {
        let lines = lines.get();
        (!lines.is_empty()).then(|| {
            view! {
                <Panel title="What your team has left" glyph=Glyph::Info>
                    <ul class="flex flex-col gap-1.5 text-sm">
                        {lines
                            .into_iter()
                            .map(|Headroom { text, fits }| {
                                view! { <li class=if fits { "text-ink-quiet" } else { "text-bad" }>{text}</li> }
                            })
                            .collect_view()}
                    </ul>
                </Panel>
            }
        })
    }
}
