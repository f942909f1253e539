//! The raw tunnel: a process of its own that copies bytes between TCP and the VNC socket, and nothing else.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, UnixStream};
use tokio::process::{Child, Command};

const LISTEN: &str = "PORTHOLE_BENCH_TUNNEL_LISTEN";
const TARGET: &str = "PORTHOLE_BENCH_TUNNEL_TARGET";

/// This program again, as the tunnel.
pub struct Role {
    listen: String,
    target: PathBuf,
}

/// The tunnel's part, if that is what this process was started for.
pub fn role() -> Option<Role> {
    Some(Role { listen: env::var(LISTEN).ok()?, target: env::var_os(TARGET)?.into() })
}

/// Starts the tunnel.
pub fn spawn(listen: SocketAddr, target: &Path) -> Result<Child> {
    let program = env::current_exe().context("this program does not know where it is")?;
    Ok(Command::new(program).env(LISTEN, listen.to_string()).env(TARGET, target).kill_on_drop(true).spawn()?)
}

impl Role {
    /// Copies until it is killed.
    pub async fn run(self) -> Result<()> {
        let listener = TcpListener::bind(&self.listen).await?;
        loop {
            let (mut viewer, _) = listener.accept().await?;
            viewer.set_nodelay(true)?;
            let target = self.target.clone();
            tokio::spawn(async move {
                let mut machine = UnixStream::connect(target).await?;
                copy_bidirectional_with_sizes(&mut viewer, &mut machine, 4 * 1024, 32 * 1024).await
            });
        }
    }
}
