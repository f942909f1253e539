//! What can be done with a workload: which action fits which kind and state, and the reason why not.
//!
//! To add an action: extend [`WorkloadAction`], say in [`fits`] which kinds have it and in [`denied`] when it is not
//! possible. What it sends is in the portal's `workloads/act`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{WorkloadKind, WorkloadState};

/// The most pods that one press may ask for: more is a slip of the finger, and `kubectl` still does it.
pub const MOST_REPLICAS: u32 = 500;

/// Something to do with a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkloadAction {
    /// Another number of pods.
    Scale,
    /// Replace all pods, step by step.
    Restart,
    /// Hold back changes.
    Pause,
    /// Roll out what was held back.
    Resume,
    /// Take an earlier template again.
    RollBack,
    /// Another image for a container.
    SetImage,
    /// Other variables for a container.
    SetEnvironment,
    /// Make no pods, or no jobs, until it is resumed.
    Suspend,
    /// Go on.
    Unsuspend,
    /// A job now, besides the schedule.
    RunNow,
    /// Take it away.
    Delete,
}

impl WorkloadAction {
    /// All of them, in the order in which pages show them.
    pub const ALL: [Self; 11] = [
        Self::Scale,
        Self::Restart,
        Self::Pause,
        Self::Resume,
        Self::RollBack,
        Self::SetImage,
        Self::SetEnvironment,
        Self::RunNow,
        Self::Suspend,
        Self::Unsuspend,
        Self::Delete,
    ];

    /// The word that forms send.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Scale => "scale",
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::RollBack => "roll-back",
            Self::SetImage => "set-image",
            Self::SetEnvironment => "set-environment",
            Self::Suspend => "suspend",
            Self::Unsuspend => "unsuspend",
            Self::RunNow => "run-now",
            Self::Delete => "delete",
        }
    }

    /// What its button says.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Scale => "Scale",
            Self::Restart => "Restart",
            Self::Pause => "Pause rollout",
            Self::Resume => "Resume rollout",
            Self::RollBack => "Roll back",
            Self::SetImage => "Change image",
            Self::SetEnvironment => "Change environment",
            Self::Suspend => "Suspend",
            Self::Unsuspend => "Resume",
            Self::RunNow => "Run now",
            Self::Delete => "Delete",
        }
    }

    /// The action as it continues "Your role does not include …".
    pub const fn doing(self) -> &'static str {
        match self {
            Self::Scale => "scaling it",
            Self::RunNow => "making jobs",
            Self::Delete => "deleting it",
            _ => "changing it",
        }
    }

    /// The action that a word means.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.word() == word)
    }
}

/// What the rules look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadFacts {
    /// Its kind.
    pub kind: WorkloadKind,
    /// What it is doing.
    pub state: WorkloadState,
    /// Whether its rollout is paused, or it is suspended.
    pub is_held: bool,
    /// Templates that it could go back to.
    pub earlier: usize,
    /// The object that controls it and would undo changes, as `Kind name`.
    pub controlled_by: Option<String>,
}

/// Whether a kind has an action at all.
pub const fn fits(action: WorkloadAction, kind: WorkloadKind) -> bool {
    use WorkloadAction as Action;
    use WorkloadKind as Kind;
    match action {
        Action::Scale => matches!(kind, Kind::Deployment | Kind::StatefulSet | Kind::ReplicaSet),
        Action::Restart | Action::RollBack => {
            matches!(kind, Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet)
        }
        Action::Pause | Action::Resume => matches!(kind, Kind::Deployment),
        // A job's template never changes, and a replica set's is for the next pod only.
        Action::SetImage | Action::SetEnvironment => !matches!(kind, Kind::Job | Kind::ReplicaSet),
        Action::Suspend | Action::Unsuspend => matches!(kind, Kind::Job | Kind::CronJob),
        Action::RunNow => matches!(kind, Kind::CronJob),
        Action::Delete => true,
    }
}

/// Why the action is not possible now, as the disabled button and the refused request both say it.
pub fn denied(action: WorkloadAction, facts: &WorkloadFacts) -> Option<String> {
    use WorkloadAction as Action;
    let noun = facts.kind.noun();
    if !fits(action, facts.kind) {
        return Some(format!("This is not possible for a {noun}."));
    }
    if facts.state == WorkloadState::Terminating {
        return Some(format!("The {noun} is being deleted."));
    }
    if let Some(owner) = &facts.controlled_by
        && !matches!(action, Action::Delete | Action::Suspend | Action::Unsuspend)
    {
        return Some(format!("{owner} controls it and would undo this. Change that instead."));
    }
    let is_over = facts.kind == WorkloadKind::Job
        && (facts.state == WorkloadState::Succeeded || (facts.state == WorkloadState::Trouble && !facts.is_held));
    match action {
        Action::Restart if facts.is_held => Some("Its rollout is paused; resume it first.".to_owned()),
        Action::RollBack if facts.is_held => Some("Its rollout is paused; resume it first.".to_owned()),
        Action::RollBack if facts.earlier == 0 => Some("It has had no other template yet.".to_owned()),
        Action::Restart if facts.state == WorkloadState::Idle => {
            Some("It has no pods to restart: scale it up first.".to_owned())
        }
        Action::Pause if facts.is_held => Some("Its rollout is paused already.".to_owned()),
        Action::Resume if !facts.is_held => Some("Its rollout is not paused.".to_owned()),
        Action::Suspend if facts.state == WorkloadState::Succeeded => Some("The job has ended.".to_owned()),
        Action::Suspend if is_over && facts.kind == WorkloadKind::Job => Some("The job has ended.".to_owned()),
        Action::Suspend if facts.is_held => Some(format!("The {noun} is suspended already.")),
        Action::Unsuspend if !facts.is_held => Some(format!("The {noun} is not suspended.")),
        _ => None,
    }
}

