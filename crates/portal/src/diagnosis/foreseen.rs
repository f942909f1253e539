//! What a choice in a form would meet, before anything is made: the rules' own words.
//!
//! ```text
//! the choice --as a disk that is only thought of--> rules     what follows from the cluster's lists
//! disks and machines in sight that are stuck now --> rules     what others have met with the same choice
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use kubevirt::DataVolume;
use kubevirt::storage::ClaimSpec;
use model::ObjectRef;
use model::finding::{DiskAttention, Finding, Foreseen, Severity};

use super::facts::Facts;
use super::gather::is_worth_a_look;
use super::volume_findings;
use crate::Inner;
use crate::access::Actor;
use crate::error::PortalError;

/// Rules about disks whose trouble is that of their storage class: another disk of the class meets it too.
const OF_CLASS: [&str; 1] = ["unbound"];
/// The same for disks that are filled from outside, and not for those that are made empty or copied.
const OF_FILLING: [&str; 2] = ["scratch-hangs", "disk-exists"];
/// Rules about disks whose trouble is that of all disks.
const OF_ALL_DISKS: [&str; 2] = ["cdi-silent", "not-taken-up"];
/// Rules about machines whose trouble is everybody's.
const OF_ALL_MACHINES: [&str; 3] = ["kvm-missing", "nodes-unprepared", "kubevirt-silent"];
/// The most machines that are looked at for one form.
const LOOKED_AT: usize = 50;

/// For which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForForm {
    /// A new machine, whose disks are empty or copies.
    Machine,
    /// An upload or import.
    Image,
}

impl ForForm {
    /// What the form calls the storage class.
    const fn class_field(self) -> &'static str {
        match self {
            Self::Machine => "storage_class",
            Self::Image => "class",
        }
    }

    fn knows(self, rule: &str) -> bool {
        OF_CLASS.contains(&rule) || (self == Self::Image && OF_FILLING.contains(&rule))
    }
}

/// What is found about a disk of a class that is only thought of; the default class if none is named.
pub(crate) fn of_class(facts: Facts, class: &str) -> Option<Finding> {
    let storage =
        ClaimSpec { storage_class_name: (!class.is_empty()).then(|| class.to_owned()), ..ClaimSpec::default() };
    let mut volume = DataVolume::default();
    volume.spec.storage = Some(storage);
    let facts = Facts { data_volumes: vec![Arc::new(volume)], ..facts };
    let findings = volume_findings(&Arc::new(facts), "", "", None);
    findings.into_iter().find(|finding| finding.severity == Severity::Error)
}

impl Inner {
    /// The words of the rule about a storage class that a form names; `None` if nothing speaks against it.
    pub(crate) fn class_problem(&self, class: &str) -> Option<String> {
        of_class(self.facts_of_storage(), class).map(|finding| finding.sentence())
    }

