//! Routes that are no pages: they need streaming, upgrades, cookies or a plain answer.

pub mod console;
pub mod download;
pub mod events;
pub mod export;
pub mod health;
pub mod logs;
pub mod metrics;
pub mod screen;
pub mod sign_in;
pub mod sign_out;
pub mod uploads;
