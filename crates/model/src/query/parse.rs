//! Reading a query.
//!
//! ```text
//! query  = { term }                         all of them have to hold
//! term   = [ "-" ] ( typed | text )
//! typed  = key ( ":" | "=" ) value { "," value }      one of the values
//!        | key ( "<" | "<=" | ">" | ">=" ) amount
//! text   = what is no key: something about the row contains it
//! ```
//!
//! Quotes keep spaces, commas and colons together; `\"` and `\\` stand for themselves in them. What is wrong is told
//! with its column, and the rest still counts.

use serde::{Deserialize, Serialize};

use super::amount;
use super::key::{Key, Reading, Tab};
use super::near::{did_you_mean, nearest};
use super::term::{Order, Query, Term, What};

/// What somebody wrote and nobody understands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where it begins, in characters, counted from 1.
    pub column: u32,
    /// What is wrong and how it is put right.
    pub message: String,
}

/// What a text says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The terms that were understood.
    pub query: Query,
    /// What was not, in the order of the text.
    pub problems: Vec<Problem>,
}

/// Reads a query about the rows of a tab.
pub fn parse(text: &str, tab: &Tab) -> Parsed {
    let mut reader = Reader { chars: text.chars().collect(), at: 0, tab, parsed: Parsed::default() };
    while reader.skip_spaces() {
        let term = reader.term();
        reader.parsed.query.terms.extend(term);
    }
    reader.parsed
}

struct Reader<'a> {
    chars: Vec<char>,
    at: usize,
    tab: &'a Tab,
    parsed: Parsed,
}

/// A value and where it begins.
struct Value {
    text: String,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Whether something follows.
    fn skip_spaces(&mut self) -> bool {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
        self.at < self.chars.len()
    }

    fn complain(&mut self, at: usize, message: String) {
        let column = u32::try_from(at + 1).unwrap_or(u32::MAX);
        self.parsed.problems.push(Problem { column, message });
    }

