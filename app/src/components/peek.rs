//! A look at the screen of the row in hand: one picture, never one for each row, so that a long list costs the
//! cluster nothing.

use core::time::Duration;

use leptos::prelude::*;
use model::ObjectRef;
use model::machine::{MachineAction, MachineRow};

use super::picture::ScreenPicture;

/// How long a row has to be in hand: passing over it asks for nothing.
const REST: Duration = Duration::from_millis(250);
/// How old the picture may get.
const PICTURE_AGE: Duration = Duration::from_secs(5);

/// Which row somebody looks at.
#[derive(Clone, Copy)]
pub struct Peek {
    wanted: StoredValue<Option<ObjectRef>>,
    shown: RwSignal<Option<ObjectRef>>,
}

impl Peek {
    /// Nobody looks at anything yet.
    pub fn new() -> Self {
        Self { wanted: StoredValue::new(None), shown: RwSignal::new(None) }
    }

    /// A row came into hand.
    pub fn look(self, row: &MachineRow) {
        let can_be_seen = row.offer(MachineAction::OpenConsole).is_some_and(|offer| offer.denied.is_none());
        let at = can_be_seen.then(|| row.at.clone());
        self.wanted.try_set_value(at.clone());
        if self.shown.try_with_untracked(|shown| *shown == at) == Some(true) {
            return;
        }
        if at.is_none() {
            self.shown.try_set(None);
            return;
        }
        set_timeout(
            move || {
                if self.wanted.try_with_value(|wanted| *wanted == at) == Some(true) {
                    self.shown.try_set(at);
                }
            },
            REST,
        );
    }

    /// No row is in hand any more. This also happens while the page goes away, hence nothing may insist.
    pub fn leave(self) {
        self.wanted.try_set_value(None);
        self.shown.try_set(None);
    }
}

impl Default for Peek {
    fn default() -> Self {
        Self::new()
    }
}

/// The picture, in a corner where it covers no row's actions.
#[component]
pub fn PeekCorner(
    /// Which row.
    peek: Peek,
) -> impl IntoView {
    move || {
        peek.shown.get().map(|at| {
            view! {
                <div class="late float pointer-events-none fixed right-6 bottom-6 z-20 hidden w-96 overflow-hidden lg:block" aria-hidden="true">
                    <div class="relative grid aspect-[16/10] place-items-center bg-stage text-xs text-stage-quiet">
                        "No picture"
                        <ScreenPicture at=at.clone() every=PICTURE_AGE alt=""/>
                    </div>
                    <p class="flex items-baseline gap-2 px-3 py-2 text-sm">
                        <span class="font-medium">{at.name.to_string()}</span>
                        <span class="text-xs text-ink-faint">{at.namespace.to_string()}</span>
                    </p>
                </div>
            }
        })
    }
}
