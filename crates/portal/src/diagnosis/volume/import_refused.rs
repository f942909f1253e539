//! The source wants a password, or another one.

use model::finding::FindingPage;

use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&[
        "got 401",
        "got 403",
        "401 unauthorized",
        "403 forbidden",
        "unauthorized",
        "authentication required",
        "accessdenied",
        "access denied",
        "invalidaccesskeyid",
        "signaturedoesnotmatch",
        "requested access to the resource is denied",
    ])?;
    Some(
        Draft::error(
        told,
        format!("The source does not let the cluster in{}", super::at(case)),
        "Import again with a user name and password, or with the right ones. A registry also refuses so where the image does \
         not exist.",
    )
            .leading_to("Import again", FindingPage::Import(super::import(case))),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing, volume};

    #[test]
    fn a_closed_door_is_told() {
        for message in [
            "Unable to connect to http data source: expected status code 200, got 401. Status: 401 Unauthorized",
            "Unable to connect to http data source: expected status code 200, got 403. Status: 403 Forbidden",
            "Unable to connect to registry: unauthorized: authentication required",
            "could not get s3 object: AccessDenied: Access Denied",
        ] {
            by("import-refused", &volume(&failing(message)));
        }
    }
}
