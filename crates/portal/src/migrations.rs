//! Moves of machines to other nodes: what there is, and taking one back. Beginning one is in `target`.
//!
//! While it goes on the instance knows more about it
//! than the object that asks for it; KubeVirt copies that over when it is over.

mod target;

use kubevirt::instance::MigrationState;
use model::ObjectRef;
use model::migration::{MigrationList, MigrationRow, Stage, begun_by, terms};
use serde_json::Value;

use crate::Inner;
use crate::access::{Actor, Ask};
use crate::clock::parse;
use crate::cluster::Kind;
use crate::cluster::objects::Loose;
use crate::diagnosis::texts::sentence;
use crate::error::{PortalError, Thing};

/// What KubeVirt allows where nobody says otherwise: moves in the cluster, and from one node.
const DEFAULT_LIMITS: (u64, u64) = (5, 2);

impl Inner {
    /// All moves that somebody sees; of one team if it is named.
    pub(crate) async fn list_migrations(&self, actor: &Actor, namespace: &str) -> Result<MigrationList, PortalError> {
        let visible = self.visible(actor, Kind::Migration).await?;
        let mut rows = Vec::new();
        for migration in self.migrations.index().visible(&visible, namespace) {
            rows.extend(self.migration_row_for(actor, &migration).await?);
        }
        rows.sort_by_key(|row| (row.stage.is_over(), std::cmp::Reverse(row.asked)));
        Ok(MigrationList { rows, limits: self.limits() })
    }

    /// The move that the page of a machine tells of: the latest one, while it is news.
    pub(crate) async fn move_of(&self, actor: &Actor, at: &ObjectRef) -> Result<Option<MigrationRow>, PortalError> {
        let namespace = at.namespace.as_str();
        if !self.cluster.kinds.has_listed(Kind::Migration)
            || !self.permissions.may_in(actor, Ask::list(Kind::Migration, Some(namespace))).await?
        {
            return Ok(None);
        }
        let all = self.migrations.index().within(namespace);
        let of_machine = all.iter().filter(|migration| migration.spec["vmiName"] == at.name.as_str());
        // Times are whole seconds: of two in one the one that goes on is the later one.
        let is_over = |migration: &Loose| Stage::of(text(&migration.status["phase"])).is_over();
        let latest = of_machine.max_by_key(|migration| (asked(migration), !is_over(migration)));
        let Some(latest) = latest else { return Ok(None) };
        let row = self.migration_row_for(actor, latest).await?;
        Ok(row.filter(|row| row.is_told(self.now())))
    }

    /// Takes a move back that is not over: the machine stays where it is.
    pub(crate) async fn cancel_migration(&self, actor: &Actor, at: &ObjectRef) -> Result<(), PortalError> {
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let visible = self.visible(actor, Kind::Migration).await?;
        let migration = self.migrations.index().get(namespace, name).filter(|_| visible.covers(namespace));
        let migration = migration.ok_or(PortalError::NotFound(Thing::Page))?;
        if Stage::of(text(&migration.status["phase"])).is_over() {
            return Err(PortalError::Conflict("The move is over already.".to_owned()));
        }
        let version = Kind::Migration.version(&self.cluster.offers()).unwrap_or("v1");
        let uri = format!("/apis/kubevirt.io/{version}/namespaces/{namespace}/{}/{name}", Kind::Migration.resource());
        self.cluster.as_person(&actor.user, &actor.groups).delete(&uri, false).await?;
        tracing::info!(
            account = actor.account,
            migration.namespace = namespace,
            migration.name = name,
            "move taken back"
        );
        Ok(())
    }

    /// A row with what the person may do about it.
    async fn migration_row_for(&self, actor: &Actor, migration: &Loose) -> Result<Option<MigrationRow>, PortalError> {
        let Some(mut row) = self.migration_row(migration) else { return Ok(None) };
        let (namespace, name) = (row.at.namespace.as_str(), row.at.name.as_str());
        if row.cancel_denied.is_none()
            && !self.permissions.may_in(actor, Ask::delete(Kind::Migration, namespace, name)).await?
        {
            row.cancel_denied = Some(format!("Your role in {namespace} does not include taking moves back."));
        }
        Ok(Some(row))
    }

