//! What the webhooks refuse: what an instance type decides already, and what a preference needs and does not get.

use kubevirt::domain::Domain;
use kubevirt::quantity;
use serde_json::Value;

use super::Reference;
use crate::store::Store;
use crate::virt::kinds::{text, typed};

/// Fields of a template's `spec` that an instance type decides, and where it does.
const DECIDED: [(&str, &str); 13] = [
    ("domain.cpu.sockets", "cpu.guest"),
    ("domain.cpu.cores", "cpu.guest"),
    ("domain.cpu.threads", "cpu.guest"),
    ("domain.resources.requests.cpu", "cpu.guest"),
    ("domain.resources.limits.cpu", "cpu.guest"),
    ("domain.cpu.model", "cpu.model"),
    ("domain.cpu.dedicatedCpuPlacement", "cpu.dedicatedCPUPlacement"),
    ("domain.cpu.isolateEmulatorThread", "cpu.isolateEmulatorThread"),
    ("domain.memory.guest", "memory.guest"),
    ("domain.memory.hugepages", "memory.hugepages"),
    ("domain.resources.requests.memory", "memory.guest"),
    ("domain.resources.limits.memory", "memory.guest"),
    ("domain.ioThreadsPolicy", "ioThreadsPolicy"),
];

fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(object, |object, field| &object[field])
}

/// Fields and messages of everything that is wrong. References that are not there are found out later.
pub fn causes(store: &Store, machine: &Value) -> Vec<(String, String)> {
    let mut causes = Vec::new();
    let instancetype = Reference::Instancetype.find(store, machine).ok().flatten();
    let template = &machine["spec"]["template"]["spec"];
    if let Some(instancetype) = &instancetype {
        let decided =
            |path: &&(&str, &str)| !at(template, path.0).is_null() && !at(&instancetype["spec"], path.1).is_null();
        let fields: Vec<String> =
            DECIDED.iter().filter(decided).map(|(path, _)| format!("spec.template.spec.{path}")).collect();
        if let Some(first) = fields.first() {
            let message = format!("VM field(s) {} conflicts with selected instance type", fields.join(", "));
            causes.push((first.clone(), message));
            return causes;
        }
    }
    if let Ok(Some(preference)) = Reference::Preference.find(store, machine) {
        let needs = &preference["spec"]["requirements"];
        causes.extend(unmet(template, instancetype.as_deref(), needs));
    }
    causes
}

/// Processors and memory that a preference needs and the machine does not have.
fn unmet(template: &Value, instancetype: Option<&Value>, needs: &Value) -> Vec<(String, String)> {
    let domain: Domain = typed(&template["domain"]);
    let given = instancetype.map(|instancetype| &instancetype["spec"]);
    let (field, provider) = match given {
        Some(_) => ("spec.instancetype".to_owned(), "instance type"),
        None => ("spec.template.spec.domain".to_owned(), "VirtualMachine"),
    };
    let mut causes = Vec::new();
    let cpus = given.map_or_else(|| u64::from(domain.vcpus()), |spec| spec["cpu"]["guest"].as_u64().unwrap_or(0));
    if let Some(needed) = needs["cpu"]["guest"].as_u64().filter(|needed| cpus < *needed) {
        let message = format!(
            "failure checking preference requirements: insufficient CPU resources of {cpus} vCPU provided by {provider}, preference requires \
             {needed} vCPU"
        );
        causes.push((field.clone(), message));
    }
    let bytes = match given {
        Some(spec) => quantity::value(text(&spec["memory"]["guest"])),
        // A machine that says nothing about its memory is refused for that.
        None => domain.memory_bytes().or(Some(u64::MAX)),
    };
    let needed = text(&needs["memory"]["guest"]);
    if quantity::value(needed).is_some_and(|needed| bytes.unwrap_or(0) < needed) {
        let has =
            given.map_or_else(|| bytes.unwrap_or(0).to_string(), |spec| text(&spec["memory"]["guest"]).to_owned());
        let message = format!(
            "failure checking preference requirements: insufficient Memory resources of {has} provided by {provider}, preference requires {needed}"
        );
        causes.push((field, message));
    }
    causes
}
