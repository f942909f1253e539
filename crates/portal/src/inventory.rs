//! What is done with lists: saved views, one action on many rows, and their rows as a file.
//!
//! | module | what it holds |
//! |---|---|
//! | `views` | queries with names, each person's own |
//! | `order` | which rows are meant, and what is done to one of them |
//! | `runs` | runs under way and those that ended lately |
//! | `export` | rows as CSV |
//! | `usage` | what the rows of a page use, where the cluster measures it |
//!
//! To add a kind of row: its arm in `Inner::meant` and in `Subject` (`order`), and in `Inner::export_rows` (`export`).

mod export;
mod order;
mod runs;
mod usage;
mod views;

pub use order::{BulkOrder, Target};
pub(crate) use runs::{Run, Runs, Work};
pub(crate) use usage::used;