/// How many pods a text asks for.
pub fn replicas(text: &str) -> Result<u32, String> {
    match text.trim().parse::<u32>() {
        Ok(number) if number <= MOST_REPLICAS => Ok(number),
        Ok(_) => Err(format!("That is more than {MOST_REPLICAS} pods. For so many use kubectl scale.")),
        Err(_) => Err("Write a whole number of pods, such as 3.".to_owned()),
    }
}

/// What is wrong with the name of an image.
pub fn image_problem(text: &str) -> Option<String> {
    let image = text.trim();
    if image.is_empty() {
        return Some("Name the image, such as docker.io/library/nginx:1.29.".to_owned());
    }
    let is_right = image.bytes().all(|c| c.is_ascii_alphanumeric() || b"./:@_-".contains(&c))
        && !image.contains("//")
        && image.as_bytes()[0].is_ascii_alphanumeric();
    (!is_right).then(|| "This is not the name of an image: leave out https:// and spaces.".to_owned())
}

/// Variables as lines of `NAME=value`. Empty lines and lines that begin with `#` mean nothing.
pub fn environment(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut variables = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(format!("Line {number} has no =: write NAME=value."));
        };
        let name = name.trim();
        let is_right = !name.is_empty()
            && !name.as_bytes()[0].is_ascii_digit()
            && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"_.-".contains(&c));
        if !is_right {
            return Err(format!(
                "Line {number}: \"{name}\" is no name of a variable: letters, digits, '_', '.' and '-', and no digit first."
            ));
        }
        if let Some(first) = found.insert(name.to_owned(), number) {
            return Err(format!("Line {number} sets {name} again; line {first} did before."));
        }
        variables.push((name.to_owned(), value.to_owned()));
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(kind: WorkloadKind, state: WorkloadState) -> WorkloadFacts {
        WorkloadFacts { kind, state, is_held: false, earlier: 1, controlled_by: None }
    }

    #[test]
    fn every_refusal_says_why_in_a_sentence() {
        for action in WorkloadAction::ALL {
            assert_eq!(WorkloadAction::from_word(action.word()), Some(action));
            for kind in WorkloadKind::ALL {
                for state in WorkloadState::ALL {
                    if let Some(reason) = denied(action, &facts(kind, state)) {
                        assert!(reason.ends_with('.') && reason.len() > 15, "{action:?} {kind:?} {state:?}: {reason}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_being_deleted_is_left_alone() {
        for action in WorkloadAction::ALL {
            for kind in WorkloadKind::ALL {
                assert!(denied(action, &facts(kind, WorkloadState::Terminating)).is_some(), "{action:?} {kind:?}");
            }
        }
    }

    #[test]
    fn pause_and_resume_exclude_each_other() {
        for (held, action) in [(true, WorkloadAction::Pause), (false, WorkloadAction::Resume)] {
            let facts = WorkloadFacts { is_held: held, ..facts(WorkloadKind::Deployment, WorkloadState::Running) };
            assert!(denied(action, &facts).is_some(), "{action:?}");
        }
        let held = WorkloadFacts { is_held: true, ..facts(WorkloadKind::CronJob, WorkloadState::Paused) };
        assert!(denied(WorkloadAction::Suspend, &held).is_some());
        assert_eq!(denied(WorkloadAction::Unsuspend, &held), None);
    }

    #[test]
    fn what_another_object_controls_is_changed_there() {
        let owned = WorkloadFacts {
            controlled_by: Some("Deployment web".to_owned()),
            ..facts(WorkloadKind::ReplicaSet, WorkloadState::Running)
        };
        assert!(denied(WorkloadAction::Scale, &owned).is_some_and(|reason| reason.starts_with("Deployment web")));
        assert_eq!(denied(WorkloadAction::Delete, &owned), None);
    }

    #[test]
    fn a_job_that_ended_is_not_suspended() {
        for state in [WorkloadState::Succeeded, WorkloadState::Trouble] {
            assert!(denied(WorkloadAction::Suspend, &facts(WorkloadKind::Job, state)).is_some(), "{state:?}");
        }
        assert_eq!(denied(WorkloadAction::Suspend, &facts(WorkloadKind::CronJob, WorkloadState::Trouble)), None);
    }

    #[test]
    fn numbers_images_and_variables_are_read_as_people_write_them() {
        assert_eq!(replicas(" 3 "), Ok(3));
        assert!(replicas("many").is_err() && replicas("-1").is_err() && replicas("5000").is_err());
        assert_eq!(image_problem("quay.io/team/web:1.2@sha256:abc"), None);
        for wrong in ["", "https://quay.io/web", "web server", "-web"] {
            assert!(image_problem(wrong).is_some(), "{wrong}");
        }
        let text = "A=1\n\n# words\nB = two = three";
        assert_eq!(
            environment(text),
            Ok(vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), " two = three".to_owned())])
        );
        for (wrong, part) in [("A", "Line 1"), ("A=1\n1B=2", "Line 2"), ("A=1\nA=2", "line 1 did")] {
            assert!(environment(wrong).is_err_and(|text| text.contains(part)), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn variables_come_back_from_their_lines(names in proptest::collection::btree_map("[A-Z_][A-Z0-9_]{0,8}", "[ -~]{0,12}", 0..6)) {
            let text: Vec<_> = names.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let read: BTreeMap<_, _> = environment(&text.join("\n")).unwrap().into_iter().collect();
            prop_assert_eq!(read, names);
        }
    }
}
