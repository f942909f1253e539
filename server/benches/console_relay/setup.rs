//! A cluster with machines, a porthole in front of it, and the two other ways.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use embedded_cluster::store::Store;
use embedded_cluster::{Cluster, GroupResource, Options};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::support::porthole::{Porthole, answers, free_address, start, wait_until};
use crate::support::process::Measured;
use crate::tunnel;
use crate::viewer::Way;

/// Everything that a measurement needs; it ends with [`Bench::stop`].
pub struct Bench {
    /// The first machine's VNC socket.
    pub vnc_socket: PathBuf,
    ways: Vec<(&'static str, Measured, Way)>,
    cluster: Cluster,
    _folder: TempDir,
}

impl Bench {
    /// Starts all of it with so many machines.
    pub async fn start(machines: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let cluster = Cluster::start(Options::new(folder.path().join("cluster"))).await?;
        let uid = start_machines(cluster.store(), machines).await?;
        let vnc_socket = folder.path().join("cluster/cluster/guests").join(uid).join("vnc.sock");
        if !vnc_socket.exists() {
            bail!("there is no VNC socket at {}", vnc_socket.display());
        }

        let mut ways = Vec::new();
        let tunnel = free_address()?;
        ways.push(("raw TCP tunnel", Measured::new(tunnel::spawn(tunnel, &vnc_socket)?, false), Way::Tunnel(tunnel)));
        let Porthole { process, address, cookie } = start(folder.path(), cluster.kubeconfig_path()).await?;
        ways.push(("porthole", process, Way::Porthole { address, cookie }));
        let websockify = free_address()?;
        if let Ok(process) = start_websockify(websockify, &vnc_socket) {
            ways.push(("websockify", Measured::new(process, true), Way::Websockify(websockify)));
            answers(websockify).await?;
        }
        answers(tunnel).await?;
        Ok(Self { vnc_socket, ways, cluster, _folder: folder })
    }

    /// The ways, the one that others are compared with first.
    pub fn ways(&self) -> &[(&'static str, Measured, Way)] {
        &self.ways
    }

    /// Ends the machines.
    pub async fn stop(self) {
        drop(self.ways);
        self.cluster.stop().await;
    }
}

/// Machines that boot nothing: their firmware's screen is enough. Gives back the first one's instance uid.
async fn start_machines(store: &Store, count: usize) -> Result<String> {
    let machines = GroupResource::new("kubevirt.io", "virtualmachines");
    let instances = GroupResource::new("kubevirt.io", "virtualmachineinstances");
    store.create(&GroupResource::core("namespaces"), json!({"metadata": {"name": "bench"}}))?;
    for number in 0..count {
        store.create(&machines, machine(number))?;
    }
    let running = |number: usize| {
        let instance = store.get(&instances, Some("bench"), &format!("machine-{number}"))?;
        (instance["status"]["phase"] == "Running").then(|| instance["metadata"]["uid"].as_str().map(str::to_owned))?
    };
    wait_until("the machines to run", || (0..count).all(|number| running(number).is_some())).await?;
    running(0).context("the first machine has stopped")
}

fn machine(number: usize) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"namespace": "bench", "name": format!("machine-{number}")},
        "spec": {"runStrategy": "Always", "template": {"spec": {
            "terminationGracePeriodSeconds": 0,
            "domain": {"devices": {}, "memory": {"guest": "64Mi"}},
        }}},
    })
}

fn start_websockify(listen: SocketAddr, target: &Path) -> Result<Child> {
    Ok(Command::new("websockify")
        .arg("--unix-target")
        .arg(target)
        .arg(listen.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?)
}
