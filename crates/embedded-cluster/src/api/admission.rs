//! The last look at an object before it is stored: defaults, and refusals that need more than its shape.
//!
//! Built-in kinds get the defaults that clients rely on. What `KubeVirt`'s webhooks would do plugs in as an [`Admission`].

use serde_json::{Map, Value, json};

use crate::auth::{UserInfo, escalation};
use crate::catalog::Kind;
use crate::error::{ApiError, Cause};
use crate::store::{Store, meta};
use crate::workloads::{addresses, defaults, validation};

/// What is about to happen to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is new.
    Create,
    /// It replaces the old one.
    Update,
    /// It ends.
    Delete,
}

/// A write, just before it happens.
#[derive(Debug)]
pub struct AdmissionRequest<'a> {
    /// What is about to happen.
    pub operation: Operation,
    /// Of what kind.
    pub kind: &'a Kind,
    /// Below the object, for example `status`; else empty.
    pub subresource: &'a str,
    /// The object to be stored; the present one for a delete. May be changed.
    pub object: &'a mut Value,
    /// The object as it is stored now.
    pub old: Option<&'a Value>,
    /// Who asks.
    pub user: &'a UserInfo,
}

/// A webhook, without the web: may change the object, and may refuse.
///
/// It is called without the store's lock, and again if somebody else wrote in between.
pub trait Admission: Send + Sync {
    /// Looks at one write.
    fn admit(&self, store: &Store, request: &mut AdmissionRequest<'_>) -> Result<(), ApiError>;
}

/// Defaults and refusals of built-in kinds.
pub fn builtin(store: &Store, request: &mut AdmissionRequest<'_>) -> Result<(), ApiError> {
    if request.kind.is_custom || request.operation == Operation::Delete {
        return Ok(());
    }
    let object = &mut *request.object;
    match request.kind.resource.resource.as_str() {
        "namespaces" => namespace(object),
        "pods" => {
            defaults::pod(object);
            return validation::pod(&request.kind.qualified(), object, request.old);
        }
        "deployments" => {
            defaults::deployment(object);
            return validation::replicated(&request.kind.qualified(), object, request.old);
        }
        "replicasets" => {
            defaults::replica_set(object);
            return validation::replicated(&request.kind.qualified(), object, request.old);
        }
        "daemonsets" => {
            defaults::daemon_set(object);
            return validation::replicated(&request.kind.qualified(), object, request.old);
        }
        "statefulsets" => {
            defaults::stateful_set(object);
            return validation::stateful_set(&request.kind.qualified(), object, request.old);
        }
        "jobs" => {
            defaults::job(object);
            return validation::job(&request.kind.qualified(), object, request.old);
        }
        "cronjobs" => {
            defaults::cron_job(object);
            return validation::cron_job(&request.kind.qualified(), object);
        }
        "services" => {
            defaults::service(object);
            return addresses::admit(store, &request.kind.qualified(), object, request.old);
        }
        "poddisruptionbudgets" => return validation::disruption_budget(&request.kind.qualified(), object),
        "secrets" => secret(object),
        "persistentvolumeclaims" => claim(object),
        "persistentvolumes" => {
            default(section(object, "spec"), "volumeMode", "Filesystem".into());
            default(section(object, "spec"), "persistentVolumeReclaimPolicy", "Retain".into());
            default(section(object, "status"), "phase", "Available".into());
        }
        "storageclasses" => {
            default(object, "reclaimPolicy", "Delete".into());
            default(object, "volumeBindingMode", "Immediate".into());
        }
        "roles" | "clusterroles" => {
            return escalation::check(store, request.user, &request.kind.resource, object, request.old);
        }
        "rolebindings" | "clusterrolebindings" => {
            binding(object, request.old, request.kind)?;
            return escalation::check(store, request.user, &request.kind.resource, object, request.old);
        }
        "customresourcedefinitions" => return definition(object, request.kind),
        "resourcequotas" => return crate::quota::admit(object),
        _ => {}
    }
    Ok(())
}

fn default(object: &mut Value, field: &str, value: Value) {
    if object[field].is_null() {
        object[field] = value;
    }
}

/// The field, made an object if it is none.
fn section<'a>(object: &'a mut Value, field: &str) -> &'a mut Value {
    if !object[field].is_object() {
        object[field] = Value::Object(Map::new());
    }
    &mut object[field]
}

