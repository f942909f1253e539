//! The charts of one machine: from Prometheus where it is configured, otherwise from what was sampled.

use futures_util::future::join_all;
use model::ObjectRef;
use model::chart::{Chart, Series, Unit, Window, draw};
use model::machine::MachineState;
use model::metrics::{Gap, MachineMetrics, Range};

use super::{Metrics, Sampling, memory, prometheus};
use crate::Inner;
use crate::access::{Actor, Ask};
use crate::cluster::Kind;
use crate::error::PortalError;
use crate::machines::Machine;

impl Inner {
    /// What a machine uses, drawn.
    pub(crate) async fn machine_metrics(
        &self,
        actor: &Actor,
        at: &ObjectRef,
        range: Range,
    ) -> Result<MachineMetrics, PortalError> {
        let machine = self.visible_machine(actor, at).await?;
        let namespace = at.namespace.as_str();
        if !self.permissions.may_in(actor, Ask::list(Kind::Instance, Some(namespace))).await? {
            let reason = format!("Your role in {namespace} does not include seeing running machines.");
            return Err(PortalError::Forbidden(reason));
        }
        self.metrics.look();
        let now = self.metrics.now();
        let limits = Limits::of(&machine);
        let mut answer = match &self.metrics.prometheus {
            Some(prometheus) => from_prometheus(prometheus, at, range, now, limits).await,
            None => self.metrics.from_memory(at, range, now, limits),
        };
        if let Some(gap) = not_running(machine.state) {
            answer.gaps.insert(0, gap);
        }
        Ok(answer)
    }
}

/// What a machine has.
#[derive(Clone, Copy, Debug, Default)]
struct Limits {
    cpus: Option<f64>,
    memory: Option<f64>,
}

impl Limits {
    #[expect(clippy::cast_precision_loss, reason = "a size for a drawing")]
    fn of(machine: &Machine) -> Self {
        let domain = machine.vmi.as_deref().map(|vmi| &vmi.spec.domain);
        Self {
            cpus: domain.map(|domain| f64::from(domain.vcpus())),
            memory: domain.and_then(|domain| domain.memory_bytes()).map(|bytes| bytes as f64),
        }
    }

    const fn for_unit(self, unit: Unit) -> Option<f64> {
        match unit {
            Unit::Cores => self.cpus,
            Unit::Bytes => self.memory,
            Unit::BytesPerSecond => None,
        }
    }
}

async fn from_prometheus(
    prometheus: &prometheus::Prometheus,
    at: &ObjectRef,
    range: Range,
    now: i64,
    limits: Limits,
) -> MachineMetrics {
    // On whole steps, so that two looks at the same minute draw the same line.
    let until = now - now.rem_euclid(range.step());
    let window = Window { from: until - range.seconds(), until, step: range.step() };
    let mut answer = MachineMetrics {
        range,
        ranges: Range::ALL.to_vec(),
        source: "Measured by KubeVirt, kept by Prometheus.".to_owned(),
        ..MachineMetrics::default()
    };
    let asked = prometheus::questions(at, window).into_iter().map(|(title, unit, lines)| async move {
        let lines = lines.into_iter().map(|line| async move {
            let points = prometheus.range(&line.query, window).await?;
            Ok::<_, String>(Series { name: line.name.to_owned(), points })
        });
        let lines = join_all(lines).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok::<Option<Chart>, String>(draw(title, unit, &lines, limits.for_unit(unit), window))
    });
    for chart in join_all(asked).await {
        match chart {
            Ok(chart) => answer.charts.extend(chart),
            Err(text) => {
                answer.gaps = vec![Gap { title: "Prometheus does not tell".to_owned(), text }];
            }
        }
    }
    if answer.charts.is_empty() && answer.gaps.is_empty() {
        answer.gaps.push(Gap {
            title: "No numbers in this time".to_owned(),
            text:
                "Prometheus knows nothing about the machine in this range. A machine that started just now shows after \
                   its next scrape. If this stays so, an administrator has to let Prometheus scrape KubeVirt: set \
                   monitorNamespace and monitorAccount in the KubeVirt object."
                    .to_owned(),
        });
    }
    answer
}

impl Metrics {
    fn from_memory(&self, at: &ObjectRef, range: Range, now: i64, limits: Limits) -> MachineMetrics {
        let ranges: Vec<_> = Range::ALL.into_iter().filter(|range| range.seconds() <= memory::KEPT).collect();
        let range = if ranges.contains(&range) { range } else { Range::default() };
        let window = Window { from: now - range.seconds(), until: now, step: 60 };
        let used = self.read().machine(at);
        #[expect(clippy::cast_precision_loss, reason = "bytes for a drawing")]
        let memory = used.iter().map(|usage| (usage.at, usage.memory_bytes as f64)).collect();
        let cpu = used.iter().map(|usage| (usage.at, f64::from(usage.cpu_millis) / 1000.0)).collect();
        let line = |points| [Series { name: "used".to_owned(), points }];
        let charts = [
            draw("Processors", Unit::Cores, &line(cpu), limits.cpus, window),
            draw("Memory", Unit::Bytes, &line(memory), limits.memory, window),
        ];
        let charts: Vec<_> = charts.into_iter().flatten().collect();
        let gaps = if charts.is_empty() { vec![no_samples(&self.sampling())] } else { vec![only_samples()] };
        let source =
            "Seen from the node, the machine's own overhead included; remembered for an hour while somebody looks.";
        MachineMetrics { range, ranges, source: source.to_owned(), charts, gaps }
    }
}

/// Why nothing was sampled, and who can do what about it.
pub(super) fn no_samples(sampling: &Sampling) -> Gap {
    let (title, text) = match sampling {
        Sampling::Waiting | Sampling::Live => (
            "No numbers yet",
            "They are asked for from now on and show within a minute. The cluster measures a pod some seconds after it started."
                .to_owned(),
        ),
        Sampling::Absent => (
            "The cluster does not measure",
            "It has no metrics.k8s.io. An administrator installs metrics-server, or starts porthole with --prometheus."
                .to_owned(),
        ),
        Sampling::Denied => (
            "Porthole may not ask",
            "Its own identity may not list pods of metrics.k8s.io. An administrator has to bind it to Porthole's role."
                .to_owned(),
        ),
        Sampling::Failing(text) => ("The cluster does not tell", format!("{} It is asked again.", crate::diagnosis::texts::sentence(text))),
    };
    Gap { title: title.to_owned(), text }
}

fn only_samples() -> Gap {
    Gap {
        title: "Network, disks and longer times need Prometheus".to_owned(),
        text:
            "Where the cluster has one that scrapes KubeVirt, an administrator starts porthole with --prometheus URL."
                .to_owned(),
    }
}

fn not_running(state: MachineState) -> Option<Gap> {
    let text = match state {
        MachineState::Stopped => "It uses no processor and no memory. What is below is from before.",
        MachineState::Provisioning | MachineState::Waiting | MachineState::Starting => {
            "There is something to measure when its guest runs."
        }
        _ => return None,
    };
    Some(Gap { title: format!("The machine is {}", state.phrase()), text: text.to_owned() })
}