    fn term(&mut self) -> Option<Term> {
        let is_not = self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|c| !c.is_whitespace());
        if is_not {
            self.at += 1;
        }
        let begin = self.at;
        let what = match self.head() {
            Some(head) => self.typed(&head, begin)?,
            None => What::Text(self.value(false).text),
        };
        Some(Term { is_not, what })
    }

    /// Letters before a sign; nothing is taken if it is no key.
    fn head(&mut self) -> Option<String> {
        let letters = self.chars[self.at..].iter().take_while(|c| c.is_ascii_alphabetic()).count();
        let sign = self.chars.get(self.at + letters)?;
        if letters == 0 || !matches!(sign, ':' | '=' | '<' | '>') {
            return None;
        }
        let head = self.chars[self.at..self.at + letters].iter().collect::<String>().to_ascii_lowercase();
        self.at += letters;
        Some(head)
    }

    fn typed(&mut self, head: &str, begin: usize) -> Option<What> {
        let sign_at = self.at;
        let order = self.sign();
        let mut values = vec![self.value(true)];
        while self.peek() == Some(',') {
            self.at += 1;
            values.push(self.value(true));
        }
        let Some(key) = Key::from_word(head).filter(|key| self.tab.keys.contains(key)) else {
            let message = self.no_such_key(head, self.chars[sign_at] == '=');
            self.complain(begin, message);
            return None;
        };
        if let Some(empty) = values.iter().find(|value| value.text.is_empty()) {
            let message = format!("Write a value after `{head}`, such as {}.", key.example());
            self.complain(empty.at, message);
            return None;
        }
        match order {
            None => {
                let read: Vec<_> = values.into_iter().map(|value| self.read(key, value)).collect();
                Some(What::Any(key, read.into_iter().collect::<Option<_>>()?))
            }
            Some(_) if !key.reading().is_number() => {
                let message = format!("`{head}` is not compared by more or less. Write {}.", key.example());
                self.complain(sign_at, message);
                None
            }
            Some(_) if values.len() > 1 => {
                self.complain(values[1].at, format!("`{head}` is compared with one value. Write {}.", key.example()));
                None
            }
            Some(order) => {
                let value = values.pop()?;
                let amount = self.amount(key, &value)?;
                Some(What::Than(key, order, amount))
            }
        }
    }

    /// A comparison; `:` and `=` are none.
    fn sign(&mut self) -> Option<Order> {
        let sign = self.peek()?;
        self.at += 1;
        let or_equal = matches!(sign, '<' | '>') && self.peek() == Some('=');
        if or_equal {
            self.at += 1;
        }
        match (sign, or_equal) {
            ('<', false) => Some(Order::Below),
            ('<', true) => Some(Order::AtMost),
            ('>', false) => Some(Order::Above),
            ('>', true) => Some(Order::AtLeast),
            _ => None,
        }
    }

    /// Up to the next space, or comma if those part values.
    fn value(&mut self, is_parted: bool) -> Value {
        let (at, mut text) = (self.at, String::new());
        while let Some(c) = self.peek() {
            match c {
                '"' => self.quoted(&mut text),
                ',' if is_parted => break,
                c if c.is_whitespace() => break,
                c => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        Value { text, at }
    }

    fn quoted(&mut self, text: &mut String) {
        let begin = self.at;
        self.at += 1;
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '"' => return,
                '\\' => {
                    text.extend(self.peek());
                    self.at += 1;
                }
                c => text.push(c),
            }
        }
        self.at = self.chars.len();
        self.complain(begin, "This quote is not closed. Write another \" at the end of the text.".to_owned());
    }

    fn read(&mut self, key: Key, value: Value) -> Option<String> {
        match key.reading() {
            Reading::Word | Reading::Part | Reading::Label => Some(value.text),
            Reading::Choice => {
                let known = if key == Key::State { self.tab.states } else { self.tab.flags };
                let word = value.text.to_lowercase();
                if known.contains(&word.as_str()) {
                    return Some(word);
                }
                let head = key.word();
                let fix = nearest(&word, known.iter().copied()).map_or_else(
                    || format!("There are {}.", known.join(", ")),
                    |known| format!("Did you mean `{head}:{known}`?"),
                );
                self.complain(value.at, format!("There is no {head} `{}`. {fix}", value.text));
                None
            }
            reading => self.amount(key, &value).map(|amount| amount::write(reading, amount)),
        }
    }

    fn amount(&mut self, key: Key, value: &Value) -> Option<u64> {
        let amount = amount::read(key.reading(), &value.text);
        if amount.is_none() {
            let message = format!("`{}` takes {}.", key.word(), amount::shape(key.reading()));
            self.complain(value.at, message);
        }
        amount
    }

    fn no_such_key(&self, head: &str, is_equal_sign: bool) -> String {
        let known = || self.tab.keys.iter().map(|key| key.word());
        let fix = did_you_mean(head, known()).unwrap_or_else(|| {
            if is_equal_sign && self.tab.keys.contains(&Key::Label) {
                format!("For a label write `label:{head}=…`; for text put it in quotes.")
            } else {
                format!("There are {}. For text put it in quotes.", known().collect::<Vec<_>>().join(", "))
            }
        });
        format!("There is no key `{head}`. {fix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::key::{MACHINES, PODS};

    fn problem(text: &str, tab: &Tab) -> (u32, String) {
        let mut problems = parse(text, tab).problems;
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        let Problem { column, message } = problems.remove(0);
        (column, message)
    }

    #[test]
    fn a_query_of_every_kind_of_term_is_understood_and_written_back() {
        for text in [
            "state:running team:blue node:virtual-1 os:ubuntu label:app=web cpu>4 memory>=8Gi age<2d name:web* -label:prod",
            "web \"two words\" -state:stopped,paused cpu:2,4 for>10m is:attention",
            "10.0.0.1:80 fd00::7 a,b",
        ] {
            let parsed = parse(text, &MACHINES);
            assert_eq!(parsed.problems, []);
            assert_eq!(parsed.query.to_string(), text);
        }
        assert!(parse("restarts>3 image:\"my image\",nginx", &PODS).problems.is_empty());
    }

    #[test]
    fn other_ways_to_write_it_become_the_one_way() {
        for (text, canonical) in [
            ("  State:RUNNING   web ", "state:running web"),
            ("cpu=4", "cpu:4"),
            ("memory>=8192MiB", "memory>=8Gi"),
            ("age<48h", "age<2d"),
            ("name:\"web\"", "name:web"),
            ("we\"b\"", "web"),
            ("- web", "- web"),
        ] {
            assert_eq!(
                parse(text, &MACHINES).query.to_string(),
                if canonical == "- web" { "\"-\" web" } else { canonical }
            );
        }
    }

    #[test]
    fn problems_point_at_their_column_and_say_what_to_write() {
        for (text, column, words) in [
            ("web stat:running", 5, "There is no key `stat`. Did you mean `state`?"),
            ("state:runing", 7, "There is no state `runing`. Did you mean `state:running`?"),
            ("state:running,stoped", 15, "Did you mean `state:stopped`?"),
            ("memory>8", 8, "`memory` takes a size with its unit, such as 8Gi."),
            ("age<2", 5, "a time with its unit"),
            ("node>4", 5, "`node` is not compared by more or less. Write node:node-1."),
            ("cpu>4,5", 7, "compared with one value"),
            ("team:", 6, "Write a value after `team`, such as team:blue."),
            ("team:blue,", 11, "Write a value after `team`"),
            ("ä \"web", 3, "This quote is not closed."),
            ("app=web", 1, "For a label write `label:app=…`"),
            ("-zzzzzz:1", 2, "There are state, team, node"),
        ] {
            let (at, message) = problem(text, &MACHINES);
            assert_eq!(at, column, "{text}: {message}");
            assert!(message.contains(words), "{text}: {message}");
        }
        assert!(problem("restarts>3", &MACHINES).1.contains("There is no key `restarts`"));
    }

    #[test]
    fn what_is_understood_counts_beside_what_is_not() {
        let parsed = parse("stat:x web colour:y state:running", &MACHINES);
        assert_eq!(parsed.query.to_string(), "web state:running");
        assert_eq!(parsed.problems.iter().map(|problem| problem.column).collect::<Vec<_>>(), [1, 12]);
    }
}
