//! Features that KubeVirt keeps behind a gate.

use super::Explained;
use crate::diagnosis::texts::verdict;

/// Which gate is shut; `None` if the message is about something else.
pub(crate) fn explain(message: &str) -> Option<Explained> {
    let words = verdict(message);
    let (before, _) = words.split_once(" feature gate")?;
    if !words.to_lowercase().contains("not enabled") {
        return None;
    }
    let gate = before.rsplit(' ').next().filter(|gate| !gate.is_empty())?;
    let gate = if gate == "snapshot" { "Snapshot" } else { gate };
    Some(Explained::new(
        format!("The feature {gate} is switched off in this cluster"),
        format!(
            "Do without it, or have an administrator add {gate} to developerConfiguration.featureGates of the KubeVirt \
             resource."
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_words_about_gates_are_left_alone() {
        assert!(explain("the feature gate is fine").is_none());
        assert!(explain("snapshot feature gate not enabled").unwrap().title.contains("Snapshot"));
    }
}
