//! Shells in a pod's containers, edge to edge. What is in the terminal is drawn by `public/terminal.js`.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use model::workload::PodDetail;

use crate::components::live_part::{LivePart, PartOptions};
use crate::platform::PartKind;
use crate::ui::{Glyph, Icon, Loaded, Look, button_class};
use crate::{api, paths};

/// The page.
#[component]
pub fn ShellPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let asked = Memo::new(move |_| {
        let at = params.with(|params| ["namespace", "name"].map(|key| params.get(key).unwrap_or_default()));
        (at, query.with(|query| query.get("container").unwrap_or_default()))
    });
    move || {
        let ([namespace, name], container) = asked.get();
        let title = format!("Shell in {name}");
        let detail = Resource::new(|| (), move |()| api::pods::get_pod(namespace.clone(), name.clone()));
        view! {
            <Title text=title/>
            <Loaded resource=detail is_page=true waiting=|| view! { <div class="h-dvh bg-stage"></div> } let:detail>
                <Shown detail=detail.get_untracked() container=container.clone()/>
            </Loaded>
        }
    }
}

#[component]
fn Shown(detail: PodDetail, container: String) -> impl IntoView {
    let at = detail.row.at.clone();
    let containers: Vec<_> = detail.containers.iter().map(|container| container.name.clone()).collect();
    // The container that was asked for comes first, so that its shell is the first one.
    let first = containers.iter().position(|name| *name == container);
    let first = first.or_else(|| detail.containers.iter().position(|container| !container.is_init)).unwrap_or_default();
    let mut ordered = containers;
    if first < ordered.len() {
        ordered.swap(0, first);
    }
    let options = PartOptions {
        kind: "shell",
        path: paths::shell_socket(&at),
        label: format!("Shell in {}", at.name),
        containers: ordered,
        ..PartOptions::default()
    };
    view! {
        <div class="on-stage flex h-dvh flex-col bg-stage text-stage-ink">
            <header class="flex min-h-12 items-center gap-x-2 border-b border-stage-rule bg-stage-raised px-2" data-bar="">
                <a class=button_class(Look::Stage) href=paths::pod(&at) title="Back to the pod">
                    <Icon glyph=Glyph::Back/>
                    <span class="sr-only">"Back to the pod"</span>
                </a>
                <h1 class="min-w-0 truncate text-base">{at.name.to_string()}</h1>
                <span class="text-sm text-stage-quiet">{at.namespace.to_string()}</span>
            </header>
            {match detail.shell_denied {
                Some(reason) => view! { <p class="m-auto max-w-[52ch] p-6 text-center text-lg font-strong">{reason}</p> }.into_any(),
                None => {
                    view! {
                        <LivePart kind=PartKind::Terminal options class="flex min-h-0 flex-1 flex-col">
                            <noscript inner_html="<p>A terminal needs JavaScript. The pod's page says how to open a shell with kubectl.</p>"></noscript>
                        </LivePart>
                    }
                        .into_any()
                }
            }}
        </div>
    }
}
