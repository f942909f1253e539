//! The upload's permission has run out, or is none.

use super::super::told::{Draft, Told};
use super::super::volume_case::VolumeCase;

/// What the portal writes down for the proxy's answer without a body.
const ANSWERS: [&str; 3] = ["401", "401 unauthorized", "400 bad request"];

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let is_answer = |told: &&Told| {
        told.place == super::super::told::Place::Answer && ANSWERS.contains(&told.words.trim().to_lowercase().as_str())
    };
    let told = case.words.iter().find(is_answer)?;
    let (label, page) = super::again(case);
    Some(
        Draft::warning(
            told.clone(),
            "The permission for this upload has run out: it lasts five minutes until the upload begins",
            "Begin the upload again; Porthole asks for a new permission.",
        )
        .leading_to(label, page),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, volume};
    use serde_json::json;

    #[test]
    fn an_answer_without_words_is_explained() {
        for answer in ["401", "401 Unauthorized"] {
            assert!(by("upload-token", &volume(&json!({"answer": answer}))).fix.contains("new permission"));
        }
    }
}
