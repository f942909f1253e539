//! A porthole in front of a cluster, as a process of its own, with one person who may do everything.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::process::Measured;

const PASSWORD: &str = "a-password-for-one-benchmark";
/// Long enough for a machine that builds something else at the same time.
const PATIENCE: Duration = Duration::from_mins(3);

/// A porthole and a session of it.
pub struct Porthole {
    /// What it used.
    pub process: Measured,
    /// Where it listens.
    pub address: SocketAddr,
    /// The session's cookie.
    pub cookie: String,
}

/// Starts a porthole for a cluster and signs in.
pub async fn start(folder: &Path, kubeconfig: &Path) -> Result<Porthole> {
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
    ready(address).await?;
    Ok(Porthole { process: Measured::new(process, false), address, cookie })
}

/// Waits until the first lists have arrived; what is missing is told if they do not.
async fn ready(address: SocketAddr) -> Result<()> {
    let patience = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = exchange(address, "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
        if answer.starts_with("HTTP/1.1 200 ") {
            return Ok(());
        }
        if tokio::time::Instant::now() > patience {
            bail!("porthole did not become ready:\n{answer}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
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

/// An address that nobody listens at.
pub fn free_address() -> Result<SocketAddr> {
    Ok(StdListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Waits until somebody listens.
pub async fn answers(address: SocketAddr) -> Result<()> {
    wait_until("a way to listen", || std::net::TcpStream::connect(address).is_ok()).await
}

/// Waits for a condition, but not for ever.
pub async fn wait_until(what: &str, condition: impl Fn() -> bool) -> Result<()> {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.with_context(|| format!("waited in vain for {what}"))
}
