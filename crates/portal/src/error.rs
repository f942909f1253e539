//! What can go wrong, and how a person reads it.
//!
//! [`PortalError`] is for the code and the log; [`PortalError::to_ui`] is the one place that turns it into words
//! and an HTTP status. What somebody may not see does not exist for them.

use std::sync::Arc;

use model::create::Problems;
use model::workload::WorkloadKind;
use model::{ErrorCode, UiError};

use crate::access::AccountError;
use crate::cluster::{CallError, Refusal, Trouble};
use crate::diagnosis::shared::silent;
use crate::diagnosis::texts::sentence;
use crate::records::RecordsError;

/// What was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A virtual machine.
    Machine,
    /// A pod.
    Pod,
    /// A container of a pod.
    Container,
    /// A claim, data volume or data source.
    Image,
    /// An upload.
    Upload,
    /// A namespace.
    Team,
    /// A page.
    Page,
    /// A disk of a machine.
    Disk,
    /// A template for machines.
    Template,
    /// A download that was prepared.
    Download,
    /// What runs pods.
    Workload(WorkloadKind),
    /// A node.
    Node,
    /// A saved view of a list.
    View,
    /// An action on many rows.
    Run,
}

impl Thing {
    const fn word(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Pod => "pod",
            Self::Container => "container",
            Self::Image => "image",
            Self::Upload => "upload",
            Self::Team => "team",
            Self::Page => "page",
            Self::Disk => "disk",
            Self::Template => "template",
            Self::Download => "download",
            Self::Workload(kind) => kind.noun(),
            Self::Node => "node",
            Self::View => "view",
            Self::Run => "run",
        }
    }
}

/// Why the portal could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortalError {
    /// It does not exist, or this person may not know whether it does.
    #[error("no such {}", .0.word())]
    NotFound(Thing),
    /// The person lacks the right; the text says which.
    #[error("forbidden: {0}")]
    Forbidden(String),
    /// The action does not fit the state; the text is the one of the disabled button.
    #[error("not now: {0}")]
    Conflict(String),
    /// What was filled in is wrong: field name to what is wrong with it.
    #[error("the input is wrong: {0:?}")]
    Invalid(Problems),
    /// Too much at once; the text says of what.
    #[error("too many: {0}")]
    TooMany(String),
    /// A part of an upload was not taken.
    #[error("a part was not taken: {0}")]
    Chunk(#[from] crate::images::ChunkError),
    /// The cluster was asked in the person's name and refused.
    #[error("the cluster refused: {0}")]
    Refused(Refusal),
    /// The cluster does not answer.
    #[error("the cluster does not answer: {0}")]
    Unreachable(Trouble),
    /// The first lists have not arrived yet.
    #[error("the first lists have not arrived")]
    NotReady(Option<Arc<Trouble>>),
    /// The portal's own identity may not list the kind.
    #[error("the portal's identity may not list {0}")]
    KindDenied(&'static str),
    /// The cluster has no `subresources.kubevirt.io`: KubeVirt is absent, or its virt-api is down.
    #[error("the cluster does not serve subresources.kubevirt.io")]
    NoSubresources,
    /// The cluster's KubeVirt cannot do this.
    #[error("not offered by this cluster: {0}")]
    TooOld(String),
    /// The database failed.
    #[error("the database failed")]
    Records(#[from] RecordsError),
    /// An account was not stored.
    #[error("the account was not stored")]
    Account(#[from] AccountError),
}

impl From<CallError> for PortalError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => Self::Refused(refusal),
            CallError::Unreachable(trouble) => Self::Unreachable(trouble),
        }
    }
}

