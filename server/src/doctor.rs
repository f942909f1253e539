//! `porthole doctor`: the check of the whole cluster in the terminal.
//!
//! It uses the credentials that `porthole serve` would use, so that what it finds is what the portal meets. With an
//! embedded cluster it asks the one that is being served from the data directory.

use std::process::ExitCode;

use anyhow::Context;
use model::doctor::{Area, Check, Health, Report};
use portal::ClusterSource;

use crate::cli::DoctorArgs;
use crate::cluster::check_kubeconfig;
use crate::config::{ClusterChoice, find_cluster, upload_proxy};
use crate::data_dir;
use crate::terminal::say;

/// Looks and says; fails if something is broken.
pub async fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let as_json = args.json;
    let proxy = upload_proxy(args.upload_proxy.clone())?;
    let report = portal::doctor::examine(source(args).await?, &proxy).await;
    let text = if as_json {
        serde_json::to_string_pretty(&report).context("the report cannot be written as JSON")?
    } else {
        write(&report)
    };
    say(&text);
    Ok(if report.health() == Health::Broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn source(args: DoctorArgs) -> anyhow::Result<ClusterSource> {
    if args.embedded {
        let path = data_dir::or_default(args.data_dir.data_dir)?.join("portal").join("kubeconfig");
        check_kubeconfig(&path).await?;
        return Ok(ClusterSource::Kubeconfig { path, context: None });
    }
    Ok(match find_cluster(args.kubeconfig)? {
        ClusterChoice::Kubeconfig { path, .. } => {
            check_kubeconfig(&path).await?;
            ClusterSource::Kubeconfig { path, context: None }
        }
        ClusterChoice::InCluster | ClusterChoice::Embedded { .. } => ClusterSource::InCluster,
    })
}

fn write(report: &Report) -> String {
    let mut text = String::new();
    for area in Area::ALL {
        let checks: Vec<_> = report.checks.iter().filter(|check| check.area == area).collect();
        if checks.is_empty() {
            continue;
        }
        text.push_str(area.title());
        text.push('\n');
        text.extend(checks.into_iter().map(line));
        text.push('\n');
    }
    let count = |health| report.count(health);
    let (good, weak) = (count(Health::Good), count(Health::Weak));
    let (broken, unknown) = (count(Health::Broken), count(Health::Unknown));
    text + &format!("{good} good, {weak} weak, {broken} broken, {unknown} unknown")
}

fn line(check: &Check) -> String {
    let found = &check.found;
    let fix = check.fix.as_ref().map(|fix| format!("           -> {fix}\n")).unwrap_or_default();
    format!("  {:<7}  {found}\n{fix}", check.health.word())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(area: Area, health: Health, found: &str, fix: Option<&str>) -> Check {
        Check { id: "x".to_owned(), area, health, found: found.to_owned(), fix: fix.map(str::to_owned) }
    }

    #[test]
    fn the_terminal_reads_area_by_area_with_the_fix_below() {
        let report = Report {
            at: 0,
            checks: vec![
                check(Area::Cluster, Health::Good, "Kubernetes v1 answers.", None),
                check(Area::Storage, Health::Broken, "No class is the default.", Some("Mark one.")),
            ],
        };
        assert_eq!(
            write(&report),
            "Cluster\n  good     Kubernetes v1 answers.\n\nStorage\n  broken   No class is the default.\n           -> Mark \
             one.\n\n1 good, 0 weak, 1 broken, 0 unknown"
        );
    }
}
