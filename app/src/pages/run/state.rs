//! What the form knows: the draft, what is wrong with it, and what the cluster said about it.

use std::collections::BTreeSet;

use leptos::prelude::*;
use leptos::serde_json;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use model::UiError;
use model::create::Problems;
use model::live::LiveKind;
use model::workload::WorkloadKind;
use model::workload::run::{RunDraft, RunOptions, problems};

use crate::api::ApiError;
use crate::api::workloads::{check_run, run_image};
use crate::components::toasts::Toasts;
use crate::live::Live;
use crate::platform::AtRisk;
use crate::ui::Tone;
use crate::{paths, platform};

/// Under which name the browser keeps the draft.
const KEPT_AS: &str = "porthole.run-image";

/// Goes to another page.
type Navigate = Box<dyn Fn(&str, NavigateOptions) + Send + Sync>;

/// The form. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub draft: RwSignal<RunDraft>,
    pub is_busy: RwSignal<bool>,
    /// What the last check or attempt said as a whole.
    pub refusal: RwSignal<Option<UiError>>,
    /// A word about the last check.
    pub word: RwSignal<&'static str>,
    /// What the cluster said about fields that did not change since.
    refused: RwSignal<Problems>,
    /// Fields that somebody left, so that what is wrong with them may be said; `*` for all.
    left: RwSignal<BTreeSet<String>>,
    wrong: Memo<Problems>,
    first_team: StoredValue<String>,
    navigate: StoredValue<Navigate>,
    toasts: Toasts,
    live: Live,
}

impl Form {
    pub fn new(mut asked: RunDraft, options: RunOptions, is_checked: bool) -> Self {
        let first_team = options.teams.first().cloned().unwrap_or_default();
        if asked.namespace.is_empty() {
            asked.namespace.clone_from(&first_team);
        }
        let (draft, navigate) = (RwSignal::new(asked), use_navigate());
        let form = Self {
            draft,
            is_busy: RwSignal::new(false),
            refusal: RwSignal::new(None),
            word: RwSignal::new(""),
            refused: RwSignal::default(),
            left: RwSignal::default(),
            wrong: Memo::new(move |_| draft.with(|draft| problems(draft, &options))),
            first_team: StoredValue::new(first_team),
            navigate: StoredValue::new(Box::new(move |path, how| navigate(path, how))),
            toasts: Toasts::expect(),
            live: Live::expect(),
        };
        if is_checked {
            form.leave("*");
        }
        Effect::new(move |is_loaded: Option<bool>| {
            if is_loaded.is_none() && !is_checked {
                form.restore();
            }
            let is_typed = draft.with(is_typed);
            if is_loaded.is_some() {
                platform::keep(KEPT_AS, &draft.with(|draft| serde_json::to_string(draft).unwrap_or_default()));
            }
            platform::guard_leaving(AtRisk::Form, is_typed && is_loaded.is_some());
            true
        });
        on_cleanup(|| platform::guard_leaving(AtRisk::Form, false));
        form
    }

    fn restore(self) {
        let kept = platform::kept(KEPT_AS).and_then(|text| serde_json::from_str::<RunDraft>(&text).ok());
        if let Some(kept) = kept.filter(is_typed).filter(|_| !self.draft.with_untracked(is_typed)) {
            self.draft.set(kept);
            self.word.set("Your draft is back.");
        }
    }

    /// Changes a field. What was said about it no longer counts.
    pub fn change(self, field: &str, text: String) {
        self.draft.update(|draft| draft.set(field, text));
        self.word.set("");
        if self.refused.with_untracked(|refused| refused.contains_key(field)) {
            self.refused.update(|refused| drop(refused.remove(field)));
        }
    }

    /// Notes that somebody left a field.
    pub fn leave(self, field: &str) {
        if !self.left.with_untracked(|left| left.contains(field)) {
            self.left.update(|left| {
                left.insert(field.to_owned());
            });
        }
    }

    /// What is wrong with a field, once somebody was there.
    pub fn problem(self, field: &str) -> Option<String> {
        let refused = self.refused.with(|refused| refused.get(field).cloned());
        let is_told = self.left.with(|left| left.contains(field) || left.contains("*"));
        refused.or_else(|| is_told.then(|| self.wrong.with(|wrong| wrong.get(field).cloned())).flatten())
    }

    /// Takes over what the server said.
    pub fn note(self, error: &UiError) {
        if self.refused.with_untracked(|refused| *refused != error.fields) && !error.fields.is_empty() {
            self.refused.set(error.fields.clone());
        }
    }

    /// Empties the form.
    pub fn clear(self) {
        self.draft.set(RunDraft { namespace: self.first_team.get_value(), ..RunDraft::begin() });
        self.left.set(BTreeSet::new());
        self.refused.set(Problems::new());
        self.refusal.set(None);
        self.word.set("");
        platform::forget(KEPT_AS);
    }

    /// Whether something is wrong that we can tell ourselves, or it is busy; all that is wrong is then shown.
    fn is_held_up(self) -> bool {
        self.leave("*");
        let is_wrong = self.wrong.with_untracked(|wrong| !wrong.is_empty());
        if is_wrong {
            self.word.set("Some fields need another look.");
            platform::focus_first_problem();
        }
        is_wrong || self.is_busy.get_untracked()
    }

    fn begin(self, word: &'static str) {
        self.is_busy.set(true);
        self.refusal.set(None);
        self.refused.set(Problems::new());
        self.word.set(word);
    }

    /// Asks the cluster whether it would take it.
    pub fn check(self) {
        if self.is_held_up() {
            return;
        }
        self.begin("Asking the cluster…");
        spawn_local(async move {
            let answer = check_run(self.draft.get_untracked()).await;
            self.is_busy.try_set(false);
            match answer {
                Ok(()) => drop(self.word.try_set("The cluster would take it.")),
                Err(error) => self.refuse(error),
            }
        });
    }

    /// Runs it and goes to its page.
    pub fn submit(self) {
        if self.is_held_up() {
            return;
        }
        self.begin("");
        spawn_local(async move {
            match run_image(self.draft.get_untracked()).await {
                Ok(at) => {
                    platform::forget(KEPT_AS);
                    platform::guard_leaving(AtRisk::Form, false);
                    self.toasts.say(Tone::Good, format!("{} is on its way.", at.name));
                    self.live.raise(LiveKind::Pod);
                    let url = paths::workload(WorkloadKind::Deployment, &at);
                    let _ = self.navigate.try_with_value(|go| go(&url, NavigateOptions::default()));
                }
                Err(error) => {
                    self.is_busy.try_set(false);
                    self.refuse(error);
                }
            }
        });
    }

    fn refuse(self, ApiError(error): ApiError) {
        self.word.try_set("");
        self.refused.try_set(error.fields.clone());
        self.refusal.try_set(Some(error));
        platform::focus_first_problem();
    }
}

/// Whether somebody typed what would be missed.
fn is_typed(draft: &RunDraft) -> bool {
    [&draft.name, &draft.image, &draft.command, &draft.environment].iter().any(|text| !text.is_empty())
}
