//! Templates for new machines, kept as config maps under a label, so that they can live in Git like everything else.
//!
//! A template is a draft without a name, without a password. Those of a team stand in its namespace; those for
//! everybody in the namespace of shared images, where the cluster's roles say who may write. Reads and writes go out
//! in the person's name: whoever may not read a team's config maps has no templates of it.

use futures_util::future::join_all;
use model::ObjectRef;
use model::create::{MachineDraft, MachineTemplate, kept_in_template, suggest_name, title_problem};
use model::image::SHARED_NAMESPACE;
use serde_json::{Value, json};

use crate::Inner;
use crate::access::Actor;
use crate::cluster::CallError;
use crate::error::{PortalError, Thing};

const LABEL: &str = "porthole.dev/kind";
const KIND: &str = "machine-template";

impl Inner {
    /// Templates of the person's teams and those for everybody.
    pub(crate) async fn templates(&self, actor: &Actor) -> Result<Vec<MachineTemplate>, PortalError> {
        let mut places = self.creating_teams(actor).await?;
        places.retain(|place| place != SHARED_NAMESPACE);
        places.push(SHARED_NAMESPACE.to_owned());
        let lists = join_all(places.iter().map(|place| async move {
            let uri = format!("{}?labelSelector={LABEL}%3D{KIND}", collection(place));
            self.cluster.as_person(&actor.user, &actor.groups).get_json(&uri).await
        }));
        let mut found: Vec<_> = lists
            .await
            .into_iter()
            .flatten()
            .flat_map(|list| list["items"].as_array().cloned().unwrap_or_default())
            .filter_map(|object| template(&object))
            .collect();
        found.sort_by(|a, b| (a.is_shared, &a.title, &a.at).cmp(&(b.is_shared, &b.title, &b.at)));
        Ok(found)
    }

    /// Keeps a draft as a template; one of the same title becomes its next version.
    pub(crate) async fn save_template(
        &self,
        actor: &Actor,
        namespace: &str,
        title: &str,
        draft: &MachineDraft,
    ) -> Result<(), PortalError> {
        let title = title.trim();
        if let Some(wrong) = title_problem(title) {
            return Err(PortalError::field("title", wrong));
        }
        let at = ObjectRef::parse(namespace, &format!("template-{}", suggest_name(title)))
            .map_err(|_| PortalError::field("namespace", "Choose the team that the template is for."))?;
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        let uri = format!("{}/{}", collection(namespace), at.name);
        let before = match person.get_json(&uri).await {
            Ok(object) => Some(object),
            Err(CallError::Refused(refusal)) if refusal.status == 404 => None,
            Err(error) => return Err(error.into()),
        };
        let version = before.as_ref().and_then(template).map_or(1, |template| template.version + 1);
        let draft = serde_json::to_string_pretty(&kept_in_template(draft)).unwrap_or_default();
        let data = json!({ "title": title, "version": version.to_string(), "draft.json": draft });
        let outcome = match before {
            Some(object) if object["metadata"]["labels"][LABEL] == KIND => {
                // Fails if somebody saved it at the same moment.
                let seen = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
                person.merge(&uri, &json!({ "metadata": seen, "data": data })).await
            }
            Some(_) => {
                return Err(PortalError::field("title", "Something else has this name already. Choose another title."));
            }
            None => {
                let object = json!({
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": { "name": at.name, "namespace": namespace, "labels": { LABEL: KIND } },
                    "data": data,
                });
                person.create(&collection(namespace), &object).await
            }
        };
        tracing::info!(account = actor.account, template = %at, ok = outcome.is_ok(), "save template");
        outcome?;
        Ok(())
    }

    /// Removes a template.
    pub(crate) async fn delete_template(&self, actor: &Actor, at: &ObjectRef) -> Result<(), PortalError> {
        let known = self.templates(actor).await?;
        if !known.iter().any(|template| template.at == at.to_string()) {
            return Err(PortalError::NotFound(Thing::Template));
        }
        let uri = format!("{}/{}", collection(at.namespace.as_str()), at.name);
        self.cluster.as_person(&actor.user, &actor.groups).delete(&uri, false).await?;
        tracing::info!(account = actor.account, template = %at, "delete template");
        Ok(())
    }
}

