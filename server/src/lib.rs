//! The server behind `porthole`: configuration, wiring, routes, lifecycle.
//!
//! This is the only place where all parts meet, and the only one that knows that there is an embedded cluster.
//!
//! | module | what it holds |
//! |---|---|
//! | [`cli`], [`config`], [`environment`] | the command line, and what it decides |
//! | [`start_error`] | why porthole does not start, with the way out |
//! | [`data_dir`] | the folder of its files and the lock on it |
//! | [`serve`] | everything put together, and taken apart again |
//! | [`cluster`] | which cluster, the portal's identity in it, manifests |
//! | [`demo`] | two teams, their machines, three people |
//! | [`accounts`], [`doctor`] | `porthole account`, `porthole doctor` |
//! | [`terminal`], [`logging`] | words for the person at the terminal; the log |
//! | [`web`] | HTTP: routes, sessions, origins, headers |

pub mod accounts;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod data_dir;
pub mod demo;
pub mod doctor;
pub mod environment;
pub mod logging;
pub mod serve;
pub mod start_error;
pub mod terminal;
pub mod web;

/// Rendering a page nests as deep as its parts do; without optimisation that is more than the usual 2 MiB. Only
/// what is used of it takes memory.
const STACK: usize = 16 * 1024 * 1024;

/// The runtime on which everything runs.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build()
}
