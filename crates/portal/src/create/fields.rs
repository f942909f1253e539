//! Which field of the form a refusal of the cluster is about.

use model::create::{Boot, MachineDraft, NetworkChoice, Problems};
use serde_json::Value;

use super::edited;
use crate::cluster::{CallError, Refusal};
use crate::diagnosis::shared::{clone_denied, quota};
use crate::error::{PortalError, words};

/// A refusal as the form shows it: at its fields as far as they can be told.
pub(super) fn explain(error: CallError, draft: &MachineDraft, object: &Value) -> PortalError {
    let CallError::Refused(refusal) = error else { return error.into() };
    let found = fields(&refusal, draft, object);
    if found.is_empty() { PortalError::Refused(refusal) } else { PortalError::Invalid(found) }
}

fn fields(refusal: &Refusal, draft: &MachineDraft, object: &Value) -> Problems {
    let lower = refusal.message.to_lowercase();
    let mut found = Problems::new();
    if refusal.status == 409 && lower.contains("already exists") {
        let kind = object["kind"].as_str().unwrap_or("object");
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        found.insert("name".to_owned(), format!("There is a {kind} {name} already. Choose another name."));
        return found;
    }
    if let Some(text) = draft.manifest.as_deref().filter(|_| object["kind"] == "VirtualMachine") {
        return edited::lines(refusal, text);
    }
    if let Some(explained) = quota::explain(&refusal.message).filter(|_| refusal.status == 403) {
        found.insert(quota_field(&lower, draft).to_owned(), explained.line());
        return found;
    }
    if lower.contains("clone source namespace") || lower.contains("datavolumes/source") {
        found.insert("image".to_owned(), clone_denied::explain(&refusal.message).line());
        return found;
    }
    for cause in &refusal.causes {
        if let Some(field) = field_of(&cause.field, &cause.message, draft, object) {
            let text = words(&cause.message);
            found.entry(field).and_modify(|known| *known = format!("{known} {text}")).or_insert(text);
        }
    }
    // A refusal that names its field in the sentence only.
    let is_judgement = matches!(refusal.status, 400 | 422) && found.is_empty();
    if is_judgement && let Some(field) = field_of("", &refusal.message, draft, object) {
        found.insert(field, words(&refusal.message));
    }
    found
}

/// Path prefixes below `spec.template.spec` with the field that they belong to.
const PATHS: [(&str, &str); 12] = [
    ("domain.cpu", "cpus"),
    ("domain.memory", "memory"),
    ("domain.resources", "memory"),
    ("domain.firmware", "firmware"),
    ("domain.devices.tpm", "tpm"),
    ("domain.devices.sound", "sound"),
    ("domain.devices.gpus", "devices"),
    ("domain.devices.hostDevices", "devices"),
    ("domain.devices.inputs", "no_tablet"),
    ("accessCredentials", "ssh_keys"),
    ("nodeSelector", "node"),
    ("affinity", "apart"),
];

/// Words of a sentence with the field that they are about.
const SENTENCES: [(&str, &str); 9] = [
    ("secureboot", "firmware"),
    ("feature gate", "devices"),
    ("storage class", "storage_class"),
    ("storageclass", "storage_class"),
    ("instance type", "instancetype"),
    ("instancetype", "instancetype"),
    ("preference", "system"),
    ("no memory requested", "memory"),
    ("metadata.name", "name"),
];

fn field_of(path: &str, message: &str, draft: &MachineDraft, object: &Value) -> Option<String> {
    let of_size = |field: &str| {
        let is_ready_made = !draft.instancetype.is_empty() && matches!(field, "cpus" | "memory");
        Some(if is_ready_made { "instancetype" } else { field }.to_owned())
    };
    let inner = path.strip_prefix("spec.template.spec.").unwrap_or(path);
    if let Some((_, field)) = PATHS.iter().find(|(prefix, _)| inner.starts_with(prefix)) {
        return of_size(field);
    }
    let spec = &object["spec"]["template"]["spec"];
    if let Some(index) = index(inner, "volumes") {
        return disk_field(spec["volumes"][index]["name"].as_str()?, "image", draft);
    }
    if let Some(index) = index(inner, "domain.devices.disks") {
        return disk_field(spec["domain"]["devices"]["disks"][index]["name"].as_str()?, "bus", draft);
    }
    if let Some(index) = index(path, "spec.dataVolumeTemplates") {
        let claim = object["spec"]["dataVolumeTemplates"][index]["metadata"]["name"].as_str()?;
        let name = claim.strip_prefix(draft.name.as_str())?.trim_start_matches('-');
        return disk_field(if name == "disk" { "root" } else { name }, "disk", draft);
    }
    if inner.starts_with("networks") || inner.starts_with("domain.devices.interfaces") {
        return Some(if draft.network == NetworkChoice::Multus { "multus" } else { "network" }.to_owned());
    }
    match path {
        "spec.runStrategy" | "spec.running" => return Some("run".to_owned()),
        "metadata.name" => return Some("name".to_owned()),
        _ if path.starts_with("spec.instancetype") => return Some("instancetype".to_owned()),
        _ if path.starts_with("spec.preference") => return Some("system".to_owned()),
        _ => {}
    }
    let lower = message.to_lowercase();
    SENTENCES.iter().find(|(text, _)| lower.contains(text)).and_then(|(_, field)| of_size(field))
}

