//! What an object said, and the finding that a rule makes of it.

use model::finding::{Finding, FindingAction, FindingPage, Severity, Source};
use model::machine::EventLine;

use super::texts;
use crate::clock::parse;

/// Where somebody said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The answer to a request of ours.
    Answer,
    /// A condition of an object.
    Condition,
    /// The state of a pod or of its container.
    Pod,
    /// The end of a container's log.
    Log,
    /// An event.
    Event,
}

/// Something that an object said: the ground of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub place: Place,
    pub source: Source,
    /// Seconds since 1970.
    pub since: Option<i64>,
    /// A word such as `FailedScheduling`; may be empty.
    pub reason: String,
    /// The object's own words; may be empty.
    pub words: String,
}

impl Told {
    /// What a condition of an object says.
    pub(crate) fn condition(source: Source, condition: &kubevirt::meta::Condition) -> Self {
        Self {
            place: Place::Condition,
            source,
            since: condition.last_transition_time.as_deref().and_then(parse),
            reason: condition.reason.clone().unwrap_or_default(),
            words: condition.message.clone().unwrap_or_default(),
        }
    }

    /// What an event says. Its first part names the object that it is about.
    pub(crate) fn event(namespace: &str, event: &EventLine) -> Self {
        let (kind, name) = event.about.split_once(' ').unwrap_or(("", &event.about));
        Self {
            place: Place::Event,
            source: source(kind, namespace, name),
            since: event.at,
            reason: event.reason.clone(),
            words: event.message.clone(),
        }
    }

    /// A state that an object is in without a word about it.
    pub(crate) fn state(source: Source, since: Option<i64>, words: impl Into<String>) -> Self {
        Self { place: Place::Condition, source, since, reason: String::new(), words: words.into() }
    }

    /// Whether it says one of some words, which are in lower case.
    pub(crate) fn says(&self, words: &[&str]) -> bool {
        texts::says(&self.words, words)
    }

    /// The same words, known to hold since an earlier moment.
    pub(crate) fn since(mut self, since: Option<i64>) -> Self {
        self.since = since.or(self.since);
        self
    }
}

/// An object of a namespace.
pub(crate) fn source(kind: &str, namespace: &str, name: &str) -> Source {
    let namespace = (!namespace.is_empty()).then(|| namespace.to_owned());
    Source { kind: kind.to_owned(), namespace, name: name.to_owned() }
}

/// A finding that does not know yet which rule made it.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    severity: Severity,
    title: String,
    told: Told,
    fix: String,
    action: Option<FindingAction>,
    normal_for: Option<i64>,
}

impl Draft {
    fn new(severity: Severity, told: Told, title: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { severity, title: title.into(), told, fix: fix.into(), action: None, normal_for: None }
    }

    /// It does not work, and does not mend itself. The title is a sentence without a full stop.
    pub(crate) fn error(told: Told, title: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Severity::Error, told, title, fix)
    }

    /// It works, but not as well as it could, or not for long.
    pub(crate) fn warning(told: Told, title: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Severity::Warning, told, title, fix)
    }

    /// Good to know.
    pub(crate) fn info(told: Told, title: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(Severity::Info, told, title, fix)
    }

    /// The state is normal for some seconds. Without a known beginning it is not.
    pub(crate) fn normal_for(mut self, seconds: i64) -> Self {
        self.normal_for = Some(seconds);
        self
    }

    /// The fix as a button.
    pub(crate) fn offering(mut self, action: FindingAction) -> Self {
        self.action = Some(action);
        self
    }

    /// A page where the person can act.
    pub(crate) fn leading_to(self, label: &str, page: FindingPage) -> Self {
        self.offering(FindingAction::Open { label: label.to_owned(), page })
    }

    /// Only an administrator can mend it: the check of the whole cluster is the page for that.
    pub(crate) fn for_administrators(self) -> Self {
        self.leading_to("Check the cluster", FindingPage::Doctor)
    }

    /// The finding of a rule at a moment.
    pub(crate) fn finish(self, rule: &str, now: i64) -> Finding {
        let until = self.normal_for.and_then(|seconds| Some(self.told.since? + seconds)).filter(|until| now < *until);
        let why = match (self.told.words.as_str(), self.told.reason.as_str()) {
            ("", "") => self.title.clone(),
            ("", reason) => reason.to_owned(),
            (words, _) => words.to_owned(),
        };
        Finding {
            rule: rule.to_owned(),
            severity: if until.is_some() { Severity::Info } else { self.severity },
            title: self.title,
            since: self.told.since,
            why,
            source: Some(self.told.source),
            fix: self.fix,
            action: self.action,
            normal_until: until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(since: Option<i64>) -> Draft {
        let told = Told::state(source("Pod", "blue", "a"), since, "not yet");
        Draft::error(told, "It is not there", "Wait.").normal_for(30)
    }

    #[test]
    fn a_state_is_normal_for_its_time_and_no_longer() {
        let early = draft(Some(100)).finish("late", 129);
        assert_eq!((early.severity, early.normal_until), (Severity::Info, Some(130)));
        let late = draft(Some(100)).finish("late", 130);
        assert_eq!((late.severity, late.normal_until), (Severity::Error, None));
    }

    #[test]
    fn a_state_whose_beginning_nobody_knows_is_not_taken_for_normal() {
        assert_eq!(draft(None).finish("late", 0).severity, Severity::Error);
    }

    #[test]
    fn an_event_names_its_object() {
        let event = EventLine {
            at: Some(7),
            is_warning: true,
            reason: "FailedMount".to_owned(),
            message: "no".to_owned(),
            about: "Pod virt-launcher-a".to_owned(),
            count: 1,
        };
        assert_eq!(Told::event("blue", &event).source, source("Pod", "blue", "virt-launcher-a"));
    }
}
