//! One clock for all times on a page.
//!
//! The server says what time it was when it rendered; the browser takes that over and counts on by its own
//! clock's *difference*. So both sides render the same words, and a wrong clock on somebody's desk shows no
//! wrong age.

use leptos::prelude::*;

use crate::{platform, words};

/// The time in seconds since 1970, ticking once a second in the browser.
#[derive(Clone, Copy)]
pub struct Clock(RwSignal<i64>);

impl Clock {
    /// Starts the clock for everything below.
    pub fn provide() -> Self {
        let start = SharedValue::new(platform::now).into_inner();
        let clock = Self(RwSignal::new(start));
        Effect::new(move |_| {
            let at_hydration = platform::now();
            set_interval(
                move || {
                    clock.0.try_set(start + platform::now() - at_hydration);
                },
                core::time::Duration::from_secs(1),
            );
        });
        provide_context(clock);
        clock
    }

    /// The clock of this page.
    pub fn expect() -> Self {
        use_context().unwrap_or_else(|| Self(RwSignal::new(platform::now())))
    }

    /// The time as it is, without following it.
    pub fn now_untracked(self) -> i64 {
        self.0.get_untracked()
    }

    /// The time, as a dependency.
    pub fn now(self) -> i64 {
        self.0.get()
    }
}

/// How long ago something happened, counting on by itself; the moment itself is in the tooltip.
#[component]
pub fn Ago(
    /// The moment, in seconds since 1970.
    at: i64,
) -> impl IntoView {
    let clock = Clock::expect();
    let told = Memo::new(move |_| words::ago(clock.now(), at));
    view! {
        <time class="whitespace-nowrap" datetime=words::iso(at) title=words::utc(at)>
            {told}
        </time>
    }
}
