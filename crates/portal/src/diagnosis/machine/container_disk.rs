//! A containerDisk image holds no disk, or more than one.

use super::super::machine_case::MachineCase;
use super::super::told::Draft;

pub(super) fn check(case: &MachineCase) -> Option<Draft> {
    let told =
        case.says(&["in folder /disk", "no disk present", "only one disk is allowed", "no supported file disk found"])?;
    let title = if told.says(&["more than one"]) {
        "The image of its containerDisk holds more than one disk"
    } else {
        "The image of its containerDisk holds no disk"
    };
    Some(Draft::error(
        told,
        title,
        "Such an image holds exactly one raw or qcow2 file in its folder /disk, readable by user 107. Use another image, \
         or name the file in the volume's path.",
    ))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, machine, stuck};

    #[test]
    fn images_that_are_no_container_disks_are_told() {
        for (message, title) in [
            ("no file found in folder /disk, no disk present", "holds no disk"),
            ("more than one file found in folder /disk, only one disk is allowed", "more than one"),
            ("no supported file disk found", "holds no disk"),
        ] {
            let findings = machine(&stuck("Starting", "Synchronized", "FailedSync", message));
            assert!(by("container-disk", &findings).title.contains(title), "{message}");
        }
    }
}
