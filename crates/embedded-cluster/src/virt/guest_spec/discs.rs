//! Discs that are made for a guest: cloud-init, Windows answer files, secrets and configuration maps.
//!
//! ```text
//!   cloudInitNoCloud      cidata       meta-data, user-data, network-config
//!   cloudInitConfigDrive  config-2     openstack/latest/{meta_data.json, user_data, network_data.json}
//!   sysprep               unattendCD   the entries of a ConfigMap or Secret
//!   configMap, secret     cfgdata, or what `volumeLabel` says
//! ```

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kubevirt::domain::Volume;
use serde_json::{Value, json};

use super::PlanError;
use crate::guest::disc;
use crate::guest::spec::Disc;
use crate::resource::GroupResource;
use crate::store::{Store, meta};
use crate::virt::kinds::{CONFIG_MAPS, SECRETS, text};

type Files = BTreeMap<String, Vec<u8>>;

/// Makes a volume's disc.
pub(super) fn make(store: &Store, instance: &Value, volume: &Volume) -> Result<Disc, PlanError> {
    let maker = Maker { store, instance, volume };
    let kind = volume.kind().unwrap_or_default();
    let source = &volume.source[kind];
    let (label, files) = match kind {
        "cloudInitNoCloud" => ("cidata", maker.no_cloud(source)?),
        "cloudInitConfigDrive" => ("config-2", maker.config_drive(source)?),
        "sysprep" if source["secret"].is_object() => {
            ("unattendCD", maker.entries(&SECRETS, "secret", &source["secret"]["name"], false)?)
        }
        "sysprep" => ("unattendCD", maker.entries(&CONFIG_MAPS, "config map", &source["configMap"]["name"], false)?),
        "secret" => {
            (label(source), maker.entries(&SECRETS, "secret", &source["secretName"], source["optional"] == true)?)
        }
        _ => (label(source), maker.entries(&CONFIG_MAPS, "config map", &source["name"], source["optional"] == true)?),
    };
    let bytes = disc::build(label, files).map_err(|error| PlanError::Disc { volume: volume.name.clone(), error })?;
    Ok(Disc { name: volume.name.clone(), bytes })
}

fn label(source: &Value) -> &str {
    source["volumeLabel"].as_str().filter(|label| !label.is_empty()).unwrap_or("cfgdata")
}

struct Maker<'a> {
    store: &'a Store,
    instance: &'a Value,
    volume: &'a Volume,
}

impl Maker<'_> {
    fn no_cloud(&self, source: &Value) -> Result<Files, PlanError> {
        let mut facts = json!({
            "instance-id": self.instance["spec"]["domain"]["firmware"]["uuid"],
            "local-hostname": self.host_name(),
        });
        let keys = self.keys("noCloud")?;
        if !keys.is_empty() {
            facts["public-keys"] = keys.into();
        }
        let mut files = Files::from([("meta-data".to_owned(), facts.to_string().into_bytes())]);
        files.insert("user-data".to_owned(), self.user_data(source)?.unwrap_or_default());
        if let Some(network) = self.network_data(source)? {
            files.insert("network-config".to_owned(), network);
        }
        Ok(files)
    }

    fn config_drive(&self, source: &Value) -> Result<Files, PlanError> {
        let mut facts = json!({
            "instance_id": format!("{}.{}", meta::name(self.instance), meta::namespace(self.instance)),
            "uuid": self.instance["spec"]["domain"]["firmware"]["uuid"],
            "hostname": self.host_name(),
            "local_hostname": self.host_name(),
        });
        let keys = self.keys("configDrive")?;
        if !keys.is_empty() {
            facts["public_keys"] = keys.iter().enumerate().map(|(n, key)| (n.to_string(), json!(key))).collect();
        }
        let at = |file: &str| format!("openstack/latest/{file}");
        let mut files = Files::from([(at("meta_data.json"), facts.to_string().into_bytes())]);
        files.insert(at("user_data"), self.user_data(source)?.unwrap_or_default());
        if let Some(network) = self.network_data(source)? {
            files.insert(at("network_data.json"), network);
        }
        Ok(files)
    }

    fn host_name(&self) -> &str {
        self.instance["spec"]["hostname"].as_str().unwrap_or_else(|| meta::name(self.instance))
    }

    fn user_data(&self, source: &Value) -> Result<Option<Vec<u8>>, PlanError> {
        self.text(source, "userData", "secretRef", ["userdata", "userData"])
    }

    fn network_data(&self, source: &Value) -> Result<Option<Vec<u8>>, PlanError> {
        self.text(source, "networkData", "networkDataSecretRef", ["networkdata", "networkData"])
    }

    /// A text that stands in the specification, plain or in base64, or in a secret under one of two keys.
    fn text(&self, source: &Value, field: &str, secret: &str, keys: [&str; 2]) -> Result<Option<Vec<u8>>, PlanError> {
        if let Some(text) = source[field].as_str().filter(|text| !text.is_empty()) {
            return Ok(Some(text.as_bytes().to_vec()));
        }
        if let Some(encoded) = source[format!("{field}Base64")].as_str() {
            return Ok(BASE64_STANDARD.decode(encoded).ok());
        }
        let name = &source[secret]["name"];
        if name.is_null() {
            return Ok(None);
        }
        let mut entries = self.entries(&SECRETS, "secret", name, false)?;
        Ok(keys.into_iter().find_map(|key| entries.remove(key)))
    }

    /// Public keys that the instance wants to be brought in this way.
    fn keys(&self, way: &str) -> Result<Vec<String>, PlanError> {
        let mut keys = Vec::new();
        for credential in self.instance["spec"]["accessCredentials"].as_array().into_iter().flatten() {
            let ssh = &credential["sshPublicKey"];
            if ssh["propagationMethod"][way].is_object() {
                let entries = self.entries(&SECRETS, "secret", &ssh["source"]["secret"]["secretName"], false)?;
                let text = entries.into_values().map(|entry| String::from_utf8_lossy(&entry).into_owned());
                keys.extend(text.flat_map(|text| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()));
            }
        }
        keys.retain(|key| !key.is_empty());
        Ok(keys)
    }

    /// The entries of a secret or a configuration map.
    fn entries(
        &self,
        resource: &GroupResource,
        kind: &'static str,
        name: &Value,
        optional: bool,
    ) -> Result<Files, PlanError> {
        let name = text(name);
        let Some(object) = self.store.get(resource, Some(meta::namespace(self.instance)), name) else {
            let missing = PlanError::Missing { kind, name: name.to_owned(), volume: self.volume.name.clone() };
            return if optional { Ok(Files::new()) } else { Err(missing) };
        };
        let is_secret = *resource == *SECRETS;
        let of = |field: &str, is_encoded: bool| {
            let entries = object[field].as_object().into_iter().flatten();
            let decode = move |(key, value): (&String, &Value)| {
                let value = value.as_str()?;
                let bytes = if is_encoded { BASE64_STANDARD.decode(value).ok()? } else { value.as_bytes().to_vec() };
                Some((key.clone(), bytes))
            };
            entries.filter_map(decode).collect::<Vec<_>>()
        };
        Ok(of("data", is_secret).into_iter().chain(of("binaryData", true)).collect())
    }
}
