//! Which action is allowed in which state, and the reason why not.
//!
//! The table mirrors what virt-api accepts, so that a button is disabled for the same reason for which the
//! request would be refused. Where Porthole is stricter than the cluster, the row says why.
//!
//! To add an action: extend [`MachineAction`], add its row to [`RULES`], and the table test below fails until
//! every state of it is decided.

use crate::machine::{MachineAction, MachineState};
use crate::mobility::{Obstacle, obstacle};
use MachineAction as Action;
use MachineState as State;

/// What the rules look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineFacts<'a> {
    /// What the machine is doing.
    pub state: MachineState,
    /// Its run strategy, such as `Always`; empty if unknown.
    pub run_strategy: &'a str,
    /// Whether it has a graphics device.
    pub has_graphics: bool,
    /// The reason and message by which the cluster says that it cannot move.
    pub fixed: Option<(&'a str, &'a str)>,
}

/// States in which virt-api accepts each action.
///
/// `Trouble` counts as switched on: a machine that no node fits has an instance that waits, so it can be
/// stopped and not started (virt-api: "VM is already running").
pub const RULES: &[(MachineAction, &[MachineState])] = &[
    (Action::Start, &[State::Stopped]),
    (
        Action::Stop,
        &[State::Running, State::Starting, State::Paused, State::Waiting, State::Provisioning, State::Trouble],
    ),
    // virt-api would also force a machine that nobody asked to shut down; here the guest is asked first.
    (Action::ForceOff, &[State::Stopping]),
    (Action::Restart, &[State::Running, State::Paused, State::Trouble]),
    (Action::Pause, &[State::Running]),
    (Action::Unpause, &[State::Paused]),
    (Action::SoftReboot, &[State::Running]),
    (Action::Reset, &[State::Running, State::Paused]),
    (Action::Migrate, &[State::Running, State::Paused]),
    (Action::OpenConsole, &[State::Running, State::Paused, State::Migrating, State::Stopping]),
];

/// Why the action is not possible now, as the disabled button and the refused request both say it.
///
/// `None` means that it is possible as far as the state goes; permission is another matter.
pub fn denied(action: MachineAction, facts: &MachineFacts<'_>) -> Option<String> {
    let allowed = RULES.iter().find(|(row, _)| *row == action).is_some_and(|(_, states)| states.contains(&facts.state));
    if !allowed {
        return Some(state_reason(action, facts.state));
    }
    match (action, facts.run_strategy) {
        // virt-api: "Once does not support manual start requests", the same for Always.
        (Action::Start, strategy @ ("Always" | "Once")) => {
            Some(format!("The run strategy {strategy} switches this machine on by itself."))
        }
        (Action::Restart, "Once") => Some("A machine that runs once cannot be restarted.".to_owned()),
        // virt-api: "Cannot migrate VMI, Reason: …".
        (Action::Migrate, _) => facts.fixed.map(|(reason, message)| {
            let Obstacle { what, fix } = obstacle(reason, message);
            format!("It cannot move while it runs: {what}. {fix}")
        }),
        (Action::OpenConsole, _) if !facts.has_graphics => {
            Some(crate::console::ConsoleEnd::NoGraphics.reason().to_owned())
        }
        _ => None,
    }
}

/// Why a machine's serial console cannot be opened now. Whether it has one, only the cluster knows.
pub fn serial_denied(state: MachineState) -> Option<String> {
    let (_, allowed) = RULES.iter().find(|(action, _)| *action == Action::OpenConsole)?;
    (!allowed.contains(&state)).then(|| state_reason(Action::OpenConsole, state))
}

fn state_reason(action: MachineAction, state: MachineState) -> String {
    match (action, state) {
        (Action::Start, State::Running | State::Paused | State::Migrating) => {
            "The machine is already running.".to_owned()
        }
        (Action::ForceOff, State::Running | State::Paused | State::Starting | State::Trouble) => {
            "Stop it first: only a guest that does not shut down by itself is forced off.".to_owned()
        }
        (Action::Migrate, State::Migrating) => "The machine is moving already.".to_owned(),
        (Action::Unpause, _) => "The machine is not paused.".to_owned(),
        (Action::Pause, State::Paused) => "The machine is already paused.".to_owned(),
        (Action::SoftReboot, State::Paused) => "The machine is paused; resume it first.".to_owned(),
        (_, State::Stopped) => "The machine is switched off.".to_owned(),
        (_, State::Terminating) => "The machine is being deleted.".to_owned(),
        (_, State::Unknown) => "The cluster does not say what the machine is doing.".to_owned(),
        (_, state) => format!("Not possible while the machine is {}.", state.phrase()),
    }
}

