//! What a client says after the handshake.

use crate::pixel::PixelFormat;

/// Encodings that one `SetEncodings` may list; the wire allows 65535.
const MAX_ENCODINGS: usize = 1024;
/// Bytes of clipboard that one message may carry. QEMU drops the connection above it.
const MAX_CUT_TEXT: usize = 1 << 20;

/// One message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// Pixels from now on look like this.
    SetPixelFormat(PixelFormat),
    /// What the client understands, best first.
    SetEncodings(Vec<i32>),
    /// Send me the content of this part.
    UpdateRequest {
        /// Only what changed.
        incremental: bool,
        /// Left edge.
        x: u16,
        /// Upper edge.
        y: u16,
        /// Width.
        width: u16,
        /// Height.
        height: u16,
    },
    /// A key by its symbol.
    Key {
        /// Pressed or released.
        down: bool,
        /// X11 keysym.
        keysym: u32,
    },
    /// A key by its symbol and its place on the keyboard (QEMU's extension).
    ExtendedKey {
        /// Pressed or released.
        down: bool,
        /// X11 keysym.
        keysym: u32,
        /// XT scan code.
        scancode: u32,
    },
    /// Where the pointer is and which buttons are held.
    Pointer {
        /// Bit 0 left, 1 middle, 2 right, 3 and 4 wheel.
        buttons: u8,
        /// Column.
        x: u16,
        /// Row.
        y: u16,
    },
    /// The client's clipboard, Latin-1.
    CutText(Vec<u8>),
}

/// Why the stream cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A type without a known length.
    #[error("unknown client message type {0}")]
    UnknownType(u8),
    /// A subtype of QEMU's messages without a known length.
    #[error("unknown QEMU client message {0}")]
    UnknownQemu(u8),
    /// More encodings than anybody has.
    #[error("a list of {0} encodings is too long")]
    TooManyEncodings(usize),
    /// More clipboard than is taken.
    #[error("clipboard text of {0} bytes is too long")]
    CutTextTooLong(usize),
    /// The extended clipboard, which was never offered.
    #[error("extended clipboard message without negotiation")]
    ExtendedClipboard,
}

/// Cuts a client's stream into messages.
#[derive(Debug, Default)]
pub struct ClientDecoder {
    buffer: Vec<u8>,
}

impl ClientDecoder {
    /// A decoder that starts with what the handshake left over.
    pub const fn new(rest: Vec<u8>) -> Self {
        Self { buffer: rest }
    }

    /// Adds received bytes. They are bounded by what a message may have: take the messages out before feeding more.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, if it is there. After an error the stream is lost.
    pub fn next_message(&mut self) -> Result<Option<ClientMessage>, DecodeError> {
        let Some(length) = message_length(&self.buffer)? else { return Ok(None) };
        if self.buffer.len() < length {
            return Ok(None);
        }
        let message = decode(&self.buffer[..length]);
        self.buffer.drain(..length);
        Ok(Some(message))
    }
}

/// Length of the message that the bytes begin with, as soon as it can be known.
fn message_length(bytes: &[u8]) -> Result<Option<usize>, DecodeError> {
    let Some(&kind) = bytes.first() else { return Ok(None) };
    Ok(match kind {
        0 => Some(20),
        2 => match bytes.get(2..4) {
            Some(count) => {
                let count = usize::from(be16(count));
                if count > MAX_ENCODINGS {
                    return Err(DecodeError::TooManyEncodings(count));
                }
                Some(4 + 4 * count)
            }
            None => None,
        },
        3 => Some(10),
        4 => Some(8),
        5 => Some(6),
        6 => match bytes.get(4..8) {
            Some(length) => {
                let length = be32(length);
                if length > i32::MAX as u32 {
                    return Err(DecodeError::ExtendedClipboard);
                }
                let length = length as usize;
                if length > MAX_CUT_TEXT {
                    return Err(DecodeError::CutTextTooLong(length));
                }
                Some(8 + length)
            }
            None => None,
        },
        255 => match bytes.get(1) {
            Some(0) => Some(12),
            Some(&other) => return Err(DecodeError::UnknownQemu(other)),
            None => None,
        },
        other => return Err(DecodeError::UnknownType(other)),
    })
}

/// Reads one message of exactly the right length.
fn decode(bytes: &[u8]) -> ClientMessage {
    match bytes[0] {
        0 => {
            let mut format = [0; PixelFormat::SIZE];
            format.copy_from_slice(&bytes[4..20]);
            ClientMessage::SetPixelFormat(PixelFormat::decode(&format))
        }
        2 => ClientMessage::SetEncodings(bytes[4..].chunks_exact(4).map(|four| be32(four).cast_signed()).collect()),
        3 => ClientMessage::UpdateRequest {
            incremental: bytes[1] != 0,
            x: be16(&bytes[2..]),
            y: be16(&bytes[4..]),
            width: be16(&bytes[6..]),
            height: be16(&bytes[8..]),
        },
        4 => ClientMessage::Key { down: bytes[1] != 0, keysym: be32(&bytes[4..]) },
        5 => ClientMessage::Pointer { buttons: bytes[1], x: be16(&bytes[2..]), y: be16(&bytes[4..]) },
        6 => ClientMessage::CutText(bytes[8..].to_vec()),
        // `message_length` lets nothing else pass.
        _ => ClientMessage::ExtendedKey {
            down: be16(&bytes[2..]) != 0,
            keysym: be32(&bytes[4..]),
            scancode: be32(&bytes[8..]),
        },
    }
}

