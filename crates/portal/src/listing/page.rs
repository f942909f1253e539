//! Which rows fit a query, in which order, and one page of them.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use model::query::matching::{Fields as _, Matcher, Verdict};
use model::query::parse::{Parsed, parse};
use model::query::suggest::suggest;
use model::query::{DEFAULT_PAGE_SIZE, Key, List, ListQuery, MAX_PAGE_SIZE, Reply, StateCount, Tab};

use super::facets::Facets;
use super::{Entry, Seen};
use crate::access::Visible;
use crate::error::PortalError;

/// A query about the rows of a tab at a moment, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub tab: &'static Tab,
    pub query: &'a ListQuery,
    pub now: i64,
}

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page<T, S> {
    pub rows: Vec<Arc<T>>,
    pub total: u32,
    pub number: u32,
    pub size: u32,
    pub counts: Vec<StateCount<S>>,
    pub reply: Reply,
}

impl<T, S> Page<T, S> {
    /// What is sent: the page with its rows as the person may see them.
    pub(crate) fn answer<Row, More>(self, rows: Vec<Row>, visible: &Visible, more: More) -> List<Row, S, More> {
        List {
            rows,
            total: self.total,
            page: self.number,
            page_size: self.size,
            counts: self.counts,
            namespaces: visible.namespaces.iter().cloned().collect(),
            reply: self.reply,
            more,
        }
    }
}

/// Answers a query. What of it is not understood is told and left out. Rows come in the order of namespace and name.
pub(crate) fn page<T: Entry>(seen: Vec<Seen<'_, T>>, asked: Asked<'_>) -> Page<T, T::State> {
    let Asked { tab, query, now } = asked;
    let Parsed { query: terms, mut problems } = parse(&query.q, tab);
    let matcher = Matcher::new(&terms, now);
    let (mut states, mut facets) = (BTreeMap::new(), Facets::new(tab));
    let mut fitting = Vec::new();
    for row in seen {
        let verdict = matcher.judge(&row);
        if matches!(verdict, Verdict::Fits | Verdict::ButFor(Key::State)) {
            *states.entry(row.entry.state()).or_insert(0) += 1;
        }
        match verdict {
            Verdict::Fits => {
                facets.count(&row, None);
                fitting.push(row);
            }
            Verdict::ButFor(key) => facets.count(&row, Some(key)),
            Verdict::No => {}
        }
    }
    let page_size = if query.page_size == 0 { DEFAULT_PAGE_SIZE } else { query.page_size.min(MAX_PAGE_SIZE) };
    let total = u32::try_from(fitting.len()).unwrap_or(u32::MAX);
    // A page beyond the end, say after a deletion, shows the last one.
    let number = query.page.clamp(1, total.div_ceil(page_size).max(1));
    let end = usize::try_from(u64::from(number) * u64::from(page_size)).unwrap_or(usize::MAX);
    let first = end.saturating_sub(page_size as usize);
    let rows = sorted(fitting, query, tab, end).into_iter().skip(first).map(|row| Arc::clone(row.entry)).collect();
    let counts = states.into_iter().map(|(state, count)| StateCount {
        state,
        count,
        is_chosen: terms.asks(Key::State, T::word(state)),
        q: terms.with_only(Key::State, T::word(state)).to_string(),
    });
    let suggestions = suggest(&query.q, query.q.chars().count(), tab, &|key| facets.values(key));
    let reply = Reply {
        asked: query.clone(),
        problem: if problems.is_empty() { None } else { Some(problems.remove(0)) },
        suggestions,
        any_state: terms.without(Key::State).to_string(),
        facets: facets.answer(&terms),
    };
    Page { rows, total, number, size: page_size, counts: counts.collect(), reply }
}

/// All rows that a query means, in its order. Here what is not understood is refused: it would mean more rows than
/// somebody thinks.
pub(crate) fn matching<T: Entry>(seen: Vec<Seen<'_, T>>, asked: Asked<'_>) -> Result<Vec<Arc<T>>, PortalError> {
    let Parsed { query, problems } = parse(&asked.query.q, asked.tab);
    if let Some(problem) = problems.into_iter().next() {
        return Err(PortalError::field("q", format!("Column {}: {}", problem.column, problem.message)));
    }
    let matcher = Matcher::new(&query, asked.now);
    let fitting = seen.into_iter().filter(|row| matcher.fits(row)).collect();
    let rows = sorted(fitting, asked.query, asked.tab, usize::MAX);
    Ok(rows.into_iter().map(|row| Arc::clone(row.entry)).collect())
}

/// What rows are sorted by: whether they lack it, and what it is as a number or a text.
type Rank<'a> = (bool, i64, &'a str);

/// The first rows in the query's order. All others are only put behind them, which is much less work than to sort all.
/// Whatever is equal stays in the order of namespace and name.
fn sorted<'a, T: Entry>(rows: Vec<Seen<'a, T>>, query: &ListQuery, tab: &Tab, end: usize) -> Vec<Seen<'a, T>> {
    let mut ranked: Vec<(Rank<'a>, usize, Seen<'a, T>)> =
        rows.into_iter().enumerate().map(|(at, row)| (rank(&row, query.sort, tab), at, row)).collect();
    let order = |a: &(Rank<'a>, usize, Seen<'a, T>), b: &(Rank<'a>, usize, Seen<'a, T>)| -> Ordering {
        let ((no_a, rank_a, text_a), (no_b, rank_b, text_b)) = (a.0, b.0);
        let ascending = (rank_a, text_a, a.1).cmp(&(rank_b, text_b, b.1));
        // Whatever has none comes last, whichever way round the rest is.
        no_a.cmp(&no_b).then(if query.descending { ascending.reverse() } else { ascending })
    };
    if end < ranked.len() {
        ranked.select_nth_unstable_by(end, order);
        ranked.truncate(end);
    }
    ranked.sort_unstable_by(order);
    ranked.into_iter().map(|(.., row)| row).collect()
}

fn rank<'a, T: Entry>(row: &Seen<'a, T>, by: Key, tab: &Tab) -> Rank<'a> {
    let number = |number: Option<i64>| (number.is_none(), number.unwrap_or_default(), "");
    let text = |text: Option<&'a str>| (text.is_none(), 0, text.unwrap_or_default());
    match by {
        Key::Name | Key::Label | Key::Is => (false, 0, ""),
        Key::State => {
            let word = T::word(row.entry.state());
            number(tab.states.iter().position(|known| *known == word).and_then(|place| i64::try_from(place).ok()))
        }
        // The youngest first.
        Key::Age | Key::For => number(row.amount(by).map(|moment| -moment)),
        Key::Cpu | Key::Memory | Key::Ready | Key::Restarts => number(row.amount(by)),
        Key::Team | Key::Node | Key::Address | Key::Os | Key::Kind | Key::Image => text(row.text(by)),
    }
}

/// How many entries are in each state, in the order of states.
pub(crate) fn count<'a, T: Entry + 'a>(entries: impl Iterator<Item = &'a T>) -> Vec<(T::State, u32)> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        *counts.entry(entry.state()).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}
