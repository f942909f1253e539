//! Creating a machine: what a person fills in, what is wrong with it, what a choice costs, and the objects.
//!
//! ```text
//! MachineDraft --problems--> field: what is wrong and how to mend it     the form, and the refusal
//!      |        --costs----> field: what the choice costs                 beside the field
//!      |        --headroom-> what the team has left of it                 beside the form
//!      `-- + CreateOptions --manifests--> VirtualMachine, Secrets --> YAML, kubectl, virtctl
//!            what the cluster offers
//! VirtualMachine --read_machine--> MachineDraft      for a template of a machine that is there
//! MachineTemplate + values --filled--> MachineDraft  what a template asks for, in its place
//! ```
//!
//! All of it is pure, so the browser shows while somebody types exactly what the server sends afterwards. A draft
//! holds the texts as they were typed: half a number is kept, and named as a problem.
//!
//! # To add a choice
//!
//! 1. A field in [`MachineDraft`] whose default means "nothing special".
//! 2. Its check in [`problems`], if it can be wrong, and its line in [`costs`], if it costs something.
//! 3. Its place in [`manifest`], and a draft that uses it in the table of `tests/manifests.rs`.
//! 4. Its control in the form, under the same field name.

mod commands;
mod copies;
mod cost;
mod draft;
mod generate;
pub mod manifest;
mod options;
mod parameter;
mod problem;
mod quota;
mod read;
pub mod size;
mod system;
mod template;
pub mod yaml;

pub use commands::{kubectl_line, virtctl_line};
pub use copies::{count, each};
pub use cost::costs;
pub use draft::{Boot, Bus, ExtraDisk, Firmware, Hidden, MachineDraft, NetworkChoice, Run, Tpm};
pub use generate::generated;
pub use manifest::{Manifests, all_as_yaml, line_of, manifests, own_secrets};
pub use options::{ClassOption, CreateOptions, ImageKind, ImageOption, SizeCard};
pub use parameter::{
    MACHINE_NAME, ParameterKind, TemplateParameter, filled, kept_parameters, parameters_problem, references,
    with_secrets_open,
};
pub use problem::{Problems, problems, size_of, suggest_name};
pub use quota::{Headroom, QuotaKind, QuotaLine, headroom};
pub use read::{MachineReading, portable_manifest, read_machine};
pub use system::{Family, SystemCard, built_in_systems, system_from_preference};
pub use template::{MachineTemplate, NATIVE, kept_in_template, read_template, summary, title_problem};
