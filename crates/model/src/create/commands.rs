//! The command lines that make the same machine.

use super::copies;
use super::draft::{Boot, MachineDraft};
use super::options::{CreateOptions, ImageKind};
use super::size;

/// The line for `kubectl`, with the manifest in a file of the machine's name.
pub fn kubectl_line(draft: &MachineDraft) -> String {
    format!("kubectl create -f {}.yaml", name(draft))
}

/// The line for `virtctl`, in a loop if there are several machines, and what it cannot say.
pub fn virtctl_line(draft: &MachineDraft, options: &CreateOptions) -> (String, Vec<&'static str>) {
    let names: Vec<_> = copies::each(draft).into_iter().map(|draft| draft.name).collect();
    let is_one = names.len() == 1;
    let mut line = format!("virtctl create vm --name {}", if is_one { name(draft) } else { "$name" });
    let mut add = |text: String| {
        line.push(' ');
        line.push_str(&text);
    };
    if !draft.namespace.is_empty() {
        add(format!("--namespace {}", draft.namespace));
    }
    add(format!("--run-strategy {}", draft.run.strategy()));
    if draft.instancetype.is_empty() {
        let memory = size::mib(&draft.memory).map_or_else(|| "1Gi".to_owned(), size::quantity);
        add(format!("--memory {memory}"));
    } else {
        add(format!("--instancetype {}", draft.instancetype));
    }
    if options.system(&draft.system).is_some_and(|card| card.has_preference) {
        add(format!("--preference {}", draft.system));
    }
    let disk = size::mib(&draft.disk).map(size::quantity);
    let sized = |text: String| disk.as_ref().map_or_else(|| text.clone(), |disk| format!("{text},size:{disk}"));
    match draft.boot {
        Boot::Container => add(format!("--volume-containerdisk src:{}", draft.container.trim())),
        Boot::Blank => add(sized("--volume-import type:blank".to_owned())),
        Boot::Iso => {
            add(sized("--volume-import type:blank".to_owned()));
            let claim = draft.image.rsplit('/').next().unwrap_or_default();
            if !claim.is_empty() {
                add(format!("--volume-pvc src:{claim}"));
            }
        }
        Boot::Image => {
            let kind = options.image(&draft.image).map_or(ImageKind::DataSource, |image| image.kind);
            let word = if kind == ImageKind::DataSource { "ds" } else { "pvc" };
            add(sized(format!("--volume-import type:{word},src:{}", draft.image)));
        }
    }
    for extra in &draft.disks {
        let size = size::mib(&extra.size).map_or_else(|| "10Gi".to_owned(), size::quantity);
        add(format!("--volume-import type:blank,size:{size}"));
    }
    if !draft.user.is_empty() {
        add(format!("--user {}", draft.user));
    }
    if let Some(key) = draft.ssh_keys.lines().map(str::trim).find(|key| !key.is_empty()) {
        add(format!("--ssh-key '{key}'"));
    }
    add("| kubectl create -f -".to_owned());
    if !is_one {
        line = format!("for name in {}; do {line}; done", names.join(" "));
    }
    (line, unsaid(draft, options))
}

/// What virtctl has no words for.
fn unsaid(draft: &MachineDraft, options: &CreateOptions) -> Vec<&'static str> {
    let card = options.system(&draft.system);
    let mut left_out = Vec::new();
    let mut add = |holds: bool, what: &'static str| {
        if holds {
            left_out.push(what);
        }
    };
    add(draft.instancetype.is_empty() && draft.cpus.trim() != "1", "the number of CPUs");
    add(draft.boot == Boot::Iso, "that the ISO is a disc");
    add(card.is_some_and(|card| card.has_drivers) && draft.boot == Boot::Iso && !draft.no_drivers, "the driver disc");
    add(draft.network != super::NetworkChoice::Masquerade, "the network");
    add(!draft.password.0.is_empty(), "the password (--password-file)");
    add(!draft.user_data.trim().is_empty(), "the user-data (--cloud-init-user-data)");
    add(!draft.sysprep.trim().is_empty(), "the answer file (--volume-sysprep)");
    add(!draft.node.is_empty() || draft.apart, "where it runs");
    add(draft.manifest.is_some(), "what was changed in the manifest");
    add(card.is_none_or(|card| !card.has_preference) && !draft.system.is_empty(), "what suits the system");
    left_out
}

fn name(draft: &MachineDraft) -> &str {
    if draft.name.is_empty() { "new-machine" } else { &draft.name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_virtctl_line_says_what_it_can_and_names_the_rest() {
        let draft = MachineDraft {
            name: "web-1".to_owned(),
            namespace: "blue".to_owned(),
            boot: Boot::Image,
            image: "blue/golden".to_owned(),
            instancetype: "u1.medium".to_owned(),
            disk: "20".to_owned(),
            node: "node01".to_owned(),
            ..MachineDraft::default()
        };
        let (line, left_out) = virtctl_line(&draft, &CreateOptions::default());
        assert_eq!(
            line,
            "virtctl create vm --name web-1 --namespace blue --run-strategy RerunOnFailure --instancetype u1.medium \
             --volume-import type:ds,src:blue/golden,size:20Gi | kubectl create -f -"
        );
        assert_eq!(left_out, ["where it runs"]);
        let edited = MachineDraft { manifest: Some(String::new()), ..draft.clone() };
        assert!(virtctl_line(&edited, &CreateOptions::default()).1.contains(&"what was changed in the manifest"));
        assert_eq!(kubectl_line(&draft), "kubectl create -f web-1.yaml");
    }

    #[test]
    fn several_machines_are_a_loop() {
        let draft = MachineDraft {
            name: "web".to_owned(),
            copies: "2".to_owned(),
            boot: Boot::Blank,
            memory: "2 GiB".to_owned(),
            ..MachineDraft::default()
        };
        assert_eq!(
            virtctl_line(&draft, &CreateOptions::default()).0,
            "for name in web-1 web-2; do virtctl create vm --name $name --run-strategy RerunOnFailure --memory 2Gi \
             --volume-import type:blank | kubectl create -f -; done"
        );
    }
}
