//! Templates for new machines.
//!
//! | module | what it knows |
//! |---|---|
//! | `stored` | those that Porthole keeps: config maps under a label, so that they can live in Git like everything else |
//! | `native` | the cluster's own kind, `VirtualMachineTemplate`, where the cluster has it |
//!
//! A template is a draft without a name, without a password, with what it asks for; or a manifest, where the form has no
//! words for the machine. Those of a team stand in its namespace; those for everybody in the namespace of shared images,
//! where the cluster's roles say who may write. Reads and writes go out in the person's name: whoever may not read a
//! team's config maps has no templates of it.

mod native;
mod stored;

use futures_util::future::join_all;
use model::ObjectRef;
use model::create::{
    MachineDraft, MachineReading, MachineTemplate, TemplateParameter, kept_in_template, kept_parameters,
    parameters_problem, portable_manifest, read_machine, suggest_name, title_problem,
};
use model::image::SHARED_NAMESPACE;
use serde_json::{Value, json};

use crate::Inner;
use crate::access::Actor;
use crate::cluster::CallError;
use crate::error::{PortalError, Thing};

/// What a template is made of, as somebody hands it in.
#[derive(Clone, Debug, Default)]
pub struct NewTemplate {
    /// What people call it.
    pub title: String,
    /// What it fills in. Its manifest, if it has one, takes the form's place.
    pub draft: MachineDraft,
    /// What it asks for.
    pub parameters: Vec<TemplateParameter>,
}

impl Inner {
    /// Templates of the person's teams and those for everybody.
    pub(crate) async fn templates(&self, actor: &Actor) -> Result<Vec<MachineTemplate>, PortalError> {
        let mut places = self.creating_teams(actor).await?;
        places.retain(|place| place != SHARED_NAMESPACE);
        places.push(SHARED_NAMESPACE.to_owned());
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        let natives = native::version(&self.cluster.offers());
        let lists = join_all(places.iter().map(|place| async move {
            let kept = person.get_json(&stored::list(place)).await.map(|list| items(&list, stored::template));
            let own = match natives {
                Some(version) => {
                    person.get_json(&native::list(version, place)).await.map(|list| items(&list, native::template))
                }
                None => Ok(Vec::new()),
            };
            [kept, own]
        }));
        // What this person may not read is not there for them.
        let mut found: Vec<_> = lists.await.into_iter().flatten().flatten().flatten().collect();
        found.sort_by(|a, b| (a.is_shared, &a.title, &a.at).cmp(&(b.is_shared, &b.title, &b.at)));
        Ok(found)
    }

    /// One template by its [`MachineTemplate::at`], with values for what it has made up.
    pub(crate) async fn template(&self, actor: &Actor, at: &str) -> Result<MachineTemplate, PortalError> {
        let known = self.templates(actor).await?;
        known.into_iter().find(|template| template.at == at).ok_or(PortalError::NotFound(Thing::Template))
    }

    /// What a template of a machine that is there would hold.
    pub(crate) async fn read_as_template(&self, actor: &Actor, at: &ObjectRef) -> Result<MachineReading, PortalError> {
        self.visible_machine(actor, at).await?;
        let object = self.cluster.as_person(&actor.user, &actor.groups).get_json(&self.machine_uri(at)).await?;
        let options = self.create_options(actor, at.namespace.as_str()).await?;
        let reading = read_machine(&object, &options);
        Ok(MachineReading { draft: kept_in_template(&reading.draft), ..reading })
    }

    /// Keeps a machine that is there as a template of its team.
    pub(crate) async fn save_machine_as_template(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        title: &str,
    ) -> Result<(), PortalError> {
        let MachineReading { draft, machine, .. } = self.read_as_template(actor, at).await?;
        let content = stored::Content { title, draft: &draft, machine, parameters: &[] };
        self.keep_template(actor, at.namespace.as_str(), &content).await
    }

    /// Keeps a draft as a template; one of the same title becomes its next version. The answer is what was changed in its
    /// manifest to make it fit for other machines, in sentences.
    pub(crate) async fn save_template(
        &self,
        actor: &Actor,
        namespace: &str,
        new: &NewTemplate,
    ) -> Result<Vec<String>, PortalError> {
        if let Some(wrong) = parameters_problem(&new.parameters) {
            return Err(PortalError::field("parameters", wrong));
        }
        let (machine, notes) = match &new.draft.manifest {
            Some(text) => {
                let (machine, notes) = portable_manifest(&stored::manifest(text, &new.draft)?);
                (Some(machine), notes)
            }
            None => (None, Vec::new()),
        };
        let (draft, parameters) = (kept_in_template(&new.draft), kept_parameters(&new.parameters));
        let content = stored::Content { title: &new.title, draft: &draft, machine, parameters: &parameters };
        self.keep_template(actor, namespace, &content).await?;
        Ok(notes)
    }

