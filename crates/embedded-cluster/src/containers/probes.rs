//! Probes: whether a container has started, takes requests, and still lives.
//!
//! Requests over the network are sent from within the pod, by bash of this machine; without it they count as answered.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::live::{Body, Live};
use super::pod::Shared;
use super::sandbox::Program;
use super::status;
use crate::virt::events::Level;
use crate::virt::kinds::text;
use crate::workloads::numbers::number;

/// Looks at a container until a probe asks for its end; the probe's name.
pub(super) async fn watch(shared: &Arc<Shared>, container: &Value, live: &Arc<Live>) -> &'static str {
    let name = text(&container["name"]);
    let change = |change: &dyn Fn(&mut Value)| {
        status::container(&shared.all, &shared.worker.at, &shared.worker.uid, name, change);
    };
    if container["startupProbe"].is_object() {
        if !passes_in_time(shared, container, live, "startupProbe", "Startup").await {
            return "startup";
        }
        let is_ready = !container["readinessProbe"].is_object();
        change(&|status| {
            status["started"] = true.into();
            status["ready"] = is_ready.into();
        });
    }
    let readiness = async {
        let probe = &container["readinessProbe"];
        if !probe.is_object() {
            return std::future::pending::<()>().await;
        }
        let mut rounds = Rounds::new(probe);
        loop {
            rounds.pause().await;
            let outcome = try_once(live, container, probe).await;
            if let Err(why) = &outcome {
                tell(shared, "Readiness", why);
            }
            if let Some(is_ready) = rounds.count(outcome.is_ok()) {
                change(&|status| status["ready"] = (is_ready && !status["state"]["running"].is_null()).into());
            }
        }
    };
    let liveness = async {
        let probe = &container["livenessProbe"];
        if !probe.is_object() {
            return std::future::pending::<()>().await;
        }
        let mut rounds = Rounds::new(probe);
        loop {
            rounds.pause().await;
            let outcome = try_once(live, container, probe).await;
            if let Err(why) = &outcome {
                tell(shared, "Liveness", why);
            }
            if rounds.count(outcome.is_ok()) == Some(false) {
                return;
            }
        }
    };
    tokio::select! { () = readiness => "readiness", () = liveness => "liveness" }
}

fn tell(shared: &Shared, what: &str, why: &str) {
    if let Some(pod) = shared.pod() {
        shared.all.tell(&pod, Level::Warning, "Unhealthy", &format!("{what} probe failed: {why}"));
    }
}

async fn passes_in_time(shared: &Shared, container: &Value, live: &Live, field: &str, word: &str) -> bool {
    let mut rounds = Rounds::new(&container[field]);
    loop {
        rounds.pause().await;
        let outcome = try_once(live, container, &container[field]).await;
        if let Err(why) = &outcome {
            tell(shared, word, why);
        }
        if let Some(passes) = rounds.count(outcome.is_ok()) {
            return passes;
        }
    }
}

/// When to probe, and how often in a row something has to come out.
struct Rounds {
    next: Duration,
    period: Duration,
    wanted: [i64; 2],
    /// Failures and successes in a row.
    row: [i64; 2],
}

impl Rounds {
    fn new(probe: &Value) -> Self {
        let seconds = |field: &str, default| Duration::from_secs(number(&probe[field], default).unsigned_abs());
        Self {
            next: seconds("initialDelaySeconds", 0),
            period: seconds("periodSeconds", 10).max(Duration::from_secs(1)),
            wanted: [number(&probe["failureThreshold"], 3), number(&probe["successThreshold"], 1)],
            row: [0, 0],
        }
    }

    async fn pause(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = self.period;
    }

    /// Counts an outcome; what is known after it, once it came often enough in a row.
    fn count(&mut self, passed: bool) -> Option<bool> {
        let at = usize::from(passed);
        self.row[at] += 1;
        self.row[1 - at] = 0;
        (self.row[at] >= self.wanted[at]).then_some(passed)
    }
}

async fn try_once(live: &Live, container: &Value, probe: &Value) -> Result<(), String> {
    let Body::Process { sandbox, root, program } = &live.body else { return Ok(()) };
    let limit = Duration::from_secs(number(&probe["timeoutSeconds"], 1).unsigned_abs().max(1));
    let mut command = if let Some(words) = probe["exec"]["command"].as_array() {
        let command = words.iter().map(|word| text(word).to_owned()).collect();
        sandbox.enter(root, &Program { command, ..program.clone() }, false)
    } else {
        let (target, path) = match (&probe["httpGet"], &probe["tcpSocket"]) {
            (get, _) if get.is_object() => (&get["port"], Some(text(&get["path"]))),
            (_, socket) if socket.is_object() => (&socket["port"], None),
            _ => return Ok(()),
        };
        let Some(port) = port(container, target) else { return Err(format!("no port {target}")) };
        let Some(command) = sandbox.ask(root.init(), port, path) else { return Ok(()) };
        command
    };
    let output = match tokio::time::timeout(limit, command.output()).await {
        Err(_) => return Err(format!("command timed out: context deadline exceeded after {}s", limit.as_secs())),
        Ok(Err(error)) => return Err(error.to_string()),
        Ok(Ok(output)) => output,
    };
    let said = String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).trim().to_owned();
    if probe["httpGet"].is_object() && output.status.success() {
        let code = said.split_whitespace().nth(1).and_then(|code| code.parse::<u16>().ok()).unwrap_or(0);
        return if (200..400).contains(&code) {
            Ok(())
        } else {
            Err(format!("HTTP probe failed with statuscode: {code}"))
        };
    }
    if output.status.success() {
        return Ok(());
    }
    Err(if probe["exec"].is_object() { said } else { "dial tcp: connect: connection refused".to_owned() })
}

/// A port by its number, or by the name that the container gives it.
fn port(container: &Value, target: &Value) -> Option<u16> {
    if let Some(number) = target.as_u64() {
        return u16::try_from(number).ok();
    }
    let ports = container["ports"].as_array()?;
    u16::try_from(ports.iter().find(|port| port["name"] == *target)?["containerPort"].as_u64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_counts_once_it_came_often_enough_in_a_row() {
        let mut rounds = Rounds::new(&serde_json::json!({"failureThreshold": 2, "successThreshold": 1}));
        assert_eq!(rounds.count(false), None);
        assert_eq!(rounds.count(true), Some(true));
        assert_eq!([rounds.count(false), rounds.count(false)], [None, Some(false)]);
    }
}
