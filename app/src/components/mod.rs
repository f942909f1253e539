//! Parts that know machines, pods and sessions, and the frame around every page.

pub mod crumbs;
pub mod events;
pub mod filters;
pub mod findings;
pub mod frame;
pub mod help;
pub mod kinds_away;
pub mod labels;
pub mod listing;
pub mod live_mark;
pub mod machine_table;
pub mod palette;
pub mod peek;
pub mod picture;
pub mod pod_table;
pub mod power;
pub mod signed_out;
pub mod sort;
pub mod theme;
pub mod toasts;
pub mod uploads;
