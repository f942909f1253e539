//! Real guests. Skipped, said aloud, where QEMU or the guest image is not there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use super::cluster::TestCluster;
use crate::store::{Store, meta};
use crate::virt::kinds::{INSTANCES, PODS};

const IMAGE: &str = "porthole.dev/demo-linux:1";
pub const PROMPT: &str = "demo:~# ";

/// The folder of guest images, if the demonstration guest is in it.
pub fn image_folder() -> Option<PathBuf> {
    let cache = || {
        let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let base = base.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
        Some(base?.join("porthole/guest-images"))
    };
    let folder = std::env::var_os("PORTHOLE_GUEST_IMAGES").map(PathBuf::from).or_else(cache)?;
    let kernel = folder.join("porthole.dev_demo-linux_1/boot/vmlinuz");
    if kernel.is_file() {
        return Some(folder);
    }
    println!("skipped: no guest image at {} (PORTHOLE_GUEST_IMAGES names its folder)", kernel.display());
    None
}

pub fn demo() -> Value {
    json!({
        "terminationGracePeriodSeconds": 2,
        "domain": {
            "memory": {"guest": "256Mi"},
            "devices": {"inputs": [{"name": "tablet", "type": "tablet", "bus": "usb"}]},
            "firmware": {"kernelBoot": {
                "kernelArgs": "console=ttyS0 console=tty1 quiet",
                "container": {"image": IMAGE, "kernelPath": "/boot/vmlinuz", "initrdPath": "/boot/initramfs.cpio.gz"}}}
        }
    })
}

pub struct Folder(pub tempfile::TempDir);

impl Drop for Folder {
    /// Nothing of a test that fails may run on.
    fn drop(&mut self) {
        for guest in std::fs::read_dir(self.0.path().join("cluster/guests")).into_iter().flatten().flatten() {
            if let Ok(pid) = std::fs::read_to_string(guest.path().join("pid")) {
                let _ = std::process::Command::new("kill").args(["-KILL", pid.trim()]).status();
            }
        }
    }
}

pub struct Machine {
    pub cluster: TestCluster,
    images: PathBuf,
    temporary: Folder,
}

/// A cluster whose machine `demo` runs in QEMU.
async fn running() -> Option<Machine> {
    running_with(demo(), &[]).await
}

/// The same, with another specification and with claims of 64 MiB.
pub async fn running_with(spec: Value, claims: &[&str]) -> Option<Machine> {
    let images = image_folder()?;
    let temporary = Folder(tempfile::tempdir().unwrap());
    let folder = temporary.0.path().join("cluster");
    let cluster = TestCluster::over(Arc::new(Store::in_memory()), &folder, vec![images.clone()], false).await;
    if !cluster.has_qemu() {
        println!("skipped: QEMU is not installed");
        return None;
    }
    for claim in claims {
        cluster.create_claim(claim, "porthole-snap", "64Mi").await;
        // Larger than the file system would leave: a round number of sectors is easier to look for.
        std::fs::File::options().write(true).open(cluster.claim_file(claim)).unwrap().set_len(64 << 20).unwrap();
    }
    cluster.create_machine("demo", "Always", spec).await;
    cluster.until_printable("demo", "Running").await;
    Some(Machine { cluster, images, temporary })
}

impl Machine {
    fn uid(&self) -> String {
        meta::uid(&self.cluster.instance("demo")).to_owned()
    }

    /// The folder of its guest.
    pub fn folder(&self) -> PathBuf {
        self.temporary.0.path().join("cluster/guests").join(self.uid())
    }

    /// The process of its guest.
    pub fn pid(&self) -> String {
        std::fs::read_to_string(self.folder().join("pid")).unwrap().trim().to_owned()
    }

    /// Stops the cluster without its guests, and starts another one over the same store and folder.
    pub async fn leave_and_return(self) -> Self {
        let Self { cluster, images, temporary } = self;
        let (store, folder) = (Arc::clone(&cluster.store), cluster.folder.clone());
        cluster.stop(false).await;
        let cluster = TestCluster::over(store, &folder, vec![images.clone()], false).await;
        Self { cluster, images, temporary }
    }

    /// Types on the serial console until the text shows, and returns everything that was printed meanwhile.
    pub async fn until_printed(&self, keys: &str, wanted: &str) -> String {
        let guest = self.cluster.context_guest(&self.uid());
        let mut session = guest.attach_serial().unwrap();
        let mut seen = String::new();
        let typing = tokio::time::timeout(Duration::from_mins(2), async {
            session.keys.send(keys.to_owned().into()).await.unwrap();
            while !seen.contains(wanted) {
                let more = tokio::time::timeout(Duration::from_secs(2), session.output.recv()).await;
                match more {
                    Ok(Some(bytes)) => seen.push_str(&String::from_utf8_lossy(&bytes)),
                    // A guest that says nothing has not come up yet.
                    _ => session.keys.send(keys.to_owned().into()).await.unwrap(),
                }
            }
        });
        assert!(typing.await.is_ok(), "{wanted:?} never showed, only: {seen}");
        seen
    }

