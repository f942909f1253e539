//! What is wrong with something, since when, why in the cluster's own words, and what to do.

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::finding::{Finding, FindingAction, Severity, Source};
use model::live::LiveKind;
use model::machine::MachineRow;
use model::workload::WorkloadKind;
use server_fn::ServerFn as _;

use super::power::ActionButton;
use super::toasts::Toasts;
use crate::api::images::{MakeDisk, make_disk};
use crate::clock::Ago;
use crate::live::Live;
use crate::paths;
use crate::ui::{Icon, Look, Tone, button_class};

/// Findings of one thing, the worst first.
#[component]
pub fn Findings(
    /// Such as they came.
    #[prop(into)]
    findings: Signal<Vec<Finding>>,
    /// The machine that power actions are for, on its own page.
    #[prop(optional, into)]
    row: Option<Signal<MachineRow>>,
) -> impl IntoView {
    let is_empty = Memo::new(move |_| findings.with(Vec::is_empty));
    view! {
        <Show when=move || !is_empty.get()>
            <section aria-label="Findings" data-findings="">
                <ul class="flex flex-col gap-2">
                    {move || findings.get().into_iter().map(|finding| view! { <Line finding row/> }).collect_view()}
                </ul>
            </section>
        </Show>
    }
}

/// How much a finding matters, as a tone. What is normal for now is only worth knowing.
pub const fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Info => Tone::Info,
    }
}

#[component]
fn Line(finding: Finding, row: Option<Signal<MachineRow>>) -> impl IntoView {
    let tone = tone(finding.severity);
    let is_normal = finding.is_normal();
    let Finding { rule, severity, title, since, why, source, fix, action, .. } = finding;
    view! {
        <li
            class=format!("flex flex-wrap items-start gap-x-3 gap-y-2 rounded-panel px-3.5 py-2.5 text-sm {}", tone.class())
            role=if severity == Severity::Error { "alert" } else { "status" }
            data-rule=rule
        >
            <span class="mt-0.5">
                <Icon glyph=tone.glyph()/>
            </span>
            <div class="prose-line min-w-0 flex-1 text-ink">
                <p>
                    <span class="font-medium">{title} "."</span>
                    <span class="ml-2 text-xs whitespace-nowrap text-ink-quiet">
                        {is_normal.then_some("normal for now")} {(is_normal && since.is_some()).then_some(" · ")}
                        {since.map(|at| view! { "for " <Ago at/> })}
                    </span>
                </p>
                <p class="mt-0.5 text-ink-quiet empty:hidden">{fix}</p>
                <details class="mt-1 text-xs text-ink-quiet">
                    <summary class="w-fit cursor-pointer rounded-control hover:text-ink">"What the cluster says"</summary>
                    <p class="mt-1 font-mono break-words text-ink select-all">{why}</p>
                    {source.map(|source| view! { <p class="mt-0.5">"said by " <SourceLink source/></p> })}
                </details>
            </div>
            {action.and_then(|action| button(action, row))}
        </li>
    }
}

/// The object that said so, as a link where it has a page.
#[component]
fn SourceLink(source: Source) -> impl IntoView {
    let place = source.namespace.as_ref().map(|namespace| format!(" in {namespace}"));
    let text = format!("{} {}", source.kind, source.name);
    match page_of(&source) {
        Some(url) => view! {
            <a class="rounded-control text-accent hover:underline" href=url>
                {text}
            </a>
            {place}
        }
        .into_any(),
        None => view! { {text} {place} }.into_any(),
    }
}

fn page_of(source: &Source) -> Option<String> {
    let at = model::ObjectRef::parse(source.namespace.as_deref()?, &source.name).ok()?;
    match source.kind.as_str() {
        "Pod" => Some(paths::pod(&at)),
        "VirtualMachine" | "VirtualMachineInstance" => Some(paths::machine(&at)),
        "DataVolume" | "PersistentVolumeClaim" | "DataSource" => Some(paths::image(&at)),
        kind => WorkloadKind::from_name(kind).map(|kind| paths::workload(kind, &at)),
    }
}

/// The fix as a button. Power actions need the machine, whose rules they follow.
fn button(action: FindingAction, row: Option<Signal<MachineRow>>) -> Option<AnyView> {
    match action {
        FindingAction::Power { at, action } => {
            let row = row.filter(|row| row.with_untracked(|row| row.at == at))?;
            Some(view! { <ActionButton row action look=Look::Plain/> }.into_any())
        }
        FindingAction::MakeDisk { at } => Some(view! { <MakeDiskButton at/> }.into_any()),
        FindingAction::Open { label, page } => {
            let url = paths::found(&page);
            Some(
                view! {
                    <a class=button_class(Look::Plain) href=url>
                        {label}
                    </a>
                }
                .into_any(),
            )
        }
    }
}

/// Has a disk made now.
#[component]
fn MakeDiskButton(at: model::ObjectRef) -> impl IntoView {
    let (toasts, live) = (Toasts::expect(), Live::expect());
    let (namespace, name) = (at.namespace.to_string(), at.name.to_string());
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let at = at.clone();
        spawn_local(async move {
            match make_disk(at.namespace.to_string(), at.name.to_string()).await {
                Ok(()) => {
                    toasts.say(Tone::Good, format!("{} is being made.", at.name));
                    live.raise(LiveKind::Image);
                }
                Err(error) => toasts.say(Tone::Bad, format!("{}: {}", at.name, error.0.message)),
            }
        });
    };
    view! {
        <form method="post" action=MakeDisk::url() on:submit=on_submit>
            <input type="hidden" name="namespace" value=namespace/>
            <input type="hidden" name="name" value=name/>
            <button type="submit" class=button_class(Look::Plain)>
                "Make it now"
            </button>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(kind: &str) -> Source {
        Source { kind: kind.to_owned(), namespace: Some("blue".to_owned()), name: "web".to_owned() }
    }

    #[test]
    fn what_has_a_page_is_linked() {
        assert_eq!(page_of(&source("VirtualMachineInstance")).as_deref(), Some("/machines/blue/web"));
        assert_eq!(page_of(&source("Pod")).as_deref(), Some("/pods/blue/web"));
        assert_eq!(page_of(&source("StatefulSet")).as_deref(), Some("/workloads/statefulsets/blue/web"));
        assert_eq!(page_of(&source("Node")), None);
    }
}
