//! Processor, memory, firmware, features, clock and the devices that are neither disks nor networks.

use serde_json::{Value, json};

use super::super::draft::{Firmware, Tpm};
use super::super::size;
use super::super::system::Family;
use super::Plan;

pub(super) fn domain(plan: &Plan<'_>) -> Value {
    let mut domain = json!({ "devices": devices(plan) });
    if plan.draft.instancetype.is_empty() {
        let cpus: u32 = plan.draft.cpus.trim().parse().ok().filter(|cpus| *cpus > 0).unwrap_or(plan.card.cpus.max(1));
        // Sockets can be added while a machine runs; Windows' desktop editions use two of them at most.
        domain["cpu"] = if plan.is_windows() {
            json!({ "sockets": 1, "cores": cpus, "threads": 1 })
        } else {
            json!({ "sockets": cpus, "cores": 1, "threads": 1 })
        };
        let memory = size::mib(&plan.draft.memory).filter(|mib| *mib > 0).unwrap_or(plan.card.memory_mib.max(16));
        domain["memory"] = json!({ "guest": size::quantity(memory) });
    }
    let mut features = json!({});
    firmware(plan, &mut domain, &mut features);
    if plan.is_windows() && !plan.card.has_preference {
        features["acpi"] = json!({});
        features["apic"] = json!({});
        features["hyperv"] = hyperv();
        domain["clock"] = clock();
    }
    if features.as_object().is_some_and(|features| !features.is_empty()) {
        domain["features"] = features;
    }
    domain
}

fn firmware(plan: &Plan<'_>, domain: &mut Value, features: &mut Value) {
    let Some(firmware) = plan.firmware() else { return };
    let mut efi = json!({ "secureBoot": firmware == Firmware::SecureBoot });
    if plan.card.keeps_firmware {
        efi["persistent"] = true.into();
    }
    domain["firmware"] = match firmware {
        Firmware::Efi | Firmware::SecureBoot => json!({ "bootloader": { "efi": efi } }),
        Firmware::Bios | Firmware::Auto => json!({ "bootloader": { "bios": {} } }),
    };
    if firmware == Firmware::SecureBoot {
        // The cluster refuses secure boot without it.
        features["smm"] = json!({ "enabled": true });
    }
}

fn devices(plan: &Plan<'_>) -> Value {
    let draft = plan.draft;
    let mut devices = json!({});
    if !draft.no_tablet {
        devices["inputs"] = json!([{ "name": "tablet", "type": "tablet", "bus": "usb" }]);
    }
    if plan.card.family == Family::Linux && !plan.card.has_preference {
        devices["rng"] = json!({});
    }
    if draft.sound {
        devices["sound"] = json!({ "name": "sound", "model": "ich9" });
    }
    match draft.tpm {
        Tpm::Auto if plan.card.wants_tpm && !plan.card.has_preference => devices["tpm"] = json!({ "persistent": true }),
        Tpm::Off if plan.card.wants_tpm && plan.card.has_preference => devices["tpm"] = json!({ "enabled": false }),
        Tpm::Auto | Tpm::Off => {}
        Tpm::Temporary => devices["tpm"] = json!({ "persistent": false }),
        Tpm::Kept => devices["tpm"] = json!({ "persistent": true }),
    }
    let permitted: Vec<_> = draft
        .devices
        .lines()
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .enumerate()
        .map(|(index, name)| json!({ "name": format!("device-{}", index + 1), "deviceName": name }))
        .collect();
    if !permitted.is_empty() {
        devices["hostDevices"] = permitted.into();
    }
    devices
}

/// What makes Windows know that it is a guest, and idle instead of spinning.
fn hyperv() -> Value {
    json!({
        "relaxed": {}, "vapic": {}, "spinlocks": { "spinlocks": 8191 }, "vpindex": {}, "runtime": {}, "synic": {},
        "synictimer": { "direct": {} }, "reset": {}, "frequencies": {}, "reenlightenment": {}, "tlbflush": {}, "ipi": {},
    })
}

fn clock() -> Value {
    json!({
        "utc": {},
        "timer": {
            "hpet": { "present": false }, "pit": { "tickPolicy": "delay" }, "rtc": { "tickPolicy": "catchup" }, "hyperv": {},
        },
    })
}
