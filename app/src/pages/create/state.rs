//! What the form knows: the draft, what is wrong with it, and what the cluster said about it.

use std::collections::BTreeSet;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use model::create::costs;
use model::create::{CreateOptions, MachineDraft, Problems, manifests, problems, yaml};
use model::live::LiveKind;
use model::{ObjectRef, UiError};

use super::defaults::{decode, default_size, encode, is_default_size, is_typed, settle};
use crate::api::ApiError;
use crate::api::create::{check_machines, create_machines};
use crate::components::toasts::Toasts;
use crate::live::Live;
use crate::platform::AtRisk;
use crate::ui::Tone;
use crate::{paths, platform};

/// Under which name the browser keeps the draft.
const KEPT_AS: &str = "porthole.new-machine";

/// Goes to another page.
type Navigate = Box<dyn Fn(&str, NavigateOptions) + Send + Sync>;

/// The form. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Form {
    /// What is filled in.
    pub draft: RwSignal<MachineDraft>,
    /// What the cluster offers.
    pub options: Memo<CreateOptions>,
    /// The team that the options are for.
    pub team: RwSignal<String>,
    /// Whether a check or the making is under way.
    pub is_busy: RwSignal<bool>,
    /// What the last check or attempt said as a whole.
    pub refusal: RwSignal<Option<UiError>>,
    /// A word about the last check.
    pub word: RwSignal<&'static str>,
    /// What the cluster said about fields that did not change since.
    refused: RwSignal<Problems>,
    /// Fields that somebody left, so that what is wrong with them may be said.
    left: RwSignal<BTreeSet<String>>,
    wrong: Memo<Problems>,
    navigate: StoredValue<Navigate>,
    toasts: Toasts,
    live: Live,
}

impl Form {
    /// For a draft. `asked` is what the address asked for, if the draft is no template's: then an earlier one may come back.
    pub fn new(
        draft: RwSignal<MachineDraft>,
        options: Memo<CreateOptions>,
        team: RwSignal<String>,
        asked: Option<MachineDraft>,
    ) -> Self {
        let navigate = use_navigate();
        let form = Self {
            draft,
            options,
            team,
            is_busy: RwSignal::new(false),
            refusal: RwSignal::new(None),
            word: RwSignal::new(""),
            refused: RwSignal::default(),
            left: RwSignal::default(),
            wrong: Memo::new(move |_| draft.with(|draft| options.with(|options| problems(draft, options)))),
            navigate: StoredValue::new(Box::new(move |path, how| navigate(path, how))),
            toasts: Toasts::expect(),
            live: Live::expect(),
        };
        form.settle();
        Effect::new(move |is_loaded: Option<bool>| {
            if let (None, Some(asked)) = (is_loaded, &asked) {
                form.restore(asked);
            }
            let (text, is_typed) = draft.with(|draft| (encode(&draft.without_secrets()), is_typed(draft)));
            if is_loaded.is_some() {
                platform::keep(KEPT_AS, &text);
            }
            platform::guard_leaving(AtRisk::Form, is_typed && is_loaded.is_some());
            true
        });
        on_cleanup(|| platform::guard_leaving(AtRisk::Form, false));
        form
    }

    /// Fills in what follows from what was asked for: the team, the image's system, a size.
    fn settle(self) {
        let options = self.options.get_untracked();
        self.draft.update(|draft| {
            if draft.namespace.is_empty() {
                draft.namespace.clone_from(&options.namespace);
            }
            settle(draft, &options);
        });
    }

    fn restore(self, asked: &MachineDraft) {
        let kept = platform::kept(KEPT_AS).and_then(|text| decode(&text));
        let Some(mut kept) = kept.filter(is_typed) else { return };
        if is_typed(asked) || !asked.image.is_empty() {
            return;
        }
        if !self.options.with_untracked(|options| options.teams.contains(&kept.namespace)) {
            kept.namespace = self.options.with_untracked(|options| options.namespace.clone());
        }
        self.team.set(kept.namespace.clone());
        self.draft.set(kept);
        self.word.set("Your draft is back.");
    }

