//! What the console is doing, as one state machine without a browser.
//!
//! ```text
//!            machine runs                    picture
//!  Waiting ──────────────► Connecting ───────────────► Connected
//!     ▲                     ▲   │  4009                    │
//!     │ stopped             │   └──────► InUse             │ 4010
//!     ├─────────────────────┼──────────────────────────────┼──► Taken
//!     │        countdown or │ "now"                        │
//!     └──────────────────  Lost ◄──────────────────────────┘
//! ```
//!
//! What was taken stays taken until somebody presses a button, so two tabs never fight. What was lost comes back
//! by itself, with growing pauses. A machine that is off is waited for, and connected to as soon as it runs.

use model::console::ConsoleEnd;

/// The pauses between attempts, in seconds; the last one repeats.
const PAUSES: [u32; 5] = [1, 2, 4, 8, 15];

/// What the console is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The machine does not run; connects by itself when it does.
    Waiting,
    /// The websocket is being opened.
    Connecting {
        /// How many attempts in a row have failed.
        failures: u32,
        /// Whether whoever uses the screen is sent away.
        takeover: bool,
    },
    /// The picture is there.
    Connected,
    /// Comes back by itself.
    Lost {
        /// What happened.
        reason: String,
        /// Seconds until the next attempt.
        seconds: u32,
        /// How many attempts in a row have failed.
        failures: u32,
    },
    /// Somebody else uses the screen.
    InUse {
        /// The portal's words.
        reason: String,
    },
    /// Somebody else took it from here.
    Taken {
        /// The portal's words.
        reason: String,
    },
    /// Not for this person, or gone.
    Refused {
        /// What kind of refusal, where the portal said so.
        end: Option<ConsoleEnd>,
        /// The portal's words.
        reason: String,
    },
    /// The machine has no screen.
    NoGraphics,
    /// Closed from this side.
    Ended,
}

/// What happens to the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The cluster says whether the machine has a guest.
    Machine {
        /// Whether there is something to connect to.
        runs: bool,
    },
    /// The picture is there.
    Opened,
    /// The websocket closed.
    Closed {
        /// Its code; 0 if the viewer gave up.
        code: u16,
        /// Its reason; may be empty.
        reason: String,
        /// Whether the cluster says that the machine has a guest.
        runs: bool,
    },
    /// A second has passed.
    Tick,
    /// The person wants to connect now.
    Connect,
    /// The person takes the screen from whoever has it.
    TakeOver,
}

impl State {
    /// The state in which a page begins.
    pub const fn begin(runs: bool, has_graphics: bool) -> Self {
        match (has_graphics, runs) {
            (false, _) => Self::NoGraphics,
            (true, false) => Self::Waiting,
            (true, true) => Self::Connecting { failures: 0, takeover: false },
        }
    }

    /// The word of `data-console-state`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Connecting { .. } => "connecting",
            Self::Connected => "connected",
            Self::Lost { .. } => "lost",
            Self::InUse { .. } => "in-use",
            Self::Taken { .. } => "taken",
            Self::Refused { .. } => "refused",
            Self::NoGraphics => "no-graphics",
            Self::Ended => "ended",
        }
    }

    /// What assistive technology hears when the state is entered.
    pub fn said(&self) -> String {
        match self {
            Self::Waiting => "The machine is off. The screen connects by itself when it runs.".to_owned(),
            Self::Connecting { .. } => "Connecting to the screen.".to_owned(),
            Self::Connected => {
                "Connected. Every key goes to the machine; hold Control, Alt and Shift to leave it.".to_owned()
            }
            // Without the seconds: they would be read out one by one.
            Self::Lost { reason, .. } => format!("{reason} Connecting again soon."),
            Self::InUse { reason } | Self::Taken { reason } | Self::Refused { reason, .. } => reason.clone(),
            Self::NoGraphics => ConsoleEnd::NoGraphics.reason().to_owned(),
            Self::Ended => ConsoleEnd::Done.reason().to_owned(),
        }
    }

    /// The next state. A websocket is wanted exactly while the state is `Connecting` or `Connected`.
    #[must_use]
    pub fn after(self, event: Event) -> Self {
        match (self, event) {
            (Self::Waiting, Event::Machine { runs: true }) => Self::Connecting { failures: 0, takeover: false },
            (Self::Lost { .. }, Event::Machine { runs: false }) => Self::Waiting,
            (Self::Connecting { .. }, Event::Opened) => Self::Connected,
            (Self::Connecting { failures, .. }, Event::Closed { code, reason, runs }) => {
                closed(code, &reason, runs, failures + 1)
            }
            (Self::Connected, Event::Closed { code, reason, runs }) => closed(code, &reason, runs, 0),
            (Self::Lost { seconds: 0 | 1, failures, .. }, Event::Tick) => {
                Self::Connecting { failures, takeover: false }
            }
            (Self::Lost { reason, seconds, failures }, Event::Tick) => {
                Self::Lost { reason, seconds: seconds - 1, failures }
            }
            (Self::Lost { .. } | Self::Refused { .. } | Self::Ended | Self::InUse { .. }, Event::Connect) => {
                Self::Connecting { failures: 0, takeover: false }
            }
            (Self::InUse { .. } | Self::Taken { .. }, Event::TakeOver) => {
                Self::Connecting { failures: 0, takeover: true }
            }
            (state, _) => state,
        }
    }
}

