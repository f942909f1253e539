//! The panels of a workload's page.

use leptos::prelude::*;
use model::query::Key;
use model::workload::{Container, Offer, PodRow, ServiceRow, WorkloadAction, WorkloadDetail, WorkloadRow};

use super::actions::{ActForm, INPUT, Of, Submit};
use crate::clock::Ago;
use crate::components::commands::Terms;
use crate::components::containers::ContainerLine;
use crate::components::labels::Labels as LabelList;
use crate::components::service_table::ServiceTable;
use crate::paths;
use crate::ui::{Fact, Facts as FactList, Glyph, Panel, Pill};
use crate::words;

/// What its page shows of services that lead to it.
const SERVICE_COLUMNS: [Key; 3] = [Key::Ready, Key::Address, Key::Kind];

/// Its pods.
#[component]
pub(super) fn Pods(pods: Vec<PodRow>) -> impl IntoView {
    let lines = pods.into_iter().map(|pod| {
        view! {
            <tr data-row="">
                <td class="lead">
                    <a class="truncate rounded-control font-medium text-ink hover:text-accent" href=paths::pod(&pod.at) data-row-link="">
                        {pod.at.name.to_string()}
                    </a>
                </td>
                <td class="state"><Pill state=pod.state since=pod.since/></td>
                <td class="number extra">{format!("{}/{}", pod.ready, pod.containers)}</td>
                <td class="number extra">{words::count(pod.restarts)}</td>
                <td class="extra">{pod.node.unwrap_or_else(|| "–".to_owned())}</td>
            </tr>
        }
    });
    let lines = lines.collect::<Vec<_>>();
    view! {
        <Panel title="Pods" glyph=Glyph::Container>
            {if lines.is_empty() {
                view! { <p class="py-2 text-sm text-ink-faint">"It has no pods now."</p> }.into_any()
            } else {
                view! {
                    <table class="rows" role="table">
                        <thead>
                            <tr>
                                <th scope="col">"Name"</th>
                                <th scope="col">"State"</th>
                                <th scope="col" class="number">"Ready"</th>
                                <th scope="col" class="number">"Restarts"</th>
                                <th scope="col">"Node"</th>
                            </tr>
                        </thead>
                        <tbody>{lines}</tbody>
                    </table>
                }
                    .into_any()
            }}
        </Panel>
    }
}

/// The jobs of a cron job.
#[component]
pub(super) fn Runs(runs: Vec<WorkloadRow>) -> impl IntoView {
    (!runs.is_empty()).then(|| {
        view! {
            <Panel title="Jobs" glyph=Glyph::Clock>
                <ul class="flex flex-col text-sm">
                    {runs
                        .into_iter()
                        .map(|job| {
                            view! {
                                <li class="flex flex-wrap items-center gap-x-3 border-b border-rule py-1.5 last:border-b-0">
                                    <a class="rounded-control font-medium hover:text-accent" href=paths::workload(job.kind, &job.at)>
                                        {job.at.name.to_string()}
                                    </a>
                                    <Pill state=job.state since=job.since/>
                                    <span class="text-ink-quiet">{job.said}</span>
                                </li>
                            }
                        })
                        .collect_view()}
                </ul>
            </Panel>
        }
    })
}

/// The containers of its template, and what can be changed about them.
#[component]
pub(super) fn Template(of: Of, containers: Vec<Container>, offers: Vec<Offer>) -> impl IntoView {
    let denied = move |action: WorkloadAction| {
        offers.iter().find(|offer| offer.action == action).map(|offer| offer.denied.clone())
    };
    let (image, environment) = (denied(WorkloadAction::SetImage), denied(WorkloadAction::SetEnvironment));
    view! {
        <ul>
            {containers
                .into_iter()
                .map(move |container| {
                    let (of, image, environment) = (of.clone(), image.clone(), environment.clone());
                    let changed = container.clone();
                    view! {
                        <ContainerLine container shell=None>
                            {image.map(|denied| view! { <ChangeImage of=of.clone() container=changed.clone() denied/> })}
                            {environment.map(|denied| view! { <ChangeEnvironment of=of.clone() container=changed.clone() denied/> })}
                        </ContainerLine>
                    }
                })
                .collect_view()}
        </ul>
    }
}

#[component]
fn ChangeImage(of: Of, container: Container, denied: Option<String>) -> impl IntoView {
    view! {
        <details>
            <summary class="w-fit cursor-pointer rounded-control text-ink-quiet hover:text-ink">"Change the image"</summary>
            <div class="mt-1">
                <ActForm of action=WorkloadAction::SetImage denied=denied.clone() container=container.name.clone()>
                    <input
                        class=format!("{INPUT} min-w-0 flex-1 font-mono")
                        name="value"
                        value=container.image
                        aria-label=format!("Image of {}", container.name)
                        autocapitalize="none"
                        spellcheck="false"
                    />
                    <Submit label="Change image" denied/>
                </ActForm>
                <p class="mt-1 text-xs text-ink-faint">"Its pods are replaced step by step; the page shows how far that is."</p>
            </div>
        </details>
    }
}

#[component]
fn ChangeEnvironment(of: Of, container: Container, denied: Option<String>) -> impl IntoView {
    view! {
        <details>
            <summary class="w-fit cursor-pointer rounded-control text-ink-quiet hover:text-ink">"Change the environment"</summary>
            <div class="mt-1">
                <ActForm of action=WorkloadAction::SetEnvironment denied=denied.clone() container=container.name.clone() class="flex flex-col items-start gap-1.5">
                    <textarea
                        class="w-full rounded-control border border-rule-strong bg-paper-raised px-2 py-1.5 font-mono text-xs"
                        name="value"
                        rows="6"
                        aria-label=format!("Environment of {}", container.name)
                        autocapitalize="none"
                        spellcheck="false"
                    >
                        {container.environment}
                    </textarea>
                    <Submit label="Change environment" denied/>
                </ActForm>
                <p class="prose-line mt-1 text-xs text-ink-faint">
                    "One NAME=value a line. Variables from secrets and config maps stay as they are; passwords belong there."
                </p>
            </div>
        </details>
    }
}

/// What is known about it.
#[component]
pub(super) fn Facts(detail: WorkloadDetail) -> impl IntoView {
    let WorkloadDetail { row, facts, selector, owner, .. } = detail;
    view! {
        <div class="flex flex-col gap-2">
            <FactList>
                {owner
                    .map(|owner| {
                        let name = format!("{} {}", owner.kind, owner.at.name);
                        view! {
                            <Fact term="Part of">
                                {match owner.page {
                                    Some(kind) => {
                                        view! {
                                            <a class="rounded-control text-accent hover:underline" href=paths::workload(kind, &owner.at)>
                                                {name}
                                            </a>
                                        }
                                            .into_any()
                                    }
                                    None => name.into_any(),
                                }}
                            </Fact>
                        }
                    })}
                {row.created.map(|at| view! { <Fact term="Age"><Ago at/></Fact> })}
            </FactList>
            <Terms facts/>
            {(!selector.is_empty())
                .then(|| {
                    view! {
                        <p class="mt-1 text-sm text-ink-faint">"Its pods have"</p>
                        <LabelList labels=selector/>
                    }
                })}
        </div>
    }
}

/// The services that lead to it.
#[component]
pub(super) fn Services(services: Vec<ServiceRow>) -> impl IntoView {
    (!services.is_empty()).then(|| {
        view! {
            <Panel title="Services" glyph=Glyph::Network>
                <div class="overflow-x-auto"><ServiceTable rows=services columns=SERVICE_COLUMNS.to_vec()/></div>
            </Panel>
        }
    })
}
