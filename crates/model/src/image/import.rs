//! An import: where an image comes from when nobody uploads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::wanted::Wanted;
use crate::ObjectRef;

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum ImportSource {
    /// A web server.
    Http {
        /// `http://…` or `https://…`.
        url: String,
        /// The user, where the server wants one.
        user: String,
        /// The password. It goes into a Secret and is never shown again.
        password: String,
        /// SHA-256 in hexadecimal, checked by the cluster; not checked if empty.
        sha256: String,
    },
    /// An object store.
    S3 {
        /// `https://store/bucket/object`.
        url: String,
        /// Access key id.
        user: String,
        /// Secret key. It goes into a Secret and is never shown again.
        password: String,
    },
    /// A container image with a disk in it.
    Registry {
        /// `docker://registry/image:tag`.
        url: String,
        /// The user, where the registry wants one.
        user: String,
        /// The password. It goes into a Secret and is never shown again.
        password: String,
    },
    /// Another image of the cluster.
    Clone {
        /// Which one.
        of: ObjectRef,
        /// Whether it may be taken from under a machine that runs: as the disk is at one moment.
        #[serde(default)]
        is_live: bool,
    },
    /// An empty disk.
    Blank,
}

/// What begins an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRequest {
    /// The team that gets the image.
    pub namespace: String,
    /// The image's name.
    pub name: String,
    /// Where it comes from.
    pub source: ImportSource,
    /// What the guest will see of it, in bytes; 0 where a clone takes its source's.
    pub disk_bytes: u64,
    /// The storage class; the cluster's default if empty.
    #[serde(default)]
    pub class: String,
    /// The access mode; what the class prefers if empty.
    #[serde(default)]
    pub access_mode: String,
    /// The volume mode; what the class prefers if empty.
    #[serde(default)]
    pub volume_mode: String,
    /// The preference for machines made from it; none if empty.
    #[serde(default)]
    pub preference: String,
    /// Whether it gets a name that machines are made from.
    #[serde(default)]
    pub is_image: bool,
}

/// An import that failed, as far as the form for another one takes it over: all but the name and the credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportAgain {
    /// `http`, `s3`, `registry`, `clone` or `blank`.
    pub from: String,
    /// The address; `namespace/name` of what is copied.
    pub source: String,
    /// The team.
    pub team: String,
    /// The disk's size as a person types it; empty if it was not given.
    pub size: String,
    /// The storage class; empty for the cluster's default.
    pub class: String,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// The import form as it is filled in: every field is a text, as a plain form sends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportForm {
    /// `http`, `s3`, `registry`, `clone` or `blank`.
    pub from: String,
    /// The team that gets the image.
    pub namespace: String,
    /// The image's name.
    pub name: String,
    /// The address.
    pub url: String,
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// What is copied, as `namespace/name`.
    pub source: String,
    /// `true` if it may be taken from under a machine that runs.
    pub is_live: String,
    /// The disk's size, as a person types it.
    pub size: String,
    /// The storage class.
    pub class: String,
    /// The preference.
    pub preference: String,
    /// `true` if it gets a name that machines are made from.
    pub is_image: String,
}

impl ImportForm {
    /// The form as a request, or what is wrong with it, by field.
    pub fn read(self) -> Result<ImportRequest, BTreeMap<String, String>> {
        let wrong = |field: &str, text: &str| BTreeMap::from([(field.to_owned(), text.to_owned())]);
        let (url, user, password) = (self.url.trim().to_owned(), self.user.trim().to_owned(), self.password);
        let source = match self.from.as_str() {
            "http" => ImportSource::Http { url, user, password, sha256: self.sha256.trim().to_owned() },
            "s3" => ImportSource::S3 { url, user, password },
            "registry" => ImportSource::Registry { url, user, password },
            "clone" => {
                let (namespace, name) = self.source.split_once('/').unwrap_or_default();
                let of = ObjectRef::parse(namespace, name).map_err(|_| wrong("source", "Choose what is copied."))?;
                ImportSource::Clone { of, is_live: self.is_live == "true" }
            }
            "blank" => ImportSource::Blank,
            _ => return Err(wrong("from", "Choose where the image comes from.")),
        };
        let disk_bytes = match self.size.trim() {
            "" => 0,
            size => super::size::read_bytes(size).ok_or_else(|| wrong("size", "Give a size such as 20 GiB."))?,
        };
        Ok(ImportRequest {
            namespace: self.namespace.trim().to_owned(),
            name: self.name.trim().to_owned(),
            source,
            disk_bytes,
            class: self.class,
            access_mode: String::new(),
            volume_mode: String::new(),
            preference: self.preference.trim().to_owned(),
            is_image: self.is_image == "true",
        })
    }
}

