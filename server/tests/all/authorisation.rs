//! Who gets what: one row for every server function, page and route.
//!
//! A new endpoint without a row fails here. Columns: nobody, a member of the team that owns the object (ana), a
//! member of another team (bo), an administrator. What another team owns does not exist.

use axum::http::Method;
use axum::http::header::{ACCEPT, ORIGIN, REFERER};

use crate::support::{Answer, Client, shared};

/// Path, form, and the statuses for nobody, ana, bo and the administrator.
const SERVER_FUNCTIONS: &[(&str, &str, [u16; 4])] = &[
    ("/api/whoami", "", [401, 200, 200, 200]),
    ("/api/cluster-status", "", [401, 200, 200, 200]),
    ("/api/overview", "namespace=", [401, 200, 200, 200]),
    ("/api/overview", "namespace=blue", [401, 200, 200, 200]),
    ("/api/find", "name=box", [401, 200, 200, 200]),
    ("/api/machines/list", "", [401, 200, 200, 200]),
    ("/api/machines/list", "query[q]=team:blue box", [401, 200, 200, 200]),
    ("/api/machines/get", "namespace=blue&name=box", [401, 200, 404, 200]),
    ("/api/machines/get", "namespace=blue&name=no-such", [401, 404, 404, 404]),
    ("/api/machines/get", "namespace=..%2Fgreen&name=box", [401, 404, 404, 404]),
    // The rules refuse it, but only to those who may know of the machine.
    ("/api/machines/act", "namespace=blue&name=box&action=pause", [401, 409, 404, 409]),
    ("/api/machines/act", "namespace=blue&name=no-such&action=start", [401, 404, 404, 404]),
    ("/api/machines/options", "namespace=blue", [401, 200, 200, 200]),
    // What is wrong is told before anything reaches the cluster; another team's namespace is one of those.
    ("/api/machines/check", "draft[namespace]=blue", [401, 422, 422, 422]),
    ("/api/machines/create", "draft[namespace]=blue", [401, 422, 422, 422]),
    ("/api/machines/editing", "namespace=blue&name=box", [401, 200, 404, 200]),
    ("/api/machines/editing", "namespace=blue&name=no-such", [401, 404, 404, 404]),
    // None of these has anything to change; whoever may not know of the machine is not told.
    ("/api/machines/eject", "namespace=blue&name=box&drive=none", [401, 409, 404, 409]),
    ("/api/machines/insert", "namespace=blue&name=box&drive=none&claim=disc", [401, 409, 404, 409]),
    ("/api/machines/add-disk", "namespace=blue&name=box&size=much&class=", [401, 422, 404, 422]),
    ("/api/machines/grow-disk", "namespace=blue&name=box&claim=none&size=2", [401, 404, 404, 404]),
    ("/api/machines/resize", "namespace=blue&name=box&instancetype=&cpus=no&memory=", [401, 422, 404, 422]),
    ("/api/machines/revert", "namespace=blue&name=box&what=", [401, 409, 404, 409]),
    ("/api/machines/attach-disk", "namespace=blue&name=box&claim=none&bus=", [401, 422, 404, 422]),
    ("/api/machines/detach-disk", "namespace=blue&name=box&disk=none", [401, 409, 404, 409]),
    ("/api/machines/add-card", "namespace=blue&name=box&network=green/none", [401, 422, 404, 422]),
    ("/api/machines/remove-card", "namespace=blue&name=box&card=none", [401, 409, 404, 409]),
    ("/api/machines/delete", "namespace=blue&name=box&confirm=bux", [401, 422, 404, 422]),
    ("/api/machines/protect", "namespace=blue&name=box&on=false", [401, 200, 404, 200]),
    ("/api/machines/describe", "namespace=blue&name=box&description=two%0Alines&notes=", [401, 422, 404, 422]),
    ("/api/machines/label", "namespace=blue&name=box&labels=none", [401, 422, 404, 422]),
    ("/api/machines/run", "namespace=blue&name=box&strategy=Sometimes", [401, 422, 404, 422]),
    ("/api/machines/metrics", "namespace=blue&name=box&range=1h", [401, 200, 404, 200]),
    ("/api/machines/timeline", "namespace=blue&name=box&only_warnings=true", [401, 200, 404, 200]),
    ("/api/machines/guest", "namespace=blue&name=box", [401, 200, 404, 200]),
    ("/api/machines/surroundings", "namespace=blue&name=box", [401, 200, 404, 200]),
    ("/api/machines/manifest", "namespace=blue&name=box", [401, 200, 404, 200]),
    ("/api/machines/check-manifest", "namespace=blue&name=box&base=&text=", [401, 200, 404, 200]),
    ("/api/machines/save-manifest", "namespace=blue&name=box&base=&text=", [401, 422, 404, 422]),
    ("/api/templates/list", "", [401, 200, 200, 200]),
    ("/api/templates/save", "namespace=blue&title=", [401, 422, 422, 422]),
    // The cluster's own roles decide about another team's namespace.
    ("/api/templates/save", "namespace=green&title=Web", [401, 403, 200, 200]),
    ("/api/templates/get", "template=blue/template-no-such", [401, 404, 404, 404]),
    ("/api/templates/read-machine", "namespace=blue&name=box", [401, 200, 404, 200]),
    ("/api/templates/save-machine", "namespace=blue&name=box&title=", [401, 422, 404, 422]),
    ("/api/templates/delete", "namespace=blue&name=no-such", [401, 404, 404, 404]),
    ("/api/pods/list", "", [401, 200, 200, 200]),
    ("/api/inventory/views", "tab=machines", [401, 200, 200, 200]),
    ("/api/inventory/views", "tab=workloads", [401, 200, 200, 200]),
    ("/api/inventory/views", "tab=services", [401, 200, 200, 200]),
    ("/api/inventory/views", "tab=no-such", [401, 404, 404, 404]),
    ("/api/inventory/save-view", "tab=machines&name=&address=q", [401, 422, 422, 422]),
    ("/api/inventory/rename-view", "tab=machines&name=no-such&next=Mine", [401, 404, 404, 404]),
    ("/api/inventory/delete-view", "tab=machines&name=no-such", [401, 404, 404, 404]),
    // Nothing is done before it is clear what; each row then goes the way that it would go alone.
    ("/api/inventory/act", "tab=machines&action=start", [401, 422, 422, 422]),
    ("/api/inventory/act", "tab=pods&at[]=blue/worker&action=start", [401, 422, 422, 422]),
    ("/api/inventory/act", "tab=machines&at[]=blue/box&action=pause", [401, 422, 422, 422]),
    ("/api/inventory/act", "tab=workloads&at[]=blue/front&action=restart", [401, 422, 422, 422]),
    ("/api/inventory/act", "tab=workloads&at[]=pods/blue/front&action=restart", [401, 422, 422, 422]),
    ("/api/inventory/act", "tab=workloads&at[]=deployments/blue/front&action=scale", [401, 422, 422, 422]),
    ("/api/inventory/act", "tab=services&at[]=blue/front&action=delete", [401, 422, 422, 422]),
    // The answer is a run that tells of each row; another team's is refused as one that is not there.
    ("/api/inventory/act", "tab=workloads&at[]=deployments/blue/no-such&action=restart", [401, 200, 200, 200]),
    ("/api/inventory/act", "tab=machines&again=no-such", [401, 404, 404, 404]),
    ("/api/inventory/run", "id=no-such", [401, 404, 404, 404]),
    ("/api/inventory/stop", "id=no-such", [401, 404, 404, 404]),
    ("/api/resources", "namespace=", [401, 200, 200, 200]),
    ("/api/migrations/list", "", [401, 200, 200, 200]),
    ("/api/migrations/list", "namespace=blue", [401, 200, 200, 200]),
    ("/api/migrations/choices", "namespace=blue&name=box", [401, 200, 404, 200]),
    ("/api/migrations/choices", "namespace=blue&name=no-such", [401, 404, 404, 404]),
    // It is switched off; a node is a secret to those who may not list them.
    ("/api/migrations/start", "namespace=blue&name=box&node=", [401, 409, 404, 409]),
    ("/api/migrations/start", "namespace=blue&name=box&node=node1", [401, 403, 404, 409]),
    ("/api/migrations/start", "namespace=blue&name=no-such&node=", [401, 404, 404, 404]),
    ("/api/migrations/cancel", "namespace=blue&name=no-such", [401, 404, 404, 404]),
    // There are no nodes for those who may not list them.
    ("/api/nodes/list", "", [401, 404, 404, 200]),
    ("/api/nodes/get", "name=node1", [401, 404, 404, 200]),
    ("/api/nodes/get", "name=no-such", [401, 404, 404, 404]),
    ("/api/nodes/cordon", "name=no-such&cordon=true", [401, 404, 404, 404]),
    ("/api/nodes/drain-preview", "name=no-such", [401, 404, 404, 404]),
    ("/api/nodes/drain", "name=node1&confirm=", [401, 404, 404, 422]),
    ("/api/pods/get", "namespace=blue&name=worker", [401, 200, 404, 200]),
    ("/api/pods/log", "namespace=blue&name=worker&container=&lines=10", [401, 200, 404, 200]),
    ("/api/pods/log", "namespace=blue&name=no-such&container=&lines=10", [401, 404, 404, 404]),
    ("/api/pods/delete", "namespace=blue&name=no-such", [401, 404, 404, 404]),
    ("/api/workloads/list", "", [401, 200, 200, 200]),
    ("/api/workloads/list", "query[q]=team%3Ablue%20web", [401, 200, 200, 200]),
    ("/api/services/list", "", [401, 200, 200, 200]),
    ("/api/workloads/get", "kind=deployments&namespace=blue&name=front", [401, 200, 404, 200]),
    ("/api/workloads/get", "kind=deployments&namespace=blue&name=no-such", [401, 404, 404, 404]),
    ("/api/workloads/get", "kind=secrets&namespace=blue&name=front", [401, 404, 404, 404]),
    // The rules refuse it, but only to those who may know of the deployment.
    ("/api/workloads/act", "kind=deployments&namespace=blue&name=front&action=resume", [401, 409, 404, 409]),
    ("/api/workloads/act", "kind=deployments&namespace=blue&name=front&action=scale&value=many", [401, 422, 404, 422]),
    ("/api/workloads/act", "kind=deployments&namespace=blue&name=no-such&action=delete", [401, 404, 404, 404]),
    ("/api/containers/options", "", [401, 200, 200, 200]),
    ("/api/containers/check", "draft[namespace]=blue", [401, 422, 422, 422]),
    ("/api/containers/run", "draft[namespace]=blue", [401, 422, 422, 422]),
    ("/api/images/list", "", [401, 200, 200, 200]),
    ("/api/images/get", "namespace=blue&name=no-such", [401, 404, 404, 404]),
    ("/api/images/choices", "", [401, 200, 200, 200]),
    ("/api/images/make-disk", "namespace=blue&name=no-such", [401, 404, 404, 404]),
    ("/api/images/delete", "namespace=blue&name=no-such", [401, 404, 404, 404]),
    ("/api/images/prepare-download", "namespace=blue&name=no-such", [401, 404, 404, 404]),
    // A form that means nothing is refused before anything is looked at.
    ("/api/images/import", "request[from]=nowhere", [401, 422, 422, 422]),
    // There is no check of the whole cluster for those who see a part of it.
    ("/api/doctor", "", [401, 404, 404, 200]),
    // A cookie of this browser, nothing more.
    ("/api/theme", "theme=dark", [200, 200, 200, 200]),
];

