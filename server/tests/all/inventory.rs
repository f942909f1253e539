//! Lists: filters, files, saved views, and one action on many rows, with script and without.

use axum::http::Method;
use axum::http::header::{ACCEPT, ORIGIN, REFERER};

use crate::support::{Answer, Client, eventually, shared};

/// A plain form, as a browser without script sends it from a page.
async fn plain_form(client: &Client, page: &str, path: &str, body: &str) -> Answer {
    let (origin, referer) = (client.origin(), format!("{}{page}", client.origin()));
    let headers = [(ACCEPT, "text/html"), (ORIGIN, origin.as_str()), (REFERER, referer.as_str())];
    client.send(Method::POST, path, &headers, body).await
}

#[tokio::test]
async fn a_query_narrows_the_list_and_what_is_not_understood_is_told_with_its_column() {
    let ana = shared().sign_in("ana").await;
    let names = async |q: &str| {
        let list = ana.post("/api/machines/list", &format!("query[q]={q}")).await.json();
        let rows = list["rows"].as_array().unwrap().clone();
        let names: Vec<_> = rows.iter().map(|row| row["at"]["name"].as_str().unwrap().to_owned()).collect();
        (names, list["reply"].clone())
    };
    assert!(names("state:stopped memory<=128Mi").await.0.contains(&"box".to_owned()));
    assert!(names("state:running name:box").await.0.is_empty());
    let (_, reply) = names("name:box stat:running").await;
    assert_eq!(reply["problem"]["column"], 10);
    let page = ana.get("/machines?q=name:box%20stat:running").await.text();
    assert!(page.contains("There is no key `stat`. Did you mean `state`?"), "the page says it too, without script");
    assert!(page.contains("value=\"name:box stat:running\""), "and what was typed is still there");
}

#[tokio::test]
async fn a_file_of_a_list_holds_its_rows_for_whoever_sees_them() {
    let (ana, bo) = (shared().sign_in("ana").await, shared().sign_in("bo").await);
    let answer = ana.get("/inventory.csv?tab=machines&q=name:box&columns=memory").await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"machines.csv\"");
    let text = answer.text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "Name,Team,State,Since,Reason,Memory (MiB)");
    assert!(lines[1].starts_with("box,blue,stopped,") && lines[1].ends_with(",128"), "{text}");
    assert_eq!(bo.get("/inventory.csv?tab=machines&q=name:box").await.text().lines().count(), 1, "only the head");
}

#[tokio::test]
async fn a_view_is_saved_with_a_plain_form_and_belongs_to_its_person() {
    let (ana, bo) = (shared().sign_in("ana").await, shared().sign_in("bo").await);
    let body = "tab=machines&name=My%20boxes&address=q%3Dname%253Abox";
    let answer = plain_form(&ana, "/machines?q=name:box", "/api/inventory/save-view", body).await;
    assert_eq!(answer.header("location"), "/machines?q=name%3Abox&view=My%20boxes");
    let views = async |client: &Client| client.post("/api/inventory/views", "tab=machines").await.text();
    assert!(views(&ana).await.contains("My boxes") && !views(&bo).await.contains("My boxes"));
    assert!(ana.get("/machines").await.text().contains("My boxes"));
    let elsewhere = ana.post("/api/inventory/save-view", "tab=machines&name=x&address=//evil%0d%0a").await;
    assert_eq!(elsewhere.status, 422);
    assert_eq!(ana.post("/api/inventory/delete-view", "tab=machines&name=My%20boxes").await.status, 200);
    assert!(!views(&ana).await.contains("My boxes"));
}