    /// What the choices of a form would meet, as far as somebody sees others meet it.
    pub(crate) async fn foreseen(&self, actor: &Actor, form: ForForm) -> Result<Vec<Foreseen>, PortalError> {
        let mut found: BTreeMap<(&str, Option<String>), Foreseen> = BTreeMap::new();
        let mut note = |field: &'static str, choice: Option<String>, met_by: String, finding: &Finding| {
            let told = finding.sentence();
            let known = Foreseen { field: field.to_owned(), choice: choice.clone(), met_by, told };
            found.entry((field, choice)).or_insert(known);
        };
        let field = form.class_field();
        if let Some(finding) = of_class(self.facts_of_storage(), "") {
            note(field, Some(String::new()), String::new(), &finding);
        }
        for DiskAttention { at, finding } in self.stuck_disks(actor, "", usize::MAX).await? {
            let rule = finding.rule.as_str();
            if OF_ALL_DISKS.contains(&rule) {
                note(field, None, at.to_string(), &finding);
            } else if let Some(class) = self.class_of(&at).filter(|_| form.knows(rule)) {
                note(field, Some(class), at.to_string(), &finding);
            }
        }
        if form == ForForm::Machine {
            let visible = self.visible_machines(actor).await?;
            let machines = self.machines.index.visible(&visible, "");
            for machine in machines.iter().filter(|machine| is_worth_a_look(machine)).take(LOOKED_AT) {
                let namespace = machine.at.namespace.as_str();
                let (sees, rights) = (self.sees(actor, namespace).await?, self.rights(actor, namespace, "").await?);
                let findings = self.machine_findings(machine, &sees, &rights);
                let known = findings.iter().find(|finding| OF_ALL_MACHINES.contains(&finding.rule.as_str()));
                if let Some(finding) = known.filter(|finding| !finding.is_normal()) {
                    note("run", None, machine.at.to_string(), finding);
                    break;
                }
            }
        }
        Ok(found.into_values().collect())
    }

    /// The class that a disk asks for, or the default one.
    fn class_of(&self, at: &ObjectRef) -> Option<String> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let of_claim =
            self.disks.claims.index().get(namespace, name).and_then(|claim| claim.spec.storage_class_name.clone());
        let of_volume = || {
            let volume = self.disks.volumes.index().get(namespace, name)?;
            volume.spec.storage.as_ref().or(volume.spec.pvc.as_ref())?.storage_class_name.clone()
        };
        let default = || self.facts_of_storage().default_class().map(|class| class.metadata.name.clone());
        of_claim.or_else(of_volume).or_else(default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::watch::Store as _;
    use crate::testing::{Fake, allowed, ana};
    use serde_json::{Value, json};

    fn facts(classes: &Value) -> Facts {
        Facts { classes: Some(serde_json::from_value(classes.clone()).unwrap()), ..Facts::default() }
    }

    #[test]
    fn a_class_is_judged_before_there_is_a_disk_of_it() {
        let marked = json!({"storageclass.kubernetes.io/is-default-class": "true"});
        let with_default = json!([{"metadata": {"name": "fast", "annotations": marked}}]);
        let without = json!([{"metadata": {"name": "fast"}}]);
        let rule = |classes: &Value, class: &str| of_class(facts(classes), class).map(|finding| finding.rule);
        assert_eq!(rule(&with_default, ""), None);
        assert_eq!(rule(&with_default, "fast"), None);
        assert_eq!(rule(&without, "").as_deref(), Some("no-default-class"));
        assert_eq!(rule(&without, "gone").as_deref(), Some("class-unknown"));
        let fix = of_class(facts(&without), "gone").unwrap().fix;
        assert_eq!(fix, "Choose another class. The cluster has these: fast.", "there is nothing to delete yet");
        assert!(of_class(facts(&json!([])), "").unwrap().title.contains("has no storage class"));
        assert!(of_class(Facts::default(), "gone").is_none(), "nobody knows which classes there are");
    }

    #[tokio::test]
    async fn what_others_meet_on_a_class_is_told_to_those_who_see_them() {
        let fake = Fake::new(|call| {
            allowed(call.review().is_some_and(|spec| spec["resourceAttributes"]["namespace"] == "blue"))
        })
        .await;
        for namespace in ["blue", "green"] {
            fake.namespace(namespace);
            let claim = json!({"metadata": {"name": "data", "namespace": namespace, "creationTimestamp": "1970-01-01T00:00:00Z"},
                "spec": {"storageClassName": namespace}, "status": {"phase": "Pending"}});
            let key = (namespace.to_owned(), "data".to_owned());
            fake.inner.disks.claims.apply(&key, serde_json::from_value(claim).unwrap());
        }
        fake.clock.advance(std::time::Duration::from_mins(10));
        let classes = json!({"metadata": {"name": "blue", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}});
        fake.inner.disks.classes.apply(&(String::new(), "blue".to_owned()), serde_json::from_value(classes).unwrap());
        for form in [ForForm::Machine, ForForm::Image] {
            let told = fake.inner.foreseen(&ana(), form).await.unwrap();
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].is_about(form.class_field(), "blue") && !told[0].is_about(form.class_field(), "green"));
            assert!(told[0].sentence().starts_with("blue/data is stuck there now: No volume fits"), "{told:?}");
        }
    }
}