/// Pattern, an address that fits it, and the statuses.
const PAGES: &[(&str, &str, [u16; 4])] = &[
    ("/", "/", [303, 200, 200, 200]),
    ("/sign-in", "/sign-in", [200, 303, 303, 303]),
    ("/machines", "/machines", [303, 200, 200, 200]),
    ("/templates", "/templates", [303, 200, 200, 200]),
    ("/templates/new", "/templates/new?machine=blue/box", [303, 200, 404, 200]),
    ("/templates/new", "/templates/new", [303, 404, 404, 404]),
    ("/machines/new", "/machines/new", [303, 200, 200, 200]),
    ("/machines/new", "/machines/new?template=blue/no-such", [303, 404, 404, 404]),
    ("/machines/new", "/machines/new?image=blue/disc", [303, 200, 200, 200]),
    ("/machines/{namespace}/{name}", "/machines/blue/box", [303, 200, 404, 200]),
    ("/machines/{namespace}/{name}", "/machines/blue/no-such", [303, 404, 404, 404]),
    ("/machines/{namespace}/{name}", "/machines/blue/box?tab=metrics&range=15m", [303, 200, 404, 200]),
    ("/machines/{namespace}/{name}", "/machines/blue/box?tab=timeline", [303, 200, 404, 200]),
    ("/machines/{namespace}/{name}", "/machines/blue/box?tab=yaml&status=true", [303, 200, 404, 200]),
    ("/machines/{namespace}/{name}", "/machines/blue/box?ask=related", [303, 200, 404, 200]),
    ("/machines/{namespace}/{name}/console", "/machines/blue/box/console", [303, 200, 404, 200]),
    ("/machines/{namespace}/{name}/move", "/machines/blue/box/move", [303, 200, 404, 200]),
    ("/machines/{namespace}/{name}/move", "/machines/blue/no-such/move", [303, 404, 404, 404]),
    ("/images", "/images", [303, 200, 200, 200]),
    ("/images/upload", "/images/upload", [303, 200, 200, 200]),
    ("/images/import", "/images/import", [303, 200, 200, 200]),
    ("/images/{namespace}/{name}", "/images/blue/no-such", [303, 404, 404, 404]),
    ("/containers", "/containers", [303, 200, 200, 200]),
    ("/workloads", "/workloads", [303, 200, 200, 200]),
    ("/services", "/services", [303, 200, 200, 200]),
    ("/containers/new", "/containers/new", [303, 200, 200, 200]),
    ("/containers/new", "/containers/new?name=Web&check=true", [303, 200, 200, 200]),
    ("/workloads/{kind}/{namespace}/{name}", "/workloads/deployments/blue/front", [303, 200, 404, 200]),
    ("/workloads/{kind}/{namespace}/{name}", "/workloads/deployments/blue/no-such", [303, 404, 404, 404]),
    ("/workloads/{kind}/{namespace}/{name}", "/workloads/secrets/blue/front", [303, 404, 404, 404]),
    ("/pods/{namespace}/{name}/shell", "/pods/blue/worker/shell", [303, 200, 404, 200]),
    ("/pods/{namespace}/{name}/shell", "/pods/blue/no-such/shell", [303, 404, 404, 404]),
    ("/pods/{namespace}/{name}", "/pods/blue/worker", [303, 200, 404, 200]),
    ("/doctor", "/doctor", [303, 404, 404, 200]),
    ("/migrations", "/migrations", [303, 200, 200, 200]),
    ("/nodes", "/nodes", [303, 404, 404, 200]),
    ("/nodes/{name}", "/nodes/node1", [303, 404, 404, 200]),
    ("/nodes/{name}", "/nodes/no-such", [303, 404, 404, 404]),
    ("/pods/{namespace}/{name}", "/pods/blue/no-such", [303, 404, 404, 404]),
];