    async fn keep_template(
        &self,
        actor: &Actor,
        namespace: &str,
        content: &stored::Content<'_>,
    ) -> Result<(), PortalError> {
        let title = content.title.trim();
        if let Some(wrong) = title_problem(title) {
            return Err(PortalError::field("title", wrong));
        }
        let at = ObjectRef::parse(namespace, &format!("template-{}", suggest_name(title)))
            .map_err(|_| PortalError::field("namespace", "Choose the team that the template is for."))?;
        let person = self.cluster.as_person(&actor.user, &actor.groups);
        let uri = stored::uri(&at);
        let before = match person.get_json(&uri).await {
            Ok(object) => Some(object),
            Err(CallError::Refused(refusal)) if refusal.status == 404 => None,
            Err(error) => return Err(error.into()),
        };
        let version = before.as_ref().and_then(stored::template).map_or(1, |template| template.version + 1);
        let data = content.data(version);
        let outcome = match before {
            Some(object) if stored::is_template(&object) => {
                // Fails if somebody saved it at the same moment.
                let seen = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
                person.merge(&uri, &json!({ "metadata": seen, "data": data })).await
            }
            Some(_) => {
                return Err(PortalError::field("title", "Something else has this name already. Choose another title."));
            }
            None => person.create(&stored::collection(namespace), &stored::object(&at, &data)).await,
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
        self.cluster.as_person(&actor.user, &actor.groups).delete(&stored::uri(at), false).await?;
        tracing::info!(account = actor.account, template = %at, "delete template");
        Ok(())
    }
}

/// What a list holds, as far as it is a template.
fn items(list: &Value, read: fn(&Value) -> Option<MachineTemplate>) -> Vec<MachineTemplate> {
    list["items"].as_array().into_iter().flatten().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, allowed, ana};
    use model::create::filled;

    fn stored(version: &str) -> Value {
        json!({
            "metadata": {"namespace": "blue", "name": "template-web", "resourceVersion": "5", "labels": {"porthole.dev/kind": "machine-template"}},
            "data": {"title": "Web", "version": version, "draft.json": "{\"cpus\":\"4\",\"password\":\"horse\"}"},
        })
    }

    fn native() -> Value {
        json!({
            "metadata": {"namespace": "blue", "name": "small"},
            "spec": {
                "parameters": [{"name": "NAME", "required": true, "displayName": "Name"},
                               {"name": "PW", "generate": "expression", "from": "[a-z]{12}"}],
                "virtualMachine": {"metadata": {"name": "${NAME}", "namespace": "green"},
                                   "spec": {"template": {"spec": {"hostname": "${NAME}", "volumes": [{"pw": "${PW}"}]}}}},
            },
        })
    }

    fn machine() -> Value {
        json!({
            "metadata": {"namespace": "blue", "name": "box", "labels": {"app": "shop"}},
            "spec": {"runStrategy": "Halted", "template": {"spec": {"domain": {"cpu": {"model": "host-passthrough"}}}}},
        })
    }

    fn new(title: &str) -> NewTemplate {
        NewTemplate { title: title.to_owned(), ..NewTemplate::default() }
    }

    async fn fake(before: Option<Value>) -> Fake {
        let fake = Fake::new(move |call| match (call.review(), call.method.as_str()) {
            (Some(spec), _) => allowed(spec["resourceAttributes"]["namespace"] == "blue"),
            (None, "GET") if call.uri.contains("namespaces/blue/configmaps?") => (200, json!({"items": [stored("2")]})),
            (None, "GET") if call.uri.ends_with("namespaces/blue/virtualmachinetemplates") => {
                (200, json!({"items": [native()]}))
            }
            (None, "GET") if call.uri.ends_with("/virtualmachines/box") => (200, machine()),
            (None, "GET") if call.uri.ends_with("/template-box") => (404, json!({"kind": "Status", "message": "no"})),
            (None, "GET") if call.uri.ends_with("/template-web") => before
                .clone()
                .map_or_else(|| (404, json!({"kind": "Status", "message": "not found"})), |before| (200, before)),
            (None, "GET") => (403, json!({"kind": "Status", "message": "no"})),
            _ => (200, json!({})),
        });
        let fake = fake.await;
        fake.namespace("blue");
        fake.machine("blue", "box", machine());
        fake
    }

    #[tokio::test]
    async fn templates_are_listed_without_secrets_and_what_cannot_be_read_is_not_missed() {
        let found = fake(None).await.inner.templates(&ana()).await.unwrap();
        assert_eq!(
            found.iter().map(|one| one.at.as_str()).collect::<Vec<_>>(),
            ["blue/template-web", "native:blue/small"]
        );
        assert_eq!((found[0].version, found[0].draft.cpus.as_str(), found[0].draft.password.0.as_str()), (2, "4", ""));
    }

