//! The difference between two texts, line by line.

use super::DiffLine;

/// The most lines that are compared; longer texts are shown as replaced as a whole.
const MOST: usize = 2000;
/// Lines that stay are shown this far around a change.
const AROUND: usize = 3;

/// What leads from one text to another: lines that go, lines that come, and a few around them. Empty if nothing differs.
pub fn diff(before: &str, after: &str) -> Vec<DiffLine> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    if old == new {
        return Vec::new();
    }
    shortened(&whole(&old, &new))
}

/// All lines of both, by their longest common subsequence.
fn whole(old: &[&str], new: &[&str]) -> Vec<DiffLine> {
    let line = |sign, text: &str| DiffLine { sign, text: text.to_owned() };
    if old.len() > MOST || new.len() > MOST {
        return old.iter().map(|text| line('-', text)).chain(new.iter().map(|text| line('+', text))).collect();
    }
    // `common[i][j]`: how many lines old[i..] and new[j..] have in common.
    let width = new.len() + 1;
    let mut common = vec![0_u16; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = if old[i] == new[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(line(' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            lines.push(line('-', old[i]));
            i += 1;
        } else {
            lines.push(line('+', new[j]));
            j += 1;
        }
    }
    lines
}

/// Leaves out what is far from any change.
fn shortened(lines: &[DiffLine]) -> Vec<DiffLine> {
    let mut kept = Vec::new();
    let mut is_gap = false;
    for (index, line) in lines.iter().enumerate() {
        let near = index.saturating_sub(AROUND)..(index + AROUND + 1).min(lines.len());
        if lines[near].iter().any(|line| line.sign != ' ') {
            kept.push(line.clone());
            is_gap = false;
        } else if !is_gap {
            kept.push(DiffLine { sign: ' ', text: "…".to_owned() });
            is_gap = true;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(before: &str, after: &str) -> Vec<String> {
        diff(before, after).into_iter().map(|line| format!("{}{}", line.sign, line.text)).collect()
    }

    #[test]
    fn equal_texts_have_no_difference_and_a_changed_line_is_both_gone_and_new() {
        assert!(told("a\nb", "a\nb").is_empty());
        assert_eq!(told("a\nb\nc", "a\nx\nc"), [" a", "-b", "+x", " c"]);
    }

    #[test]
    fn what_is_far_away_is_left_out() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9";
        assert_eq!(told(before, &before.replace('9', "x")), [" …", " 6", " 7", " 8", "-9", "+x"]);
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_from_the_whole_difference(old in proptest::collection::vec("[ab]", 0..12), new in proptest::collection::vec("[ab]", 0..12)) {
            let (old, new): (Vec<&str>, Vec<&str>) = (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
            let lines = whole(&old, &new);
            let side = |sign| lines.iter().filter(move |line| line.sign == ' ' || line.sign == sign).map(|line| line.text.as_str());
            prop_assert_eq!(side('-').collect::<Vec<_>>(), old.clone());
            prop_assert_eq!(side('+').collect::<Vec<_>>(), new.clone());
        }
    }
}
