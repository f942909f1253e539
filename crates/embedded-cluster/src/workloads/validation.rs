//! What the API server refuses about workloads, in its own words.

use serde_json::Value;

use super::schedule::Schedule;
use super::selector;
use crate::error::{ApiError, Cause};
use crate::store::meta;
use crate::virt::kinds::text;

/// A field whose value is none of those that there are.
pub(crate) fn unsupported(field: &str, value: &str, supported: &[&str]) -> Cause {
    let supported: Vec<String> = supported.iter().map(|one| format!("{one:?}")).collect();
    Cause {
        reason: "FieldValueNotSupported",
        message: format!("Unsupported value: {value:?}: supported values: {}", supported.join(", ")),
        field: field.to_owned(),
    }
}

fn number(causes: &mut Vec<Cause>, spec: &Value, field: &str) {
    if let Some(number) = spec[field].as_i64().filter(|number| *number < 0) {
        let why = "must be greater than or equal to 0";
        causes.push(unquoted(&format!("spec.{field}"), &number.to_string(), why));
    }
}

/// An invalid value that is not a text.
fn unquoted(field: &str, value: &str, why: &str) -> Cause {
    Cause { reason: "FieldValueInvalid", message: format!("Invalid value: {value}: {why}"), field: field.to_owned() }
}

/// A Go map, as refusals show it.
fn go_map(labels: &Value) -> String {
    match labels.as_object() {
        None => "map[string]string(nil)".to_owned(),
        Some(labels) => {
            let mut pairs: Vec<_> = labels.iter().map(|(key, value)| format!("{key:?}:{:?}", text(value))).collect();
            pairs.sort();
            format!("map[string]string{{{}}}", pairs.join(", "))
        }
    }
}

fn go_selector(selector: &Value) -> String {
    format!(
        "v1.LabelSelector{{MatchLabels:{}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}}",
        go_map(&selector["matchLabels"])
    )
}

/// Containers of a pod or of a template.
fn containers(causes: &mut Vec<Cause>, spec: &Value, path: &str) {
    if spec["containers"].as_array().is_none_or(Vec::is_empty) {
        causes.push(Cause::required(&format!("{path}.containers"), ""));
    }
    let mut seen = Vec::new();
    for field in ["initContainers", "containers"] {
        for (index, container) in spec[field].as_array().into_iter().flatten().enumerate() {
            let at = format!("{path}.{field}[{index}]");
            let name = text(&container["name"]);
            if name.is_empty() {
                causes.push(Cause::required(&format!("{at}.name"), ""));
            } else if seen.contains(&name) {
                causes.push(Cause {
                    reason: "FieldValueDuplicate",
                    message: format!("Duplicate value: {name:?}"),
                    field: format!("{at}.name"),
                });
            }
            seen.push(name);
            if text(&container["image"]).is_empty() {
                causes.push(Cause::required(&format!("{at}.image"), ""));
            }
        }
    }
}

/// A selector and the labels that it has to fit.
fn selector_and_template(causes: &mut Vec<Cause>, spec: &Value) {
    let labels = &spec["template"]["metadata"]["labels"];
    if spec["selector"].is_null() {
        causes.push(Cause::required("spec.selector", ""));
        let why = "`selector` does not match template `labels`";
        causes.push(unquoted("spec.template.metadata.labels", &go_map(labels), why));
    } else if selector::is_empty(&spec["selector"]) {
        let why = "empty selector is invalid for deployment";
        causes.push(unquoted("spec.selector", &go_selector(&spec["selector"]), why));
    } else if !selector::matches_labels(&spec["selector"], labels) {
        let why = "`selector` does not match template `labels`";
        causes.push(unquoted("spec.template.metadata.labels", &go_map(labels), why));
    }
    containers(causes, &spec["template"]["spec"], "spec.template.spec");
    let policy = text(&spec["template"]["spec"]["restartPolicy"]);
    if !matches!(policy, "" | "Always") {
        causes.push(unsupported("spec.template.spec.restartPolicy", policy, &["Always"]));
    }
}

fn fixed_selector(causes: &mut Vec<Cause>, spec: &Value, old: Option<&Value>) {
    if old.is_some_and(|old| old["spec"]["selector"] != spec["selector"]) {
        causes.push(unquoted("spec.selector", &go_selector(&spec["selector"]), "field is immutable"));
    }
}

