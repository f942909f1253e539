use super::*;
use model::query::{ListQuery, MAX_PAGE_SIZE, key::PODS};

#[derive(Debug)]
struct Thing {
    at: ObjectRef,
    haystack: String,
    state: u8,
    node: Option<&'static str>,
    created: i64,
    labels: BTreeMap<String, String>,
}

const WORDS: [&str; 3] = ["trouble", "running", "starting"];

impl Entry for Thing {
    type State = u8;

    fn at(&self) -> &ObjectRef {
        &self.at
    }

    fn state(&self) -> u8 {
        self.state
    }

    fn word(state: u8) -> &'static str {
        WORDS[usize::from(state)]
    }

    fn haystack(&self) -> &str {
        &self.haystack
    }

    fn place(&self) -> &str {
        self.node.unwrap_or_default()
    }

    fn node(&self) -> Option<&str> {
        self.node
    }

    fn created(&self) -> Option<i64> {
        Some(self.created)
    }

    fn labels(&self) -> Option<&BTreeMap<String, String>> {
        Some(&self.labels)
    }
}

fn index() -> Index<Thing> {
    let index = Index::default();
    for (namespace, name, state, node, created) in
        [("blue", "web", 2, None, 30), ("blue", "db", 1, Some("n2"), 20), ("green", "mail", 1, Some("n1"), 10)]
    {
        let key = (namespace.to_owned(), name.to_owned());
        let at = ObjectRef::parse(namespace, name).unwrap();
        let labels = BTreeMap::from([("app".to_owned(), name.to_owned())]);
        index.insert(&key, Thing { haystack: format!("{namespace} {name}"), at, state, node, created, labels });
    }
    index
}

fn everything() -> Visible {
    Visible { everywhere: true, namespaces: BTreeSet::new() }
}

fn answer(query: &ListQuery, visible: &Visible, places: &Visible) -> Page<Thing, u8> {
    index().show(visible, places, |seen| page(seen, Asked { tab: &PODS, query, now: 100 }))
}

fn names(query: &ListQuery) -> Vec<String> {
    answer(query, &everything(), &everything()).rows.iter().map(|row| row.haystack.clone()).collect()
}

#[test]
fn lists_come_by_namespace_and_name_unless_the_query_says_otherwise() {
    let by = |sort, descending| ListQuery { sort, descending, ..ListQuery::default() };
    assert_eq!(names(&by(Property::Name, false)), ["blue db", "blue web", "green mail"]);
    assert_eq!(names(&by(Property::Name, true)), ["green mail", "blue web", "blue db"]);
    assert_eq!(names(&by(Property::State, false)), ["blue db", "green mail", "blue web"]);
    assert_eq!(names(&by(Property::Node, false)), ["green mail", "blue db", "blue web"]);
    assert_eq!(names(&by(Property::Age, false)), ["blue web", "blue db", "green mail"]);
}

#[test]
fn a_page_of_a_long_list_is_the_same_part_of_the_whole_order() {
    for sort in [Property::Name, Property::Age, Property::Node] {
        let whole = names(&ListQuery { sort, ..ListQuery::default() });
        let parts: Vec<_> =
            (1..=3).flat_map(|page| names(&ListQuery { sort, page, page_size: 1, ..ListQuery::default() })).collect();
        assert_eq!(parts, whole, "{sort:?}");
    }
}

#[test]
fn nobody_sees_a_namespace_that_is_not_theirs() {
    let blue = Visible { everywhere: false, namespaces: BTreeSet::from(["blue".to_owned()]) };
    let seen = |q: &str| answer(&ListQuery::of(q), &blue, &blue);
    assert_eq!(seen("").total, 2);
    assert_eq!(seen("team:green").total, 0);
    let teams = seen("").reply.facets.into_iter().find(|facet| facet.key == Property::Team);
    assert_eq!(teams, None, "nor does a count tell of it");
}

#[test]
fn whoever_may_not_see_where_things_run_cannot_find_it_out_by_asking() {
    let nowhere = Visible { everywhere: false, namespaces: BTreeSet::new() };
    for q in ["node:n1", "n1"] {
        assert_eq!(answer(&ListQuery::of(q), &everything(), &everything()).total, 1);
        let blind = answer(&ListQuery::of(q), &everything(), &nowhere);
        assert_eq!(blind.total, 0);
        assert!(blind.reply.facets.iter().all(|facet| facet.key != Property::Node));
    }
    let by_node = ListQuery { sort: Property::Node, ..ListQuery::default() };
    let order: Vec<_> = answer(&by_node, &everything(), &nowhere).rows.iter().map(|row| row.created).collect();
    assert_eq!(order, [20, 30, 10], "nor by sorting");
}

#[test]
fn counts_look_at_everything_but_their_own_key() {
    let page = answer(&ListQuery::of("BLUE state:running"), &everything(), &everything());
    let counts: Vec<_> = page.counts.iter().map(|of| (of.state, of.count, of.is_chosen, of.q.as_str())).collect();
    assert_eq!((page.total, counts), (1, vec![(1, 1, true, "BLUE"), (2, 1, false, "BLUE state:starting")]));
    let teams = answer(&ListQuery::of("team:blue state:running"), &everything(), &everything()).reply.facets;
    let teams = teams.into_iter().find(|facet| facet.key == Property::Team).unwrap();
    let teams: Vec<_> =
        teams.values.iter().map(|of| (of.value.as_str(), of.count, of.is_chosen, of.q.as_str())).collect();
    assert_eq!(
        teams,
        [("blue", 1, true, "state:running"), ("green", 1, false, "team:blue,green state:running")],
        "what else could be chosen stands beside what is"
    );
}

#[test]
fn labels_are_counted_and_suggested() {
    let page = answer(&ListQuery::of("label:app=w"), &everything(), &everything());
    assert_eq!((page.total, page.reply.suggestions.as_slice()), (0, &["label:app=web".to_owned()][..]));
}

#[test]
fn what_is_not_understood_is_told_by_a_page_and_refused_for_all() {
    let query = ListQuery::of("stat:x blue");
    let page = answer(&query, &everything(), &everything());
    assert_eq!((page.total, page.reply.problem.unwrap().column), (2, 1));
    let all =
        index().show(&everything(), &everything(), |seen| matching(seen, Asked { tab: &PODS, query: &query, now: 0 }));
    assert_eq!(all.unwrap_err().to_ui().code, model::ErrorCode::Invalid);
}

#[test]
fn a_page_beyond_the_end_is_the_last_one_and_none_is_longer_than_allowed() {
    let query = ListQuery { page: 9, page_size: 2, ..ListQuery::default() };
    let page = answer(&query, &everything(), &everything());
    assert_eq!((page.number, page.total, page.rows.len()), (2, 3, 1));
    let huge = ListQuery { page_size: 5_000, ..ListQuery::default() };
    assert_eq!(answer(&huge, &everything(), &everything()).size, MAX_PAGE_SIZE);
}

#[test]
fn what_a_full_list_does_not_name_is_missing() {
    let listed = HashSet::from([("blue".to_owned(), "web".to_owned())]);
    let missing: Vec<_> = index().missing(&listed).into_iter().map(|(_, name)| name).collect();
    assert_eq!(missing, ["db", "mail"]);
}