/// The same for what is no page. Signing in and out have tests of their own; here they are only refused.
const ROUTES: &[(&str, &str, [u16; 4])] = &[
    ("/healthz", "/healthz", [200, 200, 200, 200]),
    ("/readyz", "/readyz", [200, 200, 200, 200]),
    ("/metrics", "/metrics", [200, 200, 200, 200]),
    ("/events", "/events", [401, 200, 200, 200]),
    // Without an upgrade: whoever may see the machine or pod is told that this is a websocket.
    ("/console/{namespace}/{name}/{way}", "/console/blue/box/vnc", [401, 400, 404, 400]),
    ("/console/{namespace}/{name}/{way}", "/console/blue/no-such/vnc", [401, 404, 404, 404]),
    ("/console/{namespace}/{name}/{way}", "/console/blue/box/serial", [401, 400, 404, 400]),
    ("/console/{namespace}/{name}/{way}", "/console/blue/no-such/serial", [401, 404, 404, 404]),
    ("/console/{namespace}/{name}/{way}", "/console/blue/worker/exec", [401, 400, 404, 400]),
    ("/console/{namespace}/{name}/{way}", "/console/blue/no-such/exec", [401, 404, 404, 404]),
    ("/console/{namespace}/{name}/{way}", "/console/blue/box/telepathy", [401, 404, 404, 404]),
    ("/pods/{namespace}/{name}/log", "/pods/blue/worker/log", [401, 200, 404, 200]),
    ("/pods/{namespace}/{name}/log", "/pods/blue/no-such/log", [401, 404, 404, 404]),
    ("/workloads/{kind}/{namespace}/{name}/log", "/workloads/deployments/blue/front/log", [401, 200, 404, 200]),
    ("/workloads/{kind}/{namespace}/{name}/log", "/workloads/deployments/blue/no-such/log", [401, 404, 404, 404]),
    ("/workloads/{kind}/{namespace}/{name}/log", "/workloads/secrets/blue/no-such/log", [401, 404, 404, 404]),
    // It is switched off, so it shows nothing.
    ("/machines/{namespace}/{name}/screen.png", "/machines/blue/box/screen.png", [401, 409, 404, 409]),
    ("/machines/{namespace}/{name}/screen.png", "/machines/blue/no-such/screen.png", [401, 404, 404, 404]),
    ("/images/{namespace}/{name}/download", "/images/blue/no-such/download?offer=a", [401, 404, 404, 404]),
    ("/inventory.csv", "/inventory.csv?tab=machines", [401, 200, 200, 200]),
    ("/inventory.csv", "/inventory.csv?tab=workloads", [401, 200, 200, 200]),
    ("/inventory.csv", "/inventory.csv?tab=services", [401, 200, 200, 200]),
    ("/inventory.csv", "/inventory.csv?tab=no-such", [401, 404, 404, 404]),
    ("/inventory.csv", "/inventory.csv?tab=machines&q=stat:x", [401, 422, 422, 422]),
    // What changes something is looked at in `uploads`.
    ("/uploads", "/uploads", [401, 200, 200, 200]),
    ("/uploads/{id}", "/uploads/no-such", [401, 404, 404, 404]),
    ("/uploads/{id}/chunks/{index}", "/uploads/no-such/chunks/0", [405, 405, 405, 405]),
    ("/no-such-address", "/no-such-address", [404, 404, 404, 404]),
];