/// What a namespace is born with.
pub fn namespace(object: &mut Value) {
    let name = meta::name(object).to_owned();
    default(section(object, "spec"), "finalizers", json!(["kubernetes"]));
    default(section(object, "status"), "phase", "Active".into());
    section(section(object, "metadata"), "labels")["kubernetes.io/metadata.name"] = name.into();
}

fn secret(object: &mut Value) {
    use base64::Engine as _;
    default(object, "type", "Opaque".into());
    let Some(Value::Object(plain)) = object.as_object_mut().and_then(|fields| fields.remove("stringData")) else {
        return;
    };
    let data = section(object, "data");
    for (key, value) in plain {
        let text = value.as_str().unwrap_or_default();
        data[key] = base64::engine::general_purpose::STANDARD.encode(text).into();
    }
}

fn claim(object: &mut Value) {
    default(section(object, "spec"), "volumeMode", "Filesystem".into());
    default(section(object, "status"), "phase", "Pending".into());
}

fn binding(object: &mut Value, old: Option<&Value>, kind: &Kind) -> Result<(), ApiError> {
    const GROUP: &str = "rbac.authorization.k8s.io";
    default(section(object, "roleRef"), "apiGroup", GROUP.into());
    for subject in object["subjects"].as_array_mut().into_iter().flatten().filter(|subject| subject.is_object()) {
        if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            default(subject, "apiGroup", GROUP.into());
        }
    }
    if let Some(old) = old
        && old["roleRef"] != object["roleRef"]
    {
        let cause = Cause::invalid("roleRef", &object["roleRef"].to_string(), "cannot change roleRef");
        return Err(ApiError::invalid(&kind.qualified(), meta::name(object), &[cause]));
    }
    Ok(())
}

/// Fills in a definition and accepts its names, so that it is served from now on.
pub fn definition(object: &mut Value, kind: &Kind) -> Result<(), ApiError> {
    let name = meta::name(object).to_owned();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let spec = section(object, "spec");
    let (group, plural, kind_name) =
        (text(&spec["group"]), text(&spec["names"]["plural"]), text(&spec["names"]["kind"]));
    let mut causes = Vec::new();
    for (value, field) in [(&group, "spec.group"), (&plural, "spec.names.plural"), (&kind_name, "spec.names.kind")] {
        if value.is_empty() {
            causes.push(Cause::required(field, ""));
        }
    }
    if causes.is_empty() && name != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", &name, why));
    }
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if versions.iter().filter(|version| version["storage"] == true).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", "", why));
    }
    if !causes.is_empty() {
        return Err(ApiError::invalid(&kind.qualified(), &name, &causes));
    }
    let stored: Vec<Value> =
        versions.iter().filter(|version| version["storage"] == true).map(|version| version["name"].clone()).collect();
    default(&mut spec["names"], "singular", kind_name.to_lowercase().into());
    default(&mut spec["names"], "listKind", format!("{kind_name}List").into());
    default(spec, "conversion", json!({"strategy": "None"}));
    let names = spec["names"].clone();
    let status = section(object, "status");
    status["acceptedNames"] = names;
    status["storedVersions"] = stored.into();
    if !status["conditions"].is_array() {
        let now = crate::clock::now_seconds();
        status["conditions"] = json!([
            {"type": "NamesAccepted", "status": "True", "lastTransitionTime": now,
             "reason": "NoConflicts", "message": "no conflicts found"},
            {"type": "Established", "status": "True", "lastTransitionTime": now,
             "reason": "InitialNamesAccepted", "message": "the initial names have been accepted"},
        ]);
    }
    meta::add_finalizer(object, crate::controllers::DEFINITION_FINALIZER);
    Ok(())
}
