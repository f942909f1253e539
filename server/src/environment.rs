//! The one place that reads the environment beside the command line: conventions of other programs.

use std::path::PathBuf;

/// A path in a variable, if it is set and not empty.
pub fn path(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Whether a variable is set and not empty.
pub fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// The kubeconfig that kubectl would use: the first file of KUBECONFIG, else `~/.kube/config`.
pub fn default_kubeconfig() -> Option<PathBuf> {
    let listed = std::env::var_os("KUBECONFIG");
    let first =
        listed.as_deref().and_then(|list| std::env::split_paths(list).find(|path| !path.as_os_str().is_empty()));
    first.or_else(|| Some(path("HOME")?.join(".kube/config")))
}

/// Whether this process is a container of a pod: the cluster's address and the pod's token are there.
pub fn is_in_cluster() -> bool {
    is_set("KUBERNETES_SERVICE_HOST") && PathBuf::from("/var/run/secrets/kubernetes.io/serviceaccount/token").exists()
}
