//! One viewer of the stand-in's screen.

use std::io;

use rfb::{ClientDecoder, ClientMessage, PixelFormat, Rectangle, ServerHandshake, ServerInit, ServerMessage, encoding};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::screen::{CELL_HEIGHT, HEIGHT, WIDTH, row_pixels};
use super::terminal::{ROWS, Terminal};

/// X11 keysyms of the keys that are not characters.
const RETURN: [u32; 2] = [0xff0d, 0xff8d];
const BACKSPACE: u32 = 0xff08;

/// Serves one viewer until it leaves.
pub async fn serve(
    mut stream: UnixStream,
    name: String,
    mut screen: watch::Receiver<Terminal>,
    typed: impl Fn(char),
) -> io::Result<()> {
    let init = ServerInit { width: pixels(WIDTH), height: pixels(HEIGHT), format: PixelFormat::RGB32, name };
    let (mut handshake, hello) = ServerHandshake::new(init);
    stream.write_all(&hello).await?;
    let mut buffer = vec![0; 4096];
    let mut decoder = loop {
        let count = read(&mut stream, &mut buffer).await?;
        let mut answer = Vec::new();
        let joined = handshake.advance(&buffer[..count], &mut answer).map_err(io::Error::other)?;
        stream.write_all(&answer).await?;
        if let Some(joined) = joined {
            break ClientDecoder::new(joined.rest);
        }
    };

    let mut viewer = Viewer::default();
    loop {
        while let Some(message) = decoder.next_message().map_err(io::Error::other)? {
            viewer.hear(message, &typed)?;
        }
        let update = viewer.update(&screen.borrow_and_update());
        if let Some(bytes) = update {
            stream.write_all(&bytes).await?;
        }
        tokio::select! {
            count = read(&mut stream, &mut buffer) => decoder.feed(&buffer[..count?]),
            changed = screen.changed() => changed.map_err(io::Error::other)?,
        }
    }
}

async fn read(stream: &mut UnixStream, buffer: &mut [u8]) -> io::Result<usize> {
    match stream.read(buffer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => Ok(count),
    }
}

/// What a viewer wants and what it has seen.
struct Viewer {
    format: PixelFormat,
    wants_scancodes: bool,
    is_waiting: bool,
    seen: Option<Terminal>,
}

impl Default for Viewer {
    fn default() -> Self {
        Self { format: PixelFormat::RGB32, wants_scancodes: false, is_waiting: false, seen: None }
    }
}

impl Viewer {
    fn hear(&mut self, message: ClientMessage, typed: &impl Fn(char)) -> io::Result<()> {
        match message {
            ClientMessage::SetPixelFormat(format) if format.is_usable() => {
                self.format = format;
                self.seen = None;
            }
            ClientMessage::SetPixelFormat(_) => return Err(io::Error::other("unusable pixel format")),
            ClientMessage::SetEncodings(encodings) => {
                self.wants_scancodes = encodings.contains(&encoding::QEMU_EXTENDED_KEY);
            }
            ClientMessage::UpdateRequest { incremental, .. } => {
                self.is_waiting = true;
                if !incremental {
                    self.seen = None;
                }
            }
            ClientMessage::Key { down: true, keysym } | ClientMessage::ExtendedKey { down: true, keysym, .. } => {
                character(keysym).into_iter().for_each(typed);
            }
            ClientMessage::Key { .. }
            | ClientMessage::ExtendedKey { .. }
            | ClientMessage::Pointer { .. }
            | ClientMessage::CutText(_) => {}
        }
        Ok(())
    }

    /// What the viewer has not seen yet, if it waits for it.
    fn update(&mut self, now: &Terminal) -> Option<Vec<u8>> {
        let before = self.seen.as_ref();
        if !self.is_waiting || before == Some(now) {
            return None;
        }
        // The row of the cursor changes also where its characters do not.
        let is_new = |row: usize| {
            before.is_none_or(|before| {
                before.row(row) != now.row(row)
                    || (before.cursor() != now.cursor() && (before.cursor().1 == row || now.cursor().1 == row))
            })
        };
        let mut rectangles: Vec<_> = (0..ROWS).filter(|row| is_new(*row)).map(|row| self.rectangle(now, row)).collect();
        if std::mem::take(&mut self.wants_scancodes) {
            rectangles.push(Rectangle::QemuExtendedKey);
        }
        self.seen = Some(now.clone());
        self.is_waiting = false;
        let mut bytes = Vec::new();
        ServerMessage::Update(rectangles).encode(&mut bytes);
        Some(bytes)
    }

    fn rectangle(&self, terminal: &Terminal, row: usize) -> Rectangle {
        let mut bytes = Vec::with_capacity(WIDTH * CELL_HEIGHT * self.format.bytes_per_pixel());
        for pixel in row_pixels(terminal, row) {
            self.format.put(pixel, &mut bytes);
        }
        Rectangle::Raw {
            x: 0,
            y: pixels(row * CELL_HEIGHT),
            width: pixels(WIDTH),
            height: pixels(CELL_HEIGHT),
            pixels: bytes,
        }
    }
}

fn character(keysym: u32) -> Option<char> {
    match keysym {
        BACKSPACE => Some('\u{8}'),
        key if RETURN.contains(&key) => Some('\n'),
        // Keysyms of ASCII are ASCII.
        0x20..=0x7e => char::from_u32(keysym),
        _ => None,
    }
}

fn pixels(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
