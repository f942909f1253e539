//! What an instance type and a preference write into a machine's template.

use kubevirt::quantity;
use serde_json::{Value, json};

/// Writes a field unless it is there.
fn fill(object: &mut Value, field: &str, value: &Value) {
    if !value.is_null() && object[field].is_null() {
        object[field] = value.clone();
    }
}

/// Processors, memory and what else an instance type decides.
pub(super) fn instancetype(template: &mut Value, spec: &Value, preference: Option<&Value>) {
    let count = spec["cpu"]["guest"].as_u64().unwrap_or(1);
    let domain = &mut template["spec"]["domain"];
    for (field, cpus) in topology(count, preference) {
        domain["cpu"][field] = cpus.into();
    }
    for (from, to) in [
        ("model", "model"),
        ("dedicatedCPUPlacement", "dedicatedCpuPlacement"),
        ("isolateEmulatorThread", "isolateEmulatorThread"),
        ("numa", "numa"),
        ("realtime", "realtime"),
        ("maxSockets", "maxSockets"),
    ] {
        fill(&mut domain["cpu"], to, &spec["cpu"][from]);
    }
    for field in ["guest", "hugepages", "maxGuest"] {
        fill(&mut domain["memory"], field, &spec["memory"][field]);
    }
    let guest = spec["memory"]["guest"].as_str().and_then(quantity::value);
    if let (Some(percent), Some(guest)) = (spec["memory"]["overcommitPercent"].as_u64(), guest) {
        let requested = guest / 100 * (100_u64.saturating_sub(percent));
        fill(&mut domain["resources"]["requests"], "memory", &requested.to_string().into());
    }
    for field in ["ioThreadsPolicy", "ioThreads", "launchSecurity"] {
        fill(domain, field, &spec[field]);
    }
    for field in ["gpus", "hostDevices"] {
        fill(&mut domain["devices"], field, &spec[field]);
    }
    for field in ["nodeSelector", "schedulerName"] {
        fill(&mut template["spec"], field, &spec[field]);
    }
    annotate(template, spec);
}

