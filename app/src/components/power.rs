//! Power actions: real forms, so that they work before and without WASM.
//!
//! With WASM a press shows at once what is on its way, and the watch confirms it; nothing final is ever made
//! up here. A refusal is told in the cluster's words and the state goes back to what the cluster says.

use core::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_query_map;
use model::ObjectRef;
use model::live::LiveKind;
use model::machine::{MachineAction, MachineRow, MachineState};
use server_fn::ServerFn;
use server_fn::error::ServerFnUrlError;

use super::toasts::Toasts;
use super::undo::Undo;
use crate::api::ApiError;
use crate::api::machines::{ActOnMachine, act_on_machine};
use crate::live::Live;
use crate::paths;
use crate::ui::{Glyph, Icon, Look, Notice, Tone, button_class};

/// How long a press may show its effect before the cluster shows it.
const PATIENCE: Duration = Duration::from_secs(8);

/// A press whose effect the cluster has not shown yet.
#[derive(Clone, Debug, PartialEq)]
struct Pending {
    at: ObjectRef,
    action: MachineAction,
    was: MachineState,
}

/// The presses of this page.
#[derive(Clone, Copy)]
pub struct Power {
    pending: RwSignal<Vec<Pending>>,
    toasts: Toasts,
    live: Live,
    undo: Undo,
}

/// Who else has the machine's screen open, for the page of one machine.
#[derive(Clone, Copy)]
pub struct Viewer(pub Memo<Option<String>>);

impl Viewer {
    /// A sentence about them, where a page knows.
    pub fn words() -> Signal<Option<String>> {
        let viewer = use_context::<Self>();
        Signal::derive(move || {
            let name = viewer.and_then(|Self(viewer)| viewer.get())?;
            Some(format!("{name} has its screen open."))
        })
    }
}

impl Power {
    /// For everything below.
    pub fn provide(toasts: Toasts, live: Live) -> Self {
        let power = Self { pending: RwSignal::new(Vec::new()), toasts, live, undo: Undo::expect() };
        provide_context(power);
        power
    }

    /// The page's own.
    pub fn expect() -> Self {
        use_context().unwrap_or_else(|| Self::provide(Toasts::expect(), Live::expect()))
    }

    /// The state to show: what the cluster says, or what a press has just set off.
    pub fn state(self, row: &MachineRow) -> MachineState {
        self.pending.with(|pending| {
            pending
                .iter()
                .find(|press| press.at == row.at && press.was == row.state)
                .and_then(|press| on_its_way(press.action))
                .unwrap_or(row.state)
        })
    }

    /// Whether an action of this machine is on its way to the cluster.
    fn is_pending(self, at: &ObjectRef, state: MachineState) -> bool {
        self.pending.with(|pending| pending.iter().any(|press| press.at == *at && press.was == state))
    }

    /// Asks the cluster: at once, or after a moment to call it off where that costs somebody their work.
    fn press(self, at: ObjectRef, action: MachineAction, was: MachineState, viewer: Option<String>) {
        let Some(text) = in_a_moment(action, &at) else { return self.run(at, action, was) };
        let text = viewer.map_or_else(|| text.clone(), |viewer| format!("{text} {viewer}"));
        self.undo.later(text, move || self.run(at.clone(), action, was));
    }

    /// Asks the cluster.
    pub fn run(self, at: ObjectRef, action: MachineAction, was: MachineState) {
        self.pending.update(|pending| {
            pending.retain(|press| press.at != at);
            pending.push(Pending { at: at.clone(), action, was });
        });
        spawn_local(async move {
            let answer = act_on_machine(at.namespace.to_string(), at.name.to_string(), action.word().to_owned()).await;
            match answer {
                Ok(()) => {
                    self.toasts.say(Tone::Good, done(action, &at));
                    self.live.raise(LiveKind::Machine);
                    set_timeout(move || self.forget(&at), PATIENCE);
                }
                Err(ApiError(error)) => {
                    self.forget(&at);
                    self.toasts.say(Tone::Bad, format!("{}: {}", at.name, error.message));
                }
            }
        });
    }

    /// Says why nothing happens.
    fn refuse(self, at: &ObjectRef, reason: &str) {
        self.toasts.say(Tone::Warn, format!("{}: {reason}", at.name));
    }

    fn forget(self, at: &ObjectRef) {
        self.pending.try_update(|pending| pending.retain(|press| press.at != *at));
    }
}

/// The state that an action sets off; none where the cluster answers faster than anybody could read.
const fn on_its_way(action: MachineAction) -> Option<MachineState> {
    match action {
        MachineAction::Start => Some(MachineState::Starting),
        MachineAction::Stop | MachineAction::Restart => Some(MachineState::Stopping),
        MachineAction::Migrate => Some(MachineState::Migrating),
        _ => None,
    }
}

/// What is about to happen, for actions that wait a moment first.
fn in_a_moment(action: MachineAction, at: &ObjectRef) -> Option<String> {
    match action {
        MachineAction::Stop => Some(format!("{} is about to be shut down.", at.name)),
        MachineAction::Restart => Some(format!("{} is about to be restarted.", at.name)),
        _ => None,
    }
}

/// What has been set off, in a sentence.
fn done(action: MachineAction, at: &ObjectRef) -> String {
    let name = &at.name;
    match action {
        MachineAction::Start => format!("{name} is starting."),
        MachineAction::Stop => format!("{name} was asked to shut down."),
        MachineAction::ForceOff => format!("{name} is being forced off."),
        MachineAction::Restart => format!("{name} is restarting."),
        MachineAction::Pause => format!("{name} is paused. Its memory is kept."),
        MachineAction::Unpause => format!("{name} goes on."),
        MachineAction::SoftReboot => format!("{name}'s guest was asked to reboot."),
        MachineAction::Reset => format!("{name} was reset."),
        MachineAction::Migrate => format!("{name} is about to move to another node. It works meanwhile."),
        MachineAction::OpenConsole => String::new(),
    }
}

