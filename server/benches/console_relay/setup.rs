//! A cluster with machines, a porthole in front of it, and the two other ways.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use embedded_cluster::store::Store;
use embedded_cluster::{Cluster, GroupResource, Options};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::process::Measured;
use crate::tunnel;
use crate::viewer::Way;

const PASSWORD: &str = "a-password-for-one-benchmark";
const PATIENCE: Duration = Duration::from_mins(1);

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
        let (process, address, cookie) = start_porthole(folder.path(), cluster.kubeconfig_path()).await?;
        ways.push(("porthole", Measured::new(process, false), Way::Porthole { address, cookie }));
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

async fn start_porthole(folder: &Path, kubeconfig: &Path) -> Result<(Child, SocketAddr, String)> {
    let (program, data) = (env!("CARGO_BIN_EXE_porthole"), folder.join("porthole"));
    let added = Command::new(program)
        .args(["account", "add", "bench", "--kubernetes-user", "bench", "--group", "system:masters", "--data-dir"])
        .arg(&data)
        .env("PORTHOLE_PASSWORD", PASSWORD)
        .stdin(Stdio::null())
        .status()
        .await?;
    if !added.success() {
        bail!("porthole account add ended with {added}");
    }
    let address = free_address()?;
    let process = Command::new(program)
        .args(["--log", "warn", "serve", "--listen", &address.to_string(), "--kubeconfig"])
        .arg(kubeconfig)
        .arg("--data-dir")
        .arg(&data)
        .kill_on_drop(true)
        .spawn()?;
    answers(address).await?;
    let cookie = sign_in(address).await?;
    let ready = async {
        while !exchange(address, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .await?
            .contains(" 200 ")
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, ready).await.context("porthole did not become ready")??;
    Ok((process, address, cookie))
}

async fn sign_in(address: SocketAddr) -> Result<String> {
    let form = format!("username=bench&password={PASSWORD}");
    let request = format!(
        "POST /sign-in HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = exchange(address, &request).await?;
    let cookie = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("set-cookie").then(|| value.split(';').next().unwrap_or_default().to_owned())
    });
    cookie.with_context(|| format!("no session after signing in:\n{answer}"))
}

async fn exchange(address: SocketAddr, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
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

fn free_address() -> Result<SocketAddr> {
    Ok(StdListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

async fn answers(address: SocketAddr) -> Result<()> {
    wait_until("a way to listen", || std::net::TcpStream::connect(address).is_ok()).await
}

async fn wait_until(what: &str, condition: impl Fn() -> bool) -> Result<()> {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.with_context(|| format!("waited in vain for {what}"))
}
