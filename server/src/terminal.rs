//! Words for the person at the terminal: answers on standard output, complaints on standard error. Everything else
//! is the log's.

use std::io::Write;

/// An answer.
pub fn say(text: &str) {
    // Whoever asked may have closed the pipe; there is nobody left to tell.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A complaint or a question.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
