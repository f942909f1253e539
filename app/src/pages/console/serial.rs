//! A machine's serial console, in the screen's place. What is in the terminal is drawn by `public/terminal.js`, which
//! waits for a machine that is off and asks before it takes the line from somebody else.

use leptos::prelude::*;
use model::machine::MachineRow;

use super::bar::Views;
use crate::components::live_part::{LivePart, PartOptions};
use crate::components::power::{Power, RefusedAction};
use crate::pages::machine::PowerMenu;
use crate::paths;
use crate::platform::PartKind;
use crate::ui::{Glyph, Icon, Look, Pill, button_class};

/// The page in this view.
#[component]
pub fn Serial(
    /// The machine.
    row: Memo<MachineRow>,
) -> impl IntoView {
    let power = Power::expect();
    let at = row.with_untracked(|row| row.at.clone());
    let state = Memo::new(move |_| row.with(|row| (power.state(row), row.since)));
    let options = PartOptions {
        kind: "serial",
        path: paths::serial_socket(&at),
        label: format!("Serial console of {}", at.name),
        ..PartOptions::default()
    };
    view! {
        <div class="on-stage flex h-dvh flex-col bg-stage text-stage-ink">
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
                <Views at=at.clone() is_serial=true/>
                <span data-page-actions="">
                    <PowerMenu row/>
                </span>
            </header>
            <RefusedAction/>
            <LivePart kind=PartKind::Terminal options class="flex min-h-0 flex-1 flex-col">
                <noscript inner_html="<p>The serial console needs JavaScript. virtctl console opens it in a terminal.</p>"></noscript>
            </LivePart>
        </div>
    }
}
