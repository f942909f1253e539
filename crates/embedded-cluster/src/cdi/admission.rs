//! What CDI's webhooks would do to data volumes.

use http::StatusCode;
use kubevirt::quantity;
use serde_json::{Value, json};

use super::source::{CLONE_TOKEN, Way};
use super::{GROUP, SOURCES, VOLUMES, sources};
use crate::api::admission::{Admission, AdmissionRequest, Operation};
use crate::auth::UserInfo;
use crate::auth::rbac::{Attributes, authorize};
use crate::error::ApiError;
use crate::store::{Store, meta};
use crate::virt::kinds::{MACHINES, text};

/// Checks data volumes.
pub(crate) struct DataVolumes;

impl Admission for DataVolumes {
    fn admit(&self, store: &Store, request: &mut AdmissionRequest<'_>) -> Result<(), ApiError> {
        if request.kind.resource == *MACHINES && request.operation != Operation::Delete {
            return may_clone_for_machine(store, request.user, request.object, request.old);
        }
        if request.kind.resource != *VOLUMES || !request.subresource.is_empty() {
            return Ok(());
        }
        match (request.operation, request.old) {
            (Operation::Create, _) => {
                may_clone(store, request.user, request.object)?;
                check(request.object)
            }
            (Operation::Update, Some(old)) if old["spec"] != request.object["spec"] => {
                Err(refusal("Cannot update DataVolume Spec", "spec"))
            }
            _ => Ok(()),
        }
    }
}

/// A refusal in the words of the real webhook, two blanks included.
fn refusal(message: &str, field: &str) -> ApiError {
    let whole = format!("admission webhook \"datavolume-validate.cdi.kubevirt.io\" denied the request:  {message}");
    let cause = json!({"reason": "FieldValueInvalid", "message": message, "field": field});
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "", whole).with_details(json!({"causes": [cause]}))
}

fn check(volume: &Value) -> Result<(), ApiError> {
    let spec = &volume["spec"];
    let (source, named) = (&spec["source"], &spec["sourceRef"]);
    let refuse = |message: &str, field: &str| Err(refusal(message, field));
    match (source.is_object(), named.is_object()) {
        (true, true) => return refuse("Either Source or SourceRef should be set, but not both", "spec.source"),
        (false, false) => return refuse("Either Source or SourceRef should be set", "spec.source"),
        _ => {}
    }
    let kinds: Vec<&String> = source.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
    if source.is_object() && kinds.is_empty() {
        return refuse("Missing Data volume source", "spec.source");
    }
    if kinds.len() > 1 {
        return refuse("Multiple Data volume sources", "spec.source");
    }
    if named.is_object() && named["kind"] != "DataSource" {
        return refuse(
            &format!("Unsupported sourceRef kind {}, currently only DataSource is supported", text(&named["kind"])),
            "spec.SourceRef.Kind",
        );
    }
    for kind in ["http", "s3"] {
        let url = &source[kind]["url"];
        if source[kind].is_object()
            && !["http://", "https://", "s3://"].iter().any(|scheme| text(url).starts_with(scheme))
        {
            let field = format!("spec.source.{}.url", kind.to_uppercase());
            return refuse(&format!("spec.source Invalid source URL: {}", text(url)), &field);
        }
    }
    if source["pvc"].is_object() && text(&source["pvc"]["name"]).is_empty() {
        return refuse("spec.source.pvc name is empty", "spec.source.PVC.name");
    }
    if source["snapshot"].is_object()
        && ["namespace", "name"].iter().any(|part| text(&source["snapshot"][*part]).is_empty())
    {
        return refuse("spec.source.Snapshot source snapshot is not valid", "spec.source.Snapshot");
    }
    if source["registry"].is_object() && text(&source["registry"]["url"]).is_empty() {
        return refuse("spec.source Source registry should have either URL or ImageStream", "spec.source.Registry");
    }
    check_size(spec, named.is_object() || source["pvc"].is_object() || source["snapshot"].is_object())
}

