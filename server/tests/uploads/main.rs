//! Files into images: whole, resumed, cancelled, refused.
//!
//! A program of its own: these tests move many bytes, and the authorisation matrix beside them then waited for a page
//! that never came. Until the cause is known they do not run at the same time.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it says")]

#[expect(dead_code, unused_imports, reason = "shared with the other tests, which need more of it")]
#[path = "../all/support/mod.rs"]
mod support;
mod uploads;
