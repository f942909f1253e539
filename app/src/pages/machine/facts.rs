//! What is known about a machine: addresses, guest, size, disks, networks, conditions.

use leptos::prelude::*;
use model::ObjectRef;
use model::editing::run_words;
use model::machine::{Condition, Disk, Interface, MachineDetail};
use model::told::spaced;

use crate::clock::Ago;
use crate::paths;
use crate::platform;
use crate::ui::{Fact, Facts, Glyph, Icon, Panel, Quantity};
use crate::words;

/// The column beside the stage.
#[component]
pub fn Side(
    /// The machine.
    detail: Memo<MachineDetail>,
) -> impl IntoView {
    move || {
        let MachineDetail {
            row,
            run_strategy,
            guest_os,
            machine_type,
            pod,
            disks,
            interfaces,
            addresses,
            is_protected,
            ..
        } = detail.get();
        view! {
            <aside class="flex min-w-0 flex-col gap-5" aria-label="Facts">
                <Facts>
                    <Fact term="Addresses">
                        {if addresses.is_empty() {
                            view! { <span class="text-ink-faint">"none yet"</span> }.into_any()
                        } else {
                            addresses
                                .into_iter()
                                .map(|one| view! { <AddressLine address=one.address source=one.source/> })
                                .collect_view()
                                .into_any()
                        }}
                    </Fact>
                    <Fact term="Guest">
                        {guest_os
                            .map_or_else(
                                || view! { <span class="text-ink-faint">"no agent reports"</span> }.into_any(),
                                IntoAny::into_any,
                            )}
                    </Fact>
                    <Fact term="Size">
                        {row.cpus.map(|cpus| view! { <Quantity number=cpus.to_string() unit="CPU"/> })}
                        {(row.cpus.is_some() && row.memory_mib.is_some())
                            .then(|| view! { <span class="text-ink-faint">" · "</span> })}
                        {row
                            .memory_mib
                            .map(|mib| {
                                let (number, unit) = words::memory(mib);
                                view! { <Quantity number unit/> }
                            })}
                    </Fact>
                    <Fact term="Node">{row.node.unwrap_or_else(|| "–".to_owned())}</Fact>
                    {run_strategy
                        .map(|strategy| {
                            let words = run_words(&strategy).to_owned();
                            view! { <Fact term="Runs"><span title=strategy>{words}</span></Fact> }
                        })}
                    {is_protected.then(|| view! { <Fact term="Deletion">"protected"</Fact> })}
                    {machine_type.map(|kind| view! { <Fact term="Type">{kind}</Fact> })}
                    {pod
                        .map(|pod| {
                            view! {
                                <Fact term="Pod">
                                    <a class="rounded-control text-accent hover:underline" href=paths::pod(&pod)>
                                        {pod.name.to_string()}
                                    </a>
                                </Fact>
                            }
                        })}
                    {row.created.map(|at| view! { <Fact term="Age"><Ago at/></Fact> })}
                </Facts>
                <Panel title="Disks" glyph=Glyph::Disk>
                    <Disks disks namespace=row.at.namespace.to_string()/>
                </Panel>
                <Panel title="Networks" glyph=Glyph::Network>
                    <Interfaces interfaces/>
                </Panel>
            </aside>
        }
    }
}

/// An address with who tells of it, and a way to take it along.
#[component]
fn AddressLine(address: String, source: String) -> impl IntoView {
    let copied = RwSignal::new(false);
    let text = address.clone();
    view! {
        <span class="flex items-center gap-1">
            <span class="font-mono text-xs select-all">{address}</span>
            <span class="text-xs text-ink-faint">{source}</span>
            <button
                type="button"
                class="grid size-6 place-items-center rounded-control text-ink-faint hover:bg-off-soft hover:text-ink"
                aria-label=format!("Copy {text}")
                title="Copy"
                on:click=move |_| {
                    platform::copy(&text);
                    copied.set(true);
                    set_timeout(
                        move || {
                            copied.try_set(false);
                        },
                        core::time::Duration::from_secs(2),
                    );
                }
            >
                {move || {
                    let glyph = if copied.get() { Glyph::Check } else { Glyph::Copy };
                    view! { <Icon glyph/> }
                }}
            </button>
        </span>
    }
}

