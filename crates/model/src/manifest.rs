//! A machine's manifest as somebody looks at it and edits it: problems at their lines, old beside new.
//!
//! ```text
//! the text that was read --.
//! the text as edited ------+--> problems, or what would change, or what somebody else changed meanwhile
//! the object as it is now -'
//! ```

use serde::{Deserialize, Serialize};

/// A machine's manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineManifest {
    /// The object as YAML.
    pub text: String,
    /// Whether its status is part of the text, which then cannot be edited.
    pub has_status: bool,
    /// Why this person cannot change it.
    pub change_denied: Option<String>,
}

/// What an edited manifest would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestCheck {
    /// What is wrong, in the order of the lines.
    pub problems: Vec<LineProblem>,
    /// The object as it is now beside what it would become; nothing if nothing would change.
    pub rows: Vec<DiffRow>,
    /// What somebody else changed since the text was read, if it touches the same places.
    pub conflict: Option<ManifestConflict>,
    /// Whether somebody else changed other places, which stay as they changed them.
    pub is_merged: bool,
}

/// Two people changed the same places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestConflict {
    /// The fields that both changed.
    pub fields: Vec<String>,
    /// The manifest as it is now.
    pub theirs: String,
    /// Both changes together; where they touch the same fields, this person's.
    pub with_mine: String,
    /// Both changes together; where they touch the same fields, the other's.
    pub with_theirs: String,
    /// The text that was read beside the manifest as it is now.
    pub rows: Vec<DiffRow>,
}

/// What is wrong at a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineProblem {
    /// The line, counted from 1; `None` for the text as a whole.
    pub line: Option<u32>,
    /// What is wrong.
    pub text: String,
}

/// A line of a text with its number.
pub type NumberedLine = (u32, String);

/// One row of two texts side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiffRow {
    /// The same in both.
    Same(NumberedLine, NumberedLine),
    /// What was, and what is in its place; at least one of them.
    Changed(Option<NumberedLine>, Option<NumberedLine>),
    /// Lines that are the same in both are left out here; how many.
    Skipped(u32),
}

/// Lines shown around a change.
const AROUND: usize = 3;
/// The most pairs of lines that are compared; beyond that the middle counts as rewritten.
const PAIRS: usize = 4_000_000;

/// Two texts line by line: what changed with a few lines around it. Empty if they are the same.
pub fn diff(old: &str, new: &str) -> Vec<DiffRow> {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    if old == new {
        return Vec::new();
    }
    let before = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let room = old.len().min(new.len()) - before;
    let after = old.iter().rev().zip(new.iter().rev()).take(room).take_while(|(a, b)| a == b).count();
    let mut same: Vec<_> = (0..before).map(|line| (line, line)).collect();
    let (old_end, new_end) = (old.len() - after, new.len() - after);
    let middle = common(&old[before..old_end], &new[before..new_end]);
    same.extend(middle.into_iter().map(|(a, b)| (a + before, b + before)));
    same.extend((0..after).map(|line| (old_end + line, new_end + line)));
    shortened(rows(&old, &new, &same))
}

/// Pairs of the longest common subsequence.
fn common(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    if old.len().saturating_mul(new.len()) > PAIRS {
        return Vec::new();
    }
    let width = new.len() + 1;
    let mut length = vec![0_u32; (old.len() + 1) * width];
    for a in (0..old.len()).rev() {
        for b in (0..new.len()).rev() {
            length[a * width + b] = if old[a] == new[b] {
                length[(a + 1) * width + b + 1] + 1
            } else {
                length[(a + 1) * width + b].max(length[a * width + b + 1])
            };
        }
    }
    let (mut a, mut b, mut pairs) = (0, 0, Vec::new());
    while a < old.len() && b < new.len() {
        if old[a] == new[b] {
            pairs.push((a, b));
            a += 1;
            b += 1;
        } else if length[(a + 1) * width + b] >= length[a * width + b + 1] {
            a += 1;
        } else {
            b += 1;
        }
    }
    pairs
}