fn collection(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps")
}

/// The template in a config map; `None` if what it holds is none.
fn template(object: &Value) -> Option<MachineTemplate> {
    let meta = &object["metadata"];
    let (namespace, name) = (meta["namespace"].as_str()?, meta["name"].as_str()?);
    let data = &object["data"];
    let draft: MachineDraft = serde_json::from_str(data["draft.json"].as_str()?).ok()?;
    Some(MachineTemplate {
        at: format!("{namespace}/{name}"),
        title: data["title"].as_str().filter(|title| !title.is_empty()).unwrap_or(name).to_owned(),
        version: data["version"].as_str().and_then(|version| version.parse().ok()).unwrap_or(1),
        is_shared: namespace == SHARED_NAMESPACE,
        draft: kept_in_template(&draft),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, allowed, ana};

    fn stored(version: &str) -> Value {
        json!({
            "metadata": {"namespace": "blue", "name": "template-web", "resourceVersion": "5", "labels": {LABEL: KIND}},
            "data": {"title": "Web", "version": version, "draft.json": "{\"cpus\":\"4\",\"password\":\"horse\"}"},
        })
    }

    async fn fake(before: Option<Value>) -> Fake {
        let fake = Fake::new(move |call| match (call.review(), call.method.as_str()) {
            (Some(spec), _) => allowed(spec["resourceAttributes"]["namespace"] == "blue"),
            (None, "GET") if call.uri.contains("namespaces/blue/configmaps?") => (200, json!({"items": [stored("2")]})),
            (None, "GET") if call.uri.ends_with("/template-web") => before
                .clone()
                .map_or_else(|| (404, json!({"kind": "Status", "message": "not found"})), |before| (200, before)),
            (None, "GET") => (403, json!({"kind": "Status", "message": "no"})),
            _ => (200, json!({})),
        });
        let fake = fake.await;
        fake.namespace("blue");
        fake
    }

    #[tokio::test]
    async fn templates_are_listed_without_secrets_and_what_cannot_be_read_is_not_missed() {
        let found = fake(None).await.inner.templates(&ana()).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].version, found[0].draft.cpus.as_str(), found[0].draft.password.0.as_str()), (2, "4", ""));
    }

    #[tokio::test]
    async fn saving_under_the_same_title_makes_the_next_version() {
        let fake = fake(Some(stored("2"))).await;
        fake.inner.save_template(&ana(), "blue", "Web", &MachineDraft::default()).await.unwrap();
        let sent = fake.others().into_iter().find(|call| call.method == "PATCH").unwrap();
        assert_eq!(
            (&sent.body["data"]["version"], &sent.body["metadata"]["resourceVersion"]),
            (&json!("3"), &json!("5"))
        );
        assert_eq!(sent.user.as_deref(), Some("ana@example"));
    }

    #[tokio::test]
    async fn a_config_map_that_is_no_template_is_left_alone() {
        let mut other = stored("1");
        other["metadata"]["labels"] = json!({});
        let fake = fake(Some(other)).await;
        let error =
            fake.inner.save_template(&ana(), "blue", "Web", &MachineDraft::default()).await.unwrap_err().to_ui();
        assert!(error.fields.contains_key("title"));
        assert!(fake.others().iter().all(|call| call.method == "GET"));
    }

    #[tokio::test]
    async fn only_what_is_a_template_can_be_deleted_as_one() {
        let fake = fake(None).await;
        let other = ObjectRef::parse("blue", "settings").unwrap();
        assert!(fake.inner.delete_template(&ana(), &other).await.is_err());
        let web = ObjectRef::parse("blue", "template-web").unwrap();
        fake.inner.delete_template(&ana(), &web).await.unwrap();
        let gone: Vec<_> =
            fake.others().into_iter().filter(|call| call.method == "DELETE").map(|call| call.uri).collect();
        assert_eq!(gone, ["/api/v1/namespaces/blue/configmaps/template-web"]);
    }
}
