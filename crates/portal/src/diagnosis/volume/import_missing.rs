//! The address that is to be imported from leads to nothing.

use model::finding::FindingPage;

use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&[
        "got 404",
        "404 not found",
        "404 file not found",
        "nosuchkey",
        "the specified key does not exist",
        "nosuchbucket",
        "got 410",
        "manifest unknown",
        "name unknown",
        "status: 404",
    ])?;
    let (what, fix) = if told.says(&["manifest unknown", "name unknown"]) {
        ("The image does not exist in its registry, or not under that tag", "Correct the name or the tag")
    } else {
        ("The file does not exist at that address", "Open the address in a browser and correct it")
    };
    Some(
        Draft::error(
            told,
            format!("{what}{}", super::at(case)),
            format!("{fix}: a disk keeps its source for good, so delete this one and import again."),
        )
        .leading_to("Import again", FindingPage::Import(super::import(case))),
    )
}

#[cfg(test)]
mod tests {
    use model::finding::{FindingAction, FindingPage};
    use model::image::import::ImportAgain;

    use crate::diagnosis::testing::{by, failing, volume};

    #[test]
    fn importing_again_begins_with_what_was_asked_for_and_without_its_credentials() {
        let mut told = failing("expected status code 200, got 404");
        let spec = &mut told["dataVolumes"][0]["spec"];
        spec["source"]["http"]["url"] = "https://me:hidden@images.example/disk.qcow2?token=hidden".into();
        spec["storage"] =
            serde_json::json!({"resources": {"requests": {"storage": "20Gi"}}, "storageClassName": "fast"});
        let Some(FindingAction::Open { page: FindingPage::Import(again), .. }) =
            by("import-missing", &volume(&told)).action.clone()
        else {
            panic!("no way to import again")
        };
        let expected = ImportAgain {
            from: "http".to_owned(),
            source: "https://images.example/disk.qcow2".to_owned(),
            team: "blue".to_owned(),
            size: "20 GiB".to_owned(),
            class: "fast".to_owned(),
            sha256: String::new(),
        };
        assert_eq!(again, expected);
    }

    #[test]
    fn an_address_without_a_file_is_told_in_new_and_old_words() {
        for message in [
            "Unable to connect to http data source: expected status code 200, got 404. Status: 404 File not found",
            "Unable to connect to http data source: expected status code 200, got 404. Status: 404 Not Found",
            "could not get s3 object: \"b/x.img\": NoSuchKey: The specified key does not exist.",
            "Unable to connect to registry: Could not read manifest: manifest unknown",
        ] {
            let finding = by("import-missing", &volume(&failing(message)));
            assert!(finding.title.contains("does not exist"), "{message}");
            assert!(finding.title.ends_with("(https://images.example/disk.qcow2)"), "{}", finding.title);
        }
    }
}
