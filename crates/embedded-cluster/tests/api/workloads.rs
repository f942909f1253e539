//! Workloads, driven by the real kubectl, with the image that is this machine's own programs.
//!
//! Where there is no sandbox for containers, what needs real processes is left out, with a word.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::kubectl::Kubectl;
use crate::support::TestCluster;

const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: demo, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - name: main
        image: porthole.local/tools
        command: [sh, -c, "echo $GREETING; trap 'exit 0' TERM; while true; do sleep 1; done"]
        env: [{name: GREETING, value: hello}, {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
"#;

/// Whether containers are real here.
async fn has_sandbox(kubectl: &Kubectl, pod: &str) -> bool {
    let said = kubectl.run(&format!("logs -n demo {pod} --tail=5")).await;
    let is_real = !said.contains("stands in for image");
    if !is_real {
        eprintln!("skipped: this machine has no sandbox for containers");
    }
    is_real
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_rolled_out_scaled_changed_undone_and_deleted() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    assert_eq!(kubectl.feed("apply -f -", WEB).await, "deployment.apps/web created\n");
    let said = kubectl.run("rollout status deploy/web -n demo --timeout=60s").await;
    assert!(said.contains("successfully rolled out"), "{said}");
    let shown = kubectl.run("get all -n demo -o wide").await;
    for wanted in ["pod/web-", "deployment.apps/web   2/2     2            2", "replicaset.apps/web-", "app=web"] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    assert_eq!(kubectl.run("scale deploy web -n demo --replicas=3").await, "deployment.apps/web scaled\n");
    kubectl.run("rollout status deploy/web -n demo --timeout=60s").await;
    assert_eq!(kubectl.run("get deploy web -n demo -o jsonpath={.status.readyReplicas}").await, "3");

    kubectl.run("set env deploy/web -n demo GREETING=again").await;
    kubectl.run("rollout status deploy/web -n demo --timeout=60s").await;
    let history = kubectl.run("rollout history deploy/web -n demo").await;
    assert!(history.contains("\n1 ") && history.contains("\n2 "), "{history}");
    kubectl.run("rollout undo deploy/web -n demo").await;
    kubectl.run("rollout status deploy/web -n demo --timeout=60s").await;
    let greeting = "jsonpath={.spec.template.spec.containers[0].env[0].value}";
    assert_eq!(kubectl.run(&format!("get deploy web -n demo -o {greeting}")).await, "hello");
    let revision = r"jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}";
    assert_eq!(kubectl.run(&format!("get deploy web -n demo -o {revision}")).await, "3");

    kubectl.run("rollout pause deploy/web -n demo").await;
    let refused = kubectl.fail("rollout restart deploy/web -n demo").await;
    assert!(refused.contains("can't restart paused deployment"), "{refused}");
    kubectl.run("rollout resume deploy/web -n demo").await;
    kubectl.run("rollout restart deploy/web -n demo").await;
    kubectl.run("rollout status deploy/web -n demo --timeout=60s").await;
    let described = kubectl.run("describe deploy web -n demo").await;
    for wanted in ["ScalingReplicaSet", "NewReplicaSetAvailable", "25% max unavailable, 25% max surge"] {
        assert!(described.contains(wanted), "{wanted}: {described}");
    }
    let mut edit = kubectl.command("edit deploy web -n demo");
    let edited = edit.env("KUBE_EDITOR", "sed -i s/hello/hallo/").output().await.unwrap();
    assert!(edited.status.success(), "{edited:?}");
    assert_eq!(kubectl.run(&format!("get deploy web -n demo -o {greeting}")).await, "hallo");
    kubectl.run("delete deploy web -n demo").await;
    kubectl.run("wait pod -l app=web -n demo --for=delete --timeout=30s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_are_looked_into_by_logs_exec_and_attach() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    kubectl.feed("apply -f -", WEB).await;
    kubectl.run("rollout status deploy/web -n demo --timeout=60s").await;
    if !has_sandbox(&kubectl, "deploy/web").await {
        return;
    }
    let log = kubectl.run("logs deploy/web -n demo --pod-running-timeout=5s").await;
    assert!(log.lines().any(|line| line == "hello"), "{log}");
    assert_eq!(kubectl.run("exec deploy/web -n demo -- echo a b").await, "a b\n");
    let (succeeded, said) = kubectl.try_run("exec deploy/web -n demo -- false").await;
    assert!(!succeeded && said.contains("exit code 1"), "{said}");
    let (_, hidden) = kubectl.try_run("exec deploy/web -n demo -- ls -a /dev/before /root /home").await;
    assert!(!hidden.contains(".cargo"), "nothing of this machine is seen: {hidden}");
    let typed = kubectl.feed("exec -i deploy/web -n demo -- cat", "typed\n").await;
    assert_eq!(typed, "typed\n");
    let node = kubectl.run("exec deploy/web -n demo -- printenv NODE").await;
    assert!(node.starts_with("node"), "{node}");
    let mut script = tokio::process::Command::new("script");
    let wish = "kubectl exec -it deploy/web -n demo -- sh -c 'test -t 0 && stty size && exit 5'";
    script.args(["-qec", wish, "/dev/null"]).env("KUBECONFIG", test.cluster.kubeconfig_path()).stdin(Stdio::null());
    if let Ok(output) = script.output().await {
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert!(said.contains("exit code 5"), "{said}");
    }
}

const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: NAME, namespace: demo, labels: {app: NAME}}
spec:
  restartPolicy: POLICY
  terminationGracePeriodSeconds: 1
  containers: [{name: main, image: IMAGE, command: [sh, -c, 'SCRIPT']}]
"#;

fn pod(name: &str, policy: &str, image: &str, script: &str) -> String {
    POD.replace("NAME", name).replace("POLICY", policy).replace("IMAGE", image).replace("SCRIPT", script)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_fails_is_restarted_and_its_former_log_is_kept() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    kubectl.feed("apply -f -", &pod("crash", "Always", "porthole.local/tools", "echo once more; exit 3")).await;
    let waiting = "jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff";
    let (crashes, said) = kubectl.try_run(&format!("wait pod crash -n demo --for={waiting} --timeout=20s")).await;
    if !crashes && !has_sandbox(&kubectl, "crash").await {
        return;
    }
    assert!(crashes, "{said}");
    let last = "jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}";
    assert_eq!(kubectl.run(&format!("get pod crash -n demo -o {last}")).await, "3");
    assert_eq!(kubectl.run("logs crash -n demo --previous").await, "once more\n");
    let described = kubectl.run("describe pod crash -n demo").await;
    for wanted in ["Back-off restarting failed container main", "Started container main", "Scheduled"] {
        assert!(described.contains(wanted), "{wanted}: {described}");
    }
    let shown = kubectl.run("get pod crash -n demo").await;
    assert!(shown.contains("CrashLoopBackOff"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_do_not_exist_are_waited_for_and_those_out_of_reach_are_stood_in_for() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    kubectl.feed("apply -f -", &pod("gone", "Always", "registry.invalid/none:1", "true")).await;
    kubectl.feed("apply -f -", &pod("far", "Always", "127.0.0.1:1/far:1", "true")).await;
    kubectl.run("wait pod far -n demo --for=condition=Ready --timeout=30s").await;
    let said = kubectl.run("logs far -n demo").await;
    assert!(said.contains("stands in for image 127.0.0.1:1/far:1: nothing is run"), "{said}");
    if said.contains("no sandbox") {
        return;
    }
    let reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff";
    kubectl.run(&format!("wait pod gone -n demo --for={reason} --timeout=20s")).await;
    assert!(kubectl.fail("logs gone -n demo").await.contains("trying and failing to pull image"));
    assert_eq!(kubectl.run("exec far -n demo -- echo here").await, "here\n");
    assert!(kubectl.fail("exec far -n demo -- nginx -v").await.contains("nothing is run"));
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_and_cron_jobs_are_made_and_come_to_their_end() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    kubectl.run("create job once -n demo --image=porthole.local/tools -- echo done").await;
    let (completes, said) = kubectl.try_run("wait job once -n demo --for=condition=Complete --timeout=30s").await;
    if !completes && !has_sandbox(&kubectl, "job/once").await {
        return;
    }
    assert!(completes, "{said}");
    assert_eq!(kubectl.run("logs job/once -n demo").await, "done\n");
    let shown = kubectl.run("get job once -n demo").await;
    assert!(shown.contains("Complete   1/1"), "{shown}");
    let refused =
        kubectl.fail("create cronjob bad -n demo --image=porthole.local/tools --schedule=often -- date").await;
    assert!(refused.contains("expected exactly 5 fields, found 1: [often]"), "{refused}");
    kubectl.run("create cronjob tock -n demo --image=porthole.local/tools --schedule=@yearly -- date").await;
    kubectl.run("create job now -n demo --from=cronjob/tock").await;
    kubectl.run("wait job now -n demo --for=condition=Complete --timeout=30s").await;
    assert!(kubectl.run("get cj tock -n demo").await.contains("@yearly"));
}

const STATEFUL: &str = r#"
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: demo}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: porthole.local/tools
        command: [sh, -c, "sleep 1000"]
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 8Mi}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: each, namespace: demo}
spec:
  selector: {matchLabels: {app: each}}
  template:
    metadata: {labels: {app: each}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: main, image: porthole.local/tools, command: [sleep, "1000"]}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn stateful_sets_keep_names_and_data_and_daemon_sets_are_on_each_node() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    kubectl.feed("apply -f -", STATEFUL).await;
    kubectl.run("rollout status sts/db -n demo --timeout=60s").await;
    kubectl.run("rollout status ds/each -n demo --timeout=60s").await;
    let shown = kubectl.run("get pods,pvc -n demo").await;
    for wanted in ["pod/db-0", "pod/db-1", "persistentvolumeclaim/data-db-0", "persistentvolumeclaim/data-db-1"] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    let nodes = kubectl.run("get pods -n demo -l app=each -o jsonpath={.items[*].spec.nodeName}").await;
    assert!(nodes.contains("node1") && nodes.contains("node2"), "{nodes}");
    if has_sandbox(&kubectl, "db-0").await {
        kubectl.run("exec db-0 -n demo -- touch /data/kept").await;
        kubectl.run("delete pod db-0 -n demo").await;
        kubectl.run("rollout status sts/db -n demo --timeout=60s").await;
        kubectl.run("wait pod db-0 -n demo --for=condition=Ready --timeout=30s").await;
        assert_eq!(kubectl.run("exec db-0 -n demo -- ls /data").await, "kept\n");
    }
    kubectl.run("scale sts db -n demo --replicas=1").await;
    kubectl.run("wait pod db-1 -n demo --for=delete --timeout=30s").await;
    let refused = kubectl.fail("patch sts db -n demo -p {\"spec\":{\"serviceName\":\"x\"}}").await;
    assert!(refused.contains("updates to statefulset spec for fields other than"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_drained_as_far_as_budgets_allow() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    kubectl.feed("apply -f -", WEB).await;
    kubectl.run("rollout status deploy/web -n demo --timeout=60s").await;
    kubectl.run("expose deploy web -n demo --port=80").await;
    let service = kubectl.run("get svc,endpoints,endpointslices -n demo").await;
    assert!(service.contains("10.96.") && service.contains(":80,10.244."), "{service}");
    kubectl.run("create pdb web -n demo --selector=app=web --min-available=2").await;
    let drain = "drain node1 node2 --pod-selector=app=web --timeout=3s";
    let refused = kubectl.fail(drain).await;
    assert!(refused.contains("Cannot evict pod as it would violate the pod's disruption budget"), "{refused}");
    kubectl.run("uncordon node1 node2").await;
    kubectl.run("delete pdb web -n demo").await;
    let drained = kubectl.run("drain node1 --pod-selector=app=web --timeout=60s").await;
    assert!(drained.contains("node/node1 drained"), "{drained}");
    kubectl.run("rollout status deploy/web -n demo --timeout=60s").await;
    let nodes = kubectl.run("get pods -n demo -o jsonpath={.items[*].spec.nodeName}").await;
    assert!(!nodes.contains("node1"), "{nodes}");
    kubectl.run("uncordon node1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followed_log_goes_on_until_its_container_ends() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    let script = "for i in 1 2 3; do echo line $i; sleep 1; done";
    kubectl.feed("apply -f -", &pod("talk", "Never", "porthole.local/tools", script)).await;
    kubectl.run("wait pod talk -n demo --for=condition=Ready --timeout=30s").await;
    if !has_sandbox(&kubectl, "talk").await {
        return;
    }
    let mut command = kubectl.command("logs -f talk -n demo");
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.unwrap()).lines();
    let mut seen = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        seen.push(line);
    }
    assert_eq!(seen, ["line 1", "line 2", "line 3"]);
    kubectl.run("wait pod talk -n demo --for=jsonpath={.status.phase}=Succeeded --timeout=20s").await;
    assert_eq!(kubectl.run("logs talk -n demo --tail=1").await, "line 3\n");
    assert!(kubectl.run("logs talk -n demo --timestamps --tail=1").await.contains("Z line 3"));
    assert!(kubectl.fail("exec talk -n demo -- true").await.contains("completed pod"));
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_told_for_nodes_and_pods_with_processes() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    kubectl.feed("apply -f -", WEB).await;
    kubectl.run("rollout status deploy/web -n demo --timeout=60s").await;
    let is_real = has_sandbox(&kubectl, "deploy/web").await;
    let until = tokio::time::Instant::now() + crate::support::PATIENCE;
    loop {
        let (told, nodes) = kubectl.try_run("top nodes").await;
        let (_, pods) = kubectl.try_run("top pods -n demo --containers").await;
        if told && nodes.contains("node1") && (!is_real || pods.contains("main")) {
            break;
        }
        assert!(tokio::time::Instant::now() < until, "{nodes}{pods}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_of_the_standard_roles_cover_workloads() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    for (user, role) in [("ed", "edit"), ("vi", "view")] {
        kubectl.run(&format!("create rolebinding {user} --clusterrole={role} --user={user} -n demo")).await;
    }
    for may in ["create deploy", "create pods/exec", "update deploy/scale", "get pods/log", "create pods/eviction"] {
        let (verb, kind) = may.split_once(' ').unwrap();
        let (kind, below) = kind.split_once('/').unwrap_or((kind, ""));
        let below = if below.is_empty() { String::new() } else { format!("--subresource={below}") };
        let said = kubectl.run(&format!("auth can-i {verb} {kind} {below} --as ed -n demo")).await;
        assert_eq!(said.trim(), "yes", "{may}");
    }
    for may_not in ["create deploy", "create pods --subresource=exec", "get secrets"] {
        assert!(kubectl.fail(&format!("auth can-i {may_not} --as vi -n demo")).await.starts_with("no"), "{may_not}");
    }
    let refused = kubectl.fail("create deploy x --image=y -n demo --as vi").await;
    assert!(refused.contains("cannot create resource \"deployments\" in API group \"apps\""), "{refused}");
}
