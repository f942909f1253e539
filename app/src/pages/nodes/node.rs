//! One node: what it is, how it is, and taking it out of use.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use model::live::LiveKind;
use model::node::{NodeDetail, NodeState};
use model::query::ListQuery;
use server_fn::ServerFn;

use super::drain::DrainPanel;
use super::{Filled, cpu_words, memory_words};
use crate::api::ApiError;
use crate::api::nodes::{CordonNode, cordon_node, get_node};
use crate::clock::Ago;
use crate::components::bulk_result::BulkResult;
use crate::components::power::RefusedAction;
use crate::components::toasts::Toasts;
use crate::live::Live;
use crate::ui::{Fact, Facts, Glyph, Icon, Loaded, Look, Notice, Panel, Pill, Skeleton, Tone, button_class};
use crate::{paths, words};

/// The page.
#[component]
pub fn NodePage() -> impl IntoView {
    let (live, params) = (Live::expect(), use_params_map());
    let name = Memo::new(move |_| params.with(|params| params.get("name").unwrap_or_default()));
    let node = Resource::new_blocking(
        move || (name.get(), live.version(LiveKind::Node), live.version(LiveKind::Pod)),
        |(name, ..)| get_node(name),
    );
    view! {
        <Title text=move || name.get()/>
        <RefusedAction/>
        <Loaded resource=node is_page=true waiting=|| view! { <Skeleton rows=8/> } let:node>
            <Shown node/>
        </Loaded>
    }
}

#[component]
fn Shown(node: Memo<NodeDetail>) -> impl IntoView {
    let name = node.with_untracked(|node| node.row.name.clone());
    let here = paths::node(&name);
    let of = name.clone();
    view! {
        <p class="mb-2 text-sm">
            <a class="rounded-control text-ink-quiet hover:text-accent" href=paths::NODES>
                "Nodes"
            </a>
        </p>
        <header class="mb-4 flex flex-wrap items-center gap-x-3 gap-y-2">
            <h1 class="text-xl">{name.clone()}</h1>
            {move || node.with(|node| view! { <Pill state=node.row.state since=node.row.since/> })}
            <div class="ml-auto">
                <Cordon node/>
            </div>
        </header>
        <BulkResult here=Signal::derive(move || here.clone())/>
        {move || {
            let troubles = node.with(|node| node.row.troubles.join(" "));
            (!troubles.is_empty()).then(|| view! { <div class="mb-4"><Notice tone=Tone::Warn>{troubles}</Notice></div> })
        }}
        <div class="grid gap-6 lg:grid-cols-2">
            <Panel title="Use" glyph=Glyph::Processor>{move || node.with(use_of)}</Panel>
            <Panel title="About" glyph=Glyph::Node>{move || node.with(about)}</Panel>
        </div>
        <div class="mt-6">
            <Panel title="Conditions" glyph=Glyph::Info>{move || node.with(conditions)}</Panel>
        </div>
        <div class="mt-6">
            <DrainPanel name=of node/>
        </div>
    }
}

fn use_of(node: &NodeDetail) -> AnyView {
    let row = node.row.clone();
    let on_it = ListQuery::of(format!("node:{}", row.name));
    let (machines, containers) = (paths::list(paths::MACHINES, &on_it), paths::list(paths::CONTAINERS, &on_it));
    let link = "rounded-control underline hover:text-accent";
    view! {
        <Facts>
            <Fact term="CPU asked for">
                <Filled share=row.cpu text=cpu_words(row.cpu) label="CPU".to_owned()/>
            </Fact>
            <Fact term="Memory asked for">
                <Filled share=row.memory text=memory_words(row.memory) label="Memory".to_owned()/>
            </Fact>
            <Fact term="Machines">
                <a class=link href=machines>
                    {words::counted(row.machines, "machine")}
                </a>
                {(row.takes_machines == Some(false)).then_some(" · KubeVirt puts no machines here")}
            </Fact>
            <Fact term="Pods">
                <a class=link href=containers>
                    {format!("{} of {}", row.pods.requested, row.pods.allocatable)}
                </a>
            </Fact>
        </Facts>
    }
    .into_any()
}

fn about(node: &NodeDetail) -> AnyView {
    let facts = node.facts.iter().map(|(term, text)| {
        let text = text.clone();
        view! { <Fact term=term.clone()>{text}</Fact> }
    });
    let facts = facts.collect_view();
    let created = node.row.created.map(|at| view! { <Fact term="Age"><Ago at/></Fact> });
    view! { <Facts>{facts} {created}</Facts> }.into_any()
}

fn conditions(node: &NodeDetail) -> AnyView {
    let lines = node.conditions.iter().map(|condition| {
        view! {
            <li class="grid grid-cols-[minmax(8rem,12rem)_4rem_minmax(0,1fr)] gap-x-3 border-b border-rule py-1.5 text-sm">
                <span class="font-medium">{condition.kind.clone()}</span>
                <span>{condition.status.clone()}</span>
                <span class="prose-line text-ink-quiet">
                    {condition.message.clone()} {condition.since.map(|at| view! { <span class="text-ink-faint">" · " <Ago at/></span> })}
                </span>
            </li>
        }
    });
    view! { <ul>{lines.collect_view()}</ul> }.into_any()
}

/// Keeps new pods off, or lets them on again.
#[component]
fn Cordon(node: Memo<NodeDetail>) -> impl IntoView {
    let (toasts, live) = (Toasts::expect(), Live::expect());
    let is_cordoned = Memo::new(move |_| node.with(|node| node.row.state == NodeState::Cordoned));
    let denied = Memo::new(move |_| node.with(|node| node.cordon_denied.clone()));
    let name = move || node.with(|node| node.row.name.clone());
    let next = move || if is_cordoned.get() { "false" } else { "true" };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some(reason) = denied.get_untracked() {
            toasts.say(Tone::Warn, reason);
            return;
        }
        let (name, cordon) = (node.with_untracked(|node| node.row.name.clone()), !is_cordoned.get_untracked());
        spawn_local(async move {
            match cordon_node(name.clone(), cordon.to_string()).await {
                Ok(()) => live.raise(LiveKind::Node),
                Err(ApiError(error)) => toasts.say(Tone::Bad, format!("{name}: {}", error.message)),
            }
        });
    };
    view! {
        <form method="post" action=CordonNode::url() on:submit=submit>
            <input type="hidden" name="name" value=name/>
            <input type="hidden" name="cordon" value=next/>
            <button
                type="submit"
                class=button_class(Look::Plain)
                aria-disabled=move || denied.with(Option::is_some).then_some("true")
                title=move || denied.get().unwrap_or_else(|| "New pods and machines stay away; what runs goes on".to_owned())
            >
                <Icon glyph=Glyph::Pause/>
                {move || if is_cordoned.get() { "Let pods on again" } else { "Cordon" }}
            </button>
        </form>
    }
}
