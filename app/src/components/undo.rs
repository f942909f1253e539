//! A moment in which a deed can still be called off.
//!
//! What stops, restarts or deletes a machine cannot be taken back once the cluster has it. So the deed waits here for some
//! seconds, in this page and nowhere else: called off, or with the page closed before its time, it was never asked for. The
//! words say so. Without script there is nowhere to wait, and the form acts at once.

use core::time::Duration;
use std::sync::Arc;

use leptos::prelude::*;

use crate::ui::{Look, button_class};

/// How long a deed waits.
const WINDOW: Duration = Duration::from_secs(6);

/// What happens when the time is over.
type Deed = Arc<dyn Fn() + Send + Sync>;

#[derive(Clone)]
struct Held {
    number: u32,
    text: String,
    deed: Deed,
}

/// Deeds that wait.
#[derive(Clone, Copy)]
pub struct Undo {
    held: RwSignal<Vec<Held>>,
    last: StoredValue<u32>,
}

impl Undo {
    /// For everything below.
    pub fn provide() -> Self {
        let undo = Self { held: RwSignal::new(Vec::new()), last: StoredValue::new(0) };
        provide_context(undo);
        undo
    }

    /// The page's own.
    pub fn expect() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }

    /// Does something in a moment, unless it is called off. The same words twice wait once.
    pub fn later(self, text: String, deed: impl Fn() + Send + Sync + 'static) {
        if let Some(number) = self.hold(text, deed) {
            set_timeout(move || self.now(number), WINDOW);
        }
    }

    /// Keeps a deed; its number, unless it waits already.
    fn hold(self, text: String, deed: impl Fn() + Send + Sync + 'static) -> Option<u32> {
        if self.held.with_untracked(|held| held.iter().any(|held| held.text == text)) {
            return None;
        }
        let number = self.last.try_update_value(|last| {
            *last = last.wrapping_add(1);
            *last
        });
        let number = number.unwrap_or_default();
        self.held.update(|held| held.push(Held { number, text, deed: Arc::new(deed) }));
        Some(number)
    }

    /// Does it, unless it was done or called off.
    fn now(self, number: u32) {
        if let Some(held) = self.take(number) {
            (held.deed)();
        }
    }

    fn take(self, number: u32) -> Option<Held> {
        self.held.try_update(|held| {
            let place = held.iter().position(|held| held.number == number)?;
            Some(held.remove(place))
        })?
    }
}

/// Where deeds that wait are shown.
#[component]
pub fn UndoCorner() -> impl IntoView {
    let undo = Undo::expect();
    view! {
        <div
            class="pointer-events-none fixed inset-x-3 bottom-32 z-50 flex flex-col items-center gap-2 lg:bottom-4"
            role="region"
            aria-label="About to happen"
            aria-live="assertive"
        >
            <For each=move || undo.held.get() key=|held| held.number let:held>
                {
                    let number = held.number;
                    view! {
                        <div class="float waits pointer-events-auto flex w-full max-w-[30rem] items-center gap-2 overflow-hidden py-2.5 pr-2 pl-3 text-sm">
                            <p class="prose-line min-w-0 flex-1 break-words">
                                {held.text.clone()} " "
                                <span class="text-ink-faint">"Closing this page calls it off."</span>
                            </p>
                            <button type="button" class=button_class(Look::Plain) on:click=move |_| drop(undo.take(number))>
                                "Undo"
                            </button>
                            <button type="button" class=button_class(Look::Quiet) on:click=move |_| undo.now(number)>
                                "Now"
                            </button>
                        </div>
                    }
                }
            </For>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn held(undo: Undo) -> Vec<u32> {
        undo.held.with_untracked(|held| held.iter().map(|held| held.number).collect())
    }

    #[test]
    fn a_deed_is_done_once_or_called_off() {
        let owner = Owner::new();
        owner.set();
        let undo = Undo::provide();
        let done = Arc::new(AtomicU32::new(0));
        for text in ["stop", "stop", "delete"] {
            let done = Arc::clone(&done);
            undo.hold(text.to_owned(), move || {
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        assert_eq!(held(undo), [1, 2], "the same words wait once");
        undo.now(1);
        undo.now(1);
        assert_eq!(done.load(Ordering::Relaxed), 1);
        drop(undo.take(2));
        undo.now(2);
        assert_eq!((done.load(Ordering::Relaxed), held(undo).len()), (1, 0), "called off is not done");
    }
}