fn closed(code: u16, reason: &str, runs: bool, failures: u32) -> State {
    let end = ConsoleEnd::from_code(code);
    let told = |fallback: &str| if reason.is_empty() { fallback } else { reason }.to_owned();
    let Some(end) = end else {
        // 1006 and the like: the network, or a proxy in between. 0: the viewer itself says why.
        return match code {
            0 => State::Refused { end: None, reason: told("The viewer gave up.") },
            _ => lost(told("The connection was lost."), failures),
        };
    };
    let reason = told(end.reason());
    match end {
        ConsoleEnd::Done => State::Ended,
        ConsoleEnd::InUse => State::InUse { reason },
        ConsoleEnd::TakenOver => State::Taken { reason },
        ConsoleEnd::NoGraphics => State::NoGraphics,
        ConsoleEnd::SignedOut
        | ConsoleEnd::Forbidden
        | ConsoleEnd::NotFound
        | ConsoleEnd::NoSerial
        | ConsoleEnd::NoShell => State::Refused { end: Some(end), reason },
        // If the cluster already says that it runs again, waiting for that to change would be for ever.
        ConsoleEnd::NotRunning | ConsoleEnd::MachineStopped if !runs => State::Waiting,
        ConsoleEnd::NotRunning
        | ConsoleEnd::MachineStopped
        | ConsoleEnd::PortalRestarts
        | ConsoleEnd::TryLater
        | ConsoleEnd::UpstreamLost => lost(reason, failures),
    }
}

fn lost(reason: String, failures: u32) -> State {
    let at = usize::try_from(failures).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
    State::Lost { reason, seconds: PAUSES[at], failures }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTING: State = State::Connecting { failures: 0, takeover: false };

    fn close(state: State, end: ConsoleEnd, runs: bool) -> State {
        state.after(Event::Closed { code: end.code(), reason: String::new(), runs })
    }

    #[test]
    fn a_machine_that_is_off_is_waited_for_and_connected_to_when_it_runs() {
        let state = State::begin(false, true);
        assert_eq!(state, State::Waiting);
        assert_eq!(state.clone().after(Event::Machine { runs: false }), State::Waiting);
        assert_eq!(state.after(Event::Machine { runs: true }), CONNECTING);
    }

    #[test]
    fn a_machine_that_stops_is_waited_for_again() {
        assert_eq!(close(State::Connected, ConsoleEnd::MachineStopped, false), State::Waiting);
        let lost = close(State::Connected, ConsoleEnd::UpstreamLost, true);
        assert_eq!(lost.after(Event::Machine { runs: false }), State::Waiting);
    }

    #[test]
    fn a_guest_that_is_not_ready_yet_is_tried_again_rather_than_waited_for_for_ever() {
        assert!(matches!(close(CONNECTING, ConsoleEnd::NotRunning, true), State::Lost { .. }));
    }

    #[test]
    fn what_is_taken_stays_taken_until_somebody_takes_it_back() {
        let taken = close(State::Connected, ConsoleEnd::TakenOver, true);
        for event in [Event::Tick, Event::Connect, Event::Machine { runs: true }, Event::Opened] {
            assert_eq!(taken.clone().after(event.clone()), taken, "{event:?}");
        }
        assert_eq!(taken.after(Event::TakeOver), State::Connecting { failures: 0, takeover: true });
    }

    #[test]
    fn a_screen_in_use_is_never_taken_without_asking() {
        let in_use = close(CONNECTING, ConsoleEnd::InUse, true);
        assert_eq!(in_use.clone().after(Event::Tick), in_use);
        assert_eq!(in_use.after(Event::Connect), CONNECTING);
    }

    #[test]
    fn attempts_come_with_growing_pauses_and_a_success_resets_them() {
        let mut state = close(State::Connected, ConsoleEnd::UpstreamLost, true);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let State::Lost { seconds, .. } = state else { panic!("lost: {state:?}") };
            pauses.push(seconds);
            for _ in 0..seconds {
                state = state.after(Event::Tick);
            }
            state = close(state, ConsoleEnd::TryLater, true);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 15, 15, 15]);
        let back = State::Connecting { failures: 4, takeover: false }.after(Event::Opened);
        assert!(matches!(close(back, ConsoleEnd::UpstreamLost, true), State::Lost { seconds: 1, .. }));
    }

    #[test]
    fn every_end_that_retries_comes_back_by_itself_and_no_other_does() {
        for end in ConsoleEnd::ALL {
            let state = close(State::Connected, end, false);
            let comes_back = matches!(state, State::Waiting | State::Lost { .. });
            assert_eq!(comes_back, end.retries(), "{end:?} leads to {state:?}");
        }
    }

    #[test]
    fn the_portals_own_words_are_kept() {
        let state =
            CONNECTING.after(Event::Closed { code: 4009, reason: "ana uses this screen.".to_owned(), runs: true });
        assert_eq!(state.said(), "ana uses this screen.");
    }

    #[test]
    fn a_dropped_network_comes_back_by_itself() {
        let state = State::Connected.after(Event::Closed { code: 1006, reason: String::new(), runs: true });
        assert!(matches!(state, State::Lost { seconds: 1, .. }));
    }

    #[test]
    fn a_machine_without_graphics_is_never_connected_to() {
        assert_eq!(State::begin(true, false), State::NoGraphics);
        assert_eq!(State::NoGraphics.after(Event::Machine { runs: true }), State::NoGraphics);
    }
}