fn rows(old: &[&str], new: &[&str], same: &[(usize, usize)]) -> Vec<DiffRow> {
    let numbered = |lines: &[&str], line: usize| (u32::try_from(line + 1).unwrap_or(u32::MAX), lines[line].to_owned());
    let (mut a, mut b, mut rows) = (0, 0, Vec::new());
    for (next_a, next_b) in same.iter().copied().chain([(old.len(), new.len())]) {
        while a < next_a || b < next_b {
            let was = (a < next_a).then(|| numbered(old, a));
            let is = (b < next_b).then(|| numbered(new, b));
            a += usize::from(was.is_some());
            b += usize::from(is.is_some());
            rows.push(DiffRow::Changed(was, is));
        }
        if next_a < old.len() {
            rows.push(DiffRow::Same(numbered(old, a), numbered(new, b)));
            a += 1;
            b += 1;
        }
    }
    rows
}

/// Leaves out what is far from every change.
fn shortened(rows: Vec<DiffRow>) -> Vec<DiffRow> {
    let changes: Vec<_> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| matches!(row, DiffRow::Changed(..)))
        .map(|(place, _)| place)
        .collect();
    let mut kept: Vec<DiffRow> = Vec::new();
    for (place, row) in rows.into_iter().enumerate() {
        let next = changes.partition_point(|change| *change < place);
        let near = |change: Option<&usize>| change.is_some_and(|change| change.abs_diff(place) <= AROUND);
        if near(changes.get(next)) || next.checked_sub(1).is_some_and(|last| near(changes.get(last))) {
            kept.push(row);
        } else if let Some(DiffRow::Skipped(count)) = kept.last_mut() {
            *count += 1;
        } else {
            kept.push(DiffRow::Skipped(1));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(number: u32, text: &str) -> NumberedLine {
        (number, text.to_owned())
    }

    #[test]
    fn a_changed_line_stands_beside_what_it_was() {
        let rows = diff("a\nb\nc\n", "a\nB\nc\nd\n");
        assert_eq!(
            rows,
            [
                DiffRow::Same(line(1, "a"), line(1, "a")),
                DiffRow::Changed(Some(line(2, "b")), Some(line(2, "B"))),
                DiffRow::Same(line(3, "c"), line(3, "c")),
                DiffRow::Changed(None, Some(line(4, "d"))),
            ]
        );
    }

    #[test]
    fn what_is_far_from_a_change_is_left_out() {
        let old: String = (0..20).map(|line| format!("{line}\n")).collect();
        let rows = diff(&old, &old.replace("10\n", "ten\n"));
        assert_eq!(
            (rows.len(), rows.first(), rows.last()),
            (9, Some(&DiffRow::Skipped(7)), Some(&DiffRow::Skipped(6)))
        );
        assert!(diff(&old, &old).is_empty());
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_out_of_their_difference(old in "[abc\n]{0,30}", new in "[abc\n]{0,30}") {
            let rows = diff(&old, &new);
            prop_assert_eq!(rows.is_empty(), old.lines().eq(new.lines()));
            let skipped = |rows: &[DiffRow]| rows.iter().any(|row| matches!(row, DiffRow::Skipped(_)));
            if !rows.is_empty() && !skipped(&rows) {
                let side = |pick: fn(&DiffRow) -> Option<&NumberedLine>| -> Vec<String> {
                    rows.iter().filter_map(pick).map(|(_, text)| text.clone()).collect()
                };
                let was = side(|row| match row { DiffRow::Same(was, _) => Some(was), DiffRow::Changed(was, _) => was.as_ref(), DiffRow::Skipped(_) => None });
                let is = side(|row| match row { DiffRow::Same(_, is) => Some(is), DiffRow::Changed(_, is) => is.as_ref(), DiffRow::Skipped(_) => None });
                prop_assert_eq!(was, old.lines().collect::<Vec<_>>());
                prop_assert_eq!(is, new.lines().collect::<Vec<_>>());
            }
        }
    }
}
