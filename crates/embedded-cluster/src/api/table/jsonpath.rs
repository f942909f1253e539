//! The part of `JSONPath` that printer columns use: fields, indexes and filters on equality.
//!
//! `.status.interfaces[0].ipAddress`, `.metadata.annotations.example\.com/x`,
//! `.status.conditions[?(@.type=='Ready')].status`

use serde_json::Value;

enum Step {
    Field(String),
    Index(usize),
    Where(String, String),
}

/// The first value at the path.
pub fn find<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let found = steps(path)?.iter().try_fold(object, |value, step| match step {
        Step::Field(name) => value.get(name),
        Step::Index(index) => value.get(index),
        Step::Where(field, wanted) => {
            value.as_array()?.iter().find(|element| text(&element[field]).is_some_and(|text| text == *wanted))
        }
    })?;
    (!found.is_null()).then_some(found)
}

/// What a filter compares: plain values as they are written.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = path.trim().trim_start_matches('{').trim_end_matches('}').trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix('[') {
            let (inside, after) = tail.split_once(']')?;
            steps.push(bracket(inside)?);
            rest = after;
        } else {
            let (name, after) = field(rest.strip_prefix('.').unwrap_or(rest));
            if !name.is_empty() {
                steps.push(Step::Field(name));
            }
            rest = after;
        }
    }
    Some(steps)
}

/// A field's name up to the next step; a backslash takes a dot into the name.
fn field(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => name.extend(letters.next().map(|(_, escaped)| escaped)),
            '.' | '[' => return (name, &text[at..]),
            other => name.push(other),
        }
    }
    (name, "")
}

fn bracket(inside: &str) -> Option<Step> {
    if let Ok(index) = inside.parse() {
        return Some(Step::Index(index));
    }
    if let Some(filter) = inside.strip_prefix("?(").and_then(|filter| filter.strip_suffix(')')) {
        let (field, wanted) = filter.split_once("==")?;
        let field = field.trim().strip_prefix("@.")?;
        return Some(Step::Where(field.to_owned(), unquoted(wanted.trim()).to_owned()));
    }
    Some(Step::Field(unquoted(inside).to_owned()))
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['\'', '"'])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn printer_columns_find_their_values() {
        let object = json!({
            "metadata": {"annotations": {"example.com/x": "1"}},
            "status": {
                "interfaces": [{"ipAddress": "10.0.0.1"}],
                "conditions": [{"type": "Paused", "status": "False"}, {"type": "Ready", "status": "True"}],
            },
        });
        let text = |path| find(&object, path).and_then(Value::as_str);
        assert_eq!(text(".status.interfaces[0].ipAddress"), Some("10.0.0.1"));
        assert_eq!(text(".status.conditions[?(@.type=='Ready')].status"), Some("True"));
        assert_eq!(text("{.metadata.annotations.example\\.com/x}"), Some("1"));
        assert_eq!(text(".metadata.annotations['example.com/x']"), Some("1"));
        assert_eq!(text(".status.interfaces[1].ipAddress"), None);
        assert_eq!(text(".status.missing"), None);
    }
}
