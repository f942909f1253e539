//! What the benchmarks share: a porthole of its own process, what that used, and the document with the figures.

pub mod document;
pub mod porthole;
pub mod process;
