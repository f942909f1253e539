//! Moving a machine to another node: where to, and what keeps it from which node.
//!
//! A plain form, so that it works without any script; what it leads to is the machine's page, which shows the move. The
//! nodes are those of the moment when the page was opened, so that a choice is not lost while one looks at it; the server
//! looks again.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use model::migration::{MoveChoices, NodeChoice};
use server_fn::ServerFn;

use crate::api::migrations::{StartMove, get_move_choices};
use crate::components::crumbs::Crumbs;
use crate::components::power::RefusedAction;
use crate::paths;
use crate::ui::{Glyph, Icon, Loaded, Look, Notice, Skeleton, Tone, button_class};

/// The page.
#[component]
pub fn MovePage() -> impl IntoView {
    let params = use_params_map();
    let at = Memo::new(move |_| {
        params.with(|params| (params.get("namespace").unwrap_or_default(), params.get("name").unwrap_or_default()))
    });
    let choices = Resource::new_blocking(move || at.get(), |(namespace, name)| get_move_choices(namespace, name));
    view! {
        <Title text=move || at.with(|(_, name)| format!("Move {name}"))/>
        <RefusedAction/>
        <Loaded resource=choices is_page=true waiting=|| view! { <Skeleton rows=6/> } let:choices>
            {move || shown(choices.get())}
        </Loaded>
    }
}

fn shown(choices: MoveChoices) -> AnyView {
    let MoveChoices { at, node, denied, pick_denied, nodes, caveat } = choices;
    let (namespace, name) = (at.namespace.to_string(), at.name.to_string());
    let back = paths::machine(&at);
    let head = view! {
        <div class="flex flex-wrap items-center gap-x-3 gap-y-2">
            <Crumbs list="Machines" base=paths::MACHINES team=namespace.clone()/>
            <h1 class="min-w-0 truncate text-xl">"Move " {name.clone()}</h1>
            <span class="text-sm text-ink-faint">{node.map(|node| format!("now on {node}"))}</span>
        </div>
        <p class="prose-line mt-1 mb-4 max-w-[72ch] text-ink-quiet">
            "The machine works on while it moves. Screens and consoles close for a moment and can be opened again at once. If the move fails, or you take it back, the machine stays where it is."
        </p>
    };
    if let Some(reason) = denied {
        return view! {
            {head}
            <Notice tone=Tone::Warn>{reason}</Notice>
            <p class="mt-4">
                <a class=button_class(Look::Plain) href=back>
                    "Back to the machine"
                </a>
            </p>
        }
        .into_any();
    }
    view! {
        {head}
        <form method="post" action=StartMove::url() class="max-w-[48rem]">
            <input type="hidden" name="namespace" value=namespace/>
            <input type="hidden" name="name" value=name/>
            <fieldset class="flex flex-col gap-2">
                <legend class="mb-2 text-sm font-medium">"Where to"</legend>
                <Place value="" name="Any node that suits" about="The cluster chooses." is_first=true/>
                {nodes.into_iter().map(node_option).collect_view()}
            </fieldset>
            <p class="prose-line mt-3 text-sm text-ink-quiet empty:hidden">{pick_denied}</p>
            <p class="prose-line mt-3 text-sm text-ink-quiet empty:hidden">{caveat}</p>
            <div class="mt-4 flex items-center gap-2">
                <button type="submit" class=button_class(Look::Primary)>
                    <Icon glyph=Glyph::Node/>
                    "Move"
                </button>
                <a class=button_class(Look::Plain) href=back>
                    "Cancel"
                </a>
            </div>
        </form>
    }
    .into_any()
}

fn node_option(node: NodeChoice) -> AnyView {
    let NodeChoice { name, free, obstacles } = node;
    let is_refused = !obstacles.is_empty();
    let about = if is_refused { obstacles.join(" ") } else { free };
    view! { <Place value=name.clone() name about is_refused/> }.into_any()
}

/// One place to move to; one that does not suit says why.
#[component]
fn Place(
    #[prop(into)] value: String,
    #[prop(into)] name: String,
    #[prop(into)] about: String,
    #[prop(optional)] is_first: bool,
    #[prop(optional)] is_refused: bool,
) -> impl IntoView {
    view! {
        <label class="flex items-start gap-2 rounded-panel border border-rule bg-paper-raised px-3 py-2 has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-accent">
            <input type="radio" class="mt-0.5 size-4 shrink-0 accent-accent" name="node" value=value checked=is_first disabled=is_refused/>
            <span class="min-w-0">
                <span class="block text-sm font-medium" class:text-ink-faint=is_refused>
                    {name}
                </span>
                <span class="prose-line block text-xs text-ink-quiet">{about}</span>
            </span>
        </label>
    }
}
