//! Comparisons with what a real control plane said, where a recording is at hand.
//!
//! The folder is named by `PORTHOLE_RECORDED`, or lies beside the workspace as `shared/recorded`.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{TestCluster, bind};

/// One file of the recording; `None`, with a message, where there is no recording.
fn recorded(file: &str) -> Option<Value> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recorded");
    let folder = std::env::var_os("PORTHOLE_RECORDED").map_or_else(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
        eprintln!("skipped: there is no recording of {file} in {}", folder.display());
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

fn without_hash(entry: &Value) -> Value {
    let mut entry = entry.clone();
    entry.as_object_mut().unwrap().remove("storageVersionHash");
    entry
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_is_listed_as_by_a_real_server() {
    let test = TestCluster::start().await;
    for (file, path) in [
        ("discovery/api_v1.json", "/api/v1"),
        ("discovery/kubevirt.io_v1.json", "/apis/kubevirt.io/v1"),
        ("discovery/cdi.kubevirt.io_v1beta1.json", "/apis/cdi.kubevirt.io/v1beta1"),
        ("discovery/subresources.kubevirt.io_v1.json", "/apis/subresources.kubevirt.io/v1"),
    ] {
        let Some(real) = recorded(file) else { return };
        let ours = test.admin().get(path).await.expect(200);
        assert_eq!((&ours["kind"], &ours["groupVersion"]), (&real["kind"], &real["groupVersion"]));
        for entry in ours["resources"].as_array().unwrap() {
            let known = real["resources"].as_array().unwrap().iter().find(|known| known["name"] == entry["name"]);
            let known = known.unwrap_or_else(|| panic!("{path} has no {}", entry["name"]));
            assert_eq!(*entry, without_hash(known), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregated_discovery_says_the_same() {
    let test = TestCluster::start().await;
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    for (file, path) in [("discovery/api.aggregated.json", "/api"), ("discovery/apis.aggregated.json", "/apis")] {
        let Some(real) = recorded(file) else { return };
        let answer = test.admin().with("accept", accept).get(path).await;
        assert_eq!(answer.headers["content-type"], accept);
        for group in answer.expect(200)["items"].as_array().unwrap() {
            let name = &group["metadata"]["name"];
            // The recorded cluster had no driver that makes snapshots, and no metrics-server.
            if name == "snapshot.storage.k8s.io" || name == "metrics.k8s.io" {
                continue;
            }
            let known = real["items"].as_array().unwrap().iter().find(|known| known["metadata"]["name"] == *name);
            let known = known.unwrap_or_else(|| panic!("there is no group {name}"));
            for version in group["versions"].as_array().unwrap() {
                let same = |known: &&Value| known["version"] == version["version"];
                let known = known["versions"].as_array().unwrap().iter().find(same).unwrap();
                for resource in version["resources"].as_array().unwrap() {
                    let same = |known: &&Value| known["resource"] == resource["resource"];
                    let known = known["resources"].as_array().unwrap().iter().find(same).unwrap();
                    for field in ["responseKind", "scope", "singularResource", "shortNames", "categories", "verbs"] {
                        assert_eq!(resource[field], known[field], "{field} of {}", resource["resource"]);
                    }
                    for below in resource["subresources"].as_array().into_iter().flatten() {
                        assert!(known["subresources"].as_array().unwrap().contains(below), "{below}");
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_have_the_columns_of_a_real_server() {
    let test = TestCluster::start().await;
    for kind in [
        "namespaces",
        "pods",
        "deployments",
        "nodes",
        "events",
        "persistentvolumeclaims",
        "storageclasses",
        "virtualmachines",
        "virtualmachineinstances",
        "kubevirts",
        "datavolumes",
        "storageprofiles",
    ] {
        let Some(real) = recorded(&format!("tables/{kind}.json")) else { return };
        let path = real["request"].as_str().unwrap().split('?').next().unwrap();
        let ours = test.admin().table(path).await;
        let columns = |table: &Value| -> Vec<Value> {
            let all = table["columnDefinitions"].as_array().unwrap().iter();
            all.map(|column| json!([column["name"], column["type"], column["format"], column["priority"]])).collect()
        };
        assert_eq!(columns(&ours), columns(&real["body"]), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_nodes_have_the_cells_of_a_real_server() {
    let (Some(nodes), Some(table)) = (recorded("objects/nodes.json"), recorded("tables/nodes.json")) else { return };
    let test = TestCluster::start().await;
    let kind = embedded_cluster::GroupResource::core("nodes");
    for mut node in nodes.as_array().unwrap().iter().cloned() {
        let name = format!("real-{}", node["metadata"]["name"].as_str().unwrap());
        node["metadata"]["name"] = name.clone().into();
        test.cluster.store().create(&kind, node).unwrap();
        let ours = test.admin().table(&format!("/api/v1/nodes/{name}")).await;
        let mut cells = ours["rows"][0]["cells"].clone();
        cells[0] = name.trim_start_matches("real-").into();
        let real = table["body"]["rows"].as_array().unwrap().iter().find(|row| row["cells"][0] == cells[0]).unwrap();
        // The age depends on when one looks.
        cells[3] = real["cells"][3].clone();
        assert_eq!(cells, real["cells"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_with_the_standard_roles_get_the_recorded_answers() {
    let Some(reviews) = recorded("access/reviews.json") else { return };
    let test = TestCluster::start().await;
    let admin = test.admin();
    for (who, roles) in [
        ("kvadmin", ["kubevirt.io:admin", "edit"]),
        ("kvedit", ["kubevirt.io:edit", "edit"]),
        ("kvview", ["kubevirt.io:view", "view"]),
    ] {
        for role in roles {
            bind(&admin, role, who).await;
        }
    }
    for review in reviews.as_array().unwrap() {
        let wanted = &review["request"];
        if !wanted.is_object() {
            continue;
        }
        let body = json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
            "spec": {"resourceAttributes": wanted}});
        let person = admin.acting_as(review["who"].as_str().unwrap(), &[]);
        let answer = person.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &body).await.expect(201);
        assert_eq!(answer["status"]["allowed"], review["allowed"], "{} {wanted}", review["who"]);
    }
}
