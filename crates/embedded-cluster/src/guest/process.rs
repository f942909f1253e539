//! Processes that outlive whoever started them: each works in its guest's folder and is found by a file there.
//!
//! A number is given to another process sooner or later, so it counts only for a process that works in that folder.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

/// How often to look whether a process has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The process that a file in its folder names, if it runs.
fn running(folder: &Path, file: &str) -> Option<String> {
    let pid = std::fs::read_to_string(folder.join(file)).ok()?.trim().to_owned();
    let works_in = std::fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
    (std::fs::canonicalize(folder).ok()? == works_in).then_some(pid)
}

/// Kills the process that a file in its folder names, if it runs.
pub(super) async fn kill(folder: &Path, file: &str) {
    if let Some(pid) = running(folder, file)
        && let Err(error) = Command::new("kill").args(["-KILL", &pid]).status().await
    {
        tracing::warn!(pid, %error, "a guest's process cannot be killed");
    }
}

/// Waits until the process that a file in its folder names has ended, and kills it when it takes too long.
pub(super) async fn end(folder: &Path, file: &str, patience: Duration) {
    let ended = async {
        while running(folder, file).is_some() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    if tokio::time::timeout(patience, ended).await.is_err() {
        tracing::warn!(folder = %folder.display(), file, "a guest's process does not end and is killed");
        kill(folder, file).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_process_that_works_in_the_folder_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let sleeper = |place: &Path| Command::new("sleep").arg("60").current_dir(place).kill_on_drop(true).spawn();
        let (mut ours, mut other) = (sleeper(folder.path()).unwrap(), sleeper(Path::new("/")).unwrap());
        let (ours_id, other_id) = (ours.id().unwrap(), other.id().unwrap());
        std::fs::write(folder.path().join("ours"), format!("{ours_id}\n")).unwrap();
        std::fs::write(folder.path().join("other"), other_id.to_string()).unwrap();
        end(folder.path(), "other", Duration::ZERO).await;
        end(folder.path(), "missing", Duration::ZERO).await;
        end(folder.path(), "ours", Duration::ZERO).await;
        assert!(!ours.wait().await.unwrap().success());
        assert!(other.try_wait().unwrap().is_none(), "it has nothing to do with the folder");
    }
}
