//! Porthole from the outside: a whole one on a free port, with its own embedded cluster, asked over HTTP.
//!
//! | file | what it proves |
//! |---|---|
//! | `authorisation` | who gets what, over every server function and every route |
//! | `signing_in` | sessions, throttling, where a person lands |
//! | `origins` | requests of other sites |
//! | `consoles` | screens and serial consoles: what is refused, what arrives, how it ends |
//! | `containers` | workloads, their logs and shells: what is refused, what arrives, what changes |
//! | `changing` | a machine that is there: discs, disks, size, its end |
//! | `creating` | a machine from the form: made, refused, shown again |
//! | `imports` | images from elsewhere, and quotas |
//! | `inventory` | lists: filters, files, saved views, one action on many rows |
//! | `uploads` | files into images: whole, resumed, cancelled, refused |
//! | `diagnosing` | the classic failures of storage and of Windows, by their names |
//! | `demo` | what the demo holds, and that it is put there once |
//! | `machine` | the parts of a machine's page: manifest, timeline, protection, words |
//! | `moving` | moves to other nodes: begun, refused, to a chosen node, taken back |
//! | `live` | changes made with kubectl arrive |
//! | `answers` | headers, files, probes |
//! | `templates` | what a template asks for, the cluster's own ones, a machine that becomes one |
//! | `starting` | what a person reads when porthole does not start |
//! | `clusters` | a cluster that is away, comes back, refuses, or runs no machines |

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it says")]

mod answers;
mod authorisation;
mod changing;
mod clusters;
mod consoles;
mod containers;
mod creating;
mod demo;
mod diagnosing;
mod imports;
mod inventory;
mod live;
mod machine;
mod moving;
mod origins;
mod signing_in;
mod starting;
mod support;
mod templates;
mod uploads;
