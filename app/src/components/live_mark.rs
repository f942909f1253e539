//! Whether what the page shows is true now: live, reconnecting, old, signed out.

use leptos::prelude::*;
use model::session::ClusterHealth;

use crate::clock::{Ago, Clock};
use crate::live::{Connection, Live};
use crate::paths;

/// The mark in the frame.
#[component]
pub fn LiveMark() -> impl IntoView {
    let live = Live::expect();
    let clock = Clock::expect();
    let loaded_at = clock.now_untracked();
    view! {
        <div class="flex items-center gap-2 text-xs whitespace-nowrap" role="status" aria-live="polite">
            <Transition>
                {
                    let lost = Memo::new(move |_| lost(live));
                    move || match (live.connection(), lost.get()) {
                    (Connection::SignedOut, _) => {
                        view! {
                            <span class="size-2 rounded-full border-2 border-off"></span>
                            <a class="font-medium text-accent underline" href=paths::SIGN_IN rel="external">
                                "signed out"
                            </a>
                        }
                            .into_any()
                    }
                    (_, Some((since, reason))) => {
                        view! {
                            <span class="text-warn" aria-hidden="true">"▲"</span>
                            <span class="font-medium text-warn" title=reason>
                                "cluster away"
                                {since.map(|at| view! { <span class="font-normal">" · data is " <Ago at/> " old"</span> })}
                            </span>
                        }
                            .into_any()
                    }
                    (Connection::Live, None) => {
                        view! {
                            <span class="size-2 rounded-full bg-good"></span>
                            <span class="text-ink-quiet">"live"</span>
                        }
                            .into_any()
                    }
                    (Connection::Reconnecting, None) => {
                        view! {
                            <span class="turning size-2.5 rounded-full border-2 border-busy border-t-transparent"></span>
                            <span class="text-busy">"reconnecting · data is " <Ago at=live.true_at()/> " old"</span>
                        }
                            .into_any()
                    }
                    (Connection::Loaded, None) => {
                        view! {
                            <span class="size-2 rounded-full border-2 border-off"></span>
                            <span class="text-ink-faint">"loaded " <Ago at=loaded_at/> " ago"</span>
                        }
                            .into_any()
                    }
                }
                }
            </Transition>
        </div>
    }
}

/// Since when the cluster is away, and why.
fn lost(live: Live) -> Option<(Option<i64>, String)> {
    match live.cluster.get() {
        Some(Ok(status)) => match status.health {
            ClusterHealth::Lost { since, reason } => Some((since, reason)),
            ClusterHealth::Live | ClusterHealth::Connecting => None,
        },
        _ => None,
    }
}
