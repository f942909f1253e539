//! The demo, without its images: what it holds, and that it is put there once.

use std::path::Path;

use server::cli::GuestsOnExit;
use server::config::{ClusterChoice, Config, Demo};
use server::demo::people::{self, Password};

use crate::support::porthole::embedded;
use crate::support::{Client, PASSWORD, cluster, eventually, porthole};

fn demo(folder: &Path, password: Option<&str>) -> Config {
    let cluster = ClusterChoice::Embedded {
        guest_images: Vec::new(),
        guests_on_exit: GuestsOnExit::Stop,
        demo: Some(Demo { password: password.map(str::to_owned) }),
    };
    Config { cluster, ..embedded(folder) }
}

async fn ana(address: std::net::SocketAddr) -> Client {
    let client = Client::new(address);
    let answer = client.post("/sign-in", &format!("username=ana&password={PASSWORD}")).await;
    client.with_cookie(answer.cookie())
}

async fn machines(ana: &Client) -> String {
    ana.post("/api/machines/list", "").await.text()
}

#[tokio::test]
async fn what_people_change_in_the_demo_survives_a_restart_and_so_does_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let first = porthole::start(demo(folder.path(), Some(PASSWORD))).await.unwrap();
    for (name, ..) in people::PEOPLE {
        assert!(first.announcement().contains(name), "{}", first.announcement());
    }
    assert!(!first.announcement().contains(PASSWORD), "a password that was given is not printed");
    let browser = ana(first.address()).await;
    eventually("ana's machines", async || {
        let text = machines(&browser).await;
        let all = ["web-1", "build-box", "render-farm"].iter().all(|name| text.contains(name));
        if all { Ok(()) } else { Err(text) }
    })
    .await;
    eventually("one machine fits no node, and says so", async || {
        let text = browser.post("/api/machines/get", "namespace=blue&name=render-farm").await.text();
        if text.contains("\"state\":\"trouble\"") && text.to_lowercase().contains("memory") {
            Ok(())
        } else {
            Err(text)
        }
    })
    .await;
    cluster::delete(&first.embedded().unwrap().admin, "VirtualMachine", "blue", "build-box").await;
    eventually("it is gone", async || {
        let text = machines(&browser).await;
        if text.contains("build-box") { Err(text) } else { Ok(()) }
    })
    .await;
    first.stop().await;

    let second = porthole::start(demo(folder.path(), None)).await.unwrap();
    assert!(second.announcement().contains("the one from before"), "{}", second.announcement());
    let browser = ana(second.address()).await;
    let text = eventually("the machines are back", async || {
        let text = machines(&browser).await;
        if text.contains("web-1") { Ok(text) } else { Err(text) }
    })
    .await;
    assert!(!text.contains("build-box"), "{text}");
    second.stop().await;
}

#[tokio::test]
async fn a_password_that_nobody_gave_is_made_and_printed_once() {
    let folder = tempfile::tempdir().unwrap();
    let porthole = porthole::start(demo(folder.path(), None)).await.unwrap();
    let told = porthole.announcement();
    let password = told.lines().find_map(|line| line.trim().strip_prefix("Password")).unwrap();
    let password = password.split_whitespace().next().unwrap().to_owned();
    let answer = Client::new(porthole.address()).post("/sign-in", &format!("username=bo&password={password}")).await;
    assert!(answer.cookie().is_some(), "{told} {answer:?}");
    assert!(matches!(people::invite(porthole.portal(), None).await, Ok(Password::Earlier)));
    porthole.stop().await;
}