impl ClientMessage {
    /// Writes the message. Lists and texts beyond the limits of the decoder are cut.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::SetPixelFormat(format) => {
                out.extend([0; 4]);
                format.encode(out);
            }
            Self::SetEncodings(encodings) => {
                let encodings = &encodings[..encodings.len().min(MAX_ENCODINGS)];
                out.extend([2, 0]);
                out.extend(u16::try_from(encodings.len()).unwrap_or(u16::MAX).to_be_bytes());
                out.extend(encodings.iter().flat_map(|number| number.to_be_bytes()));
            }
            Self::UpdateRequest { incremental, x, y, width, height } => {
                out.extend([3, (*incremental).into()]);
                out.extend([x, y, width, height].into_iter().flat_map(|number| number.to_be_bytes()));
            }
            Self::Key { down, keysym } => {
                out.extend([4, (*down).into(), 0, 0]);
                out.extend(keysym.to_be_bytes());
            }
            Self::ExtendedKey { down, keysym, scancode } => {
                out.extend([255, 0, 0, (*down).into()]);
                out.extend(keysym.to_be_bytes());
                out.extend(scancode.to_be_bytes());
            }
            Self::Pointer { buttons, x, y } => {
                out.extend([5, *buttons]);
                out.extend(x.to_be_bytes());
                out.extend(y.to_be_bytes());
            }
            Self::CutText(text) => {
                let text = &text[..text.len().min(MAX_CUT_TEXT)];
                out.extend([6, 0, 0, 0]);
                out.extend(u32::try_from(text.len()).unwrap_or(0).to_be_bytes());
                out.extend(text);
            }
        }
    }
}

fn be16(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message() -> impl Strategy<Value = ClientMessage> {
        prop_oneof![
            (any::<[bool; 2]>(), any::<[u16; 3]>(), any::<[u8; 5]>()).prop_map(|(flags, max, bytes)| {
                ClientMessage::SetPixelFormat(PixelFormat {
                    bits_per_pixel: bytes[0],
                    depth: bytes[1],
                    big_endian: flags[0],
                    true_colour: flags[1],
                    max,
                    shift: [bytes[2], bytes[3], bytes[4]],
                })
            }),
            prop::collection::vec(any::<i32>(), 0..40).prop_map(ClientMessage::SetEncodings),
            (any::<bool>(), any::<[u16; 4]>()).prop_map(|(incremental, [x, y, width, height])| {
                ClientMessage::UpdateRequest { incremental, x, y, width, height }
            }),
            (any::<bool>(), any::<u32>()).prop_map(|(down, keysym)| ClientMessage::Key { down, keysym }),
            (any::<bool>(), any::<[u32; 2]>()).prop_map(|(down, [keysym, scancode])| ClientMessage::ExtendedKey {
                down,
                keysym,
                scancode
            }),
            (any::<u8>(), any::<[u16; 2]>()).prop_map(|(buttons, [x, y])| ClientMessage::Pointer { buttons, x, y }),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(ClientMessage::CutText),
        ]
    }

    proptest! {
        #[test]
        fn every_message_survives_any_cut_of_its_stream(
            messages in prop::collection::vec(message(), 1..8),
            piece in 1_usize..40,
        ) {
            let mut stream = Vec::new();
            for message in &messages {
                message.encode(&mut stream);
            }
            let mut decoder = ClientDecoder::default();
            let mut seen = Vec::new();
            for bytes in stream.chunks(piece) {
                decoder.feed(bytes);
                while let Some(message) = decoder.next_message().unwrap() {
                    seen.push(message);
                }
            }
            prop_assert_eq!(seen, messages);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = ClientDecoder::new(bytes);
            while let Ok(Some(_)) = decoder.next_message() {}
        }
    }

    fn error(bytes: &[u8]) -> DecodeError {
        ClientDecoder::new(bytes.to_vec()).next_message().unwrap_err()
    }

    #[test]
    fn what_has_no_known_length_ends_the_stream() {
        assert_eq!(error(&[150]), DecodeError::UnknownType(150));
        assert_eq!(error(&[255, 1]), DecodeError::UnknownQemu(1));
    }

    #[test]
    fn limits_hold_before_anything_is_buffered() {
        assert_eq!(error(&[2, 0, 0xff, 0xff]), DecodeError::TooManyEncodings(65535));
        assert_eq!(error(&[6, 0, 0, 0, 0, 0x10, 0, 1]), DecodeError::CutTextTooLong((1 << 20) + 1));
        assert_eq!(error(&[6, 0, 0, 0, 0xff, 0xff, 0xff, 0xfc]), DecodeError::ExtendedClipboard);
    }
}
