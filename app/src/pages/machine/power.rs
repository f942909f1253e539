//! The power actions of a machine's page and console, with a question before those that cost the guest its data.

use leptos::prelude::*;
use model::machine::{MachineAction, MachineRow};
use model::rules::is_slow_to_stop;

use super::delete::DeleteItem;
use crate::clock::Clock;
use crate::components::power::{ActionButton, MoveItem, Viewer, action_glyph, hold_action};
use crate::paths;
use crate::ui::{Cancel, Dialog, Glyph, Icon, Look, Menu, Notice, Tone, button_class};

/// The power actions: the likely ones as buttons, the rest in a menu with their reasons.
#[component]
pub(super) fn PowerBar(row: Memo<MachineRow>, copy: Memo<Option<String>>) -> impl IntoView {
    let is_possible = move |action| row.with(|row| row.offer(action).is_some_and(|offer| offer.denied.is_none()));
    let starts = Memo::new(move |_| is_possible(MachineAction::Start));
    let hold = Memo::new(move |_| row.with(hold_action));
    let console = row.with_untracked(|row| paths::console(&row.at));
    let template = row.with_untracked(|row| paths::template_of(&row.at));
    view! {
        {move || {
            if starts.get() {
                view! { <ActionButton row action=MachineAction::Start look=Look::Primary/> }.into_any()
            } else {
                view! {
                    <ActionButton row action=MachineAction::Stop look=Look::Plain/>
                    <ActionButton row action=MachineAction::Restart look=Look::Plain/>
                    {move || {
                        let action = hold.get();
                        view! { <ActionButton row action look=Look::Plain/> }
                    }}
                }
                    .into_any()
            }
        }}
        <Menu label="More actions" class=button_class(Look::Plain) face=|| view! { <Icon glyph=Glyph::More/> }>
            {move || {
                let hidden = if starts.get() {
                    [MachineAction::Stop, MachineAction::Restart, MachineAction::Pause, MachineAction::SoftReboot].as_slice()
                } else {
                    [MachineAction::Start, MachineAction::SoftReboot].as_slice()
                };
                hidden.iter().map(|action| view! { <ActionButton row action=*action look=Look::Item/> }).collect_view()
            }}
            <RiskyItem row risk=&RESET/>
            <ForceItem row/>
            <MoveItem row/>
            {move || {
                copy.get()
                    .map(|href| {
                        view! {
                            <a class=button_class(Look::Item) href=href>
                                <Icon glyph=Glyph::Copy/>
                                "Make an image of it…"
                            </a>
                        }
                    })
            }}
            <a class=button_class(Look::Item) href=template>
                <Icon glyph=Glyph::Label/>
                "Save as template…"
            </a>
            <DeleteItem/>
        </Menu>
        <RiskyDialog row risk=&RESET/>
        <RiskyDialog row risk=&FORCE_OFF/>
        <a class="hidden" href=console data-console="" tabindex="-1" aria-hidden="true"></a>
    }
}

/// All power actions in one menu, for beside the screen.
#[component]
pub fn PowerMenu(
    /// The machine.
    #[prop(into)]
    row: Signal<MachineRow>,
) -> impl IntoView {
    let hold = Memo::new(move |_| row.with(hold_action));
    let face = || {
        view! {
            <Icon glyph=Glyph::Power/>
            <span class="max-md:sr-only">"Power"</span>
            <Icon glyph=Glyph::Down/>
        }
    };
    view! {
        <Menu label="Power" class=button_class(Look::Stage) face=face>
            {move || {
                let hold = hold.get();
                [MachineAction::Start, MachineAction::Stop, MachineAction::Restart, hold, MachineAction::SoftReboot]
                    .map(|action| view! { <ActionButton row action look=Look::Item/> })
            }}
            <RiskyItem row risk=&RESET/>
            <ForceItem row/>
        </Menu>
        <RiskyDialog row risk=&RESET/>
        <RiskyDialog row risk=&FORCE_OFF/>
    }
}

