//! `VirtualMachineTemplate`: a machine to render, with parameters. Since KubeVirt 1.8 behind the gate `Template`.

/// The group's name.
pub const GROUP: &str = "template.kubevirt.io";

/// Versions of the group, the best one first. They differ in nothing that a reader of templates looks at.
pub const VERSIONS: &[&str] = &["v1beta1", "v1alpha1"];
