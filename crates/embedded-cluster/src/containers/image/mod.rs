//! Where the files of a container come from.
//!
//! | image | files |
//! |---|---|
//! | `porthole.local/tools` | this machine's own programs, read-only |
//! | any other | pulled from its registry, kept by digest |
//! | one of [`TOOLBOXES`] whose registry cannot be reached | this machine's own programs stand in |
//! | any other whose registry cannot be reached | none: a built-in container stands in |
//!
//! A registry that answers that there is no such image has the last word: the pod waits with `ErrImagePull`.

pub(super) mod tools;
mod unpack;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::sandbox::Sandbox;
use crate::cdi::registry::{Place, Registry, RegistryError};

/// This machine's own programs as an image.
pub(super) const TOOLS: &str = "porthole.local/tools";
/// Images that are nothing but everyday programs.
const TOOLBOXES: [&str; 6] = ["busybox", "alpine", "debian", "ubuntu", "bash", "fedora"];
/// How long a registry that could not be reached is left alone.
const UNREACHABLE_FOR: Duration = Duration::from_mins(2);
/// How long a registry may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(8);
/// Largest image, unpacked, in bytes.
const LARGEST: u64 = 8 << 30;

/// What a container is made of.
#[derive(Clone, Debug)]
pub(super) enum Files {
    /// An unpacked image.
    Image { folder: PathBuf, digest: String, config: ImageConfig },
    /// This machine's own programs; the text says why, where they are not what was asked for.
    Tools { stands_in: Option<String> },
    /// Nothing can be run; the text says why.
    StandIn(String),
}

/// What an image says about its main program.
#[derive(Clone, Debug, Default)]
pub(super) struct ImageConfig {
    pub(super) entrypoint: Vec<String>,
    pub(super) command: Vec<String>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) folder: String,
    pub(super) user: String,
}

/// Why an image is not to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ImageError {
    /// No image can have this name.
    InvalidName(String),
    /// The registry says no.
    Refused(String),
}

/// Images that were pulled.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    /// One pull at a time.
    pulling: Mutex<HashMap<String, Instant>>,
}

impl Store {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, pulling: Mutex::default() }
    }

    /// Where images are unpacked.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Finds what a container of this image is made of, and pulls it if it has to.
    pub(super) async fn find(
        &self,
        sandbox: &Sandbox,
        image: &str,
        always: bool,
        credentials: Option<String>,
        is_insecure: bool,
    ) -> Result<Files, ImageError> {
        if !is_name(image) {
            let why = format!("couldn't parse image name \"{image}\": invalid reference format");
            return Err(ImageError::InvalidName(why));
        }
        if image == TOOLS || image.strip_prefix(TOOLS).is_some_and(|rest| rest.starts_with(':')) {
            return Ok(Files::Tools { stands_in: None });
        }
        let place = Place::parse(&format!("docker://{image}"))
            .ok_or_else(|| ImageError::InvalidName(format!("couldn't parse image name \"{image}\"")))?;
        // Names below `.invalid` belong to nobody, by agreement.
        if place.registry.split(':').next().is_some_and(|host| host.ends_with(".invalid")) {
            return Err(ImageError::Refused(format!("dial tcp: lookup {}: no such host", place.registry)));
        }
        let known = self.known(image);
        let mut unreachable = self.pulling.lock().await;
        if !always && let Some(files) = known.clone() {
            return Ok(files);
        }
        let registry = place.registry.clone();
        if unreachable.get(&registry).is_some_and(|since| since.elapsed() < UNREACHABLE_FOR) {
            return Ok(known.unwrap_or_else(|| instead(image, &format!("{registry} cannot be reached"))));
        }
        match self.pull(sandbox, image, place, credentials, is_insecure).await {
            Ok(files) => Ok(files),
            Err(RegistryError::Refused(why)) => Err(ImageError::Refused(why)),
            Err(RegistryError::Unreachable(why)) => {
                unreachable.insert(registry, Instant::now());
                Ok(known.unwrap_or_else(|| instead(image, &why)))
            }
        }
    }

    /// An image that was pulled before under this name.
    fn known(&self, image: &str) -> Option<Files> {
        let digest = std::fs::read_to_string(self.folder.join("names").join(file_name(image))).ok()?;
        self.unpacked(&digest)
    }

    fn unpacked(&self, digest: &str) -> Option<Files> {
        let folder = self.folder.join(digest.replace(':', "-"));
        let config = serde_json::from_slice(&std::fs::read(folder.join("config.json")).ok()?).ok()?;
        Some(Files::Image { folder, digest: digest.to_owned(), config: ImageConfig::read(&config) })
    }

    async fn pull(
        &self,
        sandbox: &Sandbox,
        image: &str,
        place: Place,
        credentials: Option<String>,
        is_insecure: bool,
    ) -> Result<Files, RegistryError> {
        let failed = |error: std::io::Error| RegistryError::Refused(format!("failed to unpack image: {error}"));
        let mut registry = Registry::open(place, is_insecure, credentials)?;
        let asked = tokio::time::timeout(PATIENCE, registry.image()).await;
        let found = asked.map_err(|_| RegistryError::Unreachable("i/o timeout".to_owned()))??;
        let names = self.folder.join("names");
        std::fs::create_dir_all(&names).map_err(failed)?;
        if self.unpacked(&found.digest).is_none() {
            let part = self.folder.join(format!("part-{}", uuid::Uuid::new_v4()));
            let outcome = self.fetch_layers(sandbox, &mut registry, &found.layers, &found.config, &part).await;
            let whole = self.folder.join(found.digest.replace(':', "-"));
            let outcome = outcome.and_then(|()| std::fs::rename(&part, &whole).map_err(failed));
            if let Err(error) = outcome {
                if let Err(error) = std::fs::remove_dir_all(&part) {
                    tracing::debug!(%error, "a part of an image stays");
                }
                return Err(error);
            }
        }
        std::fs::write(names.join(file_name(image)), &found.digest).map_err(failed)?;
        self.unpacked(&found.digest)
            .ok_or_else(|| RegistryError::Refused("the image's configuration is damaged".to_owned()))
    }

    async fn fetch_layers(
        &self,
        sandbox: &Sandbox,
        registry: &mut Registry,
        layers: &[String],
        config: &Value,
        part: &Path,
    ) -> Result<(), RegistryError> {
        let failed = |error: &dyn std::fmt::Display| RegistryError::Refused(format!("failed to unpack image: {error}"));
        let files = part.join("files");
        std::fs::create_dir_all(&files).map_err(|error| failed(&error))?;
        sandbox.give(&files, 0, 0).map_err(|error| failed(&error))?;
        let mut left = LARGEST;
        for digest in layers {
            let file = part.join("layer");
            registry.blob(digest, &file, left).await?;
            let (sandbox, files) = (sandbox.clone(), files.clone());
            let unpacked = tokio::task::spawn_blocking(move || unpack::layer(&sandbox, &file, &files, left)).await;
            let used = unpacked.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
            left = left.saturating_sub(used);
        }
        std::fs::write(part.join("config.json"), config.to_string()).map_err(|error| failed(&error))
    }
}

