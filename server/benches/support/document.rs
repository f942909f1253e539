//! `docs/performance.md`: each benchmark writes between its own marks.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Prints the figures.
pub fn show(figures: &str) {
    #[expect(clippy::print_stdout, reason = "the benchmark's result is for the person at the terminal")]
    {
        println!("\n{figures}");
    }
}

/// Prints the figures and puts them into the document, in place of the last ones.
pub fn publish(name: &str, figures: &str) -> Result<()> {
    show(figures);
    let (begin, end) = (format!("<!-- {name}: written by cargo xtask bench -->"), format!("<!-- end of {name} -->"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
    let document = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let lost = || format!("docs/performance.md has lost its marks for {name}");
    let (before, rest) = document.split_once(&begin).with_context(lost)?;
    let (_, after) = rest.split_once(&end).with_context(lost)?;
    fs::write(&path, format!("{before}{begin}\n{figures}{end}{after}"))?;
    Ok(())
}
