//! Copies of claims and of snapshots.

use serde_json::Value;

use super::jobs::Progress;
use super::source::{Original, clone_request};
use super::target::Target;
use super::workers::End;
use super::{CdiContext, pods};
use crate::storage::{CLAIMS, claim_disk, copy_sparse, snapshot_disk, users};
use crate::store::meta;
use crate::virt::events::Level;

/// Whether a claim's original is whole and in nobody's use. Says who uses it; nobody uses a snapshot.
pub(super) fn may_begin(context: &CdiContext, claim: &Value, original: Original) -> bool {
    let Some((namespace, name)) = clone_request(claim) else { return false };
    if original == Original::Snapshot {
        return snapshot_disk(&context.store, &context.options.folder, namespace, name).is_ok();
    }
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
    claim_disk(&context.store, &context.options.folder, meta::namespace(&original), name).is_ok()
}

/// Copies the original of a claim. Blocks.
pub(super) fn copy(
    context: &CdiContext,
    claim: &Value,
    original: Original,
    target: &Target,
    progress: &Progress,
) -> End {
    let Some((namespace, name)) = clone_request(claim) else { return End::bad("the claim names nothing to clone") };
    let (store, folder) = (&context.store, &context.options.folder);
    let original = match original {
        Original::Claim => claim_disk(store, folder, namespace, name).map_err(|error| error.to_string()),
        Original::Snapshot => snapshot_disk(store, folder, namespace, name).map_err(|error| error.to_string()),
    };
    let original = match original {
        Ok(original) => original,
        Err(error) => return End::bad(error),
    };
    if original.bytes > target.usable {
        let (size, available) = (original.bytes, target.usable);
        return End::bad(super::convert::FillError::TooLarge { size, available }.to_string());
    }
    let part = target.part();
    let copied = copy_sparse(&original.path, &part, |done, total| progress.begin(done, Some(total)))
        .and_then(|()| target.put(&part));
    match copied {
        Ok(()) => End::good("Clone Complete"),
        Err(error) => End::bad(format!("Unable to clone: {error}")),
    }
}
