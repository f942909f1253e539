//! The parts of a machine's page: its manifest and those who change it at once, what happened to it, what protects it, what
//! is said about it.

use serde_json::{Value, json};

use crate::support::{Answer, Client, TestPorthole, cluster, eventually};

const SHOP: &str = "
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: shop, namespace: blue, labels: {app: shop}}
spec:
  runStrategy: Manual
  template:
    spec:
      domain:
        cpu: {cores: 1}
        memory: {guest: 128Mi}
        devices: {}
";

async fn shop() -> (TestPorthole, Client) {
    let porthole = TestPorthole::with_teams().await;
    cluster::apply(porthole.kube(), SHOP).await;
    let ana = porthole.sign_in("ana").await;
    eventually("the machine is known", async || {
        let answer = ask(&ana, "get", "").await;
        if answer.status == 200 { Ok(()) } else { Err(answer) }
    })
    .await;
    (porthole, ana)
}

async fn ask(client: &Client, what: &str, more: &str) -> Answer {
    client.post(&format!("/api/machines/{what}"), &format!("namespace=blue&name=shop{more}")).await
}

/// Two texts as a form sends them.
fn texts(base: &str, text: &str) -> String {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    format!("&base={}&text={}", encode(base), encode(text))
}

async fn read(client: &Client) -> String {
    ask(client, "manifest", "").await.json()["text"].as_str().unwrap().to_owned()
}

async fn stored(porthole: &TestPorthole) -> Value {
    let found = cluster::api(porthole.kube(), "VirtualMachine", "blue").get("shop").await.unwrap();
    serde_json::to_value(found).unwrap()
}

#[tokio::test]
async fn a_manifest_is_read_checked_compared_and_saved() {
    let (porthole, ana) = shop().await;
    let base = read(&ana).await;
    assert!(
        base.contains("cores: 1") && !base.contains("managedFields") && !base.contains("resourceVersion"),
        "{base}"
    );
    let wrong = ask(&ana, "check-manifest", &texts(&base, &base.replace("name: shop", "name: other"))).await.json();
    let line = base.lines().position(|line| line.contains("name: shop")).unwrap() + 1;
    assert_eq!(wrong["problems"][0]["line"], line, "{wrong}");
    let wrong = ask(&ana, "check-manifest", &texts(&base, &base.replace("cores: 1", "corse: 1"))).await.json();
    assert!(wrong["problems"][0]["text"].as_str().unwrap().contains("Did you mean cores?"), "{wrong}");
    let text = base.replace("cores: 1", "cores: 2");
    let check = ask(&ana, "check-manifest", &texts(&base, &text)).await.json();
    assert_eq!((&check["problems"], &check["conflict"]), (&json!([]), &Value::Null), "{check}");
    assert!(check["rows"].to_string().contains("cores: 2"), "{check}");
    assert_eq!(
        stored(&porthole).await["spec"]["template"]["spec"]["domain"]["cpu"]["cores"],
        1,
        "looking saves nothing"
    );
    let saved = ask(&ana, "save-manifest", &texts(&base, &text)).await;
    assert_eq!(saved.status, 200, "{saved:?}");
    assert_eq!(stored(&porthole).await["spec"]["template"]["spec"]["domain"]["cpu"]["cores"], 2);
    porthole.stop().await;
}

#[tokio::test]
async fn two_people_who_edit_at_once_overwrite_nothing() {
    let (porthole, ana) = shop().await;
    let base = read(&ana).await;
    let other = json!({"metadata": {"labels": {"owner": "ben"}}, "spec": {"template": {"spec": {"domain": {"cpu": {"cores": 4}}}}}});
    cluster::patch(porthole.kube(), "VirtualMachine", "blue", "shop", other).await;
    let text = base.replace("cores: 1", "cores: 2");
    let refused = ask(&ana, "save-manifest", &texts(&base, &text)).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.text().contains("spec.template.spec.domain.cpu.cores"), "{refused:?}");
    let conflict = ask(&ana, "check-manifest", &texts(&base, &text)).await.json()["conflict"].clone();
    let part = |key: &str| conflict[key].as_str().unwrap().to_owned();
    assert!(part("with_mine").contains("cores: 2") && part("with_mine").contains("owner: ben"), "{conflict}");
    let saved = ask(&ana, "save-manifest", &texts(&part("theirs"), &part("with_mine"))).await;
    assert_eq!(saved.status, 200, "{saved:?}");
    let now = stored(&porthole).await;
    assert_eq!(
        (&now["metadata"]["labels"]["owner"], &now["spec"]["template"]["spec"]["domain"]["cpu"]["cores"]),
        (&json!("ben"), &json!(2))
    );
    porthole.stop().await;
}

