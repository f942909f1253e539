//! The kubelet's words about an image that it cannot pull.

use super::Explained;
use crate::diagnosis::texts::{clause, quoted_after, says};

/// Why an image cannot be pulled.
pub(crate) fn explain(image: Option<&str>, message: &str) -> Explained {
    let image = image.or_else(|| quoted_after(message, "image ")).map(|image| format!(" {image}")).unwrap_or_default();
    let (cause, fix) = if says(message, &["not found", "manifest unknown", "does not exist", "no such image"]) {
        ("it does not exist in its registry, or not under that tag", "Correct the name or the tag.")
    } else if says(message, &["unauthorized", "denied", "authentication required", "401", "403"]) {
        ("its registry refuses access", "Give a pull secret, or correct the name.")
    } else if says(message, &["x509", "certificate", "http response to https"]) {
        (
            "its registry is not trusted",
            "An administrator has to add the registry's certificate, or allow it as an insecure registry.",
        )
    } else if says(message, &["toomanyrequests", "rate limit"]) {
        (
            "its registry has had enough requests for now",
            "Wait, or give a pull secret of an account with a higher limit.",
        )
    } else if says(message, &["no such host", "connection refused", "i/o timeout", "dial tcp", "timeout"]) {
        ("its registry cannot be reached from the node", "Check the registry's name, and the nodes' way to it.")
    } else if message.is_empty() || says(message, &["back-off pulling"]) {
        ("the cluster does not say why", "Check its name, its tag and the pull secret.")
    } else {
        return Explained::new(
            format!("The image{image} cannot be pulled: {}", clause(message)),
            "Check its name, its tag and the pull secret.",
        );
    };
    Explained::new(format!("The image{image} cannot be pulled: {cause}"), fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_that_cannot_be_pulled_say_why() {
        let line = |image, text| explain(image, text).line();
        assert_eq!(
            line(None, "failed to pull image \"quay.io/x:1\": manifest unknown"),
            "The image quay.io/x:1 cannot be pulled: it does not exist in its registry, or not under that tag. Correct \
             the name or the tag."
        );
        assert!(line(Some("a:1"), "unauthorized: access denied").contains("pull secret"));
        assert!(line(Some("a:1"), "x509: certificate signed by unknown authority").contains("not trusted"));
        assert!(line(Some("a:1"), "dial tcp: lookup registry: no such host").contains("cannot be reached"));
        assert_eq!(
            line(Some("a:1"), "Back-off pulling image \"a:1\""),
            "The image a:1 cannot be pulled: the cluster does not say why. Check its name, its tag and the pull secret."
        );
    }
}
