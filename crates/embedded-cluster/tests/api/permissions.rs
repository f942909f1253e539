//! Who may do what: tokens, impersonation, roles and reviews.

use serde_json::json;

use crate::support::{Client, MACHINES, MAPS, PODS, TestCluster, bind, map, pod};

const REVIEWS: &str = "/apis/authorization.k8s.io/v1";

#[tokio::test(flavor = "multi_thread")]
async fn refusals_name_the_person_and_what_is_missing() {
    let test = TestCluster::start().await;
    let admin = test.admin();
    let ana = admin.acting_as("ana", &["team"]);
    assert_eq!(
        ana.get(PODS).await.refused(403),
        "pods is forbidden: User \"ana\" cannot list resource \"pods\" in API group \"\" in the namespace \"demo\""
    );
    assert_eq!(
        ana.get(&format!("{PODS}/p/log")).await.refused(403),
        "pods \"p\" is forbidden: User \"ana\" cannot get resource \"pods/log\" in API group \"\" in the namespace \"demo\""
    );
    assert_eq!(
        ana.get("/api/v1/nodes").await.refused(403),
        "nodes is forbidden: User \"ana\" cannot list resource \"nodes\" in API group \"\" at the cluster scope"
    );
    assert_eq!(ana.get("/metrics").await.refused(403), "forbidden: User \"ana\" cannot get path \"/metrics\"");
    ana.get("/version").await.expect(200);
    let anonymous = admin.anonymous();
    assert!(anonymous.get(PODS).await.refused(403).contains("User \"system:anonymous\""));
    anonymous.get("/livez").await.expect(200);
    assert_eq!(admin.with_token("nonsense").get("/version").await.refused(401), "Unauthorized");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_reaches_its_namespace_and_changes_count_at_once() {
    let test = TestCluster::start().await;
    let admin = test.admin();
    let ana = admin.acting_as("ana", &[]);
    bind(&admin, "view", "ana").await;
    ana.get(PODS).await.expect(200);
    ana.get(&PODS.replace("demo", "default")).await.refused(403);
    ana.post(PODS, &pod("p")).await.refused(403);
    ana.get("/api/v1/namespaces/demo").await.expect(200);
    ana.get("/api/v1/namespaces").await.refused(403);
    admin.delete("/apis/rbac.authorization.k8s.io/v1/namespaces/demo/rolebindings/ana:view").await.expect(200);
    ana.get(PODS).await.refused(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_role_is_added_to_the_standard_ones_by_its_label() {
    let test = TestCluster::start().await;
    let admin = test.admin();
    let ana = admin.acting_as("ana", &[]);
    bind(&admin, "view", "ana").await;
    ana.get("/api/v1/namespaces/demo/secrets").await.refused(403);
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let version = test.cluster.store().version();
    let path = format!("{roles}?watch=true&fieldSelector=metadata.name%3Dview&resourceVersion={version}");
    let mut watch = admin.stream(&path).await;
    let role = json!({"kind": "ClusterRole", "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": "more", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}]});
    admin.post(roles, &role).await.expect(201);
    watch.event().await;
    ana.get("/api/v1/namespaces/demo/secrets").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn impersonation_is_a_right_of_its_own() {
    let test = TestCluster::start().await;
    let admin = test.admin();
    bind(&admin, "admin", "ana").await;
    let ana = service_account(&admin, "portal").await;
    let refusal = ana.acting_as("bo", &[]).get(PODS).await.refused(403);
    assert_eq!(
        refusal,
        "users \"bo\" is forbidden: User \"system:serviceaccount:demo:portal\" cannot impersonate resource \"users\" in API \
         group \"\" at the cluster scope"
    );
}

/// A client with the token of a new service account.
async fn service_account(admin: &Client, name: &str) -> Client {
    let account = json!({"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": name}});
    admin.post("/api/v1/namespaces/demo/serviceaccounts", &account).await.expect(201);
    let request =
        json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 600}});
    let path = format!("/api/v1/namespaces/demo/serviceaccounts/{name}/token");
    let answer = admin.post(&path, &request).await.expect(201);
    admin.with_token(answer["status"]["token"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_signs_in_with_its_token() {
    let test = TestCluster::start().await;
    let admin = test.admin();
    let bot = service_account(&admin, "bot").await;
    let who = json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"});
    let answer = bot.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", &who).await.expect(201);
    let user = &answer["status"]["userInfo"];
    assert_eq!(user["username"], "system:serviceaccount:demo:bot");
    assert_eq!(
        user["groups"],
        json!(["system:serviceaccounts", "system:serviceaccounts:demo", "system:authenticated"])
    );
    admin.delete("/api/v1/namespaces/demo/serviceaccounts/bot").await.expect(200);
    bot.get("/version").await.refused(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_for_an_account_is_filled_with_a_token_that_works() {
    use base64::Engine as _;
    let test = TestCluster::start().await;
    let admin = test.admin();
    let secrets = "/api/v1/namespaces/demo/secrets";
    let version = test.cluster.store().version();
    let mut watch = admin.stream(&format!("{secrets}?watch=true&resourceVersion={version}")).await;
    let account = json!({"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "bot"}});
    admin.post("/api/v1/namespaces/demo/serviceaccounts", &account).await.expect(201);
    let secret = json!({"kind": "Secret", "apiVersion": "v1", "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "t", "annotations": {"kubernetes.io/service-account.name": "bot"}}});
    admin.post(secrets, &secret).await.expect(201);
    let token = loop {
        let (_, secret) = watch.event().await;
        if let Some(token) = secret["data"]["token"].as_str() {
            break token.to_owned();
        }
    };
    let token = base64::engine::general_purpose::STANDARD.decode(token).unwrap();
    admin.with_token(std::str::from_utf8(&token).unwrap()).get("/version").await.expect(200);
    let review = json!({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1",
        "spec": {"token": std::str::from_utf8(&token).unwrap()}});
    let answer = admin.post("/apis/authentication.k8s.io/v1/tokenreviews", &review).await.expect(201);
    assert_eq!(answer["status"]["authenticated"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn reviews_answer_what_a_request_would_have_met() {
    let test = TestCluster::start().await;
    let admin = test.admin();
    bind(&admin, "edit", "ana").await;
    let ana = admin.acting_as("ana", &[]);
    let wanted = json!({"group": "kubevirt.io", "resource": "virtualmachines", "verb": "create", "namespace": "demo"});
    let review = |kind: &str, spec: serde_json::Value| json!({"kind": kind, "apiVersion": "authorization.k8s.io/v1", "spec": spec});
    let own = review("SelfSubjectAccessReview", json!({"resourceAttributes": wanted}));
    let answer = ana.post(&format!("{REVIEWS}/selfsubjectaccessreviews"), &own).await.expect(201);
    assert_eq!(answer["status"]["allowed"], true);
    assert_eq!(
        answer["status"]["reason"],
        "RBAC: allowed by RoleBinding \"ana:edit/demo\" of ClusterRole \"edit\" to User \"ana\""
    );
    let other = review("SubjectAccessReview", json!({"resourceAttributes": wanted, "user": "bo", "groups": ["x"]}));
    let answer = admin.post(&format!("{REVIEWS}/subjectaccessreviews"), &other).await.expect(201);
    assert_eq!(answer["status"], json!({"allowed": false}));
    ana.post(&format!("{REVIEWS}/subjectaccessreviews"), &other).await.refused(403);
    let rules = review("SelfSubjectRulesReview", json!({"namespace": "demo"}));
    let answer = ana.post(&format!("{REVIEWS}/selfsubjectrulesreviews"), &rules).await.expect(201);
    let known = json!({"verbs": ["get", "list"], "apiGroups": ["kubevirt.io"], "resources": ["kubevirts"]});
    assert!(answer["status"]["resourceRules"].as_array().unwrap().contains(&known));
    ana.post(&format!("{REVIEWS}/selfsubjectaccessreviews"), &review("SelfSubjectAccessReview", json!({})))
        .await
        .refused(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_part_of_a_subresource_decides_here_and_the_whole_there() {
    let test = TestCluster::start().await;
    let admin = test.admin();
    bind(&admin, "kubevirt.io:edit", "ana").await;
    let base = MACHINES
        .replace("/kubevirt.io/", "/subresources.kubevirt.io/")
        .replace("virtualmachines", "virtualmachineinstances");
    let ana = admin.acting_as("ana", &[]);
    let second = ana.get(&format!("{base}/a/vnc/screenshot")).await;
    assert_eq!((second.status, second.body), (401, json!("")));
    let bo = admin.acting_as("bo", &[]);
    bo.get(&format!("{base}/a/vnc/screenshot")).await.refused(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_grants_more_than_they_have() {
    let test = TestCluster::start().await;
    let admin = test.admin();
    bind(&admin, "admin", "ana").await;
    let ana = admin.acting_as("ana", &[]);
    let group = "rbac.authorization.k8s.io";
    let base = format!("/apis/{group}/v1/namespaces/demo");
    let role = |rule: serde_json::Value| json!({"kind": "Role", "apiVersion": format!("{group}/v1"), "metadata": {"name": "r"}, "rules": [rule]});
    let all = role(json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}));
    let refusal = ana.post(&format!("{base}/roles"), &all).await.refused(403);
    assert!(refusal.contains("is attempting to grant RBAC permissions not currently held"), "{refusal}");
    let some = role(json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}));
    ana.post(&format!("{base}/roles"), &some).await.expect(201);
    let binding = |role: &str| {
        json!({"kind": "RoleBinding", "apiVersion": format!("{group}/v1"), "metadata": {"name": role},
            "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [{"kind": "User", "name": "bo"}]})
    };
    ana.post(&format!("{base}/rolebindings"), &binding("cluster-admin")).await.refused(403);
    ana.post(&format!("{base}/rolebindings"), &binding("view")).await.expect(201);
    admin.acting_as("bo", &[]).get(MAPS).await.expect(200);
    admin.acting_as("bo", &[]).post(MAPS, &map("x")).await.refused(403);
}
