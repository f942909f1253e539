//! The machine's manifest: looked at, edited, compared, saved.
//!
//! ```text
//! edit --Look at the changes--> problems at lines | old beside new --Save--> saved, read again
//!                                                 | another's change --with mine, or with theirs--> edit
//! ```
//!
//! What is typed stays in every one of these, and nothing is saved that was not looked at. Without script the text is a
//! plain form that saves at once; the server refuses what is wrong all the same.

use std::collections::BTreeSet;

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::live::LiveKind;
use model::manifest::{MachineManifest, ManifestCheck, ManifestConflict};
use model::{ErrorCode, ObjectRef};
use server_fn::ServerFn;

use super::change::Of;
use crate::api::ApiError;
use crate::api::machines::{SaveManifest, check_manifest, get_manifest, save_manifest};
use crate::components::diff::Diff;
use crate::components::toasts::Toasts;
use crate::components::yaml::YamlField;
use crate::live::Live;
use crate::paths;
use crate::platform;
use crate::ui::{Glyph, Icon, Loaded, Look, Notice, Skeleton, Tone, button_class};

/// The tab.
#[component]
pub(super) fn ManifestTab(at: ObjectRef, has_status: Memo<bool>) -> impl IntoView {
    let asked = at.clone();
    // Not asked for again by hints: somebody may be typing. Saving asks anew.
    let turn = RwSignal::new(0_u32);
    let manifest = Resource::new(
        move || (has_status.get(), turn.get()),
        move |(has_status, _)| get_manifest(asked.namespace.to_string(), asked.name.to_string(), has_status),
    );
    view! {
        <section class="mt-4" aria-label="YAML">
            <Loaded resource=manifest waiting=|| view! { <Skeleton rows=14/> } let:manifest>
                {
                    let at = at.clone();
                    move || {
                        let (at, manifest) = (at.clone(), manifest.get());
                        view! { <Shown at manifest turn/> }
                    }
                }
            </Loaded>
        </section>
    }
}

/// What the person has typed and what became of it.
#[derive(Clone, Copy)]
struct Desk {
    /// The text that was read.
    base: RwSignal<String>,
    /// The text as it is in the field.
    text: RwSignal<String>,
    check: RwSignal<Option<ManifestCheck>>,
    failed: RwSignal<Option<String>>,
    is_busy: RwSignal<bool>,
    turn: RwSignal<u32>,
    toasts: Toasts,
    live: Live,
}

impl Desk {
    /// Has the server look at the text.
    fn look(self, at: ObjectRef) {
        if self.is_busy.get_untracked() {
            return;
        }
        self.is_busy.set(true);
        self.failed.set(None);
        spawn_local(async move {
            let (base, text) = (self.base.get_untracked(), self.text.get_untracked());
            let answer = check_manifest(at.namespace.to_string(), at.name.to_string(), base, text).await;
            self.is_busy.try_set(false);
            match answer {
                Ok(check) => drop(self.check.try_set(Some(check))),
                Err(ApiError(error)) => drop(self.failed.try_set(Some(error.message))),
            }
        });
    }

    /// Saves what was looked at.
    fn save(self, at: ObjectRef) {
        if self.is_busy.get_untracked() {
            return;
        }
        self.is_busy.set(true);
        spawn_local(async move {
            let (base, text) = (self.base.get_untracked(), self.text.get_untracked());
            let answer = save_manifest(at.namespace.to_string(), at.name.to_string(), base, text).await;
            self.is_busy.try_set(false);
            match answer {
                Ok(()) => {
                    self.toasts.say(Tone::Good, format!("{} is saved.", at.name));
                    self.check.try_set(None);
                    self.turn.try_update(|turn| *turn += 1);
                    self.live.raise(LiveKind::Machine);
                }
                // Somebody was faster, or something is wrong by now: looking again says what.
                Err(ApiError(error)) if matches!(error.code, ErrorCode::Conflict | ErrorCode::Invalid) => self.look(at),
                Err(ApiError(error)) => drop(self.failed.try_set(Some(error.message))),
            }
        });
    }

    /// Goes on with another text, on the ground of what is there now.
    fn go_on(self, at: ObjectRef, base: String, text: String) {
        self.base.set(base);
        self.text.set(text);
        self.look(at);
    }
}

