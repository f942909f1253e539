use model::ErrorCode;
use model::create::{Boot, MachineDraft};
use serde_json::{Value, json};

use crate::access::{Account, Actor};
use crate::records::AccountRow;
use crate::testing::{Answer, Call, Fake, allowed, ana};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ana@laptop";

fn draft() -> MachineDraft {
    let text = str::to_owned;
    MachineDraft {
        name: text("web"),
        namespace: text("blue"),
        system: text("debian"),
        boot: Boot::Blank,
        cpus: text("2"),
        memory: text("2 GiB"),
        disk: text("10 GiB"),
        ..MachineDraft::default()
    }
}

fn with_password() -> MachineDraft {
    let mut draft = draft();
    draft.user = "ana".to_owned();
    draft.password.0 = "correct horse".to_owned();
    draft
}

/// Ana may do everything in blue; `judge` is how the cluster answers to what is made, `None` means that it agrees.
async fn fake(judge: impl Fn(&Call) -> Option<Answer> + Send + Sync + 'static) -> Fake {
    let fake = Fake::new(move |call| match call.review() {
        Some(spec) => allowed(spec["resourceAttributes"]["namespace"] == "blue"),
        None if call.method == "GET" => (404, json!({"kind": "Status", "message": "not found"})),
        None => judge(call).unwrap_or_else(|| {
            let mut stored = call.body.clone();
            stored["metadata"]["uid"] = "u-1".into();
            (201, stored)
        }),
    });
    let fake = fake.await;
    fake.namespace("blue");
    fake.namespace("green");
    fake
}

fn writes(fake: &Fake) -> Vec<(String, String)> {
    fake.others().into_iter().filter(|call| call.method != "GET").map(|call| (call.method, call.uri)).collect()
}

const MACHINES: &str = "/apis/kubevirt.io/v1/namespaces/blue/virtualmachines";
const SECRETS: &str = "/api/v1/namespaces/blue/secrets";

fn is_real(call: &Call, place: &str) -> bool {
    call.method == "POST" && call.uri == place
}

#[tokio::test]
async fn a_machine_is_rehearsed_then_made_in_the_persons_name() {
    let fake = fake(|_| None).await;
    // No watch tells of the machine here; nobody has to wait for it.
    tokio::time::pause();
    let made = fake.inner.create_machines(&ana(), &draft()).await.unwrap();
    assert_eq!(made.iter().map(ToString::to_string).collect::<Vec<_>>(), ["blue/web"]);
    let post = "POST".to_owned();
    assert_eq!(writes(&fake), [(post.clone(), format!("{MACHINES}?dryRun=All")), (post, MACHINES.to_owned())]);
    assert!(fake.others().iter().all(|call| call.user.as_deref() == Some("ana@example")));
}

