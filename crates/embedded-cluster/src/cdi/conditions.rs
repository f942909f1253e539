//! The conditions of a claim being filled: annotations that data volumes take over.

use serde_json::Value;

/// One of them, as `cdi.kubevirt.io/storage.condition.<kind>` with its reason and message beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted<'a> {
    /// `bound` or `running`.
    pub kind: &'a str,
    /// Whether it holds.
    pub is_true: bool,
    /// A word.
    pub reason: &'a str,
    /// A sentence.
    pub message: &'a str,
}

fn key(kind: &str, part: &str) -> String {
    format!("cdi.kubevirt.io/storage.condition.{kind}{part}")
}

impl Noted<'_> {
    /// Writes it on a claim.
    pub(super) fn write(self, claim: &mut Value) {
        let annotations = &mut claim["metadata"]["annotations"];
        annotations[key(self.kind, "")] = if self.is_true { "true" } else { "false" }.into();
        annotations[key(self.kind, ".reason")] = self.reason.into();
        annotations[key(self.kind, ".message")] = self.message.into();
    }
}

/// What a claim says of one kind.
pub(super) fn read<'a>(claim: &'a Value, kind: &'a str) -> Option<Noted<'a>> {
    let annotations = &claim["metadata"]["annotations"];
    let text = |part: &str| annotations[key(kind, part)].as_str();
    let is_true = text("")? == "true";
    Some(Noted {
        kind,
        is_true,
        reason: text(".reason").unwrap_or_default(),
        message: text(".message").unwrap_or_default(),
    })
}

/// Takes one kind back.
pub(super) fn clear(claim: &mut Value, kind: &str) {
    if let Some(annotations) = claim["metadata"]["annotations"].as_object_mut() {
        for part in ["", ".reason", ".message"] {
            annotations.remove(&key(kind, part));
        }
    }
}
