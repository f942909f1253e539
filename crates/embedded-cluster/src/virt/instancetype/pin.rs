//! What a machine refers to is kept as it was when the machine took it up.

use serde_json::{Value, json};

use super::{GROUP, Reference};
use crate::store::meta;
use crate::virt::kinds::{At, MACHINES, text};
use crate::virt::machine::revision::keep_as;
use crate::virt::{VirtContext, conditions};

/// Names what the machine refers to in its status, with the revisions in which it is kept.
///
/// The error is the reason and the sentence of a reference that is not there.
pub fn pin(context: &VirtContext, machine: &Value) -> Result<(), (&'static str, String)> {
    for reference in Reference::ALL {
        let entry = format!("{}Ref", reference.field());
        let (known, wanted) = (&machine["status"][&entry], &machine["spec"][reference.field()]);
        if known["name"] == wanted["name"] && known["controllerRevisionRef"]["name"].is_string() {
            continue;
        }
        let found = reference.find(&context.store, machine).map_err(|sentence| (reference.failure(), sentence))?;
        let named = found.map(|found| {
            let revision = keep(context, machine, &found);
            json!({"name": meta::name(&found), "kind": wanted["kind"], "controllerRevisionRef": {"name": revision}})
        });
        if named.is_none() && known.is_null() {
            continue;
        }
        let at = At::of(machine);
        // Gone in between: there is nothing left to write.
        let _ = context.store.modify(&MACHINES, Some(&at.namespace), &at.name, |machine| {
            let status = conditions::status(machine);
            match named {
                Some(named) => drop(status.insert(entry, named)),
                None => drop(status.remove(&entry)),
            }
        });
    }
    Ok(())
}

/// Keeps an object as it is, under the name that is returned.
fn keep(context: &VirtContext, machine: &Value, object: &Value) -> String {
    let generation = object["metadata"]["generation"].as_u64().unwrap_or(1);
    let name = format!("{}-{}-v1beta1-{}-{generation}", meta::name(machine), meta::name(object), meta::uid(object));
    let labels = json!({
        format!("{GROUP}/object-kind"): text(&object["kind"]),
        format!("{GROUP}/object-name"): meta::name(object),
        format!("{GROUP}/object-uid"): meta::uid(object),
        format!("{GROUP}/object-version"): "v1beta1",
    });
    keep_as(context, machine, name, labels, object, 0)
}