impl PortalError {
    /// The error as a person reads it.
    pub fn to_ui(&self) -> UiError {
        match self {
            Self::NotFound(thing) => UiError::not_found(thing.word()),
            Self::Forbidden(reason) => UiError::new(ErrorCode::Forbidden, reason),
            Self::Conflict(reason) => UiError::new(ErrorCode::Conflict, reason),
            Self::Invalid(fields) => {
                UiError { fields: fields.clone(), ..UiError::new(ErrorCode::Invalid, invalid(fields)) }
            }
            Self::TooMany(reason) => UiError::new(ErrorCode::TooMany, reason),
            Self::Chunk(error) => chunk(error),
            Self::Refused(refusal) => refused(refusal),
            Self::Unreachable(trouble) => UiError::new(ErrorCode::Unavailable, trouble.sentence()),
            Self::NotReady(Some(trouble)) => UiError::new(ErrorCode::Unavailable, trouble.sentence()),
            Self::NotReady(None) => {
                UiError::new(ErrorCode::Unavailable, "Porthole is still reading the cluster. Try again in a moment.")
            }
            Self::KindDenied(kind) => UiError::new(
                ErrorCode::Unavailable,
                format!(
                    "Porthole's own identity may not list {kind}. An administrator has to bind it to Porthole's role."
                ),
            ),
            Self::NoSubresources => UiError::new(
                ErrorCode::Unavailable,
                "The cluster's service for machine actions, virt-api, is not there. Try again in a moment.",
            ),
            Self::TooOld(reason) => UiError::new(ErrorCode::Unsupported, reason),
            Self::Records(_) => UiError::new(ErrorCode::Internal, "Porthole's database does not answer."),
            Self::Account(error) => account(error),
        }
    }
}

fn invalid(fields: &Problems) -> String {
    match fields.len() {
        1 => fields.values().next().cloned().unwrap_or_default(),
        number => format!("{number} fields need another look."),
    }
}

fn chunk(error: &crate::images::ChunkError) -> UiError {
    use crate::images::ChunkError as Why;
    let code = match error {
        Why::Stale => ErrorCode::Conflict,
        Why::Beyond | Why::Length { .. } | Why::Damaged => ErrorCode::Invalid,
        Why::Busy | Why::Cut => ErrorCode::Unavailable,
    };
    UiError::new(code, error.to_string())
}

fn account(error: &AccountError) -> UiError {
    let field = match error {
        AccountError::Username => "username",
        AccountError::Password => "password",
        AccountError::Identity => "kubernetes_user",
        AccountError::Hash(_) | AccountError::Records(_) => {
            return UiError::new(ErrorCode::Internal, "The account could not be stored.");
        }
    };
    let message = sentence(&error.to_string());
    let mut ui = UiError::new(ErrorCode::Invalid, message.clone());
    ui.fields.insert(field.to_owned(), message);
    ui
}

/// A refusal in the cluster's words, under the status that it means: several conflicts come as 500.
fn refused(refusal: &Refusal) -> UiError {
    let words = words(&refusal.message);
    let lower = refusal.message.to_lowercase();
    let says = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    if says(&["cannot impersonate"]) {
        let text =
            "Porthole's own identity may not act in your name. An administrator has to bind it to Porthole's role.";
        return UiError::new(ErrorCode::Unavailable, text);
    }
    if refusal.is_permission() {
        let text = if words.is_empty() { "The cluster does not allow you to do this.".to_owned() } else { words };
        return UiError::new(ErrorCode::Forbidden, text);
    }
    if let Some(silent) = silent::explain(&refusal.message) {
        return UiError::new(ErrorCode::Unavailable, silent.line());
    }
    match refusal.status {
        401 => UiError::new(ErrorCode::Unavailable, Trouble::Unauthorized(String::new()).sentence()),
        404 if says(&["not found"]) && says(&["virtualmachineinstance"]) => {
            UiError::new(ErrorCode::Conflict, "The machine is not running.")
        }
        404 if says(&["could not find the requested resource"]) || words.is_empty() => {
            UiError::new(ErrorCode::Unsupported, "This cluster's KubeVirt does not know this action.")
        }
        404 => UiError::new(ErrorCode::NotFound, words),
        409 => UiError::new(ErrorCode::Conflict, words),
        500 if says(&["already underway", "in-flight migration"]) => UiError::new(ErrorCode::Conflict, words),
        400 | 422 => UiError::new(ErrorCode::Invalid, words),
        429 => UiError::new(ErrorCode::TooMany, "The cluster is busy. Try again in a moment."),
        503 => UiError::new(
            ErrorCode::Unavailable,
            "The cluster's service for machine actions, virt-api, does not answer. Try again in a moment.",
        ),
        status => {
            let words = if words.is_empty() { format!("it answered {status}.") } else { words };
            UiError::new(ErrorCode::Unavailable, format!("The cluster could not do it: {words}"))
        }
    }
}

