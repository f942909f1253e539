//! Uploads of this browser: what runs, what waits for its file, and what became of it.
//!
//! They belong to the page as a whole and go on while the person moves about in it. After a reload the server still
//! knows them, but a browser never gives a file back by itself: the person chooses it again, and it goes on from where
//! it was if it is the same file.

mod engine;
mod tray;

use leptos::prelude::*;
use leptos::serde_json;
use leptos::task::spawn_local;
use model::live::LiveKind;
use model::upload::{CHUNK_BYTES, FileMark, UploadRequest, UploadStage, UploadState};
use model::{ErrorCode, ObjectRef, UiError};
use serde::de::DeserializeOwned;

use super::toasts::Toasts;
use crate::live::Live;
use crate::parts::{self, Piece};
use crate::paths;
use crate::platform::{self, AtRisk, ChosenFile, Reply};
use crate::ui::Tone;
pub use tray::Tray;
pub(crate) use tray::time;

/// One upload.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// How far the server says it is.
    pub state: UploadState,
    /// The file, as long as this page has it.
    pub file: Option<ChosenFile>,
    /// What stands in the way at the moment.
    pub note: Option<String>,
}

/// The uploads of this page.
#[derive(Clone, Copy)]
pub struct Uploads {
    items: RwSignal<Vec<Item>>,
    toasts: Toasts,
    live: StoredValue<Live>,
}

/// Where the tray appears: once something is uploaded here, or the server knows of an upload from before.
#[component]
pub fn UploadTray(
    /// Whether somebody is signed in, whose uploads can be asked for.
    is_somebody: Signal<bool>,
) -> impl IntoView {
    let uploads = Uploads::expect();
    let is_known = RwSignal::new(false);
    Effect::new(move |asked: Option<bool>| {
        let now = is_somebody.get();
        if now && asked != Some(true) {
            spawn_local(async move {
                let reply = platform::ask_server("GET", "/uploads", None).await;
                is_known.try_set(reply.status == 200 && reply.body.trim() != "[]");
            });
        }
        now || asked == Some(true)
    });
    let wanted = Signal::derive(move || is_known.get() || uploads.items.with(|items| !items.is_empty()));
    view! { <Piece wanted make=parts::uploads::make/> }
}

/// An answer, or what a person reads about why there is none.
pub(crate) fn told<T: DeserializeOwned>(reply: &Reply) -> Result<T, UiError> {
    let unclear = || UiError::new(ErrorCode::Unavailable, "Porthole does not answer. It is tried again by itself.");
    match reply.status {
        200..=299 => serde_json::from_str(&reply.body).map_err(|_| unclear()),
        0 | -1 => Err(unclear()),
        413 => Err(UiError::new(
            ErrorCode::Invalid,
            "A proxy in front of Porthole refuses parts of this size. An administrator has to let it take 2 MiB.",
        )),
        _ => Err(serde_json::from_str(&reply.body).unwrap_or_else(|_| unclear())),
    }
}

/// What makes a chosen file the same as another one; `None` if it cannot be read.
pub async fn mark(file: &ChosenFile) -> Option<FileMark> {
    let first = platform::read_file(file.key, 0, file.size.min(CHUNK_BYTES)).await?;
    let first_chunk = platform::sha256(&first).await;
    Some(FileMark { name: file.name.clone(), size: file.size, modified: file.modified, first_chunk })
}

impl Uploads {
    /// For everything below.
    pub fn provide(toasts: Toasts, live: Live) -> Self {
        let uploads = Self { items: RwSignal::new(Vec::new()), toasts, live: StoredValue::new(live) };
        provide_context(uploads);
        Effect::new(move |had: Option<bool>| {
            if had.is_none() {
                platform::prepare_uploads();
            }
            let is_busy = uploads.items.with(|items| items.iter().any(|item| item.file.is_some() && is_at_risk(item)));
            if had != Some(is_busy) {
                platform::guard_leaving(AtRisk::Upload, is_busy);
            }
            is_busy
        });
        uploads
    }

    /// The page's own.
    pub fn expect() -> Self {
        use_context().unwrap_or_else(|| Self::provide(Toasts::expect(), Live::expect()))
    }

    /// All of them, as a dependency.
    pub fn items(self) -> Vec<Item> {
        self.items.get()
    }

    /// Asks the server which uploads of this person are under way.
    pub fn load(self) {
        spawn_local(async move {
            let reply = platform::ask_server("GET", "/uploads", None).await;
            let Ok(states) = told::<Vec<UploadState>>(&reply) else { return };
            self.items.try_update(|items| {
                for state in states.into_iter().filter(|state| !state.stage.is_over()) {
                    if !items.iter().any(|item| item.state.id == state.id) {
                        items.push(Item { state, file: None, note: None });
                    }
                }
            });
        });
    }

