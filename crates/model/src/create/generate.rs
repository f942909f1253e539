//! Values that a template has made up: `[a-z0-9]{8}` and text around it, as OpenShift's and KubeVirt's templates write it.

/// Longest value that is made up, in characters, for each range.
const LONGEST: usize = 255;

/// A value for an expression; `None` for one that means nothing. `pick` chooses a number below its argument.
pub fn generated(expression: &str, mut pick: impl FnMut(usize) -> usize) -> Option<String> {
    let mut out = String::new();
    let mut rest = expression;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        let (range, after) = after.split_once(']')?;
        let (length, after) = after.strip_prefix('{')?.split_once('}')?;
        let letters = letters(range)?;
        let length: usize = length.parse().ok().filter(|length| (1..=LONGEST).contains(length))?;
        out.extend((0..length).map(|_| letters[pick(letters.len())]));
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// The letters of a range such as `a-zA-Z0-9`, `\w`, `\d` or `\a`.
fn letters(range: &str) -> Option<Vec<char>> {
    let mut letters = Vec::new();
    let mut rest: Vec<char> = range.chars().rev().collect();
    while let Some(first) = rest.pop() {
        if first == '\\' {
            letters.extend(class(rest.pop()?)?);
        } else if rest.last() == Some(&'-') && rest.len() > 1 {
            rest.pop();
            let last = rest.pop()?;
            if last < first {
                return None;
            }
            letters.extend(first..=last);
        } else {
            letters.push(first);
        }
    }
    letters.sort_unstable();
    letters.dedup();
    (!letters.is_empty()).then_some(letters)
}

fn class(letter: char) -> Option<Vec<char>> {
    let alphanumeric = ('a'..='z').chain('A'..='Z').chain('0'..='9');
    match letter {
        'w' => Some(alphanumeric.chain(['_']).collect()),
        'a' => Some(alphanumeric.collect()),
        'd' => Some(('0'..='9').collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_says_which_letters_and_how_many() {
        let first = |expression: &str| generated(expression, |_| 0);
        let last = |expression: &str| generated(expression, |count| count - 1);
        assert_eq!(first("[a-z]{4}").as_deref(), Some("aaaa"));
        assert_eq!(last("[a-z]{4}").as_deref(), Some("zzzz"));
        assert_eq!((first("[\\d]{2}"), last("[\\w]{2}")), (Some("00".to_owned()), Some("zz".to_owned())));
        assert_eq!(first("web-[0-9]{2}-[A-C-]{1}x").as_deref(), Some("web-00--x"));
        assert_eq!(first("fixed").as_deref(), Some("fixed"));
    }

    #[test]
    fn what_means_nothing_makes_nothing_up() {
        for expression in ["[a-z]", "[a-z]{0}", "[a-z]{999}", "[a-z]{x}", "[a-z", "[]{3}", "[z-a]{3}", "[\\q]{3}"] {
            assert_eq!(generated(expression, |_| 0), None, "{expression}");
        }
    }
}