/// An action that costs the guest what it has not written: its button only asks.
struct Risk {
    action: MachineAction,
    /// The question's id.
    id: &'static str,
    /// What the question begins with.
    verb: &'static str,
    /// What happens then.
    about: &'static str,
}

const RESET: Risk = Risk {
    action: MachineAction::Reset,
    id: "confirm-reset",
    verb: "Reset",
    about: "This presses the machine's reset button. The guest is not asked: what it has not written to disk is lost. To let it shut down first, use Restart.",
};

const FORCE_OFF: Risk = Risk {
    action: MachineAction::ForceOff,
    id: "confirm-force-off",
    verb: "Force off",
    about: "This pulls the plug. The guest was asked to shut down and is not waited for any longer: what it has not written to disk is lost.",
};

fn denied(row: Signal<MachineRow>, action: MachineAction) -> Memo<Option<String>> {
    Memo::new(move |_| row.with(|row| row.offer(action).and_then(|offer| offer.denied.clone())))
}

#[component]
fn RiskyItem(#[prop(into)] row: Signal<MachineRow>, risk: &'static Risk) -> impl IntoView {
    let denied = denied(row, risk.action);
    view! {
        {move || {
            if denied.with(Option::is_some) {
                view! { <ActionButton row action=risk.action look=Look::Item/> }.into_any()
            } else {
                view! { <Ask risk look=Look::Item/> }.into_any()
            }
        }}
    }
}

/// The button that opens the question.
#[component]
fn Ask(risk: &'static Risk, look: Look) -> impl IntoView {
    view! {
        <button type="button" class=button_class(look) popovertarget=risk.id>
            <Icon glyph=action_glyph(risk.action)/>
            {risk.action.label()}
            "…"
        </button>
    }
}

/// The question, in a popover that works without WASM. It stands outside the menu, which closes.
#[component]
fn RiskyDialog(#[prop(into)] row: Signal<MachineRow>, risk: &'static Risk) -> impl IntoView {
    let name = row.with_untracked(|row| row.at.name.to_string());
    let viewer = Viewer::words();
    view! {
        <Dialog id=risk.id title=format!("{} {name}?", risk.verb)>
            <p class="prose-line mt-2 text-ink-quiet">{risk.about}</p>
            {move || viewer.get().map(|text| view! { <div class="mt-2"><Notice tone=Tone::Warn>{text}</Notice></div> })}
            <div class="mt-4 flex justify-end gap-2">
                <Cancel of=risk.id/>
                <ActionButton row action=risk.action look=Look::Danger/>
            </div>
        </Dialog>
    }
}

/// Whether the machine is stopping for too long, and may be forced off.
fn is_slow(row: Signal<MachineRow>) -> Memo<bool> {
    let clock = Clock::expect();
    let denied = denied(row, MachineAction::ForceOff);
    Memo::new(move |_| {
        let now = clock.now();
        denied.with(Option::is_none) && row.with(|row| is_slow_to_stop(row.state, row.since, now))
    })
}

#[component]
fn ForceItem(#[prop(into)] row: Signal<MachineRow>) -> impl IntoView {
    let is_slow = is_slow(row);
    move || is_slow.get().then(|| view! { <RiskyItem row risk=&FORCE_OFF/> })
}

/// The way out where a guest does not shut down.
#[component]
pub(super) fn SlowStop(
    /// The machine.
    #[prop(into)]
    row: Signal<MachineRow>,
) -> impl IntoView {
    let is_slow = is_slow(row);
    move || {
        is_slow.get().then(|| {
            view! {
                <Notice tone=Tone::Warn>
                    <p>
                        "The guest was asked to shut down and has not done so yet. It may be finishing its work, installing updates, or not listening to the power button."
                    </p>
                    <div class="mt-2">
                        <Ask risk=&FORCE_OFF look=Look::Plain/>
                    </div>
                </Notice>
            }
        })
    }
}