#[tokio::test]
async fn many_rows_are_labelled_with_a_plain_form_and_the_page_tells_of_each() {
    let ana = shared().sign_in("ana").await;
    let body = "tab=machines&scope=chosen&at[]=blue/box&at[]=green/vault&action=label&label=tier%3Dtest&address=q%3Dname%253Abox";
    let answer = plain_form(&ana, "/machines", "/api/inventory/act", body).await;
    let page = answer.header("location").to_owned();
    assert!(page.starts_with("/machines?q=name%3Abox&run="), "{answer:?}");
    let told = ana.get(&page).await.text();
    assert!(told.contains("Label tier=test: 1 done, 1 refused."), "the result stands above the rows");
    assert!(told.contains("green/vault") && told.contains("Try the 1 again"), "with the row that was not done");
    eventually("the label is there to be asked for", async || {
        let list = ana.post("/api/machines/list", "query[q]=label:tier%3Dtest").await.json();
        if list["total"] == 1 { Ok(()) } else { Err(list) }
    })
    .await;
    let run = page.rsplit('=').next().unwrap().to_owned();
    let bo = shared().sign_in("bo").await;
    assert_eq!(bo.post("/api/inventory/run", &format!("id={run}")).await.status, 404, "nobody else sees it");
}

#[tokio::test]
async fn workloads_and_services_have_files_and_views_for_whoever_sees_them() {
    let (ana, bo) = (shared().sign_in("ana").await, shared().sign_in("bo").await);
    for (tab, view) in [("workloads", "Rolling out"), ("services", "Nothing answers")] {
        let address = format!("/inventory.csv?tab={tab}&q=name:front");
        let file = ana.get(&address).await.text();
        assert!(file.lines().nth(1).is_some_and(|line| line.starts_with("front,blue,")), "{file}");
        assert_eq!(bo.get(&address).await.text().lines().count(), 1, "only the head");
        let page = ana.get(&format!("/{tab}")).await.text();
        assert!(page.contains(view) && page.contains("Choose columns"), "{tab}");
        assert_eq!(page.contains("Actions on many rows"), tab == "workloads");
    }
}

#[tokio::test]
async fn a_run_over_workloads_names_each_with_its_kind() {
    let ana = shared().sign_in("ana").await;
    assert!(ana.get("/workloads?q=name:front").await.text().contains("value=\"deployments/blue/front\""));
    let rows = "at[]=deployments/blue/front&at[]=deployments/green/front";
    let body = format!("tab=workloads&scope=chosen&{rows}&action=label&label=suite%3Dinventory&address=");
    let answer = plain_form(&ana, "/workloads", "/api/inventory/act", &body).await;
    let page = answer.header("location").to_owned();
    assert!(page.starts_with("/workloads?run="), "{answer:?}");
    let told = ana.get(&page).await.text();
    assert!(told.contains("Label suite=inventory: 1 done, 1 refused."), "{told}");
    assert!(told.contains("deployments/green/front"), "another team's is named, and told as one that is not there");
    eventually("the label is there to be asked for", async || {
        let list = ana.post("/api/workloads/list", "query[q]=label:suite%3Dinventory").await.json();
        let names: Vec<_> = list["rows"].as_array().unwrap().iter().map(|row| row["at"]["name"].clone()).collect();
        if names == ["front"] { Ok(()) } else { Err(list) }
    })
    .await;
}

#[tokio::test]
async fn an_administrator_sees_nodes_with_what_is_asked_of_them_and_cordons_one() {
    let admin = shared().sign_in("admin").await;
    let node = async || admin.post("/api/nodes/get", "name=node2").await.json();
    assert_eq!(node().await["row"]["state"], "ready");
    assert!(node().await["row"]["memory"]["allocatable"].as_u64().unwrap() > 0);
    for (cordon, state) in [("true", "cordoned"), ("false", "ready")] {
        let answer =
            plain_form(&admin, "/nodes/node2", "/api/nodes/cordon", &format!("name=node2&cordon={cordon}")).await;
        assert!(answer.header("location").contains("/nodes/node2"), "{answer:?}");
        eventually("the node is as it was asked to be", async || {
            let node = node().await;
            if node["row"]["state"] == state { Ok(()) } else { Err(node) }
        })
        .await;
    }
    assert!(admin.get("/nodes").await.text().contains("node2"));
    let ana = shared().sign_in("ana").await;
    assert!(!ana.get("/").await.text().contains("href=\"/nodes\""), "nobody else is led there");
    assert!(admin.get("/").await.text().contains("href=\"/nodes\""));
}
