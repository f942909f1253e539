//! What became of an action, said in a corner and to assistive technology.
//!
//! Good news leaves by itself; bad news stays until it was read.

use core::time::Duration;

use leptos::prelude::*;

use crate::ui::{Glyph, Icon, Tone};

/// How long good news stays.
const GOOD_NEWS: Duration = Duration::from_secs(5);
/// How long bad news stays unless it is closed.
const BAD_NEWS: Duration = Duration::from_secs(20);
/// More than this at once nobody reads.
const MOST: usize = 4;

/// One thing said.
#[derive(Clone)]
struct Toast {
    number: u32,
    tone: Tone,
    text: String,
    link: Option<Link>,
}

/// Where what was said can be looked at: the link's words and its address.
type Link = (String, String);

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
        self.add(tone, text.into(), Some((words.into(), href.into())));
    }

    fn add(self, tone: Tone, text: String, link: Option<Link>) {
        let number = self.last.try_update_value(|last| {
            *last = last.wrapping_add(1);
            *last
        });
        let number = number.unwrap_or_default();
        let stay = if tone == Tone::Bad { BAD_NEWS } else { GOOD_NEWS };
        let toast = Toast { number, tone, text, link };
        self.shown.try_update(|shown| push(shown, toast));
        set_timeout(move || self.close(number), stay);
    }

    fn close(self, number: u32) {
        self.shown.try_update(|shown| shown.retain(|toast| toast.number != number));
    }
}

/// Adds a message: the same words stand once, and never more than can be read.
fn push(shown: &mut Vec<Toast>, toast: Toast) {
    shown.retain(|other| other.text != toast.text);
    shown.push(toast);
    let surplus = shown.len().saturating_sub(MOST);
    shown.drain(..surplus);
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
                    {toast
                        .link
                        .map(|(words, href)| {
                            view! {
                                <a class="shrink-0 rounded-control px-1.5 py-0.5 font-medium text-accent hover:underline" href=href>
                                    {words}
                                </a>
                            }
                        })}
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_said_once_and_never_more_than_can_be_read() {
        let mut shown = Vec::new();
        for (number, text) in (0..).zip(["a", "b", "a", "c", "d", "e"]) {
            push(&mut shown, Toast { number, tone: Tone::Good, text: text.to_owned(), link: None });
        }
        let texts: Vec<_> = shown.iter().map(|toast| toast.text.as_str()).collect();
        assert_eq!(texts, ["a", "c", "d", "e"]);
    }
}
