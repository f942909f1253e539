//! The stage: a picture of the machine's screen while it runs, and the way on when it does not.

use core::time::Duration;

use leptos::prelude::*;
use model::machine::{MachineAction, MachineRow, MachineState};

use crate::components::picture::ScreenPicture;
use crate::components::power::{ActionButton, Power};
use crate::paths;
use crate::platform;
use crate::ui::{Glyph, Icon, Look, button_class};

/// How old the picture may get while somebody looks.
const PICTURE_AGE: Duration = Duration::from_secs(5);

/// What stands on the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    /// The screen, and the way in.
    Screen,
    /// Off: the start button in the middle.
    Off,
    /// On its way; nothing to see yet.
    Between,
}

fn scene(state: MachineState) -> Scene {
    match state {
        MachineState::Running | MachineState::Paused | MachineState::Migrating => Scene::Screen,
        MachineState::Stopped => Scene::Off,
        _ => Scene::Between,
    }
}

/// The stage of a machine's page.
#[component]
pub fn Stage(
    /// The machine.
    row: Memo<MachineRow>,
) -> impl IntoView {
    let power = Power::expect();
    let at = row.with_untracked(|row| row.at.clone());
    let console = paths::console(&at);
    let popped = console.clone();
    let name = at.name.to_string();
    let state = Memo::new(move |_| row.with(|row| power.state(row)));
    let set = Memo::new(move |_| scene(state.get()));
    let denied = Memo::new(move |_| {
        row.with(|row| row.offer(MachineAction::OpenConsole).and_then(|offer| offer.denied.clone()))
    });
    view! {
        <section class="on-stage overflow-hidden rounded-panel bg-stage text-stage-ink" aria-label="Screen">
            <div class="relative grid aspect-[16/10] max-h-[68vh] w-full place-items-center overflow-hidden">
                {move || match set.get() {
                    Scene::Screen => {
                        let (at, console) = (at.clone(), console.clone());
                        let alt = format!("Picture of the screen of {name}");
                        view! {
                            <span class="text-sm text-stage-quiet">{move || denied.get().unwrap_or_else(|| "No picture yet".to_owned())}</span>
                            {move || {
                                denied.get().is_none().then(|| {
                                    view! {
                                        <ScreenPicture at=at.clone() every=PICTURE_AGE alt=alt.clone()/>
                                        <a
                                            href=console.clone()
                                            class="group absolute inset-0 grid place-items-center focus-visible:-outline-offset-4 focus-visible:outline-stage-accent"
                                            aria-label="Open the screen"
                                        >
                                            <span class=format!("{} opacity-0 transition-opacity group-hover:opacity-100 group-focus-visible:opacity-100", button_class(Look::StagePrimary))>
                                                <Icon glyph=Glyph::Machine/>
                                                "Open the screen"
                                            </span>
                                        </a>
                                    }
                                })
                            }}
                        }
                            .into_any()
                    }
                    Scene::Off => {
                        view! {
                            <div class="flex flex-col items-center gap-4 text-center">
                                <p class="text-stage-quiet">"The machine is switched off."</p>
                                <ActionButton row action=MachineAction::Start look=Look::StagePrimary/>
                            </div>
                        }
                            .into_any()
                    }
                    Scene::Between => {
                        view! {
                            <div class="flex flex-col items-center gap-3 px-6 text-center text-stage-quiet">
                                {move || {
                                    state
                                        .get()
                                        .is_transitional()
                                        .then(|| {
                                            view! {
                                                <span class="turning size-7 rounded-full border-2 border-stage-accent border-t-transparent"></span>
                                            }
                                        })
                                }}
                                <p>{move || between(state.get())}</p>
                            </div>
                        }
                            .into_any()
                    }
                }}
            </div>
            <StageBar console=popped denied/>
        </section>
    }
}

/// The ways to the console, or why there is none.
#[component]
fn StageBar(console: String, denied: Memo<Option<String>>) -> impl IntoView {
    view! {
        <div class="flex h-11 items-center gap-1 border-t border-stage-rule bg-stage-raised px-2">
            {move || {
                let popped = console.clone();
                let href = popped.clone();
                match denied.get() {
                    Some(reason) => {
                        view! { <span class="truncate px-2 text-sm text-stage-quiet">{reason}</span> }.into_any()
                    }
                    None => {
                        view! {
                            <a class=button_class(Look::Stage) href=href title="Open console  (c)">
                                <Icon glyph=Glyph::Keyboard/>
                                "Open console"
                            </a>
                            <a
                                class=format!("{} ml-auto", button_class(Look::Stage))
                                href=popped.clone()
                                target="_blank"
                                rel="external"
                                title="Open the console in a window of its own"
                                on:click=move |event| {
                                    event.prevent_default();
                                    platform::pop_out(&popped);
                                }
                            >
                                <Icon glyph=Glyph::PopOut/>
                                "Pop out"
                            </a>
                        }
                            .into_any()
                    }
                }
            }}
        </div>
    }
}

/// What goes on while there is nothing to see.
const fn between(state: MachineState) -> &'static str {
    match state {
        MachineState::Starting => "Starting. The screen appears here by itself.",
        MachineState::Stopping => "Shutting down. The guest was asked and takes its time.",
        MachineState::Provisioning => "Its disks are being made. It starts when they are ready.",
        MachineState::Waiting => "It waits for something outside of it; the timeline says what.",
        MachineState::Trouble => "No screen, because the machine does not run.",
        MachineState::Terminating => "It is being deleted.",
        _ => "The cluster does not say what the machine is doing.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_machine_with_a_guest_shows_a_screen() {
        for state in MachineState::ALL {
            assert!(scene(state) != Scene::Screen || state.has_guest(), "{state:?}");
        }
    }
}
