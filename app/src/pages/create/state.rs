//! What the form knows: the draft, what is wrong with it, and what the cluster said about it.

use std::collections::BTreeSet;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use model::create::{Boot, costs, from_template};
use model::create::{CreateOptions, ImageKind, MachineDraft, Problems, SystemCard, problems, size};
use model::live::LiveKind;
use model::{ObjectRef, UiError};

use crate::api::ApiError;
use crate::api::create::{check_machines, create_machines};
use crate::api::templates::{list_templates, save_template};
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
    /// For a draft; `asked` is what the address asked for.
    pub fn new(
        draft: RwSignal<MachineDraft>,
        options: Memo<CreateOptions>,
        team: RwSignal<String>,
        asked: MachineDraft,
        template: String,
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
            if is_loaded.is_none() {
                if template.is_empty() {
                    form.restore(&asked);
                } else {
                    form.start_from(template.clone());
                }
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

    /// Fills in what a template holds, once it has come.
    fn start_from(self, template: String) {
        spawn_local(async move {
            let Ok(all) = list_templates().await else { return };
            let Some(template) = all.into_iter().find(|known| known.at == template) else {
                self.word.try_set("This template is not there any more.");
                return;
            };
            let Some((name, namespace)) =
                self.draft.try_with_untracked(|draft| (draft.name.clone(), draft.namespace.clone()))
            else {
                return;
            };
            let mut draft = MachineDraft { name, ..from_template(&template, &namespace) };
            let _ = self.options.try_with_untracked(|options| settle(&mut draft, options));
            self.draft.try_set(draft);
        });
    }

    /// Keeps what is filled in as a template of the team.
    pub fn save_template(self, title: RwSignal<String>) {
        let (words, draft) = (title.get_untracked(), self.draft.get_untracked().without_secrets());
        spawn_local(async move {
            match save_template(draft.namespace.clone(), words.clone(), draft).await {
                Ok(()) => {
                    self.toasts.say(Tone::Good, format!("The template {} is kept.", words.trim()));
                    title.try_set(String::new());
                }
                Err(ApiError(error)) => self.toasts.say(Tone::Bad, error.message),
            }
        });
    }

    /// Changes a field. What was said about it no longer counts.
    pub fn change(self, field: &str, change: impl FnOnce(&mut MachineDraft)) {
        self.draft.update(change);
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

/// Fills in what follows from the image and the system, where nothing was chosen.
fn settle(draft: &mut MachineDraft, options: &CreateOptions) {
    if let Some(image) = options.image(&draft.image) {
        draft.boot = if image.kind == ImageKind::Iso { Boot::Iso } else { Boot::Image };
        if options.system(&image.preference).is_some() {
            draft.system.clone_from(&image.preference);
        }
        if options.size(&image.instancetype).is_some() && draft.instancetype.is_empty() {
            draft.instancetype.clone_from(&image.instancetype);
        }
        if draft.boot == Boot::Image && is_default_size(draft, options.system(&draft.system)) {
            draft.disk.clear();
        }
    }
    if draft.system.is_empty() {
        let known = ["ubuntu", "linux"].iter().find_map(|id| options.system(id)).or_else(|| options.systems.first());
        draft.system = known.map(|card| card.id.clone()).unwrap_or_default();
    }
    if let Some(card) = options.system(&draft.system).filter(|_| draft.cpus.is_empty() && draft.memory.is_empty()) {
        let disk = draft.disk.clone();
        default_size(draft, card);
        if draft.boot == Boot::Image {
            draft.disk = disk;
        }
    }
}

/// Enough to work well, not only to start.
fn default_size(draft: &mut MachineDraft, card: &SystemCard) {
    draft.cpus = card.cpus.max(2).to_string();
    draft.memory = size::words(card.memory_mib.max(2048));
    if draft.boot != Boot::Image {
        draft.disk = size::words(card.disk_gib.max(1) * size::GIB_IN_MIB);
    }
}

fn is_default_size(draft: &MachineDraft, card: Option<&SystemCard>) -> bool {
    let mut usual = MachineDraft { boot: draft.boot, disk: draft.disk.clone(), ..MachineDraft::default() };
    if let Some(card) = card {
        default_size(&mut usual, card);
    }
    let is_usual = |typed: &str, usual: &str| typed.is_empty() || typed == usual;
    is_usual(&draft.cpus, &usual.cpus) && is_usual(&draft.memory, &usual.memory)
}

/// Whether somebody typed what would be missed.
fn is_typed(draft: &MachineDraft) -> bool {
    let texts = [&draft.name, &draft.container, &draft.user, &draft.ssh_keys, &draft.user_data, &draft.sysprep];
    texts.iter().any(|text| !text.is_empty()) || !draft.password.0.is_empty() || !draft.disks.is_empty()
}

fn encode(draft: &MachineDraft) -> String {
    leptos::serde_json::to_string(draft).unwrap_or_default()
}

fn decode(text: &str) -> Option<MachineDraft> {
    leptos::serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::create::{ImageOption, built_in_systems};

    fn options() -> CreateOptions {
        let image = |at: &str, kind, preference: &str| ImageOption {
            at: at.to_owned(),
            kind,
            preference: preference.to_owned(),
            ..ImageOption::default()
        };
        CreateOptions {
            systems: built_in_systems(),
            images: vec![
                image("blue/win-iso", ImageKind::Iso, "windows.11"),
                image("blue/golden", ImageKind::DataSource, ""),
            ],
            ..CreateOptions::default()
        }
    }

    #[test]
    fn an_image_brings_its_system_and_a_size_along() {
        let mut draft = MachineDraft { image: "blue/win-iso".to_owned(), ..MachineDraft::default() };
        settle(&mut draft, &options());
        assert_eq!((draft.boot, draft.system.as_str()), (Boot::Iso, "windows.11"));
        assert_eq!((draft.cpus.as_str(), draft.memory.as_str(), draft.disk.as_str()), ("2", "4 GiB", "64 GiB"));
    }

    #[test]
    fn a_copy_is_as_large_as_its_image_unless_somebody_says_otherwise() {
        let mut draft = MachineDraft { image: "blue/golden".to_owned(), ..MachineDraft::default() };
        settle(&mut draft, &options());
        assert_eq!((draft.boot, draft.disk.as_str()), (Boot::Image, ""));
    }

    #[test]
    fn what_was_typed_comes_back_but_for_the_password() {
        let mut draft = MachineDraft { name: "web".to_owned(), ..MachineDraft::default() };
        draft.password.0 = "horse".to_owned();
        let back = decode(&encode(&draft.without_secrets())).unwrap();
        assert_eq!((back.name.as_str(), back.password.0.as_str()), ("web", ""));
        assert!(is_typed(&back) && !is_typed(&MachineDraft::default()));
    }
}
