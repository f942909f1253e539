//! Changes of processors and memory.

use model::create::size;
use serde_json::{Value, json};

use super::parts::{SPEC, set};
use crate::error::PortalError;

/// Changes processors and memory, or the ready-made size.
pub(super) fn resize(object: &mut Value, instancetype: &str, cpus: &str, memory: &str) -> Result<(), PortalError> {
    if !instancetype.is_empty() {
        return ready_made(object, instancetype);
    }
    if object["spec"]["instancetype"].is_object() {
        let text = "This machine has a ready-made size. Choose another one of those.";
        return Err(PortalError::field("instancetype", text));
    }
    let Some(cpus) = cpus.trim().parse::<u64>().ok().filter(|cpus| (1..=512).contains(cpus)) else {
        return Err(PortalError::field("cpus", "Write a whole number of CPUs, such as 2."));
    };
    let Some(mib) = size::mib(memory).filter(|mib| *mib >= 16) else {
        return Err(PortalError::field("memory", "Write a size such as 4 GiB."));
    };
    let domain = object.pointer(&format!("{SPEC}/domain")).cloned().unwrap_or_default();
    let part = |name: &str| domain["cpu"][name].as_u64().filter(|part| *part > 0).unwrap_or(1);
    let in_socket = part("cores") * part("threads");
    let topology = if cpus.is_multiple_of(in_socket) {
        // Sockets are what can come while the machine runs.
        vec![("sockets", cpus / in_socket)]
    } else {
        vec![("sockets", 1), ("cores", cpus), ("threads", 1)]
    };
    for (name, value) in topology {
        set(object, &format!("{SPEC}/domain/cpu/{name}"), Some(&value.into()));
    }
    let memory: Value = size::quantity(mib).into();
    set(object, &format!("{SPEC}/domain/memory/guest"), Some(&memory));
    // A request that was set by hand would hold the new size back.
    if domain["resources"]["requests"]["memory"].is_string() {
        set(object, &format!("{SPEC}/domain/resources/requests/memory"), Some(&memory));
    }
    Ok(())
}

fn ready_made(object: &mut Value, name: &str) -> Result<(), PortalError> {
    if !object["spec"]["instancetype"].is_object() {
        let text = "This machine has a size of its own. Change its CPUs and memory instead.";
        return Err(PortalError::field("instancetype", text));
    }
    object["spec"]["instancetype"] = json!({ "kind": "VirtualMachineClusterInstancetype", "name": name });
    Ok(())
}
