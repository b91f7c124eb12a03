//! The way to a Chromium that is open: a pair of pipes, or a WebSocket. Messages are JSON.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::unix::pipe;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Message as Frame, protocol::WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::Error;

/// How long the browser may take to say where it listens.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much it may say of that, in octets.
const MOST: u64 = 64 * 1024;

/// A way to a browser.
#[derive(Debug)]
pub enum Link {
    /// Messages that are ended by NUL each. Nobody else can use them, and the browser ends when
    /// they are closed.
    Pipes {
        /// To the browser.
        to: pipe::Sender,
        /// From it.
        from: BufReader<pipe::Receiver>,
        /// What has come of a message.
        begun: Vec<u8>,
    },
    /// A port that the browser listens on.
    Socket(Box<WebSocketStream<TcpStream>>),
}

/// Where the DevTools protocol is spoken.
#[derive(Deserialize)]
struct Version {
    #[serde(rename = "webSocketDebuggerUrl")]
    url: String,
}

impl Link {
    pub(super) fn pipes(to: pipe::Sender, from: pipe::Receiver) -> Self {
        Self::Pipes {
            to,
            from: BufReader::new(from),
            begun: Vec::new(),
        }
    }

    /// Connects to the port that a browser was started with (`--remote-debugging-port`).
    pub async fn attach(address: SocketAddr) -> Result<Self, Error> {
        let missing = || Error::NoDevTools(address.port());
        let asked = timeout(PATIENCE, where_it_listens(address));
        let url = asked.await.map_err(|_| missing())?.map_err(|_| missing())?;
        let stream = TcpStream::connect(address).await?;
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        let shaken = client_async_with_config(url, stream, Some(config));
        let shaken = timeout(PATIENCE, shaken).await.map_err(|_| missing())?;
        let (socket, _) = shaken.map_err(|_| missing())?;
        Ok(Self::Socket(Box::new(socket)))
    }

    /// Sends a message.
    pub(super) async fn send(&mut self, message: &Value) -> Result<(), Error> {
        match self {
            Self::Pipes { to, .. } => {
                let mut octets = serde_json::to_vec(message)?;
                octets.push(0);
                Ok(to.write_all(&octets).await?)
            }
            Self::Socket(socket) => {
                let sent = socket.send(Frame::text(message.to_string())).await;
                sent.map_err(|_| Error::Gone("it has ended"))
            }
        }
    }

    /// Waits for the next message. What has come of one is kept if nobody waits any longer.
    pub(super) async fn receive(&mut self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Pipes { from, begun, .. } => {
                from.read_until(0, begun).await?;
                let mut message = std::mem::take(begun);
                if message.pop().is_none() {
                    return Err(Error::Gone("it has ended"));
                }
                Ok(message)
            }
            Self::Socket(socket) => loop {
                match socket.next().await {
                    Some(Ok(Frame::Text(text))) => return Ok(text.as_bytes().to_vec()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(Error::Gone("it has ended")),
                }
            },
        }
    }
}

/// Asks the port for its WebSocket.
async fn where_it_listens(address: SocketAddr) -> Result<String, Error> {
    let mut stream = TcpStream::connect(address).await?;
    let ask = format!("GET /json/version HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut content = stream.take(MOST);
    // The browser keeps the connection open all the same: the content is whole when it parses.
    loop {
        let read = content.read_buf(&mut answer).await?;
        let start = memchr::memmem::find(&answer, b"\r\n\r\n").map(|end| end + 4);
        let json = start.and_then(|start| answer.get(start..));
        if let Some(version) = json.and_then(|json| serde_json::from_slice::<Version>(json).ok()) {
            return Ok(version.url);
        }
        if read == 0 {
            return Err(Error::Lacking("webSocketDebuggerUrl"));
        }
    }
}
