//! Running an image: what the form offers, the dry run, and the objects.
//!
//! As with machines: our own rules first, then the cluster's as a dry run, then for real, all of it or nothing. Each
//! refusal is put at the field that it is about.

use model::ObjectRef;
use model::create::Problems;
use model::workload::run::{RunDraft, RunOptions, manifests, problems};
use serde_json::Value;

use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::{CallError, Kind, Refusal};
use crate::create::Made;
use crate::diagnosis::shared::quota;
use crate::error::{PortalError, words};

impl Inner {
    /// What the form offers.
    pub(crate) async fn run_options(&self, actor: &Actor) -> Result<RunOptions, PortalError> {
        let visible = self.visible(actor, Kind::Deployment).await?;
        let mut teams = Vec::new();
        for namespace in &visible.namespaces {
            if self.permissions.may_in(actor, Ask::create(Kind::Deployment, namespace)).await? {
                teams.push(namespace.clone());
            }
        }
        let mut classes = self.classes();
        classes.sort_by_key(|class| !class.is_default);
        Ok(RunOptions { teams, classes: classes.into_iter().map(|class| class.name).collect() })
    }

    /// Checks a draft by our own rules and by the cluster's, without making anything.
    pub(crate) async fn check_run(&self, actor: &Actor, draft: &RunDraft) -> Result<(), PortalError> {
        let mut found = problems(draft, &self.run_options(actor).await?);
        let taken = self.controllers.cache(Kind::Deployment).index().get(&draft.namespace, &draft.name).is_some();
        // Names of a team's own namespace are no secret from somebody who may create there.
        if taken && !found.contains_key("namespace") {
            found.insert(
                "name".to_owned(),
                format!("There is a deployment {} already. Choose another name.", draft.name),
            );
        }
        if !found.is_empty() {
            return Err(PortalError::Invalid(found));
        }
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        for object in manifests(draft) {
            let uri = format!("{}?dryRun=All", collection(&object));
            person.create(&uri, &object).await.map_err(|error| explain(error, draft, &object))?;
        }
        Ok(())
    }

    /// Runs an image, as the person; the deployment that was made.
    pub(crate) async fn run_image(&self, actor: &Actor, draft: &RunDraft) -> Result<ObjectRef, PortalError> {
        let outcome = self.try_run(actor, draft).await;
        let result = if outcome.is_ok() { "ok" } else { "refused" };
        metrics::counter!("porthole_actions_total", "action" => "run-image", "result" => result).increment(1);
        tracing::info!(
            account = actor.account,
            workload.namespace = draft.namespace,
            workload.name = draft.name,
            error = outcome.as_ref().err().map(tracing::field::display),
            "run image"
        );
        outcome
    }

    async fn try_run(&self, actor: &Actor, draft: &RunDraft) -> Result<ObjectRef, PortalError> {
        self.check_run(actor, draft).await?;
        let at = ObjectRef::parse(&draft.namespace, &draft.name)
            .map_err(|error| PortalError::field("name", error.to_string()))?;
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        let mut made = Vec::new();
        for object in manifests(draft) {
            let uri = collection(&object);
            match person.create(&uri, &object).await {
                Ok(stored) => made.push(Made::new(format!("{uri}/{}", name_of(&object)), &stored)),
                Err(error) => {
                    self.take_back(actor, &made).await;
                    return Err(explain(error, draft, &object));
                }
            }
        }
        self.until_runs(&at).await;
        Ok(at)
    }

