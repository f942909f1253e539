//! Cells of lists whose columns somebody chose, and the heads above them.

use leptos::prelude::*;
use model::query::{Key, ListQuery};

use super::sort::SortHead;
use crate::clock::Ago;
use crate::ui::Quantity;

/// The head of a column that may be left out: a link that sorts, or only its title.
#[component]
pub fn ColumnHead(
    /// Which column.
    key: Key,
    /// The list's address without its query.
    base: &'static str,
    /// The list's query.
    query: Memo<ListQuery>,
) -> impl IntoView {
    if key == Key::Label {
        return view! { <th scope="col" class="max-lg:hidden">{key.title()}</th> }.into_any();
    }
    let is_extra = !matches!(key, Key::Cpu | Key::Memory | Key::Ready | Key::Restarts);
    view! { <SortHead key base query is_extra/> }.into_any()
}

/// Why a row is as it is, below it.
#[component]
pub fn Why(
    /// One sentence, if there is something to say.
    reason: Signal<Option<String>>,
    /// The columns that the list has besides name, state, box and actions.
    columns: Memo<Vec<Key>>,
) -> impl IntoView {
    move || {
        reason.get().map(|reason| {
            view! {
                <tr class="why">
                    <td class="extra"></td>
                    <td colspan=move || columns.with(Vec::len) + 2>
                        <p class="prose-line max-w-[92ch]">{reason}</p>
                    </td>
                </tr>
            }
        })
    }
}

fn dash() -> AnyView {
    view! { <span class="text-ink-faint">"–"</span> }.into_any()
}

/// A number with its unit.
pub fn number_cell(amount: Option<(String, &'static str)>) -> AnyView {
    let amount = amount.map_or_else(dash, |(number, unit)| view! { <Quantity number unit/> }.into_any());
    view! { <td class="number extra">{amount}</td> }.into_any()
}

/// A word.
pub fn text_cell(text: Option<String>) -> AnyView {
    view! { <td class="extra max-lg:hidden">{text.map_or_else(dash, IntoAny::into_any)}</td> }.into_any()
}

/// Something that is copied.
pub fn code_cell(text: Option<String>) -> AnyView {
    let text = text.map(|text| view! { <span class="font-mono text-xs select-all">{text}</span> }.into_any());
    view! { <td class="extra max-lg:hidden">{text.unwrap_or_else(dash)}</td> }.into_any()
}

/// Several texts, as many as there is room for.
pub fn list_cell(texts: &[String]) -> AnyView {
    let (shown, all) = (texts.join(", "), texts.join("\n"));
    view! {
        <td class="extra max-lg:hidden">
            <span class="block max-w-[32ch] truncate text-ink-quiet" title=all>
                {if shown.is_empty() { "–".to_owned() } else { shown }}
            </span>
        </td>
    }
    .into_any()
}

/// How long ago.
pub fn age_cell(moment: Option<i64>) -> AnyView {
    view! { <td class="extra text-ink-quiet max-lg:hidden">{moment.map(|at| view! { <Ago at/> })}</td> }.into_any()
}
