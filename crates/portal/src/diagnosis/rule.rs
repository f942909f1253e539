//! Rules, and how a table of them is asked.

use model::finding::{self, Finding, Severity};

use super::told::Draft;

/// One thing that can be wrong with an object.
pub(crate) struct Rule<Case> {
    /// In kebab case; the finding carries it.
    pub id: &'static str,
    /// Whether it speaks only where no other rule knows better.
    pub is_fallback: bool,
    pub check: fn(&Case) -> Option<Draft>,
}

impl<Case> Rule<Case> {
    pub(crate) const fn new(id: &'static str, check: fn(&Case) -> Option<Draft>) -> Self {
        Self { id, is_fallback: false, check }
    }

    pub(crate) const fn fallback(id: &'static str, check: fn(&Case) -> Option<Draft>) -> Self {
        Self { id, is_fallback: true, check }
    }
}

/// Asks every rule; what matters most comes first. `known` are findings from elsewhere that explain the case too.
pub(crate) fn ask<Case>(rules: &[Rule<Case>], case: &Case, now: i64, known: Vec<Finding>) -> Vec<Finding> {
    let mut findings = known;
    for rule in rules.iter().filter(|rule| !rule.is_fallback) {
        findings.extend((rule.check)(case).map(|draft| draft.finish(rule.id, now)));
    }
    for rule in rules.iter().filter(|rule| rule.is_fallback) {
        if findings.iter().any(explains) {
            break;
        }
        findings.extend((rule.check)(case).map(|draft| draft.finish(rule.id, now)));
    }
    finding::sort(&mut findings);
    findings
}

/// Whether a finding says why something does not go on: a hint or a piece of advice does not.
pub(crate) fn explains(finding: &Finding) -> bool {
    finding.severity == Severity::Error || finding.is_normal()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::told::{Told, source};

    fn told() -> Told {
        Told::state(source("Pod", "blue", "a"), Some(0), "no")
    }

    #[test]
    fn a_fallback_speaks_only_where_nobody_knows_better() {
        let rules: [Rule<bool>; 3] = [
            Rule::fallback("vague", |_| Some(Draft::error(told(), "Something is wrong", "Look."))),
            Rule::new("advice", |_| Some(Draft::warning(told(), "It could be better", "Do."))),
            Rule::new("exact", |is_known: &bool| is_known.then(|| Draft::error(told(), "This is wrong", "Mend it."))),
        ];
        let ids = |case| ask(&rules, &case, 9, Vec::new()).into_iter().map(|finding| finding.rule).collect::<Vec<_>>();
        assert_eq!(ids(true), ["exact", "advice"]);
        assert_eq!(ids(false), ["vague", "advice"]);
    }
}
