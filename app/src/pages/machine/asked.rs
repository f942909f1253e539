//! What is asked for only when somebody wants to know: what the guest tells about itself, and other objects.
//!
//! Both cost the cluster a question, so they stand behind a link with an address of its own.

use leptos::prelude::*;
use model::ObjectRef;
use model::create::size;
use model::machine::{GuestReport, MachineDetail, Related, Surroundings};

use crate::api::machines::{get_guest_report, get_surroundings};
use crate::clock::Ago;
use crate::components::commands::Commands;
use crate::paths;
use crate::ui::{Fact, Facts, Glyph, Loaded, Look, Notice, Panel, Skeleton, Tone, button_class};

/// The guest in its own words.
#[component]
pub(super) fn Guest(detail: Memo<MachineDetail>, is_asked: Memo<bool>) -> impl IntoView {
    let at = detail.with_untracked(|detail| detail.row.at.clone());
    let has_agent = Memo::new(move |_| detail.with(|detail| detail.has_agent));
    move || {
        let at = at.clone();
        view! {
            <Panel title="Guest" glyph=Glyph::Person>
                {if is_asked.get() {
                    view! { <Report at/> }.into_any()
                } else if has_agent.get() {
                    view! { <Question at what="guest" label="Ask its agent about users and file systems"/> }.into_any()
                } else {
                    view! {
                        <p class="prose-line text-sm text-ink-quiet">
                            "No agent answers inside the guest. Install qemu-guest-agent there: then addresses, users and file systems show here."
                        </p>
                    }
                        .into_any()
                }}
            </Panel>
        }
    }
}

#[component]
fn Question(at: ObjectRef, what: &'static str, label: &'static str) -> impl IntoView {
    view! {
        <a class=button_class(Look::Plain) href=paths::machine_asking(&at, what) data-noscroll="">
            {label}
        </a>
    }
}

#[component]
fn Report(at: ObjectRef) -> impl IntoView {
    let report = Resource::new(|| (), move |()| get_guest_report(at.namespace.to_string(), at.name.to_string()));
    view! {
        <Loaded resource=report waiting=|| view! { <Skeleton rows=4/> } let:report>
            {move || view! { <Told report=report.get()/> }}
        </Loaded>
    }
}

#[component]
fn Told(report: GuestReport) -> impl IntoView {
    let GuestReport { facts, users, filesystems, silent } = report;
    if let Some(text) = silent {
        return view! { <Notice tone=Tone::Info>{text}</Notice> }.into_any();
    }
    let in_words = |bytes: u64| size::words(size::mib_of_bytes(bytes));
    view! {
        <dl class="grid grid-cols-[minmax(5.5rem,auto)_minmax(0,1fr)] gap-x-4 gap-y-1.5 text-sm">
            {facts
                .into_iter()
                .map(|(name, value)| view! { <dt class="text-ink-faint">{name}</dt> <dd class="break-words">{value}</dd> })
                .collect_view()}
        </dl>
        <div class="mt-3">
            <Facts>
                <Fact term="Signed in">
                    {if users.is_empty() {
                        "nobody".into_any()
                    } else {
                        users
                            .into_iter()
                            .map(|(name, since)| {
                                view! {
                                    <p>
                                        {name}
                                        {since.map(|at| view! { <span class="ml-2 text-xs text-ink-faint">"for " <Ago at/></span> })}
                                    </p>
                                }
                            })
                            .collect_view()
                            .into_any()
                    }}
                </Fact>
                <Fact term="File systems">
                    {filesystems
                        .into_iter()
                        .map(|one| {
                            view! {
                                <p>
                                    <span class="font-mono text-xs">{one.mount}</span>
                                    <span class="ml-2 text-ink-faint">
                                        {in_words(one.used)} " of " {in_words(one.total)} " · " {one.kind}
                                    </span>
                                </p>
                            }
                        })
                        .collect_view()}
                </Fact>
            </Facts>
        </div>
    }
    .into_any()
}

/// Other objects that have to do with the machine.
#[component]
pub(super) fn Around(at: ObjectRef, is_asked: Memo<bool>) -> impl IntoView {
    move || {
        let at = at.clone();
        view! {
            <Panel title="What has to do with it" glyph=Glyph::Network>
                {if is_asked.get() {
                    view! { <AroundNow at/> }.into_any()
                } else {
                    view! { <Question at what="related" label="Look for pods, disks, Services, snapshots and moves"/> }
                        .into_any()
                }}
            </Panel>
        }
    }
}

#[component]
fn AroundNow(at: ObjectRef) -> impl IntoView {
    let found = Resource::new(|| (), move |()| get_surroundings(at.namespace.to_string(), at.name.to_string()));
    view! {
        <Loaded resource=found waiting=|| view! { <Skeleton rows=4/> } let:found>
            {move || view! { <Found found=found.get()/> }}
        </Loaded>
    }
}

#[component]
fn Found(found: Surroundings) -> impl IntoView {
    let Surroundings { related, hidden } = found;
    let is_empty = related.is_empty();
    view! {
        {is_empty.then(|| view! { <p class="text-sm text-ink-faint">"Nothing was found."</p> })}
        <ul class="flex flex-col gap-1.5 text-sm">{related.into_iter().map(related_line).collect_view()}</ul>
        {(!hidden.is_empty())
            .then(|| {
                view! { <p class="mt-2 text-sm text-ink-faint">"Your role does not include: " {hidden.join(", ")} "."</p> }
            })}
    }
}

fn related_line(one: Related) -> impl IntoView {
    let Related { what, name, about, page } = one;
    let name = match page {
        Some(page) => {
            view! { <a class="rounded-control break-all text-accent hover:underline" href=paths::found(&page)>{name}</a> }.into_any()
        }
        None => view! { <span class="break-all">{name}</span> }.into_any(),
    };
    view! {
        <li class="min-w-0">
            <span class="mr-2 text-ink-faint">{what}</span>
            {name}
            <span class="ml-2 text-xs text-ink-faint">{about}</span>
        </li>
    }
}

/// The same from a terminal.
#[component]
pub(super) fn Terminal(
    /// What each does, and the line.
    lines: Vec<(String, String)>,
) -> impl IntoView {
    view! {
        <Panel title="From a terminal" glyph=Glyph::Keyboard>
            <details class="text-sm">
                <summary class="mb-2 w-fit rounded-control text-ink-quiet">"Lines for virtctl and kubectl that do the same"</summary>
                <Commands lines/>
            </details>
        </Panel>
    }
}