    /// Waits a moment until the watch has told of the deployment, so that its page finds it.
    async fn until_runs(&self, at: &ObjectRef) {
        const LOOKS: u32 = 80;
        const PAUSE: std::time::Duration = std::time::Duration::from_millis(25);
        for _ in 0..LOOKS {
            if self.controllers.cache(Kind::Deployment).index().get(at.namespace.as_str(), at.name.as_str()).is_some() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// Where objects of the kind are made.
fn collection(object: &Value) -> String {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    match object["kind"].as_str() {
        Some("Deployment") => format!("/apis/apps/v1/namespaces/{namespace}/deployments"),
        Some("Service") => format!("/api/v1/namespaces/{namespace}/services"),
        _ => format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims"),
    }
}

/// A refusal as the form shows it: at its fields as far as they can be told.
fn explain(error: CallError, draft: &RunDraft, object: &Value) -> PortalError {
    let CallError::Refused(refusal) = error else { return error.into() };
    let found = fields(&refusal, draft, object);
    if found.is_empty() { PortalError::Refused(refusal) } else { PortalError::Invalid(found) }
}

/// Ends of a path, with the field that they belong to.
const PATHS: [(&str, &str); 12] = [
    ("resources.limits[memory]", "memory"),
    ("resources.requests[memory]", "memory"),
    ("resources.requests[cpu]", "cpus"),
    ("resources.requests[storage]", "volume"),
    (".image", "image"),
    (".env", "environment"),
    (".command", "command"),
    ("mountPath", "mount"),
    ("storageClassName", "class"),
    ("containerPort", "port"),
    ("spec.ports", "port"),
    ("spec.replicas", "replicas"),
];

fn fields(refusal: &Refusal, draft: &RunDraft, object: &Value) -> Problems {
    let lower = refusal.message.to_lowercase();
    if refusal.status == 409 && lower.contains("already exists") {
        let kind = object["kind"].as_str().unwrap_or("object");
        let text = format!("There is a {kind} {} already. Choose another name.", name_of(object));
        return Problems::from([("name".to_owned(), text)]);
    }
    if let Some(explained) = quota::explain(&refusal.message).filter(|_| refusal.status == 403) {
        let asked = lower.split("requested:").nth(1).unwrap_or(&lower);
        let words = [
            ("storage", "volume"),
            ("persistentvolumeclaims", "volume"),
            ("memory", "memory"),
            ("cpu", "cpus"),
            ("services", "publish"),
        ];
        let field = words.iter().find(|(word, _)| asked.contains(word)).map_or("replicas", |(_, field)| field);
        return Problems::from([(field.to_owned(), explained.line())]);
    }
    if refusal.status == 403 && lower.contains("is forbidden") && lower.contains("cannot create") {
        let field = match object["kind"].as_str() {
            Some("Service") => "publish",
            Some("PersistentVolumeClaim") => "volume",
            _ => "namespace",
        };
        let kind = object["kind"].as_str().unwrap_or("object");
        let text = format!("Your role in {} does not include making a {kind}.", draft.namespace);
        return Problems::from([(field.to_owned(), text)]);
    }
    let mut found = Problems::new();
    for cause in &refusal.causes {
        let field = PATHS.iter().find(|(end, _)| cause.field.contains(end)).map(|(_, field)| *field);
        let field = field.or_else(|| cause.field.starts_with("metadata.name").then_some("name"));
        if let Some(field) = field {
            found.entry(field.to_owned()).or_insert_with(|| words(&cause.message));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cause;
    use crate::testing::{Answer, Fake, allowed, ana};
    use model::ErrorCode;
    use serde_json::json;

    fn draft() -> RunDraft {
        let text = str::to_owned;
        RunDraft {
            name: text("web"),
            namespace: text("blue"),
            image: text("nginx:1"),
            port: text("80"),
            publish: text("true"),
            ..RunDraft::begin()
        }
    }

    async fn fake(answer: impl Fn(&crate::testing::Call) -> Answer + Send + Sync + 'static) -> Fake {
        let fake = Fake::new(move |call| match call.review() {
            Some(spec) => allowed(spec["resourceAttributes"]["namespace"] == "blue"),
            None => answer(call),
        })
        .await;
        fake.namespace("blue");
        fake
    }

    #[tokio::test]
    async fn everything_is_tried_before_anything_is_made() {
        let fake = fake(|call| (201, call.body.clone())).await;
        fake.inner.run_image(&ana(), &draft()).await.unwrap();
        let calls: Vec<_> = fake.others().iter().map(|call| call.uri.clone()).collect();
        assert_eq!(
            calls,
            [
                "/apis/apps/v1/namespaces/blue/deployments?dryRun=All",
                "/api/v1/namespaces/blue/services?dryRun=All",
                "/apis/apps/v1/namespaces/blue/deployments",
                "/api/v1/namespaces/blue/services",
            ]
        );
    }

    #[tokio::test]
    async fn what_was_half_made_is_taken_back() {
        let fake = fake(|call| match (call.method.as_str(), call.uri.as_str()) {
            ("POST", "/api/v1/namespaces/blue/services") => {
                (409, json!({"kind": "Status", "message": "services \"web\" already exists"}))
            }
            ("POST", _) => (201, json!({"metadata": {"uid": "d1"}})),
            _ => (200, json!({})),
        })
        .await;
        let error = fake.inner.run_image(&ana(), &draft()).await.unwrap_err().to_ui();
        assert_eq!(
            error.fields.get("name").map(String::as_str),
            Some("There is a Service web already. Choose another name.")
        );
        let last = fake.others().pop().unwrap();
        assert_eq!(
            (last.method.as_str(), last.uri.as_str()),
            ("DELETE", "/apis/apps/v1/namespaces/blue/deployments/web")
        );
        assert_eq!(last.body["preconditions"]["uid"], "d1");
    }

    #[tokio::test]
    async fn our_own_rules_come_first_and_a_name_that_is_taken_is_one_of_them() {
        let fake = fake(|_| (500, Value::Null)).await;
        let wrong = RunDraft { image: "https://x".to_owned(), ..draft() };
        assert_eq!(fake.inner.check_run(&ana(), &wrong).await.unwrap_err().to_ui().code, ErrorCode::Invalid);
        fake.controller(Kind::Deployment, "blue", "web", json!({}));
        let error = fake.inner.check_run(&ana(), &draft()).await.unwrap_err().to_ui();
        assert!(error.fields.contains_key("name"));
        assert!(fake.others().is_empty());
    }

    #[test]
    fn every_refusal_stands_at_its_field() {
        let refusal = |status, message: &str, field: &str| Refusal {
            status,
            message: message.to_owned(),
            is_status: true,
            causes: vec![Cause { field: field.to_owned(), message: "Invalid value".to_owned() }],
        };
        for (refusal, expected) in [
            (refusal(422, "", "spec.template.spec.containers[0].image"), "image"),
            (refusal(422, "", "spec.template.spec.containers[0].env[1].name"), "environment"),
            (refusal(422, "", "spec.template.spec.containers[0].resources.requests[memory]"), "memory"),
            (refusal(422, "", "spec.ports[0].port"), "port"),
            (refusal(422, "", "metadata.name"), "name"),
            (
                refusal(
                    403,
                    "persistentvolumeclaims \"web-data\" is forbidden: exceeded quota: team, requested: requests.storage=5Gi, used: requests.storage=9Gi, limited: requests.storage=10Gi",
                    "",
                ),
                "volume",
            ),
        ] {
            let found = fields(&refusal, &draft(), &json!({"kind": "Deployment"}));
            assert_eq!(found.keys().collect::<Vec<_>>(), [expected], "{refusal:?}");
        }
        let forbidden = refusal(403, "services is forbidden: User \"ana\" cannot create resource \"services\"", "");
        assert!(fields(&forbidden, &draft(), &json!({"kind": "Service"})).contains_key("publish"));
    }
}
