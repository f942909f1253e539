//! What stands over the screen while there is none: what happened, and the one thing to do.

use leptos::prelude::*;
use model::console::ConsoleEnd;
use model::machine::{MachineAction, MachineState};

use super::Console;
use super::state::{Event, State};
use crate::components::power::{ActionButton, Power};
use crate::paths;
use crate::ui::{Glyph, Icon, Look, button_class};

/// The overlay; nothing while the picture is there.
#[component]
pub fn Overlay(
    /// The console.
    console: Console,
) -> impl IntoView {
    move || {
        let content = match console.state.get() {
            State::Connected => return None,
            State::Waiting => view! { <Waiting console/> }.into_any(),
            State::Connecting { .. } => view! {
                <Busy>"Connecting to the screen…"</Busy>
                <noscript inner_html="<p>The screen needs JavaScript. Everything else in Porthole works without it.</p>"></noscript>
            }
            .into_any(),
            State::Lost { reason, seconds, .. } => view! {
                <Said glyph=Glyph::Unplug>{reason}</Said>
                <p class="text-stage-quiet">{format!("Connecting again in {seconds} s.")}</p>
                <Press console event=Event::Connect label="Connect now"/>
            }
            .into_any(),
            State::InUse { reason } => view! {
                <Said glyph=Glyph::Person>{reason}</Said>
                <p class="max-w-[44ch] text-stage-quiet">
                    "A machine has one screen. If you take it over, the other side is told, and does not come back by itself."
                </p>
                <div class="flex flex-wrap justify-center gap-2">
                    <Press console event=Event::TakeOver label="Take over"/>
                    <button type="button" class=format!("{} h-10", button_class(Look::Stage)) on:click=move |_| console.happen(Event::Connect)>
                        "Try again"
                    </button>
                </div>
            }
            .into_any(),
            State::Taken { reason } => view! {
                <Said glyph=Glyph::Person>{reason}</Said>
                <p class="max-w-[44ch] text-stage-quiet">"It stays theirs until you take it back."</p>
                <Press console event=Event::TakeOver label="Take back"/>
            }
            .into_any(),
            State::Refused { end, reason } => view! {
                <Said glyph=Glyph::Lock>{reason}</Said>
                {match end {
                    Some(ConsoleEnd::SignedOut) => {
                        let here = console.row.with_untracked(|row| paths::console(&row.at));
                        view! {
                            <a class=button_class(Look::StagePrimary) href=paths::sign_in(&here) rel="external">
                                "Sign in"
                            </a>
                        }
                            .into_any()
                    }
                    _ => view! { <Press console event=Event::Connect label="Try again"/> }.into_any(),
                }}
            }
            .into_any(),
            State::NoGraphics => view! {
                <Said glyph=Glyph::Machine>{ConsoleEnd::NoGraphics.reason()}</Said>
                <a class=button_class(Look::StagePrimary) href=console.row.with_untracked(|row| paths::serial(&row.at))>
                    "Open the serial console"
                </a>
            }
            .into_any(),
            State::Ended => view! {
                <Said glyph=Glyph::Machine>"The screen was closed."</Said>
                <Press console event=Event::Connect label="Connect again"/>
            }
            .into_any(),
        };
        Some(view! {
            <div class="absolute inset-0 grid place-items-center overflow-auto bg-stage/85 p-6">
                <div class="flex flex-col items-center gap-4 text-center">{content}</div>
            </div>
        })
    }
}

/// The machine does not run: start it from here, or watch it come.
#[component]
fn Waiting(console: Console) -> impl IntoView {
    let power = Power::expect();
    let state = Memo::new(move |_| console.row.with(|row| power.state(row)));
    view! {
        {move || match state.get() {
            MachineState::Stopped => {
                view! {
                    <Said glyph=Glyph::Machine>"The machine is switched off."</Said>
                    <ActionButton row=console.row action=MachineAction::Start look=Look::StagePrimary/>
                    <p class="text-stage-quiet">"The screen appears by itself when it runs."</p>
                }
                    .into_any()
            }
            state if state.is_transitional() => {
                view! { <Busy>{format!("The machine is {}. The screen appears by itself.", state.phrase())}</Busy> }.into_any()
            }
            state => {
                view! {
                    <Said glyph=Glyph::Machine>{format!("The machine is {}.", state.phrase())}</Said>
                    <p class="max-w-[52ch] text-stage-quiet">{move || console.row.with(|row| row.reason.clone())}</p>
                    <p class="text-stage-quiet">"The screen appears by itself when it runs."</p>
                }
                    .into_any()
            }
        }}
    }
}

#[component]
fn Said(glyph: Glyph, children: Children) -> impl IntoView {
    view! {
        <span class="grid size-10 place-items-center rounded-full bg-stage-rule text-stage-quiet">
            <Icon glyph/>
        </span>
        <p class="max-w-[52ch] text-lg font-strong">{children()}</p>
    }
}

#[component]
fn Busy(children: Children) -> impl IntoView {
    view! {
        <span class="turning size-7 rounded-full border-2 border-stage-accent border-t-transparent"></span>
        <p class="text-stage-quiet">{children()}</p>
    }
}

#[component]
fn Press(console: Console, event: Event, label: &'static str) -> impl IntoView {
    view! {
        <button type="button" class=button_class(Look::StagePrimary) on:click=move |_| console.happen(event.clone())>
            {label}
        </button>
    }
}
