//! The cluster cannot reach the source.

use super::super::told::Draft;
use super::super::volume_case::VolumeCase;

/// A server may be restarting; three tries take about this long.
const NORMAL: i64 = 60;

pub(super) fn check(case: &VolumeCase) -> Option<Draft> {
    let told = case.says(&[
        "connection refused",
        "no such host",
        "i/o timeout",
        "context deadline exceeded",
        "network is unreachable",
        "no route to host",
        "connection reset by peer",
        "timeout awaiting response headers",
        "connection timed out",
        "server misbehaving",
    ])?;
    let (obstacle, fix) = if told.says(&["no such host", "server misbehaving"]) {
        ("its name is not known there", "Check the name; the cluster's nodes may know fewer names than your computer.")
    } else if told.says(&["connection refused"]) {
        ("nothing answers at that address", "Check the address and the port, and whether the server runs.")
    } else {
        (
            "no answer came in time",
            "A firewall or a missing proxy setting (importProxy of CDI) may stand between; an administrator can tell.",
        )
    };
    Some(
        Draft::error(
            told,
            format!("The cluster cannot reach the source: {obstacle}{}", super::at(case)),
            format!("{fix} It tries again by itself. What your computer reaches, the cluster may not: uploading goes through your computer."),
        )
        .normal_for(NORMAL),
    )
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::testing::{by, failing, volume};

    #[test]
    fn what_stands_between_is_told() {
        for (message, title) in [
            (
                "Unable to connect to http data source: HTTP request errored: Get \"http://127.0.0.1:1/x.qcow2\": dial tcp \
                 127.0.0.1:1: connect: connection refused",
                "nothing answers",
            ),
            (
                "HTTP request errored: Head \"http://nowhere/x\": dial tcp: lookup nowhere on 10.96.0.10:53: no such host",
                "name is not known",
            ),
            ("dial tcp 10.0.0.1:443: i/o timeout", "no answer came"),
        ] {
            let finding = by("import-unreachable", &volume(&failing(message)));
            assert!(finding.title.contains(title) && !finding.is_normal(), "{message}");
        }
    }
}
