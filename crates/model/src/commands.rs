//! The command lines that do to a machine what its page does.

use crate::name::ObjectRef;
use crate::rules::DELETE_PROTECTION;

/// What a line does, and the line.
pub type CommandLine = (&'static str, String);

/// Lines for a terminal, in the order of the page's menus.
pub fn commands(at: &ObjectRef) -> Vec<CommandLine> {
    let (namespace, name) = (&at.namespace, &at.name);
    let virtctl = |what: &str| format!("virtctl {what} {name} -n {namespace}");
    let kubectl = |what: &str, more: &str| format!("kubectl {what} vm {name} -n {namespace}{more}");
    vec![
        ("Start", virtctl("start")),
        ("Stop", virtctl("stop")),
        ("Force off", format!("{} --grace-period=0 --force", virtctl("stop"))),
        ("Restart", virtctl("restart")),
        ("Pause", virtctl("pause vm")),
        ("Resume", virtctl("unpause vm")),
        ("Reboot guest", virtctl("soft-reboot")),
        ("Reset", virtctl("reset")),
        ("Screen", virtctl("vnc")),
        ("Serial console", virtctl("console")),
        ("Look at it", kubectl("get", " -o yaml")),
        ("Edit", kubectl("edit", "")),
        ("Protect", kubectl("label", &format!(" {DELETE_PROTECTION}=True"))),
        ("Delete", kubectl("delete", "")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_names_the_machine_and_its_namespace() {
        let lines = commands(&ObjectRef::parse("blue", "web").unwrap());
        assert!(lines.iter().all(|(_, line)| line.contains(" web -n blue")), "{lines:?}");
        assert!(lines.contains(&("Pause", "virtctl pause vm web -n blue".to_owned())));
    }
}
