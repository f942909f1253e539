//! Both sides of the handshake: version, security, introduction.
//!
//! Only one thing is spoken: version 3.8 and security type None, which is 1. (0 is not "none" but "invalid": a list
//! that begins with 0 announces a reason for a refusal.) Who may connect is decided before the first byte, elsewhere.

use crate::VERSION;
use crate::pixel::PixelFormat;
use crate::server::ServerInit;

const SECURITY_NONE: u8 = 1;
/// Longest reason or name that a client keeps.
const MAX_TEXT: usize = 64 << 10;

/// Why the two could not come together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The other side does not say `RFB 003.008`.
    #[error("unsupported RFB version {0:?}")]
    Version(String),
    /// The server offers no security type None, or the client chose something else.
    #[error("unexpected security type {0}")]
    SecurityType(u8),
    /// The server refuses, in its own words.
    #[error("refused by the server: {0}")]
    Refused(String),
    /// A text of absurd length.
    #[error("a text of {0} bytes is too long")]
    TooLong(usize),
}

/// The server's side.
#[derive(Debug)]
pub struct ServerHandshake {
    init: ServerInit,
    buffer: Vec<u8>,
    state: ServerState,
}

#[derive(Clone, Copy, Debug)]
enum ServerState {
    Version,
    Security,
    ClientInit,
}

/// What the server knows at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Whether the client lets others look at the same time.
    pub shared: bool,
    /// Bytes that came after the handshake: the beginning of the messages.
    pub rest: Vec<u8>,
}

impl ServerHandshake {
    /// Begins: the bytes have to be sent at once, the server speaks first.
    pub fn new(init: ServerInit) -> (Self, Vec<u8>) {
        (Self { init, buffer: Vec::new(), state: ServerState::Version }, VERSION.to_vec())
    }

    /// Takes what was received, adds what is to be sent. `Some` once it is complete; do not call it again then.
    pub fn advance(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<Option<Joined>, HandshakeError> {
        self.buffer.extend_from_slice(input);
        loop {
            match self.state {
                ServerState::Version => {
                    let Some(line) = take(&mut self.buffer, VERSION.len()) else { return Ok(None) };
                    check_version(&line)?;
                    output.extend([1, SECURITY_NONE]);
                    self.state = ServerState::Security;
                }
                ServerState::Security => {
                    let Some(choice) = take(&mut self.buffer, 1) else { return Ok(None) };
                    if choice[0] != SECURITY_NONE {
                        return Err(HandshakeError::SecurityType(choice[0]));
                    }
                    // 3.8 sends the result also for None.
                    output.extend([0; 4]);
                    self.state = ServerState::ClientInit;
                }
                ServerState::ClientInit => {
                    let Some(shared) = take(&mut self.buffer, 1) else { return Ok(None) };
                    self.init.encode(output);
                    return Ok(Some(Joined { shared: shared[0] != 0, rest: std::mem::take(&mut self.buffer) }));
                }
            }
        }
    }
}

/// The client's side.
#[derive(Debug)]
pub struct ClientHandshake {
    shared: bool,
    buffer: Vec<u8>,
    state: ClientState,
}

#[derive(Clone, Copy, Debug)]
enum ClientState {
    Version,
    Security,
    Result,
    ServerInit,
}

/// What the client knows at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcomed {
    /// The server's screen.
    pub init: ServerInit,
    /// Bytes that came after the handshake: the beginning of the messages.
    pub rest: Vec<u8>,
}

impl ClientHandshake {
    /// Begins; the server speaks first. `shared` lets others look at the same time.
    pub const fn new(shared: bool) -> Self {
        Self { shared, buffer: Vec::new(), state: ClientState::Version }
    }