/// Pause, or resume where there is something to resume.
pub fn hold_action(row: &MachineRow) -> MachineAction {
    let resumes = row.offer(MachineAction::Unpause).is_some_and(|offer| offer.denied.is_none());
    if resumes { MachineAction::Unpause } else { MachineAction::Pause }
}

/// The icon of an action.
pub const fn action_glyph(action: MachineAction) -> Glyph {
    match action {
        MachineAction::Start => Glyph::Start,
        MachineAction::Stop => Glyph::Stop,
        MachineAction::ForceOff => Glyph::Power,
        MachineAction::Restart => Glyph::Restart,
        MachineAction::Pause => Glyph::Pause,
        MachineAction::Unpause => Glyph::Resume,
        MachineAction::SoftReboot => Glyph::Reboot,
        MachineAction::Reset => Glyph::Reset,
        MachineAction::Migrate => Glyph::Node,
        MachineAction::OpenConsole => Glyph::Machine,
    }
}

/// The key that does it.
const fn action_key(action: MachineAction) -> Option<&'static str> {
    match action {
        MachineAction::Start => Some("s"),
        MachineAction::Stop => Some("x"),
        MachineAction::OpenConsole => Some("c"),
        _ => None,
    }
}

/// One action as a button. One that is not possible stays reachable and says why.
#[component]
pub fn ActionButton(
    /// The machine as the cluster has it.
    #[prop(into)]
    row: Signal<MachineRow>,
    /// What the button does.
    action: MachineAction,
    /// How it looks.
    look: Look,
    /// Whether only the icon is shown.
    #[prop(optional)]
    is_bare: bool,
) -> impl IntoView {
    let power = Power::expect();
    let viewer = Viewer::words();
    let at = row.with_untracked(|row| row.at.clone());
    let pressed = at.clone();
    let denied = Memo::new(move |_| {
        row.with(|row| {
            if power.is_pending(&row.at, row.state) {
                return Some("Already on its way.".to_owned());
            }
            row.offer(action).map_or_else(|| Some("Not offered.".to_owned()), |offer| offer.denied.clone())
        })
    });
    let hint = move || match (denied.get(), action_key(action)) {
        (Some(reason), _) => reason,
        (None, Some(key)) => format!("{}  ({key})", action.label()),
        (None, None) => action.label().to_owned(),
    };
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some(reason) = denied.get_untracked() {
            power.refuse(&pressed, &reason);
        } else {
            let state = row.with_untracked(|row| row.state);
            power.press(pressed.clone(), action, state, viewer.get_untracked());
        }
    };
    let is_item = look == Look::Item;
    view! {
        <form method="post" action=ActOnMachine::url() data-action=action.word() on:submit=on_submit>
            <input type="hidden" name="namespace" value=at.namespace.to_string()/>
            <input type="hidden" name="name" value=at.name.to_string()/>
            <input type="hidden" name="action" value=action.word()/>
            <button
                type="submit"
                class=button_class(look)
                aria-disabled=move || denied.with(Option::is_some).then_some("true")
                title=hint
                aria-label=is_bare.then_some(action.label())
            >
                <Icon glyph=action_glyph(action)/>
                {(!is_bare)
                    .then(|| {
                        view! {
                            <span class="min-w-0">
                                {action.label()}
                                {is_item
                                    .then(|| {
                                        view! {
                                            <span class="block text-xs text-ink-faint empty:hidden">
                                                {move || denied.get()}
                                            </span>
                                        }
                                    })}
                            </span>
                        }
                    })}
            </button>
        </form>
    }
}

/// The way to the choice of a node in a menu; where the machine cannot move, why.
#[component]
pub fn MoveItem(
    /// The machine as the cluster has it.
    #[prop(into)]
    row: Signal<MachineRow>,
) -> impl IntoView {
    let href = row.with_untracked(|row| paths::move_machine(&row.at));
    let is_possible = Memo::new(move |_| {
        row.with(|row| row.offer(MachineAction::Migrate).is_some_and(|offer| offer.denied.is_none()))
    });
    move || {
        if is_possible.get() {
            let href = href.clone();
            view! {
                <a class=button_class(Look::Item) href=href>
                    <Icon glyph=action_glyph(MachineAction::Migrate)/>
                    {MachineAction::Migrate.label()}
                    "…"
                </a>
            }
            .into_any()
        } else {
            view! { <ActionButton row action=MachineAction::Migrate look=Look::Item/> }.into_any()
        }
    }
}

/// What a plain form's refused action said, after the way back to this page. Without WASM this is the toast.
#[component]
pub fn RefusedAction() -> impl IntoView {
    let params = use_query_map();
    move || {
        let (path, error) = params.with(|params| (params.get("__path"), params.get("__err")));
        let (Some(path), Some(error)) = (path, error) else { return None };
        ["/api/machines/", "/api/templates/", "/api/inventory/", "/api/nodes/", "/api/migrations/"]
            .iter()
            .any(|start| path.starts_with(start))
            .then(|| {
                let error = ServerFnUrlError::<ApiError>::decode_err(&error);
                view! {
                    <div class="mb-4">
                        <Notice tone=Tone::Bad>{error.0.message}</Notice>
                    </div>
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_only_shows_states_that_pass_by_themselves() {
        for action in MachineAction::ALL {
            if let Some(state) = on_its_way(action) {
                assert!(state.is_transitional(), "{action:?} must not show a final state that nobody has seen");
            }
        }
    }
}
