//! Real disks in real guests. Skipped, said aloud, where QEMU, the guest image or the disc is not there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::cluster::TestCluster;
use super::qemu::{Folder, Machine, demo, running_with};
use crate::guest::spec::Content;
use crate::guest::{Guest, GuestState};
use crate::store::{Store, meta};
use crate::virt::conditions;

/// A small disc that boots and draws on the screen: memtest86+.
fn boot_disc() -> Option<PathBuf> {
    let cache = || {
        let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let base = base.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
        Some(base?.join("porthole/isos/memtest86+x64.iso"))
    };
    let file = std::env::var_os("PORTHOLE_TEST_ISO").map(PathBuf::from).or_else(cache)?;
    if file.is_file() {
        return Some(file);
    }
    println!("skipped: no disc at {} (PORTHOLE_TEST_ISO names it)", file.display());
    None
}

/// A cluster with real guests.
pub async fn cluster() -> Option<(TestCluster, Folder)> {
    let temporary = Folder(tempfile::tempdir().unwrap());
    let folder = temporary.0.path().join("cluster");
    let cluster = TestCluster::over(Arc::new(Store::in_memory()), &folder, Vec::new(), false).await;
    if !cluster.has_qemu() {
        println!("skipped: QEMU is not installed");
        return None;
    }
    Some((cluster, temporary))
}

/// Whether most of a picture is blue, as the screen of memtest86+ is and that of a BIOS is not.
fn is_blue(picture: &[u8]) -> bool {
    let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let size = info.color_type.samples();
    let blue = pixels.chunks_exact(size).filter(|pixel| pixel[2] > pixel[0].saturating_add(60)).count();
    blue * size * 2 > pixels.len()
}

