//! Explanations that rules about machines, disks and pods have in common.

pub(crate) mod clone_denied;
pub(crate) mod crash_loop;
pub(crate) mod finalizers;
pub(crate) mod gate;
pub(crate) mod image_pull;
pub(crate) mod quota;
pub(crate) mod scheduling;
pub(crate) mod silent;

/// What is wrong, as a sentence without a full stop, and what to do, in whole sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Explained {
    pub title: String,
    pub fix: String,
}

impl Explained {
    pub(crate) fn new(title: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { title: title.into(), fix: fix.into() }
    }

    /// Both in one line.
    pub(crate) fn line(&self) -> String {
        format!("{}. {}", self.title, self.fix).trim().to_owned()
    }
}

/// What asks for something, as it continues a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Machine,
    Pod,
    /// The pod that fills a disk.
    Transfer,
}

impl Subject {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Pod => "pod",
            Self::Transfer => "transfer",
        }
    }
}
