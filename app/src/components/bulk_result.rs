//! What became of one action on many rows: counts, the rows that are not done with their reasons, and what can be done about
//! them.

use core::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use model::query::bulk::{BulkRun, Outcome};
use server_fn::ServerFn;

use super::toasts::Toasts;
use crate::api::ApiError;
use crate::api::inventory::{ActOnRows, StopRun, act_on_rows, get_run, stop_run};
use crate::paths;
use crate::ui::{Look, Notice, Tone, button_class};

/// Between two looks at a run that is under way.
const LOOK: Duration = Duration::from_secs(1);

/// What became of a run, if the address names one.
#[component]
pub fn BulkResult(
    /// The page's address without the run.
    #[prop(into)]
    here: Signal<String>,
) -> impl IntoView {
    let params = use_query_map();
    let id = Memo::new(move |_| params.with(|params| params.get("run").unwrap_or_default()));
    let looks = RwSignal::new(0_u32);
    let run = Resource::new(
        move || (id.get(), looks.get()),
        |(id, _)| async move { if id.is_empty() { Ok(None) } else { get_run(id).await.map(Some) } },
    );
    Effect::new(move |_| {
        if run.with(|run| matches!(run, Some(Ok(Some(run))) if !run.is_over())) {
            set_timeout(
                move || {
                    looks.try_update(|looks| *looks += 1);
                },
                LOOK,
            );
        }
    });
    view! {
        <Transition>
            {move || match run.get() {
                Some(Ok(Some(run))) => Some(view! { <Told here run looks/> }.into_any()),
                Some(Err(_)) => {
                    Some(view! { <Notice tone=Tone::Info>"This result is not kept any longer."</Notice> }.into_any())
                }
                _ => None,
            }}
        </Transition>
    }
}

/// The counts, and the rows that are not done with their reasons.
#[component]
fn Told(here: Signal<String>, run: BulkRun, looks: RwSignal<u32>) -> impl IntoView {
    let [waiting, done, refused, failed] = run.counts();
    let tone = if refused + failed > 0 { Tone::Warn } else { Tone::Good };
    let tone = if waiting > 0 { Tone::Info } else { tone };
    let parts = [(waiting, "to go"), (done, "done"), (refused, "refused"), (failed, "failed")];
    let parts: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let summary = if parts.is_empty() {
        format!("{}: nothing to do.", run.label)
    } else {
        format!("{}: {}.", run.label, parts.join(", "))
    };
    let reasons = run.rows.iter().filter_map(|row| {
        let (word, reason) = match &row.outcome {
            Outcome::Held(reason) => ("waits", reason.clone()),
            Outcome::Refused(reason) => ("refused", reason.clone()),
            Outcome::Failed(reason) => ("failed", reason.clone()),
            Outcome::Waiting | Outcome::Done => return None,
        };
        let name = row.row.to_string();
        Some(view! {
            <li class="py-0.5">
                <span class="font-medium">{name}</span>
                " "
                <span class="text-ink-faint">{word}</span>
                " "
                {reason}
            </li>
        })
    });
    let reasons = reasons.collect_view();
    let left = refused + failed;
    let again = (waiting == 0 && left > 0).then(|| view! { <Again here tab=run.tab.clone() id=run.id.clone() left/> });
    let stop = (waiting > 0 && run.can_stop).then(|| view! { <Stop id=run.id.clone() looks/> });
    view! {
        <div class="mb-3" data-run="">
            <Notice tone>
                <div class="flex flex-wrap items-center gap-x-4 gap-y-2">
                    <p class="font-medium">{summary}</p>
                    {again}
                    {stop}
                    <a class=format!("{} ml-auto", button_class(Look::Quiet)) href=here>
                        "Close"
                    </a>
                </div>
                <ul class="mt-1 max-h-64 overflow-y-auto text-sm empty:hidden">{reasons}</ul>
            </Notice>
        </div>
    }
}

/// The page's address with a run.
pub(super) fn with_run(here: &str, run: &str) -> String {
    format!("{here}{}run={}", if here.contains('?') { '&' } else { '?' }, paths::encode(run))
}

/// The same once more, for what was not done.
#[component]
fn Again(here: Signal<String>, tab: String, id: String, left: usize) -> impl IntoView {
    let (toasts, navigate) = (Toasts::expect(), StoredValue::new(use_navigate()));
    let (of, to) = (id.clone(), tab.clone());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let (tab, again, none) = (to.clone(), of.clone(), String::new);
        spawn_local(async move {
            match act_on_rows(tab, none(), Vec::new(), none(), none(), none(), none(), none(), again).await {
                Ok(run) => {
                    let options = NavigateOptions { scroll: false, ..NavigateOptions::default() };
                    navigate.with_value(|navigate| navigate(&with_run(&here.get_untracked(), &run.id), options));
                }
                Err(ApiError(error)) => toasts.say(Tone::Bad, error.message),
            }
        });
    };
    let address = move || here.with(|here| here.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default());
    view! {
        <form method="post" action=ActOnRows::url() on:submit=submit>
            <input type="hidden" name="tab" value=tab/>
            <input type="hidden" name="again" value=id/>
            <input type="hidden" name="address" value=address/>
            <button type="submit" class=button_class(Look::Plain)>
                {format!("Try the {left} again")}
            </button>
        </form>
    }
}

/// Ends a run in the middle.
#[component]
fn Stop(id: String, looks: RwSignal<u32>) -> impl IntoView {
    let toasts = Toasts::expect();
    let of = id.clone();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let id = of.clone();
        spawn_local(async move {
            if let Err(ApiError(error)) = stop_run(id).await {
                toasts.say(Tone::Bad, error.message);
            }
            looks.try_update(|looks| *looks += 1);
        });
    };
    view! {
        <form method="post" action=StopRun::url() on:submit=submit>
            <input type="hidden" name="id" value=id/>
            <button type="submit" class=button_class(Look::Plain)>
                "Stop"
            </button>
        </form>
    }
}