fn outcome(kind: &str, object: &Value, causes: &[Cause]) -> Result<(), ApiError> {
    if causes.is_empty() { Ok(()) } else { Err(ApiError::invalid(kind, meta::name(object), causes)) }
}

/// Pods: what is too wrong to run.
pub(crate) fn pod(kind: &str, object: &Value, old: Option<&Value>) -> Result<(), ApiError> {
    let mut causes = Vec::new();
    if old.is_none() {
        containers(&mut causes, &object["spec"], "spec");
        let policy = text(&object["spec"]["restartPolicy"]);
        if !matches!(policy, "" | "Always" | "OnFailure" | "Never") {
            causes.push(unsupported("spec.restartPolicy", policy, &["Always", "OnFailure", "Never"]));
        }
    }
    outcome(kind, object, &causes)
}

/// Deployments, ReplicaSets and DaemonSets.
pub(crate) fn replicated(kind: &str, object: &Value, old: Option<&Value>) -> Result<(), ApiError> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    for field in ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        number(&mut causes, spec, field);
    }
    selector_and_template(&mut causes, spec);
    fixed_selector(&mut causes, spec, old);
    strategy(&mut causes, spec);
    if let Some(deadline) = spec["progressDeadlineSeconds"].as_i64()
        && deadline <= spec["minReadySeconds"].as_i64().unwrap_or(0)
    {
        let why = "must be greater than minReadySeconds";
        causes.push(unquoted("spec.progressDeadlineSeconds", &deadline.to_string(), why));
    }
    outcome(kind, object, &causes)
}

fn strategy(causes: &mut Vec<Cause>, spec: &Value) {
    let strategy = &spec["strategy"];
    match text(&strategy["type"]) {
        "RollingUpdate" => {
            let none = |value: &Value| matches!(value.as_i64(), Some(0)) || value == "0%";
            let rolling = &strategy["rollingUpdate"];
            if none(&rolling["maxUnavailable"]) && none(&rolling["maxSurge"]) {
                let why = "may not be 0 when `maxSurge` is 0";
                let shown = rolling["maxUnavailable"].to_string();
                causes.push(unquoted("spec.strategy.rollingUpdate.maxUnavailable", &shown, why));
            }
        }
        "Recreate" if !strategy["rollingUpdate"].is_null() => {
            let why = "may not be specified when strategy `type` is 'Recreate'";
            causes.push(Cause::forbidden("spec.strategy.rollingUpdate", why));
        }
        "" | "Recreate" => {}
        other => causes.push(unsupported("spec.strategy.type", other, &["Recreate", "RollingUpdate"])),
    }
}

/// StatefulSets.
pub(crate) fn stateful_set(kind: &str, object: &Value, old: Option<&Value>) -> Result<(), ApiError> {
    const MAY_CHANGE: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let mut causes = Vec::new();
    let spec = &object["spec"];
    for field in ["replicas", "minReadySeconds", "revisionHistoryLimit"] {
        number(&mut causes, spec, field);
    }
    selector_and_template(&mut causes, spec);
    let policy = text(&spec["podManagementPolicy"]);
    if !matches!(policy, "OrderedReady" | "Parallel") {
        causes.push(unsupported("spec.podManagementPolicy", policy, &["OrderedReady", "Parallel"]));
    }
    let fixed = |spec: &Value| {
        let mut fields = spec.as_object().cloned().unwrap_or_default();
        fields.retain(|name, _| !MAY_CHANGE.contains(&name.as_str()));
        fields
    };
    if old.is_some_and(|old| fixed(&old["spec"]) != fixed(spec)) {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                   'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                   'minReadySeconds' are forbidden";
        causes.push(Cause::forbidden("spec", why));
    }
    outcome(kind, object, &causes)
}

fn job_spec(causes: &mut Vec<Cause>, spec: &Value, path: &str) {
    containers(causes, &spec["template"]["spec"], &format!("{path}.template.spec"));
    let policy = text(&spec["template"]["spec"]["restartPolicy"]);
    if !matches!(policy, "OnFailure" | "Never") {
        let field = format!("{path}.template.spec.restartPolicy");
        if matches!(policy, "" | "Always") {
            causes.push(Cause::required(&field, "valid values: \"OnFailure\", \"Never\""));
        } else {
            causes.push(unsupported(&field, policy, &["OnFailure", "Never"]));
        }
    }
    for field in ["parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished", "activeDeadlineSeconds"] {
        if let Some(number) = spec[field].as_i64().filter(|number| *number < 0) {
            let why = "must be greater than or equal to 0";
            causes.push(unquoted(&format!("{path}.{field}"), &number.to_string(), why));
        }
    }
    if spec["completionMode"] == "Indexed" && spec["completions"].is_null() {
        let why = "when completion mode is Indexed";
        causes.push(Cause::required(&format!("{path}.completions"), why));
    }
}

