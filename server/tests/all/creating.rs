//! A machine from the form: made, refused at its fields, and shown with what was filled in.

use axum::http::Method;
use axum::http::header::{ACCEPT, ORIGIN};
use kube::api::ListParams;
use serde_json::Value;

use crate::support::{Answer, Client, TestPorthole, cluster, eventually, shared};

fn form(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(field, value)| (format!("draft[{field}]"), *value));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A machine from a container disk: needs no storage.
fn small<'a>(name: &'a str, namespace: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("name", name),
        ("namespace", namespace),
        ("boot", "container"),
        ("container", "quay.io/containerdisks/fedora:latest"),
        ("cpus", "1"),
        ("memory", "128 MiB"),
        ("run", "by_hand"),
    ]
}

async fn create(client: &Client, pairs: &[(&str, &str)]) -> Answer {
    client.post("/api/machines/create", &form(pairs)).await
}

async fn object(porthole: &TestPorthole, kind: &str, name: &str) -> Option<Value> {
    let found = cluster::api(porthole.kube(), kind, "blue").get_opt(name).await.unwrap();
    found.map(|object| serde_json::to_value(object).unwrap())
}

#[tokio::test]
async fn a_machine_from_an_iso_gets_an_empty_disk_and_the_disc() {
    let porthole = TestPorthole::with_teams().await;
    cluster::apply(
        porthole.kube(),
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: setup-iso, namespace: blue}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 64Mi}}}\n",
    )
    .await;
    let ana = porthole.sign_in("ana").await;
    let iso = "blue/setup-iso";
    eventually("the disc is offered", async || {
        let answer = ana.post("/api/machines/options", "namespace=blue").await;
        let images = answer.json()["images"].clone();
        if images.to_string().contains(iso) { Ok(()) } else { Err(images) }
    })
    .await;
    let draft = [
        ("name", "installed"),
        ("namespace", "blue"),
        ("system", "linux"),
        ("boot", "iso"),
        ("image", iso),
        ("cpus", "1"),
        ("memory", "512 MiB"),
        ("disk", "1 GiB"),
        ("run", "by_hand"),
    ];
    let answer = create(&ana, &draft).await;
    assert_eq!((answer.status, &answer.json()[0]["name"]), (200, &"installed".into()), "{answer:?}");
    let machine = object(&porthole, "VirtualMachine", "installed").await.unwrap();
    let spec = &machine["spec"];
    assert_eq!(spec["dataVolumeTemplates"][0]["spec"]["storage"]["resources"]["requests"]["storage"], "1Gi");
    assert_eq!(spec["template"]["spec"]["volumes"][1]["persistentVolumeClaim"]["claimName"], "setup-iso");
    // Its page is there at once, for nobody has to wait for a watch.
    assert_eq!(ana.get("/machines/blue/installed").await.status, 200);
    let again = create(&ana, &draft).await;
    assert_eq!(again.status, 422);
    assert!(again.json()["fields"]["name"].as_str().unwrap().contains("already"), "{again:?}");
    porthole.stop().await;
}

#[tokio::test]
async fn a_password_becomes_a_secret_that_goes_with_the_machine_and_is_never_sent_back() {
    let porthole = TestPorthole::with_teams().await;
    let ana = porthole.sign_in("ana").await;
    let mut draft = small("locked", "blue");
    draft.extend([("user", "ana"), ("password", "correct horse")]);
    let answer = create(&ana, &draft).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let secret = object(&porthole, "Secret", "locked-cloud-init").await.unwrap();
    assert_eq!(secret["metadata"]["ownerReferences"][0]["name"], "locked");
    let machine = object(&porthole, "VirtualMachine", "locked").await.unwrap();
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], machine["metadata"]["uid"]);
    for path in ["/machines/blue/locked", "/machines"] {
        assert!(!ana.get(path).await.text().contains("horse"), "{path}");
    }
    assert!(!machine.to_string().contains("horse"));
    porthole.stop().await;
}

