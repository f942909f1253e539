//! Numbers in specifications.

use serde_json::Value;

/// A whole number, or what is meant where there is none.
pub(crate) fn number(value: &Value, default: i64) -> i64 {
    value.as_i64().unwrap_or(default)
}

/// Which way a share of a whole is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    Up,
    Down,
}

/// A number or a percentage of a whole, as `IntOrString` has it.
pub(crate) fn share(value: &Value, whole: i64, round: Round) -> Option<i64> {
    if let Some(number) = value.as_i64() {
        return Some(number);
    }
    let percent: i64 = value.as_str()?.strip_suffix('%')?.parse().ok()?;
    let hundredths = percent.checked_mul(whole)?;
    Some(match round {
        Round::Up => (hundredths + 99).div_euclid(100),
        Round::Down => hundredths.div_euclid(100),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn percentages_are_rounded_the_way_that_is_asked_for() {
        assert_eq!(share(&json!("25%"), 3, Round::Up), Some(1));
        assert_eq!(share(&json!("25%"), 3, Round::Down), Some(0));
        assert_eq!(share(&json!(2), 3, Round::Up), Some(2));
        assert_eq!(share(&json!("two"), 3, Round::Up), None);
    }
}
