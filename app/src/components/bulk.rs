//! One action on many rows: which are chosen, and what is done with them.
//!
//! Plain forms: the boxes of the rows belong to the form below the list by its id. Without script the answer leads back to
//! the list with the run in its address; with script the same address is gone to. The result stands above the rows
//! ([`super::bulk_result`]).

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use model::live::LiveKind;
use model::query::bulk::{DELETE, LABEL, MACHINE_ACTIONS, WORKLOAD_ACTIONS, confirmation};
use model::query::key::{MACHINES, WORKLOADS};
use model::query::{ListQuery, RowRef, Tab};
use model::workload::WorkloadAction;
use server_fn::ServerFn;

use super::bulk_result::with_run;
use super::power::action_glyph;
use super::toasts::Toasts;
use crate::api::ApiError;
use crate::api::inventory::{ActOnRows, act_on_rows};
use crate::live::Live;
use crate::ui::{Glyph, Icon, Look, Menu, Tone, button_class};
use crate::{paths, platform, words};

/// The id of the form, by which the boxes of rows belong to it.
const FORM: &str = "bulk";
const FIELD: &str = "h-8 w-full min-w-0 rounded-control border border-rule-strong bg-paper-raised px-2 text-sm";

/// The rows that somebody chose, over all pages of the list.
#[derive(Clone, Copy)]
pub struct Selection(RwSignal<Vec<RowRef>>);

impl Selection {
    /// For the list below.
    pub fn provide() {
        provide_context(Self(RwSignal::new(Vec::new())));
    }

    fn expect() -> Self {
        use_context().unwrap_or_else(|| Self(RwSignal::new(Vec::new())))
    }

    fn has(self, row: &RowRef) -> bool {
        self.0.with(|chosen| chosen.contains(row))
    }

    fn set(self, row: &RowRef, is_chosen: bool) {
        self.0.update(|chosen| {
            chosen.retain(|known| known != row);
            if is_chosen {
                chosen.push(row.clone());
            }
        });
    }

    fn count(self) -> usize {
        self.0.with(Vec::len)
    }
}

/// The box of a row.
#[component]
pub fn Pick(
    /// Which row.
    #[prop(into)]
    row: RowRef,
) -> impl IntoView {
    let selection = Selection::expect();
    let name = row.to_string();
    let row = StoredValue::new(row);
    view! {
        <td class="extra pick">
            <input
                type="checkbox"
                class="size-4 align-middle accent-accent"
                name="at[]"
                value=name.clone()
                form=FORM
                aria-label=format!("Choose {name}")
                prop:checked=move || row.with_value(|row| selection.has(row))
                on:change=move |event| row.with_value(|row| selection.set(row, event_target_checked(&event)))
            />
        </td>
    }
}

