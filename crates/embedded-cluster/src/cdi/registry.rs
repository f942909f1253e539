//! Imports from registries: the one file in the folder `disk` of a container image, as `containerDisk` has it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use super::checksum::has_checksum;
use super::credentials::{Credentials, certificates};
use super::disk::SparseWriter;
use super::fetch::Client;
use super::jobs::{Progress, blocking};
use super::receive::Sink;
use super::sniff::{self, Format};
use super::target::Target;
use super::workers::End;
use super::{CONFIGS, CdiContext, convert, tar};
use crate::virt::kinds::text;

/// Manifests and lists of them, in both families of types.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";
/// Longest manifest that is read, in bytes.
const LONGEST_MANIFEST: usize = 4 << 20;

/// Fills the target from a container image.
pub(super) async fn import(
    context: &Arc<CdiContext>,
    claim: &Value,
    source: &Value,
    target: Target,
    progress: &Arc<Progress>,
) -> End {
    let Some(scratch) = target.scratch.clone() else {
        return End { needs_scratch: true, ..End::good("Import Complete") };
    };
    let pulled = match Registry::of(context, claim, source) {
        Ok(mut registry) => registry.pull(source, &scratch, &target, progress).await,
        Err(why) => Err(why),
    };
    match pulled {
        Ok(disk) => {
            blocking(move || match convert::fill(&disk, &target) {
                Ok(()) => End::good("Import Complete"),
                Err(error) => {
                    End::bad(format!("Unable to process data: Unable to convert source data to target format: {error}"))
                }
            })
            .await
        }
        Err(why) => End::bad(format!(
            "Unable to process data: Unable to transfer source data to scratch space: Failed to read registry image: {why}"
        )),
    }
}

/// Where an image is: `docker://registry/name:tag`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Host and port.
    pub(crate) registry: String,
    name: String,
    /// A tag or a digest.
    version: String,
}

impl Place {
    /// Reads it, with what is left out where everybody leaves it out.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let place = url.strip_prefix("docker://")?;
        let (registry, rest) = match place.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
            _ => ("registry-1.docker.io", place),
        };
        let (name, version) = match rest.split_once('@') {
            Some((name, digest)) => (name, digest),
            None => rest.rsplit_once(':').unwrap_or((rest, "latest")),
        };
        let is_bare = registry == "registry-1.docker.io" && !name.contains('/');
        let name = if is_bare { format!("library/{name}") } else { name.to_owned() };
        Some(Self { registry: registry.to_owned(), name, version: version.to_owned() })
    }
}

/// Why something cannot be had from a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RegistryError {
    /// Nobody answers there, or the answer is of no use.
    Unreachable(String),
    /// The registry says no.
    Refused(String),
}

/// An image, for this machine's processor.
pub(crate) struct FoundImage {
    /// The digest of its configuration, which is the image's own.
    pub(crate) digest: String,
    /// Digests of its layers, the lowest first.
    pub(crate) layers: Vec<String>,
    /// What it says about its main program.
    pub(crate) config: Value,
}

/// A registry, seen by somebody who wants one image of it.
pub(crate) struct Registry {
    client: Client,
    place: Place,
    base: String,
    /// `Basic …`, for the server that gives tokens.
    credentials: Option<String>,
    token: Option<String>,
}

impl Registry {
    fn of(context: &CdiContext, claim: &Value, source: &Value) -> Result<Self, String> {
        let url = text(&source["url"]);
        let place =
            Place::parse(url).ok_or_else(|| format!("{url:?} is not of the form docker://registry/name:tag"))?;
        let config = context.store.get(&CONFIGS, None, kubevirt::cdi::CONFIG_NAME);
        let insecure = config.as_ref().and_then(|config| config["spec"]["insecureRegistries"].as_array());
        let is_insecure = insecure.into_iter().flatten().any(|host| *host == place.registry.as_str());
        let scheme = if is_insecure { "http" } else { "https" };
        let credentials = Credentials::of(context, claim, source)?.map(|credentials| credentials.basic());
        Ok(Self {
            client: Client::new(HeaderMap::new(), &certificates(context, claim, source), source)?,
            base: format!("{scheme}://{}/v2/{}", place.registry, place.name),
            place,
            credentials,
            token: None,
        })
    }

    /// A registry for an ordinary pull. `credentials` are `Basic …`.
    pub(crate) fn open(place: Place, is_insecure: bool, credentials: Option<String>) -> Result<Self, RegistryError> {
        let scheme = if is_insecure { "http" } else { "https" };
        let client = Client::new(HeaderMap::new(), &[], &Value::Null).map_err(RegistryError::Unreachable)?;
        Ok(Self {
            client,
            base: format!("{scheme}://{}/v2/{}", place.registry, place.name),
            place,
            credentials,
            token: None,
        })
    }

