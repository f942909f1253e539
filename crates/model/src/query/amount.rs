//! Numbers of queries with their units: `4`, `500m`, `8Gi`, `36h`.

use super::key::Reading;
use crate::create::size;

/// Seconds in each unit of time, the longest first.
const TIMES: [(u64, char); 5] = [(604_800, 'w'), (86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')];

/// Reads an amount in its key's own unit: thousandths of processors, MiB, pieces, seconds.
pub(super) fn read(reading: Reading, text: &str) -> Option<u64> {
    match reading {
        Reading::Cpu => cpu(text),
        Reading::Memory if text.ends_with(|c: char| c.is_ascii_digit()) => None,
        Reading::Memory => size::mib(text),
        Reading::Count => text.parse().ok(),
        Reading::Time => time(text),
        Reading::Word | Reading::Part | Reading::Choice | Reading::Label => None,
    }
}

/// Writes an amount as [`read`] reads it, in the largest unit that leaves a whole number.
pub fn write(reading: Reading, amount: u64) -> String {
    match reading {
        Reading::Cpu if amount.is_multiple_of(1000) => (amount / 1000).to_string(),
        Reading::Cpu => format!("{amount}m"),
        Reading::Memory => size::quantity(amount),
        Reading::Time => {
            let (unit, letter) = TIMES
                .into_iter()
                .find(|(unit, letter)| *letter != 'w' && amount > 0 && amount.is_multiple_of(*unit))
                .unwrap_or((1, 's'));
            format!("{}{letter}", amount / unit)
        }
        Reading::Count | Reading::Word | Reading::Part | Reading::Choice | Reading::Label => amount.to_string(),
    }
}

/// What an amount looks like, for the sentence that says what is wrong.
pub(super) const fn shape(reading: Reading) -> &'static str {
    match reading {
        Reading::Cpu => "a number of processors, such as 2 or 500m",
        Reading::Memory => "a size with its unit, such as 8Gi",
        Reading::Time => "a time with its unit, such as 30s, 10m, 36h or 2d",
        _ => "a whole number",
    }
}

fn cpu(text: &str) -> Option<u64> {
    if let Some(thousandths) = text.strip_suffix('m') {
        return thousandths.parse().ok();
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let thousandths: u64 = format!("{fraction:0<3}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(thousandths)
}

fn time(text: &str) -> Option<u64> {
    let letter = text.chars().last()?;
    let (unit, _) = TIMES.into_iter().find(|(_, known)| *known == letter)?;
    text.strip_suffix(letter)?.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_their_units_and_written_in_the_largest_one() {
        for (reading, text, amount, written) in [
            (Reading::Cpu, "4", 4000, "4"),
            (Reading::Cpu, "0.5", 500, "500m"),
            (Reading::Cpu, "1500m", 1500, "1500m"),
            (Reading::Memory, "8Gi", 8192, "8Gi"),
            (Reading::Memory, "1.5GiB", 1536, "1536Mi"),
            (Reading::Count, "3", 3, "3"),
            (Reading::Time, "120s", 120, "2m"),
            (Reading::Time, "2w", 1_209_600, "14d"),
            (Reading::Time, "36h", 129_600, "36h"),
        ] {
            assert_eq!(read(reading, text), Some(amount), "{text}");
            assert_eq!(write(reading, amount), written);
        }
        assert_eq!(write(Reading::Time, 0), "0s");
    }

    #[test]
    fn an_amount_without_its_unit_is_not_guessed() {
        for (reading, text) in [
            (Reading::Memory, "8"),
            (Reading::Time, "2"),
            (Reading::Time, "d"),
            (Reading::Cpu, "many"),
            (Reading::Count, "-1"),
        ] {
            assert_eq!(read(reading, text), None, "{text}");
        }
    }
}
