//! An API server of KubeVirt or CDI that does not answer, so that the cluster refuses whatever it would have to judge.

use super::Explained;
use crate::diagnosis::texts::says;

/// Who is silent; `None` if the message is about something else.
pub(crate) fn explain(message: &str) -> Option<Explained> {
    if !says(message, &["failed calling webhook", "failed to call webhook"]) {
        return None;
    }
    let who = if says(message, &["cdi.kubevirt.io", "cdi-api"]) {
        "CDI"
    } else if says(message, &["kubevirt"]) {
        "KubeVirt"
    } else {
        "A part of the cluster that checks new objects"
    };
    Some(Explained::new(
        format!("{who} does not answer, so that the cluster can change nothing of the kind"),
        "It goes on by itself when its API server is back. If that takes long, an administrator has to look at its pods.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_silent_is_named() {
        for (message, who) in [
            (
                "Internal error occurred: failed calling webhook \"virtualmachine-validator.kubevirt.io\": failed to call webhook: \
                 Post \"https://virt-api.kubevirt.svc:443/virtualmachines-validate?timeout=10s\": dial tcp 10.96.1.1:443: connect: \
                 connection refused",
                "KubeVirt does",
            ),
            (
                "Internal error occurred: failed calling webhook \"datavolume-validate.cdi.kubevirt.io\": Post \
                 \"https://cdi-api.cdi.svc:443/datavolume-validate?timeout=30s\": no endpoints available for service \"cdi-api\"",
                "CDI does",
            ),
            ("failed calling webhook \"policy.example\": context deadline exceeded", "A part of the cluster"),
        ] {
            assert!(explain(message).unwrap().title.starts_with(who), "{message}");
        }
        assert_eq!(explain("admission webhook \"x\" denied the request: no"), None);
    }
}