    /// Finds the image.
    pub(crate) async fn image(&mut self) -> Result<FoundImage, RegistryError> {
        let mut manifest = self.document("manifests", &self.place.version.clone(), MANIFESTS).await?;
        if let Some(list) = manifest["manifests"].as_array() {
            let own = crate::api::architecture();
            let fits = |one: &&Value| one["platform"]["architecture"] == own && one["platform"]["os"] != "unknown";
            let chosen = list.iter().find(fits);
            let chosen = chosen
                .ok_or_else(|| RegistryError::Refused(format!("no match for platform in manifest: linux/{own}")))?;
            let digest = text(&chosen["digest"]).to_owned();
            manifest = self.document("manifests", &digest, MANIFESTS).await?;
        }
        let digest = text(&manifest["config"]["digest"]).to_owned();
        let layers = manifest["layers"].as_array().into_iter().flatten();
        let layers = layers.map(|layer| text(&layer["digest"]).to_owned()).collect();
        let config = self.document("blobs", &digest, "*/*").await?;
        Ok(FoundImage { digest, layers, config })
    }

    async fn document(&mut self, kind: &str, version: &str, accept: &str) -> Result<Value, RegistryError> {
        let response = self.answer(kind, version, accept).await?;
        json(response).await.map_err(RegistryError::Unreachable)
    }

    async fn answer(&mut self, kind: &str, version: &str, accept: &str) -> Result<Response<Incoming>, RegistryError> {
        let url = format!("{}/{kind}/{version}", self.base);
        let response = self.get(&url, accept).await.map_err(RegistryError::Unreachable)?;
        let (registry, name) = (&self.place.registry, &self.place.name);
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::NOT_FOUND => Err(RegistryError::Refused(format!("{registry}/{name}:{version}: not found"))),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(RegistryError::Refused(format!(
                "pull access denied, repository {registry}/{name} does not exist or may require authorization"
            ))),
            _ => Err(RegistryError::Unreachable(super::fetch::status_line(&response))),
        }
    }

    /// Fetches a layer into a file, and checks that it is the one.
    pub(crate) async fn blob(&mut self, digest: &str, file: &Path, limit: u64) -> Result<(), RegistryError> {
        let failed = |error: &dyn std::fmt::Display| RegistryError::Refused(format!("blob {digest}: {error}"));
        let response = self.answer("blobs", digest, "*/*").await?;
        let mut out = tokio::fs::File::create(file).await.map_err(|error| failed(&error))?;
        let mut frames = response.into_body().into_data_stream();
        let mut done = 0_u64;
        while let Some(frame) = frames.next().await {
            let frame = frame.map_err(|error| RegistryError::Unreachable(error.to_string()))?;
            done += frame.len() as u64;
            if done > limit {
                return Err(failed(&"the image is too large"));
            }
            out.write_all(&frame).await.map_err(|error| failed(&error))?;
        }
        out.flush().await.map_err(|error| failed(&error))?;
        drop(out);
        let (path, wanted) = (file.to_owned(), digest.to_owned());
        let checked = tokio::task::spawn_blocking(move || has_checksum(&path, &wanted)).await;
        match checked.map_err(|error| failed(&error))?.map_err(|error| failed(&error))? {
            true => Ok(()),
            false => Err(failed(&"it is damaged")),
        }
    }

    /// Fetches the disk of the image; the file that it is in.
    async fn pull(
        &mut self,
        source: &Value,
        scratch: &Path,
        target: &Target,
        progress: &Progress,
    ) -> Result<PathBuf, String> {
        let mut manifest = self.manifest(&self.place.version.clone()).await?;
        if let Some(list) = manifest["manifests"].as_array() {
            let own = crate::api::architecture();
            let wanted = source["platform"]["architecture"].as_str().unwrap_or(own);
            let fits = |one: &&Value| one["platform"]["architecture"] == wanted;
            let chosen = list.iter().find(fits).ok_or_else(|| format!("the image is not there for {wanted}"))?;
            let digest = text(&chosen["digest"]).to_owned();
            manifest = self.manifest(&digest).await?;
        }
        let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
        for layer in layers.iter().rev() {
            let file = scratch.join("layer.part");
            self.layer(layer, &file, target, progress).await?;
            let (digest, disk) = (text(&layer["digest"]).to_owned(), scratch.join("import.part"));
            let limit = target.scratch_bytes;
            let found = tokio::task::spawn_blocking(move || unpack(&file, &digest, disk, limit)).await;
            if let Some(disk) = found.map_err(|error| error.to_string())?? {
                return Ok(disk);
            }
        }
        Err("Failed to find VM disk image file in the container image".to_owned())
    }

    async fn manifest(&mut self, version: &str) -> Result<Value, String> {
        let response = self.get(&format!("{}/manifests/{version}", self.base), MANIFESTS).await?;
        if !response.status().is_success() {
            let what = if response.status() == StatusCode::NOT_FOUND { "manifest unknown" } else { "unauthorized" };
            return Err(format!("reading manifest {version} in {}/{}: {what}", self.place.registry, self.place.name));
        }
        json(response).await
    }

    async fn layer(&mut self, layer: &Value, file: &Path, target: &Target, progress: &Progress) -> Result<(), String> {
        let digest = text(&layer["digest"]);
        let response = self.get(&format!("{}/blobs/{digest}", self.base), "*/*").await?;
        if !response.status().is_success() {
            return Err(format!("reading blob {digest}: {}", super::fetch::status_line(&response)));
        }
        progress.begin(0, layer["size"].as_u64());
        let sink = Sink::open(file, false, target.scratch_bytes, target).map_err(|error| error.to_string())?;
        let mut frames = response.into_body().into_data_stream();
        let mut done = 0;
        while let Some(frame) = frames.next().await {
            let frame = frame.map_err(|_| "unexpected EOF")?;
            done += frame.len() as u64;
            if !sink.write(frame).await {
                break;
            }
            progress.set(done);
        }
        sink.finish().await.map(drop).map_err(|error| error.to_string())
    }

    /// Asks, and asks again with a token where the registry wants one.
    async fn get(&mut self, url: &str, accept: &str) -> Result<Response<Incoming>, String> {
        let response = self.client.get_with(url, &self.headers(accept)).await?;
        if response.status() != StatusCode::UNAUTHORIZED || self.token.is_some() {
            return Ok(response);
        }
        let challenge = response.headers().get(header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        let challenge = challenge.unwrap_or_default().to_owned();
        self.token = if let Some(asked) = challenge.strip_prefix("Bearer ") {
            Some(format!("Bearer {}", self.token_for(asked).await?))
        } else {
            self.credentials.clone()
        };
        self.client.get_with(url, &self.headers(accept)).await
    }

    fn headers(&self, accept: &str) -> HeaderMap {
        let token = self.token.as_ref().map(|token| (header::AUTHORIZATION, token.as_str()));
        let all = [(header::ACCEPT, accept)].into_iter().chain(token);
        all.filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?))).collect()
    }

    async fn token_for(&self, challenge: &str) -> Result<String, String> {
        let part = |name: &str| {
            let after = challenge.split_once(&format!("{name}=\""))?.1;
            after.split_once('"').map(|(value, _)| value.to_owned())
        };
        let realm = part("realm").ok_or("the registry does not say where to get a token")?;
        let asked = ["service", "scope"].into_iter().filter_map(|name| Some((name, part(name)?)));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(asked).finish();
        let mut headers = HeaderMap::new();
        if let Some(credentials) = self.credentials.as_deref().and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(header::AUTHORIZATION, credentials);
        }
        let answer = json(self.client.get_with(&format!("{realm}?{query}"), &headers).await?).await?;
        let token = answer["token"].as_str().or_else(|| answer["access_token"].as_str());
        token.map(str::to_owned).ok_or_else(|| "unauthorized".to_owned())
    }
}

