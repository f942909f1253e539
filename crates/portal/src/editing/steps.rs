//! The steps of each change, as JSON patches (RFC 6902). Pure: object in, steps out.

use kubevirt::domain::Domain;
use model::create::size;
use serde_json::{Value, json};

use crate::error::PortalError;

/// Steps of one change.
pub(super) type Steps = Vec<Value>;

const SPEC: &str = "/spec/template/spec";
const DISKS: &str = "/spec/template/spec/domain/devices/disks";
const TEMPLATES: &str = "/spec/dataVolumeTemplates";

fn place(object: &Value, list: &str, name: &str) -> Option<usize> {
    object.pointer(list)?.as_array()?.iter().position(|entry| entry["name"] == name)
}

fn volumes() -> String {
    format!("{SPEC}/volumes")
}

fn step(op: &str, path: impl Into<String>, value: &Value) -> Value {
    json!({ "op": op, "path": path.into(), "value": value })
}

fn remove(list: &str, index: usize) -> Value {
    json!({ "op": "remove", "path": format!("{list}/{index}") })
}

/// Appends to a list that may not exist yet.
fn append(object: &Value, list: &str, value: &Value) -> Value {
    if object.pointer(list).is_some_and(Value::is_array) {
        step("add", format!("{list}/-"), value)
    } else {
        step("add", list, &json!([value]))
    }
}

/// Takes volumes away, together with the templates of claims that only they used. Later entries go first, so that
/// the places of the others stay right.
fn without_volumes(object: &Value, mut indexes: Vec<usize>) -> Steps {
    indexes.sort_unstable();
    let listed = object.pointer(&volumes()).unwrap_or(&Value::Null);
    let is_made_for = |template: &Value| {
        let name = &template["metadata"]["name"];
        indexes.iter().any(|index| name.is_string() && listed[*index]["dataVolume"]["name"] == *name)
    };
    // The cluster refuses a template that no volume names.
    let templates = object.pointer(TEMPLATES).and_then(Value::as_array).into_iter().flatten().enumerate();
    let unused: Vec<_> = templates.filter(|(_, template)| is_made_for(template)).map(|(index, _)| index).collect();
    let volumes = indexes.iter().rev().map(|index| remove(&volumes(), *index)).collect::<Vec<_>>();
    volumes.into_iter().chain(unused.into_iter().rev().map(|index| remove(TEMPLATES, index))).collect()
}

fn drive(object: &Value, name: &str) -> Result<usize, PortalError> {
    let index = place(object, DISKS, name);
    let is_drive = index.is_some_and(|index| object.pointer(DISKS).is_some_and(|all| all[index]["cdrom"].is_object()));
    index
        .filter(|_| is_drive)
        .ok_or_else(|| PortalError::Conflict(format!("The machine has no drive {name} any more.")))
}

/// Takes the disc out of a drive, or out of all if none is named. Where the cluster knows no empty drives, they go with
/// their discs.
pub(super) fn eject(object: &Value, name: &str, keeps_drive: bool) -> Result<Steps, PortalError> {
    let drives = if name.is_empty() { filled_drives(object) } else { vec![drive(object, name)?] };
    let disks = object.pointer(DISKS).unwrap_or(&Value::Null);
    let volume = |index: &usize| place(object, &volumes(), disks[*index]["name"].as_str().unwrap_or_default());
    let filled: Vec<_> = drives.iter().filter_map(volume).collect();
    if filled.is_empty() {
        return Err(PortalError::Conflict("The drive is empty already.".to_owned()));
    }
    let mut steps = without_volumes(object, filled);
    if !keeps_drive {
        steps.extend(drives.into_iter().rev().map(|index| remove(DISKS, index)));
    }
    Ok(steps)
}

/// Drives with a disc in them, by their place among the disks, the first one first.
fn filled_drives(object: &Value) -> Vec<usize> {
    let disks = object.pointer(DISKS).and_then(Value::as_array).into_iter().flatten().enumerate();
    let is_filled = |disk: &Value| {
        disk["cdrom"].is_object() && place(object, &volumes(), disk["name"].as_str().unwrap_or_default()).is_some()
    };
    disks.filter(|(_, disk)| is_filled(disk)).map(|(index, _)| index).collect()
}

/// Puts a disc into a drive, or into a new one.
pub(super) fn insert(object: &Value, name: &str, claim: &str, is_live: bool) -> Result<Steps, PortalError> {
    if claim.parse::<model::Name>().is_err() {
        return Err(PortalError::field("claim", "Choose the disc."));
    }
    let mut source = json!({ "claimName": claim });
    if is_live {
        source["hotpluggable"] = true.into();
    }
    let mut steps = Steps::new();
    let name = if name.is_empty() {
        let name = free_name(object, "disc");
        steps.push(append(object, DISKS, &json!({ "name": name, "cdrom": { "bus": "sata" } })));
        name
    } else {
        drive(object, name)?;
        if let Some(volume) = place(object, &volumes(), name) {
            steps.extend(without_volumes(object, vec![volume]));
        }
        name.to_owned()
    };
    steps.push(append(object, &volumes(), &json!({ "name": name, "persistentVolumeClaim": source })));
    Ok(steps)
}