#[tokio::test]
async fn several_machines_are_told_apart_by_their_guests() {
    let porthole = TestPorthole::with_teams().await;
    let ana = porthole.sign_in("ana").await;
    let mut draft = small("copy", "blue");
    draft.retain(|(field, _)| *field != "run");
    draft.extend([("copies", "2"), ("run", "once"), ("password", "correct horse")]);
    let answer = create(&ana, &draft).await;
    let names: Vec<_> = answer.json().as_array().unwrap().iter().map(|at| at["name"].clone()).collect();
    assert_eq!(names, ["copy-1", "copy-2"], "{answer:?}");
    let runs = async |name: &'static str| {
        eventually("the machine has an instance", async || {
            object(&porthole, "VirtualMachineInstance", name).await.ok_or("none yet")
        })
        .await
    };
    let (one, two) = (runs("copy-1").await, runs("copy-2").await);
    let uuid = |instance: &Value| instance["spec"]["domain"]["firmware"]["uuid"].as_str().unwrap().to_owned();
    assert_ne!(uuid(&one), uuid(&two), "the firmware's UUID, from which cloud-init's instance id follows");
    let secret = |instance: &Value| instance["spec"]["volumes"][1]["cloudInitNoCloud"]["secretRef"]["name"].clone();
    assert_eq!((secret(&one), secret(&two)), ("copy-1-cloud-init".into(), "copy-2-cloud-init".into()));
    porthole.stop().await;
}

#[tokio::test]
async fn a_manifest_edited_by_hand_is_made_and_refused_at_its_lines() {
    let porthole = TestPorthole::with_teams().await;
    let ana = porthole.sign_in("ana").await;
    let text = |strategy: &str, namespace: &str| {
        format!(
            "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata:\n  name: edited\n  namespace: {namespace}\n  labels: {{by: hand}}\n\
             spec:\n  runStrategy: {strategy}\n  template:\n    spec:\n      domain: {{devices: {{}}, memory: {{guest: 64Mi}}}}\n"
        )
    };
    let send =
        async |manifest: &str| create(&ana, &[("name", "edited"), ("namespace", "blue"), ("manifest", manifest)]).await;
    let refused = send(&text("Sometimes", "blue")).await;
    assert!(refused.json()["fields"]["manifest.8"].is_string(), "{refused:?}");
    let elsewhere = send(&text("Halted", "green")).await;
    assert!(elsewhere.json()["fields"]["manifest.5"].is_string(), "{elsewhere:?}");
    let broken = send("kind: [").await;
    assert!(broken.text().contains("not YAML"), "{broken:?}");
    assert!(object(&porthole, "VirtualMachine", "edited").await.is_none());

    let made = send(&text("Halted", "blue")).await;
    assert_eq!(made.status, 200, "{made:?}");
    let machine = object(&porthole, "VirtualMachine", "edited").await.unwrap();
    assert_eq!(machine["metadata"]["labels"]["by"], "hand");
    porthole.stop().await;
}

