//! The template of a workload's pods, and what its containers are told to do, in words.

use model::workload::{Container, WorkloadKind};
use serde_json::Value;

use crate::cluster::objects::{ContainerSpec, Loose, PodVolume};

/// The template of the pods.
pub(super) fn of(kind: WorkloadKind, object: &Loose) -> &Value {
    match kind {
        WorkloadKind::CronJob => &object.spec["jobTemplate"]["spec"]["template"],
        _ => &object.spec["template"],
    }
}

/// The path of the template in the object, for a JSON patch.
pub(super) const fn path(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::CronJob => "/spec/jobTemplate/spec/template",
        _ => "/spec/template",
    }
}

/// The images of a template, in the order of its containers.
pub(super) fn images(template: &Value) -> Vec<String> {
    let containers = template["spec"]["containers"].as_array().into_iter().flatten();
    containers.filter_map(|container| container["image"].as_str().map(str::to_owned)).collect()
}

/// The containers of a template, those that prepare the pod first.
pub(super) fn containers(template: &Value) -> Vec<Container> {
    let volumes: Vec<PodVolume> = serde_json::from_value(template["spec"]["volumes"].clone()).unwrap_or_default();
    let of = |key: &str, is_init: bool| {
        let list = template["spec"][key].as_array().cloned().unwrap_or_default();
        list.into_iter().map(|value| container(value, &volumes, is_init)).collect::<Vec<_>>()
    };
    let mut all = of("initContainers", true);
    all.extend(of("containers", false));
    all
}

fn container(value: Value, volumes: &[PodVolume], is_init: bool) -> Container {
    let variables = value["env"].as_array().cloned().unwrap_or_default();
    let from = value["envFrom"].as_array().cloned().unwrap_or_default();
    let spec: ContainerSpec = serde_json::from_value(value).unwrap_or_default();
    let mut facts = facts(&spec, volumes);
    let elsewhere = variables.iter().filter_map(borrowed).chain(from.iter().filter_map(all_of));
    facts.extend(elsewhere.map(|words| ("Variable".to_owned(), words)));
    let own = variables.iter().filter(|variable| variable["valueFrom"].is_null());
    let lines: Vec<_> = own
        .filter_map(|variable| {
            Some(format!("{}={}", variable["name"].as_str()?, variable["value"].as_str().unwrap_or_default()))
        })
        .collect();
    Container {
        name: spec.name,
        image: spec.image,
        is_init,
        facts,
        environment: lines.join("\n"),
        ..Container::default()
    }
}

/// A variable that comes from elsewhere. Which one is told, never its value.
fn borrowed(variable: &Value) -> Option<String> {
    let name = variable["name"].as_str()?;
    let from = variable["valueFrom"].as_object()?;
    let (kind, source) = from.iter().next()?;
    let of = |noun: &str| {
        format!(
            "{name} from {} of the {noun} {}",
            source["key"].as_str().unwrap_or("?"),
            source["name"].as_str().unwrap_or("?")
        )
    };
    Some(match kind.as_str() {
        "secretKeyRef" => of("secret"),
        "configMapKeyRef" => of("config map"),
        "fieldRef" => format!("{name} from the pod's {}", source["fieldPath"].as_str().unwrap_or("?")),
        "resourceFieldRef" => format!("{name} from the container's {}", source["resource"].as_str().unwrap_or("?")),
        other => format!("{name} from {other}"),
    })
}

fn all_of(from: &Value) -> Option<String> {
    let secret = from["secretRef"]["name"].as_str().map(|name| format!("all of the secret {name}"));
    secret.or_else(|| from["configMapRef"]["name"].as_str().map(|name| format!("all of the config map {name}")))
}

