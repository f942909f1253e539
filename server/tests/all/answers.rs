//! What answers carry, whoever asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::Method;
use axum::http::header::ACCEPT;

use crate::support::shared;

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_and_which_request_it_was() {
    let client = shared().anonymous();
    for path in ["/sign-in", "/healthz", "/machines", "/api/whoami"] {
        let answer = client.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("'wasm-unsafe-eval'"), "{path}: {policy}");
        assert!(policy.contains(&format!("ws://{}", client.origin().trim_start_matches("http://"))), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-request-id").len(), 16, "{path}");
    }
}

#[tokio::test]
async fn inline_scripts_carry_the_nonce_of_their_own_answer() {
    let client = shared().anonymous();
    let (first, second) = (client.get("/sign-in").await, client.get("/sign-in").await);
    let nonce =
        |policy: &str| policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).map(str::to_owned);
    let (one, two) = (nonce(first.header("content-security-policy")), nonce(second.header("content-security-policy")));
    assert_ne!(one, two);
    let (text, one) = (first.text(), one.unwrap());
    let scripts: Vec<_> = text.match_indices("<script").map(|(at, _)| &text[at..]).collect();
    assert!(!scripts.is_empty());
    for script in scripts {
        let tag = script.split('>').next().unwrap();
        assert!(tag.contains("src=") || tag.contains(&format!("nonce=\"{one}\"")), "{tag}");
    }
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_a_page_with_404_or_json_for_scripts() {
    let client = shared().sign_in("ana").await;
    let page = client.get("/no-such-address").await;
    assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
    let data = client.post("/api/no-such-function", "").await;
    assert_eq!((data.status, data.json()["code"].as_str().unwrap()), (404, "not_found"));
}

/// Another Porthole of the process that starts asks for the routes; finding them out keeps all resources from loading.
#[tokio::test]
async fn pages_are_answered_while_the_routes_are_asked_for() {
    let client = shared().sign_in("ana").await;
    let is_over = Arc::new(AtomicBool::new(false));
    let asks = std::thread::spawn({
        let is_over = Arc::clone(&is_over);
        move || {
            while !is_over.load(Ordering::Relaxed) {
                server::web::pages::routes();
            }
        }
    });
    for _ in 0..10 {
        assert_eq!(client.get("/machines/blue/box").await.status, 200);
    }
    is_over.store(true, Ordering::Relaxed);
    asks.join().unwrap();
}

#[tokio::test]
async fn a_body_that_no_form_of_ours_has_is_refused() {
    let client = shared().anonymous();
    let answer = client.post("/sign-in", &format!("username=ana&password={}", "x".repeat(300 * 1024))).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn metrics_name_nobody_and_no_machine() {
    let client = shared().sign_in("ana").await;
    client.get("/machines/blue/box").await;
    let answer = client.send(Method::GET, "/metrics", &[(ACCEPT, "*/*")], "").await;
    assert!(answer.text().contains("porthole_cluster_live 1"), "{}", answer.text());
    for name in ["ana", "blue", "box"] {
        assert!(!answer.text().contains(&format!("\"{name}\"")), "{}", answer.text());
    }
}

#[tokio::test]
async fn probes_say_how_the_cluster_is() {
    let client = shared().anonymous();
    assert_eq!(client.get("/healthz").await.text(), "ok\n");
    let ready = client.get("/readyz").await;
    assert!(ready.text().contains("cluster: live") && ready.text().contains("kubevirt: v1"), "{}", ready.text());
}