    /// Begins an upload.
    pub async fn begin(self, request: &UploadRequest, file: ChosenFile) -> Result<ObjectRef, UiError> {
        let body = serde_json::to_string(request).unwrap_or_default();
        let reply = platform::ask_server("POST", "/uploads", Some(body)).await;
        let state: UploadState = told(&reply)?;
        let (at, id) = (state.at.clone(), state.id.clone());
        self.items.try_update(|items| items.push(Item { state, file: Some(file.clone()), note: None }));
        self.changed();
        spawn_local(engine::carry(self, id, file));
        Ok(at)
    }

    /// Goes on with an upload whose file was chosen again.
    pub fn go_on(self, id: String, file: ChosenFile) {
        spawn_local(async move {
            let began = self.items.with_untracked(|items| {
                items.iter().find(|item| item.state.id == id).map(|item| item.state.file.clone())
            });
            let Some(began) = began else { return };
            let refusal = match mark(&file).await {
                None => Some(format!("{} cannot be read.", file.name)),
                Some(mark) => began.differs(&mark),
            };
            if let Some(refusal) = refusal {
                platform::forget_file(file.key);
                self.note(&id, Some(refusal));
                return;
            }
            self.change(&id, |item| {
                item.file = Some(file.clone());
                item.note = None;
            });
            engine::carry(self, id, file).await;
        });
    }

    /// Ends an upload.
    pub fn cancel(self, id: String) {
        spawn_local(async move {
            let reply = platform::ask_server("DELETE", &format!("/uploads/{id}"), None).await;
            match told::<UploadState>(&reply) {
                Ok(state) => {
                    let name = state.at.name.to_string();
                    self.dismiss(&id);
                    self.toasts.say(Tone::Good, format!("The upload of {name} was cancelled. Nothing of it was kept."));
                    self.changed();
                }
                Err(error) if error.code == ErrorCode::NotFound => self.dismiss(&id),
                Err(error) => self.note(&id, Some(error.message)),
            }
        });
    }

    /// Takes an upload off the tray.
    pub fn dismiss(self, id: &str) {
        let file = self.items.try_update(|items| {
            let place = items.iter().position(|item| item.state.id == id)?;
            items.remove(place).file
        });
        if let Some(Some(file)) = file {
            platform::forget_file(file.key);
        }
    }

    /// The library shows something else now.
    fn changed(self) {
        if let Some(live) = self.live.try_get_value() {
            live.raise(LiveKind::Image);
        }
    }

    fn change(self, id: &str, change: impl FnOnce(&mut Item)) {
        self.items.try_update(|items| {
            if let Some(item) = items.iter_mut().find(|item| item.state.id == id) {
                change(item);
            }
        });
    }

    fn note(self, id: &str, note: Option<String>) {
        self.change(id, |item| item.note = note);
    }

    /// The server told how far it is.
    fn tell(self, state: UploadState) {
        let id = state.id.clone();
        self.change(&id, |item| {
            // Answers to parts that were sent together may come in any order.
            let is_older = state.attempt < item.state.attempt
                || (state.attempt == item.state.attempt && state.next_chunk < item.state.next_chunk);
            if !is_older || state.stage.is_over() {
                item.state = state;
            }
            item.note = None;
        });
    }

    /// It is over: good news leaves by itself, bad news stays on the tray.
    fn over(self, state: &UploadState) {
        match &state.stage {
            UploadStage::Done => {
                let text = format!("{} is uploaded and ready to use.", state.at.name);
                self.toasts.say_with_link(Tone::Good, text, "Open it", paths::image(&state.at));
            }
            UploadStage::Failed { reason } => self.toasts.say(Tone::Bad, format!("{}: {reason}", state.at.name)),
            _ => {}
        }
        self.change(&state.id, |item| item.file = None);
        self.changed();
    }
}

/// Whether something would be lost, or at least stop, if the page went away now.
const fn is_at_risk(item: &Item) -> bool {
    item.state.stage.takes_chunks()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_none_is_told_as_one_that_is_tried_again() {
        let reply = |status, body: &str| Reply { status, body: body.to_owned() };
        let error = |reply: &Reply| told::<Vec<UploadState>>(reply).unwrap_err();
        assert_eq!(error(&reply(0, "")).code, ErrorCode::Unavailable);
        assert_eq!(error(&reply(502, "<html>")).code, ErrorCode::Unavailable);
        assert_eq!(error(&reply(413, "")).code, ErrorCode::Invalid);
        let refused = error(&reply(422, r#"{"code":"invalid","message":"no","fields":{"name":"no"}}"#));
        assert_eq!(refused.fields["name"], "no");
        assert_eq!(told::<Vec<UploadState>>(&reply(200, "[]")), Ok(Vec::new()));
    }
}
