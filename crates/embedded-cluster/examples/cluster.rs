//! Runs a cluster in a folder until Ctrl-C: `cargo run -p embedded-cluster --example cluster -- <folder> [image folder…]`.

use embedded_cluster::{Cluster, Options};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().ok_or("which folder?")?;
    let guest_images = arguments.map(Into::into).collect();
    let cluster = Cluster::start(Options { guest_images, ..Options::new(folder) }).await?;
    println!("export KUBECONFIG={}", cluster.kubeconfig_path().display());
    tokio::signal::ctrl_c().await?;
    cluster.stop().await;
    Ok(())
}
