//! The VNC protocol (RFB 3.8) as bytes in and bytes out, without any I/O.
//!
//! ```text
//!   server                                   client
//!     "RFB 003.008\n"          -------->
//!                              <--------     "RFB 003.008\n"
//!     01 01 (one type: None)   -------->
//!                              <--------     01
//!     00 00 00 00 (accepted)   -------->
//!                              <--------     shared flag
//!     ServerInit               -------->
//!     updates, bell, clipboard <------->     requests, keys, pointer, clipboard
//! ```
//!
//! [`handshake`] holds both sides of the first half, [`client`] what clients say afterwards, [`server`] what servers
//! answer. Nobody here reads a socket: callers feed what they received, in pieces of any size, and send what they get
//! back. The message boundaries of a websocket mean nothing, only the stream of bytes counts.
//!
//! Everything fails closed. A message type without a known length cannot be skipped, so the connection has to end.
//!
//! To add a client message: extend [`client::ClientMessage`], its length in the decoder and its bytes in `encode`; the
//! round-trip property covers it once the strategy in the tests names it.

pub mod client;
pub mod handshake;
pub mod pixel;
pub mod server;

pub use client::{ClientDecoder, ClientMessage, DecodeError};
pub use handshake::{ClientHandshake, HandshakeError, ServerHandshake};
pub use pixel::PixelFormat;
pub use server::{Rectangle, ServerInit, ServerMessage};

/// The version line, the only one that this crate speaks.
pub const VERSION: &[u8; 12] = b"RFB 003.008\n";

/// Numbers of encodings and pseudo-encodings that this crate names.
pub mod encoding {
    /// Pixels as they are.
    pub const RAW: i32 = 0;
    /// The client can be told that the screen changed its size.
    pub const DESKTOP_SIZE: i32 = -223;
    /// The client would send scan codes with its keys.
    pub const QEMU_EXTENDED_KEY: i32 = -258;
}