#[tokio::test]
async fn a_protected_machine_stays_until_the_protection_is_off() {
    let (porthole, ana) = shop().await;
    assert_eq!(ask(&ana, "protect", "&on=true").await.status, 200);
    eventually("the protection is known", async || {
        let editing = ask(&ana, "editing", "").await.json();
        if editing["delete_denied"].as_str().is_some_and(|reason| reason.contains("protected")) {
            Ok(())
        } else {
            Err(editing)
        }
    })
    .await;
    let refused = ask(&ana, "delete", "&confirm=shop").await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert_eq!(stored(&porthole).await["metadata"]["labels"]["kubevirt.io/vm-delete-protection"], "True");
    assert_eq!(ask(&ana, "protect", "&on=false").await.status, 200);
    eventually("it can be deleted", async || {
        let deleted = ask(&ana, "delete", "&confirm=shop").await;
        if deleted.status == 200 { Ok(()) } else { Err(deleted) }
    })
    .await;
    porthole.stop().await;
}

#[tokio::test]
async fn words_labels_and_when_it_runs_are_changed() {
    let (porthole, ana) = shop().await;
    for (what, more) in [
        ("describe", "&description=the+shop&notes=call+Ana%0D%0Abefore+noon"),
        ("label", "&labels=app%3Dshop%0Atier%3Dfront"),
        ("run", "&strategy=RerunOnFailure"),
    ] {
        let done = ask(&ana, what, more).await;
        assert_eq!(done.status, 200, "{what}: {done:?}");
    }
    let now = stored(&porthole).await;
    assert_eq!(now["metadata"]["labels"], json!({"app": "shop", "tier": "front"}));
    let annotations = &now["metadata"]["annotations"];
    assert_eq!(
        (&annotations["description"], &annotations["porthole.dev/notes"]),
        (&json!("the shop"), &json!("call Ana\nbefore noon"))
    );
    assert_eq!(now["spec"]["runStrategy"], "RerunOnFailure");
    porthole.stop().await;
}

#[tokio::test]
async fn every_tab_is_whole_without_script() {
    let (porthole, ana) = shop().await;
    assert_eq!(ask(&ana, "act", "&action=start").await.status, 200);
    let timeline = eventually("it runs", async || {
        let timeline = ask(&ana, "timeline", "").await.json();
        if timeline.to_string().contains("It runs.") { Ok(timeline) } else { Err(timeline) }
    })
    .await;
    let entries = timeline["entries"].as_array().unwrap();
    let times: Vec<_> = entries.iter().map(|entry| entry["at"].as_i64()).collect();
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "the newest first: {timeline}");
    assert_eq!(entries.last().unwrap()["words"], "The machine was made.");
    eventually("the cluster measures, and the portal may ask", async || {
        let metrics = ask(&ana, "metrics", "&range=15m").await.json();
        let is_refused =
            ["does not measure", "may not ask", "does not tell"].iter().any(|part| metrics.to_string().contains(part));
        if is_refused { Err(metrics) } else { Ok(()) }
    })
    .await;
    for (address, part) in [
        ("", "From a terminal"),
        ("?ask=related", "virt-launcher-shop-"),
        ("?tab=timeline", "It was switched on."),
        ("?tab=timeline&warnings=true", "No warnings"),
        ("?tab=metrics", "aria-label=\"Range\""),
        ("?tab=yaml", "runStrategy: Manual"),
        ("?tab=yaml&status=true", "printableStatus"),
    ] {
        let page = ana.get(&format!("/machines/blue/shop{address}")).await;
        assert_eq!(page.status, 200, "{address}");
        assert!(page.text().contains(part), "{part} at {address}:\n{}", page.text());
        assert!(page.text().contains("confirm-delete-title"), "the menu's question is on every tab: {address}");
    }
    porthole.stop().await;
}
