//! The real kubectl, if there is one on the `PATH`.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use crate::support::{PATIENCE, TestCluster};

const MANIFESTS: &str = r#"
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: vm, namespace: demo, labels: {app: web}}
spec:
  runStrategy: Halted
  template: {spec: {domain: {devices: {}, memory: {guest: 64Mi}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: demo}
data: {a: "1", b: "2"}
"#;

pub struct Kubectl {
    config: PathBuf,
    folder: PathBuf,
}

impl Kubectl {
    /// kubectl for the cluster; `None` where it is not installed.
    pub fn find(test: &TestCluster) -> Option<Self> {
        let installed = std::process::Command::new("kubectl").args(["version", "--client"]).output().is_ok();
        if !installed {
            eprintln!("skipped: kubectl is not installed");
        }
        let config = test.cluster.kubeconfig_path().to_owned();
        installed.then(|| Self { config, folder: test.folder.path().to_owned() })
    }

    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new("kubectl");
        command
            .args(arguments.split_whitespace())
            .env("KUBECONFIG", &self.config)
            .env("KUBECACHEDIR", self.folder.join("kubectl-cache"))
            .env("HOME", &self.folder)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Whether it succeeded, and what it said.
    pub async fn try_run(&self, arguments: &str) -> (bool, String) {
        let output =
            tokio::time::timeout(PATIENCE, self.command(arguments).output()).await.expect("kubectl in time").unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    pub async fn run(&self, arguments: &str) -> String {
        let (succeeded, said) = self.try_run(arguments).await;
        assert!(succeeded, "kubectl {arguments}: {said}");
        said
    }

    pub async fn fail(&self, arguments: &str) -> String {
        let (succeeded, said) = self.try_run(arguments).await;
        assert!(!succeeded, "kubectl {arguments} should have failed: {said}");
        said
    }

    /// Runs with text on standard input.
    pub async fn feed(&self, arguments: &str, text: &str) -> String {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("kubectl in time").unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "kubectl {arguments}: {said}");
        said
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_are_applied_shown_changed_and_deleted() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    let said = kubectl.feed("apply -f -", MANIFESTS).await;
    assert_eq!(said, "virtualmachine.kubevirt.io/vm created\nconfigmap/settings created\n");
    let said = kubectl.feed("apply -f -", &MANIFESTS.replace(", b: \"2\"", "")).await;
    assert!(said.contains("configmap/settings configured"), "{said}");
    assert_eq!(kubectl.run("get cm settings -n demo -o jsonpath={.data}").await, "{\"a\":\"1\"}");
    let said = kubectl.feed("apply --server-side --force-conflicts -f -", MANIFESTS).await;
    assert!(said.contains("configmap/settings serverside-applied"), "{said}");
    kubectl.run("label vm vm -n demo tier=front").await;
    let shown = kubectl.run("get vms -n demo -l tier=front").await;
    assert!(shown.starts_with("NAME   AGE") && shown.contains("STATUS"), "{shown}");
    let described = kubectl.run("describe vm vm -n demo").await;
    assert!(described.contains("Run Strategy:  Halted"), "{described}");
    let edited = kubectl.command("edit vm vm -n demo").env("EDITOR", "sed -i s/64Mi/65Mi/").output().await.unwrap();
    assert!(edited.status.success(), "{edited:?}");
    let memory = "jsonpath={.spec.template.spec.domain.memory.guest}";
    assert_eq!(kubectl.run(&format!("get vm vm -n demo -o {memory}")).await, "65Mi");
    assert!(kubectl.fail("patch vm vm -n demo -p {}").await.contains("unknown format"));
    assert_eq!(kubectl.run("delete vm,cm -n demo -l app=web").await, "virtualmachine.kubevirt.io \"vm\" deleted\n");
    assert!(kubectl.fail("get vm vm -n demo").await.contains("virtualmachines.kubevirt.io \"vm\" not found"));
    kubectl.run("delete namespace demo").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_and_tokens_can_be_asked_for() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    kubectl.run("create serviceaccount bot -n demo").await;
    kubectl.run("create rolebinding bot --clusterrole=edit --serviceaccount=demo:bot -n demo").await;
    let bot = "--as system:serviceaccount:demo:bot -n demo";
    assert_eq!(kubectl.run(&format!("auth can-i create vm {bot}")).await.trim(), "yes");
    assert!(kubectl.fail(&format!("auth can-i create roles {bot}")).await.starts_with("no"));
    assert!(kubectl.run(&format!("auth can-i --list {bot}")).await.contains("virtualmachines.kubevirt.io"));
    let token = kubectl.run("create token bot -n demo").await;
    let who = kubectl.run(&format!("auth whoami --token {}", token.trim())).await;
    assert!(who.contains("system:serviceaccount:demo:bot"), "{who}");
    assert!(kubectl.fail("get pods --as ana -n demo").await.contains("User \"ana\" cannot list resource \"pods\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_describes_itself() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    let kinds = kubectl.run("api-resources").await;
    for kind in ["virtualmachineinstances", "pods", "customresourcedefinitions", "selfsubjectaccessreviews"] {
        assert!(kinds.contains(kind), "{kinds}");
    }
    assert!(kubectl.run("version").await.contains("Server Version: v1.36"));
    let nodes = kubectl.run("get nodes -o wide").await;
    assert!(nodes.contains("node1   Ready") && nodes.contains("node2   Ready"), "{nodes}");
    assert!(kubectl.run("describe node node1").await.contains("Allocatable:"));
    assert!(kubectl.run("describe namespace demo").await.contains("Active"));
    kubectl.run("create secret generic s --from-literal=a=b -n demo").await;
    assert!(kubectl.run("describe secret s -n demo").await.contains("a:  1 bytes"));
    kubectl.run("cordon node1").await;
    assert!(kubectl.run("get node node1").await.contains("SchedulingDisabled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watching_kubectl_prints_changes_as_they_come() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    kubectl.feed("apply -f -", MANIFESTS).await;
    let mut command = kubectl.command("get cm settings -n demo -w --show-labels");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next =
        async || tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("a line in time").unwrap().unwrap();
    assert!(next().await.starts_with("NAME"));
    assert!(next().await.starts_with("settings"));
    kubectl.run("label cm settings -n demo seen=yes").await;
    assert!(next().await.ends_with("seen=yes"));
}

const DISK: &str = "
apiVersion: cdi.kubevirt.io/v1beta1
kind: DataVolume
metadata: {name: disk, namespace: demo}
spec: {source: {blank: {}}, storage: {resources: {requests: {storage: 64Mi}}}}
";

#[tokio::test(flavor = "multi_thread")]
async fn disks_are_made_listed_and_deleted() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    kubectl.feed("apply -f -", DISK).await;
    kubectl.run("wait dv disk -n demo --for=jsonpath={.status.phase}=Succeeded --timeout=15s").await;
    let shown = kubectl.run("get dv -n demo").await;
    assert!(shown.starts_with("NAME   PHASE       PROGRESS   RESTARTS   AGE\ndisk   Succeeded   100.0%"), "{shown}");
    let shown = kubectl.run("get pvc -n demo").await;
    assert!(shown.contains("disk   Bound    pvc-") && shown.contains("RWX            porthole-snap"), "{shown}");
    let shown = kubectl.run("get sc").await;
    assert!(shown.contains("porthole-snap (default)") && shown.contains("WaitForFirstConsumer"), "{shown}");
    let shown = kubectl.run("get pv").await;
    assert!(shown.contains("demo/disk") && shown.contains("Delete"), "{shown}");
    assert!(kubectl.run("describe pvc disk -n demo").await.contains("ImportSucceeded"));
    assert!(kubectl.run("get cdi,storageprofiles,cdiconfigs").await.contains("cdi.cdi.kubevirt.io/cdi"));
    kubectl.run("delete dv disk -n demo").await;
    kubectl.run("wait pvc disk -n demo --for=delete --timeout=15s").await;
    assert_eq!(kubectl.run("get pv").await, "No resources found\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_are_made_shown_and_held() {
    let test = TestCluster::start().await;
    let Some(kubectl) = Kubectl::find(&test) else { return };
    kubectl.run("create quota team -n demo --hard=count/configmaps=2,pods=0,limits.memory=1Gi").await;
    kubectl.run("create cm a -n demo").await;
    let refused = kubectl.fail("create cm b -n demo").await;
    let expected = "configmaps \"b\" is forbidden: exceeded quota: team, requested: count/configmaps=1, \
                    used: count/configmaps=2, limited: count/configmaps=2";
    assert!(refused.contains(expected), "the authority's certificate counts too: {refused}");
    let refused = kubectl.fail("run web --image=nginx -n demo").await;
    assert!(refused.contains("pods \"web\" is forbidden: failed quota: team: must specify limits.memory for: web"));
    let shown = kubectl.run("get quota -n demo").await;
    let columns: Vec<&str> = shown.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(columns, ["NAME", "REQUEST", "LIMIT", "AGE"]);
    assert!(shown.contains("count/configmaps: 2/2, pods: 0/0   limits.memory: 0/1Gi"), "{shown}");
    let described = kubectl.run("describe quota team -n demo").await;
    assert!(described.contains("count/configmaps  2     2"), "{described}");
    assert!(kubectl.run("describe namespace demo").await.contains("Resource Quotas"));
    let wrong = kubectl.fail("create quota q -n demo --hard=pods=1 --scopes=BestEffort").await;
    assert!(wrong.contains("spec.scopes: Forbidden"), "{wrong}");
}