/// What stands in for an image that cannot be had.
fn instead(image: &str, why: &str) -> Files {
    let last = image.rsplit('/').next().unwrap_or_default();
    let name = last.split([':', '@']).next().unwrap_or_default();
    if TOOLBOXES.contains(&name) {
        return Files::Tools { stands_in: Some(why.to_owned()) };
    }
    Files::StandIn(why.to_owned())
}

/// A name as a file's name.
fn file_name(image: &str) -> String {
    image.replace(['/', ':', '@'], "_")
}

/// Whether a text can be an image's name.
fn is_name(image: &str) -> bool {
    let (name, version) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    let (repository, tag) = match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, None),
    };
    let has_good_path = repository.split('/').enumerate().all(|(index, part)| {
        let is_host = index == 0 && repository.contains('/');
        !part.is_empty()
            && part.chars().all(|letter| {
                letter.is_ascii_lowercase()
                    || letter.is_ascii_digit()
                    || matches!(letter, '.' | '_' | '-')
                    || (is_host && (letter == ':' || letter.is_ascii_uppercase()))
            })
    });
    let is_tag = |tag: &str| {
        !tag.is_empty()
            && tag.len() <= 128
            && tag.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
    };
    has_good_path && tag.is_none_or(is_tag) && version.is_none_or(|digest| digest.starts_with("sha256:"))
}

impl ImageConfig {
    fn read(document: &Value) -> Self {
        let config = &document["config"];
        let words = |field: &str| -> Vec<String> {
            config[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let text = |field: &str| config[field].as_str().unwrap_or_default().to_owned();
        let variables = words("Env");
        let variables = variables.iter().filter_map(|pair| pair.split_once('='));
        Self {
            entrypoint: words("Entrypoint"),
            command: words("Cmd"),
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            folder: text("WorkingDir"),
            user: text("User"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_image_can_have_are_seen() {
        for good in ["nginx", "nginx:1.27", "docker.io/library/nginx", "127.0.0.1:5000/a/b:T_1", "a@sha256:00"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "Nginx", "a:", "a b", "a//b", "a:b:c", "/a"] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn only_toolboxes_are_replaced_by_this_machines_programs() {
        assert!(matches!(instead("docker.io/library/busybox:1.36", "x"), Files::Tools { stands_in: Some(_) }));
        assert!(matches!(instead("nginx", "x"), Files::StandIn(_)));
    }
}
