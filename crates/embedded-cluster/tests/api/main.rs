//! The API as clients see it: over TLS, with tokens.

#![expect(clippy::unwrap_used, reason = "a test may end where it stands")]
#![expect(clippy::disallowed_macros, reason = "a skipped test says so on the terminal")]

mod deleting;
mod kubectl;
mod lifecycle;
mod logs;
mod permissions;
mod reading;
mod recorded;
mod support;
mod troubles;
mod uploading;
mod watching;
mod workloads;
mod writing;
