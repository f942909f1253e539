//! Sends one file, until it is with the cluster or somebody ends it.
//!
//! ```text
//! ask for the state --> send what is missing, a few parts at once --> ask again --> …
//!        ^                        |
//!        `-- no answer: wait -----'   409: the server is elsewhere, ask it
//! ```
//!
//! The server's word is the only truth: whatever happens (a lost network, a restarted portal, a broken way to the
//! cluster), the next step follows from the next state.

use core::cell::Cell;
use core::time::Duration;

use futures_util::future::join_all;
use model::ErrorCode;
use model::upload::{CHUNK_BYTES, UploadState, WINDOW, chunk_count, chunk_length};

use super::{Uploads, told};
use crate::platform::{self, ChosenFile};

/// Between two looks while the cluster works.
const LOOK: Duration = Duration::from_millis(1_200);
/// The first and the longest pause after no answer.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How often one part is sent again before the state is asked for.
const TRIES: u32 = 4;

/// Why parts are not sent any more for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Halt {
    /// The server is elsewhere, or all is sent: ask it.
    Look,
    /// Nobody answers.
    Silence,
    /// The file cannot be read any more.
    Unreadable,
    /// A part is refused for good; the note says why.
    Refused,
}

/// Carries an upload to its end.
pub(super) async fn carry(uploads: Uploads, id: String, file: ChosenFile) {
    let mut pause = FIRST_PAUSE;
    loop {
        let reply = platform::ask_server("GET", &format!("/uploads/{id}"), None).await;
        let state = match told::<UploadState>(&reply) {
            Ok(state) => state,
            Err(error) if error.code == ErrorCode::NotFound => {
                uploads.dismiss(&id);
                return;
            }
            Err(error) => {
                let signed_out = "You are signed out. Sign in again in another tab, and the upload goes on.";
                let text = if error.code == ErrorCode::SignedOut { signed_out.to_owned() } else { error.message };
                uploads.note(&id, Some(text));
                platform::pause(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
        };
        uploads.tell(state.clone());
        if state.stage.is_over() {
            uploads.over(&state);
            platform::forget_file(file.key);
            return;
        }
        let is_sent = !state.stage.takes_chunks() || state.next_chunk >= chunk_count(file.size);
        if is_sent {
            platform::pause(LOOK).await;
            continue;
        }
        match send(uploads, &state, &file).await {
            Halt::Look => pause = FIRST_PAUSE,
            Halt::Silence => {
                platform::pause(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Halt::Unreadable => {
                let text = format!("{} was changed or moved on your computer. Choose it again.", file.name);
                uploads.change(&id, |item| {
                    item.file = None;
                    item.note = Some(text);
                });
                platform::forget_file(file.key);
                return;
            }
            Halt::Refused => {
                uploads.change(&id, |item| item.file = None);
                platform::forget_file(file.key);
                return;
            }
        }
    }
}

/// Sends from the first missing part on, as many at once as the server takes, less one for the gap between two.
async fn send(uploads: Uploads, state: &UploadState, file: &ChosenFile) -> Halt {
    let next = Cell::new(state.next_chunk);
    let halt = Cell::new(None);
    let count = chunk_count(file.size);
    let lane = || async {
        while halt.get().is_none() && next.get() < count {
            let index = next.replace(next.get() + 1);
            if let Err(why) = part(uploads, state, file, index).await {
                halt.set(Some(halt.get().unwrap_or(why)));
            }
        }
    };
    join_all((1..WINDOW.max(2)).map(|_| lane())).await;
    halt.get().unwrap_or(Halt::Look)
}

async fn part(uploads: Uploads, state: &UploadState, file: &ChosenFile, index: u64) -> Result<(), Halt> {
    let url = format!("/uploads/{}/chunks/{index}?attempt={}", state.id, state.attempt);
    let start = index * CHUNK_BYTES;
    let end = start + chunk_length(file.size, index);
    let mut refusal = None;
    for _ in 0..TRIES {
        let reply = platform::send_part(&url, file.key, start, end).await;
        if reply.status == -1 {
            return Err(Halt::Unreadable);
        }
        match told::<UploadState>(&reply) {
            Ok(state) => {
                uploads.tell(state);
                return Ok(());
            }
            Err(error) => match error.code {
                ErrorCode::Invalid => refusal = Some(error.message),
                ErrorCode::Unavailable if reply.status == 503 => refusal = None,
                ErrorCode::Unavailable | ErrorCode::Internal => return Err(Halt::Silence),
                _ => return Err(Halt::Look),
            },
        }
    }
    match refusal {
        Some(text) => {
            uploads.note(&state.id, Some(text));
            Err(Halt::Refused)
        }
        None => Err(Halt::Look),
    }
}
