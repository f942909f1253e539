//! The source's certificate is not trusted.

use model::finding::FindingPage;

use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&[
        "x509:",
        "certificate signed by unknown authority",
        "certificate has expired",
        "tls: ",
        "server gave http response to https client",
        "ssl certificate problem",
    ])?;
    let (title, fix) = if told.says(&["expired", "not yet valid"]) {
        ("The source's certificate is out of date", "Whoever runs the source has to renew it.")
    } else if told.says(&["http response to https"]) {
        (
            "The source speaks plain HTTP where HTTPS is expected",
            "Use an http:// address. For a registry, an administrator has to add it to CDI's insecureRegistries.",
        )
    } else if told.says(&["not valid for", "doesn't contain any ip sans", "valid for"]) {
        ("The source's certificate is for another name", "Use the name that the certificate is for.")
    } else {
        (
            "The source's certificate is signed by somebody whom the cluster does not trust",
            "Give the certificate of its authority with the import (a ConfigMap, certConfigMap), or use a source with a public \
             certificate.",
        )
    };
    Some(
        Draft::error(told, format!("{title}{}", super::at(case)), fix)
            .leading_to("Import again", FindingPage::Import(super::import(case))),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing, volume};

    #[test]
    fn certificates_are_told_apart() {
        for (message, title) in [
            (
                "Unable to connect to http data source: HTTP request errored: Get \"https://a/\": x509: certificate signed by unknown authority",
                "does not trust",
            ),
            (
                "Get \"https://a/\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
                "out of date",
            ),
            ("Get \"https://a/\": x509: certificate is valid for b, not a", "another name"),
            ("pinging container registry: http: server gave HTTP response to HTTPS client", "plain HTTP"),
        ] {
            assert!(by("import-tls", &volume(&failing(message))).title.contains(title), "{message}");
        }
    }
}
