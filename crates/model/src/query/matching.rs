//! Whether a row is what a query asks for.
//!
//! A query is prepared once ([`Matcher::new`]), then asked about each row; for a row it allocates nothing.

use std::collections::BTreeMap;

use super::amount;
use super::key::{Key, Reading};
use super::term::{Order, Query, What};

/// A row as a query sees it.
pub trait Fields {
    /// Whether one of the texts that the row has for a key passes a test.
    fn any(&self, key: Key, test: &mut dyn FnMut(&str) -> bool) -> bool;

    /// The row's amount for a key, in the unit of its reading; for times, the moment in seconds since 1970.
    fn amount(&self, key: Key) -> Option<i64>;

    /// Its labels.
    fn labels(&self) -> Option<&BTreeMap<String, String>>;

    /// Whether something about it contains a text, which is in lower case.
    fn contains(&self, text: &str) -> bool;
}

/// A query that is ready to be asked.
#[derive(Debug)]
pub struct Matcher {
    terms: Vec<(bool, Test)>,
}

#[derive(Debug)]
enum Test {
    Contains(String),
    Texts(Key, Vec<Pattern>),
    Labels(Vec<(String, Option<Pattern>)>),
    /// From the least to the most amount, both included.
    Amounts(Key, Vec<(i64, i64)>),
}

#[derive(Debug)]
enum Pattern {
    Whole(String),
    Part(String),
    /// The pieces between the stars.
    Stars(Vec<String>),
}

impl Pattern {
    fn new(text: &str, is_part: bool) -> Self {
        match text {
            text if text.contains('*') => Self::Stars(text.split('*').map(str::to_owned).collect()),
            text if is_part => Self::Part(text.to_owned()),
            text => Self::Whole(text.to_owned()),
        }
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Whole(whole) => whole.eq_ignore_ascii_case(text),
            Self::Part(part) => find(text, part).is_some(),
            Self::Stars(pieces) => fits_stars(pieces, text),
        }
    }
}

/// Where a text contains another, whatever the case of its ASCII letters.
fn find(text: &str, part: &str) -> Option<usize> {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    if part.is_empty() {
        return Some(0);
    }
    text.windows(part.len()).position(|window| window.eq_ignore_ascii_case(part))
}

fn fits_stars(pieces: &[String], text: &str) -> bool {
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return false };
    let bytes = text.as_bytes();
    if bytes.len() < first.len() + last.len()
        || !bytes[..first.len()].eq_ignore_ascii_case(first.as_bytes())
        || !bytes[bytes.len() - last.len()..].eq_ignore_ascii_case(last.as_bytes())
    {
        return false;
    }
    let Some(mut rest) = text.get(first.len()..text.len() - last.len()) else { return false };
    for piece in &pieces[1..pieces.len() - 1] {
        let Some(after) = find(rest, piece).and_then(|at| rest.get(at + piece.len()..)) else { return false };
        rest = after;
    }
    true
}

impl Matcher {
    /// Prepares a query; `now` is the moment that ages are counted from, in seconds since 1970.
    pub fn new(query: &Query, now: i64) -> Self {
        let terms = query.terms.iter().map(|term| (term.is_not, Test::new(&term.what, now)));
        Self { terms: terms.collect() }
    }

    /// Whether every term holds.
    pub fn fits(&self, row: &impl Fields) -> bool {
        self.terms.iter().all(|(is_not, test)| test.holds(row) != *is_not)
    }

    /// The same, and what keeps a row out that would fit but for one key.
    pub fn judge(&self, row: &impl Fields) -> Verdict {
        let mut verdict = Verdict::Fits;
        for (is_not, test) in &self.terms {
            if test.holds(row) != *is_not {
                continue;
            }
            match (test.key(), verdict) {
                (Some(key), Verdict::Fits) => verdict = Verdict::ButFor(key),
                (Some(key), Verdict::ButFor(other)) if key == other => {}
                _ => return Verdict::No,
            }
        }
        verdict
    }
}

/// Whether a row fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every term holds.
    Fits,
    /// Every term holds but those about this key, so the row counts where its values are offered.
    ButFor(Key),
    /// Something else does not hold.
    No,
}

impl Test {
    fn new(what: &What, now: i64) -> Self {
        match what {
            What::Text(text) => Self::Contains(text.to_lowercase()),
            What::Than(key, order, amount) => Self::Amounts(*key, vec![range(*key, Some(*order), *amount, now)]),
            What::Any(key, values) => match key.reading() {
                Reading::Label => Self::Labels(values.iter().map(|value| label(value)).collect()),
                Reading::Word | Reading::Choice => {
                    Self::Texts(*key, values.iter().map(|value| Pattern::new(value, false)).collect())
                }
                Reading::Part => Self::Texts(*key, values.iter().map(|value| Pattern::new(value, true)).collect()),
                reading => {
                    let amounts = values.iter().filter_map(|value| amount::read(reading, value));
                    Self::Amounts(*key, amounts.map(|amount| range(*key, None, amount, now)).collect())
                }
            },
        }
    }