fn check_size(spec: &Value, is_copy: bool) -> Result<(), ApiError> {
    let refuse = |message: &str, field: &str| Err(refusal(message, field));
    let (form, name) = match (spec["pvc"].is_object(), spec["storage"].is_object()) {
        (true, true) => {
            return refuse("Duplicate storage definition, both target storage and target pvc defined", "spec.PVC");
        }
        (false, false) => return refuse("Missing Data volume PVC", "spec.PVC"),
        (true, false) => (&spec["pvc"], "PVC"),
        (false, true) => (&spec["storage"], "Storage"),
    };
    let field = format!("spec.{name}.resources.requests.size");
    match form["resources"]["requests"]["storage"].as_str() {
        // A copy is as large as its original.
        None if is_copy && name == "Storage" => {}
        None => return refuse(&format!("{name} size is missing"), &field),
        Some(size) if quantity::value(size).is_none_or(|bytes| bytes == 0) => {
            return refuse(&format!("{name} size can't be equal or less than zero"), &field);
        }
        Some(_) => {}
    }
    if name == "PVC" && form["accessModes"].as_array().is_none_or(|modes| modes.len() != 1) {
        return refuse("PVC must have exactly one access mode", "spec.PVC.accessModes");
    }
    Ok(())
}

/// Whoever clones needs permission where the original is.
fn may_clone(store: &Store, user: &UserInfo, volume: &mut Value) -> Result<(), ApiError> {
    let own = meta::namespace(volume).to_owned();
    if let Some(namespace) = forbidden_origin(store, user, &own, &volume["spec"]) {
        let why = insufficient(user, &namespace);
        let message = format!("admission webhook \"datavolume-mutate.cdi.kubevirt.io\" denied the request: {why}");
        return Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message));
    }
    let source = &mut volume["spec"]["source"];
    if source["pvc"].is_object() && text(&source["pvc"]["namespace"]).is_empty() {
        source["pvc"]["namespace"] = own.into();
    }
    if matches!(Way::of_source(source), Way::Clone(_)) {
        let token = uuid::Uuid::new_v4().to_string();
        if !volume["metadata"]["annotations"].is_object() {
            volume["metadata"]["annotations"] = json!({});
        }
        volume["metadata"]["annotations"][CLONE_TOKEN] = token.into();
    }
    Ok(())
}

/// The same for data volumes that a machine brings along, which are made in the cluster's own name later.
fn may_clone_for_machine(store: &Store, user: &UserInfo, machine: &Value, old: Option<&Value>) -> Result<(), ApiError> {
    let templates = |machine: &Value| machine["spec"]["dataVolumeTemplates"].clone();
    if old.is_some_and(|old| templates(old) == templates(machine)) {
        return Ok(());
    }
    for (index, template) in templates(machine).as_array().into_iter().flatten().enumerate() {
        if let Some(namespace) = forbidden_origin(store, user, meta::namespace(machine), &template["spec"]) {
            let message = format!("Authorization failed, message is: {}", insufficient(user, &namespace));
            let whole =
                format!("admission webhook \"virtualmachine-validator.kubevirt.io\" denied the request: {message}");
            let field = format!("spec.dataVolumeTemplates[{index}]");
            let cause = json!({"reason": "FieldValueInvalid", "message": message, "field": field});
            return Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", whole)
                .with_details(json!({"causes": [cause]})));
        }
    }
    Ok(())
}

fn insufficient(user: &UserInfo, namespace: &str) -> String {
    format!("User {} has insufficient permissions in clone source namespace {namespace}", user.name)
}

/// The namespace of what a data volume copies, if the user may not copy from there.
fn forbidden_origin(store: &Store, user: &UserInfo, own: &str, spec: &Value) -> Option<String> {
    let named = &spec["sourceRef"];
    let origin = if named.is_object() {
        let namespace = named["namespace"].as_str().unwrap_or(own);
        let source = store.get(&SOURCES, Some(namespace), text(&named["name"]));
        // What it means may change later: the namespace that it is in counts too.
        match source.and_then(|source| sources::resolve(store, &source).ok()) {
            Some(origin) => origin,
            None => json!({"pvc": {"namespace": namespace, "name": ""}}),
        }
    } else {
        spec["source"].clone()
    };
    let Way::Clone(original) = Way::of_source(&origin) else { return None };
    let place = &origin[original.word()];
    let namespace = place["namespace"].as_str().filter(|namespace| !namespace.is_empty()).unwrap_or(own);
    let wanted = Attributes {
        verb: "create".into(),
        group: GROUP.into(),
        resource: "datavolumes".into(),
        subresource: "source".into(),
        namespace: namespace.to_owned(),
        name: text(&place["name"]).to_owned(),
        ..Attributes::default()
    };
    (namespace != own && !authorize(store, user, &wanted).allowed).then(|| namespace.to_owned())
}
