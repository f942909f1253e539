//! Sessions: how they begin and end, and what guessing costs.

use axum::http::Method;
use axum::http::header::{ACCEPT, ORIGIN};
use futures_util::StreamExt;
use http_body_util::BodyExt;

use crate::support::{PASSWORD, TestPorthole, eventually, shared};

#[tokio::test]
async fn a_plain_form_signs_in_and_leads_to_the_page_that_was_asked_for() {
    let client = shared().anonymous();
    let asked = client.get("/machines?state=running").await;
    assert_eq!((asked.status, asked.header("location")), (303, "/sign-in?next=%2Fmachines%3Fstate%3Drunning"));

    // Neither Origin nor any other header of a browser: curl signs in as well.
    let body = format!("username=ana&password={PASSWORD}&next=/machines?state=running");
    let answer = client.send(Method::POST, "/sign-in", &[], &body).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/machines?state=running"));
    let set = answer.header("set-cookie");
    assert!(set.starts_with("porthole=") && set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
    assert!(set.contains("Path=/") && set.contains("Max-Age=43200"), "{set}");

    let ana = client.with_cookie(answer.cookie());
    assert_eq!(ana.post("/api/whoami", "").await.json()["username"], "ana");
}

#[tokio::test]
async fn nobody_is_led_to_another_site() {
    let client = shared().anonymous();
    for next in ["//evil.example/", "https://evil.example/", "/\\evil.example"] {
        let answer = client.post("/sign-in", &format!("username=ana&password={PASSWORD}&next={next}")).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/"), "{next}");
    }
}

#[tokio::test]
async fn a_wrong_password_leads_back_with_the_name_and_says_nothing_else() {
    let client = shared().anonymous();
    for name in ["ana", "no-such-person"] {
        let answer = client.post("/sign-in", &format!("username={name}&password=wrong&next=/machines")).await;
        let back = format!("/sign-in?error=wrong&username={name}&next=%2Fmachines");
        assert_eq!((answer.status, answer.header("location")), (303, back.as_str()));
        assert_eq!(answer.cookie(), None);
    }
    let answer =
        client.send(Method::POST, "/sign-in", &[(ACCEPT, "application/json")], "username=bo&password=wrong").await;
    assert_eq!((answer.status, answer.json()["code"].as_str().unwrap()), (401, "signed_out"));
}

#[tokio::test]
async fn signing_in_changes_the_session_and_signing_out_ends_it() {
    let porthole = shared();
    let first = porthole.sign_in("ana").await;
    let again = first.post("/sign-in", &format!("username=ana&password={PASSWORD}")).await;
    let second = first.with_cookie(again.cookie());
    assert_ne!(first.cookie(), second.cookie());
    assert_eq!(first.post("/api/whoami", "").await.status, 401, "the session from before is worth nothing");
    assert_eq!(second.post("/api/whoami", "").await.status, 200);

    let out = second.post("/sign-out", "").await;
    assert_eq!((out.status, out.header("location")), (303, "/sign-in"));
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{out:?}");
    assert_eq!(second.post("/api/whoami", "").await.status, 401);
}

#[tokio::test]
async fn an_invented_session_is_none() {
    let client = shared().anonymous().with_cookie(Some("porthole=AAAAAAAAAAAAAAAAAAAAAA".to_owned()));
    assert_eq!(client.post("/api/whoami", "").await.status, 401);
    let answer = client.post("/sign-in", &format!("username=ana&password={PASSWORD}")).await;
    assert!(answer.cookie().is_some_and(|cookie| !cookie.contains("AAAAAAAA")), "the given id is not adopted");
}

#[tokio::test]
async fn signing_out_ends_the_stream_of_hints() {
    let ana = shared().sign_in("ana").await;
    let response = ana.open(Method::GET, "/events", &[(ORIGIN, &ana.origin())], "").await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = response.into_body().into_data_stream();
    assert!(events.next().await.is_some_and(|first| first.is_ok()), "it greets at once");
    ana.post("/sign-out", "").await;
    eventually("the stream ends", async || {
        match tokio::time::timeout(std::time::Duration::from_millis(200), events.next()).await {
            Ok(None) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn guessing_is_slowed_down_even_with_the_right_password() {
    let porthole = TestPorthole::without_cluster().await;
    let client = porthole.anonymous();
    let mut attempts = 0;
    let throttled = loop {
        let answer =
            client.send(Method::POST, "/sign-in", &[(ACCEPT, "application/json")], "username=ana&password=x").await;
        attempts += 1;
        assert!(attempts < 50, "nobody is ever throttled: {answer:?}");
        if answer.status != 401 {
            break answer;
        }
    };
    assert_eq!(throttled.status, 429);
    assert!(throttled.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{throttled:?}");
    let right = client.post("/sign-in", &format!("username=ana&password={PASSWORD}")).await;
    assert!(right.header("location").starts_with("/sign-in?error=throttled&username=ana"), "{right:?}");
    porthole.stop().await;
}