/// Looks at the screen until it is what the disc draws.
async fn draws(guest: &Guest) -> bool {
    let looking = tokio::time::timeout(Duration::from_secs(90), async {
        while !is_blue(&guest.screenshot().await.unwrap()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    looking.await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_boots_from_a_disc_that_is_ejected_while_it_runs() {
    let Some(iso) = boot_disc() else { return };
    let Some((cluster, _temporary)) = cluster().await else { return };
    cluster.create_claim("iso", "porthole-snap", "32Mi").await;
    std::fs::copy(iso, cluster.claim_file("iso")).unwrap();
    cluster.create_claim("root", "porthole-snap", "64Mi").await;
    let root = json!({"name": "root", "persistentVolumeClaim": {"claimName": "root"}});
    let disc = json!({"name": "cd", "persistentVolumeClaim": {"claimName": "iso", "hotpluggable": true}});
    let spec = json!({
        "terminationGracePeriodSeconds": 0,
        "domain": {"memory": {"guest": "128Mi"}, "devices": {"disks": [
            {"name": "root", "disk": {"bus": "virtio"}, "bootOrder": 1},
            {"name": "cd", "cdrom": {"bus": "sata"}, "bootOrder": 2}]}},
        "volumes": [root, disc],
    });
    cluster.create_machine("m", "Always", spec).await;
    cluster.until_printable("m", "Running").await;
    let guest = cluster.context_guest(meta::uid(&cluster.instance("m")));
    // The blank disk is tried in vain, then the disc is started.
    assert!(draws(&guest).await, "the disc does not boot");

    let volumes = |volumes: Value| json!({"spec": {"template": {"spec": {"volumes": volumes}}}});
    assert_eq!(cluster.patch_machine("m", &volumes(json!([root]))).await.status, 200);
    let is_empty = || guest.disks().iter().any(|disk| disk.name == "cd" && disk.content == Content::Nothing);
    cluster.until("the drive is empty", is_empty).await;
    assert!(!guest.has_medium("cd").await.unwrap(), "QEMU says so too");
    let is_forgotten = || cluster.volume_status("m", "cd").is_null() && cluster.pods().len() == 1;
    cluster.until("nothing of it is left", is_forgotten).await;
    assert!(conditions::get(&cluster.machine("m"), "RestartRequired").is_none());

    assert_eq!(cluster.patch_machine("m", &volumes(json!([root, disc]))).await.status, 200);
    cluster.until("the disc is in", || cluster.volume_status("m", "cd")["phase"] == "Ready").await;
    assert!(guest.has_medium("cd").await.unwrap());
    cluster.stop(true).await;
}

/// A machine with nothing but a disk, which its BIOS tries in vain.
async fn idle(cluster: &TestCluster) -> Arc<Guest> {
    cluster.create_claim("root", "porthole-snap", "8Mi").await;
    let spec = json!({
        "terminationGracePeriodSeconds": 0,
        "domain": {"memory": {"guest": "64Mi"}, "devices": {"disks": [{"name": "root", "disk": {"bus": "virtio"}}]}},
        "volumes": [{"name": "root", "persistentVolumeClaim": {"claimName": "root"}}],
    });
    cluster.create_machine("m", "Always", spec).await;
    cluster.until_printable("m", "Running").await;
    cluster.context_guest(meta::uid(&cluster.instance("m")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_was_only_held_when_the_cluster_ended_goes_on_under_the_next_one() {
    let Some((cluster, _temporary)) = cluster().await else { return };
    let guest = idle(&cluster).await;
    guest.leave_held().await.unwrap();
    drop(guest);
    let (store, folder) = (Arc::clone(&cluster.store), cluster.folder.clone());
    cluster.stop(false).await;
    let cluster = TestCluster::over(store, &folder, Vec::new(), false).await;
    let guest = cluster.context_guest(meta::uid(&cluster.instance("m")));
    assert!(!guest.is_stopped().await.unwrap() && guest.state() == GuestState::Running);
    cluster.stop(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_stands_still_until_the_last_holder_lets_go_and_nobody_calls_that_a_pause() {
    let Some((cluster, _temporary)) = cluster().await else { return };
    let guest = idle(&cluster).await;
    let (first, second) = (guest.hold_still().await.unwrap(), guest.hold_still().await.unwrap());
    drop(first);
    assert!(guest.is_stopped().await.unwrap(), "the other one still holds it");
    let pausing = tokio::spawn({
        let guest = Arc::clone(&guest);
        async move { guest.pause().await }
    });
    assert_eq!(guest.state(), GuestState::Running);
    drop(second);
    pausing.await.unwrap().unwrap();
    cluster.until_printable("m", "Paused").await;
    assert!(guest.is_stopped().await.unwrap(), "a pause that had to wait is a pause");
    guest.unpause().await.unwrap();
    cluster.until_printable("m", "Running").await;
    let paused = cluster.events("m").iter().filter(|event| event.starts_with("Paused")).count();
    assert_eq!(paused, 1, "{:?}", cluster.events("m"));
    cluster.stop(true).await;
}

async fn prints(machine: &Machine, command: &str, wanted: &str) {
    machine.until_printed(&format!("{command}\r"), wanted).await;
}

async fn plug(machine: &Machine, bus: &str) {
    let claim = json!({"persistentVolumeClaim": {"claimName": "extra"}});
    let options = json!({"name": "extra", "disk": {"disk": {"bus": bus}}, "volumeSource": claim});
    assert_eq!(machine.cluster.machine_action("demo", "addvolume", &options.to_string()).await.status, 202);
    let is_ready = || machine.cluster.volume_status("demo", "extra")["phase"] == "Ready";
    let told = || format!("{:?}\n{}", machine.cluster.events("demo"), machine.cluster.volume_status("demo", "extra"));
    assert!(machine.cluster.comes_to(is_ready).await, "it is not plugged in: {}", told());
}

async fn unplug(machine: &Machine) {
    assert_eq!(machine.cluster.machine_action("demo", "removevolume", r#"{"name": "extra"}"#).await.status, 202);
    machine.cluster.until("it is gone", || machine.cluster.volume_status("demo", "extra").is_null()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sees_its_disks_its_cloud_init_disc_and_one_that_is_plugged_in() {
    let mut spec = demo();
    spec["domain"]["devices"]["disks"] = json!([
        {"name": "root", "disk": {"bus": "virtio"}, "serial": "ABC123"},
        {"name": "second", "disk": {"bus": "scsi"}},
        {"name": "ci", "disk": {"bus": "virtio"}},
        {"name": "tray", "cdrom": {"bus": "sata"}}]);
    spec["volumes"] = json!([
        {"name": "root", "persistentVolumeClaim": {"claimName": "root"}},
        {"name": "second", "emptyDisk": {"capacity": "16Mi"}},
        {"name": "ci", "cloudInitNoCloud": {"userData": "#cloud-config\nhostname: test-guest\n"}}]);
    let Some(machine) = running_with(spec, &["root", "extra"]).await else { return };
    machine.until_printed("\r", "demo:~# ").await;
    let seen = machine.until_printed("test -b /dev/vda && echo has-$((6*7)) || echo no-$((6*7))\r", "-42").await;
    if !seen.contains("has-42") {
        println!("skipped: the kernel of the guest image has no disk drivers; make the image anew");
        return;
    }
    prints(&machine, "cat /sys/block/vda/size", "131072").await;
    prints(&machine, "cat /sys/block/vda/serial", "ABC123").await;
    prints(&machine, "cat /sys/block/sda/size", "32768").await;
    prints(&machine, "dd if=/dev/vdb bs=1 skip=32808 count=6 2>/dev/null; echo -label", "cidata-label").await;
    prints(&machine, "echo $(grep -c 'hostname: test-guest' /dev/vdb)-time", "1-time").await;
    prints(&machine, "echo kept-data > /dev/vda; sync; echo wrote-$((6*7))", "wrote-42").await;
    assert!(std::fs::read(machine.cluster.claim_file("root")).unwrap().starts_with(b"kept-data\n"));

    plug(&machine, "scsi").await;
    prints(&machine, "echo $(grep -c sd /proc/partitions)-disks", "2-disks").await;
    unplug(&machine).await;
    prints(&machine, "echo $(grep -c sd /proc/partitions)-disks", "1-disks").await;
    plug(&machine, "virtio").await;
    prints(&machine, "test -b /dev/vdc && echo third-$((6*7))", "third-42").await;
    unplug(&machine).await;
    machine.cluster.stop(true).await;
}