/// The number in `list[3].more`.
fn index(path: &str, list: &str) -> Option<usize> {
    path.strip_prefix(list)?.strip_prefix('[')?.split_once(']')?.0.parse().ok()
}

/// The field behind a disk of the manifest.
fn disk_field(name: &str, of_root: &str, draft: &MachineDraft) -> Option<String> {
    Some(match name {
        "root" if of_root == "image" => match draft.boot {
            Boot::Container => "container".to_owned(),
            Boot::Image => "image".to_owned(),
            Boot::Iso | Boot::Blank => "disk".to_owned(),
        },
        "root" => of_root.to_owned(),
        "installer" => "image".to_owned(),
        "drivers" => "no_drivers".to_owned(),
        "cloudinit" => "user_data".to_owned(),
        "sysprep" => "sysprep".to_owned(),
        other => format!("disks.{}", other.strip_prefix("data-")?.parse::<usize>().ok()?.checked_sub(1)?),
    })
}

fn quota_field(lower: &str, draft: &MachineDraft) -> &'static str {
    let asked = lower.split("requested:").nth(1).unwrap_or(lower);
    if asked.contains("storage") {
        "disk"
    } else if asked.contains("memory") || asked.contains("cpu") {
        match (draft.instancetype.is_empty(), asked.contains("memory")) {
            (false, _) => "instancetype",
            (true, true) => "memory",
            (true, false) => "cpus",
        }
    } else {
        "namespace"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cause;
    use model::create::{CreateOptions, ExtraDisk, manifests};

    fn draft() -> MachineDraft {
        MachineDraft {
            name: "web".to_owned(),
            namespace: "blue".to_owned(),
            user: "ana".to_owned(),
            disks: vec![ExtraDisk { size: "5".to_owned() }],
            ..MachineDraft::default()
        }
    }

    fn at(status: u16, path: &str, message: &str) -> Problems {
        let draft = draft();
        let object = manifests(&draft, &CreateOptions::default()).machine;
        let causes = vec![Cause { field: path.to_owned(), message: message.to_owned() }];
        let causes = if path.is_empty() { Vec::new() } else { causes };
        fields(&Refusal { status, message: message.to_owned(), is_status: true, causes }, &draft, &object)
    }

    #[test]
    fn refusals_land_at_the_field_that_they_are_about() {
        for (path, message, field) in [
            ("spec.template.spec.domain.devices.disks[0].disk.bus", "IDE bus is not supported", "bus"),
            ("spec.template.spec.volumes[1]", "no such claim", "image"),
            ("spec.template.spec.domain.devices.disks[2].name", "bad", "disks.0"),
            ("spec.template.spec.volumes[3].cloudInitNoCloud", "userdata exceeds 2048 byte limit", "user_data"),
            ("spec.template.spec.domain.cpu.sockets", "too many", "cpus"),
            ("spec.template.spec.domain", "has EFI SecureBoot enabled. SecureBoot requires SMM", "firmware"),
            ("spec.runStrategy", "Invalid RunStrategy (x)", "run"),
            ("spec.instancetype", "Failure to find instancetype: not found", "instancetype"),
            ("spec.template.spec.networks[0]", "no pod network", "network"),
            ("spec.dataVolumeTemplates[0]", "at least 1MiB", "disk"),
        ] {
            let found = at(422, path, message);
            assert!(found.contains_key(field), "{path} {message}: {found:?}");
        }
    }

    #[test]
    fn a_taken_name_and_a_quota_are_told_from_the_sentence() {
        let taken = at(409, "", "virtualmachines.kubevirt.io \"web\" already exists");
        assert!(taken["name"].contains("Choose another name"));
        let quota = "pods \"x\" is forbidden: exceeded quota: team, requested: requests.memory=4Gi, used: requests.memory=6Gi, limited: requests.memory=8Gi";
        assert!(at(403, "", quota)["memory"].contains("team's quota"));
        let storage = "exceeded quota: disks, requested: requests.storage=20Gi, used: 0, limited: 10Gi";
        assert!(at(403, "", storage).contains_key("disk"));
    }

    #[test]
    fn what_cannot_be_told_is_left_to_the_page() {
        assert!(at(500, "", "failed calling webhook").is_empty());
        assert!(at(403, "", "User \"ana\" cannot create resource").is_empty());
    }
}