/// Sockets, cores and threads of so many processors, in the way that is preferred.
fn topology(count: u64, preference: Option<&Value>) -> [(&'static str, u64); 3] {
    let cpu = preference.map_or(&Value::Null, |preference| &preference["cpu"]);
    let (sockets, cores, threads) = match cpu["preferredCPUTopology"].as_str() {
        Some("cores" | "preferCores") => (1, count, 1),
        Some("threads" | "preferThreads") => (1, 1, count),
        Some("spread" | "preferSpread") => {
            let ratio = cpu["spreadOptions"]["ratio"].as_u64().unwrap_or(2).max(1);
            if count.is_multiple_of(ratio) { (count / ratio, ratio, 1) } else { (count, 1, 1) }
        }
        _ => (count, 1, 1),
    };
    [("sockets", sockets), ("cores", cores), ("threads", threads)]
}

fn annotate(template: &mut Value, spec: &Value) {
    for (key, value) in spec["annotations"].as_object().into_iter().flatten() {
        fill(&mut template["metadata"]["annotations"], key, value);
    }
}

/// Everything that a machine leaves open and that its preference has an opinion about.
pub(super) fn preference(template: &mut Value, spec: &Value) {
    add_missing_disks(&mut template["spec"]);
    let domain = &mut template["spec"]["domain"];
    if let Some(all) = domain["devices"].get_mut("disks").and_then(Value::as_array_mut) {
        for disk in all {
            prefer_disk(disk, &spec["devices"]);
        }
    }
    if let Some(all) = domain["devices"].get_mut("interfaces").and_then(Value::as_array_mut) {
        for interface in all.iter_mut().filter(|interface| interface.get("sriov").is_none()) {
            fill(interface, "model", &spec["devices"]["preferredInterfaceModel"]);
        }
    }
    prefer_devices(&mut domain["devices"], &spec["devices"]);
    for (field, value) in spec["features"].as_object().into_iter().flatten() {
        if let Some(name) = field.strip_prefix("preferred") {
            fill(&mut domain["features"], &lower_first(name), value);
        }
    }
    let firmware = &spec["firmware"];
    if domain["firmware"]["bootloader"].is_null() {
        if firmware["preferredEfi"].is_object() {
            domain["firmware"]["bootloader"] = json!({"efi": firmware["preferredEfi"]});
        } else if firmware["preferredUseBios"] == true {
            domain["firmware"]["bootloader"] = json!({"bios": {}});
        }
    }
    if domain["clock"]["utc"].is_null() && domain["clock"]["timezone"].is_null() {
        for (field, value) in spec["clock"]["preferredClockOffset"].as_object().into_iter().flatten() {
            fill(&mut domain["clock"], field, value);
        }
    }
    fill(&mut domain["clock"], "timer", &spec["clock"]["preferredTimer"]);
    fill(&mut domain["machine"], "type", &spec["machine"]["preferredMachineType"]);
    drop_empty(domain);
    fill(&mut template["spec"], "terminationGracePeriodSeconds", &spec["preferredTerminationGracePeriodSeconds"]);
    fill(&mut template["spec"], "subdomain", &spec["preferredSubdomain"]);
    fill(&mut template["spec"], "architecture", &spec["preferredArchitecture"]);
    annotate(template, spec);
}

/// A volume that no disk names gets one, so that it is attached in the preferred way.
fn add_missing_disks(spec: &mut Value) {
    let names: Vec<Value> = spec["volumes"].as_array().into_iter().flatten().map(|one| one["name"].clone()).collect();
    if names.is_empty() {
        return;
    }
    let disks = &mut spec["domain"]["devices"]["disks"];
    if !disks.is_array() {
        *disks = json!([]);
    }
    if let Some(disks) = disks.as_array_mut() {
        for name in names {
            if !disks.iter().any(|disk| disk["name"] == name) {
                disks.push(json!({"name": name, "disk": {}}));
            }
        }
    }
}

fn prefer_disk(disk: &mut Value, devices: &Value) {
    for (device, preferred) in
        [("disk", "preferredDiskBus"), ("cdrom", "preferredCdromBus"), ("lun", "preferredLunBus")]
    {
        if disk[device].is_object() {
            fill(&mut disk[device], "bus", &devices[preferred]);
        }
    }
    for (field, preferred) in [("cache", "preferredDiskCache"), ("io", "preferredDiskIO")] {
        if disk["disk"].is_object() {
            fill(disk, field, &devices[preferred]);
        }
    }
    if let Some(fields) = disk.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
}

fn prefer_devices(devices: &mut Value, preferred: &Value) {
    for (field, from) in [
        ("autoattachInputDevice", "preferredAutoattachInputDevice"),
        ("autoattachGraphicsDevice", "preferredAutoattachGraphicsDevice"),
        ("autoattachSerialConsole", "preferredAutoattachSerialConsole"),
        ("autoattachMemBalloon", "preferredAutoattachMemBalloon"),
        ("networkInterfaceMultiqueue", "preferredNetworkInterfaceMultiQueue"),
        ("useVirtioTransitional", "preferredUseVirtioTransitional"),
        ("rng", "preferredRng"),
        ("tpm", "preferredTPM"),
    ] {
        fill(devices, field, &preferred[from]);
    }
    if !preferred["preferredVideoType"].is_null() {
        fill(&mut devices["video"], "type", &preferred["preferredVideoType"]);
    }
    let has_input = devices["inputs"].as_array().is_some_and(|inputs| !inputs.is_empty());
    if devices["autoattachInputDevice"] == true && !has_input {
        let kind = preferred["preferredInputType"].as_str().unwrap_or("tablet");
        let bus = preferred["preferredInputBus"].as_str().unwrap_or("usb");
        devices["inputs"] = json!([{"name": "default-0", "type": kind, "bus": bus}]);
    }
}

/// Looking for a field must not leave an empty place behind.
fn drop_empty(domain: &mut Value) {
    if let Some(fields) = domain.as_object_mut() {
        for place in ["clock", "features", "firmware", "machine"] {
            let part = fields.get_mut(place).and_then(Value::as_object_mut);
            let is_empty = part.is_some_and(|part| {
                part.retain(|_, value| !value.is_null());
                part.is_empty()
            });
            if is_empty || fields.get(place).is_some_and(Value::is_null) {
                fields.remove(place);
            }
        }
    }
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
