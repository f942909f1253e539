//! YAML as people write it, from objects: the few forms that manifests need.
//!
//! A writer of its own, because the browser shows it at every keystroke and a whole YAML library would weigh more
//! than the rest of the form.

use core::fmt::Write as _;

use serde_json::{Map, Value};

/// Keys that come first, as people expect them.
const FIRST: [&str; 5] = ["apiVersion", "kind", "metadata", "name", "type"];

/// One document for each object.
pub fn documents<'a>(objects: impl IntoIterator<Item = &'a Value>) -> String {
    let texts: Vec<String> = objects.into_iter().map(document).collect();
    texts.join("---\n")
}

/// One object.
pub fn document(object: &Value) -> String {
    let mut out = String::new();
    match object {
        Value::Object(map) if !map.is_empty() => mapping(map, 0, &mut out),
        other => {
            scalar(other, 0, &mut out);
            out.push('\n');
        }
    }
    out
}

fn mapping(map: &Map<String, Value>, indent: usize, out: &mut String) {
    for (index, (key, value)) in ordered(map).into_iter().enumerate() {
        if index > 0 {
            pad(indent, out);
        }
        text(key, indent, out);
        out.push(':');
        nested(value, indent, out);
    }
}

/// The value of a key: on the same line, or below it.
fn nested(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            pad(indent + 2, out);
            mapping(map, indent + 2, out);
        }
        Value::Array(list) if !list.is_empty() => {
            out.push('\n');
            for item in list {
                pad(indent + 2, out);
                out.push_str("- ");
                match item {
                    Value::Object(map) if !map.is_empty() => mapping(map, indent + 4, out),
                    Value::Array(inner) if !inner.is_empty() => {
                        flow(item, out);
                        out.push('\n');
                    }
                    other => {
                        scalar(other, indent + 2, out);
                        out.push('\n');
                    }
                }
            }
        }
        other => {
            out.push(' ');
            scalar(other, indent, out);
            out.push('\n');
        }
    }
}

fn ordered(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|(a, _), (b, _)| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
    entries
}

fn scalar(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::String(string) => text(string, indent, out),
        other => flow(other, out),
    }
}

fn text(string: &str, indent: usize, out: &mut String) {
    if is_block(string) {
        let is_closed = string.ends_with('\n');
        out.push_str(if is_closed { "|" } else { "|-" });
        for line in string.trim_end_matches('\n').split('\n') {
            out.push('\n');
            if !line.is_empty() {
                pad(indent + 2, out);
                out.push_str(line);
            }
        }
    } else if is_plain(string) {
        out.push_str(string);
    } else {
        flow(&Value::from(string), out);
    }
}

/// On one line: JSON is YAML, but for letters that only YAML forbids. In JSON they stand in strings alone.
fn flow(value: &Value, out: &mut String) {
    for letter in value.to_string().chars() {
        if is_printable(letter) {
            out.push(letter);
        } else {
            let _ = write!(out, "\\u{:04x}", u32::from(letter));
        }
    }
}

/// Whether YAML takes a letter as it is, and never for the end of a line (YAML 1.1, 5.1 and 5.4). All others are in the
/// first plane, so that four digits name them.
const fn is_printable(letter: char) -> bool {
    !matches!(letter, '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether several lines can stand below as they are.
fn is_block(string: &str) -> bool {
    let body = string.strip_suffix('\n').unwrap_or(string);
    body.contains('\n')
        && !body.ends_with('\n')
        && !string.starts_with([' ', '\n', '\t'])
        && string.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
}

/// Whether a text means itself without quotes.
fn is_plain(string: &str) -> bool {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-_./@+".contains(c) || c == ' ' || c == ':';
    let starts_well = string.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_');
    let is_word = matches!(
        string.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
    );
    let is_quantity = string.bytes().next().is_some_and(|c| c.is_ascii_digit())
        && string.ends_with(['i', 'm'])
        && string.bytes().all(|c| c.is_ascii_alphanumeric());
    (is_quantity || starts_well)
        && !is_word
        && string.chars().all(is_safe)
        && !string.contains(": ")
        && !string.ends_with([' ', ':'])
}

fn pad(indent: usize, out: &mut String) {
    out.extend(core::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_manifest_reads_as_people_write_it() {
        let object = json!({
            "kind": "Thing", "apiVersion": "v1", "metadata": {"name": "web-1", "labels": {}},
            "spec": {"disks": [{"disk": {"bus": "virtio"}, "name": "root"}], "memory": "4Gi", "on": true, "text": "a\nb\n"},
        });
        assert_eq!(
            document(&object),
            "apiVersion: v1\nkind: Thing\nmetadata:\n  name: web-1\n  labels: {}\nspec:\n  disks:\n    - name: root\n      disk:\n        bus: virtio\n  memory: 4Gi\n  \"on\": true\n  text: |\n    a\n    b\n"
        );
    }

    #[test]
    fn words_that_yaml_reads_otherwise_are_quoted() {
        for (text, written) in [
            ("true", "\"true\""),
            ("12", "\"12\""),
            ("no", "\"no\""),
            ("a: b", "\"a: b\""),
            ("# a", "\"# a\""),
            ("", "\"\""),
            ("1e3", "\"1e3\""),
            ("\u{7f}5", "\"\\u007f5\""),
            ("a\u{2028}\nb", "\"a\\u2028\\nb\""),
        ] {
            assert_eq!(document(&json!(text)), format!("{written}\n"));
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ -~\n\täé:#'\"{}]{0,16}".prop_map(Value::from),
            "(yes|null|0x1f|1_000|~|- a|1e3|.5|.\n.|2026-01-01)".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-zA-Z0-9 :#]{0,8}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_by_a_yaml_library(value in values()) {
            let text = document(&value);
            let read: Value = serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            prop_assert_eq!(read, value, "{}", text);
        }
    }
}
