//! Requests to `subresources.kubevirt.io`: method, path and body, ready for any HTTP client.
//!
//! ```
//! use kubevirt::subresource::{ApiVersion, Subresource};
//!
//! let request = Subresource::Start { paused: false }.request(ApiVersion::V1, "team-blue", "web");
//! assert_eq!(request.method, "PUT");
//! assert_eq!(request.uri, "/apis/subresources.kubevirt.io/v1/namespaces/team-blue/virtualmachines/web/start");
//! ```
//!
//! Success is 202 for requests to a machine and 200 for requests to an instance, both with an empty body. An
//! answer of 401 with an empty body is virt-api's own refusal of permission, not a bad token.

use serde_json::{Value, json};

/// The group's name.
pub const GROUP: &str = "subresources.kubevirt.io";

/// The websocket subprotocol of `vnc` and `console`, the only one that KubeVirt speaks.
pub const PLAIN_SUBPROTOCOL: &str = "plain.kubevirt.io";

/// Versions of the group. Discovery tells which ones a cluster serves; prefer `V1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ApiVersion {
    /// Since KubeVirt 0.37.
    #[default]
    V1,
    /// The only one of KubeVirt 0.36.
    V1Alpha3,
}

impl ApiVersion {
    /// As it stands in a path.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1Alpha3 => "v1alpha3",
        }
    }

    /// The version of that name.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::V1, Self::V1Alpha3].into_iter().find(|version| version.as_str() == word)
    }
}

/// One thing to ask of a machine or of its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subresource {
    /// Switch on.
    Start {
        /// Hold the guest from the start.
        paused: bool,
    },
    /// Shut down.
    Stop {
        /// Seconds that the guest may take, instead of its own period.
        grace_period: Option<u32>,
    },
    /// Shut down and switch on again.
    Restart {
        /// Do not wait for the guest.
        force: bool,
    },
    /// Hold the guest.
    Pause,
    /// Let a held guest go on.
    Unpause,
    /// Ask the guest to reboot.
    SoftReboot,
    /// Press the reset button.
    Reset,
    /// Move to another node.
    Migrate,
    /// The screen, a websocket that carries RFB.
    Vnc {
        /// Refuse instead of taking the screen from whoever looks at it.
        preserve_session: bool,
    },
    /// The serial console, a websocket that carries its bytes.
    Console,
    /// A picture of the screen.
    Screenshot,
    /// The machine with everything that references fill in.
    ExpandSpec,
    /// What the guest's agent tells about its operating system.
    GuestOsInfo,
    /// Who is signed in inside the guest, as its agent tells.
    UserList,
    /// The guest's file systems, as its agent tells.
    FilesystemList,
}

/// A request to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `GET` or `PUT`.
    pub method: &'static str,
    /// Path and query.
    pub uri: String,
    /// JSON; `None` for a GET.
    pub body: Option<Value>,
    /// Whether the answer is an upgrade to a websocket with [`PLAIN_SUBPROTOCOL`].
    pub is_stream: bool,
}

