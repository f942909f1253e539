//! Numbers and times as a person reads them. Pure functions; the clock is an argument.

/// How long ago, in one number and one letter: `12 s`, `4 m`, `3 h`, `4 d`.
pub fn ago(now: i64, then: i64) -> String {
    let seconds = now.saturating_sub(then).max(0);
    match seconds {
        0..=59 => format!("{seconds} s"),
        60..=3_599 => format!("{} m", seconds / 60),
        3_600..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A moment in UTC to the second: `2026-11-23 14:26:09 UTC`.
pub fn utc(seconds: i64) -> String {
    let (year, month, day, hour, minute, second) = civil(seconds);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// The same moment as `<time datetime>` wants it.
pub fn iso(seconds: i64) -> String {
    let (year, month, day, hour, minute, second) = civil(seconds);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Days to a date by Howard Hinnant's `civil_from_days`.
fn civil(seconds: i64) -> (i64, i64, i64, i64, i64, i64) {
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day, of_day / 3_600, of_day % 3_600 / 60, of_day % 60)
}

/// Guest memory as number and unit: `4 GiB`, `1.5 GiB`, `512 MiB`.
pub fn memory(mib: u64) -> (String, &'static str) {
    if mib < 1_024 {
        return (mib.to_string(), "MiB");
    }
    let tenths = (mib * 10 + 512) / 1_024;
    if tenths.is_multiple_of(10) {
        ((tenths / 10).to_string(), "GiB")
    } else {
        (format!("{}.{}", tenths / 10, tenths % 10), "GiB")
    }
}

/// Processors from thousandths, to a tenth: `1.3`; what is less than a tenth in hundredths.
pub fn cpu(milli: u64) -> String {
    if milli < 100 {
        return format!("0.{:02}", (milli + 5) / 10);
    }
    let tenths = (milli + 50) / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A count with its groups apart: `10,000`.
pub fn count(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 machine`, `12 machines`.
pub fn counted(number: u32, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_the_largest_unit_that_still_says_something() {
        let told: Vec<_> =
            [0, 59, 60, 3_599, 3_600, 172_799, 172_800, 864_000].map(|past| ago(1_000_000, 1_000_000 - past)).into();
        assert_eq!(told, ["0 s", "59 s", "1 m", "59 m", "1 h", "47 h", "2 d", "10 d"]);
    }

    #[test]
    fn a_clock_that_runs_ahead_shows_no_negative_time() {
        assert_eq!(ago(100, 160), "0 s");
    }

    #[test]
    fn a_moment_is_written_as_the_calendar_has_it() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(iso(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(iso(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(iso(1_795_443_969), "2026-11-23T14:26:09Z");
        assert_eq!(iso(-1), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn memory_is_told_in_the_unit_that_reads_best() {
        assert_eq!(memory(512), ("512".to_owned(), "MiB"));
        assert_eq!(memory(1_024), ("1".to_owned(), "GiB"));
        assert_eq!(memory(1_536), ("1.5".to_owned(), "GiB"));
        assert_eq!(memory(65_536), ("64".to_owned(), "GiB"));
    }

    #[test]
    fn processors_are_told_to_a_tenth() {
        assert_eq!([0, 4, 37, 100, 1_250, 8_000].map(cpu), ["0.00", "0.00", "0.04", "0.1", "1.3", "8.0"]);
    }

    #[test]
    fn counts_keep_their_groups_apart() {
        assert_eq!([0, 999, 1_000, 10_000, 1_234_567].map(count), ["0", "999", "1,000", "10,000", "1,234,567"]);
        assert_eq!(counted(1, "machine"), "1 machine");
        assert_eq!(counted(0, "machine"), "0 machines");
    }
}
