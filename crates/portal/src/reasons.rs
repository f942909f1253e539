//! The cluster's messages, said so that a person knows what is wrong and what to do.
//!
//! Every function takes the words that Kubernetes or KubeVirt wrote and gives one or two plain sentences. Words
//! that nobody foresaw are passed on as they are: a strange sentence is better than none.
//!
//! To explain another failure: find its text in a recorded sequence, add a row or a function, and a test with
//! the text exactly as it came.

/// What asks for the resource, as it starts a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Machine,
    Pod,
}

impl Subject {
    const fn word(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Pod => "pod",
        }
    }
}

/// How the scheduler names an obstacle, what it means for one node or several, and the way out.
const OBSTACLES: &[(&str, &str, &str)] = &[
    (
        "Insufficient devices.kubevirt.io/kvm",
        "without hardware virtualisation",
        "An administrator has to enable it on a node.",
    ),
    (
        "Insufficient devices.kubevirt.io/",
        "without a device that guests need",
        "An administrator has to look at the nodes.",
    ),
    ("Insufficient memory", "with too little free memory", "Ask for less memory, or switch something else off."),
    ("Insufficient cpu", "with too little free CPU", "Ask for fewer CPUs, or switch something else off."),
    ("Insufficient", "that lack a resource it asks for", "Ask for less of it."),
    ("Too many pods", "that are full", "Switch something else off, or add a node."),
    (
        "didn't match Pod's node affinity/selector",
        "without the labels it asks for",
        "Correct its node selector, or label a node.",
    ),
    ("didn't match pod anti-affinity", "that its own rules exclude", "Relax its anti-affinity rules."),
    ("didn't match pod affinity", "that its own rules exclude", "Relax its affinity rules."),
    ("volume node affinity conflict", "that cannot reach its disk", "Its disk belongs to another node."),
    ("node.kubernetes.io/not-ready", "that are not ready", "An administrator has to look at the nodes."),
    ("node.kubernetes.io/unreachable", "that do not answer", "An administrator has to look at the nodes."),
    ("untolerated taint", "that are reserved for other work", "Add a toleration, or use other nodes."),
    ("were unschedulable", "that take no new work", "An administrator has to uncordon a node."),
];

/// The scheduler's message, such as `0/2 nodes are available: 2 Insufficient memory. preemption: …`.
pub(crate) fn unschedulable(subject: Subject, message: &str) -> String {
    let thing = subject.word();
    if message.contains("unbound immediate PersistentVolumeClaims") {
        return format!(
            "A disk of this {thing} has no volume yet. Look at its claim: the storage class may be missing or unable \
             to make one."
        );
    }
    if let Some(claim) = quoted_after(message, "persistentvolumeclaim ") {
        return claim_missing(subject, claim);
    }
    if message.starts_with("PVC ") {
        return claim_not_found(subject, message);
    }
    let Some((counts, rest)) = message.split_once(" nodes are available: ") else {
        return format!("No node takes this {thing}: {}", sentence(message));
    };
    let total = counts.rsplit('/').next().unwrap_or_default();
    let end = [". preemption:", ". no new claims", ", preemption:"].iter().filter_map(|mark| rest.find(mark)).min();
    let list = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
    let mut causes = Vec::new();
    let mut way_out = None;
    for part in list.split(", ") {
        let (count, what) = part.split_once(' ').unwrap_or(("", part));
        if count.parse::<u32>().is_err() {
            continue;
        }
        match OBSTACLES.iter().find(|(text, _, _)| what.contains(text)) {
            Some((_, means, fix)) => {
                causes.push(format!("{count} {means}"));
                way_out = way_out.or(Some(*fix));
            }
            None => causes.push(format!("{count} because: {what}")),
        }
    }
    if causes.is_empty() {
        return format!("No node takes this {thing}: {}", sentence(list));
    }
    let fix = way_out.map(|fix| format!(" {fix}")).unwrap_or_default();
    format!("No node takes this {thing}. Of {total} nodes: {}.{fix}", causes.join(", "))
}

