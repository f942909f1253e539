//! The rules about machines, in the order in which they are asked.

mod agent_missing;
mod agent_old;
mod backend_storage;
mod claim_missing;
mod clone_denied;
mod container_disk;
mod cpu_model;
mod crash_loop;
mod disk_elsewhere;
mod disk_not_attached;
mod emulation;
mod firmware_mismatch;
mod gate_missing;
mod held;
mod image_pull;
mod instance_type_missing;
mod kubevirt_silent;
mod kvm_missing;
mod migration_failed;
mod migration_slow;
mod missing_reference;
mod network_missing;
mod no_memory;
mod node_lost;
mod nodes_unprepared;
mod not_migratable;
mod not_synchronized;
mod nothing_to_boot;
mod pod_security;
mod quota;
mod restart_required;
mod slow_start;
mod stuck_leaving;
mod unschedulable;
mod waiting;
mod windows;
mod windows_ancient;
mod windows_driver;
mod windows_needs;

use super::machine_case::MachineCase;
use super::rule::Rule;
use super::told::Told;

/// Every rule about machines. Fallbacks come last and are asked one after the other until one speaks.
pub(super) const RULES: &[Rule<MachineCase>] = &[
    Rule::new("claim-missing", claim_missing::check),
    Rule::new("kvm-missing", kvm_missing::check),
    Rule::new("cpu-model", cpu_model::check),
    Rule::new("nodes-unprepared", nodes_unprepared::check),
    Rule::new("image-pull", image_pull::check),
    Rule::new("container-disk", container_disk::check),
    Rule::new("quota", quota::check),
    Rule::new("pod-security", pod_security::check),
    Rule::new("no-memory", no_memory::check),
    Rule::new("instance-type-missing", instance_type_missing::check),
    Rule::new("network-missing", network_missing::check),
    Rule::new("backend-storage", backend_storage::check),
    Rule::new("missing-reference", missing_reference::check),
    Rule::new("disk-elsewhere", disk_elsewhere::check),
    Rule::new("gate-missing", gate_missing::check),
    Rule::new("kubevirt-silent", kubevirt_silent::check),
    Rule::new("clone-denied", clone_denied::check),
    Rule::new("crash-loop", crash_loop::check),
    Rule::new("held", held::check),
    Rule::new("node-lost", node_lost::check),
    Rule::new("stuck-leaving", stuck_leaving::check),
    Rule::new("disk-not-attached", disk_not_attached::check),
    Rule::new("migration-failed", migration_failed::check),
    Rule::new("migration-slow", migration_slow::check),
    Rule::new("not-migratable", not_migratable::check),
    Rule::new("windows-driver", windows_driver::check),
    Rule::new("windows-needs", windows_needs::check),
    Rule::new("windows-ancient", windows_ancient::check),
    Rule::new("firmware-mismatch", firmware_mismatch::check),
    Rule::new("nothing-to-boot", nothing_to_boot::check),
    Rule::new("restart-required", restart_required::check),
    Rule::new("agent-missing", agent_missing::check),
    Rule::new("agent-old", agent_old::check),
    Rule::new("emulation", emulation::check),
    Rule::fallback("unschedulable", unschedulable::check),
    Rule::fallback("not-synchronized", not_synchronized::check),
    Rule::fallback("unschedulable", unschedulable::without_words),
    Rule::fallback("trouble", not_synchronized::word_alone),
    Rule::fallback("waiting", waiting::check),
    Rule::fallback("slow-start", slow_start::check),
];

/// A state that has no condition of its own, since it began.
fn state_of(case: &MachineCase, words: &str) -> Told {
    Told::state(case.source(), case.phase_since().or_else(|| case.begun()), words)
}
