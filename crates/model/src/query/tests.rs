//! Round trips, and the order of states.

use proptest::prelude::*;

use super::amount;
use super::key::{Key, MACHINES, PODS, Reading, SERVICES, Tab, WORKLOADS};
use super::parse::parse;
use super::term::{Order, Query, Term, What};
use crate::image::ImageState;
use crate::machine::MachineState;
use crate::workload::{PodState, WorkloadState};

#[test]
fn states_sort_in_the_order_in_which_lists_show_them() {
    assert!(MachineState::ALL.is_sorted());
    assert!(PodState::ALL.is_sorted());
    assert!(ImageState::ALL.is_sorted());
    assert!(WorkloadState::ALL.is_sorted());
}

fn values(key: Key, tab: &'static Tab) -> BoxedStrategy<Vec<String>> {
    let value = match (key, key.reading()) {
        (Key::State, _) => proptest::sample::select(tab.states).prop_map(str::to_owned).boxed(),
        (Key::Is, _) => proptest::sample::select(tab.flags).prop_map(str::to_owned).boxed(),
        (_, Reading::Word | Reading::Part | Reading::Label) => "[\\PC ,\"\\\\=*-]{1,12}".boxed(),
        (_, reading) => (0..100_000_u64).prop_map(move |number| amount::write(reading, number)).boxed(),
    };
    proptest::collection::vec(value, 1..4).boxed()
}

fn what(tab: &'static Tab) -> impl Strategy<Value = What> {
    let order = proptest::sample::select(&[Order::Below, Order::AtMost, Order::Above, Order::AtLeast][..]);
    let numbers: Vec<Key> = tab.keys.iter().copied().filter(|key| key.reading().is_number()).collect();
    prop_oneof![
        "[\\PC :=<>,\"\\\\-]{1,12}".prop_map(What::Text),
        proptest::sample::select(tab.keys)
            .prop_flat_map(move |key| values(key, tab).prop_map(move |values| What::Any(key, values))),
        (proptest::sample::select(numbers), order, 0..10_000_000_u64)
            .prop_map(|(key, order, amount)| What::Than(key, order, amount)),
    ]
}

fn query(tab: &'static Tab) -> impl Strategy<Value = Query> {
    let term = (any::<bool>(), what(tab)).prop_map(|(is_not, what)| Term { is_not, what });
    proptest::collection::vec(term, 0..5).prop_map(|terms| Query { terms })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_as_it_was_about_machines(query in query(&MACHINES)) {
        let parsed = parse(&query.to_string(), &MACHINES);
        prop_assert_eq!(parsed.problems, Vec::new());
        prop_assert_eq!(parsed.query, query);
    }

    #[test]
    fn what_is_written_is_read_back_as_it_was_about_pods(query in query(&PODS)) {
        let parsed = parse(&query.to_string(), &PODS);
        prop_assert_eq!(parsed.problems, Vec::new());
        prop_assert_eq!(parsed.query, query);
    }

    #[test]
    fn what_is_written_is_read_back_as_it_was_about_workloads(query in query(&WORKLOADS)) {
        let parsed = parse(&query.to_string(), &WORKLOADS);
        prop_assert_eq!(parsed.problems, Vec::new());
        prop_assert_eq!(parsed.query, query);
    }

    #[test]
    fn what_is_written_is_read_back_as_it_was_about_services(query in query(&SERVICES)) {
        let parsed = parse(&query.to_string(), &SERVICES);
        prop_assert_eq!(parsed.problems, Vec::new());
        prop_assert_eq!(parsed.query, query);
    }

    #[test]
    fn whatever_is_typed_is_answered_and_its_canonical_form_stays(text in "[a-z:=<>,\"\\\\* \\PC-]{0,40}") {
        let parsed = parse(&text, &MACHINES);
        let again = parse(&parsed.query.to_string(), &MACHINES);
        prop_assert_eq!(&again.problems, &Vec::new());
        prop_assert_eq!(again.query, parsed.query);
        for problem in parsed.problems {
            prop_assert!(problem.column >= 1 && problem.column as usize <= text.chars().count() + 1);
        }
    }
}
