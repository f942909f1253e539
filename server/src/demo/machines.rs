//! The demo's paused machines: started one after another and paused once their guests have drawn something.
//!
//! One at a time, after the machines that run: booting is the one thing that needs a whole processor, and a small
//! machine has two.

use std::time::Duration;

use http::Request;
use kube::api::{Api, DynamicObject};
use kube::core::discovery::ApiResource;
use kube::{Client, ResourceExt};
use portal::Lifecycle;
use serde_json::Value;

use super::mark;
use crate::cluster::PrepareError;
use crate::cluster::manifests::{self, IfThere};

/// How often a machine's phase is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Looks at a machine's phase before it is given up: without an image it never runs.
const LOOKS: u32 = 120;
/// From power to a prompt, without hardware virtualisation.
const BOOT: Duration = Duration::from_secs(20);

/// Starts and pauses the machines, then remembers that the demo is complete. Stops when the process does; the next
/// start goes on.
pub async fn hold(admin: Client, held: Vec<DynamicObject>, lifecycle: Lifecycle) {
    let work = async {
        wait_until_running(&admin, "blue", "web-1").await?;
        wait_until_running(&admin, "green", "database").await?;
        tokio::time::sleep(BOOT).await;
        for machine in held {
            start_and_pause(&admin, machine).await?;
        }
        mark(&admin).await
    };
    tokio::select! {
        () = lifecycle.stop.cancelled() => {}
        result = work => match result {
            Ok(()) => tracing::info!("the demo is complete"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the demo is incomplete; the next start tries the rest again");
            }
        }
    }
}

async fn start_and_pause(admin: &Client, machine: DynamicObject) -> Result<(), PrepareError> {
    let (namespace, name) = (machine.namespace().unwrap_or_default(), machine.name_any());
    manifests::apply(admin, vec![machine], IfThere::Keep).await?;
    if !wait_until_running(admin, &namespace, &name).await? {
        return Ok(());
    }
    tokio::time::sleep(BOOT).await;
    let path = format!("/apis/subresources.kubevirt.io/v1/namespaces/{namespace}/virtualmachineinstances/{name}/pause");
    let request = Request::put(path)
        .header("content-type", "application/json")
        .body(b"{}".to_vec())
        .map_err(|_| PrepareError::Incomplete("usable name"))?;
    match admin.request_text(request).await {
        // Somebody was faster.
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        other => other.map(drop).map_err(|source| PrepareError::Refused { what: format!("pausing {name}"), source }),
    }
}

/// Waits for the guest. `false` if it does not come: then its page says why.
async fn wait_until_running(admin: &Client, namespace: &str, name: &str) -> Result<bool, PrepareError> {
    let resource = ApiResource {
        group: "kubevirt.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "kubevirt.io/v1".to_owned(),
        kind: "VirtualMachineInstance".to_owned(),
        plural: "virtualmachineinstances".to_owned(),
    };
    let api: Api<DynamicObject> = Api::namespaced_with(admin.clone(), namespace, &resource);
    for _ in 0..LOOKS {
        let found =
            api.get_opt(name).await.map_err(|source| PrepareError::Refused { what: name.to_owned(), source })?;
        let phase = found.as_ref().and_then(|object| object.data.pointer("/status/phase")).and_then(Value::as_str);
        if phase == Some("Running") {
            return Ok(true);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    tracing::warn!(vm.namespace = namespace, vm.name = name, "a machine of the demo does not start");
    Ok(false)
}
