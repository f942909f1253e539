//! What a machine may be called.

use super::super::copies;
use super::super::draft::MachineDraft;

/// Longest name of a machine: it becomes a label and the guest's host name.
const LONGEST: usize = 63;

pub(super) fn problem(draft: &MachineDraft) -> Option<String> {
    if draft.name.is_empty() {
        return Some("Give the machine a name, such as web-1.".to_owned());
    }
    single(&draft.name).or_else(|| copies::each(draft).last().and_then(|longest| single(&longest.name)))
}

fn single(name: &str) -> Option<String> {
    if name.len() > LONGEST {
        return Some(format!("A name has at most {LONGEST} characters; {name} has {}.", name.chars().count()));
    }
    let is_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = name.as_bytes();
    let is_right =
        is_word(bytes[0]) && is_word(bytes[bytes.len() - 1]) && bytes.iter().all(|c| is_word(*c) || *c == b'-');
    (!is_right).then(|| {
        let suggestion = suggest_name(name);
        let try_it = if suggestion.is_empty() { String::new() } else { format!(" Try {suggestion}.") };
        format!("A name holds lower-case letters, digits and '-', and begins and ends with a letter or digit.{try_it}")
    })
}

/// The nearest name that Kubernetes accepts; empty if nothing is left.
pub fn suggest_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for letter in text.trim().chars().flat_map(char::to_lowercase) {
        match letter {
            'a'..='z' | '0'..='9' => name.push(letter),
            'ä' => name.push_str("ae"),
            'ö' => name.push_str("oe"),
            'ü' => name.push_str("ue"),
            'ß' => name.push_str("ss"),
            _ if name.ends_with('-') || name.is_empty() => {}
            _ => name.push('-'),
        }
    }
    name.truncate(LONGEST);
    name.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_suggested_name_is_always_accepted(text in ".{0,90}") {
            let suggestion = suggest_name(&text);
            prop_assert!(suggestion.is_empty() || single(&suggestion).is_none(), "{suggestion}");
        }
    }
}