#[component]
fn Disks(disks: Vec<Disk>, namespace: String) -> impl IntoView {
    if disks.is_empty() {
        return view! { <p class="text-sm text-ink-faint">"None."</p> }.into_any();
    }
    view! {
        <ul class="flex flex-col gap-1.5 text-sm">
            {disks
                .into_iter()
                .map(|disk| {
                    view! {
                        <li class="min-w-0">
                            <span class="font-medium">{disk.name}</span>
                            <span class="ml-2 text-xs text-ink-faint">{disk.device} " · " {disk.source.clone()}</span>
                            {disk
                                .detail
                                .map(|detail| {
                                    let is_claim = matches!(disk.source.as_str(), "dataVolume" | "persistentVolumeClaim");
                                    match ObjectRef::parse(&namespace, &detail).ok().filter(|_| is_claim) {
                                        Some(at) => {
                                            view! {
                                                <a class="block truncate rounded-control text-accent hover:underline" href=paths::image(&at)>
                                                    {detail}
                                                </a>
                                            }
                                                .into_any()
                                        }
                                        None => {
                                            view! { <span class="block truncate text-ink-quiet" title=detail.clone()>{detail.clone()}</span> }
                                                .into_any()
                                        }
                                    }
                                })}
                        </li>
                    }
                })
                .collect_view()}
        </ul>
    }
    .into_any()
}

#[component]
fn Interfaces(interfaces: Vec<Interface>) -> impl IntoView {
    if interfaces.is_empty() {
        return view! { <p class="text-sm text-ink-faint">"None: the machine has no network."</p> }.into_any();
    }
    view! {
        <ul class="flex flex-col gap-1.5 text-sm">
            {interfaces
                .into_iter()
                .map(|interface| {
                    view! {
                        <li class="min-w-0">
                            <span class="font-medium">{interface.name}</span>
                            <span class="ml-2 text-xs text-ink-faint">{interface.network} " · " {interface.binding}</span>
                            {interface
                                .mac
                                .map(|mac| view! { <span class="block font-mono text-xs text-ink-quiet">{mac}</span> })}
                            {(!interface.addresses.is_empty())
                                .then(|| view! { <span class="block font-mono text-xs text-ink-quiet">{interface.addresses.join(", ")}</span> })}
                        </li>
                    }
                })
                .collect_view()}
        </ul>
    }
    .into_any()
}

/// The conditions that a person needs, in words.
#[component]
pub fn Conditions(
    /// The machine.
    detail: Memo<MachineDetail>,
) -> impl IntoView {
    move || {
        let conditions = detail.with(|detail| detail.conditions.clone());
        (!conditions.is_empty()).then(|| {
            view! {
                <Panel title="Conditions" glyph=Glyph::Info>
                    <ul class="flex flex-col gap-2 text-sm">
                        {conditions.into_iter().map(|condition| view! { <ConditionLine condition/> }).collect_view()}
                    </ul>
                </Panel>
            }
        })
    }
}

#[component]
fn ConditionLine(condition: Condition) -> impl IntoView {
    let name = format!("{}: {}", spaced(&condition.kind), answer(&condition.status));
    let said = condition.message.filter(|message| !message.is_empty());
    // In plain words where there are some, with what the cluster calls it behind them.
    let (first, second) = if condition.words.is_empty() { (name, None) } else { (condition.words, Some(name)) };
    view! {
        <li class="min-w-0">
            <span class=if condition.is_bad { "font-medium text-warn" } else { "font-medium" }>{first}</span>
            {second.map(|name| view! { <span class="ml-2 text-xs text-ink-faint">{name}</span> })}
            {condition.since.map(|at| view! { <span class="ml-2 text-xs text-ink-faint"><Ago at/></span> })}
            {said
                .or(condition.reason)
                .map(|said| view! { <span class="prose-line block break-words text-ink-quiet">{said}</span> })}
        </li>
    }
}

/// The status as an answer.
fn answer(status: &str) -> &'static str {
    match status {
        "True" => "yes",
        "False" => "no",
        _ => "not known",
    }
}
