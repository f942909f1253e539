//! Names of Kubernetes objects, checked where they enter.
//!
//! Namespaces are DNS labels, machine and pod names DNS subdomains (RFC 1123); both are checked as a subdomain
//! here, because a path segment that passes this test can never escape its place in a URL.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name that Kubernetes stores, in bytes.
pub const MAX_NAME_LENGTH: usize = 253;

/// A name that is a valid RFC 1123 subdomain: lower-case letters, digits, `-` and `.`, at most 253 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing was given.
    #[error("a name is missing")]
    Empty,
    /// More than [`MAX_NAME_LENGTH`] bytes.
    #[error("a name has at most {MAX_NAME_LENGTH} characters")]
    TooLong,
    /// A character that no name may hold, or one that may not stand at that place.
    #[error("a name holds lower-case letters, digits, '-' and '.', and starts and ends with a letter or digit")]
    Characters,
}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.is_empty() {
            return Err(InvalidName::Empty);
        }
        if text.len() > MAX_NAME_LENGTH {
            return Err(InvalidName::TooLong);
        }
        let is_word = |label: &str| {
            let alphanumeric = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
            let bytes = label.as_bytes();
            !bytes.is_empty()
                && alphanumeric(bytes[0])
                && alphanumeric(bytes[bytes.len() - 1])
                && bytes.iter().all(|&c| alphanumeric(c) || c == b'-')
        };
        if text.split('.').all(is_word) { Ok(Self(text.to_owned())) } else { Err(InvalidName::Characters) }
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Which object in which namespace: a machine or a pod, according to where it is used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The namespace, which is the team's.
    pub namespace: Name,
    /// The object's own name.
    pub name: Name,
}

impl ObjectRef {
    /// Checks both parts of a reference that came from outside.
    pub fn parse(namespace: &str, name: &str) -> Result<Self, InvalidName> {
        Ok(Self { namespace: namespace.parse()?, name: name.parse()? })
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_kubernetes_accepts_are_accepted() {
        for name in ["a", "web-1", "a.b-c.d9", "0"] {
            assert!(name.parse::<Name>().is_ok(), "{name}");
        }
    }

    #[test]
    fn names_that_kubernetes_refuses_are_refused_with_the_rule() {
        for name in ["", "-a", "a-", "A", "a..b", "a/b", "..", "a_b", "ä", &"a".repeat(254)] {
            assert!(name.parse::<Name>().is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_name_never_changes_the_meaning_of_a_path(text in ".{0,64}") {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert!(!name.as_str().contains(['/', '?', '#', '%', '\\', ' ']));
                prop_assert!(name.as_str() != "." && name.as_str() != "..");
            }
        }
    }
}
