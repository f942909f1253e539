//! Disks as downloads: what virt-controller and the export proxy do about `VirtualMachineExport`.
//!
//! ```text
//!   VirtualMachineExport ──► claims that nobody uses ──► links ──► [`serve`], with the token of a Secret
//! ```

mod serve;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use rand::Rng as _;
use serde_json::{Value, json};

pub(crate) use serve::router;

use crate::clock;
use crate::controllers::{on_change_or, settle};
use crate::error::ApiError;
use crate::resource::GroupResource;
use crate::storage::{CLAIMS, PODS, claim_disk, users};
use crate::store::{DeleteOptions, Store, meta};
use crate::virt::conditions::{self, Condition};
use crate::virt::kinds::{MACHINES, SECRETS, controlled_by, text};

/// Exports.
pub(crate) static EXPORTS: LazyLock<GroupResource> =
    LazyLock::new(|| GroupResource::new("export.kubevirt.io", "virtualmachineexports"));
/// How long an export stays if nobody says.
const LIFETIME: SignedDuration = SignedDuration::from_hours(2);
/// How often exports that came to their end are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Letters of a token.
const TOKEN_LENGTH: usize = 20;

/// What the controller and the server work with.
pub(crate) struct ExportContext {
    store: Arc<Store>,
    /// The folder of the cluster's files.
    folder: PathBuf,
    /// Where downloads are: host and port.
    address: String,
    /// The certificate of the cluster's authority, in PEM.
    authority: Arc<str>,
}

impl ExportContext {
    /// Serves the disks of a cluster's folder at an address.
    pub(crate) fn new(store: Arc<Store>, folder: PathBuf, address: String, authority: Arc<str>) -> Arc<Self> {
        Arc::new(Self { store, folder, address, authority })
    }
}

/// Keeps exports up to date until the store closes.
pub(crate) async fn run(context: Arc<ExportContext>) {
    let kinds = [&EXPORTS, &CLAIMS, &PODS, &MACHINES].map(|kind| (**kind).clone());
    let pause = || tokio::time::sleep(LOOK_EVERY);
    on_change_or(&context.store, &kinds, pause, || work(&context)).await;
}

fn work(context: &ExportContext) -> Result<(), ApiError> {
    for export in context.store.list(&EXPORTS, None).0 {
        if !meta::is_terminating(&export) {
            reconcile(context, &export)?;
        }
    }
    Ok(())
}

fn reconcile(context: &ExportContext, export: &Value) -> Result<(), ApiError> {
    let (namespace, name) = (meta::namespace(export), meta::name(export));
    let end = end_of(export);
    if end.is_some_and(|end| end <= clock::now()) {
        return settle(context.store.delete(&EXPORTS, Some(namespace), name, DeleteOptions::default()));
    }
    let secret =
        export["spec"]["tokenSecretRef"].as_str().map_or_else(|| format!("export-token-{name}"), str::to_owned);
    if export["spec"]["tokenSecretRef"].is_null() {
        ensure_token(context, export, &secret)?;
    }
    let state = state_of(context, export);
    settle(context.store.modify(&EXPORTS, Some(namespace), name, |export| {
        let (phase, ready, reason, message) = match &state {
            Ok(_) => ("Ready", true, "PodReady", ""),
            Err((reason, message)) => ("Pending", false, *reason, message.as_str()),
        };
        conditions::set(export, Condition { kind: "Ready", status: ready, reason, message });
        let status = &mut export["status"];
        status["phase"] = phase.into();
        status["tokenSecretRef"] = secret.into();
        if let Some(end) = end {
            status["ttlExpirationTime"] = clock::seconds(end).into();
        }
        if let Ok(claims) = &state {
            let link = links(context, namespace, name, claims);
            status["links"] = json!({"internal": link, "external": link});
        } else if let Some(status) = status.as_object_mut() {
            status.remove("links");
        }
    }))
}

/// When an export goes.
fn end_of(export: &Value) -> Option<Timestamp> {
    let born = clock::parse(meta::text(export, "creationTimestamp"))?;
    let asked = export["spec"]["ttlDuration"].as_str().and_then(|text| text.parse::<SignedDuration>().ok());
    born.checked_add(asked.unwrap_or(LIFETIME)).ok()
}

/// The Secret that holds the token, made for an export that names none.
fn ensure_token(context: &ExportContext, export: &Value, name: &str) -> Result<(), ApiError> {
    let namespace = meta::namespace(export);
    if context.store.get(&SECRETS, Some(namespace), name).is_some() {
        return Ok(());
    }
    let mut random = rand::rng();
    let token: String = (0..TOKEN_LENGTH).map(|_| char::from(random.sample(rand::distr::Alphanumeric))).collect();
    let secret = json!({"kind": "Secret", "apiVersion": "v1", "type": "Opaque",
        "metadata": {"namespace": namespace, "name": name,
            "ownerReferences": [controlled_by(export, "export.kubevirt.io/v1", "VirtualMachineExport")]},
        "data": {"token": BASE64.encode(token)}});
    settle(context.store.create(&SECRETS, secret))
}

/// The claims that can be had, or a word and a sentence that say why they cannot.
fn state_of(context: &ExportContext, export: &Value) -> Result<Vec<String>, (&'static str, String)> {
    let namespace = meta::namespace(export);
    let claims = claims_of(&context.store, export)?;
    for name in &claims {
        if let Some(user) = users(&context.store, namespace, name).next() {
            let message = format!("pvc {namespace}/{name} is in use by pod {}", meta::name(&user));
            return Err(("InUse", message));
        }
        claim_disk(&context.store, &context.folder, namespace, name)
            .map_err(|trouble| ("PVCNotReady", trouble.to_string()))?;
    }
    Ok(claims)
}

/// The claims that an export is about.
fn claims_of(store: &Store, export: &Value) -> Result<Vec<String>, (&'static str, String)> {
    let source = &export["spec"]["source"];
    let name = text(&source["name"]);
    match text(&source["kind"]) {
        "PersistentVolumeClaim" => Ok(vec![name.to_owned()]),
        "VirtualMachine" => {
            let namespace = meta::namespace(export);
            let machine = store.get(&MACHINES, Some(namespace), name);
            let machine =
                machine.ok_or_else(|| ("Initializing", format!("VirtualMachine {namespace}/{name} not found")))?;
            let volumes = machine["spec"]["template"]["spec"]["volumes"].as_array().into_iter().flatten();
            let claim = |volume: &Value| {
                let of_claim = volume["persistentVolumeClaim"]["claimName"].as_str();
                of_claim.or_else(|| volume["dataVolume"]["name"].as_str()).map(str::to_owned)
            };
            Ok(volumes.filter_map(claim).collect())
        }
        other => Err(("Unknown", format!("the embedded cluster cannot export a {other}"))),
    }
}

fn links(context: &ExportContext, namespace: &str, name: &str, claims: &[String]) -> Value {
    let base = format!(
        "https://{}/api/export.kubevirt.io/v1/namespaces/{namespace}/virtualmachineexports/{name}/volumes",
        context.address
    );
    let volume = |claim: &String| {
        json!({"name": claim, "formats": [
            {"format": "raw", "url": format!("{base}/{claim}/disk.img")},
            {"format": "gzip", "url": format!("{base}/{claim}/disk.img.gz")},
        ]})
    };
    json!({"cert": &*context.authority, "volumes": claims.iter().map(volume).collect::<Vec<_>>()})
}
