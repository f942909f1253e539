//! Sessions: a cookie that names one, and the person behind it.
//!
//! A session holds the account's name and when it was last seen, nothing else: the person's groups are read anew
//! for each request, so an account that is changed or removed is so at once. It ends twelve hours after the last
//! request. Extending it costs a write, so that happens only every few minutes.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use model::{ErrorCode, UiError};
use portal::records::SessionRecords;
use portal::{Actor, Portal, SessionId};
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;
use tower_sessions::{Expiry, Session, SessionManagerLayer};

use super::WebState;
use super::problem::Problem;

/// How long a session outlives its last request.
const IDLE_LIFETIME: Duration = Duration::hours(12);
/// How often a used session is extended.
const EXTEND_AFTER_SECONDS: i64 = 300;

const ACCOUNT: &str = "account";
const SEEN: &str = "seen";

/// Reads and writes the cookie. Over https its name has the prefix that keeps other hosts from setting it.
pub fn layer(state: &WebState) -> SessionManagerLayer<SessionRecords> {
    let is_https = state.origins.is_https();
    SessionManagerLayer::new(state.portal.records().sessions())
        .with_name(cookie_name(is_https))
        .with_secure(is_https)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(IDLE_LIFETIME))
}

/// The cookie's name.
pub fn cookie_name(is_https: bool) -> &'static str {
    if is_https { "__Host-porthole" } else { "porthole" }
}

/// Puts the [`Actor`] into the request, if somebody is signed in.
pub async fn identify(State(portal): State<Portal>, session: Session, mut request: Request, next: Next) -> Response {
    match actor(&portal, &session).await {
        Ok(Some(actor)) => {
            request.extensions_mut().insert(actor);
        }
        Ok(None) => {}
        Err(problem) => return problem.into_response(),
    }
    next.run(request).await
}

async fn actor(portal: &Portal, session: &Session) -> Result<Option<Actor>, Problem> {
    let Some(account) = session.get::<String>(ACCOUNT).await.map_err(unavailable)? else { return Ok(None) };
    let Some(id) = session.id() else { return Ok(None) };
    let actor = portal.actor(&account, SessionId(id.to_string())).await?;
    if actor.is_none() {
        session.flush().await.map_err(unavailable)?;
        return Ok(None);
    }
    let now = Timestamp::now().as_second();
    let seen = session.get::<i64>(SEEN).await.map_err(unavailable)?.unwrap_or(0);
    if now - seen >= EXTEND_AFTER_SECONDS {
        session.insert(SEEN, now).await.map_err(unavailable)?;
    }
    Ok(actor)
}

/// Begins a session for an account. Whatever session the browser had before ends, so its id is worth nothing.
pub async fn begin(session: &Session, account: &str) -> Result<(), Problem> {
    // `flush` would keep the old id for what is inserted next.
    session.cycle_id().await.map_err(unavailable)?;
    session.clear().await;
    session.insert(ACCOUNT, account).await.map_err(unavailable)?;
    session.insert(SEEN, Timestamp::now().as_second()).await.map_err(unavailable)?;
    session.save().await.map_err(unavailable)
}

/// Ends the session and everything that is open in it.
pub async fn end(session: &Session) -> Result<(), Problem> {
    session.flush().await.map_err(unavailable)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err passes")]
fn unavailable(error: tower_sessions::session::Error) -> Problem {
    tracing::error!(error = &error as &dyn std::error::Error, "sessions cannot be read");
    Problem(UiError::new(ErrorCode::Unavailable, "Porthole cannot read its sessions at the moment. Try again soon."))
}
