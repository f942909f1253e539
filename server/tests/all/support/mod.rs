//! What the tests stand on.

pub mod client;
pub mod cluster;
pub mod porthole;

use std::time::{Duration, Instant};

pub use client::{Answer, Client};
pub use porthole::{PASSWORD, TestPorthole, shared};

/// Waits until something is so, and says what it was instead if it never is.
pub async fn eventually<T, E: std::fmt::Debug>(what: &str, mut look: impl AsyncFnMut() -> Result<T, E>) -> T {
    within(Duration::from_mins(1), what, &mut look).await
}

/// The same with a limit that matters.
pub async fn within<T, E: std::fmt::Debug>(
    limit: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let begun = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(last) if begun.elapsed() > limit => panic!("{what}: not within {limit:?}, but {last:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}