impl Subresource {
    /// The resource whose subresource it is: machines are switched, instances are touched.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Start { .. } | Self::Stop { .. } | Self::Restart { .. } | Self::Migrate | Self::ExpandSpec => {
                "virtualmachines"
            }
            _ => "virtualmachineinstances",
        }
    }

    /// The path after the name, which is also what access reviews call the subresource.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Stop { .. } => "stop",
            Self::Restart { .. } => "restart",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::SoftReboot => "softreboot",
            Self::Reset => "reset",
            Self::Migrate => "migrate",
            Self::Vnc { .. } => "vnc",
            Self::Console => "console",
            Self::Screenshot => "vnc/screenshot",
            Self::ExpandSpec => "expand-spec",
            Self::GuestOsInfo => "guestosinfo",
            Self::UserList => "userlist",
            Self::FilesystemList => "filesystemlist",
        }
    }

    /// The verb that access reviews ask about.
    pub const fn verb(self) -> &'static str {
        if self.is_read() { "get" } else { "update" }
    }

    const fn is_read(self) -> bool {
        matches!(
            self,
            Self::Vnc { .. }
                | Self::Console
                | Self::Screenshot
                | Self::ExpandSpec
                | Self::GuestOsInfo
                | Self::UserList
                | Self::FilesystemList
        )
    }

    /// The request for one machine.
    ///
    /// Names go into the path as they are: names of Kubernetes objects need no escaping, and the caller has
    /// checked that they are such names.
    pub fn request(self, version: ApiVersion, namespace: &str, name: &str) -> Request {
        let query = match self {
            // Left out, virt-handler logs a warning for every connection.
            Self::Vnc { preserve_session } => format!("?preserveSession={preserve_session}"),
            _ => String::new(),
        };
        let uri = format!(
            "/apis/{GROUP}/{}/namespaces/{namespace}/{}/{name}/{}{query}",
            version.as_str(),
            self.resource(),
            self.path(),
        );
        Request {
            method: if self.is_read() { "GET" } else { "PUT" },
            uri,
            body: (!self.is_read()).then(|| self.body()),
            is_stream: matches!(self, Self::Vnc { .. } | Self::Console),
        }
    }

    fn body(self) -> Value {
        match self {
            Self::Start { paused: true } => json!({"paused": true}),
            // Not `gracePeriodSeconds`: the two requests name it differently.
            Self::Stop { grace_period: Some(seconds) } => json!({"gracePeriod": seconds}),
            // 0 is the only value that virt-api takes.
            Self::Restart { force: true } => json!({"gracePeriodSeconds": 0}),
            _ => json!({}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(what: Subresource) -> (&'static str, String, Option<Value>) {
        let request = what.request(ApiVersion::V1, "blue", "web");
        let tail = request.uri.strip_prefix("/apis/subresources.kubevirt.io/v1/namespaces/blue/").unwrap().to_owned();
        (request.method, tail, request.body)
    }

    #[test]
    fn power_requests_are_puts_to_the_machine() {
        for (what, tail, body) in [
            (Subresource::Start { paused: false }, "start", json!({})),
            (Subresource::Start { paused: true }, "start", json!({"paused": true})),
            (Subresource::Stop { grace_period: None }, "stop", json!({})),
            (Subresource::Stop { grace_period: Some(0) }, "stop", json!({"gracePeriod": 0})),
            (Subresource::Restart { force: false }, "restart", json!({})),
            (Subresource::Restart { force: true }, "restart", json!({"gracePeriodSeconds": 0})),
        ] {
            assert_eq!(request(what), ("PUT", format!("virtualmachines/web/{tail}"), Some(body)));
        }
    }

    #[test]
    fn guest_requests_are_puts_to_the_instance() {
        for (what, tail) in [
            (Subresource::Pause, "pause"),
            (Subresource::Unpause, "unpause"),
            (Subresource::SoftReboot, "softreboot"),
            (Subresource::Reset, "reset"),
        ] {
            assert_eq!(request(what), ("PUT", format!("virtualmachineinstances/web/{tail}"), Some(json!({}))));
            assert_eq!(what.verb(), "update");
        }
    }

    #[test]
    fn reads_are_gets_without_a_body() {
        for (what, tail) in [
            (Subresource::Vnc { preserve_session: true }, "virtualmachineinstances/web/vnc?preserveSession=true"),
            (Subresource::Vnc { preserve_session: false }, "virtualmachineinstances/web/vnc?preserveSession=false"),
            (Subresource::Console, "virtualmachineinstances/web/console"),
            (Subresource::Screenshot, "virtualmachineinstances/web/vnc/screenshot"),
            (Subresource::ExpandSpec, "virtualmachines/web/expand-spec"),
            (Subresource::GuestOsInfo, "virtualmachineinstances/web/guestosinfo"),
            (Subresource::UserList, "virtualmachineinstances/web/userlist"),
            (Subresource::FilesystemList, "virtualmachineinstances/web/filesystemlist"),
        ] {
            assert_eq!(request(what), ("GET", tail.to_owned(), None));
            assert_eq!(what.verb(), "get");
        }
    }

    #[test]
    fn only_screen_and_serial_are_streams() {
        let is_stream = |what: Subresource| what.request(ApiVersion::V1, "a", "b").is_stream;
        assert!(is_stream(Subresource::Vnc { preserve_session: false }) && is_stream(Subresource::Console));
        assert!(!is_stream(Subresource::Screenshot) && !is_stream(Subresource::Pause));
    }

    #[test]
    fn the_oldest_version_has_the_same_paths() {
        let request = Subresource::Pause.request(ApiVersion::V1Alpha3, "a", "b");
        assert_eq!(request.uri, "/apis/subresources.kubevirt.io/v1alpha3/namespaces/a/virtualmachineinstances/b/pause");
    }
}
