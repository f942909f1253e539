//! What became of an action, said in a corner and to assistive technology.
//!
//! Good news leaves by itself; bad news stays until it was read.

use core::time::Duration;
use std::sync::Arc;

use leptos::prelude::*;

use crate::ui::{Glyph, Icon, Tone};

/// How long good news stays.
const GOOD_NEWS: Duration = Duration::from_secs(5);
/// How long bad news stays unless it is closed.
const BAD_NEWS: Duration = Duration::from_secs(20);
/// More than this at once nobody reads.
const MOST: usize = 4;

/// How long something that can be undone stays.
const SECOND_THOUGHTS: Duration = Duration::from_secs(10);

/// One thing said.
#[derive(Clone)]
struct Toast {
    number: u32,
    tone: Tone,
    text: String,
    more: Option<More>,
}

/// What can be done about what was said.
#[derive(Clone)]
enum More {
    /// Looking at it: the link's words and its address.
    Link(String, String),
    /// Taking it back.
    Undo(Arc<dyn Fn() + Send + Sync>),
}

/// Where to say something.
#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    last: StoredValue<u32>,
}

impl Toasts {
    /// For everything below.
    pub fn provide() -> Self {
        let toasts = Self { shown: RwSignal::new(Vec::new()), last: StoredValue::new(0) };
        provide_context(toasts);
        toasts
    }

    /// The page's own.
    pub fn expect() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }

    /// Says something.
    pub fn say(self, tone: Tone, text: impl Into<String>) {
        self.add(tone, text.into(), None);
    }

    /// Says something, with a link to it.
    pub fn say_with_link(self, tone: Tone, text: impl Into<String>, words: impl Into<String>, href: impl Into<String>) {
        self.add(tone, text.into(), Some(More::Link(words.into(), href.into())));
    }

    /// Says what was done, with a button that takes it back. The message leaves when the button was pressed.
    pub fn say_with_undo(self, text: impl Into<String>, undo: impl Fn() + Send + Sync + 'static) {
        self.add(Tone::Good, text.into(), Some(More::Undo(Arc::new(undo))));
    }

    fn add(self, tone: Tone, text: String, more: Option<More>) {
        let number = self.last.try_update_value(|last| {
            *last = last.wrapping_add(1);
            *last
        });
        let number = number.unwrap_or_default();
        let stay = match (&more, tone) {
            (Some(More::Undo(_)), _) => SECOND_THOUGHTS,
            (_, Tone::Bad) => BAD_NEWS,
            _ => GOOD_NEWS,
        };
        let toast = Toast { number, tone, text, more };
        self.shown.try_update(|shown| {
            shown.retain(|other| other.text != toast.text);
            shown.push(toast);
            let surplus = shown.len().saturating_sub(MOST);
            shown.drain(..surplus);
        });
        set_timeout(move || self.close(number), stay);
    }

    fn close(self, number: u32) {
        self.shown.try_update(|shown| shown.retain(|toast| toast.number != number));
    }
}

/// The corner.
#[component]
pub fn ToastCorner() -> impl IntoView {
    let toasts = Toasts::expect();
    view! {
        <div
            class="pointer-events-none fixed inset-x-3 bottom-16 z-50 flex flex-col items-end gap-2 lg:bottom-4 lg:right-4 lg:left-auto"
            role="region"
            aria-label="Messages"
            aria-live="polite"
        >
            <For each=move || toasts.shown.get() key=|toast| toast.number let:toast>
                <div class="float pointer-events-auto flex w-full max-w-[26rem] items-start gap-2.5 py-2.5 pr-2 pl-3 text-sm">
                    <span class=format!("grid size-6 shrink-0 place-items-center rounded-full {}", toast.tone.class())>
                        <Icon glyph=toast.tone.glyph()/>
                    </span>
                    <p class="prose-line min-w-0 flex-1 py-0.5 break-words">{toast.text}</p>
                    {toast.more.map(|more| view! { <What more number=toast.number/> })}
                    <button
                        type="button"
                        class="grid size-7 shrink-0 place-items-center rounded-control text-ink-faint hover:bg-off-soft hover:text-ink"
                        aria-label="Close message"
                        on:click=move |_| toasts.close(toast.number)
                    >
                        <Icon glyph=Glyph::Close/>
                    </button>
                </div>
            </For>
        </div>
    }
}

#[component]
fn What(more: More, number: u32) -> impl IntoView {
    let toasts = Toasts::expect();
    let class = "shrink-0 rounded-control px-1.5 py-0.5 font-medium text-accent hover:underline";
    match more {
        More::Link(words, href) => view! {
            <a class=class href=href>
                {words}
            </a>
        }
        .into_any(),
        More::Undo(undo) => {
            let on_press = move |_| {
                toasts.close(number);
                undo();
            };
            view! {
                <button type="button" class=class on:click=on_press>
                    "Undo"
                </button>
            }
            .into_any()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn said(toasts: Toasts) -> Vec<String> {
        toasts.shown.with_untracked(|shown| shown.iter().map(|toast| toast.text.clone()).collect())
    }

    #[test]
    fn the_same_words_are_said_once_and_never_more_than_can_be_read() {
        Owner::new().with(|| {
            let toasts = Toasts::provide();
            for text in ["a", "b", "a", "c", "d", "e"] {
                toasts.add(Tone::Good, text.to_owned(), None);
            }
            assert_eq!(said(toasts), ["a", "c", "d", "e"]);
        });
    }

    #[test]
    fn what_was_said_last_can_be_taken_back() {
        Owner::new().with(|| {
            let toasts = Toasts::provide();
            let undone = Arc::new(AtomicU32::new(0));
            let counter = Arc::clone(&undone);
            toasts.say_with_undo("web is protected.", move || {
                counter.fetch_add(1, Ordering::Relaxed);
            });
            let more = toasts.shown.with_untracked(|shown| shown[0].more.clone());
            let Some(More::Undo(undo)) = more else { panic!("there is nothing to press") };
            undo();
            assert_eq!(undone.load(Ordering::Relaxed), 1);
        });
    }
}