    /// Takes what was received, adds what is to be sent. `Some` once it is complete; do not call it again then.
    pub fn advance(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<Option<Welcomed>, HandshakeError> {
        self.buffer.extend_from_slice(input);
        loop {
            match self.state {
                ClientState::Version => {
                    let Some(line) = take(&mut self.buffer, VERSION.len()) else { return Ok(None) };
                    check_version(&line)?;
                    output.extend(VERSION);
                    self.state = ClientState::Security;
                }
                ClientState::Security => {
                    let Some(&count) = self.buffer.first() else { return Ok(None) };
                    if count == 0 {
                        return self.refusal(1);
                    }
                    let Some(offer) = take(&mut self.buffer, 1 + usize::from(count)) else { return Ok(None) };
                    if !offer[1..].contains(&SECURITY_NONE) {
                        return Err(HandshakeError::SecurityType(offer[1]));
                    }
                    output.push(SECURITY_NONE);
                    self.state = ClientState::Result;
                }
                ClientState::Result => {
                    let Some(result) = self.buffer.get(..4) else { return Ok(None) };
                    if result != [0; 4] {
                        return self.refusal(4);
                    }
                    self.buffer.drain(..4);
                    output.push(self.shared.into());
                    self.state = ClientState::ServerInit;
                }
                ClientState::ServerInit => return self.server_init(),
            }
        }
    }

    fn server_init(&mut self) -> Result<Option<Welcomed>, HandshakeError> {
        const FIXED: usize = 4 + PixelFormat::SIZE;
        let Some((name, end)) = text_at(&self.buffer, FIXED)? else { return Ok(None) };
        let mut format = [0; PixelFormat::SIZE];
        format.copy_from_slice(&self.buffer[4..FIXED]);
        let init = ServerInit {
            width: u16::from_be_bytes([self.buffer[0], self.buffer[1]]),
            height: u16::from_be_bytes([self.buffer[2], self.buffer[3]]),
            format: PixelFormat::decode(&format),
            name,
        };
        self.buffer.drain(..end);
        Ok(Some(Welcomed { init, rest: std::mem::take(&mut self.buffer) }))
    }

    fn refusal(&self, at: usize) -> Result<Option<Welcomed>, HandshakeError> {
        match text_at(&self.buffer, at)? {
            Some((reason, _)) => Err(HandshakeError::Refused(reason)),
            None => Ok(None),
        }
    }
}

fn check_version(line: &[u8]) -> Result<(), HandshakeError> {
    if line == VERSION {
        return Ok(());
    }
    Err(HandshakeError::Version(String::from_utf8_lossy(line).trim_end().to_owned()))
}

fn take(buffer: &mut Vec<u8>, count: usize) -> Option<Vec<u8>> {
    (buffer.len() >= count).then(|| buffer.drain(..count).collect())
}

/// A text with its length before it, and where it ends.
fn text_at(buffer: &[u8], at: usize) -> Result<Option<(String, usize)>, HandshakeError> {
    let Some(length) = buffer.get(at..at + 4) else { return Ok(None) };
    let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
    if length > MAX_TEXT {
        return Err(HandshakeError::TooLong(length));
    }
    let end = at + 4 + length;
    Ok(buffer.get(at + 4..end).map(|text| (String::from_utf8_lossy(text).into_owned(), end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn init() -> ServerInit {
        ServerInit { width: 720, height: 400, format: PixelFormat::RGB32, name: "team-blue/web".into() }
    }

    fn client_error(bytes: &[u8]) -> HandshakeError {
        ClientHandshake::new(true).advance(bytes, &mut Vec::new()).unwrap_err()
    }

    #[test]
    fn none_is_security_type_one_and_not_zero() {
        let (mut server, hello) = ServerHandshake::new(init());
        assert_eq!(hello, b"RFB 003.008\n");
        let mut out = Vec::new();
        assert_eq!(server.advance(b"RFB 003.008\n", &mut out).unwrap(), None);
        assert_eq!(out, [1, 1], "one type follows, and it is 1");
        assert_eq!(server.advance(&[0], &mut out).unwrap_err(), HandshakeError::SecurityType(0));
    }

    #[test]
    fn a_client_chooses_none_wherever_it_stands_in_the_list() {
        let mut client = ClientHandshake::new(false);
        let mut out = Vec::new();
        assert_eq!(client.advance(b"RFB 003.008\n\x03\x13\x02\x01", &mut out).unwrap(), None);
        assert_eq!(out, b"RFB 003.008\n\x01");
    }

    #[test]
    fn a_client_refuses_what_it_cannot_check() {
        assert_eq!(client_error(b"RFB 003.003\n"), HandshakeError::Version("RFB 003.003".into()));
        assert_eq!(client_error(b"HTTP/1.1 400"), HandshakeError::Version("HTTP/1.1 400".into()));
        assert_eq!(client_error(b"RFB 003.008\n\x01\x02"), HandshakeError::SecurityType(2));
    }

    #[test]
    fn the_servers_reason_is_passed_on() {
        assert_eq!(client_error(b"RFB 003.008\n\x00\x00\x00\x00\x04busy"), HandshakeError::Refused("busy".into()));
        let late = b"RFB 003.008\n\x01\x01\x00\x00\x00\x01\x00\x00\x00\x02no";
        assert_eq!(client_error(late), HandshakeError::Refused("no".into()));
        let absurd = b"RFB 003.008\n\x00\xff\xff\xff\xff";
        assert_eq!(client_error(absurd), HandshakeError::TooLong(0xffff_ffff));
    }

    proptest! {
        #[test]
        fn both_sides_meet_however_the_stream_is_cut(piece in 1_usize..30, shared: bool, early: [u8; 3]) {
            let (mut server, mut to_client) = ServerHandshake::new(init());
            let mut client = ClientHandshake::new(shared);
            let mut to_server = Vec::new();
            let (mut joined, mut welcomed) = (None, None);
            while joined.is_none() || welcomed.is_none() {
                for bytes in std::mem::take(&mut to_client).chunks(piece) {
                    if let Some(done) = client.advance(bytes, &mut to_server)? {
                        welcomed = Some(done);
                    }
                }
                let mut from_client = std::mem::take(&mut to_server);
                if from_client == [u8::from(shared)] {
                    from_client.extend(early);
                }
                for bytes in from_client.chunks(piece.max(4)) {
                    if let Some(done) = server.advance(bytes, &mut to_client)? {
                        joined = Some(done);
                    }
                }
            }
            prop_assert_eq!(welcomed.unwrap().init, init());
            prop_assert_eq!(joined.unwrap(), Joined { shared, rest: early.to_vec() });
        }

        #[test]
        fn no_bytes_make_either_side_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut with_version = VERSION.to_vec();
            with_version.extend(&bytes);
            let _ = ClientHandshake::new(true).advance(&with_version, &mut Vec::new());
            let _ = ServerHandshake::new(init()).0.advance(&with_version, &mut Vec::new());
        }
    }
}
