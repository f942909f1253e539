//! The words and rules that the browser and the server share.
//!
//! Everything here is pure data and pure functions: it compiles to WASM and into the server, knows no
//! Kubernetes client, no database and no clock. What a page shows and what a request is refused by come from
//! the same place, so a disabled button and a 409 can never tell different stories.
//!
//! | module | what it holds |
//! |---|---|
//! | [`name`] | object names as Kubernetes accepts them, checked at the edge |
//! | [`machine`] | a virtual machine as a person sees it: states, actions, rows, details |
//! | [`rules`] | which action is allowed in which state, and the reason why not |
//! | [`chart`] | series of numbers drawn as lines, with their axes in human units |
//! | [`manifest`] | a machine's manifest, looked at and edited: problems at lines, old beside new |
//! | [`metrics`] | what a machine uses, over a range of time |
//! | [`timeline`] | what happened to a machine, in one order |
//! | [`told`] | KubeVirt's conditions and events in plain words |
//! | [`commands`] | the command lines that do what a machine's page does |
//! | [`workload`] | pods and their containers as a person sees them |
//! | [`doctor`] | the check of a whole cluster |
//! | [`find`] | what is found by its name, from anywhere |
//! | [`finding`] | what is wrong with something, why, and what to do |
//! | [`sniff`] | what a file is, from its first bytes |
//! | [`image`] | discs, disks and images as a person sees them; how large and how they are kept |
//! | [`upload`] | chunks, their ledger, what an upload asks and answers |
//! | [`query`] | list queries: search, filter, sort, page, and their answers |
//! | [`session`] | who is signed in and what the cluster behind the portal offers |
//! | [`console`] | why a console closed, in codes and words |
//! | [`create`] | a new machine: the form's draft, its problems and costs, the manifest |
//! | [`live`] | the hints that tell an open page to ask again |
//! | [`editing`] | what can be changed about a machine, and what waits for its next start |
//! | [`node`] | nodes: what they have, what is asked of them, and what becomes of their pods when they are emptied |
//! | [`error`] | the one error that reaches a page |

pub mod chart;
pub mod commands;
pub mod console;
pub mod create;
pub mod doctor;
pub mod editing;
pub mod error;
pub mod find;
pub mod finding;
pub mod image;
pub mod live;
pub mod machine;
pub mod manifest;
pub mod metrics;
pub mod migration;
pub mod mobility;
pub mod name;
pub mod node;
pub mod query;
pub mod rules;
pub mod session;
pub mod sniff;
pub mod timeline;
pub mod told;
pub mod upload;
pub mod workload;

pub use error::{ErrorCode, UiError};
pub use name::{InvalidName, Name, ObjectRef};