    /// Changes a field. What was said about it no longer counts.
    pub fn change(self, field: &str, change: impl FnOnce(&mut MachineDraft)) {
        self.draft.update(change);
        self.word.set("");
        let is_of_field =
            |key: &String| key.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if self.refused.with_untracked(|refused| refused.keys().any(is_of_field)) {
            self.refused.update(|refused| refused.retain(|key, _| !is_of_field(key)));
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

    /// Begins to edit the manifest that the form has led to so far.
    pub fn edit_manifest(self) {
        let options = self.options.get_untracked();
        self.change("manifest", |draft| draft.manifest = Some(yaml::document(&manifests(draft, &options).machine)));
    }

    /// Drops the edited manifest; what the other fields say counts again.
    pub fn drop_manifest(self) {
        self.change("manifest", |draft| draft.manifest = None);
    }

    /// What is wrong with the edited manifest, with the line where it is known.
    pub fn manifest_problems(self) -> Vec<(Option<usize>, String)> {
        let line = |key: &str| {
            let rest = key.strip_prefix("manifest")?;
            if rest.is_empty() { Some(None) } else { Some(Some(rest.strip_prefix('.')?.parse().ok()?)) }
        };
        let mut found: Vec<_> = self
            .refused
            .with(|refused| refused.iter().filter_map(|(key, text)| Some((line(key)?, text.clone()))).collect());
        found.sort();
        found
    }

    /// What the field's present value costs.
    pub fn cost(self, field: &str) -> Option<String> {
        let all = self.draft.with(|draft| self.options.with(|options| costs(draft, options)));
        all.into_iter().find(|(of, _)| *of == field).map(|(_, text)| text)
    }

    /// Chooses a team; what the form offers follows.
    pub fn choose_team(self, team: String) {
        self.team.set(team.clone());
        self.change("namespace", |draft| draft.namespace = team);
    }

    /// Says what is wrong with every field, whether somebody was there or not.
    pub fn show_all(self) {
        self.leave("*");
    }

    /// Chooses a system; sizes that were not chosen by hand follow it.
    pub fn choose_system(self, id: &str) {
        let options = self.options.get_untracked();
        self.change("system", |draft| {
            let was_default = is_default_size(draft, options.system(&draft.system));
            id.clone_into(&mut draft.system);
            if let Some(card) = options.system(id).filter(|_| was_default) {
                default_size(draft, card);
            }
        });
    }

    /// Chooses an image; it brings its system and size along.
    pub fn choose_image(self, at: &str) {
        let options = self.options.get_untracked();
        self.change("image", |draft| {
            at.clone_into(&mut draft.image);
            settle(draft, &options);
        });
    }

    /// Takes over what the server said.
    pub fn note(self, error: &UiError) {
        if self.refused.with_untracked(|refused| *refused != error.fields) && !error.fields.is_empty() {
            self.refused.set(error.fields.clone());
        }
    }

    /// Empties the form.
    pub fn clear(self) {
        let namespace = self.draft.with_untracked(|draft| draft.namespace.clone());
        self.draft.set(MachineDraft { namespace, ..MachineDraft::default() });
        self.settle();
        self.left.set(BTreeSet::new());
        self.refused.set(Problems::new());
        self.refusal.set(None);
        self.word.set("");
        platform::forget(KEPT_AS);
    }

    /// Whether something is wrong that we can tell ourselves; then all of it is shown.
    fn is_wrong(self) -> bool {
        self.show_all();
        let is_wrong = self.wrong.with_untracked(|wrong| !wrong.is_empty());
        if is_wrong {
            self.word.set("Some fields need another look.");
            platform::focus_first_problem();
        }
        is_wrong
    }

    /// Asks the cluster whether it would take the machine.
    pub fn check(self) {
        if self.is_busy.get_untracked() || self.is_wrong() {
            return;
        }
        self.begin("Asking the cluster…");
        spawn_local(async move {
            let answer = check_machines(self.draft.get_untracked()).await;
            self.is_busy.try_set(false);
            match answer {
                Ok(()) => drop(self.word.try_set("The cluster would take it.")),
                Err(error) => self.refuse(error),
            }
        });
    }

    /// Makes the machine and goes to its page.
    pub fn submit(self) {
        if self.is_busy.get_untracked() || self.is_wrong() {
            return;
        }
        self.begin("");
        spawn_local(async move {
            match create_machines(self.draft.get_untracked()).await {
                Ok(made) => {
                    platform::forget(KEPT_AS);
                    platform::guard_leaving(AtRisk::Form, false);
                    self.toasts.say(Tone::Good, made_words(&made));
                    self.live.raise(LiveKind::Machine);
                    let _ = self.navigate.try_with_value(|go| go(&paths::made(&made), NavigateOptions::default()));
                }
                Err(error) => {
                    self.is_busy.try_set(false);
                    self.refuse(error);
                }
            }
        });
    }

    fn begin(self, word: &'static str) {
        self.is_busy.set(true);
        self.refusal.set(None);
        self.refused.set(Problems::new());
        self.word.set(word);
    }

    fn refuse(self, ApiError(error): ApiError) {
        self.word.try_set("");
        self.refused.try_set(error.fields.clone());
        self.refusal.try_set(Some(error));
        platform::focus_first_problem();
    }
}

/// What was made, in a sentence.
fn made_words(made: &[ObjectRef]) -> String {
    match made {
        [] => String::new(),
        [one] => format!("{} is being made.", one.name),
        [first, .., last] => format!("{} machines are being made: {} to {}.", made.len(), first.name, last.name),
    }
}
