//! One machine: its screen, what can be done with it, and what is known about it.

mod change;
mod delete;
mod facts;
mod stage;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use model::live::LiveKind;
use model::machine::{MachineAction, MachineDetail, MachineRow};

use crate::api;
use crate::clock::Clock;
use crate::components::events::Timeline;
use crate::components::findings::Findings;
use crate::components::labels::Labels;
use crate::components::power::{ActionButton, Power, RefusedAction, hold_action};
use crate::live::Live;
use crate::paths;
use crate::ui::{Cancel, Dialog, Glyph, Icon, Loaded, Look, Menu, Panel, Pill, Skeleton, button_class};

/// The page.
#[component]
pub fn MachinePage() -> impl IntoView {
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
    let title = name.clone();
    let detail = Resource::new(
        move || (live.version(LiveKind::Machine), live.version(LiveKind::Event)),
        move |_| api::machines::get_machine(namespace.clone(), name.clone()),
    );
    view! {
        <Title text=title/>
        <RefusedAction/>
        <Loaded resource=detail is_page=true waiting=|| view! { <Waiting/> } let:detail>
            <Shown detail/>
        </Loaded>
    }
}

#[component]
fn Waiting() -> impl IntoView {
    view! {
        <div class="late grid gap-6 lg:grid-cols-[minmax(0,1fr)_20rem]">
            <div class="aspect-[16/10] rounded-panel bg-stage"></div>
            <Skeleton rows=8/>
        </div>
    }
}

#[component]
fn Shown(detail: Memo<MachineDetail>) -> impl IntoView {
    let row = Memo::new(move |_| detail.with(|detail| detail.row.clone()));
    let findings = Signal::derive(move || detail.with(|detail| detail.findings.clone()));
    let copy = Memo::new(move |_| detail.with(MachineDetail::disk_to_copy).map(|disk| paths::copy_image(&disk)));
    look_again(detail);
    view! {
        <Header row copy/>
        <div class="mt-3 empty:hidden">
            <Findings findings row=row/>
        </div>
        <div class="mt-4 grid gap-x-8 gap-y-8 lg:grid-cols-[minmax(0,1fr)_19rem] xl:grid-cols-[minmax(0,1fr)_22rem]">
            <div class="min-w-0">
                <stage::Stage row/>
            </div>
            <facts::Side detail/>
            <change::Changes at=row.with_untracked(|row| row.at.clone())/>
            <Panel title="Timeline" glyph=Glyph::Clock>
                {move || view! { <Timeline events=detail.with(|detail| detail.events.clone())/> }}
            </Panel>
            <facts::Conditions detail/>
            {move || {
                let labels = detail.with(|detail| detail.labels.clone());
                (!labels.is_empty())
                    .then(|| {
                        view! {
                            <Panel title="Labels" glyph=Glyph::Label>
                                <Labels labels=labels/>
                            </Panel>
                        }
                    })
            }}
        </div>
    }
}

/// Asks again when something that is normal for now has had its time, though nothing in the cluster changes then.
fn look_again(detail: Memo<MachineDetail>) {
    let (live, clock) = (Live::expect(), Clock::expect());
    let until = Memo::new(move |_| detail.with(|detail| detail.findings.iter().filter_map(|f| f.normal_until).min()));
    Effect::new(move |_| {
        if let Some(until) = until.get() {
            let left = u64::try_from(until - clock.now_untracked()).unwrap_or(0);
            set_timeout(move || live.raise(LiveKind::Machine), core::time::Duration::from_secs(left + 1));
        }
    });
}

/// Name, state and what can be done.
#[component]
fn Header(row: Memo<MachineRow>, copy: Memo<Option<String>>) -> impl IntoView {
    let power = Power::expect();
    let at = row.with_untracked(|row| row.at.clone());
    let state = Memo::new(move |_| row.with(|row| (power.state(row), row.since)));
    let node = Memo::new(move |_| row.with(|row| row.node.clone()));
    view! {
        <div class="flex flex-wrap items-center gap-x-3 gap-y-2">
            <a class=format!("{} -ml-2", button_class(Look::Quiet)) href=paths::MACHINES>
                <Icon glyph=Glyph::Back/>
                "Machines"
            </a>
            <h1 class="min-w-0 truncate text-xl">{at.name.to_string()}</h1>
            {move || {
                let (state, since) = state.get();
                view! { <Pill state since/> }
            }}
            <span class="truncate text-sm text-ink-faint">
                {at.namespace.to_string()} {move || node.get().map(|node| format!(" · on {node}"))}
            </span>
            <div class="flex flex-wrap items-center gap-2 max-md:w-full md:ml-auto" data-page-actions="">
                <PowerBar row copy/>
            </div>
        </div>
    }
}

/// The power actions: the likely ones as buttons, the rest in a menu with their reasons.
#[component]
fn PowerBar(row: Memo<MachineRow>, copy: Memo<Option<String>>) -> impl IntoView {
    let is_possible = move |action| row.with(|row| row.offer(action).is_some_and(|offer| offer.denied.is_none()));
    let starts = Memo::new(move |_| is_possible(MachineAction::Start));
    let hold = Memo::new(move |_| row.with(hold_action));
    let console = row.with_untracked(|row| paths::console(&row.at));
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
            <ResetItem row/>
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
            <delete::DeleteItem/>
        </Menu>
        <ResetDialog row/>
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
            <ResetItem row/>
        </Menu>
        <ResetDialog row/>
    }
}

/// Reset hits the guest's data, so its button only asks.
#[component]
fn ResetItem(#[prop(into)] row: Signal<MachineRow>) -> impl IntoView {
    let denied =
        Memo::new(move |_| row.with(|row| row.offer(MachineAction::Reset).and_then(|offer| offer.denied.clone())));
    view! {
        {move || {
            if denied.with(Option::is_some) {
                view! { <ActionButton row action=MachineAction::Reset look=Look::Item/> }.into_any()
            } else {
                view! {
                    <button type="button" class=button_class(Look::Item) popovertarget="confirm-reset">
                        <Icon glyph=Glyph::Reset/>
                        "Reset…"
                    </button>
                }
                    .into_any()
            }
        }}
    }
}

/// The question before a reset, in a popover that works without WASM. It stands outside the menu, which closes.
#[component]
fn ResetDialog(#[prop(into)] row: Signal<MachineRow>) -> impl IntoView {
    let name = row.with_untracked(|row| row.at.name.to_string());
    view! {
        <Dialog id="confirm-reset" title=format!("Reset {name}?")>
            <p class="prose-line mt-2 text-ink-quiet">
                "This presses the machine's reset button. The guest is not asked: what it has not written to disk is lost. To let it shut down first, use Restart."
            </p>
            <div class="mt-4 flex justify-end gap-2">
                <Cancel of="confirm-reset"/>
                <ActionButton row action=MachineAction::Reset look=Look::Danger/>
            </div>
        </Dialog>
    }
}
