//! The session ended while a page was open: what is typed into it stays, and goes on after signing in elsewhere.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::live::{Connection, Live};
use crate::paths;
use crate::platform;
use crate::ui::{Look, button_class};

/// The question; hidden while somebody is signed in.
#[component]
pub fn SignedOut() -> impl IntoView {
    let live = Live::expect();
    let dialog = NodeRef::<html::Dialog>::new();
    let is_still = RwSignal::new(false);
    Effect::new(move |_| {
        if live.connection() == Connection::SignedOut {
            is_still.set(false);
            platform::show_dialog(dialog);
        } else {
            platform::close_dialog(dialog);
        }
    });
    let go_on = move |_| {
        spawn_local(async move {
            is_still.try_set(!live.come_back().await);
        });
    };
    view! {
        <dialog
            node_ref=dialog
            class="float m-auto w-[min(28rem,calc(100vw-2rem))] p-5 backdrop:bg-black/30"
            aria-labelledby="signed-out-title"
        >
            <h2 id="signed-out-title" class="text-lg">
                "Your session ended"
            </h2>
            <p class="prose-line mt-2 text-sm text-ink-quiet">
                "This page and what is typed into it stay as they are. Sign in again in another tab, then go on here."
            </p>
            <Show when=move || is_still.get()>
                <p class="mt-2 text-sm text-bad" role="alert">
                    "Nobody is signed in yet."
                </p>
            </Show>
            <div class="mt-4 flex flex-wrap justify-end gap-2">
                <button type="button" class=button_class(Look::Plain) on:click=go_on>
                    "Go on"
                </button>
                <a class=button_class(Look::Primary) href=paths::SIGN_IN target="_blank" rel="external">
                    "Sign in"
                </a>
            </div>
        </dialog>
    }
}