    const fn key(&self) -> Option<Key> {
        match self {
            Self::Contains(_) => None,
            Self::Texts(key, _) | Self::Amounts(key, _) => Some(*key),
            Self::Labels(_) => Some(Key::Label),
        }
    }

    fn holds(&self, row: &impl Fields) -> bool {
        match self {
            Self::Contains(text) => row.contains(text),
            Self::Texts(key, patterns) => row.any(*key, &mut |text| patterns.iter().any(|pattern| pattern.fits(text))),
            Self::Amounts(key, ranges) => row
                .amount(*key)
                .is_some_and(|amount| ranges.iter().any(|(least, most)| (*least..=*most).contains(&amount))),
            Self::Labels(wanted) => row.labels().is_some_and(|labels| {
                wanted.iter().any(|(key, value)| {
                    labels.get(key).is_some_and(|has| value.as_ref().is_none_or(|value| value.fits(has)))
                })
            }),
        }
    }
}

fn label(text: &str) -> (String, Option<Pattern>) {
    match text.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(Pattern::new(value, false))),
        None => (text.to_owned(), None),
    }
}

/// The amounts that fit. An age is turned into the moments that are that old.
fn range(key: Key, order: Option<Order>, amount: u64, now: i64) -> (i64, i64) {
    let amount = i64::try_from(amount).unwrap_or(i64::MAX);
    let (least, most) = match order {
        None if key.reading() == Reading::Time => (amount, amount.saturating_add(unit(amount) - 1)),
        None => (amount, amount),
        Some(Order::Below) => (i64::MIN, amount.saturating_sub(1)),
        Some(Order::AtMost) => (i64::MIN, amount),
        Some(Order::Above) => (amount.saturating_add(1), i64::MAX),
        Some(Order::AtLeast) => (amount, i64::MAX),
    };
    if key.reading() == Reading::Time {
        return (now.saturating_sub(most), now.saturating_sub(least));
    }
    (least, most)
}

/// `age:2d` means the whole of that day.
const fn unit(seconds: i64) -> i64 {
    match seconds {
        s if s > 0 && s % 86_400 == 0 => 86_400,
        s if s > 0 && s % 3_600 == 0 => 3_600,
        s if s > 0 && s % 60 == 0 => 60,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::key::PODS;
    use crate::query::parse::parse;

    struct Web {
        labels: BTreeMap<String, String>,
    }

    const NOW: i64 = 1_000_000;

    impl Fields for Web {
        fn any(&self, key: Key, test: &mut dyn FnMut(&str) -> bool) -> bool {
            let texts: &[&str] = match key {
                Key::Name => &["web-1"],
                Key::State => &["running"],
                Key::Team => &["blue"],
                Key::Image => &["docker.io/library/Nginx:1.25", "side:2"],
                _ => &[],
            };
            texts.iter().any(|text| test(text))
        }

        fn amount(&self, key: Key) -> Option<i64> {
            match key {
                Key::Cpu => Some(4000),
                Key::Restarts => Some(3),
                Key::Age => Some(NOW - 90_000),
                _ => None,
            }
        }

        fn labels(&self) -> Option<&BTreeMap<String, String>> {
            Some(&self.labels)
        }

        fn contains(&self, text: &str) -> bool {
            "web-1 blue nginx".contains(text)
        }
    }

    fn fits(text: &str) -> bool {
        let parsed = parse(text, &PODS);
        assert_eq!(parsed.problems, [], "{text}");
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        Matcher::new(&parsed.query, NOW).fits(&Web { labels })
    }

    #[test]
    fn terms_hold_for_what_they_describe() {
        for text in [
            "",
            "WEB blue",
            "name:web*",
            "name:*-1",
            "name:w*b*1",
            "state:running,trouble",
            "image:nginx",
            "image:side*",
            "label:app",
            "label:app=w*",
            "label:none,app=web",
            "cpu:4",
            "cpu>3 cpu<=4",
            "restarts>2",
            "age:1d",
            "age>1d",
            "age<2d",
            "-state:trouble",
            "-node:a",
            "-for>1s",
        ] {
            assert!(fits(text), "{text}");
        }
    }

    #[test]
    fn a_row_that_fits_but_for_one_key_is_known_by_it() {
        let judge = |text| {
            let row = Web { labels: BTreeMap::new() };
            Matcher::new(&parse(text, &PODS).query, NOW).judge(&row)
        };
        assert_eq!(judge("web state:running"), Verdict::Fits);
        assert_eq!(judge("web state:trouble -state:running"), Verdict::ButFor(Key::State));
        assert_eq!(judge("state:trouble node:a"), Verdict::No);
        assert_eq!(judge("mail state:running"), Verdict::No);
    }

    #[test]
    fn terms_do_not_hold_for_anything_else() {
        for text in [
            "mail",
            "name:web",
            "name:*web",
            "name:web-1*1",
            "state:trouble",
            "image:nginx*",
            "label:app=api",
            "label:prod",
            "cpu>4",
            "restarts:2",
            "age:2d",
            "age<1d",
            "-name:web*",
            "node:*",
            "for>1s",
        ] {
            assert!(!fits(text), "{text}");
        }
    }
}
