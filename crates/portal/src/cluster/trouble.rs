//! Why the cluster cannot be used, with the way out.
//!
//! `Display` is for the log and may name files and addresses; [`Trouble::sentence`] is for every signed-in
//! person and does not.

use std::path::PathBuf;

/// Why the cluster cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The first attempt is still under way.
    #[error("not connected yet")]
    Connecting,
    /// The kubeconfig cannot be read.
    #[error("kubeconfig {path:?} cannot be read: {error}")]
    NoKubeconfig {
        /// The file.
        path: PathBuf,
        /// Why.
        error: String,
    },
    /// The kubeconfig is no kubeconfig, or lacks what it refers to.
    #[error("kubeconfig {path:?} cannot be used: {error}")]
    BadKubeconfig {
        /// The file.
        path: PathBuf,
        /// Why.
        error: String,
    },
    /// The process does not run in a pod with a service account.
    #[error("no service account: {error}")]
    NotInCluster {
        /// Why.
        error: String,
    },
    /// 401: the credentials are wrong or have expired.
    #[error("the cluster refuses the portal's credentials: {0}")]
    Unauthorized(String),
    /// 403: the portal's identity lacks a right.
    #[error("the portal's identity lacks a right: {0}")]
    Forbidden(String),
    /// The certificate of the API server is not trusted.
    #[error("the API server's certificate is not trusted: {0}")]
    Certificate(String),
    /// Nothing listens at the address.
    #[error("connection refused: {0}")]
    Refused(String),
    /// The API server's name has no address.
    #[error("the API server's name cannot be resolved: {0}")]
    NoSuchHost(String),
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// Helper programs for credentials, proxies, and everything else about the set-up.
    #[error("the connection cannot be set up: {0}")]
    SetUp(String),
    /// The API server answers, but not properly.
    #[error("the API server fails: {0}")]
    Failing(String),
}

impl Trouble {
    /// What a person reads: what is wrong and who can do what about it.
    pub fn sentence(&self) -> String {
        match self {
            Self::Connecting => "Porthole is connecting to the cluster.",
            Self::NoKubeconfig { .. } => {
                "Porthole's kubeconfig is missing or not readable. An administrator has to put it in place; \
                 Porthole picks it up by itself."
            }
            Self::BadKubeconfig { .. } => {
                "Porthole's kubeconfig is not valid. An administrator has to correct it; the log says what is wrong."
            }
            Self::NotInCluster { .. } => {
                "Porthole runs outside of a cluster and has no kubeconfig. An administrator has to give it one."
            }
            Self::Unauthorized(_) => {
                "The cluster does not accept Porthole's credentials: they are wrong or have expired. \
                 An administrator has to renew them; Porthole picks them up by itself."
            }
            Self::Forbidden(_) => {
                "Porthole's own identity lacks rights in the cluster. An administrator has to bind it to Porthole's role."
            }
            Self::Certificate(_) => {
                "The cluster's certificate is not signed by the authority that Porthole trusts, or is not valid now. \
                 An administrator has to correct the authority in the kubeconfig."
            }
            Self::Refused(_) => {
                "Nothing answers at the cluster's address. Either its API server is down or the address is wrong."
            }
            Self::NoSuchHost(_) => "The name of the cluster's API server cannot be found. The address may be wrong.",
            Self::TimedOut => "The cluster's API server does not answer in time.",
            Self::SetUp(_) => {
                "The connection to the cluster cannot be set up. The log tells an administrator what is wrong."
            }
            Self::Failing(_) => "The cluster's API server fails at the moment.",
        }
        .to_owned()
    }

    /// What an error of the client means.
    pub(crate) fn from_kube(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::from_status(status.code, &status.message),
            kube::Error::Service(source) => Self::from_text(chain(source.as_ref())),
            kube::Error::HyperError(source) => Self::from_text(chain(source)),
            other => {
                let text = chain(other);
                match Self::from_text(text.clone()) {
                    Self::Failing(_) => Self::SetUp(text),
                    known => known,
                }
            }
        }
    }

    /// What a refused request of the portal's own means.
    pub(crate) fn from_status(code: u16, message: &str) -> Self {
        match code {
            401 => Self::Unauthorized(message.to_owned()),
            403 => Self::Forbidden(message.to_owned()),
            _ => Self::Failing(format!("{code} {message}")),
        }
    }

    /// TLS and socket errors reach us wrapped several times and in types of other crates; their texts are stable.
    fn from_text(text: String) -> Self {
        let lower = text.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        if says(&["certificate", "unknownissuer", "notvalidforname"]) {
            Self::Certificate(text)
        } else if says(&["connection refused"]) {
            Self::Refused(text)
        } else if says(&["dns error", "failed to lookup address"]) {
            Self::NoSuchHost(text)
        } else if says(&["timed out", "deadline has elapsed"]) {
            Self::TimedOut
        } else {
            Self::Failing(text)
        }
    }
}

/// An error with all its causes.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_recognised_by_their_texts() {
        let of = |text: &str| Trouble::from_text(text.to_owned());
        assert!(matches!(
            of("client error (Connect): tcp connect error: Connection refused (os error 111)"),
            Trouble::Refused(_)
        ));
        assert!(matches!(
            of("client error (Connect): invalid peer certificate: UnknownIssuer"),
            Trouble::Certificate(_)
        ));
        assert!(matches!(
            of("client error (Connect): dns error: failed to lookup address information"),
            Trouble::NoSuchHost(_)
        ));
        assert_eq!(of("operation timed out"), Trouble::TimedOut);
        assert!(matches!(of("connection reset"), Trouble::Failing(_)));
    }

    #[test]
    fn statuses_are_told_apart() {
        assert!(matches!(Trouble::from_status(401, "Unauthorized"), Trouble::Unauthorized(_)));
        assert!(matches!(Trouble::from_status(403, "no"), Trouble::Forbidden(_)));
        assert!(matches!(Trouble::from_status(500, "no"), Trouble::Failing(_)));
    }

    #[test]
    fn what_people_read_names_no_file_and_no_address() {
        let trouble = Trouble::NoKubeconfig { path: "/secret/place".into(), error: "no such file".into() };
        assert!(!trouble.sentence().contains("/secret") && trouble.to_string().contains("/secret"));
        assert!(!Trouble::Refused("10.0.0.1".into()).sentence().contains("10.0"));
    }
}
