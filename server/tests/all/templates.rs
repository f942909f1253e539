//! Templates: what they ask for, those of the cluster's own kind, and machines that become one.

use crate::support::{Client, TestPorthole, cluster, eventually};

const NATIVE: &str = "
apiVersion: template.kubevirt.io/v1beta1
kind: VirtualMachineTemplate
metadata: {name: small, namespace: blue}
spec:
  message: It starts from nothing.
  parameters:
    - {name: NAME, required: true, displayName: What it is called}
    - {name: MEMORY, value: 128Mi}
  virtualMachine:
    metadata: {name: '${NAME}', labels: {made-by: small}}
    spec:
      runStrategy: Halted
      template: {spec: {domain: {devices: {}, memory: {guest: '${MEMORY}'}}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: templates, namespace: blue}
rules:
  - {apiGroups: [template.kubevirt.io], resources: [virtualmachinetemplates], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: templates, namespace: blue}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: templates}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ana}]
";

fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn page(client: &Client, query: &[(&str, &str)]) -> String {
    let answer = client.get(&format!("/machines/new?{}", form(query))).await;
    assert_eq!(answer.status, 200, "{query:?}: {}", answer.text());
    answer.text()
}

#[tokio::test]
async fn a_template_asks_before_it_fills_in_the_form_without_script_too() {
    let porthole = TestPorthole::with_teams().await;
    let ana = porthole.sign_in("ana").await;
    let template = [
        ("namespace", "blue"),
        ("title", "Web server"),
        ("draft[system]", "linux"),
        ("draft[boot]", "blank"),
        ("draft[cpus]", "2"),
        ("draft[memory]", "4 GiB"),
        ("draft[disk]", "${DISK}"),
        ("draft[user_data]", "#cloud-config\nhostname: ${HOST}\n"),
        ("parameters[0][name]", "DISK"),
        ("parameters[0][kind]", "size"),
        ("parameters[0][label]", "Disk size"),
        ("parameters[1][name]", "HOST"),
        ("parameters[1][kind]", "choice"),
        ("parameters[1][choices][0]", "one"),
        ("parameters[1][choices][1]", "two"),
    ];
    let kept = ana.post("/api/templates/save", &form(&template)).await;
    assert_eq!(kept.status, 200, "{kept:?}");
    let at = ("template", "blue/template-web-server");
    let asks = page(&ana, &[at]).await;
    for part in ["Disk size", "name=\"p.DISK\"", "name=\"p.HOST\"", ">two<"] {
        assert!(asks.contains(part), "{part}: {asks}");
    }
    let wrong = page(&ana, &[at, ("answered", "true"), ("p.DISK", "much"), ("p.HOST", "two")]).await;
    assert!(wrong.contains("Write a size such as 20 GiB.") && wrong.contains("value=\"much\""), "{wrong}");
    let filled = page(&ana, &[at, ("answered", "true"), ("p.DISK", "24 GiB"), ("p.HOST", "two")]).await;
    for part in ["value=\"24 GiB\"", "hostname: two", "name=\"draft[disk]\""] {
        assert!(filled.contains(part), "{part}: {filled}");
    }
    let list = ana.get("/templates").await.text();
    assert!(list.contains("Web server") && list.contains("asks for"), "{list}");
    porthole.stop().await;
}

#[tokio::test]
async fn the_clusters_own_templates_make_machines_too() {
    let porthole = TestPorthole::with_teams().await;
    cluster::apply(porthole.kube(), NATIVE).await;
    let ana = porthole.sign_in("ana").await;
    let at = "native:blue/small";
    eventually("ana may see it", async || {
        let answer = ana.post("/api/templates/list", "").await.text();
        if answer.contains(at) { Ok(()) } else { Err(answer) }
    })
    .await;
    let filled = page(&ana, &[("template", at), ("namespace", "blue"), ("answered", "true"), ("p.NAME", "tiny")]).await;
    for part in
        ["It starts from nothing.", "value=\"tiny\"", "made-by: small", "guest: 128Mi", "name=\"draft[manifest]\""]
    {
        assert!(filled.contains(part), "{part}: {filled}");
    }
    let manifest = "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: {labels: {of: \"${MACHINE_NAME}\"}}\nspec:\n  runStrategy: Halted\n  template: {spec: {domain: {devices: {}, memory: {guest: 128Mi}}}}\n";
    let made = [("draft[namespace]", "blue"), ("draft[name]", "tiny"), ("draft[manifest]", manifest)];
    let made = ana.post("/api/machines/create", &form(&made)).await;
    assert_eq!(made.status, 200, "{made:?}");
    let machine = cluster::api(porthole.kube(), "VirtualMachine", "blue").get("tiny").await.unwrap();
    assert_eq!(machine.metadata.labels.unwrap()["of"], "tiny");
    let bo = porthole.sign_in("bo").await;
    assert!(!bo.post("/api/templates/list", "").await.text().contains(at));
    porthole.stop().await;
}

#[tokio::test]
async fn a_machine_becomes_a_template_after_a_look_at_it() {
    let porthole = TestPorthole::with_teams().await;
    let ana = porthole.sign_in("ana").await;
    let look = ana.get("/templates/new?machine=blue/box").await;
    assert_eq!(look.status, 200);
    assert!(look.text().contains("Keep template"), "{}", look.text());
    let of = [("namespace", "blue"), ("name", "box"), ("title", "Box")];
    let kept = ana.post("/api/templates/save-machine", &form(&of)).await;
    assert_eq!(kept.status, 200, "{kept:?}");
    let text = ana.post("/api/templates/get", "template=blue/template-box").await.text();
    assert!(text.contains("\"title\":\"Box\"") && !text.contains("\"box\""), "{text}");
    porthole.stop().await;
}