    fn migration_row(&self, migration: &Loose) -> Option<MigrationRow> {
        let metadata = &migration.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let at = ObjectRef::parse(namespace, &metadata.name).ok()?;
        let machine = ObjectRef::parse(namespace, text(&migration.spec["vmiName"])).ok()?;
        let stage = Stage::of(text(&migration.status["phase"]));
        let kept = &migration.status["migrationState"];
        let known = self.machines.index.get(namespace, machine.name.as_str());
        let current = known.as_deref().and_then(|machine| machine.vmi.as_deref());
        let current = current.and_then(|vmi| vmi.status.migration_state.as_ref());
        // The instance may tell of another move.
        let current = current.filter(|state| state.migration_uid == metadata.uid);
        let node = |field: &str, now: Option<&String>| {
            kept[field].as_str().or(now.map(String::as_str)).filter(|node| !node.is_empty()).map(str::to_owned)
        };
        let annotated = |key: &str| metadata.annotations.contains_key(key);
        let failure = kept["failureReason"].as_str().map(str::to_owned);
        let failure = failure.or_else(|| current.and_then(|state| state.failure_reason.clone()));
        Some(MigrationRow {
            stage,
            from: node("sourceNode", current.and_then(|state| state.source_node.as_ref())),
            to: node("targetNode", current.and_then(|state| state.target_node.as_ref())),
            asked: asked(migration),
            ended: stage.is_over().then(|| ended(&migration.status)).flatten(),
            by: begun_by(
                &metadata.name,
                annotated("kubevirt.io/evacuationMigration"),
                annotated("kubevirt.io/workloadUpdateMigration"),
            )
            .to_owned(),
            why: failure.as_deref().map(sentence).or_else(|| waits(&migration.status)),
            terms: terms_of(kept, current),
            cancel_denied: stage.is_over().then(|| "The move is over.".to_owned()),
            at,
            machine,
        })
    }

