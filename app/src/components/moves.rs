//! A move of a machine as its page and the list of moves show it: how far it is, and taking it back.

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::live::LiveKind;
use model::migration::{MigrationRow, STEPS, Stage};
use server_fn::ServerFn;

use super::toasts::Toasts;
use crate::api::ApiError;
use crate::api::migrations::{CancelMigration, cancel_migration};
use crate::clock::Clock;
use crate::live::Live;
use crate::ui::{Glyph, Icon, Look, Notice, Tone, button_class};
use crate::{paths, words};

/// Takes a move back: a plain form, which the browser need not leave the page for.
#[component]
pub fn TakeBack(
    /// The move.
    row: MigrationRow,
) -> impl IntoView {
    let (toasts, live) = (Toasts::expect(), Live::expect());
    let MigrationRow { at, machine, cancel_denied: denied, .. } = row;
    let (namespace, name) = (at.namespace.to_string(), at.name.to_string());
    let reason = denied.clone();
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some(reason) = &reason {
            return toasts.say(Tone::Warn, reason.clone());
        }
        let (at, machine) = (at.clone(), machine.name.to_string());
        spawn_local(async move {
            match cancel_migration(at.namespace.to_string(), at.name.to_string()).await {
                Ok(()) => {
                    toasts.say(Tone::Good, format!("{machine} stays where it is."));
                    live.raise(LiveKind::Machine);
                }
                Err(ApiError(error)) => toasts.say(Tone::Bad, format!("{machine}: {}", error.message)),
            }
        });
    };
    view! {
        <form method="post" action=CancelMigration::url() on:submit=on_submit>
            <input type="hidden" name="namespace" value=namespace/>
            <input type="hidden" name="name" value=name/>
            <button type="submit" class=button_class(Look::Plain) aria-disabled=denied.is_some().then_some("true") title=denied>
                <Icon glyph=Glyph::Stop/>
                "Take back"
            </button>
        </form>
    }
}

/// The latest move of a machine on its page: its steps while it goes on, a word when it is done, and its cause when it
/// failed. It goes by itself when it is no news any more.
#[component]
pub fn MoveStrip(
    /// The move, if there is one to tell of.
    latest: Memo<Option<MigrationRow>>,
) -> impl IntoView {
    let clock = Clock::expect();
    let told = Memo::new(move |_| latest.get().filter(|row| row.is_told(clock.now())));
    let took = move || {
        let now = clock.now();
        told.with(|row| Some(words::ago(now, now - row.as_ref()?.seconds(now)?)))
    };
    // The time goes on beside it: only a step makes it anew.
    move || {
        let row = told.get()?;
        let way = format!("{} → {}", node(row.from.as_ref()), node(row.to.as_ref()));
        let all = view! {
            <a class="rounded-control text-accent hover:underline" href=paths::MIGRATIONS>
                "All moves"
            </a>
        };
        if row.stage == Stage::Failed {
            let cause = row.why.unwrap_or_else(|| "The cluster does not say why.".to_owned());
            return Some(
                view! {
                    <Notice tone=Tone::Warn>
                        <p data-move="failed">
                            "The move " {way} " failed after " {took} ": " {cause} " The machine runs on where it was. " {all}
                        </p>
                    </Notice>
                }
                .into_any(),
            );
        }
        let (step, stage) = (row.step(), row.stage);
        let why = row.why.clone();
        let terms = row.terms.join(" · ");
        let words = if stage == Stage::Done { "It has moved" } else { "It moves while it works" };
        Some(
            view! {
                <section class="rounded-panel bg-info-soft px-3.5 py-2.5 text-sm" aria-label="Move to another node" data-move=stage.words()>
                    <div class="flex flex-wrap items-center gap-x-3 gap-y-1">
                        <span class="text-info">
                            <Icon glyph=Glyph::Node/>
                        </span>
                        <p class="font-medium">{words} ": " {way}</p>
                        <span class="tabular text-ink-quiet">{took}</span>
                        {all}
                        {(!stage.is_over()).then(|| view! { <div class="ml-auto"><TakeBack row/></div> })}
                    </div>
                    <ol class="mt-1 flex flex-wrap gap-x-4 gap-y-1">
                        {STEPS
                            .into_iter()
                            .enumerate()
                            .map(|(place, name)| {
                                let is_past = step.is_some_and(|step| place < step || step + 1 == STEPS.len());
                                let is_now = step == Some(place);
                                view! {
                                    <li
                                        class=if is_past || is_now { "flex items-center gap-1 text-ink" } else { "flex items-center gap-1 text-ink-faint" }
                                        class:font-medium=is_now
                                        aria-current=is_now.then_some("step")
                                    >
                                        {is_past.then(|| view! { <Icon glyph=Glyph::Check/> <span class="sr-only">"Over: "</span> })}
                                        {name}
                                    </li>
                                }
                            })
                            .collect_view()}
                    </ol>
                    <p class="prose-line text-ink-quiet empty:hidden">{why}</p>
                    <p class="text-ink-quiet empty:hidden">{terms}</p>
                </section>
            }
            .into_any(),
        )
    }
}

/// A node, or that it is not known yet.
pub fn node(name: Option<&String>) -> String {
    name.map_or_else(|| "?".to_owned(), Clone::clone)
}
