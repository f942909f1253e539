//! The bar above the screen: where one is, keys, size, power.

use leptos::prelude::*;
use model::ObjectRef;

use super::Console;
use super::keys::{COMBINATIONS, CONTROL_ALT_DELETE};
use super::state::State;
use crate::components::power::Power;
use crate::pages::machine::PowerMenu;
use crate::ui::{Glyph, Icon, Look, Menu, Pill, button_class};
use crate::{paths, platform};

/// The switch between a machine's screen and its serial console.
#[component]
pub fn Views(
    /// The machine.
    at: ObjectRef,
    /// Which one is shown.
    is_serial: bool,
) -> impl IntoView {
    let link = |url: String, label: &'static str, is_here: bool| {
        let look = "aria-[current]:bg-stage-rule aria-[current]:text-stage-ink";
        view! {
            <a class=format!("{} {look}", button_class(Look::Stage)) href=url aria-current=is_here.then_some("page")>
                {label}
            </a>
        }
    };
    view! {
        <nav class="flex items-center gap-0.5" aria-label="View">
            {link(paths::console(&at), "Screen", !is_serial)} {link(paths::serial(&at), "Serial", is_serial)}
        </nav>
    }
}

/// The bar.
#[component]
pub fn Bar(
    /// The console.
    console: Console,
) -> impl IntoView {
    let power = Power::expect();
    let at = console.row.with_untracked(|row| row.at.clone());
    let state = Memo::new(move |_| console.row.with(|row| (power.state(row), row.since)));
    let is_connected = Memo::new(move |_| console.state.with(|state| *state == State::Connected));
    let url = paths::console(&at);
    let refused = move || (!is_connected.get()).then_some("true");
    view! {
        <header class="flex min-h-12 items-center gap-x-1 border-b border-stage-rule bg-stage-raised px-2" data-bar="">
            <a class=button_class(Look::Stage) href=paths::machine(&at) title="Back to the machine">
                <Icon glyph=Glyph::Back/>
                <span class="sr-only">"Back to the machine"</span>
            </a>
            <h1 class="min-w-0 truncate text-base">{at.name.to_string()}</h1>
            <span class="mr-auto ml-2 max-md:[&_time]:hidden">
                {move || {
                    let (state, since) = state.get();
                    view! { <Pill state since/> }
                }}
            </span>
            <Views at=at.clone() is_serial=false/>
            <button
                type="button"
                class=format!("{} max-md:hidden", button_class(Look::Stage))
                aria-disabled=refused
                on:click=move |_| console.press(CONTROL_ALT_DELETE)
            >
                "Ctrl Alt Del"
            </button>
            <Menu
                label="Send keys"
                class=button_class(Look::Stage)
                place="right-0 top-full mt-1 w-44"
                face=|| {
                    view! {
                        <Icon glyph=Glyph::Keyboard/>
                        <span class="max-md:sr-only">"Keys"</span>
                        <Icon glyph=Glyph::Down/>
                    }
                }
            >
                {COMBINATIONS
                    .iter()
                    .map(|combination| {
                        view! {
                            <button
                                type="button"
                                class=button_class(Look::Item)
                                aria-disabled=refused
                                on:click=move |_| console.press(combination.keys)
                            >
                                {combination.label}
                            </button>
                        }
                    })
                    .collect_view()}
                <p class="prose-line border-t border-rule px-2 pt-2 pb-1 text-xs text-ink-faint">
                    "Hold Ctrl, Alt and Shift to get the keyboard back."
                </p>
            </Menu>
            <button
                type="button"
                class=format!("{} max-sm:hidden", button_class(Look::Stage))
                aria-pressed=move || if console.fits.get() { "true" } else { "false" }
                title="Fit the picture into the window, or show it in its own size"
                on:click=move |_| console.set_fit(!console.fits.get_untracked())
            >
                <Icon glyph=Glyph::Fit/>
                <span class="max-md:sr-only">"Fit"</span>
            </button>
            <button
                type="button"
                class=button_class(Look::Stage)
                title="Full screen"
                on:click=move |_| platform::toggle_full_screen(console.whole)
            >
                <Icon glyph=Glyph::Maximize/>
                <span class="sr-only">"Full screen"</span>
            </button>
            <button
                type="button"
                class=format!("{} max-md:hidden", button_class(Look::Stage))
                title="Open in a window of its own"
                on:click=move |_| platform::pop_out(&url)
            >
                <Icon glyph=Glyph::PopOut/>
                <span class="sr-only">"Pop out"</span>
            </button>
            <span data-page-actions="">
                <PowerMenu row=console.row/>
            </span>
        </header>
    }
}
