//! A machine's screen, edge to edge; with `?view=serial` its serial console ([`serial`]).
//!
//! The page renders without the screen, then opens a websocket of its own and hands it to noVNC
//! (`public/console.js`). What happens to it is one [`state::State`]; everything shown follows from that.

mod bar;
mod keys;
mod overlay;
mod serial;
mod state;

use leptos::html;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use model::live::LiveKind;
use model::machine::{MachineDetail, MachineRow};

use crate::api;
use crate::components::power::RefusedAction;
use crate::live::Live;
use crate::platform::{self, Screen, ScreenNews, ScreenStorage};
use crate::ui::Loaded;
use crate::{
    pages::console::state::{Event, State},
    paths,
};

/// The page.
#[component]
pub fn ConsolePage() -> impl IntoView {
    let params = use_params_map();
    let at = Memo::new(move |_| {
        params.with(|params| (params.get("namespace").unwrap_or_default(), params.get("name").unwrap_or_default()))
    });
    move || {
        let (namespace, name) = at.get();
        view! { <Machine namespace name/> }
    }
}

#[component]
fn Machine(namespace: String, name: String) -> impl IntoView {
    let live = Live::expect();
    let title = format!("Screen of {name}");
    let detail = Resource::new(
        move || live.version(LiveKind::Machine),
        move |_| api::machines::get_machine(namespace.clone(), name.clone()),
    );
    view! {
        <Title text=title/>
        <Loaded resource=detail is_page=true waiting=|| view! { <div class="h-dvh bg-stage"></div> } let:detail>
            <View detail/>
        </Loaded>
    }
}

/// What the parts of the console share.
#[derive(Clone, Copy)]
struct Console {
    state: RwSignal<State>,
    row: Memo<MachineRow>,
    screen: StoredValue<Option<Screen>, ScreenStorage>,
    fits: RwSignal<bool>,
    whole: NodeRef<html::Div>,
    host: NodeRef<html::Div>,
}

impl Console {
    /// Lets something happen. Nothing is touched if it changes nothing.
    fn happen(self, event: Event) {
        let Some(now) = self.state.try_get_untracked() else { return };
        let next = now.clone().after(event);
        if next != now {
            self.state.set(next);
        }
    }

    /// Opens or closes the websocket as the state wants it.
    fn follow(self, wants: Option<bool>) {
        let taken = self.screen.try_update_value(Option::take).flatten();
        if let Some(old) = taken {
            old.close();
        }
        let Some(takeover) = wants else { return };
        let url = self.row.with_untracked(|row| paths::screen_socket(&row.at, takeover));
        let screen = Screen::open(self.host, &url, move |news| match news {
            ScreenNews::Open => self.happen(Event::Opened),
            ScreenNews::End { code, reason } => {
                let runs = self.row.try_with_untracked(|row| row.state.has_guest()).unwrap_or_default();
                self.happen(Event::Closed { code, reason, runs });
            }
            ScreenNews::Escape => platform::focus_first_control(),
        });
        if let Some(screen) = &screen {
            screen.set_fit(self.fits.get_untracked());
        }
        self.screen.set_value(screen);
    }

    fn press(self, keys: &[(u32, &str)]) {
        self.screen.with_value(|screen| {
            if let Some(screen) = screen {
                screen.press(keys);
            }
        });
    }

    fn set_fit(self, fit: bool) {
        self.fits.set(fit);
        self.screen.with_value(|screen| {
            if let Some(screen) = screen {
                screen.set_fit(fit);
                screen.focus();
            }
        });
    }
}

/// The screen, or the serial console if the address says so.
#[component]
fn View(detail: Memo<MachineDetail>) -> impl IntoView {
    let query = use_query_map();
    let is_serial = Memo::new(move |_| query.with(|query| query.get("view").as_deref() == Some("serial")));
    move || {
        if is_serial.get() {
            let row = Memo::new(move |_| detail.with(|detail| detail.row.clone()));
            view! { <serial::Serial row/> }.into_any()
        } else {
            view! { <Shown detail/> }.into_any()
        }
    }
}

#[component]
fn Shown(detail: Memo<MachineDetail>) -> impl IntoView {
    let row = Memo::new(move |_| detail.with(|detail| detail.row.clone()));
    let (runs, has_graphics) = detail.with_untracked(|detail| (detail.row.state.has_guest(), detail.has_graphics));
    let console = Console {
        state: RwSignal::new(State::begin(runs, has_graphics)),
        row,
        screen: StoredValue::new_with_storage(None),
        fits: RwSignal::new(true),
        whole: NodeRef::new(),
        host: NodeRef::new(),
    };
    drive(console);
    let name = row.with_untracked(|row| row.at.name.to_string());
    view! {
        <div node_ref=console.whole class="on-stage flex h-dvh flex-col bg-stage text-stage-ink">
            <bar::Bar console/>
            <RefusedAction/>
            <div class="relative min-h-0 flex-1" data-console-state=move || console.state.with(State::word)>
                <div
                    node_ref=console.host
                    class="absolute inset-0"
                    data-label=format!("Screen of {name}. Hold Control, Alt and Shift to leave it.")
                ></div>
                <overlay::Overlay console/>
            </div>
            <p class="sr-only" role="status" aria-live="assertive">
                {move || console.state.with(State::said)}
            </p>
        </div>
    }
}

/// Keeps state, cluster and websocket together.
fn drive(console: Console) {
    // A websocket belongs to one attempt: it is opened when the state starts to want one, and again when an
    // attempt differs from the one before.
    let wanted = Memo::new(move |_| {
        console.state.with(|state| match state {
            State::Connecting { takeover, failures } => Some((*takeover, Some(*failures))),
            State::Connected => Some((false, None)),
            _ => None,
        })
    });
    Effect::new(move |previous: Option<Option<(bool, Option<u32>)>>| {
        let now = wanted.get();
        match now {
            Some((takeover, Some(_))) => console.follow(Some(takeover)),
            None if previous.flatten().is_some() => console.follow(None),
            // Nothing was open, or the picture arrived on the websocket that is open already.
            _ => {}
        }
        now
    });
    Effect::new(move |_| {
        let runs = console.row.with(|row| row.state.has_guest());
        console.happen(Event::Machine { runs });
    });
    Effect::new(move |_| {
        let ticker = set_interval_with_handle(move || console.happen(Event::Tick), core::time::Duration::from_secs(1));
        on_cleanup(move || {
            if let Ok(ticker) = ticker {
                ticker.clear();
            }
        });
    });
    on_cleanup(move || {
        if let Some(screen) = console.screen.try_update_value(Option::take).flatten() {
            screen.close();
        }
    });
}
