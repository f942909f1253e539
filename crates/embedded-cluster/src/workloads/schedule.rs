//! Schedules of cron jobs: `minute hour day month weekday`, and the short forms such as `@hourly`.
//!
//! Times are in UTC. The crates for this bring a second library for calendars along; what Kubernetes reads is a page.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// How many years ahead a time is looked for: the 29th of February comes within eight.
const YEARS: i32 = 9;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Times that come again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

/// One place of a schedule: which numbers it takes, as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    bits: u64,
    /// Whether it was a star: it then does not make days narrower.
    is_any: bool,
}

impl Field {
    fn has(self, number: i8) -> bool {
        u32::try_from(number).is_ok_and(|number| self.bits >> number & 1 == 1)
    }
}

impl Schedule {
    /// Reads a schedule; the error is what Kubernetes says about it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other if other.starts_with('@') => return Err(format!("unrecognized descriptor: {other}")),
            other => other,
        };
        if text.is_empty() {
            return Err("empty spec string".to_owned());
        }
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = parts[..] else {
            return Err(format!("expected exactly 5 fields, found {}: [{}]", parts.len(), parts.join(" ")));
        };
        let mut weekdays = field(weekdays, 0, 7, &DAYS)?;
        // The seventh day is the first of the next week.
        weekdays.bits = (weekdays.bits | weekdays.bits >> 7) & 0x7f;
        Ok(Self {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days: field(days, 1, 31, &[])?,
            months: field(months, 1, 12, &MONTHS)?,
            weekdays,
        })
    }

    /// The first time after another.
    pub(crate) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let after = after.to_zoned(TimeZone::UTC).datetime();
        let end = i32::from(after.year()) + YEARS;
        let mut date = after.date();
        while i32::from(date.year()) < end {
            if self.has_day(date) {
                let times = (0..24).filter(|hour| self.hours.has(*hour)).flat_map(|hour| {
                    (0..60).filter(|minute| self.minutes.has(*minute)).map(move |minute| date.at(hour, minute, 0, 0))
                });
                if let Some(found) = times.into_iter().find(|time| *time > after) {
                    return instant(found);
                }
            }
            date = date.checked_add(1.day()).ok()?;
        }
        None
    }

    /// Two restrictions on days are alternatives, as in every cron.
    fn has_day(&self, date: Date) -> bool {
        let by_day = self.days.has(date.day());
        let by_weekday = self.weekdays.has(date.weekday().to_sunday_zero_offset());
        let fits = if self.days.is_any || self.weekdays.is_any { by_day && by_weekday } else { by_day || by_weekday };
        fits && self.months.has(date.month())
    }
}

fn instant(time: DateTime) -> Option<Timestamp> {
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn field(text: &str, least: u32, most: u32, names: &[&str]) -> Result<Field, String> {
    let mut bits = 0;
    let mut is_any = false;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u32>().map_err(|_| bad_number(step))?)),
            None => (part, None),
        };
        if step == Some(0) {
            return Err(format!("step of range should be a positive number: {part}"));
        }
        let (first, last) = match range {
            "*" | "?" => {
                is_any |= step.is_none() || step == Some(1);
                // Sunday has two numbers; a star means each day once.
                (least, if names.len() == DAYS.len() { most - 1 } else { most })
            }
            range => match range.split_once('-') {
                Some((first, last)) => (value(first, least, names)?, value(last, least, names)?),
                None => {
                    let first = value(range, least, names)?;
                    (first, if step.is_some() { most } else { first })
                }
            },
        };
        if first < least {
            return Err(format!("beginning of range ({first}) below minimum ({least}): {part}"));
        }
        if last > most {
            return Err(format!("end of range ({last}) above maximum ({most}): {part}"));
        }
        if first > last {
            return Err(format!("beginning of range ({first}) beyond end of range ({last}): {part}"));
        }
        for number in (first..=last).step_by(usize::try_from(step.unwrap_or(1)).unwrap_or(1)) {
            bits |= 1_u64 << number;
        }
    }
    Ok(Field { bits, is_any })
}

fn value(text: &str, least: u32, names: &[&str]) -> Result<u32, String> {
    let lower = text.to_ascii_lowercase();
    if let Some(at) = names.iter().position(|name| *name == lower) {
        return Ok(u32::try_from(at).unwrap_or(0) + if names.len() == MONTHS.len() { least } else { 0 });
    }
    text.parse().map_err(|_| bad_number(text))
}

fn bad_number(text: &str) -> String {
    format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, after: &str) -> String {
        Schedule::parse(schedule).unwrap().next_after(after.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn the_next_time_is_found_in_every_form() {
        let noon = "2026-11-27T12:00:00Z";
        assert_eq!(next("* * * * *", noon), "2026-11-27T12:01:00Z");
        assert_eq!(next("*/15 * * * *", noon), "2026-11-27T12:15:00Z");
        assert_eq!(next("@daily", noon), "2026-11-28T00:00:00Z");
        assert_eq!(next("30 6 * * mon-fri", noon), "2026-11-30T06:30:00Z", "the 28th is a Saturday");
        assert_eq!(next("0 0 29 2 *", noon), "2028-02-29T00:00:00Z");
        assert_eq!(next("0 0 13 * 5", noon), "2026-12-04T00:00:00Z", "a Friday or a 13th");
        assert_eq!(next("0 0 * * 7", noon), "2026-11-29T00:00:00Z", "Sunday is 7, too");
    }

    #[test]
    fn nonsense_is_refused_in_the_words_of_kubernetes() {
        let refused = |text: &str| Schedule::parse(text).unwrap_err();
        assert_eq!(refused("* * *"), "expected exactly 5 fields, found 3: [* * *]");
        assert_eq!(refused("61 * * * *"), "end of range (61) above maximum (59): 61");
        assert_eq!(refused("x * * * *"), "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax");
    }
}