async fn json(response: Response<Incoming>) -> Result<Value, String> {
    let body = Limited::new(response.into_body(), LONGEST_MANIFEST).collect().await;
    let body = body.map_err(|error| format!("the answer could not be read: {error}"))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| format!("the answer could not be read: {error}"))
}

/// Takes the disk out of a layer, if it is in there, and removes the layer.
fn unpack(file: &Path, digest: &str, disk: PathBuf, limit: u64) -> Result<Option<PathBuf>, String> {
    if !has_checksum(file, digest)? {
        return Err(format!("blob {digest} is damaged"));
    }
    let found = extract(file, &disk, limit).map_err(|error| error.to_string())?;
    std::fs::remove_file(file).map_err(|error| error.to_string())?;
    Ok(found.then_some(disk))
}

fn extract(file: &Path, disk: &Path, limit: u64) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(file)?.take(sniff::ENOUGH as u64).read_to_end(&mut head)?;
    let opened = BufReader::new(File::open(file)?);
    let mut stream: Box<dyn Read> = match sniff::format(&head) {
        Format::Gzip => Box::new(flate2::read::MultiGzDecoder::new(opened)),
        Format::Raw => Box::new(opened),
        _ => return Err(io::Error::other("layers of this kind cannot be read")),
    };
    while let Some(entry) = tar::next(&mut stream)? {
        if !entry.is_file || !entry.name.starts_with("disk/") {
            tar::skip(&mut stream, entry.padded())?;
            continue;
        }
        if entry.size > limit {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device"));
        }
        // What an earlier try left must not be gone on with.
        let mut writer = SparseWriter::append(File::create(disk)?)?;
        let mut content = stream.by_ref().take(entry.size);
        let mut buffer = vec![0; 1 << 20];
        loop {
            match content.read(&mut buffer)? {
                0 => break,
                read => writer.write(&buffer[..read])?,
            }
        }
        writer.settle()?;
        return Ok(true);
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_docker_reads_them() {
        let place = |url: &str| Place::parse(url).map(|place| (place.registry, place.name, place.version));
        let expected = |a: &str, b: &str, c: &str| Some((a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(place("docker://127.0.0.1:5000/a/b:1"), expected("127.0.0.1:5000", "a/b", "1"));
        assert_eq!(place("docker://quay.io/x/fedora"), expected("quay.io", "x/fedora", "latest"));
        assert_eq!(place("docker://quay.io/x@sha256:00"), expected("quay.io", "x", "sha256:00"));
        assert_eq!(place("docker://alpine"), expected("registry-1.docker.io", "library/alpine", "latest"));
        assert_eq!(place("http://x"), None);
    }
}
