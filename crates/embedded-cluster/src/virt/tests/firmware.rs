//! Firmware and TPMs of real guests, as the guests see them. Skipped, said aloud, where QEMU, the guest image, OVMF or
//! swtpm is not there.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::disks::cluster;
use super::fat;
use super::qemu::{Machine, PROMPT, demo, image_folder, is_alive, kill, running_with};
use crate::store::meta;
use crate::virt::kinds::CLAIMS;

/// A variable of the guest's own.
const VARIABLE: &str = "/sys/firmware/efi/efivars/Porthole-7a0a8c5e-0d1b-4a52-9a3f-3a7d5f6f2c10";
/// The last byte of the firmware's own word on it.
const SECURE_BOOT: &str = "tail -c 1 /sys/firmware/efi/efivars/SecureBoot-* | od -An -tu1";
/// `TPM2_ReadClock`, and of its answer the number of times that the TPM was reset: it starts with the TPM's life.
const RESETS: &str = r"exec 3<>/dev/tpm0; printf '\200\001\0\0\0\012\0\0\001\201' | dd bs=10 iflag=fullblock 2>/dev/null >&3; dd bs=64 count=1 2>/dev/null <&3 | od -An -tu1 -j29 -N1";

/// The demonstration guest with firmware and a TPM.
fn with(efi: &Value, tpm: &Value) -> Value {
    let mut spec = demo();
    spec["domain"]["firmware"]["bootloader"]["efi"] = efi.clone();
    spec["domain"]["features"]["smm"] = json!({"enabled": true});
    spec["domain"]["devices"]["tpm"] = tpm.clone();
    spec
}

/// One that runs, unless something for it is missing here.
async fn complete(spec: Value) -> Option<Machine> {
    let machine = running_with(spec, &[]).await?;
    let lacks = machine.cluster.lacks("demo");
    if lacks.is_empty() {
        machine.until_printed("\r", PROMPT).await;
        return Some(machine);
    }
    println!("skipped: the guest starts without {lacks:?}, which is not installed");
    machine.cluster.stop(true).await;
    None
}

impl Machine {
    /// What a command prints, without white space.
    async fn ask(&self, command: &str) -> String {
        let seen = self.until_printed(&format!("echo a$((1))=$({command})=$((2))z\r"), "=2z").await;
        let answer = seen.rsplit_once("=2z").and_then(|(before, _)| before.rsplit_once("a1=")).unwrap().1;
        answer.split_whitespace().collect()
    }

    async fn restart(&self) {
        let cluster = &self.cluster;
        assert_eq!(cluster.machine_action("demo", "stop", "").await.status, 202);
        let is_off = || cluster.printable("demo") == "Stopped" && cluster.instance("demo").is_null();
        cluster.until("it is off", is_off).await;
        assert_eq!(cluster.machine_action("demo", "start", "").await.status, 202);
        cluster.until_printable("demo", "Running").await;
        self.until_printed("\r", PROMPT).await;
    }

    /// The process of its TPM.
    fn tpm_pid(&self) -> String {
        std::fs::read_to_string(self.folder().join("swtpm.pid")).unwrap()
    }

