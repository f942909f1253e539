//! What the agent inside a guest tells, asked for as the person when somebody looks.

use kubevirt::Subresource;
use kubevirt::meta::Conditions as _;
use model::ObjectRef;
use model::machine::{Filesystem, GuestReport};
use serde_json::Value;

use crate::Inner;
use crate::access::{Actor, Ask};
use crate::clock::parse;
use crate::error::PortalError;

const NO_AGENT: &str = "No agent answers inside the guest. Install qemu-guest-agent there: on Linux the package of that name, \
                        on Windows guest-agent and the vioserial driver of the virtio-win disc. Then addresses, users and \
                        file systems show here.";

impl Inner {
    /// What a guest's agent tells.
    pub(crate) async fn guest_report(&self, actor: &Actor, at: &ObjectRef) -> Result<GuestReport, PortalError> {
        let machine = self.visible_machine(actor, at).await?;
        let (namespace, name) = (at.namespace.as_str(), at.name.as_str());
        let silent = |text: String| GuestReport { silent: Some(text), ..GuestReport::default() };
        let Some(vmi) = machine.vmi.as_deref() else {
            return Ok(silent("The machine does not run, so nobody inside of it answers.".to_owned()));
        };
        if !self.permissions.may_in(actor, Ask::subresource(Subresource::GuestOsInfo, namespace, name)).await? {
            return Err(PortalError::Forbidden(format!(
                "Your role in {namespace} does not include what guests tell about themselves."
            )));
        }
        if !vmi.status.conditions.is_true("AgentConnected") {
            return Ok(silent(NO_AGENT.to_owned()));
        }
        let ask = async |what| Ok::<_, PortalError>(read(&self.call(actor, at, what).await?));
        let (os, users, disks) =
            tokio::join!(ask(Subresource::GuestOsInfo), ask(Subresource::UserList), ask(Subresource::FilesystemList));
        // Older clusters know fewer of these questions; what one of them leaves open stays empty.
        Ok(report(&os?, &users.unwrap_or_default(), &disks.unwrap_or_default()))
    }
}

fn read(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

fn report(info: &Value, users: &Value, disks: &Value) -> GuestReport {
    let os = &info["os"];
    let facts = [
        ("Host name", &info["hostname"]),
        ("System", &os["prettyName"]),
        ("Kernel", &os["kernelRelease"]),
        ("Architecture", &os["machine"]),
        ("Time zone", &info["timezone"]),
        ("Agent", &info["guestAgentVersion"]),
    ];
    let facts = facts.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let list = |value: &Value| value["items"].as_array().cloned().unwrap_or_default();
    GuestReport {
        facts: facts
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        users: list(users).iter().filter_map(user).collect(),
        filesystems: list(disks).iter().map(filesystem).collect(),
        silent: None,
    }
}

fn user(user: &Value) -> Option<(String, Option<i64>)> {
    let name = user["userName"].as_str()?;
    let domain = user["domain"].as_str().filter(|domain| !domain.is_empty());
    let name = domain.map_or_else(|| name.to_owned(), |domain| format!("{domain}\\{name}"));
    // Seconds with a fraction, or a text.
    #[expect(clippy::cast_possible_truncation, reason = "a time in seconds")]
    let since = user["loginTime"].as_f64().map(|at| at as i64).or_else(|| parse(user["loginTime"].as_str()?));
    Some((name, since))
}

fn filesystem(one: &Value) -> Filesystem {
    let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let number = |key: &str| one[key].as_u64().unwrap_or_default();
    Filesystem {
        mount: text("mountPoint"),
        kind: text("fileSystemType"),
        used: number("usedBytes"),
        total: number("totalBytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, allowed, ana};
    use serde_json::json;

    async fn fake(conditions: Value) -> Fake {
        let fake = Fake::new(|call| {
            let attributes = &call.body["spec"]["resourceAttributes"];
            match call.review() {
                Some(_) => allowed(attributes["namespace"] == "blue"),
                None if call.uri.ends_with("/guestosinfo") => (200, json!({
                    "guestAgentVersion": "8.2.2", "hostname": "web", "timezone": "CET, 3600",
                    "os": {"prettyName": "Debian GNU/Linux 12", "kernelRelease": "6.1.0", "machine": "x86_64", "id": "debian"}})),
                None if call.uri.ends_with("/userlist") => (200, json!({"items": [
                    {"userName": "ana", "loginTime": 1_767_225_600.25}, {"userName": "ben", "domain": "CORP"}]})),
                None if call.uri.ends_with("/filesystemlist") => (200, json!({"items": [
                    {"diskName": "vda1", "mountPoint": "/", "fileSystemType": "ext4", "usedBytes": 10, "totalBytes": 40}]})),
                None => (500, Value::Null),
            }
        })
        .await;
        fake.machine(
            "blue",
            "web",
            json!({"spec": {"runStrategy": "Always"}, "status": {"printableStatus": "Running"}}),
        );
        fake.machine("green", "web", json!({}));
        fake.instance("blue", "web", json!({"status": {"phase": "Running", "conditions": conditions}}));
        fake
    }

    fn web() -> ObjectRef {
        ObjectRef::parse("blue", "web").unwrap()
    }

    #[tokio::test]
    async fn a_guest_with_an_agent_tells_about_itself() {
        let fake = fake(json!([{"type": "AgentConnected", "status": "True"}])).await;
        let report = fake.inner.guest_report(&ana(), &web()).await.unwrap();
        assert_eq!(report.facts[0], ("Host name".to_owned(), "web".to_owned()));
        assert_eq!(report.users, [("ana".to_owned(), Some(1_767_225_600)), ("CORP\\ben".to_owned(), None)]);
        assert_eq!((report.filesystems[0].mount.as_str(), report.filesystems[0].used), ("/", 10));
        assert_eq!(report.silent, None);
        assert!(fake.others().iter().all(|call| call.user.as_deref() == Some("ana@example")));
    }

    #[tokio::test]
    async fn a_guest_without_an_agent_is_not_asked_and_the_way_out_is_said() {
        let fake = fake(json!([])).await;
        let report = fake.inner.guest_report(&ana(), &web()).await.unwrap();
        assert!(report.silent.unwrap().contains("qemu-guest-agent"));
        assert!(fake.others().is_empty());
        let green = ObjectRef::parse("green", "web").unwrap();
        assert!(matches!(fake.inner.guest_report(&ana(), &green).await, Err(PortalError::NotFound(_))));
    }
}
