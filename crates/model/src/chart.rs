//! Series of numbers drawn as lines, with their axes in human units.
//!
//! ```text
//! points (time, number) --draw--> path of an SVG in a box of WIDTH × HEIGHT, marks of the axes, a table of the same
//! ```
//!
//! Drawing is plain arithmetic, done on the server; what a page gets are texts. The marks of both axes stand at equal
//! distances, so that a page can set them beside the drawing without measuring.

use core::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// Width of the drawing.
pub const WIDTH: u16 = 600;
/// Height of the drawing.
pub const HEIGHT: u16 = 120;
/// Rows of the table that says the same as the drawing.
const ROWS: usize = 12;

/// What the numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Processors that are busy.
    Cores,
    /// Bytes.
    Bytes,
    /// Bytes in a second.
    BytesPerSecond,
}

/// Numbers over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What they are, such as `received`.
    pub name: String,
    /// Seconds since 1970, and the number.
    pub points: Vec<(i64, f64)>,
}

/// From when to when a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// In seconds since 1970.
    pub from: i64,
    /// In seconds since 1970.
    pub until: i64,
    /// Seconds between two points; a longer way between two is a gap.
    pub step: i64,
}

/// A chart, ready to be shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// What it is about.
    pub title: String,
    /// Marks of the upright axis from the bottom to the top, at equal distances.
    pub marks: Vec<String>,
    /// Marks of the time from left to right, at equal distances.
    pub times: Vec<String>,
    /// One line for each series.
    pub lines: Vec<Line>,
    /// Where a limit is, from the top of the drawing, and what it is.
    pub limit: Option<(u16, String)>,
    /// The same in numbers: a time in seconds since 1970, and a text for each line.
    pub table: Vec<(i64, Vec<String>)>,
}

/// One line of a chart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What it is.
    pub name: String,
    /// The `d` of its path.
    pub path: String,
    /// The latest number.
    pub now: String,
    /// The largest number.
    pub most: String,
}

/// Draws series. `None` if there is no point to draw.
pub fn draw(title: &str, unit: Unit, series: &[Series], limit: Option<f64>, window: Window) -> Option<Chart> {
    let inside = |at: &i64| (window.from..=window.until).contains(at);
    let all = || series.iter().flat_map(|line| &line.points).filter(|(at, value)| inside(at) && value.is_finite());
    all().next()?;
    let most = all().map(|(_, value)| *value).fold(0.0, f64::max);
    // A limit that is far away would press the line flat.
    let limit = limit.filter(|limit| *limit <= most * 8.0 || unit == Unit::Bytes);
    let (top, steps) = scale(most.max(limit.unwrap_or_default()), unit);
    let marks = (0..=steps).map(|step| words(top * f64::from(step) / f64::from(steps), unit, top)).collect();
    let lines = series.iter().map(|series| {
        let points: Vec<_> =
            series.points.iter().filter(|(at, value)| inside(at) && value.is_finite()).copied().collect();
        let largest = points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        Line {
            name: series.name.clone(),
            path: path(&points, top, window),
            now: points.last().map(|(_, value)| words(*value, unit, *value)).unwrap_or_default(),
            most: words(largest, unit, largest),
        }
    });
    Some(Chart {
        title: title.to_owned(),
        marks,
        times: times(window),
        lines: lines.collect(),
        limit: limit.map(|limit| (height(limit, top), words(limit, unit, limit))),
        table: table(series, unit, window),
    })
}

/// The end of the axis and how many steps lead there.
fn scale(most: f64, unit: Unit) -> (f64, u8) {
    let base = match unit {
        Unit::Cores => 1.0,
        Unit::Bytes | Unit::BytesPerSecond => size(most).0,
    };
    let most = (most / base).max(if unit == Unit::Cores { 0.01 } else { 1.0 });
    let decade = 10_f64.powf(most.log10().floor());
    let nice = [(1.0, 4), (2.0, 4), (2.5, 5), (5.0, 5), (10.0, 4)];
    let (factor, steps) = nice.into_iter().find(|(factor, _)| factor * decade >= most).unwrap_or((10.0, 4));
    (factor * decade * base, steps)
}

/// The unit in which a number of bytes is said.
const fn size(bytes: f64) -> (f64, &'static str) {
    const SIZES: [(f64, &str); 4] =
        [(1_099_511_627_776.0, "TiB"), (1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1024.0, "KiB")];
    let mut place = 0;
    while place < SIZES.len() {
        if bytes >= SIZES[place].0 {
            return SIZES[place];
        }
        place += 1;
    }
    (1.0, "B")
}

/// A number in words, in the unit that suits `like`.
fn words(value: f64, unit: Unit, like: f64) -> String {
    match unit {
        Unit::Cores => format!("{} CPU", short(value)),
        Unit::Bytes | Unit::BytesPerSecond => {
            let (base, name) = size(like);
            let per = if unit == Unit::BytesPerSecond { "/s" } else { "" };
            format!("{} {name}{per}", short(value / base))
        }
    }
}

