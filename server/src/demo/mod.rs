//! The demo: two teams with machines and pods, and three people.
//!
//! It is put into the embedded cluster through its API, once: a config map remembers that, so whatever people
//! change or delete afterwards stays so. The manifests are in `server/demo/`.

use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::discovery::ApiResource;
use serde_json::json;

pub mod machines;
pub mod people;

use crate::cluster::PrepareError;
use crate::cluster::manifests::{self, IfThere};

/// Where images for everybody are.
pub const SHARED_IMAGES: &str = include_str!("../../../deploy/shared-images.yaml");
/// Namespaces and role bindings of two teams and of the administrators.
pub const TEAMS: &str = include_str!("../../demo/teams.yaml");
const BLUE: &str = include_str!("../../demo/blue.yaml");
const GREEN: &str = include_str!("../../demo/green.yaml");
const HELD: &str = include_str!("../../demo/held.yaml");
const MARKER: &str = include_str!("../../demo/marker.yaml");

/// Puts in what takes no time, unless it was put in before. Returns the machines that are still to be started and
/// paused.
pub async fn fill(admin: &Client) -> Result<Vec<DynamicObject>, PrepareError> {
    match marker(admin).get_opt("demo").await.map_err(marker_refused)? {
        Some(marker) if marker.data["data"]["held"] == "pending" => {}
        Some(_) => return Ok(Vec::new()),
        None => {
            for manifest in [TEAMS, SHARED_IMAGES, BLUE, GREEN, MARKER] {
                manifests::apply(admin, manifests::parse(manifest)?, IfThere::Keep).await?;
            }
        }
    }
    manifests::parse(HELD)
}

/// Remembers that the paused machines are done as well.
async fn mark(admin: &Client) -> Result<(), PrepareError> {
    let done = Patch::Merge(json!({ "data": { "held": "done" } }));
    marker(admin).patch("demo", &PatchParams::default(), &done).await.map(drop).map_err(marker_refused)
}

fn marker(admin: &Client) -> Api<DynamicObject> {
    let resource = ApiResource {
        group: String::new(),
        version: "v1".to_owned(),
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        plural: "configmaps".to_owned(),
    };
    Api::namespaced_with(admin.clone(), "porthole", &resource)
}

fn marker_refused(source: kube::Error) -> PrepareError {
    PrepareError::Refused { what: "the demo's marker".to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::ResourceExt;

    #[test]
    fn each_team_has_its_own_machines_and_no_name_is_used_twice() {
        let mut names = Vec::new();
        for manifest in [BLUE, GREEN, HELD] {
            for object in manifests::parse(manifest).unwrap() {
                let team = object.labels().get("porthole.dev/team").cloned();
                assert_eq!(team, object.namespace(), "{}", object.name_any());
                names.push(object.name_any());
            }
        }
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn machines_that_run_are_few_and_small() {
        let runs = |object: &&DynamicObject| object.data.pointer("/spec/runStrategy").is_some_and(|s| s == "Always");
        let memory = |object: &DynamicObject| {
            object.data.pointer("/spec/template/spec/domain/memory/guest").unwrap().as_str().unwrap().to_owned()
        };
        let objects: Vec<_> = [BLUE, GREEN].iter().flat_map(|text| manifests::parse(text).unwrap()).collect();
        let running: Vec<_> = objects.iter().filter(runs).map(memory).collect();
        assert_eq!(running, ["256Mi", "512Gi", "256Mi", "512Gi"]);
    }
}
