//! Running an image: what a person fills in, what is wrong with it, and the objects that it becomes.
//!
//! ```text
//! RunDraft --problems--> field: what is wrong and how to mend it
//!     `-----manifests--> PersistentVolumeClaim, Deployment, Service --> YAML, kubectl
//! ```
//!
//! All of it is pure, so the browser shows while somebody types what the server sends afterwards. To add a choice: a
//! field in [`RunDraft`] and its line in [`FIELDS`], its check in [`problems`], its place in [`manifests`].

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rules::{environment, image_problem, replicas};
use crate::create::{Problems, size, suggest_name, yaml};

/// The label by which a deployment and its service know their pods.
const LABEL: &str = "app.kubernetes.io/name";
/// Longest name: a service's is a DNS label.
const LONGEST: usize = 63;

/// What is filled in, as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunDraft {
    /// Name of the deployment, and of its service and claim.
    pub name: String,
    /// The team's namespace.
    pub namespace: String,
    /// The container image.
    pub image: String,
    /// What it runs instead of its own command, with quotes as in a shell; empty for its own.
    pub command: String,
    /// The port that it listens at; empty for none.
    pub port: String,
    /// `true`: the port is published as a service.
    pub publish: String,
    /// Processors that are reserved, such as `0.25`; empty for none.
    pub cpus: String,
    /// Memory that it may use, such as `256 MiB`; empty for no limit.
    pub memory: String,
    /// How many pods.
    pub replicas: String,
    /// Lines of `NAME=value`.
    pub environment: String,
    /// Size of a new volume; empty for none.
    pub volume: String,
    /// Where the volume is mounted.
    pub mount: String,
    /// The volume's storage class; empty for the default one.
    pub class: String,
}

/// The names of all fields, which addresses and forms use.
pub const FIELDS: [&str; 13] = [
    "name",
    "namespace",
    "image",
    "command",
    "port",
    "publish",
    "cpus",
    "memory",
    "replicas",
    "environment",
    "volume",
    "mount",
    "class",
];

impl RunDraft {
    /// What a form begins with: one small pod.
    pub fn begin() -> Self {
        let text = str::to_owned;
        Self { cpus: text("0.1"), memory: text("256 MiB"), replicas: text("1"), ..Self::default() }
    }

    /// A field by its name.
    pub fn get(&self, field: &str) -> &str {
        match field {
            "name" => &self.name,
            "namespace" => &self.namespace,
            "image" => &self.image,
            "command" => &self.command,
            "port" => &self.port,
            "publish" => &self.publish,
            "cpus" => &self.cpus,
            "memory" => &self.memory,
            "replicas" => &self.replicas,
            "environment" => &self.environment,
            "volume" => &self.volume,
            "mount" => &self.mount,
            "class" => &self.class,
            _ => "",
        }
    }

    /// Writes a field by its name; one that there is not is left out.
    pub fn set(&mut self, field: &str, text: String) {
        let place = match field {
            "name" => &mut self.name,
            "namespace" => &mut self.namespace,
            "image" => &mut self.image,
            "command" => &mut self.command,
            "port" => &mut self.port,
            "publish" => &mut self.publish,
            "cpus" => &mut self.cpus,
            "memory" => &mut self.memory,
            "replicas" => &mut self.replicas,
            "environment" => &mut self.environment,
            "volume" => &mut self.volume,
            "mount" => &mut self.mount,
            "class" => &mut self.class,
            _ => return,
        };
        *place = text;
    }

    /// Whether the port is published.
    pub fn is_published(&self) -> bool {
        self.publish == "true" && !self.port.trim().is_empty()
    }

    fn has_volume(&self) -> bool {
        !self.volume.trim().is_empty()
    }
}

/// What the form offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    /// Teams in which this person may run images.
    pub teams: Vec<String>,
    /// Storage classes, the default one first.
    pub classes: Vec<String>,
}