    async fn screenshot(&self) -> Vec<u8> {
        self.cluster.context_guest(&self.uid()).screenshot().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_guest_boots_to_a_shell_and_can_be_held_reset_and_stopped() {
    let Some(machine) = running().await else { return };
    machine.until_printed("\r", PROMPT).await;
    machine.until_printed("echo $((6*7))-times\r", "42-times").await;
    let mut screen = machine.cluster.context_guest(&machine.uid()).connect_screen().await.unwrap();
    let mut banner = [0; 12];
    screen.read_exact(&mut banner).await.unwrap();
    assert_eq!(&banner, rfb::VERSION);
    let picture = machine.screenshot().await;
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 500, "{} bytes", picture.len());

    let cluster = &machine.cluster;
    let pod = cluster.pods()[0].clone();
    let log = cluster.folder.join("logs").join(meta::uid(&pod)).join("guest-console-log.log");
    let is_logged = || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("42-times"));
    cluster.until("the serial console is logged", is_logged).await;

    assert_eq!(cluster.instance_action("demo", "pause").await.status, 200);
    cluster.until_printable("demo", "Paused").await;
    assert_eq!(machine.screenshot().await, machine.screenshot().await, "nothing moves");
    assert_eq!(cluster.instance_action("demo", "unpause").await.status, 200);
    cluster.until_printable("demo", "Running").await;
    assert_eq!(cluster.instance_action("demo", "reset").await.status, 200);
    machine.until_printed("\r", PROMPT).await;

    let pid = machine.pid();
    assert_eq!(cluster.machine_action("demo", "stop", "").await.status, 202);
    cluster.until("it is off", || cluster.printable("demo") == "Stopped" && cluster.instance("demo").is_null()).await;
    cluster.until("QEMU has ended", || !is_alive(&pid)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_qemu_is_noticed_and_its_machine_starts_again() {
    let Some(machine) = running().await else { return };
    let (uid, pid) = (machine.uid(), machine.pid());
    kill(&pid);
    let cluster = &machine.cluster;
    let is_another = || {
        let now = cluster.instance("demo");
        now["status"]["phase"] == "Running" && meta::uid(&now) != uid
    };
    cluster.until("another instance runs", is_another).await;
    let told = cluster.events("demo");
    assert!(told.iter().any(|event| event == "Stopped The VirtualMachineInstance crashed."), "{told:?}");
    machine.cluster.stop(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_outlives_the_cluster_and_is_taken_over_again() {
    let Some(machine) = running().await else { return };
    machine.until_printed("\r", PROMPT).await;
    let (uid, pid) = (machine.uid(), machine.pid());
    let machine = machine.leave_and_return().await;
    machine.until_printed("echo $((6*7))-again\r", "42-again").await;
    assert_eq!((machine.uid(), machine.pid()), (uid, pid.clone()), "it is the same guest");
    assert_eq!(machine.cluster.printable("demo"), "Running");
    machine.cluster.stop(true).await;
    while is_alive(&pid) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_died_while_nobody_looked_counts_as_failed() {
    let Some(machine) = running().await else { return };
    let (uid, pid) = (machine.uid(), machine.pid());
    let Machine { cluster, images, temporary } = machine;
    let (store, folder) = (Arc::clone(&cluster.store), cluster.folder.clone());
    cluster.stop(false).await;
    kill(&pid);
    while is_alive(&pid) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let cluster = TestCluster::over(store, &folder, vec![images], false).await;
    let is_another = || {
        let now = cluster.instance("demo");
        now["status"]["phase"] == "Running" && meta::uid(&now) != uid
    };
    cluster.until("another instance runs", is_another).await;
    assert_eq!(cluster.store.list(&INSTANCES, Some("rec")).0.len(), 1);
    cluster.until("the old pod is gone", || cluster.store.list(&PODS, Some("rec")).0.len() == 1).await;
    cluster.stop(true).await;
    drop(temporary);
}

pub fn is_alive(pid: &str) -> bool {
    // A zombie has ended; its parent has not looked yet.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

pub fn kill(pid: &str) {
    assert!(std::process::Command::new("kill").args(["-KILL", pid]).status().unwrap().success());
}
