//! One module for each page: what it shows, and where its data comes from.

pub mod console;
pub mod containers;
pub mod create;
pub mod doctor;
pub mod images;
pub mod machine;
pub mod machines;
pub mod migrations;
pub mod move_machine;
pub mod nodes;
pub mod not_found;
pub mod overview;
pub mod pod;
mod resources;
pub mod run;
pub mod services;
pub mod shell;
pub mod sign_in;
pub mod templates;
pub mod workload;
pub mod workloads;
