//! Exports over a store, and their downloads.

use axum::body::{Body, to_bytes};
use http::Request;
use tower::ServiceExt as _;

use super::*;
use crate::options::NodeSpec;
use crate::storage::{StorageContext, new_claim};

/// A cluster with a claim `disk` that holds something, and an export of it.
async fn exported() -> (Arc<ExportContext>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::in_memory());
    crate::seeds::plant(&store, &NodeSpec::defaults()).unwrap();
    let mut claim = json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": {"namespace": "default", "name": "disk"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}});
    new_claim(&store, &mut claim);
    store.create(&CLAIMS, claim).unwrap();
    let disks = Arc::new(StorageContext::new(Arc::clone(&store), folder.path().to_owned()));
    let binding = tokio::spawn(crate::storage::run(disks));
    while store.get(&CLAIMS, Some("default"), "disk").unwrap()["status"]["phase"] != "Bound" {
        tokio::task::yield_now().await;
    }
    binding.abort();
    let disk = claim_disk(&store, folder.path(), "default", "disk").unwrap();
    std::fs::write(disk.path, vec![7; 1 << 20]).unwrap();
    let export = json!({"kind": "VirtualMachineExport", "apiVersion": "export.kubevirt.io/v1",
        "metadata": {"namespace": "default", "name": "e"},
        "spec": {"source": {"apiGroup": "", "kind": "PersistentVolumeClaim", "name": "disk"}}});
    store.create(&EXPORTS, export).unwrap();
    (ExportContext::new(store, folder.path().to_owned(), "127.0.0.1:1".into(), "PEM".into()), folder)
}

fn export(context: &ExportContext) -> Arc<Value> {
    context.store.get(&EXPORTS, Some("default"), "e").unwrap()
}

async fn get(context: &Arc<ExportContext>, format: usize, token: &str) -> (u16, Vec<u8>) {
    let export = export(context);
    let url = text(&export["status"]["links"]["external"]["volumes"][0]["formats"][format]["url"]).to_owned();
    let request = Request::get(url).header(kubevirt::export::TOKEN_HEADER, token).body(Body::empty()).unwrap();
    let response = router(Arc::clone(context)).oneshot(request).await.unwrap();
    (response.status().as_u16(), to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
}

#[tokio::test]
async fn a_disk_is_downloaded_with_the_token_of_its_secret() {
    use std::io::Read as _;
    let (context, _folder) = exported().await;
    work(&context).unwrap();
    let secret = text(&export(&context)["status"]["tokenSecretRef"]).to_owned();
    let secret = context.store.get(&SECRETS, Some("default"), &secret).unwrap();
    let token = String::from_utf8(BASE64.decode(text(&secret["data"]["token"])).unwrap()).unwrap();
    assert_eq!(get(&context, 0, "guessed").await.0, 401);
    let expected = vec![7; 1 << 20];
    assert!(get(&context, 0, &token).await == (200, expected.clone()));
    let (status, packed) = get(&context, 1, &token).await;
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert!(status == 200 && unpacked == expected);
}

#[tokio::test]
async fn a_disk_in_use_is_waited_for_and_an_export_comes_to_its_end() {
    let (context, _folder) = exported().await;
    let pod = json!({"metadata": {"namespace": "default", "name": "p"},
        "spec": {"volumes": [{"persistentVolumeClaim": {"claimName": "disk"}}]}});
    context.store.create(&PODS, pod).unwrap();
    work(&context).unwrap();
    assert_eq!(
        (&export(&context)["status"]["phase"], &export(&context)["status"]["links"]),
        (&json!("Pending"), &Value::Null)
    );
    context.store.delete(&PODS, Some("default"), "p", DeleteOptions::now()).unwrap();
    work(&context).unwrap();
    assert_eq!(export(&context)["status"]["phase"], "Ready");
    context.store.modify(&EXPORTS, Some("default"), "e", |export| export["spec"]["ttlDuration"] = "0s".into()).unwrap();
    work(&context).unwrap();
    assert!(context.store.get(&EXPORTS, Some("default"), "e").is_none());
    assert!(context.store.get(&SECRETS, Some("default"), "export-token-e").is_none(), "the token goes with it");
}
