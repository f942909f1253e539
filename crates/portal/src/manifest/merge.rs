//! Three versions of an object made one, field by field.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Whose change stands where both changed the same field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Winner {
    Mine,
    Theirs,
}

/// One object, and the fields that both changed in different ways.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Merged {
    pub object: Value,
    pub conflicts: Vec<String>,
}

/// What `mine` changed of `base`, on top of `theirs`. A list counts as one field: what its places mean is not known here.
pub(super) fn merge(base: &Value, mine: &Value, theirs: &Value, winner: Winner) -> Merged {
    let mut merging = Merging { winner, conflicts: Vec::new() };
    let object = merging.field("", Some(base), Some(mine), Some(theirs)).unwrap_or_default();
    Merged { object, conflicts: merging.conflicts }
}

struct Merging {
    winner: Winner,
    conflicts: Vec<String>,
}

impl Merging {
    fn field(
        &mut self,
        path: &str,
        base: Option<&Value>,
        mine: Option<&Value>,
        theirs: Option<&Value>,
    ) -> Option<Value> {
        if mine == base || mine == theirs {
            return theirs.cloned();
        }
        if theirs == base {
            return mine.cloned();
        }
        if let (Some(Value::Object(mine)), Some(Value::Object(theirs))) = (mine, theirs) {
            let nothing = Map::new();
            let base = base.and_then(Value::as_object).unwrap_or(&nothing);
            let names: BTreeSet<_> = base.keys().chain(mine.keys()).chain(theirs.keys()).collect();
            let merged = names.into_iter().filter_map(|name| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                Some((name.clone(), self.field(&path, base.get(name), mine.get(name), theirs.get(name))?))
            });
            return Some(Value::Object(merged.collect()));
        }
        self.conflicts.push(path.to_owned());
        if self.winner == Winner::Mine { mine.cloned() } else { theirs.cloned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn merged(base: &Value, mine: &Value, theirs: &Value) -> Value {
        let merged = merge(base, mine, theirs, Winner::Mine);
        assert_eq!(merged.conflicts, [""; 0]);
        merged.object
    }

    #[test]
    fn changes_of_different_fields_go_together() {
        let base = json!({"a": 1, "b": {"c": 1, "d": 1}, "gone": 1});
        let mine = json!({"a": 2, "b": {"c": 1, "d": 1, "mine": 1}, "gone": 1});
        let theirs = json!({"a": 1, "b": {"c": 3, "d": 1, "theirs": 1}});
        assert_eq!(merged(&base, &mine, &theirs), json!({"a": 2, "b": {"c": 3, "d": 1, "mine": 1, "theirs": 1}}));
    }

    #[test]
    fn the_same_change_twice_is_none() {
        assert_eq!(merged(&json!({"a": 1}), &json!({"a": 2}), &json!({"a": 2})), json!({"a": 2}));
    }

    #[test]
    fn fields_that_both_changed_are_named_and_somebody_wins() {
        let base = json!({"spec": {"a": 1, "list": [1], "gone": 1, "other": 1}});
        let mine = json!({"spec": {"a": 2, "list": [1, 2], "gone": 2, "other": 1}});
        let theirs = json!({"spec": {"a": 3, "list": [0, 1], "other": 5}});
        let conflicts = vec!["spec.a".to_owned(), "spec.gone".to_owned(), "spec.list".to_owned()];
        let object = json!({"spec": {"a": 2, "list": [1, 2], "gone": 2, "other": 5}});
        assert_eq!(merge(&base, &mine, &theirs, Winner::Mine), Merged { object, conflicts: conflicts.clone() });
        assert_eq!(merge(&base, &mine, &theirs, Winner::Theirs), Merged { object: theirs, conflicts });
    }

    fn object() -> impl Strategy<Value = Value> {
        prop::collection::btree_map("[a-c]", 0..3_u8, 0..4).prop_map(|fields| json!(fields))
    }

    proptest! {
        #[test]
        fn whoever_changed_nothing_takes_the_others_version(base in object(), other in object()) {
            prop_assert_eq!(merged(&base, &base, &other), other.clone());
            prop_assert_eq!(merged(&base, &other, &base), other);
        }
    }
}
