//! Copies of claims.

use serde_json::Value;

use super::jobs::Progress;
use super::source::clone_request;
use super::target::Target;
use super::workers::End;
use super::{CdiContext, pods};
use crate::storage::{CLAIMS, users};
use crate::store::meta;
use crate::virt::events::Level;

/// Whether a claim's original is whole and in nobody's use. Says who uses it.
pub(super) fn may_begin(context: &CdiContext, claim: &Value) -> bool {
    let Some((namespace, name)) = clone_request(claim) else { return false };
    let Some(original) = context.store.get(&CLAIMS, Some(namespace), name) else { return false };
    let user = users(&context.store, namespace, name).find(|pod| !pods::is_worker(pod));
    if let Some(user) = user {
        let message = format!("pod {namespace}/{} using PersistentVolumeClaim {name}", meta::name(&user));
        let told = super::conditions::read(claim, "running").is_some_and(|noted| noted.message == message);
        if !told {
            context.tell(claim, "clone-controller", Level::Warning, "CloneSourceInUse", &message);
            let noted = super::conditions::Noted {
                kind: "running",
                is_true: false,
                reason: "CloneSourceInUse",
                message: &message,
            };
            // Gone in between: nothing to say any more.
            let _ = context
                .store
                .modify(&CLAIMS, Some(meta::namespace(claim)), meta::name(claim), |claim| noted.write(claim));
        }
        return false;
    }
    crate::storage::claim_disk(&context.store, &context.options.folder, meta::namespace(&original), name).is_ok()
}

/// Copies the original of a claim. Blocks.
pub(super) fn copy(context: &CdiContext, claim: &Value, target: &Target, progress: &Progress) -> End {
    let Some((namespace, name)) = clone_request(claim) else { return End::bad("the claim names nothing to clone") };
    let original = crate::storage::claim_disk(&context.store, &context.options.folder, namespace, name);
    let original = match original {
        Ok(original) => original,
        Err(error) => return End::bad(error.to_string()),
    };
    if original.bytes > target.usable {
        let (size, available) = (original.bytes, target.usable);
        return End::bad(super::convert::FillError::TooLarge { size, available }.to_string());
    }
    let part = target.part();
    let copied = super::disk::copy_sparse(&original.path, &part, progress).and_then(|()| target.put(&part));
    match copied {
        Ok(()) => End::good("Clone Complete"),
        Err(error) => End::bad(format!("Unable to clone: {error}")),
    }
}