    /// The folder of the claim that keeps its state.
    fn state_folder(&self) -> Option<PathBuf> {
        let (claims, _) = self.cluster.store.list(&CLAIMS, Some("rec"));
        let claim = claims.iter().find(|claim| meta::label(claim, "persistent-state-for") == Some("demo"))?;
        Some(self.cluster.folder.join("claims").join(meta::uid(claim)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_persistent_outlives_a_stop_and_goes_with_the_machine() {
    let kept = json!({"persistent": true});
    let Some(machine) = complete(with(&kept, &kept)).await else { return };
    assert_eq!(machine.ask("dmesg | grep -o 'EFI v.* by EDK II' | tail -c 7").await, "EDKII");
    assert_eq!(machine.ask(SECURE_BOOT).await, "1", "it is on unless it is switched off");
    assert_eq!(machine.ask("basename $(readlink /sys/class/tpm/tpm0/device/driver)").await, "tpm_crb");
    assert_eq!(machine.ask(RESETS).await, "1");
    assert_eq!(machine.ask(&format!("printf '\\007\\0\\0\\0kept' > {VARIABLE}; tail -c 4 {VARIABLE}")).await, "kept");
    let folder = machine.state_folder().unwrap();
    assert!(folder.join("nvram/efi-variables.fd").is_file() && folder.join("swtpm/tpm2-00.permall").is_file());

    machine.restart().await;
    assert_eq!(machine.ask(&format!("tail -c 4 {VARIABLE}")).await, "kept");
    assert_eq!(machine.ask(RESETS).await, "2", "it is the same TPM");
    assert_eq!(machine.ask(SECURE_BOOT).await, "1");

    let (cluster, tpm) = (&machine.cluster, machine.tpm_pid());
    let path = "/apis/kubevirt.io/v1/namespaces/rec/virtualmachines/demo";
    assert_eq!(cluster.send("DELETE", path, "").await.status, 200);
    cluster.until("the claim is gone", || machine.state_folder().is_none() && !folder.exists()).await;
    cluster.until("its TPM has ended", || !is_alive(&tpm)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_persistent_begins_anew() {
    let Some(machine) = complete(with(&json!({"secureBoot": false}), &json!({}))).await else { return };
    assert_eq!(machine.ask("basename $(readlink /sys/class/tpm/tpm0/device/driver)").await, "tpm_tis");
    assert_eq!(machine.ask(SECURE_BOOT).await, "0");
    assert_eq!(machine.ask(RESETS).await, "1");
    assert_eq!(machine.ask(&format!("printf '\\007\\0\\0\\0lost' > {VARIABLE}; tail -c 4 {VARIABLE}")).await, "lost");
    machine.restart().await;
    assert_eq!(machine.ask(&format!("ls {VARIABLE} 2>/dev/null | wc -l")).await, "0");
    assert_eq!(machine.ask(RESETS).await, "1", "another TPM");
    assert!(machine.state_folder().is_none());
    machine.cluster.stop(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tpm_outlives_the_cluster_with_its_guest_and_ends_with_it() {
    let mut spec = demo();
    spec["domain"]["devices"]["tpm"] = json!({});
    let Some(machine) = complete(spec).await else { return };
    assert_eq!(machine.ask(RESETS).await, "1", "also with a BIOS");
    let (tpm, guest) = (machine.tpm_pid(), machine.pid());
    let machine = machine.leave_and_return().await;
    assert!(is_alive(&tpm), "it runs on");
    assert_eq!(machine.ask(RESETS).await, "1");
    kill(&guest);
    machine.cluster.until("its TPM has ended", || !is_alive(&tpm)).await;
    machine.cluster.stop(true).await;
}

/// A machine that boots from the claim `disk`, on which there is nothing but a kernel that nobody signed for it.
fn from_disk(secure_boot: bool) -> Value {
    json!({
        "terminationGracePeriodSeconds": 1,
        "domain": {
            "memory": {"guest": "256Mi"},
            "firmware": {"bootloader": {"efi": {"secureBoot": secure_boot}}},
            "features": {"smm": {"enabled": true}},
            "devices": {"disks": [{"name": "root", "disk": {"bus": "sata"}}]},
        },
        "volumes": [{"name": "root", "persistentVolumeClaim": {"claimName": "disk"}}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn secure_boot_refuses_what_is_not_signed_with_a_key_that_it_knows() {
    let Some((images, (cluster, _temporary))) = image_folder().zip(cluster().await) else { return };
    // The kernel is signed by Debian, whose key is not among Microsoft's.
    let kernel = std::fs::read(images.join("porthole.dev_demo-linux_1/boot/vmlinuz")).unwrap();
    cluster.create_claim("disk", "porthole-snap", "64Mi").await;
    std::fs::write(cluster.claim_file("disk"), fat::bootable(&kernel)).unwrap();
    for (secure_boot, said) in [(true, ": Access Denied"), (false, "BdsDxe: starting Boot")] {
        let name = if secure_boot { "guarded" } else { "open" };
        cluster.create_machine(name, "Always", from_disk(secure_boot)).await;
        cluster.until_printable(name, "Running").await;
        let lacks = cluster.lacks(name);
        if !lacks.is_empty() {
            println!("skipped: the guest starts without {lacks:?}, which is not installed");
            break;
        }
        let log = cluster.context_guest(meta::uid(&cluster.instance(name))).spec.serial_log.clone().unwrap();
        let says = || std::fs::read_to_string(&log).is_ok_and(|words| words.contains(said));
        cluster.until(&format!("the firmware says {said:?}"), says).await;
        let path = format!("/apis/kubevirt.io/v1/namespaces/rec/virtualmachines/{name}");
        assert_eq!(cluster.send("DELETE", &path, "").await.status, 200);
        cluster.until("it is gone", || cluster.instance(name).is_null()).await;
    }
    cluster.stop(true).await;
}
