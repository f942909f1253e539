//! Volumes of pods, as folders and files that containers see.
//!
//! Claims in Filesystem mode are a folder of the claim's own: there is no file system on this machine that a container could
//! mount from its disk. Service account tokens are not put in.

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::sandbox::{Mount, Sandbox};
use crate::storage::claim_folder;
use crate::store::{Store, meta};
use crate::virt::kinds::{CONFIG_MAPS, SECRETS, text};

/// Writes a pod's volumes below its folder.
pub(super) fn prepare(store: &Store, sandbox: &Sandbox, pod: &Value, folder: &Path) -> io::Result<()> {
    let volumes = folder.join("volumes");
    std::fs::create_dir_all(&volumes)?;
    for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
        let target = volumes.join(text(&volume["name"]));
        std::fs::create_dir_all(&target)?;
        sandbox.give(&target, 0, 0)?;
        for (field, is_secret, name) in [("secret", true, "secretName"), ("configMap", false, "name")] {
            if volume[field].is_object() {
                write_keys(store, sandbox, pod, &volume[field], text(&volume[field][name]), is_secret, &target)?;
            }
        }
    }
    let address = text(&pod["status"]["podIP"]);
    let host = meta::name(pod);
    for (name, content) in [
        ("hosts", format!("127.0.0.1\tlocalhost\n::1\tlocalhost\n{address}\t{host}\n")),
        ("hostname", format!("{host}\n")),
        ("resolv.conf", format!("search {}.svc.cluster.local svc.cluster.local cluster.local\n", meta::namespace(pod))),
        ("termination-log", String::new()),
    ] {
        let file = folder.join(name);
        std::fs::write(&file, content)?;
        sandbox.give(&file, 0, 0)?;
    }
    Ok(())
}

fn write_keys(
    store: &Store,
    sandbox: &Sandbox,
    pod: &Value,
    source: &Value,
    name: &str,
    is_secret: bool,
    target: &Path,
) -> io::Result<()> {
    let kind = if is_secret { &SECRETS } else { &CONFIG_MAPS };
    // What is missing and has to be there was waited for.
    let Some(object) = store.get(kind, Some(meta::namespace(pod)), name) else { return Ok(()) };
    let items = source["items"].as_array();
    for (section, is_packed) in [("data", is_secret), ("binaryData", true)] {
        for (key, value) in object[section].as_object().into_iter().flatten() {
            let path = match items {
                None => key.as_str(),
                Some(items) => match items.iter().find(|item| item["key"] == key.as_str()) {
                    Some(item) => text(&item["path"]),
                    None => continue,
                },
            };
            let is_below = !path.is_empty()
                && Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
            if !is_below {
                continue;
            }
            let bytes = if is_packed {
                STANDARD.decode(text(value)).unwrap_or_default()
            } else {
                text(value).as_bytes().to_vec()
            };
            let file = target.join(path);
            if let Some(parent) = file.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&file, bytes)?;
            sandbox.give(&file, 0, 0)?;
        }
    }
    Ok(())
}

/// What a container sees; sources are relative to its folder, which is two below the pod's.
pub(super) fn mounts(
    store: &Store,
    sandbox: &Sandbox,
    cluster: &Path,
    pod: &Value,
    container: &Value,
) -> io::Result<Vec<Mount>> {
    let file = |name: &str, is_read_only: bool| Mount {
        source: format!("../../{name}"),
        target: format!("/etc/{name}"),
        is_read_only,
    };
    let mut all = vec![file("hosts", true), file("hostname", true), file("resolv.conf", true)];
    all.push(Mount {
        source: "../../termination-log".to_owned(),
        target: container["terminationMessagePath"].as_str().unwrap_or("/dev/termination-log").to_owned(),
        is_read_only: false,
    });
    let volumes = pod["spec"]["volumes"].as_array();
    for mount in container["volumeMounts"].as_array().into_iter().flatten() {
        let name = text(&mount["name"]);
        let volume = volumes.and_then(|volumes| volumes.iter().find(|volume| volume["name"] == name));
        let Some(volume) = volume else { continue };
        let claim = volume["persistentVolumeClaim"]["claimName"].as_str();
        let mut source = match claim {
            Some(claim) => claimed(store, sandbox, cluster, pod, claim)?,
            None => format!("../../volumes/{name}"),
        };
        if let Some(below) = mount["subPath"].as_str().filter(|below| !below.split('/').any(|part| part == "..")) {
            source = format!("{source}/{}", below.trim_start_matches('/'));
        }
        let is_fixed = volume["secret"].is_object() || volume["configMap"].is_object();
        let target = format!("/{}", text(&mount["mountPath"]).trim_matches('/'));
        if target.split('/').any(|part| part == "..") {
            continue;
        }
        all.push(Mount { source, target, is_read_only: is_fixed || mount["readOnly"] == true });
    }
    Ok(all)
}

/// The folder of a claim that pods use.
fn claimed(store: &Store, sandbox: &Sandbox, cluster: &Path, pod: &Value, name: &str) -> io::Result<String> {
    let folder = claim_folder(store, cluster, meta::namespace(pod), name)
        .map_err(|trouble| io::Error::other(format!("claim {name}: {trouble}")))?;
    let files = folder.join("files");
    if !files.exists() {
        std::fs::create_dir_all(&files)?;
        sandbox.give(&files, 0, 0)?;
    }
    let below = files.strip_prefix(cluster).map_err(io::Error::other)?;
    Ok(format!("../../../../{}", below.display()))
}
