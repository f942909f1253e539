//! The list of shortcuts, in a popover that opens without WASM too, and the listener behind them.

use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use super::palette::Palette;
use crate::platform;
use crate::shortcuts::{Command, HELP, Keys};
use crate::ui::{Glyph, Icon};

/// The list.
#[component]
pub fn Help() -> impl IntoView {
    listen();
    view! {
        <div
            id="help"
            popover="auto"
            class="float m-auto w-[min(26rem,calc(100vw-2rem))] p-5"
            role="dialog"
            aria-labelledby="help-title"
        >
            <div class="mb-3 flex items-center">
                <h2 id="help-title" class="text-lg">
                    "Keyboard"
                </h2>
                <button
                    type="button"
                    popovertarget="help"
                    popovertargetaction="hide"
                    class="ml-auto grid size-7 place-items-center rounded-control text-ink-faint hover:bg-off-soft hover:text-ink"
                    aria-label="Close"
                >
                    <Icon glyph=Glyph::Close/>
                </button>
            </div>
            <dl class="grid grid-cols-[auto_1fr] items-center gap-x-5 gap-y-2 text-sm">
                {HELP
                    .iter()
                    .map(|(keys, what)| {
                        view! {
                            <dt class="flex gap-1">
                                {keys.iter().map(|key| view! { <Key key/> }).collect_view()}
                            </dt>
                            <dd>{*what}</dd>
                        }
                    })
                    .collect_view()}
            </dl>
            <p class="prose-line mt-4 border-t border-rule pt-3 text-xs text-ink-faint">
                "On a machine's screen every key goes to the machine. Hold Control, Alt and Shift together to get the keyboard back."
            </p>
        </div>
    }
}

/// A key's cap.
#[component]
pub fn Key(
    /// What is on it.
    key: &'static str,
) -> impl IntoView {
    view! {
        <kbd class="inline-grid h-5 min-w-5 place-items-center rounded border border-rule bg-paper px-1 font-mono text-xs text-ink-quiet">
            {key}
        </kbd>
    }
}

fn listen() {
    let navigate = use_navigate();
    let palette = Palette::expect();
    Effect::new(move |_| {
        let navigate = navigate.clone();
        let mut keys = Keys::default();
        platform::close_menus_on_leave();
        platform::listen_keys(move |key| {
            let Some(command) = keys.press(key) else { return false };
            match command {
                Command::Palette => palette.open(),
                Command::Search => platform::focus_search(),
                Command::Help => platform::toggle_help(),
                Command::Go(path) => navigate(path, leptos_router::NavigateOptions::default()),
                Command::Move(by) => return platform::move_row(by),
                Command::Start => platform::submit_action("start"),
                Command::Stop => platform::submit_action("stop"),
                Command::Console => platform::open_console(),
            }
            true
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_each_shortcut_once() {
        let mut all: Vec<_> = HELP.iter().map(|(keys, _)| keys.join(" ")).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), HELP.len());
    }
}
