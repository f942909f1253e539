//! Emptying a node: what would become of each pod, and then doing it.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use model::node::{DrainLine, Fate, NodeDetail};
use server_fn::ServerFn;

use crate::api::ApiError;
use crate::api::nodes::{DrainNode, drain_node, preview_drain};
use crate::components::toasts::Toasts;
use crate::ui::{Glyph, Icon, Loaded, Look, Notice, Panel, Skeleton, Tone, button_class};
use crate::{paths, platform, words};

/// Asked for by the address, so that looking costs the cluster nothing until somebody wants to know.
#[component]
pub fn DrainPanel(
    /// The node's name.
    name: String,
    /// The node.
    node: Memo<NodeDetail>,
) -> impl IntoView {
    let params = use_query_map();
    let is_asked = Memo::new(move |_| params.with(|params| params.get("drain").is_some()));
    let denied = Memo::new(move |_| node.with(|node| node.drain_denied.clone()));
    let name = StoredValue::new(name);
    view! {
        <Panel title="Empty this node" glyph=Glyph::Unplug>
            <p class="prose-line mb-3 max-w-[72ch] text-sm text-ink-quiet">
                "Before maintenance: new pods are kept off, machines that can move do so while they run, and the rest begins anew elsewhere. Nothing happens before you have seen what would become of each pod."
            </p>
            {move || match (denied.get(), is_asked.get()) {
                (Some(reason), _) => view! { <Notice tone=Tone::Info>{reason}</Notice> }.into_any(),
                (None, false) => {
                    view! {
                        <a class=button_class(Look::Plain) href=format!("{}?drain=preview", paths::node(&name.get_value()))>
                            "See what would happen"
                        </a>
                    }
                        .into_any()
                }
                (None, true) => view! { <Preview name=name.get_value()/> }.into_any(),
            }}
        </Panel>
    }
}

#[component]
fn Preview(name: String) -> impl IntoView {
    let of = name.clone();
    let lines = Resource::new(|| (), move |()| preview_drain(of.clone()));
    let name = StoredValue::new(name);
    view! {
        <Loaded resource=lines waiting=|| view! { <Skeleton rows=4/> } let:lines>
            {move || lines.with(|lines| Fate::ALL.map(|fate| group(fate, lines)).into_iter().collect_view())}
            <Confirm name=name.get_value()/>
        </Loaded>
    }
}

fn group(fate: Fate, lines: &[DrainLine]) -> Option<AnyView> {
    let of_fate: Vec<_> = lines.iter().filter(|line| line.fate == fate).cloned().collect();
    let count = u32::try_from(of_fate.len()).unwrap_or(u32::MAX);
    let tone = match fate {
        Fate::Blocks | Fate::Lost => "text-warn",
        Fate::Restarts | Fate::Moves | Fate::Stays => "text-ink-faint",
    };
    let rows = of_fate.into_iter().map(|DrainLine { at, machine, why, .. }| {
        let (href, label) = match machine {
            Some(machine) => (paths::machine(&machine), format!("{}/{}", machine.namespace, machine.name)),
            None => (paths::pod(&at), format!("{}/{}", at.namespace, at.name)),
        };
        view! {
            <li class="grid gap-x-3 border-b border-rule py-1.5 text-sm md:grid-cols-[minmax(10rem,20rem)_minmax(0,1fr)]">
                <a class="truncate rounded-control font-medium hover:text-accent" href=href>
                    {label}
                </a>
                <span class="prose-line text-ink-quiet">{why}</span>
            </li>
        }
    });
    (count > 0).then(|| {
        view! {
            <section class="mb-4">
                <h3 class="mb-1 flex items-center gap-2 text-sm font-medium">
                    <span class=tone>
                        <Icon glyph=if matches!(fate, Fate::Blocks | Fate::Lost) { Glyph::Warning } else { Glyph::Info }/>
                    </span>
                    {fate.title()}
                    <span class="font-normal text-ink-faint">{words::count(count)}</span>
                </h3>
                <ul class="border-t border-rule">{rows.collect_view()}</ul>
            </section>
        }
        .into_any()
    })
}

/// The node's name typed once more, and whether even what is lost goes.
#[component]
fn Confirm(name: String) -> impl IntoView {
    let (toasts, navigate) = (Toasts::expect(), StoredValue::new(use_navigate()));
    let (confirm, loses) = (NodeRef::<html::Input>::new(), RwSignal::new(false));
    let of = name.clone();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let (name, confirm, loses) = (of.clone(), platform::field_text(confirm), loses.get_untracked().to_string());
        spawn_local(async move {
            match drain_node(name.clone(), confirm, loses).await {
                Ok(run) => {
                    let to = paths::node_run(&name, &run.id);
                    navigate.with_value(|navigate| navigate(&to, NavigateOptions::default()));
                }
                Err(ApiError(error)) => toasts.say(Tone::Bad, error.message),
            }
        });
    };
    view! {
        <form method="post" action=DrainNode::url() class="flex flex-wrap items-end gap-x-4 gap-y-3" on:submit=submit>
            <input type="hidden" name="name" value=name.clone()/>
            <label class="text-sm text-ink-quiet">
                "Type " <b class="font-mono text-ink">{name.clone()}</b> " to empty it"
                <input
                    class="mt-1 block h-8 w-64 rounded-control border border-rule-strong bg-paper-raised px-2"
                    name="confirm"
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    node_ref=confirm
                />
            </label>
            <label class="flex h-8 items-center gap-2 text-sm">
                <input
                    type="checkbox"
                    class="size-4 accent-accent"
                    name="loses"
                    value="true"
                    on:change=move |event| loses.set(event_target_checked(&event))
                />
                "Also what is lost"
            </label>
            <button type="submit" class=button_class(Look::Danger)>
                "Empty the node"
            </button>
        </form>
    }
}
