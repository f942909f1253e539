//! `scale`: the size of a workload, apart from the rest of it.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::patch::Patch;
use super::{Call, media, read_body, write};
use crate::error::{ApiError, Cause};
use crate::store::meta;

/// `GET`, `PUT` and `PATCH` of the size.
pub(super) async fn serve(call: &Call<'_>, body: axum::body::Body) -> Result<Response, ApiError> {
    let resource = &call.kind.resource;
    let wish = match call.info.verb.as_str() {
        "get" => {
            let object = call.api.store.find(resource, call.namespace(), &call.info.name)?;
            return Ok(media::json(StatusCode::OK, &scale_of(&object)));
        }
        "update" => Wish::Whole(media::decode(&call.parts.headers, &read_body(body).await?)?),
        "patch" => {
            let media = media::content_type(&call.parts.headers);
            Wish::Change(Patch::decode(call.kind, media, &read_body(body).await?)?)
        }
        _ => return Err(ApiError::method_not_allowed()),
    };
    let stored = write::change_stored(call, |current| {
        let before = scale_of(current);
        let after = match &wish {
            Wish::Whole(scale) => scale.clone(),
            Wish::Change(patch) => patch.on(&before)?,
        };
        let version = meta::text(&after, "resourceVersion");
        if !version.is_empty() && version != meta::text(current, "resourceVersion") {
            return Err(ApiError::stale(resource, &call.info.name));
        }
        let replicas = after["spec"]["replicas"].as_i64().unwrap_or(0);
        if replicas < 0 {
            let cause = Cause {
                reason: "FieldValueInvalid",
                message: format!("Invalid value: {replicas}: must be greater than or equal to 0"),
                field: "spec.replicas".to_owned(),
            };
            return Err(ApiError::invalid("Scale.autoscaling", &call.info.name, &[cause]));
        }
        let mut object = current.clone();
        object["spec"]["replicas"] = replicas.into();
        Ok(object)
    })?;
    Ok(media::json(StatusCode::OK, &scale_of(&stored)))
}

/// How a size is asked for.
enum Wish {
    Whole(Value),
    Change(Patch),
}

fn scale_of(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": object["spec"]["replicas"]},
        "status": {
            "replicas": object["status"]["replicas"].as_i64().unwrap_or(0),
            "selector": crate::workloads::selector::text_of(&object["spec"]["selector"]),
        },
    })
}
