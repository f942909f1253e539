//! CDI, and the way that uploads take.

use kubevirt::CdiConfig;
use model::doctor::{Area, Check};
use serde_json::Value;

use super::ask::{Answers, Refused};
use super::{broken, good, part, unknown, weak};
use crate::diagnosis::texts::public;

const AREA: Area = Area::Images;

pub(super) fn checks(answers: &Answers) -> Vec<Check> {
    let config: CdiConfig = match &answers.cdi_config {
        Ok(config) => serde_json::from_value(config.clone()).unwrap_or_default(),
        Err(Refused::Absent) => {
            return vec![broken(
                AREA,
                "cdi",
                "The cluster has no CDI: nothing can be uploaded, imported or copied.",
                "Install the Containerized Data Importer. Machines on container disks work without it.",
            )];
        }
        Err(why) => return vec![unknown(AREA, "cdi", "Whether CDI works is not known.", why)],
    };
    let mut checks = vec![match &answers.cdi {
        Ok(list) => {
            let called = format!("CDI {}", list["items"][0]["status"]["observedVersion"].as_str().unwrap_or_default());
            part(AREA, "cdi", called.trim_end(), &list["items"][0], "cdi-operator, cdi-deployment and cdi-apiserver")
        }
        Err(why) => unknown(AREA, "cdi", "CDI is installed; how it is, is not known.", why),
    }];
    checks.push(match &answers.upload_api {
        Ok(_) => good(AREA, "upload-permissions", "CDI gives permissions for uploads."),
        Err(Refused::Forbidden(words)) => unknown(
            AREA,
            "upload-permissions",
            "Whether CDI gives permissions for uploads is not known.",
            &Refused::Forbidden(words.clone()),
        ),
        Err(why) => broken(
            AREA,
            "upload-permissions",
            "CDI's API server does not answer: no upload gets its permission.",
            format!("Look at the pods of cdi-apiserver. {}", why.sentence()),
        ),
    });
    checks.push(match &answers.upload_proxy {
        None => broken(
            AREA,
            "upload-proxy",
            "CDI does not say where uploads go.",
            "Give cdi-uploadproxy an Ingress or Route, set uploadProxyURLOverride in CDI's settings, or start Porthole with \
             --upload-proxy.",
        ),
        Some((address, Ok(()))) => good(AREA, "upload-proxy", format!("The upload proxy answers at {address}.")),
        Some((address, Err(why))) if why.to_lowercase().contains("certificate") => broken(
            AREA,
            "upload-proxy",
            format!("The certificate of the upload proxy at {address} is not trusted: {why}."),
            "Start Porthole with --upload-proxy-ca and the certificates that it is signed by.",
        ),
        Some((address, Err(why))) => broken(
            AREA,
            "upload-proxy",
            format!("The upload proxy does not answer at {address}: {why}."),
            "Look at cdi-uploadproxy and at the way from Porthole to it; --upload-proxy names another address.",
        ),
    });
    checks.extend(answers.cdi_config.as_ref().ok().and_then(import_proxy));
    checks.extend(scratch(&config, answers));
    let gates = &config.spec.feature_gates;
    if !gates.iter().any(|gate| gate == "HonorWaitForFirstConsumer") {
        checks.push(weak(
            AREA,
            "first-consumer",
            "CDI makes disks at once, even of classes that wait for their first machine: they may lie on a node that is full.",
            "Add HonorWaitForFirstConsumer to featureGates of CDI's settings.",
        ));
    }
    checks
}

/// Where imports go out, if not directly: a source that only the proxy keeps away looks unreachable.
fn import_proxy(config: &Value) -> Option<Check> {
    let set = &config["status"]["importProxy"];
    let address =
        ["HTTPSProxy", "HTTPProxy"].iter().filter_map(|key| set[key].as_str()).find(|text| !text.is_empty())?;
    Some(good(AREA, "import-proxy", format!("Imports go out through the proxy {}.", public(address))))
}

/// A class of scratch space that does not exist hangs every upload.
fn scratch(config: &CdiConfig, answers: &Answers) -> Option<Check> {
    let chosen = config.spec.scratch_space_storage_class.as_deref();
    let class = chosen.or(config.status.scratch_space_storage_class.as_deref()).filter(|class| !class.is_empty())?;
    let list = answers.classes.as_ref().ok()?;
    let mut names = list["items"].as_array().into_iter().flatten().filter_map(|item| item["metadata"]["name"].as_str());
    Some(if names.any(|name| name == class) {
        good(AREA, "scratch-space", format!("Space for unpacking comes from the class {class}."))
    } else {
        broken(
            AREA,
            "scratch-space",
            format!("Space for unpacking is to come from the class {class}, which does not exist: uploads hang."),
            "Correct scratchSpaceStorageClass in CDI's settings.",
        )
    })
}
