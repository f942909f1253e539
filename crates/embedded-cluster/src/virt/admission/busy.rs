//! Changes that have to wait until a snapshot or a restore of the machine is done.

use serde_json::Value;

use super::{Cause, MACHINES, refusal};
use crate::error::ApiError;
use crate::virt::kinds::text;
use crate::virt::machine::strategy;

/// Refuses what a snapshot or a restore in progress cannot bear.
pub(in crate::virt) fn check(old: &Value, new: &Value) -> Result<(), ApiError> {
    let refuse = |message: String| {
        let cause = Cause { reason: "FieldValueNotSupported", ..Cause::invalid("spec", message) };
        Err(refusal(MACHINES, &[cause]))
    };
    let is_switched = strategy(old) != strategy(new);
    let restore = text(&old["status"]["restoreInProgress"]);
    if !restore.is_empty() && is_switched {
        return refuse(format!("Cannot update VM runStrategy until restore {restore:?} completes"));
    }
    let snapshot = text(&old["status"]["snapshotInProgress"]);
    if snapshot.is_empty() {
        return Ok(());
    }
    let volumes = |machine: &Value| machine["spec"]["template"]["spec"]["volumes"].clone();
    if volumes(old) != volumes(new) {
        return refuse(format!("Cannot update vm disks or volumes until snapshot {snapshot:?} completes"));
    }
    if is_switched {
        return refuse(format!("Cannot update vm running state until snapshot {snapshot:?} completes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_machine_that_is_being_kept_or_put_back_is_not_switched() {
        let machine = |status: Value, strategy: &str| json!({"status": status, "spec": {"runStrategy": strategy}});
        let words = |status: Value| {
            let refused = check(&machine(status, "Halted"), &machine(json!({}), "Always"));
            refused.err().map(|error| error.message).unwrap_or_default()
        };
        assert_eq!(words(json!({})), "");
        let prefix = "admission webhook \"virtualmachine-validator.kubevirt.io\" denied the request: ";
        let expected = format!("{prefix}Cannot update VM runStrategy until restore \"r1\" completes");
        assert_eq!(words(json!({"restoreInProgress": "r1"})), expected);
        let expected = format!("{prefix}Cannot update vm running state until snapshot \"s1\" completes");
        assert_eq!(words(json!({"snapshotInProgress": "s1"})), expected);
    }
}
