//! Disks, discs, and the claims that are made for them.

use serde_json::{Value, json};

use super::super::draft::Boot;
use super::super::options::{ImageKind, ImageOption};
use super::super::size;
use super::{Plan, typed_size};

/// Disks with their volumes, and templates of the claims that do not exist yet.
pub(super) struct Disks {
    pub devices: Vec<Value>,
    pub volumes: Vec<Value>,
    pub templates: Vec<Value>,
}

impl Disks {
    fn add(&mut self, disk: Value, volume: Value) {
        self.devices.push(disk);
        self.volumes.push(volume);
    }
}

pub(super) fn disks(plan: &Plan<'_>) -> Disks {
    let mut all = Disks { devices: Vec::new(), volumes: Vec::new(), templates: Vec::new() };
    root(plan, &mut all);
    if plan.draft.boot == Boot::Iso {
        installer(plan, &mut all);
        // Older systems have no drivers on that disc, and an image that was made here has them already.
        if plan.card.has_drivers && !plan.draft.no_drivers && !plan.options.driver_image.is_empty() {
            let disk = json!({ "name": "drivers", "cdrom": { "bus": "sata" } });
            all.add(disk, json!({ "name": "drivers", "containerDisk": { "image": plan.options.driver_image } }));
        }
    }
    for (index, extra) in plan.draft.disks.iter().enumerate() {
        let name = format!("data-{}", index + 1);
        let claim = format!("{}-{name}", plan.name());
        let disk = json!({ "name": name, "disk": { "bus": plan.disk_bus() } });
        all.add(disk, json!({ "name": name, "dataVolume": { "name": claim } }));
        let storage = storage(plan, Some(typed_size(&extra.size, 10)));
        all.templates.push(template(&claim, &json!({ "blank": {} }), &storage));
    }
    all
}

/// The first disk. It is tried before the installation disc: as long as it is empty the firmware goes on to the
/// disc, and after the set-up the machine starts from the disk without anybody changing the order.
fn root(plan: &Plan<'_>, all: &mut Disks) {
    let draft = plan.draft;
    let disk = json!({ "name": "root", "bootOrder": 1, "disk": { "bus": plan.disk_bus() } });
    if draft.boot == Boot::Container {
        all.add(disk, json!({ "name": "root", "containerDisk": { "image": draft.container.trim() } }));
        return;
    }
    let claim = format!("{}-disk", plan.name());
    all.add(disk, json!({ "name": "root", "dataVolume": { "name": claim } }));
    let image = plan.options.image(&draft.image).filter(|_| draft.boot == Boot::Image);
    let size = match image {
        // The copy is then as large as the image; the cluster finds that out by itself if we do not know it.
        Some(image) if draft.disk.trim().is_empty() => {
            (image.bytes > 0).then(|| size::quantity(size::mib_of_bytes(image.bytes)))
        }
        _ => Some(typed_size(&draft.disk, plan.card.disk_gib.max(1))),
    };
    let mut made = template(&claim, &json!({ "blank": {} }), &storage(plan, size));
    if draft.boot == Boot::Image {
        source(&mut made, image, &draft.image);
    }
    all.templates.push(made);
}

fn installer(plan: &Plan<'_>, all: &mut Disks) {
    let image = plan.options.image(&plan.draft.image);
    let (namespace, name) = plan.draft.image.split_once('/').unwrap_or(("", &plan.draft.image));
    let disk = json!({ "name": "installer", "bootOrder": 2, "cdrom": { "bus": "sata" } });
    if namespace == plan.draft.namespace || namespace.is_empty() {
        let mut volume = json!({ "name": "installer", "persistentVolumeClaim": { "claimName": name } });
        mark_live(plan, &mut volume["persistentVolumeClaim"]);
        all.add(disk, volume);
        return;
    }
    // A claim cannot be used from another namespace.
    let claim = format!("{}-installer", plan.name());
    let mut volume = json!({ "name": "installer", "dataVolume": { "name": claim } });
    mark_live(plan, &mut volume["dataVolume"]);
    all.add(disk, volume);
    let bytes = image.map_or(0, |image| image.bytes);
    let size = (bytes > 0).then(|| size::quantity(size::mib_of_bytes(bytes)));
    let mut made = template(&claim, &json!({}), &storage(plan, size));
    source(&mut made, image, &plan.draft.image);
    all.templates.push(made);
}

/// Lets the disc be taken out while the machine runs, where the cluster can do that.
fn mark_live(plan: &Plan<'_>, source: &mut Value) {
    if plan.options.has_live_discs {
        source["hotpluggable"] = true.into();
    }
}

/// What a claim is copied from.
fn source(template: &mut Value, image: Option<&ImageOption>, at: &str) {
    let (namespace, name) = at.split_once('/').unwrap_or(("", at));
    let spec = &mut template["spec"];
    if image.is_some_and(|image| image.kind == ImageKind::DataSource) {
        if let Some(spec) = spec.as_object_mut() {
            spec.remove("source");
        }
        spec["sourceRef"] = json!({ "kind": "DataSource", "namespace": namespace, "name": name });
    } else {
        spec["source"] = json!({ "pvc": { "namespace": namespace, "name": name } });
    }
}

fn template(name: &str, source: &Value, storage: &Value) -> Value {
    json!({ "metadata": { "name": name }, "spec": { "source": source, "storage": storage } })
}

fn storage(plan: &Plan<'_>, size: Option<String>) -> Value {
    let chosen = plan.draft.storage_class.as_str();
    let mut storage = json!({});
    if let Some(size) = size {
        storage["resources"] = json!({ "requests": { "storage": size } });
    }
    if !chosen.is_empty() {
        storage["storageClassName"] = chosen.into();
    }
    let classes = &plan.options.classes;
    let class = classes.iter().find(|class| if chosen.is_empty() { class.is_default } else { class.name == chosen });
    if class.is_some_and(|class| !class.has_profile) {
        storage["accessModes"] = json!(["ReadWriteOnce"]);
    }
    storage
}