#[tokio::test]
async fn keys_that_somebody_used_are_offered_to_them_again_and_to_nobody_else() {
    let fake = fake(|_| None).await;
    for username in ["ana", "bo"] {
        let account =
            Account { username: username.to_owned(), kubernetes_user: "u".to_owned(), kubernetes_groups: Vec::new() };
        let row = AccountRow { account, password_hash: String::new() };
        fake.inner.records.accounts().save(&row).await.unwrap();
    }
    let offered = async |who: &Actor| fake.inner.create_options(who, "blue").await.unwrap().ssh_keys;
    let with_key = MachineDraft { ssh_keys: format!("{KEY}\n"), user: "ana".to_owned(), ..draft() };
    let until_kept = async {
        while offered(&ana()).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    // No watch tells of the machine here; nobody has to wait for it.
    tokio::select! {
        made = async { fake.inner.create_machines(&ana(), &with_key).await } => drop(made.unwrap()),
        () = until_kept => {}
    }
    fake.inner.keep_ssh_keys(&ana(), "\n").await;
    assert_eq!(offered(&ana()).await, KEY, "a machine without keys changes nothing");
    assert_eq!(offered(&Actor { account: "bo".to_owned(), ..ana() }).await, "");
}

#[tokio::test]
async fn secrets_come_first_and_then_belong_to_the_machine() {
    let fake = fake(|_| None).await;
    tokio::time::pause();
    fake.inner.create_machines(&ana(), &with_password()).await.unwrap();
    let made: Vec<_> = writes(&fake).into_iter().filter(|(_, uri)| !uri.contains("dryRun")).collect();
    let expected =
        [("POST", SECRETS.to_owned()), ("POST", MACHINES.to_owned()), ("PATCH", format!("{SECRETS}/web-cloud-init"))];
    assert_eq!(made, expected.map(|(method, uri)| (method.to_owned(), uri)));
    let calls = fake.others();
    let owner = &calls.last().unwrap().body["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["uid"]), (&json!("VirtualMachine"), &json!("u-1")));
}

#[tokio::test]
async fn nothing_is_left_behind_when_the_machine_is_refused_after_its_secret_was_made() {
    let fake = fake(|call| {
        is_real(call, MACHINES).then(|| (403, json!({"kind": "Status", "message": "exceeded quota: team, requested: count/virtualmachines.kubevirt.io=1"})))
    });
    let fake = fake.await;
    let error = fake.inner.create_machines(&ana(), &with_password()).await.unwrap_err().to_ui();
    assert!(error.fields["namespace"].contains("quota"), "{error:?}");
    assert_eq!(writes(&fake).last().unwrap(), &("DELETE".to_owned(), format!("{SECRETS}/web-cloud-init")));
}

#[tokio::test]
async fn several_machines_are_made_with_names_and_secrets_of_their_own() {
    let fake = fake(|_| None).await;
    tokio::time::pause();
    let two = MachineDraft { copies: "2".to_owned(), ..with_password() };
    let made = fake.inner.create_machines(&ana(), &two).await.unwrap();
    assert_eq!(made.iter().map(ToString::to_string).collect::<Vec<_>>(), ["blue/web-1", "blue/web-2"]);
    let bodies: Vec<_> =
        fake.others().into_iter().filter(|call| is_real(call, MACHINES)).map(|call| call.body).collect();
    let secret = |body: &Value| {
        let volumes = body["spec"]["template"]["spec"]["volumes"].as_array().unwrap();
        volumes.iter().find_map(|volume| volume["cloudInitNoCloud"]["secretRef"]["name"].as_str().map(str::to_owned))
    };
    assert_eq!(
        bodies.iter().map(secret).collect::<Vec<_>>(),
        ["web-1-cloud-init", "web-2-cloud-init"].map(|name| Some(name.to_owned()))
    );
    let disk = |body: &Value| body["spec"]["dataVolumeTemplates"][0]["metadata"]["name"].clone();
    assert_eq!(bodies.iter().map(disk).collect::<Vec<_>>(), ["web-1-disk", "web-2-disk"]);
}

#[tokio::test]
async fn if_one_of_several_is_refused_none_is_left() {
    let fake = fake(|call| {
        (is_real(call, MACHINES) && call.body["metadata"]["name"] == "web-2")
            .then(|| (403, json!({"kind": "Status", "message": "exceeded quota: team, requested: memory=2Gi"})))
    });
    let fake = fake.await;
    let three = MachineDraft { copies: "3".to_owned(), ..draft() };
    let error = fake.inner.create_machines(&ana(), &three).await.unwrap_err().to_ui();
    assert!(error.fields["memory"].contains("quota"), "{error:?}");
    let last = fake.others().pop().unwrap();
    assert_eq!((last.method.as_str(), last.uri), ("DELETE", format!("{MACHINES}/web-1")));
    assert_eq!(last.body["preconditions"]["uid"], "u-1");
}

#[tokio::test]
async fn what_the_dry_run_refuses_lands_at_its_field_and_nothing_is_made() {
    let refusal: Value = json!({"kind": "Status", "message": "denied", "details": {"causes": [
        {"field": "spec.template.spec.domain.devices.disks[0].disk.bus", "message": "IDE bus is not supported"}]}});
    let fake = fake(move |call| call.uri.contains("dryRun").then(|| (422, refusal.clone()))).await;
    let error = fake.inner.create_machines(&ana(), &draft()).await.unwrap_err().to_ui();
    assert_eq!((error.code, error.fields["bus"].as_str()), (ErrorCode::Invalid, "IDE bus is not supported."));
    assert!(writes(&fake).iter().all(|(_, uri)| uri.contains("dryRun")));
}

#[tokio::test]
async fn a_name_that_differs_only_in_capitals_is_taken() {
    let fake = fake(|_| None).await;
    fake.machine("blue", "web", json!({"status": {"printableStatus": "Stopped"}}));
    let error = fake.inner.check_machines(&ana(), &draft()).await.unwrap_err().to_ui();
    assert!(error.fields["name"].contains("already"), "{error:?}");
    let shouted = MachineDraft { name: "WEB".to_owned(), ..draft() };
    let error = fake.inner.check_machines(&ana(), &shouted).await.unwrap_err().to_ui();
    assert!(error.fields["name"].contains("lower-case"), "the rule comes first: {error:?}");
    assert!(writes(&fake).is_empty());
}

#[tokio::test]
async fn another_teams_namespace_is_refused_before_anything_is_sent() {
    let fake = fake(|_| None).await;
    let green = MachineDraft { namespace: "green".to_owned(), ..draft() };
    let error = fake.inner.create_machines(&ana(), &green).await.unwrap_err().to_ui();
    assert!(error.fields["namespace"].contains("cannot create machines in green"));
    assert!(writes(&fake).is_empty());
}

#[tokio::test]
async fn instructions_that_are_not_yaml_are_named_with_their_line() {
    let fake = fake(|_| None).await;
    let broken = MachineDraft { user_data: "#cloud-config\npackages: [vim\nruncmd: x\n".to_owned(), ..draft() };
    let error = fake.inner.check_machines(&ana(), &broken).await.unwrap_err().to_ui();
    assert!(error.fields["user_data"].contains("Line "), "{error:?}");
}

#[tokio::test]
async fn a_storage_class_that_is_gone_is_named_before_anything_is_sent() {
    let fake = fake(|_| None).await;
    fake.class("fast");
    let old = MachineDraft { storage_class: "slow".to_owned(), ..draft() };
    let error = fake.inner.check_machines(&ana(), &old).await.unwrap_err().to_ui();
    assert!(error.fields["storage_class"].starts_with("The storage class slow does not exist"), "{error:?}");
    assert!(writes(&fake).is_empty());
    let new = MachineDraft { storage_class: "fast".to_owned(), ..draft() };
    fake.inner.check_machines(&ana(), &new).await.unwrap();
}

#[tokio::test]
async fn without_preferences_the_built_in_systems_are_offered() {
    let fake = fake(|_| None).await;
    let options = fake.inner.create_options(&ana(), "green").await.unwrap();
    assert_eq!((options.namespace.as_str(), options.teams.as_slice()), ("blue", &["blue".to_owned()][..]));
    assert!(options.system("windows.11").is_some_and(|card| !card.has_preference));
    assert!(options.driver_image.ends_with(":v1.9.0") && options.has_live_discs);
}