/// What is wrong with the parts of a request that need no cluster to judge, by field.
pub fn check(request: &ImportRequest) -> BTreeMap<String, String> {
    let needs_size = !matches!(request.source, ImportSource::Clone { .. });
    let wanted = Wanted {
        name: &request.name,
        namespace: &request.namespace,
        disk_bytes: request.disk_bytes,
        size_is_missing: needs_size.then_some("Give the size of the disk, at least as large as the image inside."),
        class: &request.class,
        preference: &request.preference,
    };
    let mut wrong = wanted.check();
    let mut say = |field: &str, text: &str| {
        wrong.entry(field.to_owned()).or_insert_with(|| text.to_owned());
    };
    match &request.source {
        ImportSource::Http { url, sha256, user, password } => {
            if !is_address(url, &["http://", "https://"]) {
                say("url", "Give an address that begins with http:// or https://.");
            }
            if !(sha256.is_empty() || crate::upload::is_sha256(sha256)) {
                say("sha256", "A SHA-256 has 64 characters, 0 to 9 and a to f.");
            }
            pair(user, password, &mut say);
        }
        ImportSource::S3 { url, user, password } => {
            if !is_address(url, &["http://", "https://", "s3://"]) || !names_object(url) {
                say(
                    "url",
                    "Give the object's address with store, bucket and name, such as https://store.example/bucket/disk.qcow2.",
                );
            }
            pair(user, password, &mut say);
        }
        ImportSource::Registry { url, user, password } => {
            if !is_address(url, &["docker://", "oci-archive://"]) {
                say(
                    "url",
                    "Give an address that begins with docker://, such as docker://quay.io/containerdisks/debian:13.",
                );
            }
            pair(user, password, &mut say);
        }
        ImportSource::Clone { .. } | ImportSource::Blank => {}
    }
    wrong
}

fn pair(user: &str, password: &str, say: &mut impl FnMut(&str, &str)) {
    if user.is_empty() && !password.is_empty() {
        say("user", "Give the user that the password belongs to.");
    }
}

/// Whether an address has a bucket and a name after its host. `s3://bucket/name` has not: CDI looks for a host there.
fn names_object(url: &str) -> bool {
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    place.trim_end_matches('/').split('/').filter(|part| !part.is_empty()).count() >= 3
}

/// An address that CDI takes: a known beginning, a host, no blanks, and no password inside, where everybody who sees the
/// image could read it.
fn is_address(url: &str, schemes: &[&str]) -> bool {
    let Some(rest) = schemes.iter().find_map(|scheme| url.strip_prefix(scheme)) else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    !host.is_empty()
        && !host.contains('@')
        && !url.contains(|letter: char| letter.is_whitespace() || letter.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(source: ImportSource) -> ImportRequest {
        ImportRequest {
            namespace: "blue".to_owned(),
            name: "debian".to_owned(),
            source,
            disk_bytes: 1 << 30,
            class: String::new(),
            access_mode: String::new(),
            volume_mode: String::new(),
            preference: String::new(),
            is_image: true,
        }
    }

    fn http(url: &str) -> ImportSource {
        ImportSource::Http { url: url.to_owned(), user: String::new(), password: String::new(), sha256: String::new() }
    }

    #[test]
    fn an_address_has_to_be_one_and_holds_no_password() {
        assert!(check(&request(http("https://example.org/disk.qcow2"))).is_empty());
        for url in [
            "",
            "example.org/disk",
            "ftp://example.org/a",
            "https://",
            "https://me:secret@example.org/a",
            "https://a b/c",
        ] {
            assert_eq!(check(&request(http(url))).keys().collect::<Vec<_>>(), ["url"], "{url}");
        }
    }

    #[test]
    fn an_object_has_a_store_a_bucket_and_a_name() {
        let object = |url: &str| ImportSource::S3 { url: url.to_owned(), user: String::new(), password: String::new() };
        for url in ["https://s3.eu-west-1.amazonaws.com/images/debian.qcow2", "s3://store.example/images/linux/debian"]
        {
            assert!(check(&request(object(url))).is_empty(), "{url}");
        }
        for url in ["s3://images/debian.qcow2", "https://store.example/images/", "https://store.example", ""] {
            assert_eq!(check(&request(object(url))).keys().collect::<Vec<_>>(), ["url"], "{url}");
        }
    }

    #[test]
    fn a_form_is_read_and_says_what_it_does_not_understand() {
        let form = ImportForm {
            from: "clone".to_owned(),
            namespace: "blue".to_owned(),
            name: "copy".to_owned(),
            source: "blue/golden".to_owned(),
            size: "20 GiB".to_owned(),
            is_image: "true".to_owned(),
            ..ImportForm::default()
        };
        let request = form.clone().read().unwrap();
        assert!(matches!(&request.source, ImportSource::Clone { of, .. } if of.to_string() == "blue/golden"));
        assert_eq!((request.disk_bytes, request.is_image), (20 << 30, true));
        let field = |form: ImportForm| form.read().unwrap_err().into_keys().next().unwrap();
        assert_eq!(field(ImportForm { source: "golden".to_owned(), ..form.clone() }), "source");
        assert_eq!(field(ImportForm { size: "much".to_owned(), ..form.clone() }), "size");
        assert_eq!(field(ImportForm { from: "post".to_owned(), ..form }), "from");
    }

    #[test]
    fn a_clone_takes_the_size_of_what_it_copies() {
        let of = ObjectRef::parse("blue", "golden").unwrap();
        let clone = ImportRequest { disk_bytes: 0, ..request(ImportSource::Clone { of, is_live: false }) };
        assert!(check(&clone).is_empty());
        let blank = ImportRequest { disk_bytes: 0, ..request(ImportSource::Blank) };
        assert_eq!(check(&blank).keys().collect::<Vec<_>>(), ["size"]);
    }

    #[test]
    fn a_password_needs_its_user_and_a_checksum_its_length() {
        let wrong = ImportSource::Http {
            url: "https://example.org/a".to_owned(),
            user: String::new(),
            password: "x".to_owned(),
            sha256: "12".to_owned(),
        };
        assert_eq!(check(&request(wrong)).keys().collect::<Vec<_>>(), ["sha256", "user"]);
    }
}
