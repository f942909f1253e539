//! Machines as rows of a list.

use leptos::prelude::*;
use model::machine::{MachineAction, MachineRow};
use model::query::key::MACHINES;
use model::query::{Key, ListQuery, MachineList};

use super::bulk::Pick;
use super::cells::{ColumnHead, Why, age_cell, code_cell, list_cell, number_cell, text_cell};
use super::listing::Rows;
use super::peek::{Peek, PeekCorner};
use super::power::{ActionButton, MoveItem, Power, hold_action};
use super::sort::SortHead;
use crate::paths;
use crate::ui::{Glyph, Icon, Look, Menu, Pill, button_class};
use crate::words;

/// The table.
#[component]
pub fn MachineTable(
    /// The rows of this page.
    list: Memo<MachineList>,
    /// The list's query.
    query: Memo<ListQuery>,
    /// Whether rows name their team.
    #[prop(into)]
    names_team: Signal<bool>,
) -> impl IntoView {
    let base = paths::MACHINES;
    let peek = Peek::new();
    let columns = Memo::new(move |_| query.with(|query| MACHINES.columns_of(&query.columns)));
    view! {
        <PeekCorner peek/>
        <table class="rows" role="table" on:pointerleave=move |_| peek.leave() on:focusout=move |_| peek.leave()>
            <thead>
                <tr>
                    <th scope="col">
                        <span class="sr-only">"Choose"</span>
                    </th>
                    <SortHead key=Key::Name base query/>
                    <SortHead key=Key::State base query/>
                    {move || columns.get().into_iter().map(|key| view! { <ColumnHead key base query/> }).collect_view()}
                    <th scope="col">
                        <span class="sr-only">"Actions"</span>
                    </th>
                </tr>
            </thead>
            <tbody>
                <Rows list let:row>
                    <Row row columns names_team peek/>
                </Rows>
            </tbody>
        </table>
    }
}

/// One cell of a chosen column.
fn cell(row: &MachineRow, key: Key) -> AnyView {
    match key {
        Key::Cpu => number_cell(row.cpus.map(|cpus| (cpus.to_string(), ""))),
        Key::Memory => number_cell(row.memory_mib.map(words::memory)),
        Key::CpuUsed => number_cell(row.used.map(|used| (words::cpu(used.cpu_milli), ""))),
        Key::MemoryUsed => number_cell(row.used.map(|used| words::memory(used.memory_mib))),
        Key::Address => code_cell(row.addresses.first().cloned()),
        Key::Node => text_cell(row.node.clone()),
        Key::Os => text_cell(row.os.clone()),
        Key::Image => list_cell(&row.images),
        Key::Label => list_cell(&row.labels),
        Key::Age => age_cell(row.created),
        _ => text_cell(None),
    }
}

#[component]
fn Row(row: Memo<MachineRow>, columns: Memo<Vec<Key>>, names_team: Signal<bool>, peek: Peek) -> impl IntoView {
    let power = Power::expect();
    let at = row.with_untracked(|row| row.at.clone());
    let (name, team) = (at.name.to_string(), at.namespace.to_string());
    let state = Memo::new(move |_| row.with(|row| (power.state(row), row.since)));
    let look = move || row.try_with_untracked(|row| peek.look(row)).unwrap_or_default();
    view! {
        <tr data-row="" on:pointerenter=move |_| look() on:focusin=move |_| look()>
            <Pick row=at.clone()/>
            <td class="lead">
                <span class="flex min-w-0 items-baseline gap-2">
                    <a class="truncate rounded-control font-medium text-ink hover:text-accent" href=paths::machine(&at) data-row-link="">
                        {name}
                    </a>
                    {move || names_team.get().then(|| view! { <span class="truncate text-xs text-ink-faint">{team.clone()}</span> })}
                </span>
            </td>
            <td class="state">
                {move || {
                    let (state, since) = state.get();
                    view! { <Pill state since/> }
                }}
            </td>
            {move || row.with(|row| columns.with(|columns| columns.iter().map(|key| cell(row, *key)).collect_view()))}
            <td class="acts">
                <RowActions row/>
            </td>
        </tr>
        <Why reason=Signal::derive(move || row.with(|row| row.reason.clone())) columns/>
    }
}

/// What is done most from a list: the screen, start or stop; the rest is one press away.
#[component]
fn RowActions(row: Memo<MachineRow>) -> impl IntoView {
    let at = row.with_untracked(|row| row.at.clone());
    let console = paths::console(&at);
    let has_screen = Memo::new(move |_| {
        row.with(|row| row.offer(MachineAction::OpenConsole).is_some_and(|offer| offer.denied.is_none()))
    });
    let first = Memo::new(move |_| {
        row.with(|row| {
            let starts = row.offer(MachineAction::Start).is_some_and(|offer| offer.denied.is_none());
            if starts { MachineAction::Start } else { MachineAction::Stop }
        })
    });
    let hold = Memo::new(move |_| row.with(hold_action));
    // A page of rows carries only what is seen of them: the rest of the actions come when their menu opens.
    let opened = RwSignal::new(false);
    let page = paths::machine(&at);
    let rest = move || {
        if !opened.get() {
            let page = page.clone();
            return view! {
                <a class=button_class(Look::Item) href=page>
                    "All actions"
                </a>
            }
            .into_any();
        }
        let first = first.get();
        let hold = hold.get();
        let actions =
            [MachineAction::Start, MachineAction::Stop, MachineAction::Restart, hold, MachineAction::SoftReboot];
        let actions = actions.into_iter().filter(move |action| *action != first);
        let items = actions.map(|action| view! { <ActionButton row action look=Look::Item/> }).collect_view();
        view! {
            {items}
            <MoveItem row/>
        }
        .into_any()
    };
    view! {
        <div class="flex items-center justify-end gap-0.5">
            {move || {
                has_screen
                    .get()
                    .then(|| {
                        view! {
                            <a class=button_class(Look::Quiet) href=console.clone() data-console="" title="Open console  (c)">
                                <Icon glyph=Glyph::Machine/>
                                <span class="max-md:sr-only">"Screen"</span>
                            </a>
                        }
                    })
            }}
            {move || {
                let action = first.get();
                view! { <ActionButton row action look=Look::Quiet/> }
            }}
            <Menu label="More actions" class=button_class(Look::Quiet) opened face=|| view! { <Icon glyph=Glyph::More/> }>
                {rest}
            </Menu>
        </div>
    }
}
