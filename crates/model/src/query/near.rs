//! The word that somebody may have meant.

/// The nearest known word, if one is near: at most a third of its letters differ.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|known| (distance(word, known), known));
    let near =
        near.filter(|(far, known)| *far <= (known.len() / 3).max(1) || (word.len() > 1 && known.starts_with(word)));
    near.min_by_key(|(far, _)| *far).map(|(_, known)| known)
}

/// The question after it.
pub(super) fn did_you_mean<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|known| format!("Did you mean `{known}`?"))
}

/// How many letters have to be changed, added or taken away (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        assert_eq!(distance("stat", "state"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn only_what_is_near_is_meant() {
        let known = || ["state", "team", "memory"].into_iter();
        assert_eq!(nearest("mem", known()), Some("memory"));
        assert_eq!(nearest("taem", known()), None);
        assert_eq!(nearest("tean", known()), Some("team"));
        assert_eq!(nearest("colour", known()), None);
    }
}