    /// How many may move at the same time, in a sentence.
    fn limits(&self) -> String {
        let said = &self.configuration()["migrations"];
        let number = |field: &str, default: u64| said[field].as_u64().unwrap_or(default);
        let cluster = number("parallelMigrationsPerCluster", DEFAULT_LIMITS.0);
        let node = number("parallelOutboundMigrationsPerNode", DEFAULT_LIMITS.1);
        format!("At most {cluster} machines move at the same time, and {node} of them away from one node; others wait.")
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn asked(migration: &Loose) -> Option<i64> {
    migration.metadata.creation_timestamp.as_deref().and_then(parse)
}

/// The terms that were fixed when the machine was handed over: of the object when it is over, of the instance until then.
fn terms_of(kept: &Value, current: Option<&MigrationState>) -> Vec<String> {
    let policy = kept["migrationPolicyName"].as_str();
    let policy = policy.or_else(|| current?.migration_policy_name.as_deref());
    let kept = Some(&kept["migrationConfiguration"]).filter(|terms| terms.is_object());
    let Some(said) = kept.or_else(|| current?.migration_configuration.as_ref()) else {
        return terms(policy, None, false, false);
    };
    let bandwidth = said["bandwidthPerMigration"].as_str().and_then(kubevirt::quantity::value);
    let is_set = |field: &str| said[field] == true;
    let mib = bandwidth.map(|bytes| bytes.div_ceil(1 << 20));
    terms(policy, mib, is_set("allowAutoConverge"), is_set("allowPostCopy"))
}

/// When it came to its last phase.
fn ended(status: &Value) -> Option<i64> {
    let last = status["phaseTransitionTimestamps"].as_array()?.last()?;
    parse(text(&last["phaseTransitionTimestamp"]))
}

/// What it waits for, if a condition says so.
fn waits(status: &Value) -> Option<String> {
    let conditions = status["conditions"].as_array()?;
    let is = |kind: &str| conditions.iter().any(|condition| condition["type"] == kind && condition["status"] == "True");
    let words = if is("migrationRejectedByResourceQuota") {
        "The team's quota has no room for the second pod that a move needs."
    } else if is("migrationAbortRequested") {
        "It was taken back."
    } else {
        return None;
    };
    Some(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::watch::Store as _;
    use crate::testing::{Answer, Fake, allowed, ana};
    use model::ErrorCode;
    use serde_json::json;

    /// Ana may do everything in blue.
    async fn fake() -> Fake {
        let done: Answer = (200, json!({}));
        let fake = Fake::new(move |call| match call.review() {
            Some(spec) => allowed(spec["resourceAttributes"]["namespace"] == "blue"),
            None => done.clone(),
        })
        .await;
        fake.namespace("blue");
        fake.namespace("green");
        for (namespace, name, phase) in
            [("blue", "now", "Running"), ("blue", "before", "Failed"), ("green", "theirs", "Running")]
        {
            let state = if phase == "Failed" { json!({"failureReason": "it broke"}) } else { json!({}) };
            let migration = serde_json::from_value(json!({
                "metadata": {"namespace": namespace, "name": name, "uid": name, "creationTimestamp": "2026-11-23T08:55:24Z",
                    "annotations": {"kubevirt.io/evacuationMigration": "node1"}},
                "spec": {"vmiName": "web"}, "status": {"phase": phase, "migrationState": state}}))
            .unwrap();
            fake.inner.migrations.apply(&(namespace.to_owned(), name.to_owned()), migration);
        }
        fake
    }

    #[tokio::test]
    async fn moves_of_ones_teams_are_told_with_their_stage_and_those_under_way_come_first() {
        let fake = fake().await;
        let list = fake.inner.list_migrations(&ana(), "").await.unwrap();
        let told: Vec<_> = list.rows.iter().map(|row| (row.at.name.as_str(), row.stage, row.why.as_deref())).collect();
        assert_eq!(told, [("now", Stage::Copying, None), ("before", Stage::Failed, Some("It broke."))]);
        assert_eq!(list.rows[0].by, "its node is being emptied");
        assert!(list.rows[0].cancel_denied.is_none() && list.rows[1].cancel_denied.is_some());
        assert!(list.limits.starts_with("At most 5 machines"), "{}", list.limits);
    }

    #[tokio::test]
    async fn the_page_of_a_machine_tells_of_its_latest_move_while_that_is_news() {
        let fake = fake().await;
        let web = ObjectRef::parse("blue", "web").unwrap();
        let at = |name: &str, asked: &str, status: Value| {
            let migration = json!({"metadata": {"namespace": "blue", "name": name, "uid": name, "creationTimestamp": asked},
                "spec": {"vmiName": "web"}, "status": status});
            let key = ("blue".to_owned(), name.to_owned());
            fake.inner.migrations.apply(&key, serde_json::from_value(migration).unwrap());
        };
        let policy = json!({"migrationPolicyName": "gentle", "failureReason": "it broke",
            "migrationConfiguration": {"bandwidthPerMigration": "64Mi", "allowAutoConverge": false}});
        fake.clock.advance(std::time::Duration::from_mins(1));
        let phases = json!([{"phase": "Failed", "phaseTransitionTimestamp": "1970-01-01T00:00:30Z"}]);
        at(
            "latest",
            "2099-01-01T00:00:00Z",
            json!({"phase": "Failed", "migrationState": policy, "phaseTransitionTimestamps": phases}),
        );
        let told = fake.inner.move_of(&ana(), &web).await.unwrap().unwrap();
        assert_eq!((told.at.name.as_str(), told.why.as_deref()), ("latest", Some("It broke.")));
        assert_eq!(told.terms, ["policy gentle", "at most 64 MiB a second"]);
        fake.clock.advance(std::time::Duration::from_mins(10));
        assert_eq!(fake.inner.move_of(&ana(), &web).await.unwrap(), None, "it is old");
        at("next", "2099-01-02T00:00:00Z", json!({"phase": "Pending"}));
        assert_eq!(fake.inner.move_of(&ana(), &web).await.unwrap().unwrap().at.name.as_str(), "next");
        at("before-it", "2099-01-02T00:00:00Z", json!({"phase": "Failed"}));
        at("after-it", "2099-01-02T00:00:00Z", json!({"phase": "Succeeded"}));
        let told = fake.inner.move_of(&ana(), &web).await.unwrap().unwrap();
        assert_eq!(told.at.name.as_str(), "next", "in the same second the one that goes on");
        let theirs = ObjectRef::parse("green", "web").unwrap();
        assert_eq!(fake.inner.move_of(&ana(), &theirs).await.unwrap(), None, "of other teams nothing is told");
    }

    #[tokio::test]
    async fn only_a_move_under_way_is_taken_back_and_anothers_does_not_exist() {
        let fake = fake().await;
        let cancel = async |namespace: &str, name: &str| {
            fake.inner.cancel_migration(&ana(), &ObjectRef::parse(namespace, name).unwrap()).await
        };
        cancel("blue", "now").await.unwrap();
        let calls = fake.others();
        assert_eq!(calls[0].method, "DELETE");
        assert!(calls[0].uri.starts_with("/apis/kubevirt.io/v1/namespaces/blue/virtualmachineinstancemigrations/now"));
        assert_eq!(cancel("blue", "before").await.unwrap_err().to_ui().code, ErrorCode::Conflict);
        assert_eq!(cancel("green", "theirs").await.unwrap_err().to_ui().code, ErrorCode::NotFound);
    }
}