/// Four browsers. Signing in costs a password hash each time, so the tests share the sessions.
async fn people() -> [(&'static str, Client); 4] {
    static COOKIES: tokio::sync::OnceCell<Vec<Option<String>>> = tokio::sync::OnceCell::const_new();
    let porthole = shared();
    let cookies = COOKIES
        .get_or_init(async || {
            let mut cookies = vec![None];
            for name in ["ana", "bo", "admin"] {
                cookies.push(porthole.sign_in(name).await.cookie().map(str::to_owned));
            }
            cookies
        })
        .await;
    let browser = |index: usize| porthole.anonymous().with_cookie(cookies[index].clone());
    [("nobody", browser(0)), ("ana", browser(1)), ("bo", browser(2)), ("admin", browser(3))]
}

#[tokio::test]
async fn every_server_function_has_a_row_and_keeps_to_it() {
    let (people, mut wrong) = (people().await, Vec::new());
    for (path, body, expected) in SERVER_FUNCTIONS {
        for ((who, client), expected) in people.iter().zip(expected) {
            let answer = client.post(path, body).await;
            if answer.status != *expected {
                wrong.push(format!("{who} {path} {body}: {} instead of {expected}: {}", answer.status, answer.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (path, _) in server_fn::axum::server_fn_paths() {
        assert!(SERVER_FUNCTIONS.iter().any(|(row, ..)| *row == path), "{path} has no row");
    }
}

#[tokio::test]
async fn every_page_has_a_row_and_keeps_to_it() {
    let (people, mut wrong) = (people().await, Vec::new());
    for (_, path, expected) in PAGES {
        for ((who, client), expected) in people.iter().zip(expected) {
            let answer = client.get(path).await;
            if answer.status != *expected {
                wrong.push(format!("{who} {path}: {} instead of {expected}", answer.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for listing in server::web::pages::routes() {
        assert!(PAGES.iter().any(|(row, ..)| *row == listing.path()), "{} has no row", listing.path());
    }
}

#[tokio::test]
async fn every_other_route_has_a_row_and_keeps_to_it() {
    let (people, mut wrong) = (people().await, Vec::new());
    for (_, path, expected) in ROUTES {
        for ((who, client), expected) in people.iter().zip(expected) {
            let headers = [(ACCEPT, "*/*"), (ORIGIN, &client.origin())];
            let status = client.open(Method::GET, path, &headers, "").await.status().as_u16();
            if status != *expected {
                wrong.push(format!("{who} {path}: {status} instead of {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let router = include_str!("../../src/web/mod.rs");
    let mut known = 0;
    for route in router.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let is_covered = ROUTES.iter().any(|(row, ..)| *row == route) || ["/sign-in", "/sign-out"].contains(&route);
        assert!(is_covered, "{route} has no row");
        known += 1;
    }
    assert!(known >= 8, "the routes are no longer found where they were: {known}");
}

#[tokio::test]
async fn lists_hold_only_what_a_team_owns() {
    let [_, (_, ana), (_, bo), (_, admin)] = &people().await;
    for path in [
        "/api/machines/list",
        "/api/overview",
        "/api/pods/list",
        "/api/workloads/list",
        "/api/services/list",
        "/api/whoami",
    ] {
        let body = if path == "/api/overview" { "namespace=" } else { "" };
        let sees = async |client: &Client| client.post(path, body).await.text();
        let (anas, bos, all) = (sees(ana).await, sees(bo).await, sees(admin).await);
        for green in ["\"green\"", "\"vault\"", "\"clerk\""] {
            assert!(!anas.contains(green), "{path} tells ana of {green}: {anas}");
        }
        for blue in ["\"blue\"", "\"box\"", "\"worker\""] {
            assert!(!bos.contains(blue), "{path} tells bo of {blue}: {bos}");
        }
        assert!(all.contains("blue") && all.contains("green") || path == "/api/overview", "{path}: {all}");
    }
    for page in
        ["/", "/machines", "/containers", "/workloads", "/services", "/machines?namespace=blue", "/machines?search=box"]
    {
        let text = bo.get(page).await.text();
        let tells = ["/machines/blue", "/pods/blue", "/blue/front"].iter().any(|link| text.contains(link));
        assert!(!tells, "{page} tells bo of team blue");
    }
}

#[tokio::test]
async fn what_is_hidden_and_what_does_not_exist_cannot_be_told_apart() {
    let [_, _, (_, bo), _] = &people().await;
    let pairs = [
        ("/api/machines/get", "namespace=blue&name=box", "namespace=blue&name=no-such"),
        ("/api/machines/act", "namespace=blue&name=box&action=start", "namespace=blue&name=no-such&action=start"),
        ("/api/pods/log", "namespace=blue&name=worker&container=&lines=1", "namespace=x&name=y&container=&lines=1"),
    ];
    for (path, hidden, missing) in pairs {
        let message = |answer: Answer| (answer.status, answer.json()["message"].clone());
        assert_eq!(message(bo.post(path, hidden).await), message(bo.post(path, missing).await), "{path}");
    }
    let (hidden, missing) = (bo.get("/console/blue/box/vnc"), bo.get("/console/blue/no-such/vnc"));
    assert_eq!(hidden.await.status, missing.await.status);
}

#[tokio::test]
async fn a_plain_form_of_somebody_who_was_signed_out_leads_to_the_sign_in_page_and_back() {
    let client = shared().anonymous();
    let referer = format!("{}/machines?state=running", client.origin());
    let headers = [(ACCEPT, "text/html"), (ORIGIN, client.origin().as_str()), (REFERER, referer.as_str())]
        .map(|(name, value)| (name, value.to_owned()));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.clone(), value.as_str())).collect();
    let answer = client.send(Method::POST, "/api/machines/act", &headers, "namespace=blue&name=box&action=start").await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), "/sign-in?next=%2Fmachines%3Fstate%3Drunning");
}
