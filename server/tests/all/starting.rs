//! What a person reads when porthole does not start: the real program, its words and its exit code.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::support::shared;

/// Runs `porthole` and returns its exit code and what it said.
async fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_porthole"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", folder)
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let limit = std::time::Duration::from_mins(1);
    let output = tokio::time::timeout(limit, command.output()).await.expect("it ends by itself").unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn a_wrong_command_line_is_told_with_exit_code_2() {
    let folder = tempfile::tempdir().unwrap();
    let no_config = folder.path().join("no-such-config");
    let broken = folder.path().join("broken");
    std::fs::write(&broken, "contexts: [").unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&["serve", "--demo"], "Add --embedded"),
        (&["serve"], "use --embedded"),
        (&["serve", "--kubeconfig", no_config.to_str().unwrap()], "cannot be read"),
        (&["serve", "--kubeconfig", broken.to_str().unwrap(), "--listen", "127.0.0.1:0"], "no usable kubeconfig"),
        (&["serve", "--embedded", "--public-origin", "porthole.example.org"], "--public-origin"),
        (&["serve", "--embedded", "--listen", "nonsense"], "nonsense"),
    ];
    for (arguments, expected) in cases {
        let (code, text) = run(folder.path(), arguments).await;
        assert_eq!(code, 2, "{arguments:?}: {text}");
        assert!(text.contains(expected), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}

#[tokio::test]
async fn a_second_porthole_on_one_folder_is_told_who_has_it() {
    let (code, text) = {
        let folder = tempfile::tempdir().unwrap();
        let used = shared().folder().to_str().unwrap().to_owned();
        run(folder.path(), &["serve", "--embedded", "--listen", "127.0.0.1:0", "--data-dir", &used]).await
    };
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&format!("process {}", std::process::id())) && text.contains("--data-dir"), "{text}");
}

#[tokio::test]
async fn a_port_in_use_is_told_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, text) = run(folder.path(), &["serve", "--embedded", "--listen", &address]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&address) && text.contains("--listen"), "{text}");
}

#[tokio::test]
async fn accounts_are_added_listed_and_removed_beside_a_running_porthole() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let add = ["account", "add", "cleo", "--group", "team:red", "--password", "long enough", "--data-dir", data];
    let (code, text) = run(folder.path(), &add).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("cleo: user cleo, team:red"), "{text}");
    let short = ["account", "add", "dan", "--password", "short", "--data-dir", data];
    let (code, text) = run(folder.path(), &short).await;
    assert!(code == 1 && text.contains('8'), "{text}");
    let (_, text) = run(folder.path(), &["account", "list", "--data-dir", data]).await;
    assert!(text.contains("cleo") && !text.contains("dan") && !text.contains("long enough"), "{text}");
    assert_eq!(run(folder.path(), &["account", "remove", "cleo", "--data-dir", data]).await.0, 0);
    let (code, text) = run(folder.path(), &["account", "remove", "cleo", "--data-dir", data]).await;
    assert!(code == 1 && text.contains("no account cleo"), "{text}");
}
