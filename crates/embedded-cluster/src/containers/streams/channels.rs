//! `v4.channel.k8s.io` and `v5.channel.k8s.io`: each binary message begins with the number of its channel.

use bytes::Bytes;
use serde_json::{Value, json};

/// The newest first.
pub(super) const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

pub(super) const OUTPUT: u8 = 1;
pub(super) const ERRORS: u8 = 2;
/// The outcome, as a Status.
pub(super) const OUTCOME: u8 = 3;
const INPUT: u8 = 0;
const RESIZE: u8 = 4;
/// Version 5 only: the channel that follows has ended.
const CLOSE: u8 = 255;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FromClient {
    Input(Bytes),
    InputEnds,
    Resize { columns: u16, rows: u16 },
}

/// Reads a message; what means nothing is nothing.
pub(super) fn read(message: &Bytes) -> Option<FromClient> {
    let rest = message.slice(1.min(message.len())..);
    match *message.first()? {
        INPUT => Some(FromClient::Input(rest)),
        RESIZE => {
            let size: Value = serde_json::from_slice(&rest).ok()?;
            let side = |name: &str| u16::try_from(size[name].as_u64()?).ok();
            Some(FromClient::Resize { columns: side("Width")?, rows: side("Height")? })
        }
        CLOSE if rest.first() == Some(&INPUT) => Some(FromClient::InputEnds),
        _ => None,
    }
}

/// A message of a channel.
pub(super) fn write(channel: u8, bytes: &[u8]) -> Bytes {
    [&[channel], bytes].concat().into()
}

/// How a command ended.
pub(super) fn outcome(command: &[String], code: i32) -> Bytes {
    let status = if code == 0 {
        json!({"metadata": {}, "status": "Success"})
    } else {
        json!({
            "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
            "message": format!(
                "command terminated with non-zero exit code: error executing command [{}], exit code {code}",
                command.join(" ")
            ),
            "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
        })
    };
    write(OUTCOME, status.to_string().as_bytes())
}

/// That a command could not be run at all.
pub(super) fn failure(message: &str) -> Bytes {
    let status =
        json!({"metadata": {}, "status": "Failure", "reason": "InternalError", "message": message, "code": 500});
    write(OUTCOME, status.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_apart_by_their_channel() {
        let message = |bytes: &[u8]| read(&Bytes::copy_from_slice(bytes));
        assert_eq!(message(b"\0ls\n"), Some(FromClient::Input(Bytes::from_static(b"ls\n"))));
        assert_eq!(message(b"\x04{\"Width\":80,\"Height\":24}"), Some(FromClient::Resize { columns: 80, rows: 24 }));
        assert_eq!(message(b"\xff\0"), Some(FromClient::InputEnds));
        assert_eq!((message(b""), message(b"\x07x"), message(b"\xff\x01")), (None, None, None));
    }

    #[test]
    fn an_exit_code_is_told_as_its_cause() {
        let told = outcome(&["false".to_owned()], 1);
        let status: Value = serde_json::from_slice(&told[1..]).unwrap();
        assert_eq!(status["details"]["causes"][0], json!({"reason": "ExitCode", "message": "1"}));
        assert_eq!(told[0], 3);
    }
}