/// `PVC ns/name does not exist, waiting for it to appear`.
pub(crate) fn claim_not_found(subject: Subject, message: &str) -> String {
    let name = message.strip_prefix("PVC ").and_then(|rest| rest.split_once(" does not exist")).map(|(name, _)| name);
    match name.map(|name| name.rsplit_once('/').map_or(name, |(_, name)| name)) {
        Some(claim) => claim_missing(subject, claim),
        None => sentence(message),
    }
}

fn claim_missing(subject: Subject, claim: &str) -> String {
    format!(
        "The disk claim {claim} does not exist. Create it, or take it out of the {}; it goes on by itself then.",
        subject.word()
    )
}

/// The kubelet's words about an image.
pub(crate) fn image_pull(image: Option<&str>, message: Option<&str>) -> String {
    let message = message.unwrap_or_default();
    let image = image.or_else(|| quoted_after(message, "image ")).map(|image| format!(" {image}")).unwrap_or_default();
    let lower = message.to_lowercase();
    let cause = if ["not found", "manifest unknown", "does not exist", "no such"]
        .iter()
        .any(|word| lower.contains(word))
    {
        "it does not exist in its registry, or under that tag. Correct the name or the tag"
    } else if ["unauthorized", "denied", "authentication required"].iter().any(|word| lower.contains(word)) {
        "its registry refuses access. Give a pull secret, or correct the name"
    } else if ["no such host", "connection refused", "i/o timeout", "dial tcp"].iter().any(|word| lower.contains(word))
    {
        "its registry cannot be reached from the node"
    } else if message.is_empty() || lower.starts_with("back-off") {
        "check its name, its tag and the pull secret"
    } else {
        return format!("The image{image} cannot be pulled: {}", sentence(message));
    };
    format!("The image{image} cannot be pulled: {cause}.")
}

/// A container or a machine that ends again and again.
pub(crate) fn crash_loop(what: &str, exit_code: Option<i32>, times: u32) -> String {
    let exit = exit_code.map(|code| format!(" with exit code {code}")).unwrap_or_default();
    let often = match times {
        0 => String::new(),
        1 => ", once so far".to_owned(),
        _ => format!(", {times} times so far"),
    };
    format!(
        "{what} ends{exit} soon after it starts{often}. Its log and the events say why; the next try comes by itself."
    )
}

/// Why KubeVirt could not make or run an instance: condition `Synchronized` or `Failure`.
pub(crate) fn not_synchronized(reason: &str, message: &str) -> String {
    match reason {
        "FailedPvcNotFound" => return claim_not_found(Subject::Machine, message),
        "ErrImagePull" | "ImagePullBackOff" => return image_pull(None, Some(message)),
        "BackendStorageNotReady" | "FailedBackendStorageCreate" => {
            return format!("The storage for its firmware and TPM is not ready: {}", sentence(message));
        }
        "FailedFindInstancetype" | "FailedFindPreference" => {
            let what = if reason == "FailedFindInstancetype" { "instance type" } else { "preference" };
            return match quoted(message) {
                Some(name) => format!("The {what} {name} does not exist. Choose another one."),
                None => format!("Its {what} cannot be used: {}", sentence(message)),
            };
        }
        _ => {}
    }
    if let Some((_, quota)) = message.split_once("exceeded quota:") {
        return format!(
            "The namespace's quota does not allow it: {} Ask for less, switch something off, or ask for more quota.",
            sentence(quota)
        );
    }
    if message.contains("it needs a privileged namespace to run") {
        return "The namespace's pod security level forbids machines. An administrator has to change its label."
            .to_owned();
    }
    if message.contains("no memory requested") {
        return "It does not say how much memory it needs. Set its memory or choose an instance type.".to_owned();
    }
    if message.contains("network-attachment-definition") && message.contains("not found") {
        return format!("A network that it uses does not exist: {}", sentence(message));
    }
    // `Failure while starting VMI: admission webhook "…" denied the request: the words that matter`.
    let words = message.rsplit_once("denied the request: ").map_or(message, |(_, words)| words);
    sentence(words)
}

/// Why a machine is held.
pub(crate) fn paused(reason: &str) -> Option<String> {
    match reason {
        "PausedIOError" => Some(
            "It was held because a disk failed, most often because its storage is full. Free some space, then resume it."
                .to_owned(),
        ),
        "PausedByMigrationMonitor" => Some("It is held for a moment to finish its move.".to_owned()),
        _ => None,
    }
}