/// What is wrong, field by field, each with the way to mend it.
pub fn problems(draft: &RunDraft, options: &RunOptions) -> Problems {
    let mut found = Problems::new();
    let mut add = |field: &str, wrong: Option<String>| {
        if let Some(text) = wrong {
            found.insert(field.to_owned(), text);
        }
    };
    add("name", name_problem(&draft.name));
    add("namespace", team_problem(&draft.namespace, options));
    add("image", image_problem(&draft.image));
    add("command", words(&draft.command).err());
    add("port", port_problem(draft));
    add("cpus", thousandths(&draft.cpus).err());
    add("memory", memory_problem(&draft.memory));
    add("replicas", replicas_problem(draft));
    add("environment", environment(&draft.environment).err());
    if draft.has_volume() {
        let is_size = size::mib(&draft.volume).is_some_and(|mib| mib > 0);
        add("volume", (!is_size).then(|| "Write a size such as 1 GiB.".to_owned()));
        let mount = draft.mount.trim();
        let is_path = mount.starts_with('/') && mount.len() > 1 && !mount.contains(':');
        add("mount", (!is_path).then(|| "Say where the volume is to be, such as /data.".to_owned()));
        let is_known = draft.class.is_empty() || options.classes.contains(&draft.class);
        add("class", (!is_known).then(|| format!("There is no storage class {}. Choose another.", draft.class)));
    }
    found
}

fn name_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("Give it a name, such as web.".to_owned());
    }
    if name.len() > LONGEST {
        return Some(format!("A name has at most {LONGEST} characters; this one has {}.", name.chars().count()));
    }
    let bytes = name.as_bytes();
    let is_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    // A service's name begins with a letter; so does this one, whether there is a service now or later.
    let is_right = bytes[0].is_ascii_lowercase()
        && is_word(bytes[bytes.len() - 1])
        && bytes.iter().all(|c| is_word(*c) || *c == b'-');
    (!is_right).then(|| {
        let suggestion = suggest_name(name);
        let suggestion = suggestion.trim_start_matches(|c: char| !c.is_ascii_lowercase());
        let try_it = if suggestion.is_empty() { String::new() } else { format!(" Try {suggestion}.") };
        format!("A name holds lower-case letters, digits and '-', begins with a letter and ends with a letter or digit.{try_it}")
    })
}

fn team_problem(namespace: &str, options: &RunOptions) -> Option<String> {
    if namespace.is_empty() {
        return Some("Choose a team.".to_owned());
    }
    let is_known = options.teams.iter().any(|team| team == namespace);
    (!is_known).then(|| format!("You cannot run containers in {namespace}. Choose another team."))
}

fn port_problem(draft: &RunDraft) -> Option<String> {
    let port = draft.port.trim();
    if port.is_empty() {
        let wants = draft.publish == "true";
        return wants.then(|| "Say at which port it listens, so that it can be published.".to_owned());
    }
    let is_right = port.parse::<u16>().is_ok_and(|port| port > 0);
    (!is_right).then(|| "A port is a number from 1 to 65535.".to_owned())
}

fn memory_problem(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return None;
    }
    match size::mib(text) {
        None => Some("Write a size such as 256 MiB or 1 GiB.".to_owned()),
        Some(0..=3) => Some("Nothing runs in less than 4 MiB. Check the unit.".to_owned()),
        Some(mib) if mib > 4 << 20 => Some("This is more than 4 TiB. Check the unit.".to_owned()),
        Some(_) => None,
    }
}

fn replicas_problem(draft: &RunDraft) -> Option<String> {
    match replicas(&draft.replicas) {
        Err(wrong) => Some(wrong),
        Ok(number) if number > 1 && draft.has_volume() => Some(
            "The new volume is for one node at a time, so there can be one pod. Leave the volume out for more."
                .to_owned(),
        ),
        Ok(_) => None,
    }
}

/// Thousandths of a processor; `None` if nothing is reserved.
fn thousandths(text: &str) -> Result<Option<u64>, String> {
    let wrong = || "Write a number of CPUs, such as 0.25 or 2.".to_owned();
    let text = text.trim().replace(',', ".");
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(milli) = text.strip_suffix('m') {
        return milli.parse().map(Some).map_err(|_| wrong());
    }
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let is_number = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || (whole.is_empty() && part.is_empty()) || part.len() > 3 {
        return Err(wrong());
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| wrong())? };
    let part: u64 = format!("{part:0<3}").parse().map_err(|_| wrong())?;
    match whole.saturating_mul(1000) + part {
        0 => Err("Reserve a part of a CPU, such as 0.1, or leave it empty.".to_owned()),
        512_001.. => Err("This is more than 512 CPUs.".to_owned()),
        milli => Ok(Some(milli)),
    }
}