/// Jobs.
pub(crate) fn job(kind: &str, object: &Value, old: Option<&Value>) -> Result<(), ApiError> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    job_spec(&mut causes, spec, "spec");
    if let Some(old) = old {
        let is_suspended = old["spec"]["suspend"] == true && old["status"]["startTime"].is_null();
        for field in ["selector", "completionMode", "template"] {
            let may = field == "template" && is_suspended;
            if old["spec"][field] != spec[field] && !may {
                causes.push(unquoted(&format!("spec.{field}"), &spec[field].to_string(), "field is immutable"));
            }
        }
    }
    outcome(kind, object, &causes)
}

/// CronJobs.
pub(crate) fn cron_job(kind: &str, object: &Value) -> Result<(), ApiError> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    let schedule = text(&spec["schedule"]);
    if schedule.is_empty() {
        causes.push(Cause::required("spec.schedule", ""));
    } else if let Err(why) = Schedule::parse(schedule) {
        causes.push(Cause::invalid("spec.schedule", schedule, &why));
    }
    let zone = text(&spec["timeZone"]);
    if !matches!(zone, "" | "UTC" | "Etc/UTC") {
        causes.push(Cause::invalid("spec.timeZone", zone, "unknown time zone: the embedded cluster knows UTC only"));
    }
    let policy = text(&spec["concurrencyPolicy"]);
    if !matches!(policy, "Allow" | "Forbid" | "Replace") {
        causes.push(unsupported("spec.concurrencyPolicy", policy, &["Allow", "Forbid", "Replace"]));
    }
    job_spec(&mut causes, &spec["jobTemplate"]["spec"], "spec.jobTemplate.spec");
    if meta::name(object).len() > 52 {
        let why = "must be no more than 52 characters";
        causes.push(Cause::invalid("metadata.name", meta::name(object), why));
    }
    outcome(kind, object, &causes)
}

/// Budgets of disruptions.
pub(crate) fn disruption_budget(kind: &str, object: &Value) -> Result<(), ApiError> {
    let spec = &object["spec"];
    let mut causes = Vec::new();
    if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() {
        let shown = spec.to_string();
        causes.push(unquoted("spec", &shown, "minAvailable and maxUnavailable cannot be both set"));
    }
    outcome(kind, object, &causes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_selector_that_misses_its_template_is_refused_in_the_real_words() {
        let object = json!({"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}});
        assert_eq!(
            replicated("Deployment.apps", &object, None).unwrap_err().message,
            "Deployment.apps \"web\" is invalid: spec.template.metadata.labels: Invalid value: \
             map[string]string{\"app\":\"db\"}: `selector` does not match template `labels`"
        );
        let mut moved = object.clone();
        moved["spec"]["template"]["metadata"]["labels"]["app"] = "web".into();
        let mut other = moved.clone();
        other["spec"]["selector"]["matchLabels"]["app"] = "db".into();
        assert!(replicated("Deployment.apps", &moved, None).is_ok());
        assert_eq!(
            replicated("Deployment.apps", &moved, Some(&other)).unwrap_err().message,
            "Deployment.apps \"web\" is invalid: spec.selector: Invalid value: \
             v1.LabelSelector{MatchLabels:map[string]string{\"app\":\"web\"}, \
             MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable"
        );
    }

    #[test]
    fn jobs_and_cron_jobs_say_what_is_missing() {
        let job_object = json!({"metadata": {"name": "j"}, "spec": {"template": {"spec": {"restartPolicy": "Always", "containers": [{"name": "c", "image": "i"}]}}}});
        assert_eq!(
            job("Job.batch", &job_object, None).unwrap_err().message,
            "Job.batch \"j\" is invalid: spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""
        );
        let cron = json!({"metadata": {"name": "c"}, "spec": {"schedule": "every day", "concurrencyPolicy": "Allow",
            "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}}}});
        assert_eq!(
            cron_job("CronJob.batch", &cron).unwrap_err().message,
            "CronJob.batch \"c\" is invalid: spec.schedule: Invalid value: \"every day\": expected exactly 5 fields, found 2: [every day]"
        );
    }
}