/// The label with which KubeVirt itself refuses to delete a machine (since 1.5, by an admission policy).
pub const DELETE_PROTECTION: &str = "kubevirt.io/vm-delete-protection";

/// Whether a machine with these labels is protected against deletion.
pub fn is_protected<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
    labels.into_iter().any(|(key, value)| key == DELETE_PROTECTION && value == "True")
}

/// Why a machine cannot be deleted, whoever asks. Older versions of KubeVirt do not know the label: the portal holds to it.
pub fn delete_denied<'a>(labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let text = "It is protected against deletion. Take the protection off first.";
    is_protected(labels).then(|| text.to_owned())
}

/// How long most guests take to shut down, in seconds.
const USUAL_SHUTDOWN: i64 = 15;

/// Whether a machine is stopping for so long that somebody may want to force it off.
pub fn is_slow_to_stop(state: MachineState, since: Option<i64>, now: i64) -> bool {
    state == State::Stopping && since.is_some_and(|since| now - since >= USUAL_SHUTDOWN)
}

impl MachineState {
    /// The state as it continues "the machine is …".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Trouble => "in trouble",
            Self::Provisioning => "being provisioned",
            Self::Terminating => "being deleted",
            Self::Stopped => "switched off",
            Self::Unknown => "in an unknown state",
            other => other.word(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(state: MachineState) -> MachineFacts<'static> {
        MachineFacts { state, run_strategy: "Manual", has_graphics: true, fixed: None }
    }

    #[test]
    fn every_action_has_exactly_one_row() {
        for action in MachineAction::ALL {
            assert_eq!(RULES.iter().filter(|(row, _)| *row == action).count(), 1, "{action:?}");
        }
    }

    #[test]
    fn every_refusal_says_why_in_a_sentence() {
        for action in MachineAction::ALL {
            for state in MachineState::ALL {
                if let Some(reason) = denied(action, &facts(state)) {
                    assert!(reason.ends_with('.') && reason.len() > 15, "{action:?} {state:?}: {reason}");
                }
            }
        }
    }

    #[test]
    fn a_stopped_machine_can_only_be_started() {
        let possible: Vec<_> =
            MachineAction::ALL.into_iter().filter(|a| denied(*a, &facts(MachineState::Stopped)).is_none()).collect();
        assert_eq!(possible, [MachineAction::Start]);
    }

    #[test]
    fn only_a_guest_that_was_asked_and_takes_long_is_forced_off() {
        assert!(denied(MachineAction::ForceOff, &facts(MachineState::Running)).is_some());
        assert!(denied(MachineAction::ForceOff, &facts(MachineState::Stopping)).is_none());
        for (state, since, is_slow) in [
            (MachineState::Stopping, Some(100), true),
            (MachineState::Stopping, Some(101), false),
            (MachineState::Stopping, None, false),
            (MachineState::Running, Some(0), false),
        ] {
            assert_eq!(is_slow_to_stop(state, since, 115), is_slow, "{state:?} {since:?}");
        }
    }

    #[test]
    fn only_the_labels_own_word_protects_a_machine() {
        let label = |value| [("app", "web"), (DELETE_PROTECTION, value)];
        assert!(delete_denied(label("True")).is_some_and(|reason| reason.contains("protected")));
        for value in ["true", "False", ""] {
            assert_eq!(delete_denied(label(value)), None, "{value}");
        }
    }

    #[test]
    fn a_machine_without_graphics_has_no_console() {
        let facts = MachineFacts { has_graphics: false, ..facts(MachineState::Running) };
        assert!(denied(MachineAction::OpenConsole, &facts).is_some_and(|reason| reason.contains("graphics")));
    }

    #[test]
    fn a_serial_console_needs_a_guest_and_no_graphics() {
        assert_eq!(serial_denied(MachineState::Running), None);
        assert!(serial_denied(MachineState::Stopped).is_some());
    }

    #[test]
    fn a_machine_that_cannot_move_says_why_and_what_helps() {
        let fixed = Some(("InterfaceNotLiveMigratable", "cannot migrate VMI"));
        let facts = MachineFacts { fixed, ..facts(MachineState::Running) };
        let reason = denied(MachineAction::Migrate, &facts).unwrap();
        assert!(reason.contains("bridged") && reason.contains("masquerade"), "{reason}");
        assert_eq!(denied(MachineAction::Pause, &facts), None);
    }

    #[test]
    fn words_lead_back_to_actions_and_states() {
        for action in MachineAction::ALL {
            assert_eq!(MachineAction::from_word(action.word()), Some(action));
        }
        for state in MachineState::ALL {
            assert_eq!(MachineState::from_word(state.word()), Some(state));
        }
    }
}