/// A message as a sentence: trimmed, with a capital and a full stop.
pub(crate) fn sentence(message: &str) -> String {
    let message = message.trim();
    let mut text: String = message.chars().take(400).collect();
    if let Some(first) = text.chars().next() {
        text.replace_range(..first.len_utf8(), &first.to_uppercase().to_string());
    }
    if !text.is_empty() && !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

fn quoted(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('"')?;
    rest.split_once('"').map(|(inside, _)| inside)
}

fn quoted_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.starts_with('"').then(|| quoted(rest))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheduler_is_rephrased() {
        assert_eq!(
            unschedulable(
                Subject::Machine,
                "0/2 nodes are available: 2 Insufficient memory. no new claims to deallocate, preemption: 0/2 nodes \
                 are available: 2 Preemption is not helpful for scheduling."
            ),
            "No node takes this machine. Of 2 nodes: 2 with too little free memory. Ask for less memory, or switch \
             something else off."
        );
        assert_eq!(
            unschedulable(
                Subject::Pod,
                "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 \
                 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available: 3 Preemption \
                 is not helpful for scheduling."
            ),
            "No node takes this pod. Of 3 nodes: 1 that are reserved for other work, 2 without the labels it asks for. \
             Add a toleration, or use other nodes."
        );
        assert!(
            unschedulable(Subject::Machine, "0/1 nodes are available: 1 Insufficient devices.kubevirt.io/kvm.")
                .contains("hardware virtualisation")
        );
    }

    #[test]
    fn words_of_the_scheduler_that_nobody_foresaw_are_kept() {
        assert_eq!(
            unschedulable(Subject::Pod, "0/1 nodes are available: 1 the moon is full."),
            "No node takes this pod. Of 1 nodes: 1 because: the moon is full."
        );
        assert_eq!(unschedulable(Subject::Pod, "no idea"), "No node takes this pod: No idea.");
    }

    #[test]
    fn a_missing_claim_is_named() {
        let expected = "The disk claim missing does not exist. Create it, or take it out of the machine; it goes on by itself then.";
        let message = "PVC rec/missing does not exist, waiting for it to appear";
        assert_eq!(claim_not_found(Subject::Machine, message), expected);
        assert_eq!(not_synchronized("FailedPvcNotFound", message), expected);
        assert_eq!(unschedulable(Subject::Machine, message), expected);
        assert!(
            unschedulable(
                Subject::Pod,
                "0/2 nodes are available: persistentvolumeclaim \"upload-scratch\" not found. not found"
            )
            .contains("upload-scratch")
        );
    }

    #[test]
    fn images_that_cannot_be_pulled_say_why() {
        let text = "failed to pull image \"quay.io/x:1\": manifest unknown";
        assert_eq!(
            image_pull(None, Some(text)),
            "The image quay.io/x:1 cannot be pulled: it does not exist in its registry, or under that tag. Correct the \
             name or the tag."
        );
        assert!(image_pull(Some("a:1"), Some("unauthorized: access denied")).contains("pull secret"));
        assert_eq!(
            image_pull(Some("a:1"), Some("Back-off pulling image \"a:1\"")),
            "The image a:1 cannot be pulled: check its name, its tag and the pull secret."
        );
    }

    #[test]
    fn refusals_lose_the_words_around_them() {
        assert_eq!(
            not_synchronized(
                "FailedFindInstancetype",
                "virtualmachineclusterinstancetypes.instancetype.kubevirt.io \"no-such-type\" not found"
            ),
            "The instance type no-such-type does not exist. Choose another one."
        );
        assert_eq!(
            not_synchronized(
                "FailedCreate",
                "Failure while starting VMI: admission webhook \"x\" denied the request: too odd"
            ),
            "Too odd."
        );
        assert!(
            not_synchronized(
                "FailedCreate",
                "failed to create virtual machine pod: pods \"virt-launcher-a-x\" is forbidden: exceeded quota: small, \
                 requested: limits.memory=1Gi, used: limits.memory=1Gi, limited: limits.memory=1Gi"
            )
            .starts_with("The namespace's quota does not allow it: Small, requested")
        );
    }
}
