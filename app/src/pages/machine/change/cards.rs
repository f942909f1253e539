//! Network cards: what leads where, one more, one less.

use leptos::prelude::*;
use model::ObjectRef;
use model::editing::{CardEdit, MachineEditing, POD_NETWORK};
use server_fn::ServerFn;

use super::{ChangeForm, Changer, INPUT};
use crate::api::editing::{AddCard, RemoveCard, add_card, remove_card};
use crate::ui::{Look, button_class};

/// The cards, and a form for one more.
#[component]
pub(super) fn Cards(at: ObjectRef, editing: MachineEditing, changer: Changer) -> impl IntoView {
    let MachineEditing { cards, networks, has_live_cards, change_denied, .. } = editing;
    let may_change = change_denied.is_none();
    let is_empty = cards.is_empty();
    let lines = cards.into_iter().map(|card| view! { <Line at=at.clone() card may_change changer/> }).collect_view();
    let of = at;
    view! {
        {is_empty.then(|| view! { <p class="text-sm text-ink-faint">"It has none, so nothing reaches it and it reaches nothing."</p> })}
        <ul class="flex flex-col divide-y divide-rule">
            {lines}
        </ul>
        {may_change
            .then(|| {
                if networks.is_empty() {
                    view! {
                        <p class="mt-2 text-sm text-ink-faint">
                            "There is no other network to join: the cluster offers this team none beside the pod network."
                        </p>
                    }
                        .into_any()
                } else {
                    view! {
                        <div class="mt-3">
                            <NewCard at=of networks has_live_cards changer/>
                        </div>
                    }
                        .into_any()
                }
            })}
    }
}

/// The network as people call it.
fn network_words(network: &str) -> String {
    if network == POD_NETWORK { "the pod network".to_owned() } else { network.to_owned() }
}

#[component]
fn Line(at: ObjectRef, card: CardEdit, may_change: bool, changer: Changer) -> impl IntoView {
    let about = format!("{} · {}", card.binding, card.model);
    let removed = card.clone();
    view! {
        <li class="flex flex-wrap items-center gap-x-3 gap-y-1.5 py-2 text-sm" data-card=card.name.clone()>
            <span class="font-medium">{card.name.clone()}</span>
            <span class="text-xs text-ink-faint">{about}</span>
            <span class="min-w-0 flex-1 truncate text-ink-quiet">
                {network_words(&card.network)}
                {card.mac.clone().map(|mac| view! { " · " <code class="font-mono text-xs">{mac}</code> })}
            </span>
            {if card.is_leaving {
                view! { <span class="text-xs text-ink-faint">"on its way out"</span> }.into_any()
            } else {
                may_change.then(|| view! { <Remove at card=removed changer/> }).into_any()
            }}
        </li>
    }
}

#[component]
fn Remove(at: ObjectRef, card: CardEdit, changer: Changer) -> impl IntoView {
    let CardEdit { name: card, is_live, .. } = card;
    let (hint, done) = if is_live {
        ("Takes the card out now", format!("{card} is on its way out."))
    } else {
        ("Takes effect when the machine starts next", format!("{card} is taken out at the next start."))
    };
    let (named, sent) = (card.clone(), card.clone());
    let send = move |namespace, name| remove_card(namespace, name, sent.clone());
    view! {
        <ChangeForm at action=RemoveCard::url() send done changer>
            <input type="hidden" name="card" value=card/>
            <button type="submit" class=button_class(Look::Plain) title=hint>
                "Remove"
                <span class="sr-only">" " {named}</span>
            </button>
        </ChangeForm>
    }
}

#[component]
fn NewCard(at: ObjectRef, networks: Vec<String>, has_live_cards: bool, changer: Changer) -> impl IntoView {
    let chosen = RwSignal::new(networks.first().cloned().unwrap_or_default());
    let send = move |namespace, name| add_card(namespace, name, chosen.get_untracked());
    let (done, hint) = if has_live_cards {
        (
            "The card is set.",
            "On a network of the cluster it comes while the machine runs, on the pod network at the next start.",
        )
    } else {
        (
            "The card is set. A running machine gets it at its next start.",
            "A running machine gets it at its next start.",
        )
    };
    view! {
        <ChangeForm at action=AddCard::url() send done changer>
            <select class=INPUT name="network" aria-label="Network" on:change=move |event| chosen.set(event_target_value(&event))>
                {networks
                    .into_iter()
                    .map(|network| {
                        let words = network_words(&network);
                        view! { <option value=network>{words}</option> }
                    })
                    .collect_view()}
            </select>
            <button type="submit" class=button_class(Look::Plain)>
                "Add network card"
            </button>
            <span class="text-xs text-ink-faint">{hint}</span>
        </ChangeForm>
    }
}
