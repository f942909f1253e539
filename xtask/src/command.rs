//! Running other programs: says what and how long, and stops at the first failure with the command's own words.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::paths;

/// Says one line to the person at the terminal.
#[expect(clippy::disallowed_macros, reason = "a command speaks to a person on the terminal; there is no log")]
pub fn tell(line: &str) {
    eprintln!("{line}");
}

/// Tells the person what happens now and roughly how long it takes the first time.
pub fn announce(what: &str, duration: &str) {
    tell(&format!("\n\u{25b8} {what} ({duration})"));
}

/// A program in the workspace, with the project's own tools before everything else on the PATH.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(paths::workspace()).env("PATH", path_with_tools());
    command
}

/// Cargo, as this program was started by it.
pub fn cargo() -> Command {
    program(&env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
}

fn path_with_tools() -> OsString {
    let own = [paths::tools().join("bin"), paths::workspace().join("node_modules/.bin")];
    let inherited = env::var_os("PATH").unwrap_or_default();
    env::join_paths(own.into_iter().chain(env::split_paths(&inherited))).unwrap_or(inherited)
}

/// Runs to the end; an exit code other than 0 is an error that names the command.
pub fn run(command: &mut Command) -> Result<()> {
    let started = Instant::now();
    let status = command.status().with_context(|| format!("cannot start {}", describe(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", describe(command));
    }
    let seconds = started.elapsed().as_secs();
    if seconds >= 5 {
        tell(&format!("  done in {} min {:02} s", seconds / 60, seconds % 60));
    }
    Ok(())
}

/// Runs to the end and gives back what it printed.
pub fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {}", describe(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}", describe(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a program of this name is on the PATH or among the project's own tools.
pub fn exists(name: &str) -> bool {
    env::split_paths(&path_with_tools()).any(|folder| is_file(&folder.join(name)))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

fn describe(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
