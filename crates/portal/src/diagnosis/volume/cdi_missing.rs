//! Nothing in the cluster fills disks.

use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&[
        "no matches for kind \"datavolume\"",
        "the server could not find the requested resource (post datavolumes",
        "the server could not find the requested resource (get datavolumes",
        "no cdi instance found",
    ])?;
    let fix = "An administrator has to install it (Containerized Data Importer). Machines on container disks work without it.";
    Some(Draft::error(told, "This cluster has no CDI, the part that fills disks", fix).for_administrators())
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, volume};
    use serde_json::json;

    #[test]
    fn a_cluster_without_cdi_is_told_instead_of_a_riddle() {
        let answer = "no matches for kind \"DataVolume\" in version \"cdi.kubevirt.io/v1beta1\"";
        assert!(by("cdi-missing", &volume(&json!({"answer": answer}))).title.contains("no CDI"));
    }
}
