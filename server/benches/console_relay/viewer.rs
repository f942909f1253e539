//! The viewer's end of each way.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

/// How a viewer reaches the machine.
pub enum Way {
    /// Through porthole, with a session.
    Porthole {
        /// Where it listens.
        address: SocketAddr,
        /// The session's cookie.
        cookie: String,
    },
    /// Plain TCP.
    Tunnel(SocketAddr),
    /// A websocket without a session.
    Websockify(SocketAddr),
}

/// An open screen.
pub enum Viewer {
    /// Bytes.
    Tcp(TcpStream),
    /// Binary frames.
    Socket(Box<WebSocketStream<TcpStream>>),
}

impl Way {
    /// Opens the first machine's screen.
    pub async fn open(&self) -> Result<Viewer> {
        self.open_machine(0).await
    }

    /// Opens as many screens as asked and reads what the server says first. Porthole gives each machine one viewer,
    /// so each is on a machine of its own; the others reach the same socket, which QEMU shares.
    pub async fn open_idle(&self, count: usize) -> Result<Vec<Viewer>> {
        let mut viewers = Vec::new();
        for number in 0..count {
            let mut viewer = self.open_machine(number).await?;
            viewer.read().await?;
            viewers.push(viewer);
        }
        Ok(viewers)
    }

    async fn open_machine(&self, number: usize) -> Result<Viewer> {
        match self {
            Self::Tunnel(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Viewer::Tcp(stream))
            }
            Self::Websockify(address) => socket(*address, "/websockify", None).await,
            Self::Porthole { address, cookie } => {
                socket(*address, &format!("/console/bench/machine-{number}/vnc?takeover=true"), Some(cookie)).await
            }
        }
    }
}

async fn socket(address: SocketAddr, path: &str, cookie: Option<&str>) -> Result<Viewer> {
    let mut request = format!("ws://{address}{path}").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("origin", HeaderValue::from_str(&format!("http://{address}"))?);
    match cookie {
        Some(cookie) => headers.insert("cookie", HeaderValue::from_str(cookie)?),
        None => headers.insert("sec-websocket-protocol", HeaderValue::from_static("binary")),
    };
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (socket, _) = client_async(request, stream).await.with_context(|| format!("no websocket at {path}"))?;
    Ok(Viewer::Socket(Box::new(socket)))
}

impl Viewer {
    /// Waits for bytes and tells how many came.
    pub async fn read(&mut self) -> Result<usize> {
        match self {
            Self::Tcp(stream) => {
                let mut buffer = vec![0; 64 * 1024];
                match stream.read(&mut buffer).await? {
                    0 => bail!("the tunnel closed"),
                    read => Ok(read),
                }
            }
            Self::Socket(socket) => loop {
                match socket.next().await.context("the socket closed")?? {
                    Message::Binary(bytes) => return Ok(bytes.len()),
                    Message::Close(close) => bail!("the socket was closed: {close:?}"),
                    _ => {}
                }
            },
        }
    }

    /// Waits until so many bytes came.
    pub async fn read_exactly(&mut self, wanted: usize) -> Result<()> {
        let mut got = 0;
        while got < wanted {
            got += self.read().await?;
        }
        Ok(())
    }

    /// Sends bytes at once.
    pub async fn write(&mut self, bytes: &'static [u8]) -> Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).await?,
            Self::Socket(socket) => socket.send(Message::binary(bytes)).await?,
        }
        Ok(())
    }
}
