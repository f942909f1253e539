//! How people get into the guest: account, password, keys, first-start instructions, answer file.

use serde_json::{Value, json};

use super::super::yaml;
use super::Plan;

/// The most that may stand in a machine itself, in bytes; longer texts go into a Secret.
pub const INLINE_LIMIT: usize = 2048;

/// The Secrets that may be made for a machine, and that go with it: instructions, answer file, keys.
pub fn own_secrets(machine: &str) -> [String; 3] {
    ["cloud-init", "sysprep", "ssh-keys"].map(|what| format!("{machine}-{what}"))
}

/// Discs with instructions, and the Secrets behind them.
#[derive(Default)]
pub(super) struct Access {
    pub disks: Vec<Value>,
    pub volumes: Vec<Value>,
    pub credentials: Vec<Value>,
    pub secrets: Vec<Value>,
}

pub(super) fn access(plan: &Plan<'_>) -> Access {
    let mut access = Access::default();
    let draft = plan.draft;
    let own = draft.user_data.trim();
    let keys: Vec<&str> = draft.ssh_keys.lines().map(str::trim).filter(|key| !key.is_empty()).collect();
    let is_asked = !(own.is_empty() && keys.is_empty() && draft.user.is_empty() && draft.password.0.is_empty());
    if is_asked {
        let text =
            if own.is_empty() { cloud_config(&draft.user, &draft.password.0, &keys) } else { draft.user_data.clone() };
        cloud_init(plan, &mut access, &text);
        if !own.is_empty() && !keys.is_empty() {
            own_words_with_keys(plan, &mut access, &keys);
        }
    }
    if !draft.sysprep.trim().is_empty() {
        sysprep(plan, &mut access);
    }
    access
}

/// Instructions in cloud-init's words.
pub(in crate::create) fn cloud_config(user: &str, password: &str, keys: &[&str]) -> String {
    let mut config = json!({});
    if !user.is_empty() {
        config["user"] = user.into();
    }
    if !password.is_empty() {
        config["password"] = password.into();
        config["chpasswd"] = json!({ "expire": false });
        config["ssh_pwauth"] = true.into();
    }
    if !keys.is_empty() {
        config["ssh_authorized_keys"] = keys.into();
    }
    format!("#cloud-config\n{}", yaml::document(&config))
}

fn cloud_init(plan: &Plan<'_>, access: &mut Access, text: &str) {
    access.disks.push(json!({ "name": "cloudinit", "disk": { "bus": plan.disk_bus() } }));
    // Whoever may see the machine reads what stands in it; whoever may read Secrets are fewer.
    let lower = text.to_lowercase();
    let is_private = ["passw", "token", "secret"].iter().any(|word| lower.contains(word));
    let source = if is_private || text.len() > INLINE_LIMIT {
        let [name, ..] = own_secrets(plan.name());
        access.secrets.push(secret(plan, &name, &json!({ "userdata": text })));
        json!({ "secretRef": { "name": name } })
    } else {
        json!({ "userData": text })
    };
    access.volumes.push(json!({ "name": "cloudinit", "cloudInitNoCloud": source }));
}

/// Keys beside instructions that we do not touch: the cluster adds them to the disc's other file.
fn own_words_with_keys(plan: &Plan<'_>, access: &mut Access, keys: &[&str]) {
    let [.., name] = own_secrets(plan.name());
    let data: serde_json::Map<String, Value> =
        keys.iter().enumerate().map(|(index, key)| (format!("key{}", index + 1), (*key).into())).collect();
    access.secrets.push(secret(plan, &name, &data.into()));
    access.credentials.push(json!({
        "sshPublicKey": { "source": { "secret": { "secretName": name } }, "propagationMethod": { "noCloud": {} } },
    }));
}

fn sysprep(plan: &Plan<'_>, access: &mut Access) {
    let [_, name, _] = own_secrets(plan.name());
    // The one name is read by the installer, the other after a generalised image starts.
    let file = plan.draft.sysprep.trim();
    access.secrets.push(secret(plan, &name, &json!({ "autounattend.xml": file, "unattend.xml": file })));
    access.disks.push(json!({ "name": "sysprep", "cdrom": { "bus": "sata" } }));
    access.volumes.push(json!({ "name": "sysprep", "sysprep": { "secret": { "name": name } } }));
}

fn secret(plan: &Plan<'_>, name: &str, data: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": plan.draft.namespace,
            "labels": { "porthole.dev/machine": plan.name() },
        },
        "type": "Opaque",
        "stringData": data,
    })
}
