//! What the browser may ask of the server: one file per area, every function a public HTTP endpoint.
//!
//! Each function finds out by itself who asks ([`crate::ssr::request_cx`]), takes only plain values and checks
//! them, and answers with data or with one [`ApiError`]. Route guards and disabled buttons are courtesy; this
//! folder is the gate. To add an endpoint: write it here with a stable `endpoint`, begin its body with
//! `request_cx()`, and give it its row in the table of who may call what.

#![expect(missing_docs, reason = "the arguments of a server function become fields of a struct that the macro makes")]

pub mod create;
pub mod doctor;
pub mod editing;
pub mod images;
pub mod inventory;
pub mod machines;
pub mod migrations;
pub mod nodes;
pub mod pods;
pub mod session;
pub mod templates;
mod wire;
pub mod workloads;

pub use wire::{Answer, ApiError, Text, Wire};