    #[tokio::test]
    async fn saving_under_the_same_title_makes_the_next_version() {
        let fake = fake(Some(stored("2"))).await;
        fake.inner.save_template(&ana(), "blue", &new("Web")).await.unwrap();
        let sent = fake.others().into_iter().find(|call| call.method == "PATCH").unwrap();
        assert_eq!(
            (&sent.body["data"]["version"], &sent.body["metadata"]["resourceVersion"]),
            (&json!("3"), &json!("5"))
        );
        assert_eq!(sent.user.as_deref(), Some("ana@example"));
    }

    #[tokio::test]
    async fn the_clusters_own_templates_are_asked_with_the_same_form() {
        let found = fake(None).await.inner.template(&ana(), "native:blue/small").await.unwrap();
        assert!(found.is_native && found.parameters[0].title() == "Name");
        let made_up = found.parameters[1].default.clone();
        assert!(made_up.len() == 12 && made_up.bytes().all(|c| c.is_ascii_lowercase()), "{made_up}");
        let draft = filled(&found, &[("NAME".to_owned(), "web-9".to_owned())].into()).unwrap();
        assert_eq!(draft.name, "web-9");
        let manifest: Value = serde_yaml_ng::from_str(&draft.manifest.unwrap()).unwrap();
        let expected = json!({"hostname": "web-9", "volumes": [{"pw": made_up}]});
        assert_eq!((&manifest["spec"]["template"]["spec"], &manifest["metadata"]), (&expected, &Value::Null));
    }

    #[tokio::test]
    async fn what_a_template_asks_for_and_its_manifest_are_kept_as_data() {
        let fake = fake(None).await;
        let asked = TemplateParameter { name: "ROLE".to_owned(), ..TemplateParameter::default() };
        let text = "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: {name: box}\nspec:\n  dataVolumeTemplates:\n  - metadata: {name: box-disk}\n  template: {spec: {hostname: \"${ROLE}\"}}\n";
        let draft = MachineDraft { manifest: Some(text.to_owned()), ..MachineDraft::default() };
        let template = NewTemplate { draft, parameters: vec![asked], ..new("Box") };
        fake.inner.save_template(&ana(), "blue", &template).await.unwrap();
        let sent = fake.others().into_iter().find(|call| call.method == "POST").unwrap().body;
        let mut back = sent.clone();
        back["metadata"]["resourceVersion"] = "1".into();
        let back = stored::template(&back).unwrap();
        assert_eq!((back.parameters[0].name.as_str(), back.draft.manifest.as_ref()), ("ROLE", None));
        let machine = back.machine.unwrap();
        assert_eq!(machine["spec"]["dataVolumeTemplates"][0]["metadata"]["name"], "${MACHINE_NAME}-disk");
        let broken = MachineDraft { manifest: Some("a: [".to_owned()), ..MachineDraft::default() };
        let error = fake.inner.save_template(&ana(), "blue", &NewTemplate { draft: broken, ..new("Box") }).await;
        assert!(error.unwrap_err().to_ui().fields.contains_key("manifest"));
        let twice = vec![TemplateParameter { name: "A".to_owned(), ..TemplateParameter::default() }; 2];
        let error = fake.inner.save_template(&ana(), "blue", &NewTemplate { parameters: twice, ..new("Box") }).await;
        assert!(error.unwrap_err().to_ui().fields.contains_key("parameters"));
    }

    #[tokio::test]
    async fn a_machine_becomes_a_template_and_what_is_left_out_is_told_before() {
        let fake = fake(None).await;
        let at = ObjectRef::parse("blue", "box").unwrap();
        let read = fake.inner.read_as_template(&ana(), &at).await.unwrap();
        assert!(read.notes.iter().any(|note| note.contains("cpu.model")), "{:?}", read.notes);
        fake.inner.save_machine_as_template(&ana(), &at, "Box").await.unwrap();
        let sent = fake.others().into_iter().find(|call| call.method == "POST").unwrap();
        assert_eq!(sent.user.as_deref(), Some("ana@example"));
        assert!(sent.body["data"]["manifest.yaml"].as_str().unwrap().contains("host-passthrough"), "{}", sent.body);
        let green = ObjectRef::parse("green", "box").unwrap();
        assert!(fake.inner.save_machine_as_template(&ana(), &green, "Box").await.is_err());
    }

    #[tokio::test]
    async fn a_config_map_that_is_no_template_is_left_alone() {
        let mut other = stored("1");
        other["metadata"]["labels"] = json!({});
        let fake = fake(Some(other)).await;
        let error = fake.inner.save_template(&ana(), "blue", &new("Web")).await.unwrap_err().to_ui();
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