/// With QEMU, OVMF and swtpm these are real guests; where something is missing their events say what they start without.
#[tokio::test]
async fn firmware_and_tpm_of_the_form_are_what_the_machine_starts_with() {
    let porthole = TestPorthole::with_teams().await;
    let ana = porthole.sign_in("ana").await;
    let claims = cluster::api(porthole.kube(), "PersistentVolumeClaim", "blue");
    let with = |name, choices: &[(&'static str, &'static str)]| {
        let mut draft =
            vec![("name", name), ("namespace", "blue"), ("boot", "blank"), ("disk", "1 GiB"), ("run", "always")];
        draft.extend(choices);
        draft
    };
    let linux = [("system", "linux"), ("cpus", "1"), ("memory", "512 MiB")];
    let windows = [("system", "windows.11"), ("cpus", "2"), ("memory", "4 GiB"), ("no_drivers", "true")];
    let kept = [("firmware", "secure_boot"), ("tpm", "kept")];
    let lost = [("firmware", "efi"), ("tpm", "temporary")];
    for (draft, keeps_state) in [
        (with("eleven", &windows), true),
        (with("guarded", &[linux.as_slice(), &kept].concat()), true),
        (with("open", &[linux.as_slice(), &lost].concat()), false),
    ] {
        let name = draft[0].1;
        let answer = create(&ana, &draft).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        eventually("it runs", async || {
            let instance = object(&porthole, "VirtualMachineInstance", name).await.unwrap_or_default();
            if instance["status"]["phase"] == "Running" { Ok(()) } else { Err(instance["status"].clone()) }
        })
        .await;
        let label = ListParams::default().labels(&format!("persistent-state-for={name}"));
        let phases: Vec<_> =
            claims.list(&label).await.unwrap().into_iter().map(|claim| claim.data["status"]["phase"].clone()).collect();
        assert_eq!(phases, vec!["Bound"; usize::from(keeps_state)], "{name}");
        cluster::delete(porthole.kube(), "VirtualMachine", "blue", name).await;
    }
    porthole.stop().await;
}

#[tokio::test]
async fn another_teams_namespace_is_refused_at_its_field_and_nothing_is_made() {
    let porthole = shared();
    let bo = porthole.sign_in("bo").await;
    let answer = create(&bo, &small("intruder", "blue")).await;
    assert_eq!(answer.status, 422);
    assert!(answer.json()["fields"]["namespace"].as_str().unwrap().contains("blue"), "{answer:?}");
    assert!(object(porthole, "VirtualMachine", "intruder").await.is_none());
}

#[tokio::test]
async fn what_only_the_cluster_knows_lands_at_its_field_and_nothing_is_left_behind() {
    let porthole = TestPorthole::with_teams().await;
    let ana = porthole.sign_in("ana").await;
    let mut draft = small("refused", "blue");
    let good = ana.post("/api/machines/check", &form(&draft)).await;
    assert_eq!(good.status, 200, "{good:?}");
    draft.push(("password", "correct horse"));
    cluster::apply(
        porthole.kube(),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: refused-cloud-init, namespace: blue}\n",
    )
    .await;
    for path in ["/api/machines/check", "/api/machines/create"] {
        let answer = ana.post(path, &form(&draft)).await;
        let told = answer.json()["fields"]["name"].clone();
        assert!(
            answer.status == 422 && told.as_str().is_some_and(|text| text.contains("Secret refused-cloud-init")),
            "{answer:?}"
        );
    }
    assert!(object(&porthole, "VirtualMachine", "refused").await.is_none());
    porthole.stop().await;
}

#[tokio::test]
async fn without_script_the_form_leads_to_the_machine_or_back_with_what_was_filled_in() {
    let porthole = TestPorthole::with_teams().await;
    let ana = porthole.sign_in("ana").await;
    let page = ana.get("/machines/new").await;
    assert!(page.status == 200 && page.text().contains("name=\"draft[name]\""), "{page:?}");
    let submit = async |draft: &[(&str, &str)]| {
        let origin = ana.origin();
        ana.send(Method::POST, "/api/machines/create", &[(ACCEPT, "text/html"), (ORIGIN, &origin)], &form(draft)).await
    };
    let refused = submit(&small("Web 1", "blue")).await;
    let back = refused.header("location").to_owned();
    assert!(refused.status / 100 == 3 && back.starts_with("/machines/new?name=Web%201"), "{refused:?}");
    let page = ana.get(&back).await.text();
    assert!(page.contains("Try web-1") && page.contains("128 MiB"), "{page}");
    let made = submit(&small("web-1", "blue")).await;
    assert!(made.status / 100 == 3 && made.header("location") == "/machines/blue/web-1", "{made:?}");
    porthole.stop().await;
}