#[component]
fn Shown(at: ObjectRef, manifest: MachineManifest, turn: RwSignal<u32>) -> impl IntoView {
    let MachineManifest { text, has_status, change_denied } = manifest;
    let desk = Desk {
        base: RwSignal::new(text.clone()),
        text: RwSignal::new(text),
        check: RwSignal::new(None),
        failed: RwSignal::new(None),
        is_busy: RwSignal::new(false),
        turn,
        toasts: Toasts::expect(),
        live: Live::expect(),
    };
    let wrong = Memo::new(move |_| {
        desk.check.with(|check| {
            let problems = check.iter().flat_map(|check| &check.problems);
            problems.filter_map(|problem| problem.line).collect::<BTreeSet<_>>()
        })
    });
    let is_changed = Memo::new(move |_| desk.base.with(|base| desk.text.with(|text| base != text)));
    // What was looked at is out of date as soon as somebody types on.
    Effect::new(move |before: Option<String>| {
        let text = desk.text.get();
        if before.is_some_and(|before| before != text)
            && desk.check.with_untracked(|check| {
                check.as_ref().is_some_and(|check| check.problems.is_empty() && check.conflict.is_none())
            })
        {
            desk.check.set(None);
        }
        text
    });
    let is_fixed = has_status || change_denied.is_some();
    let submitted = at.clone();
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        desk.look(submitted.clone());
    };
    view! {
        <Bar at=at.clone() has_status desk/>
        {change_denied.map(|reason| view! { <div class="mb-3"><Notice tone=Tone::Info>{reason}</Notice></div> })}
        <form method="post" action=SaveManifest::url() class="flex flex-col gap-3" on:submit=on_submit>
            <Of at=at.clone()/>
            <textarea name="base" class="hidden" readonly aria-hidden="true" tabindex="-1">{desk.base.get_untracked()}</textarea>
            <ul id="manifest-said" class="flex flex-col gap-1 text-sm text-bad empty:hidden" role="alert">
                {move || problems(desk)}
            </ul>
            <YamlField id="manifest" name="text" text=desk.text wrong=wrong.into() is_fixed/>
            {(!is_fixed)
                .then(|| {
                    view! {
                        <div class="flex flex-wrap items-center gap-2 print:hidden">
                            <button type="submit" class=button_class(Look::Primary) aria-disabled=move || desk.is_busy.get().then_some("true")>
                                "Look at the changes"
                            </button>
                            {move || {
                                is_changed
                                    .get()
                                    .then(|| {
                                        view! {
                                            <button
                                                type="button"
                                                class=button_class(Look::Quiet)
                                                on:click=move |_| desk.text.set(desk.base.get_untracked())
                                            >
                                                "Undo all of it"
                                            </button>
                                        }
                                    })
                            }}
                        </div>
                    }
                })}
        </form>
        <div class="mt-4 flex flex-col gap-3 print:hidden" aria-live="polite">
            {move || desk.failed.get().map(|text| view! { <Notice tone=Tone::Bad>{text}</Notice> })}
            {
                let at = at.clone();
                move || desk.check.get().map(|check| view! { <Outcome at=at.clone() check desk/> })
            }
        </div>
    }
}

/// What is wrong, line by line.
fn problems(desk: Desk) -> Vec<AnyView> {
    let found = desk.check.with(|check| check.as_ref().map(|check| check.problems.clone()).unwrap_or_default());
    let said = |problem: model::manifest::LineProblem| {
        let at = problem.line.map(|line| format!("Line {line}: ")).unwrap_or_default();
        view! { <li class="prose-line" data-problem="">{at} {problem.text}</li> }.into_any()
    };
    found.into_iter().map(said).collect()
}

/// What the text can be taken along as, and whether the status is shown.
#[component]
fn Bar(at: ObjectRef, has_status: bool, desk: Desk) -> impl IntoView {
    let file = format!("{}.yaml", at.name);
    let toggle = if has_status { "Hide the status" } else { "Show the status" };
    let item = |label: &'static str, glyph: Glyph, press: Box<dyn Fn()>| {
        view! {
            <button type="button" class=button_class(Look::Quiet) on:click=move |_| press()>
                <Icon glyph/>
                {label}
            </button>
        }
    };
    view! {
        <div class="mb-3 flex flex-wrap items-center gap-1 print:hidden">
            {item("Copy", Glyph::Copy, Box::new(move || {
                platform::copy(&desk.text.get_untracked());
                desk.toasts.say(Tone::Good, "The text is copied.");
            }))}
            {item("Download", Glyph::Download, Box::new(move || platform::save_text(&file, &desk.text.get_untracked())))}
            {item("Print", Glyph::Log, Box::new(platform::print_page))}
            <a class=button_class(Look::Quiet) href=paths::machine_manifest(&at, !has_status) data-noscroll="">
                {toggle}
            </a>
            {has_status.then(|| view! { <span class="text-xs text-ink-faint">"With the status it can only be looked at."</span> })}
        </div>
    }
}

/// What the server found.
#[component]
fn Outcome(at: ObjectRef, check: ManifestCheck, desk: Desk) -> impl IntoView {
    let ManifestCheck { problems, rows, conflict, is_merged } = check;
    if !problems.is_empty() {
        return ().into_any();
    }
    if let Some(conflict) = conflict {
        return view! { <Conflict at conflict desk/> }.into_any();
    }
    if rows.is_empty() {
        return view! { <Notice tone=Tone::Info>"This changes nothing."</Notice> }.into_any();
    }
    view! {
        {is_merged
            .then(|| {
                view! {
                    <Notice tone=Tone::Info>
                        "Somebody else changed other fields since you began. Their changes stay."
                    </Notice>
                }
            })}
        <Diff rows old="As it is" new="As it will be"/>
        <div class="flex gap-2">
            <button
                type="button"
                class=button_class(Look::Primary)
                aria-disabled=move || desk.is_busy.get().then_some("true")
                on:click=move |_| desk.save(at.clone())
            >
                "Save these changes"
            </button>
        </div>
    }
    .into_any()
}

/// Two people changed the same fields.
#[component]
fn Conflict(at: ObjectRef, conflict: ManifestConflict, desk: Desk) -> impl IntoView {
    let ManifestConflict { fields, theirs, with_mine, with_theirs, rows } = conflict;
    let (mine_at, theirs_at, base) = (at.clone(), at, theirs.clone());
    view! {
        <Notice tone=Tone::Warn>
            <p>"Somebody else changed the same since you began: " <span class="font-mono text-xs">{fields.join(", ")}</span> "."</p>
            <p>"Below is what they did. Nothing of yours is lost: your other changes stay in both cases, and you see the result before it is saved."</p>
        </Notice>
        <Diff rows old="When you began" new="As it is now"/>
        <div class="flex flex-wrap gap-2">
            <button
                type="button"
                class=button_class(Look::Plain)
                on:click=move |_| desk.go_on(mine_at.clone(), theirs.clone(), with_mine.clone())
            >
                "Go on with my values"
            </button>
            <button
                type="button"
                class=button_class(Look::Plain)
                on:click=move |_| desk.go_on(theirs_at.clone(), base.clone(), with_theirs.clone())
            >
                "Go on with theirs"
            </button>
        </div>
    }
}
