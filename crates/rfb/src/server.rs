//! What a server says after the handshake.

use crate::encoding;
use crate::pixel::PixelFormat;

/// The server's last words of the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInit {
    /// Width of the screen.
    pub width: u16,
    /// Height of the screen.
    pub height: u16,
    /// Pixels until the client asks for others.
    pub format: PixelFormat,
    /// Title for people.
    pub name: String,
}

impl ServerInit {
    /// Writes it. A name longer than a length field can say is cut.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.width.to_be_bytes());
        out.extend(self.height.to_be_bytes());
        self.format.encode(out);
        with_length(self.name.as_bytes(), out);
    }
}

/// One message of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerMessage {
    /// New content of parts of the screen.
    Update(Vec<Rectangle>),
    /// Beep.
    Bell,
    /// The server's clipboard, Latin-1.
    CutText(Vec<u8>),
}

/// One part of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rectangle {
    /// Pixels row by row, in the format in force: exactly `width * height` of them.
    Raw {
        /// Left edge.
        x: u16,
        /// Upper edge.
        y: u16,
        /// Width.
        width: u16,
        /// Height.
        height: u16,
        /// The pixels' bytes.
        pixels: Vec<u8>,
    },
    /// The screen has a new size. Only for clients that asked for [`encoding::DESKTOP_SIZE`], and last in an update.
    DesktopSize {
        /// New width.
        width: u16,
        /// New height.
        height: u16,
    },
    /// The server understands keys with scan codes. Only for clients that asked for it.
    QemuExtendedKey,
}

impl ServerMessage {
    /// Writes the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Update(rectangles) => {
                // 65535 would mean "until a last rectangle says so", which this crate never sends.
                let count = rectangles.len().min(usize::from(u16::MAX) - 1);
                out.extend([0, 0]);
                out.extend(u16::try_from(count).unwrap_or(u16::MAX - 1).to_be_bytes());
                for rectangle in &rectangles[..count] {
                    rectangle.encode(out);
                }
            }
            Self::Bell => out.push(2),
            Self::CutText(text) => {
                out.extend([3, 0, 0, 0]);
                // A length with its top bit set would mean the extended clipboard.
                with_length(&text[..text.len().min(i32::MAX as usize)], out);
            }
        }
    }
}

impl Rectangle {
    fn encode(&self, out: &mut Vec<u8>) {
        let (at, number, body): ([u16; 4], i32, &[u8]) = match self {
            Self::Raw { x, y, width, height, pixels } => ([*x, *y, *width, *height], encoding::RAW, pixels),
            Self::DesktopSize { width, height } => ([0, 0, *width, *height], encoding::DESKTOP_SIZE, &[]),
            Self::QemuExtendedKey => ([0; 4], encoding::QEMU_EXTENDED_KEY, &[]),
        };
        out.extend(at.into_iter().flat_map(u16::to_be_bytes));
        out.extend(number.to_be_bytes());
        out.extend(body);
    }
}

fn with_length(bytes: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend(length.to_be_bytes());
    out.extend(&bytes[..length as usize]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(message: &ServerMessage) -> Vec<u8> {
        let mut out = Vec::new();
        message.encode(&mut out);
        out
    }

    #[test]
    fn a_raw_rectangle_is_a_header_and_its_pixels() {
        let update =
            ServerMessage::Update(vec![Rectangle::Raw { x: 1, y: 2, width: 1, height: 1, pixels: vec![9, 8, 7, 0] }]);
        assert_eq!(encoded(&update), [0, 0, 0, 1, 0, 1, 0, 2, 0, 1, 0, 1, 0, 0, 0, 0, 9, 8, 7, 0]);
    }

    #[test]
    fn a_new_size_is_a_rectangle_without_pixels() {
        let update = ServerMessage::Update(vec![Rectangle::DesktopSize { width: 640, height: 480 }]);
        assert_eq!(encoded(&update), [0, 0, 0, 1, 0, 0, 0, 0, 2, 128, 1, 224, 0xff, 0xff, 0xff, 0x21]);
    }

    #[test]
    fn a_server_introduces_its_screen_and_name() {
        let mut out = Vec::new();
        ServerInit { width: 640, height: 400, format: PixelFormat::RGB32, name: "web".into() }.encode(&mut out);
        assert_eq!(out[..4], [2, 128, 1, 144]);
        assert_eq!(out[4 + PixelFormat::SIZE..], [0, 0, 0, 3, b'w', b'e', b'b']);
    }

    proptest! {
        #[test]
        fn the_length_of_an_update_is_the_sum_of_its_parts(sizes in prop::collection::vec((0_u16..20, 0_u16..20), 0..8)) {
            let rectangles: Vec<_> = sizes.iter().map(|&(width, height)| Rectangle::Raw {
                x: 0, y: 0, width, height, pixels: vec![0; usize::from(width) * usize::from(height) * 4],
            }).collect();
            let pixels: usize = sizes.iter().map(|&(w, h)| usize::from(w) * usize::from(h) * 4).sum();
            prop_assert_eq!(encoded(&ServerMessage::Update(rectangles)).len(), 4 + 12 * sizes.len() + pixels);
        }

        #[test]
        fn clipboard_text_is_carried_whole(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = encoded(&ServerMessage::CutText(text.clone()));
            prop_assert_eq!(&bytes[8..], &text[..]);
            prop_assert_eq!(u32::from_be_bytes(bytes[4..8].try_into().unwrap()) as usize, text.len());
        }
    }
}
