//! What holds an object back that was deleted.

use kubevirt::meta::ObjectMeta;

use super::Explained;

/// Why a deleted object is still there, and the words of its finalizers.
pub(crate) fn explain(what: &str, metadata: &ObjectMeta) -> (Explained, String) {
    let held = &metadata.finalizers;
    let names = held.join(", ");
    let has = |text: &str| held.iter().any(|name| name.contains(text));
    let fix = if held.is_empty() {
        format!("Something that belongs to the {what} is still being taken away. If it stays, ask an administrator.")
    } else if has("pvc-protection") || has("pv-protection") {
        "It goes by itself when nothing uses it any more: switch off the machine that does.".to_owned()
    } else if has("foregroundDeletion") {
        "It goes by itself when everything that belongs to it is gone; one of those is stuck.".to_owned()
    } else if has("kubevirt.io") {
        "KubeVirt still has work to do with it and does not get on: an administrator has to look at virt-controller and at \
         the machine's node."
            .to_owned()
    } else {
        format!("Whoever set {names} has to let go of it; ask an administrator.")
    };
    let words = if held.is_empty() { "It has no finalizers.".to_owned() } else { format!("Finalizers: {names}") };
    (Explained::new(format!("The {what} was deleted and is still there"), fix), words)
}
