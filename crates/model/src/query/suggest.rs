//! What may come next in a query.

use super::key::{Key, Reading, Tab};
use super::term::Term;
use super::term::What;

/// The most suggestions at once.
const MOST: usize = 12;

/// The whole text with the term at the cursor completed, in every way that is known. `values` are those that a key has
/// now; the cursor is counted in characters.
pub fn suggest(text: &str, cursor: usize, tab: &Tab, values: &dyn Fn(Key) -> Vec<String>) -> Vec<String> {
    let at = text.char_indices().nth(cursor).map_or(text.len(), |(at, _)| at);
    let (before, after) = text.split_at(at);
    // In quotes nothing is completed.
    if before.matches('"').count() % 2 == 1 {
        return Vec::new();
    }
    let begin = before.rfind(char::is_whitespace).map_or(0, |space| space + space_length(&before[space..]));
    let term = &before[begin..];
    let (sign, word) = term.strip_prefix('-').map_or(("", term), |word| ("-", word));
    let kept = format!("{}{sign}", &before[..begin]);
    let after = after.trim_start_matches(|c: char| !c.is_whitespace());
    let completed = match word.split_once(':') {
        Some((head, typed)) => {
            let Some(key) = Key::from_word(head).filter(|key| tab.keys.contains(key)) else { return Vec::new() };
            let (others, last) = typed.rsplit_once(',').map_or(("", typed), |(others, last)| (others, last));
            let others = if others.is_empty() { String::new() } else { format!("{others},") };
            let known = values_of(key, tab, values).into_iter();
            let fitting = known.filter(|value| value.to_lowercase().starts_with(&last.to_lowercase()) && value != last);
            fitting.map(|value| format!("{head}:{others}{}", written(key, &value))).collect::<Vec<_>>()
        }
        None if word.chars().all(|c| c.is_ascii_alphabetic()) => {
            let keys = tab.keys.iter().filter(|key| key.word().starts_with(word));
            keys.map(
                |key| if key.reading().is_number() { format!("{}>", key.word()) } else { format!("{}:", key.word()) },
            )
            .collect()
        }
        None => Vec::new(),
    };
    completed.into_iter().take(MOST).map(|term| format!("{kept}{term}{after}")).collect()
}

fn space_length(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

fn values_of(key: Key, tab: &Tab, values: &dyn Fn(Key) -> Vec<String>) -> Vec<String> {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    match key {
        Key::State => words(tab.states),
        Key::Is => words(tab.flags),
        key if key.reading() == Reading::Label || !key.reading().is_number() => values(key),
        _ => Vec::new(),
    }
}

/// A value as a term has it, quoted if need be.
fn written(key: Key, value: &str) -> String {
    let term = Term { is_not: false, what: What::Any(key, vec![value.to_owned()]) }.to_string();
    term[key.word().len() + 1..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::key::MACHINES;

    fn at_end(text: &str) -> Vec<String> {
        at(text, text.chars().count())
    }

    fn at(text: &str, cursor: usize) -> Vec<String> {
        suggest(text, cursor, &MACHINES, &|key| match key {
            Key::Node => vec!["node-1".to_owned(), "node-2".to_owned(), "other".to_owned()],
            Key::Os => vec!["Ubuntu 24.04".to_owned()],
            _ => Vec::new(),
        })
    }

    #[test]
    fn keys_are_offered_by_their_first_letters() {
        assert_eq!(at_end("web st"), ["web state:"]);
        assert_eq!(at_end("-n"), ["-node:", "-name:"]);
        assert_eq!(at_end("mem"), ["memory>"]);
        assert_eq!(at_end("").len(), MOST, "all that there is room for");
    }

    #[test]
    fn values_are_offered_after_the_key() {
        assert_eq!(at_end("state:st"), ["state:starting", "state:stopping", "state:stopped"]);
        assert_eq!(at_end("web node:node-1,node"), ["web node:node-1,node-1", "web node:node-1,node-2"]);
        assert_eq!(at_end("os:u"), ["os:\"Ubuntu 24.04\""]);
        assert!(at_end("colour:r").is_empty() && at_end("\"state:").is_empty() && at_end("cpu>").is_empty());
    }

    #[test]
    fn the_term_under_the_cursor_is_completed_and_the_rest_kept() {
        assert_eq!(at("sta web", 3), ["state: web"]);
        assert_eq!(at("ä node:o web", 8), ["ä node:other web"]);
    }
}
