//! Requests of other sites, over the whole router.

use axum::http::header::ORIGIN;
use axum::http::{HeaderName, Method};

use crate::support::{PASSWORD, TestPorthole, shared};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[tokio::test]
async fn another_site_can_change_nothing() {
    let ana = shared().sign_in("ana").await;
    let own = ana.origin();
    let cases: [(&[(HeaderName, &str)], u16); 6] = [
        (&[(ORIGIN, "http://evil.example")], 403),
        (&[(ORIGIN, "null")], 403),
        (&[(ORIGIN, &own), (FETCH_SITE, "cross-site")], 403),
        (&[(ORIGIN, &own), (FETCH_SITE, "same-site")], 403),
        (&[], 403),
        (&[(ORIGIN, &own), (FETCH_SITE, "same-origin")], 200),
    ];
    for (headers, expected) in cases {
        let answer = ana.send(Method::POST, "/api/whoami", headers, "").await;
        assert_eq!(answer.status, expected, "{headers:?}: {}", answer.text());
    }
}

#[tokio::test]
async fn another_site_can_sign_nobody_in_or_out() {
    let ana = shared().sign_in("ana").await;
    let body = format!("username=ana&password={PASSWORD}");
    for headers in [[(ORIGIN, "http://evil.example")], [(FETCH_SITE, "cross-site")]] {
        for path in ["/sign-in", "/sign-out"] {
            assert_eq!(ana.send(Method::POST, path, &headers, &body).await.status, 403, "{path} {headers:?}");
        }
    }
    assert_eq!(ana.post("/api/whoami", "").await.status, 200, "still signed in");
}

#[tokio::test]
async fn a_console_needs_the_exact_origin() {
    let ana = shared().sign_in("ana").await;
    let path = "/console/blue/box/vnc";
    let own = ana.origin();
    for headers in [
        vec![],
        vec![(ORIGIN, "http://evil.example")],
        vec![(ORIGIN, "null")],
        vec![(ORIGIN, own.as_str()), (FETCH_SITE, "cross-site")],
    ] {
        assert_eq!(ana.socket(path, &headers).await.err(), Some(403), "{headers:?}");
    }
    let nobody = shared().anonymous();
    assert_eq!(nobody.socket(path, &[(ORIGIN, "http://evil.example")]).await.err(), Some(401), "401 comes first");
}

#[tokio::test]
async fn behind_a_proxy_the_public_origin_counts_and_cookies_are_for_https() {
    let porthole = TestPorthole::behind("https://porthole.example.org").await;
    let client = porthole.anonymous();
    let body = format!("username=ana&password={PASSWORD}");
    let answer = client.send(Method::POST, "/sign-in", &[(ORIGIN, "https://porthole.example.org")], &body).await;
    let set = answer.header("set-cookie").to_owned();
    assert!(set.starts_with("__Host-porthole=") && set.contains("Secure"), "{set}");
    assert!(answer.header("strict-transport-security").contains("max-age"));
    let direct = client.send(Method::POST, "/sign-in", &[(ORIGIN, &client.origin())], &body).await;
    assert_eq!(direct.status, 403);
    porthole.stop().await;
}
