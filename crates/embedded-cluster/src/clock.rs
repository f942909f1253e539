//! The one place that reads the time, in the shapes that Kubernetes writes.

use jiff::Timestamp;

/// Now.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// `metav1.Time`: whole seconds, for example `2026-11-23T08:00:42Z`.
pub fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

/// `metav1.MicroTime`: six digits, for example `2026-11-23T08:00:42.000001Z`.
pub fn micros(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// Now, as `metav1.Time`.
pub fn now_seconds() -> String {
    seconds(now())
}

/// Reads a `metav1.Time` or `MicroTime`.
pub fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_look_like_those_of_kubernetes() {
        let at: Timestamp = "2026-11-23T08:00:42.987654321Z".parse().unwrap();
        assert_eq!(seconds(at), "2026-11-23T08:00:42Z");
        assert_eq!(micros(at), "2026-11-23T08:00:42.987654Z");
    }
}
