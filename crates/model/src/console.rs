//! Why a console closed: a machine's screen, its serial console, or a shell in a container.
//!
//! A browser learns nothing from a failed websocket upgrade, so the portal accepts the socket and then closes
//! it with one of these codes and a reason of at most 123 bytes of UTF-8 (RFC 6455, 5.5). 4000 to 4999 are for
//! applications; the others are registered.

use serde::{Deserialize, Serialize};

/// A close code that the console's websocket uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleEnd {
    /// 1000: the viewer went away.
    Done,
    /// 1001: the machine stopped.
    MachineStopped,
    /// 1012: the portal restarts; try again at once.
    PortalRestarts,
    /// 1013: the cluster cannot be reached now; try again.
    TryLater,
    /// 4001: the session ended.
    SignedOut,
    /// 4003: this person may not use the screen, the serial console or the shell.
    Forbidden,
    /// 4004: there is no such machine.
    NotFound,
    /// 4009: somebody else uses the screen or the serial console.
    InUse,
    /// 4010: somebody else took the screen over.
    TakenOver,
    /// 4012: the machine or container is not running.
    NotRunning,
    /// 4013: the machine has no graphics device.
    NoGraphics,
    /// 4014: the machine has no serial console.
    NoSerial,
    /// 4015: the container has no shell.
    NoShell,
    /// 4020: the connection to the machine was lost.
    UpstreamLost,
}

impl ConsoleEnd {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Done,
        Self::MachineStopped,
        Self::PortalRestarts,
        Self::TryLater,
        Self::SignedOut,
        Self::Forbidden,
        Self::NotFound,
        Self::InUse,
        Self::TakenOver,
        Self::NotRunning,
        Self::NoGraphics,
        Self::NoSerial,
        Self::NoShell,
        Self::UpstreamLost,
    ];

    /// The websocket close code.
    pub const fn code(self) -> u16 {
        match self {
            Self::Done => 1000,
            Self::MachineStopped => 1001,
            Self::PortalRestarts => 1012,
            Self::TryLater => 1013,
            Self::SignedOut => 4001,
            Self::Forbidden => 4003,
            Self::NotFound => 4004,
            Self::InUse => 4009,
            Self::TakenOver => 4010,
            Self::NotRunning => 4012,
            Self::NoGraphics => 4013,
            Self::NoSerial => 4014,
            Self::NoShell => 4015,
            Self::UpstreamLost => 4020,
        }
    }

    /// The end that a close code means.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.code() == code)
    }

    /// The reason that goes with the code; also what the page shows if nothing better came.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Done => "The console was closed.",
            Self::MachineStopped => "The machine stopped.",
            Self::PortalRestarts => "Porthole restarts.",
            Self::TryLater => "The cluster cannot be reached at the moment.",
            Self::SignedOut => "Your session ended.",
            Self::Forbidden => "Your role does not include this machine's screen.",
            Self::NotFound => "There is no such machine, or your team has no access to it.",
            Self::InUse => "Somebody else uses this screen.",
            Self::TakenOver => "Somebody else took this screen over.",
            Self::NotRunning => "The machine is not running.",
            Self::NoGraphics => "This machine has no graphics device, so it has no screen.",
            Self::NoSerial => "This machine has no serial console.",
            Self::NoShell => "This container has no shell: neither bash nor ash nor sh is in it.",
            Self::UpstreamLost => "The connection to the machine was lost.",
        }
    }

    /// Whether the page should connect again by itself. Two tabs never fight: what was taken stays taken.
    pub const fn retries(self) -> bool {
        matches!(
            self,
            Self::PortalRestarts | Self::TryLater | Self::UpstreamLost | Self::NotRunning | Self::MachineStopped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_leads_back_to_its_end_and_every_reason_fits_a_close_frame() {
        for end in ConsoleEnd::ALL {
            assert_eq!(ConsoleEnd::from_code(end.code()), Some(end));
            assert!(end.reason().len() <= 123);
        }
    }
}
