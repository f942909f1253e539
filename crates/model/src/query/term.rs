//! A query that was understood, and how it is written.

use core::fmt;

use super::amount;
use super::key::{Key, Tab};
use super::parse::parse;

/// What has to hold: every term of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The terms in the order in which they were written.
    pub terms: Vec<Term>,
}

/// One thing that has to hold, or must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Whether it must not hold.
    pub is_not: bool,
    /// What.
    pub what: What,
}

/// What a term asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Text that something about the row has to contain.
    Text(String),
    /// One of these values.
    Any(Key, Vec<String>),
    /// More or less than an amount, in the unit of the key's reading.
    Than(Key, Order, u64),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

impl Order {
    /// As it is written.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl Term {
    /// The key that it asks about.
    pub const fn key(&self) -> Option<Key> {
        match &self.what {
            What::Text(_) => None,
            What::Any(key, _) | What::Than(key, ..) => Some(*key),
        }
    }
}

impl Query {
    /// One term: a key with one value.
    pub fn of(key: Key, value: &str) -> Self {
        Self { terms: vec![Term { is_not: false, what: What::Any(key, vec![value.to_owned()]) }] }
    }

    /// Whether one of the values that a key has to have is this one.
    pub fn asks(&self, key: Key, value: &str) -> bool {
        self.terms.iter().any(|term| {
            matches!(&term.what, What::Any(of, values) if *of == key && !term.is_not && values.iter().any(|v| v == value))
        })
    }

    /// The query without what it says about a key.
    #[must_use]
    pub fn without(&self, key: Key) -> Self {
        Self { terms: self.terms.iter().filter(|term| term.key() != Some(key)).cloned().collect() }
    }

    /// The query in which a key has this one value; without it if it has that already.
    #[must_use]
    pub fn with_only(&self, key: Key, value: &str) -> Self {
        let mut next = self.without(key);
        if !self.asks(key, value) {
            next.terms.extend(Self::of(key, value).terms);
        }
        next
    }

    /// The query with one value more for a key, or one less if it is there already.
    #[must_use]
    pub fn toggled(&self, key: Key, value: &str) -> Self {
        let mut next = self.clone();
        let is_in = self.asks(key, value);
        for term in &mut next.terms {
            if let What::Any(of, values) = &mut term.what
                && *of == key
                && !term.is_not
            {
                values.retain(|known| known != value);
                if !is_in {
                    values.push(value.to_owned());
                    return next;
                }
            }
        }
        next.terms.retain(|term| !matches!(&term.what, What::Any(_, values) if values.is_empty()));
        if !is_in {
            next.terms.extend(Self::of(key, value).terms);
        }
        next
    }

    /// Whether it says anything but where and how things are.
    pub fn is_search(&self) -> bool {
        self.terms.iter().any(|term| !matches!(term.key(), Some(Key::State | Key::Team)))
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            term.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_not {
            f.write_str("-")?;
        }
        match &self.what {
            What::Text(text) => f.write_str(&quoted(text, is_plain_text)),
            What::Any(key, values) => {
                let values: Vec<_> = values.iter().map(|value| quoted(value, is_plain_value)).collect();
                write!(f, "{}:{}", key.word(), values.join(","))
            }
            What::Than(key, order, amount) => {
                write!(f, "{}{}{}", key.word(), order.sign(), amount::write(key.reading(), *amount))
            }
        }
    }
}

fn quoted(text: &str, is_plain: fn(&str) -> bool) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

fn is_plain_value(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\\' | ','))
}

/// A word that would be read as something else is written in quotes.
fn is_plain_text(text: &str) -> bool {
    let looks_typed = text
        .split_once(|c: char| !c.is_ascii_alphabetic())
        .is_some_and(|(head, _)| !head.is_empty() && text[head.len()..].starts_with([':', '=', '<', '>']));
    let is_one_word = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\\'));
    is_one_word && !text.starts_with('-') && !looks_typed
}

/// The query as it is written best: what was not understood is left out.
pub fn canonical(text: &str, tab: &Tab) -> String {
    parse(text, tab).query.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::key::MACHINES;

    fn read(text: &str) -> Query {
        parse(text, &MACHINES).query
    }

    #[test]
    fn a_press_on_a_value_adds_it_and_another_takes_it_away() {
        let one = read("web").toggled(Key::Team, "blue");
        assert_eq!(one.to_string(), "web team:blue");
        let two = one.toggled(Key::Team, "green");
        assert_eq!(two.to_string(), "web team:blue,green");
        assert_eq!(two.toggled(Key::Team, "blue").to_string(), "web team:green");
        assert_eq!(one.toggled(Key::Team, "blue").to_string(), "web");
        assert_eq!(read("-team:blue").toggled(Key::Team, "blue").to_string(), "-team:blue team:blue");
    }

    #[test]
    fn a_state_replaces_another_one_and_a_second_press_shows_all() {
        let stopped = read("web state:running").with_only(Key::State, "stopped");
        assert_eq!(stopped.to_string(), "web state:stopped");
        assert_eq!(stopped.with_only(Key::State, "stopped").to_string(), "web");
    }

    #[test]
    fn what_looks_like_a_key_is_quoted_when_it_is_text() {
        for text in ["nginx:1.25", "-5", "a b", "say \"hi\"", ""] {
            let query = Query { terms: vec![Term { is_not: false, what: What::Text(text.to_owned()) }] };
            let written = query.to_string();
            assert!(written.starts_with('"'), "{written}");
            if !text.is_empty() {
                assert_eq!(read(&written), query);
            }
        }
    }
}
