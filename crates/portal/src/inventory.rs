//! What is done with lists: saved views, one action on many rows, and their rows as a file.
//!
//! | module | what it holds |
//! |---|---|
//! | `views` | queries with names, each person's own |
//! | `order` | which rows are meant, and what is done to one of them |
//! | `runs` | runs under way and those that ended lately |
//! | `export` | rows as CSV |
//!
//! To add a kind of row: its arm in `Inner::meant` and `Inner::do_one` (`order`) and in `Inner::export`.

mod export;
mod order;
mod runs;
mod views;

pub use order::{BulkOrder, Target};
pub(crate) use runs::{Run, Runs, Work};