/// Terms with what the specification of a container says.
pub(super) fn facts(spec: &ContainerSpec, volumes: &[PodVolume]) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add = |term: &str, words: String| facts.push((term.to_owned(), words));
    let command: Vec<_> = spec.command.iter().chain(&spec.args).map(|word| quoted(word)).collect();
    if !command.is_empty() {
        add(if spec.command.is_empty() { "Arguments" } else { "Command" }, command.join(" "));
    }
    let ports: Vec<_> = spec.ports.iter().map(port).collect();
    if !ports.is_empty() {
        add("Ports", ports.join(", "));
    }
    for (term, key) in [("CPU", "cpu"), ("Memory", "memory")] {
        let of = |what: &str| spec.resources[what][key].as_str().map(str::to_owned);
        match (of("requests"), of("limits")) {
            (Some(least), Some(most)) if least == most => add(term, format!("{least} reserved, and no more")),
            (Some(least), Some(most)) => add(term, format!("{least} reserved, at most {most}")),
            (Some(least), None) => add(term, format!("{least} reserved, more if the node has it")),
            (None, Some(most)) => add(term, format!("at most {most}")),
            (None, None) => {}
        }
    }
    for (term, probe, then) in [
        ("Starts", &spec.startup_probe, "restarted"),
        ("Lives", &spec.liveness_probe, "restarted"),
        ("Ready", &spec.readiness_probe, "taken out of its services"),
    ] {
        if let Some(probe) = probe {
            add(term, probe_words(probe, then));
        }
    }
    for mount in &spec.volume_mounts {
        add("Mount", mount_words(mount, volumes));
    }
    facts
}

fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty() && word.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&c));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn port(port: &Value) -> String {
    let number = port["containerPort"].as_u64().unwrap_or_default();
    let name = port["name"].as_str().map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{number}/{}{name}", port["protocol"].as_str().unwrap_or("TCP"))
}

/// A probe in a sentence: what is asked, how often, and what follows if the answer is bad.
fn probe_words(probe: &Value, then: &str) -> String {
    let port = |of: &Value| of["port"].as_str().map_or_else(|| of["port"].to_string(), str::to_owned);
    let asks = if let Some(http) = probe.get("httpGet") {
        let path = http["path"].as_str().unwrap_or("/");
        format!("answers to GET {path} at port {}", port(http))
    } else if let Some(tcp) = probe.get("tcpSocket") {
        format!("takes connections at port {}", port(tcp))
    } else if let Some(grpc) = probe.get("grpc") {
        format!("answers gRPC health checks at port {}", port(grpc))
    } else {
        let words = probe["exec"]["command"].as_array().into_iter().flatten().filter_map(Value::as_str);
        format!("{} ends well", words.map(quoted).collect::<Vec<_>>().join(" "))
    };
    let or = |key: &str, default| probe[key].as_u64().unwrap_or(default);
    let (period, failures) = (or("periodSeconds", 10), or("failureThreshold", 3));
    let times = if failures == 1 { "once".to_owned() } else { format!("{failures} times") };
    format!("if it {asks}; asked every {period} s, {then} if it does not {times} in a row")
}

fn mount_words(mount: &Value, volumes: &[PodVolume]) -> String {
    let name = mount["name"].as_str().unwrap_or_default();
    let claim =
        volumes.iter().find(|volume| volume.name == name).and_then(|volume| volume.persistent_volume_claim.as_ref());
    let from = claim.map_or_else(|| format!("volume {name}"), |claim| format!("claim {}", claim.claim_name));
    let only = if mount["readOnly"] == true { ", read only" } else { "" };
    format!("{} from {from}{only}", mount["mountPath"].as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_container_is_told_in_words_and_secrets_stay_secret() {
        let template = json!({"spec": {
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "web-data"}}],
            "initContainers": [{"name": "prepare", "image": "busybox"}],
            "containers": [{
                "name": "app", "image": "web:1", "command": ["sh", "-c", "echo it's"], "ports": [{"containerPort": 8080, "name": "http"}],
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}},
                "livenessProbe": {"httpGet": {"path": "/live", "port": "http"}, "periodSeconds": 5, "failureThreshold": 1},
                "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": true}],
                "env": [{"name": "A", "value": "1"}, {"name": "B"}, {"name": "PW", "valueFrom": {"secretKeyRef": {"name": "db", "key": "pw"}}}],
                "envFrom": [{"configMapRef": {"name": "settings"}}]
            }]
        }});
        let containers = containers(&template);
        assert_eq!((containers[0].name.as_str(), containers[0].is_init), ("prepare", true));
        let app = &containers[1];
        assert_eq!(app.environment, "A=1\nB=");
        let told: Vec<_> = app.facts.iter().map(|(term, words)| format!("{term}: {words}")).collect();
        assert_eq!(
            told,
            [
                r"Command: sh -c 'echo it'\''s'",
                "Ports: 8080/TCP (http)",
                "CPU: 100m reserved, more if the node has it",
                "Memory: 64Mi reserved, and no more",
                "Lives: if it answers to GET /live at port http; asked every 5 s, restarted if it does not once in a row",
                "Mount: /data from claim web-data, read only",
                "Variable: PW from pw of the secret db",
                "Variable: all of the config map settings",
            ]
        );
    }
}
