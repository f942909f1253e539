//! One module of several pieces.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use wasmparser::{Parser, Payload, TypeRef};

/// The module that merged pieces ask for what runs already.
const RUNNING: &str = "running";

/// Writes one module that holds all of the pieces.
///
/// Pieces know nothing of each other: each asks for the memory, the table and the stack of what runs already. A module
/// that only hands these on stands for it while they are put together, so that the result asks for each of them once.
pub fn merge(pieces: &[PathBuf], to: &Path) -> Result<()> {
    let [first, ..] = pieces else { bail!("a part without a piece") };
    if pieces.len() == 1 {
        return fs::rename(first, to).context("cannot name a part");
    }
    let running = first.with_file_name("running.wat");
    fs::write(&running, hands_on(&fs::read(first)?)?)?;
    let mut merge = Command::new("wasm-merge");
    merge.arg(&running).arg("__wasm_split");
    for piece in pieces {
        merge.arg(piece).arg(piece.file_stem().unwrap_or_default());
    }
    merge.args(["--enable-bulk-memory", "--enable-nontrapping-float-to-int", "-o"]).arg(to);
    let output = merge.output().context("cannot start wasm-merge")?;
    ensure!(output.status.success(), "wasm-merge: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// A module that exports again everything that a piece imports.
fn hands_on(piece: &[u8]) -> Result<String> {
    let (mut imports, mut exports) = (String::new(), String::new());
    let mut counts = [0_u32; 3];
    for payload in Parser::new(0).parse_all(piece) {
        let Payload::ImportSection(section) = payload? else { continue };
        for import in section.into_imports() {
            let import = import?;
            let (kind, ty) = match import.ty {
                TypeRef::Memory(memory) => (0, format!("{}", memory.initial)),
                TypeRef::Table(table) => (1, format!("{} funcref", table.initial)),
                TypeRef::Global(_) => (2, "(mut i32)".to_owned()),
                _ => bail!(
                    "a piece asks for {}::{}, which is neither memory, table nor global",
                    import.module,
                    import.name
                ),
            };
            let word = ["memory", "table", "global"][kind];
            imports += &format!("(import \"{RUNNING}\" \"{}\" ({word} {ty}))\n", import.name);
            exports += &format!("(export \"{}\" ({word} {}))\n", import.name, counts[kind]);
            counts[kind] += 1;
        }
    }
    Ok(format!("(module\n{imports}{exports})"))
}
