//! A copy from a namespace where somebody may not copy from.

use super::Explained;
use crate::diagnosis::texts::word_after;

/// What CDI's refusal means.
pub(crate) fn explain(message: &str) -> Explained {
    let place = word_after(message, "source namespace ").unwrap_or("the image's namespace");
    Explained::new(
        format!("Disks may not be copied from {place} into this team"),
        format!(
            "Ask an administrator to bind the role cdi.kubevirt.io:clone-sourcer in {place} to your team, or use an image \
             of your own team."
        ),
    )
}