/// Three digits that count, without zeros at the end.
fn short(value: f64) -> String {
    let digits = match value {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        value if value >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the drawing")]
fn height(value: f64, top: f64) -> u16 {
    let height = f64::from(HEIGHT);
    (height - (value / top * height)).clamp(0.0, height).round() as u16
}

fn path(points: &[(i64, f64)], top: f64, window: Window) -> String {
    let span = u32::try_from((window.until - window.from).max(1)).unwrap_or(u32::MAX);
    let mut path = String::new();
    let mut before: Option<i64> = None;
    for (at, value) in points {
        let across = u32::try_from(at - window.from).unwrap_or_default();
        let x = f64::from(across) / f64::from(span) * f64::from(WIDTH);
        let is_gap = before.is_none_or(|before| at - before > window.step * 4);
        // Writing to a text cannot fail.
        let _ = write!(path, "{}{x:.1} {}", if is_gap { 'M' } else { 'L' }, height(*value, top));
        before = Some(*at);
    }
    path
}

/// From the beginning of the window until now, in quarters.
fn times(window: Window) -> Vec<String> {
    let span = window.until - window.from;
    let ago = |quarters: i64| {
        let minutes = span * quarters / 4 / 60;
        match minutes {
            0 => "now".to_owned(),
            minutes if minutes < 60 => format!("−{minutes} min"),
            minutes if minutes % 60 == 0 => format!("−{} h", minutes / 60),
            minutes => format!("−{} h {:02}", minutes / 60, minutes % 60),
        }
    };
    (0..=4).rev().map(ago).collect()
}

/// The latest number at each of a few moments.
fn table(series: &[Series], unit: Unit, window: Window) -> Vec<(i64, Vec<String>)> {
    let rows = i64::try_from(ROWS).unwrap_or(1);
    let every = ((window.until - window.from) / rows).max(1);
    let row = |at: i64| {
        let cells: Vec<_> = series
            .iter()
            .map(|line| {
                let latest = line.points.iter().rev().find(|(when, _)| *when <= at && *when > at - every);
                latest.map(|(_, value)| words(*value, unit, *value)).unwrap_or_default()
            })
            .collect();
        (at, cells)
    };
    let rows = (0..rows).map(|place| row(window.until - place * every));
    rows.filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { from: 0, until: 3600, step: 15 };

    fn one(points: &[(i64, f64)]) -> Vec<Series> {
        vec![Series { name: "used".to_owned(), points: points.to_vec() }]
    }

    #[test]
    fn a_line_goes_from_left_to_right_and_breaks_where_nothing_is_known() {
        let points = [(0, 0.0), (15, 0.5), (1800, 1.0), (3600, 1.0)];
        let chart = draw("Processors", Unit::Cores, &one(&points), None, WINDOW).unwrap();
        assert_eq!(chart.lines[0].path, "M0.0 120L2.5 60M300.0 0M600.0 0");
        assert_eq!((chart.lines[0].now.as_str(), chart.lines[0].most.as_str()), ("1 CPU", "1 CPU"));
        assert_eq!(chart.marks, ["0 CPU", "0.25 CPU", "0.5 CPU", "0.75 CPU", "1 CPU"]);
        assert_eq!(chart.times, ["−1 h", "−45 min", "−30 min", "−15 min", "now"]);
    }

    #[test]
    fn bytes_are_said_in_the_unit_of_the_axis_and_a_limit_is_drawn() {
        let gib = 1_073_741_824.0;
        let chart = draw("Memory", Unit::Bytes, &one(&[(3600, gib / 2.0)]), Some(2.0 * gib), WINDOW).unwrap();
        assert_eq!(chart.marks, ["0 GiB", "0.5 GiB", "1 GiB", "1.5 GiB", "2 GiB"]);
        assert_eq!(chart.limit, Some((0, "2 GiB".to_owned())));
        assert_eq!(chart.lines[0].now, "512 MiB");
    }

    #[test]
    fn a_limit_that_is_far_away_does_not_press_the_line_flat() {
        let chart = draw("Processors", Unit::Cores, &one(&[(60, 0.02)]), Some(8.0), WINDOW).unwrap();
        assert_eq!((chart.limit, chart.marks.last().map(String::as_str)), (None, Some("0.02 CPU")));
    }

    #[test]
    fn nothing_to_draw_is_no_chart() {
        assert_eq!(draw("Network", Unit::BytesPerSecond, &one(&[]), None, WINDOW), None);
        assert_eq!(draw("Network", Unit::BytesPerSecond, &one(&[(60, f64::NAN)]), None, WINDOW), None);
        assert_eq!(draw("Network", Unit::BytesPerSecond, &one(&[(9999, 1.0)]), None, WINDOW), None);
    }

    #[test]
    fn a_machine_that_does_nothing_still_has_an_axis() {
        let chart = draw("Network", Unit::BytesPerSecond, &one(&[(60, 0.0), (75, 0.0)]), None, WINDOW).unwrap();
        assert_eq!(chart.marks.last().map(String::as_str), Some("1 B/s"));
        assert_eq!(chart.lines[0].path, "M10.0 120L12.5 120");
    }

    #[test]
    fn the_table_says_the_same_newest_first() {
        let chart = draw("Processors", Unit::Cores, &one(&[(60, 0.25), (3590, 0.5)]), None, WINDOW).unwrap();
        assert_eq!(chart.table, [(3600, vec!["0.5 CPU".to_owned()]), (300, vec!["0.25 CPU".to_owned()])]);
    }
}
