//! Hashes of templates, in letters that make no words.

use serde_json::Value;

/// As in generated names.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const FNV_OFFSET: u32 = 2_166_136_261;
const FNV_PRIME: u32 = 16_777_619;

/// A short name for a value: the same for the same value, and hardly ever the same for another.
pub(super) fn hash(value: &Value, collisions: i64) -> String {
    let mut state = FNV_OFFSET;
    feed_value(&mut state, value);
    if collisions > 0 {
        feed(&mut state, &collisions.to_le_bytes());
    }
    let letter = |digit: u8| char::from(LETTERS[usize::from(digit) % LETTERS.len()]);
    state.to_string().bytes().map(letter).collect()
}

fn feed(state: &mut u32, bytes: &[u8]) {
    for byte in bytes {
        *state = (*state ^ u32::from(*byte)).wrapping_mul(FNV_PRIME);
    }
}

/// The order of fields says nothing, so it must not count.
fn feed_value(state: &mut u32, value: &Value) {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().filter(|(_, value)| !value.is_null()).collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            for (name, value) in sorted {
                feed(state, name.as_bytes());
                feed(state, b":");
                feed_value(state, value);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| {
            feed(state, b",");
            feed_value(state, item);
        }),
        plain => feed(state, plain.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_same_template_has_the_same_name_and_a_collision_another() {
        let template = json!({"spec": {"containers": [{"name": "a", "image": "b"}], "x": null}});
        let again = json!({"spec": {"containers": [{"image": "b", "name": "a"}]}});
        assert_eq!(hash(&template, 0), hash(&again, 0));
        assert_ne!(hash(&template, 0), hash(&template, 1));
    }
}