/// Adds an empty disk on a claim that is made for it and goes with the machine.
pub(super) fn add_disk(object: &Value, typed: &str, class: &str, is_live: bool) -> Result<Steps, PortalError> {
    let Some(mib) = size::mib(typed).filter(|mib| *mib > 0) else {
        return Err(PortalError::field("size", "Write a size such as 20 GiB."));
    };
    let name = free_name(object, "data");
    let machine = object["metadata"]["name"].as_str().unwrap_or_default();
    let claim = format!("{machine}-{name}");
    let mut storage = json!({ "resources": { "requests": { "storage": size::quantity(mib) } } });
    if !class.is_empty() {
        storage["storageClassName"] = class.into();
    }
    let template = json!({
        "metadata": { "name": claim },
        "spec": { "source": { "blank": {} }, "storage": storage },
    });
    let mut volume = json!({ "name": name, "dataVolume": { "name": claim } });
    let bus = if is_live {
        volume["dataVolume"]["hotpluggable"] = true.into();
        // The one bus on which every release can plug.
        "scsi"
    } else {
        first_bus(object)
    };
    Ok(vec![
        append(object, TEMPLATES, &template),
        append(object, &volumes(), &volume),
        append(object, DISKS, &json!({ "name": name, "disk": { "bus": bus } })),
    ])
}

fn first_bus(object: &Value) -> &str {
    let disks = object.pointer(DISKS).and_then(Value::as_array);
    disks.into_iter().flatten().find_map(|disk| disk["disk"]["bus"].as_str()).unwrap_or("virtio")
}

/// `data-1`, or the next number that no disk, volume or claim has.
fn free_name(object: &Value, stem: &str) -> String {
    let machine = object["metadata"]["name"].as_str().unwrap_or_default();
    let is_free = |name: &String| {
        let claim = format!("{machine}-{name}");
        let templates = object.pointer(TEMPLATES).and_then(Value::as_array);
        place(object, DISKS, name).is_none()
            && place(object, &volumes(), name).is_none()
            && !templates.into_iter().flatten().any(|entry| entry["metadata"]["name"] == claim.as_str())
    };
    (1..=1000_u32).map(|number| format!("{stem}-{number}")).find(is_free).unwrap_or_default()
}

/// Changes processors and memory, or the ready-made size.
pub(super) fn resize(object: &Value, instancetype: &str, cpus: &str, memory: &str) -> Result<Steps, PortalError> {
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
    let mut cpu = domain["cpu"].as_object().cloned().unwrap_or_default();
    let part = |name: &str| domain["cpu"][name].as_u64().filter(|part| *part > 0).unwrap_or(1);
    let in_socket = part("cores") * part("threads");
    if cpus.is_multiple_of(in_socket) {
        // Sockets are what can come while the machine runs.
        cpu.insert("sockets".to_owned(), (cpus / in_socket).into());
    } else {
        for (name, value) in [("sockets", 1), ("cores", cpus), ("threads", 1)] {
            cpu.insert(name.to_owned(), value.into());
        }
    }
    let mut memory = domain["memory"].as_object().cloned().unwrap_or_default();
    memory.insert("guest".to_owned(), size::quantity(mib).into());
    let mut steps = vec![
        step("add", format!("{SPEC}/domain/cpu"), &cpu.into()),
        step("add", format!("{SPEC}/domain/memory"), &memory.into()),
    ];
    // A request that was set by hand would hold the new size back.
    if domain["resources"]["requests"]["memory"].is_string() {
        steps.push(step("replace", format!("{SPEC}/domain/resources/requests/memory"), &size::quantity(mib).into()));
    }
    Ok(steps)
}

fn ready_made(object: &Value, name: &str) -> Result<Steps, PortalError> {
    if !object["spec"]["instancetype"].is_object() {
        let text = "This machine has a size of its own. Change its CPUs and memory instead.";
        return Err(PortalError::field("instancetype", text));
    }
    let chosen = json!({ "kind": "VirtualMachineClusterInstancetype", "name": name });
    Ok(vec![step("replace", "/spec/instancetype", &chosen)])
}

/// Asks for the size that runs.
pub(super) fn keep_size(object: &Value, running: Option<&Domain>) -> Result<Steps, PortalError> {
    let size = running.and_then(|domain| Some((domain.vcpus(), domain.memory_bytes()?)));
    let Some((cpus, bytes)) = size else {
        return Err(PortalError::Conflict("The machine does not run, so nothing waits for its next start.".to_owned()));
    };
    resize(object, "", &cpus.to_string(), &size::quantity(bytes / size::MIB))
}
