//! Three versions of an object made one, field by field.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What `mine` changed of `base`, on top of `theirs`; or the fields that both changed in different ways. A list counts as
/// one field: what its places mean is not known here.
pub(super) fn merge(base: &Value, mine: &Value, theirs: &Value) -> Result<Value, Vec<String>> {
    let mut conflicts = Vec::new();
    let merged = field("", Some(base), Some(mine), Some(theirs), &mut conflicts);
    if conflicts.is_empty() { Ok(merged.unwrap_or_default()) } else { Err(conflicts) }
}

fn field(
    path: &str,
    base: Option<&Value>,
    mine: Option<&Value>,
    theirs: Option<&Value>,
    conflicts: &mut Vec<String>,
) -> Option<Value> {
    if mine == base || mine == theirs {
        return theirs.cloned();
    }
    if theirs == base {
        return mine.cloned();
    }
    let nothing = Map::new();
    match (mine, theirs) {
        (Some(Value::Object(mine)), Some(Value::Object(theirs))) => {
            let base = base.and_then(Value::as_object).unwrap_or(&nothing);
            let names: BTreeSet<_> = base.keys().chain(mine.keys()).chain(theirs.keys()).collect();
            let merged = names.into_iter().filter_map(|name| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                Some((name.clone(), field(&path, base.get(name), mine.get(name), theirs.get(name), conflicts)?))
            });
            Some(Value::Object(merged.collect()))
        }
        _ => {
            conflicts.push(path.to_owned());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn changes_of_different_fields_go_together() {
        let base = json!({"a": 1, "b": {"c": 1, "d": 1}, "gone": 1});
        let mine = json!({"a": 2, "b": {"c": 1, "d": 1, "mine": 1}, "gone": 1});
        let theirs = json!({"a": 1, "b": {"c": 3, "d": 1, "theirs": 1}});
        assert_eq!(merge(&base, &mine, &theirs), Ok(json!({"a": 2, "b": {"c": 3, "d": 1, "mine": 1, "theirs": 1}})));
    }

    #[test]
    fn the_same_change_twice_is_none() {
        assert_eq!(merge(&json!({"a": 1}), &json!({"a": 2}), &json!({"a": 2})), Ok(json!({"a": 2})));
    }

    #[test]
    fn fields_that_both_changed_are_named() {
        let base = json!({"spec": {"a": 1, "list": [1], "gone": 1}});
        let mine = json!({"spec": {"a": 2, "list": [1, 2], "gone": 2}});
        let theirs = json!({"spec": {"a": 3, "list": [0, 1]}});
        assert_eq!(
            merge(&base, &mine, &theirs),
            Err(vec!["spec.a".to_owned(), "spec.gone".to_owned(), "spec.list".to_owned()])
        );
    }

    fn object() -> impl Strategy<Value = Value> {
        prop::collection::btree_map("[a-c]", 0..3_u8, 0..4).prop_map(|fields| json!(fields))
    }

    proptest! {
        #[test]
        fn whoever_changed_nothing_takes_the_others_version(base in object(), other in object()) {
            prop_assert_eq!(merge(&base, &base, &other), Ok(other.clone()));
            prop_assert_eq!(merge(&base, &other, &base), Ok(other));
        }
    }
}
