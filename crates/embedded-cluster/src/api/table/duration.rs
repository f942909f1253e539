//! Ages, as `kubectl` writes them: short, and finer for what is young.

use jiff::SignedDuration;

/// `42s`, `4m18s`, `59m`, `3h12m`, `26h`, `5d3h`, `42d`, `2y10d`.
pub fn human(age: SignedDuration) -> String {
    let seconds = age.as_secs();
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |big: i64, unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{small_unit}") }
    };
    if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        pair(minutes, "m", seconds % 60, "s")
    } else if minutes < 180 {
        format!("{minutes}m")
    } else if hours < 8 {
        pair(hours, "h", minutes % 60, "m")
    } else if hours < 48 {
        format!("{hours}h")
    } else if days < 8 {
        pair(days, "d", hours % 24, "h")
    } else if days < 365 * 2 {
        format!("{days}d")
    } else if days < 365 * 8 {
        pair(days / 365, "y", days % 365, "d")
    } else {
        format!("{}y", days / 365)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_like_those_of_kubectl() {
        let shown = |seconds| human(SignedDuration::from_secs(seconds));
        assert_eq!(
            [0, 119, 120, 258, 3540, 10_800, 11_520, 100_000, 200_000, 691_200, 63_936_000].map(shown),
            ["0s", "119s", "2m", "4m18s", "59m", "3h", "3h12m", "27h", "2d7h", "8d", "2y10d"]
        );
    }
}