/// A command as a shell would split it: by spaces, unless they are quoted or escaped.
pub fn words(text: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = text.trim().chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some('"') | None, '\\') => {
                let next = letters.next().ok_or("It ends with a backslash that nothing follows.")?;
                word.get_or_insert_default().push(next);
            }
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, letter) if letter.is_whitespace() => found.extend(word.take()),
            (_, letter) => word.get_or_insert_default().push(letter),
        }
    }
    if let Some(open) = quote {
        return Err(format!("A quote {open} is opened and not closed."));
    }
    found.extend(word);
    Ok(found)
}

/// The objects, in the order in which they are made. What is wrong in the draft is left out.
pub fn manifests(draft: &RunDraft) -> Vec<Value> {
    let mut objects = Vec::new();
    if draft.has_volume() {
        objects.push(claim(draft));
    }
    objects.push(deployment(draft));
    if draft.is_published() {
        objects.push(service(draft));
    }
    objects
}

/// The objects as YAML.
pub fn as_yaml(draft: &RunDraft) -> String {
    yaml::documents(&manifests(draft))
}

/// The line for `kubectl`, with the manifest in a file of that name.
pub fn kubectl_line(draft: &RunDraft) -> String {
    let name = if draft.name.is_empty() { "container" } else { &draft.name };
    format!("kubectl create -f {name}.yaml")
}

fn metadata(draft: &RunDraft, name: &str) -> Value {
    json!({ "name": name, "namespace": draft.namespace, "labels": labels(draft) })
}

fn labels(draft: &RunDraft) -> Value {
    json!({ LABEL: draft.name })
}

/// The claim's name; the volume outlives the deployment, so it says what it is.
fn claim_name(draft: &RunDraft) -> String {
    format!("{}-data", draft.name)
}

fn claim(draft: &RunDraft) -> Value {
    let mib = size::mib(&draft.volume).unwrap_or_default();
    let mut spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": { "requests": { "storage": size::quantity(mib) } }
    });
    if !draft.class.is_empty() {
        spec["storageClassName"] = draft.class.as_str().into();
    }
    json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata(draft, &claim_name(draft)), "spec": spec })
}

fn deployment(draft: &RunDraft) -> Value {
    let mut pod = json!({ "containers": [container(draft)] });
    let mut spec = json!({
        "replicas": replicas(&draft.replicas).unwrap_or(1),
        "selector": { "matchLabels": labels(draft) },
    });
    if draft.has_volume() {
        pod["volumes"] = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": claim_name(draft) } }]);
        // A volume of one node cannot be in the old and the new pod at once.
        spec["strategy"] = json!({ "type": "Recreate" });
    }
    spec["template"] = json!({ "metadata": { "labels": labels(draft) }, "spec": pod });
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(draft, &draft.name), "spec": spec })
}

fn container(draft: &RunDraft) -> Value {
    let mut container = json!({ "name": draft.name, "image": draft.image.trim() });
    if let Ok(command) = words(&draft.command)
        && !command.is_empty()
    {
        container["command"] = command.into();
    }
    if let Ok(port) = draft.port.trim().parse::<u16>() {
        container["ports"] = json!([{ "name": "main", "containerPort": port }]);
    }
    let variables = environment(&draft.environment).unwrap_or_default();
    if !variables.is_empty() {
        let variables = variables.into_iter().map(|(name, value)| json!({ "name": name, "value": value }));
        container["env"] = variables.collect();
    }
    if let Ok(Some(milli)) = thousandths(&draft.cpus) {
        let whole = milli.is_multiple_of(1000);
        let cpu = if whole { (milli / 1000).to_string() } else { format!("{milli}m") };
        container["resources"]["requests"]["cpu"] = cpu.into();
    }
    if let Some(mib) = size::mib(&draft.memory).filter(|mib| *mib > 0) {
        // Memory cannot be taken back, so what is reserved is also the limit; processors can.
        container["resources"]["requests"]["memory"] = size::quantity(mib).into();
        container["resources"]["limits"]["memory"] = size::quantity(mib).into();
    }
    if draft.has_volume() {
        container["volumeMounts"] = json!([{ "name": "data", "mountPath": draft.mount.trim() }]);
    }
    container
}