/// The part of a message that says something: without the object that the page names anyway.
pub(crate) fn words(message: &str) -> String {
    let rest = message.split_once("Operation cannot be fulfilled on ").and_then(|(_, rest)| rest.split_once("\": "));
    let words = rest.map_or(message, |(_, words)| words);
    let words = words.rsplit_once("denied the request: ").map_or(words, |(_, words)| words);
    sentence(words.strip_prefix("Internal error occurred: ").unwrap_or(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ui(status: u16, message: &str, is_status: bool) -> (ErrorCode, String) {
        let refusal = Refusal { status, message: message.to_owned(), is_status, causes: Vec::new() };
        let ui = PortalError::Refused(refusal).to_ui();
        (ui.code, ui.message)
    }

    #[test]
    fn conflicts_keep_the_clusters_words_without_the_frame_around_them() {
        assert_eq!(
            ui(409, "Operation cannot be fulfilled on virtualmachine.kubevirt.io \"web\": VM is already running", true),
            (ErrorCode::Conflict, "VM is already running.".to_owned())
        );
        assert_eq!(
            ui(500, "Internal error occurred: unable to complete request: stop/start already underway", true).0,
            ErrorCode::Conflict
        );
    }

    #[test]
    fn a_bare_401_means_that_the_person_may_not() {
        assert_eq!(ui(401, "", false).0, ErrorCode::Forbidden);
        assert_eq!(ui(401, "Unauthorized", true).0, ErrorCode::Unavailable);
        assert_eq!(
            ui(403, "virtualmachines \"web\" is forbidden: User \"ana\" cannot update", true).0,
            ErrorCode::Forbidden
        );
    }

    #[test]
    fn a_portal_that_may_not_impersonate_says_so_instead_of_blaming_the_person() {
        let (code, message) =
            ui(403, "users \"ana\" is forbidden: User \"portal\" cannot impersonate resource \"users\"", true);
        assert_eq!(code, ErrorCode::Unavailable);
        assert!(message.contains("administrator") && !message.contains("ana"));
    }

    #[test]
    fn what_is_gone_and_what_is_unknown_are_told_apart() {
        assert_eq!(ui(404, "virtualmachineinstance.kubevirt.io \"web\" not found", true).0, ErrorCode::Conflict);
        assert_eq!(ui(404, "the server could not find the requested resource", true).0, ErrorCode::Unsupported);
        assert_eq!(ui(503, "service unavailable", false).0, ErrorCode::Unavailable);
    }

    #[test]
    fn a_silent_webhook_is_named_instead_of_quoted() {
        let message = "Internal error occurred: failed calling webhook \"virtualmachine-validator.kubevirt.io\": Post \
                       \"https://virt-api.kubevirt.svc:443/\": dial tcp 10.96.1.1:443: connect: connection refused";
        let (code, message) = ui(500, message, true);
        assert_eq!(code, ErrorCode::Unavailable);
        assert!(message.starts_with("KubeVirt does not answer"), "{message}");
    }

    #[test]
    fn not_seen_and_not_there_look_the_same() {
        assert_eq!(PortalError::NotFound(Thing::Machine).to_ui(), UiError::not_found("machine"));
    }
}
