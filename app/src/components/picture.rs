//! A picture of a machine's screen.

use core::time::Duration;

use leptos::html;
use leptos::prelude::*;
use model::ObjectRef;

use crate::{paths, platform};

/// A picture of a screen, asked for again from time to time while somebody looks. Where none can be had, the
/// dark ground behind it stays as it is.
#[component]
pub fn ScreenPicture(
    /// Whose screen.
    at: ObjectRef,
    /// How often to ask again.
    every: Duration,
    /// What the picture is called; empty if the words beside it say it all.
    #[prop(into)]
    alt: String,
) -> impl IntoView {
    let (turn, set_turn) = signal(0_u32);
    let failed = RwSignal::new(false);
    let picture = NodeRef::<html::Img>::new();
    Effect::new(move |_| {
        if platform::picture_failed(picture) {
            failed.set(true);
        }
        let timer = set_interval_with_handle(
            move || {
                if platform::is_visible() && failed.try_get_untracked() == Some(false) {
                    set_turn.try_update(|turn| *turn = turn.wrapping_add(1).max(1));
                }
            },
            every,
        );
        on_cleanup(move || {
            if let Ok(timer) = timer {
                timer.clear();
            }
        });
    });
    view! {
        <img
            node_ref=picture
            class="absolute inset-0 size-full object-contain transition-opacity"
            class:opacity-0=failed
            src=move || paths::screen_picture(&at, turn.get())
            alt=alt
            loading="lazy"
            decoding="async"
            on:error=move |_| {
                failed.try_set(true);
            }
            on:load=move |_| {
                failed.try_set(false);
            }
        />
    }
}
