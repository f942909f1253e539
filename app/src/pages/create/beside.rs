//! What stands beside the form: what the team has left, the manifest, and the commands that do the same.

use leptos::prelude::*;
use model::create::{
    QuotaKind, QuotaLine, all_as_yaml, count, kubectl_line, memory_cost_mib, size, size_of, virtctl_line,
};

use super::manifest;
use super::state::Form;
use crate::paths;
use crate::platform;
use crate::ui::{Glyph, Icon, Look, Panel, button_class};

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

#[component]
fn Command(text: Signal<String>, what: &'static str) -> impl IntoView {
    view! {
        <div class="flex items-start gap-1">
            <code class="min-w-0 flex-1 rounded-control bg-paper-sunken px-2 py-1.5 font-mono text-xs break-words select-all">{text}</code>
            <CopyButton text what/>
        </div>
    }
}

#[component]
fn CopyButton(text: Signal<String>, what: &'static str) -> impl IntoView {
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

/// What the team has left, before and after.
#[component]
fn Quota(form: Form) -> impl IntoView {
    let lines = Memo::new(move |_| {
        let size = form.draft.with(|draft| form.options.with(|options| size_of(draft, options)));
        let disk_mib = form.draft.with(|draft| size::mib(&draft.disk)).unwrap_or_default();
        let wanted = Wanted { count: form.draft.with(|draft| count(draft) as u64), size, disk_mib };
        form.options.with(|options| options.quota.iter().map(|line| quota_words(line, &wanted)).collect::<Vec<_>>())
    });
    move || {
        let lines = lines.get();
        (!lines.is_empty()).then(|| {
            view! {
                <Panel title="What your team has left" glyph=Glyph::Info>
                    <ul class="flex flex-col gap-1.5 text-sm">
                        {lines
                            .into_iter()
                            .map(|(text, fits)| {
                                view! { <li class=if fits { "text-ink-quiet" } else { "text-bad" }>{text}</li> }
                            })
                            .collect_view()}
                    </ul>
                </Panel>
            }
        })
    }
}

/// What counts against a team's limits.
struct Wanted {
    /// How many machines.
    count: u64,
    /// Processors and memory in MiB of each, as far as they can be told.
    size: Option<(u32, u64)>,
    /// Disk space of each.
    disk_mib: u64,
}

/// A limit in words, and whether the machines fit under it. Moving a running machine needs its room twice for a
/// while, so that is said too.
fn quota_words(line: &QuotaLine, wanted: &Wanted) -> (String, bool) {
    let left = line.left();
    let Wanted { count, size, disk_mib } = *wanted;
    match line.resource {
        QuotaKind::Memory => {
            let each = size.map_or(0, |(cpus, memory)| memory_cost_mib(u64::from(cpus), memory));
            let cost = count * each;
            let fits = cost <= left;
            let (takes, launcher, start, moves) = if count == 1 {
                ("this takes", "its launcher", "it would not start", "It would start, but not move to another node")
            } else {
                (
                    "these take",
                    "their launchers",
                    "not all would start",
                    "All would start, but none could move to another node",
                )
            };
            let text = format!("Memory: {} left, {takes} {} with {launcher}", size::words(left), size::words(cost));
            let more = if !fits {
                format!(": {start}.")
            } else if cost + each > left {
                format!(". {moves}.")
            } else {
                ".".to_owned()
            };
            (format!("{text}{more}"), fits)
        }
        QuotaKind::Cpu => {
            // KubeVirt asks for a tenth of each processor unless the size says otherwise.
            let cost = count * size.map_or(0, |(cpus, _)| u64::from(cpus) * 100);
            (format!("CPU: {} left, this asks for {}.", thousandths(left), thousandths(cost)), cost <= left)
        }
        QuotaKind::Storage => {
            let cost = count * disk_mib;
            (format!("Disk space: {} left, this takes {}.", size::words(left), size::words(cost)), cost <= left)
        }
        QuotaKind::Count => (format!("Machines and pods: {left} left."), left >= count),
    }
}

fn thousandths(milli: u64) -> String {
    if milli.is_multiple_of(1000) {
        (milli / 1000).to_string()
    } else {
        format!("{}.{}", milli / 1000, milli % 1000 / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(left: u64, count: u64) -> (String, bool) {
        let line = QuotaLine { resource: QuotaKind::Memory, hard: left, used: 0 };
        quota_words(&line, &Wanted { count, size: Some((2, 4096)), disk_mib: 0 })
    }

    #[test]
    fn a_limit_says_whether_the_machine_starts_and_whether_it_moves() {
        assert!(memory(16_384, 1).1 && memory(16_384, 1).0.ends_with("launcher."));
        assert!(memory(6_000, 1).0.contains("not move"));
        assert!(!memory(4_096, 1).1, "the launcher's own memory counts");
        assert_eq!(thousandths(2500), "2.5");
    }

    #[test]
    fn several_machines_count_together() {
        assert!(memory(16_384, 3).1 && memory(16_384, 3).0.contains("none could move"));
        assert!(!memory(16_384, 4).1 && memory(16_384, 4).0.contains("not all would start"));
    }
}