fn service(draft: &RunDraft) -> Value {
    let port = draft.port.trim().parse::<u16>().unwrap_or_default();
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(draft, &draft.name),
        "spec": { "selector": labels(draft), "ports": [{ "name": "main", "port": port, "targetPort": "main" }] }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn draft() -> RunDraft {
        let text = str::to_owned;
        RunDraft {
            name: text("web"),
            namespace: text("blue"),
            image: text("nginx:1.29"),
            port: text("8080"),
            publish: text("true"),
            ..RunDraft::begin()
        }
    }

    fn options() -> RunOptions {
        RunOptions { teams: vec!["blue".to_owned()], classes: vec!["fast".to_owned()] }
    }

    fn only(field: &str, part: &str, change: impl FnOnce(&mut RunDraft)) {
        let mut draft = draft();
        change(&mut draft);
        let found = problems(&draft, &options());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found.get(field).is_some_and(|text| text.contains(part)), "{field} {part}: {found:?}");
    }

    #[test]
    fn each_problem_is_named_at_its_field_with_the_fix() {
        assert_eq!(problems(&draft(), &options()), Problems::new());
        only("name", "Try web-1", |draft| draft.name = "Web 1".to_owned());
        only("name", "begins with a letter", |draft| draft.name = "1web".to_owned());
        only("namespace", "green", |draft| draft.namespace = "green".to_owned());
        only("image", "leave out https", |draft| draft.image = "https://nginx".to_owned());
        only("command", "not closed", |draft| draft.command = "sh -c 'echo".to_owned());
        only("port", "65535", |draft| draft.port = "70000".to_owned());
        only("port", "published", |draft| draft.port.clear());
        only("cpus", "0.25", |draft| draft.cpus = "many".to_owned());
        only("memory", "256 MiB", |draft| draft.memory = "lots".to_owned());
        only("replicas", "whole number", |draft| draft.replicas = "x".to_owned());
        only("environment", "Line 1", |draft| draft.environment = "A".to_owned());
        only("mount", "/data", |draft| draft.volume = "1 GiB".to_owned());
        only("replicas", "one pod", |draft| {
            draft.volume = "1 GiB".to_owned();
            draft.mount = "/data".to_owned();
            draft.replicas = "2".to_owned();
        });
    }

    #[test]
    fn every_field_is_read_and_written_by_its_name() {
        let mut draft = RunDraft::default();
        for field in FIELDS {
            draft.set(field, format!("{field}!"));
        }
        for field in FIELDS {
            assert_eq!(draft.get(field), format!("{field}!"));
        }
        let fields = serde_json::to_value(&draft).unwrap();
        assert_eq!(fields.as_object().unwrap().len(), FIELDS.len(), "none is missing");
    }

    #[test]
    fn a_published_port_is_a_service_that_selects_the_deployments_pods() {
        let objects = manifests(&draft());
        let kinds: Vec<_> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["Deployment", "Service"]);
        assert_eq!(objects[0]["spec"]["template"]["metadata"]["labels"], objects[1]["spec"]["selector"]);
        assert_eq!(objects[1]["spec"]["ports"][0]["port"], 8080);
        let container = &objects[0]["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(
            container["resources"],
            json!({"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}})
        );
        assert!(container.get("command").is_none() && container.get("env").is_none());
    }

    #[test]
    fn a_volume_is_made_first_and_never_in_two_pods_at_once() {
        let draft = RunDraft { volume: "1 GiB".to_owned(), mount: "/data".to_owned(), ..draft() };
        let objects = manifests(&draft);
        assert_eq!(objects[0]["metadata"]["name"], "web-data");
        assert_eq!(objects[1]["spec"]["strategy"]["type"], "Recreate");
        assert_eq!(
            objects[1]["spec"]["template"]["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"],
            "web-data"
        );
    }

    #[test]
    fn a_command_is_split_as_a_shell_does_it() {
        let split = |text: &str| words(text).unwrap();
        assert_eq!(split("sh -c 'echo \"a b\"; sleep 1'"), ["sh", "-c", "echo \"a b\"; sleep 1"]);
        assert_eq!(split(r#"a\ b "c \" d" ''"#), ["a b", "c \" d", ""]);
        assert!(split("  ").is_empty());
    }

    proptest! {
        #[test]
        fn quoted_words_come_back(list in proptest::collection::vec("[a-z \"\\\\]{0,8}", 0..5)) {
            let text: Vec<_> = list.iter().map(|word| format!("'{word}'")).collect();
            prop_assert_eq!(words(&text.join(" ")).unwrap(), list);
        }
    }
}
