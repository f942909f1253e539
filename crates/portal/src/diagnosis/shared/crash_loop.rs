//! A container or a machine that ends again and again.

use super::Explained;

/// What ends so soon, with which exit code, how often.
pub(crate) fn explain(what: &str, exit_code: Option<i32>, times: u32) -> Explained {
    let exit = exit_code.map(|code| format!(" with exit code {code}")).unwrap_or_default();
    let often = match times {
        0 => String::new(),
        1 => ", once so far".to_owned(),
        _ => format!(", {times} times so far"),
    };
    Explained::new(
        format!("{what} ends{exit} soon after it starts{often}"),
        "Its log and the events say why; the next try comes by itself.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_counted() {
        assert_eq!(
            explain("Its container app", Some(1), 4).line(),
            "Its container app ends with exit code 1 soon after it starts, 4 times so far. Its log and the events say \
             why; the next try comes by itself."
        );
        assert_eq!(explain("The machine", None, 0).title, "The machine ends soon after it starts");
    }
}