/// What can be done with many rows: a bar below the list that stays in sight.
#[component]
pub fn BulkBar(
    /// Whose rows.
    tab: &'static Tab,
    /// The list's address without its query.
    base: &'static str,
    /// The list's query.
    query: Memo<ListQuery>,
    /// How many rows match it.
    total: Memo<u32>,
) -> impl IntoView {
    let (selection, toasts, live) = (Selection::expect(), Toasts::expect(), Live::expect());
    let (is_all, pressed) = (RwSignal::new(false), RwSignal::new(""));
    let (label, confirm) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let navigate = StoredValue::new(use_navigate());
    let meant = move || if is_all.get() { total.get() as usize } else { selection.count() };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let query = query.get_untracked();
        let scope = if is_all.get_untracked() { "all" } else { "chosen" }.to_owned();
        let at = selection.0.with_untracked(|rows| rows.iter().map(RowRef::to_string).collect());
        let (label, confirm) = (platform::field_text(label), platform::field_text(confirm));
        let action = pressed.get_untracked().to_owned();
        spawn_local(async move {
            let (address, again) = (String::new(), String::new());
            let q = query.q.clone();
            match act_on_rows(tab.word.to_owned(), scope, at, q, address, action, label, confirm, again).await {
                Ok(run) => {
                    selection.0.set(Vec::new());
                    is_all.set(false);
                    live.raise(if tab.word == MACHINES.word { LiveKind::Machine } else { LiveKind::Pod });
                    let options = NavigateOptions { scroll: false, ..NavigateOptions::default() };
                    navigate.with_value(|navigate| navigate(&with_run(&paths::list(base, &query), &run.id), options));
                }
                Err(ApiError(error)) => toasts.say(Tone::Bad, error.message),
            }
        });
    };
    let button = move |word: &'static str, text: &'static str, glyph: Option<Glyph>| {
        view! {
            <button type="submit" class=button_class(Look::Plain) name="action" value=word on:click=move |_| pressed.set(word)>
                {glyph.map(|glyph| view! { <Icon glyph/> })}
                {text}
            </button>
        }
    };
    let verbs: Vec<_> = match tab.word {
        word if word == MACHINES.word => {
            MACHINE_ACTIONS.iter().map(|action| (action.word(), action.label(), action_glyph(*action))).collect()
        }
        word if word == WORKLOADS.word => {
            WORKLOAD_ACTIONS.iter().map(|action| (action.word(), action.label(), rollout_glyph(*action))).collect()
        }
        _ => Vec::new(),
    };
    let verbs = verbs.into_iter().map(|(word, label, glyph)| button(word, label, Some(glyph))).collect_view();
    let scope = "inline-flex items-center gap-1.5 text-sm";
    view! {
        <form
            id=FORM
            method="post"
            action=ActOnRows::url()
            class="sticky bottom-0 z-10 flex flex-wrap items-center gap-x-4 gap-y-2 border-t border-rule bg-paper py-2 max-lg:bottom-14"
            aria-label="Actions on many rows"
            on:submit=submit
        >
            // Enter in a field presses the first button, and that must not be one that does something.
            <button type="submit" disabled hidden></button>
            <input type="hidden" name="tab" value=tab.word/>
            <input type="hidden" name="q" value=move || query.with(|query| query.q.clone())/>
            <input type="hidden" name="address" value=move || query.with(paths::list_address)/>
            <label class=scope>
                <input type="radio" name="scope" value="chosen" class="accent-accent" prop:checked=move || !is_all.get() checked on:change=move |_| is_all.set(false)/>
                {move || format!("{} chosen", words::count(u32::try_from(selection.count()).unwrap_or(u32::MAX)))}
            </label>
            <label class=scope>
                <input type="radio" name="scope" value="all" class="accent-accent" prop:checked=move || is_all.get() on:change=move |_| is_all.set(true)/>
                {move || format!("All {} that match", words::count(total.get()))}
            </label>
            <span class="ml-auto flex flex-wrap items-center gap-2">
                {verbs}
                <Menu label="Label them" class=button_class(Look::Plain) place="right-0 bottom-full mb-1 w-72" face=|| view! { <Icon glyph=Glyph::Label/> "Label" }>
                    <div class="flex items-end gap-2 p-1.5">
                        <label class="min-w-0 flex-1 text-xs text-ink-quiet">
                            "key=value, or key- to remove it"
                            <input class=FIELD name="label" autocomplete="off" autocapitalize="none" spellcheck="false" node_ref=label/>
                        </label>
                        {button(LABEL, "Set", None)}
                    </div>
                </Menu>
                <Menu label="Delete them" class=button_class(Look::Plain) place="right-0 bottom-full mb-1 w-72" face=|| view! { <Icon glyph=Glyph::Trash/> "Delete" }>
                    <div class="flex flex-col gap-2 p-1.5">
                        <p class="prose-line text-sm text-ink-quiet">
                            {deletion(tab)}
                        </p>
                        <label class="text-xs text-ink-quiet">
                            "Type " <b class="font-mono text-ink">{move || confirmation(meant())}</b>
                            <input class=FIELD name="confirm" autocomplete="off" autocapitalize="none" spellcheck="false" node_ref=confirm/>
                        </label>
                        {button(DELETE, "Delete for good", None)}
                    </div>
                </Menu>
            </span>
        </form>
    }
}

/// What deletion means for the rows of a tab.
fn deletion(tab: &Tab) -> &'static str {
    if tab.word == MACHINES.word {
        "The machines go for good. Their disks stay and are found among the images."
    } else if tab.word == WORKLOADS.word {
        "The workloads go, and their pods with them. One whose data would go too is left: it has to be deleted on its own page."
    } else {
        "The pods go. Whatever keeps them, such as a deployment, makes new ones."
    }
}

/// The picture of an action on rollouts.
const fn rollout_glyph(action: WorkloadAction) -> Glyph {
    match action {
        WorkloadAction::Pause => Glyph::Pause,
        WorkloadAction::Resume => Glyph::Resume,
        _ => Glyph::Restart,
    }
}
