//! TLS as a stream. rustls does what TLS is about; the room that it is done in is lent, by the worker to
//! whichever connection of its own has something to read or to write. One that waits holds none.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::ops::DerefMut;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::pki_types::ServerName;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, UnbufferedConnectionCommon, UnbufferedStatus,
};
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::stream::{BoxedStream, Stream};

/// How many octets are encrypted at once, and how many are read when as many are asked for.
const MOST: usize = 64 * 1024;
/// The longest record (RFC 5246 section 6.2.3; RFC 8446 section 5.2 allows less).
const RECORD: usize = 5 + 16 * 1024 + 2048;
/// How long what is not a whole record, or not a whole message of a handshake, may become: as long as rustls
/// lets it become in its own buffers.
const MOST_PARTIAL: usize = 64 * 1024;
/// Room for that and for what is read behind it; or for what is gathered, and what it is encrypted.
const ROOM: usize = MOST_PARTIAL + MOST + RECORD;
/// Room for an alert.
const LAST: usize = 64;

thread_local! {
    /// The worker's room, unless it is lent.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lends the room. What it is lent for may itself need one, which is then made.
fn lend<T>(to: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut room = SPARE.take();
    room.resize(ROOM, 0);
    let result = to(&mut room);
    SPARE.set(room);
    result
}

/// A side of a TLS connection.
pub(super) trait Side:
    DerefMut<Target = UnbufferedConnectionCommon<Self::Data>> + Send + Unpin
{
    type Data;

    /// Goes on with what has come.
    fn process<'c, 'i>(&'c mut self, came: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl Side for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, came: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(came)
    }
}

impl Side for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, came: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(came)
    }
}

/// A TLS connection.
pub(super) struct Secured<S> {
    side: S,
    io: BoxedStream,
    /// What has come of a record, or of a message of a handshake, that has not come whole.
    partial: BytesMut,
    /// What was decrypted and not taken.
    plain: BytesMut,
    /// What was encrypted and not sent.
    unsent: BytesMut,
    /// Whether the peer has said that it sends no more.
    has_ended: bool,
    has_said_end: bool,
    /// What was wrong with what it sent, after which rustls is not to be asked again.
    fault: Option<rustls::Error>,
}

impl Secured<UnbufferedServerConnection> {
    /// Shakes hands with a client, of which some octets have come already.
    pub(super) async fn accept(
        config: Arc<ServerConfig>,
        io: BoxedStream,
        came: BytesMut,
    ) -> io::Result<Self> {
        let side = UnbufferedServerConnection::new(config).map_err(invalid)?;
        Self::shake_hands(side, io, came).await
    }
}

impl Secured<UnbufferedClientConnection> {
    /// Shakes hands with a server, of which some octets have come already.
    pub(super) async fn connect(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        io: BoxedStream,
        came: BytesMut,
    ) -> io::Result<Self> {
        let side = UnbufferedClientConnection::new(config, name).map_err(invalid)?;
        Self::shake_hands(side, io, came).await
    }
}

impl<S: Side> Secured<S> {
    async fn shake_hands(side: S, io: BoxedStream, partial: BytesMut) -> io::Result<Self> {
        let mut new = Self {
            side,
            io,
            partial,
            plain: BytesMut::new(),
            unsent: BytesMut::new(),
            has_ended: false,
            has_said_end: false,
            fault: None,
        };
        poll_fn(|cx| new.poll_handshake(cx)).await?;
        Ok(new)
    }

    /// What is known of the connection.
    pub(super) fn state(&self) -> &rustls::CommonState {
        &self.side
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.settle(cx)?;
            ready!(self.poll_send(cx))?;
            if !self.side.is_handshaking() {
                return Pin::new(&mut self.io).poll_flush(cx);
            }
            if ready!(self.poll_more(cx, &mut ReadBuf::new(&mut [])))? == 0 {
                let why = "the peer closed within the handshake";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, why)));
            }
        }
    }

    /// Reads more, decrypts all of it, and puts what fits into `buf`; says how many octets were read. What is
    /// wrong with them is told the next time: what came before it was said.
    fn poll_more(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        lend(|room| {
            let before = self.partial.len();
            if before > MOST_PARTIAL {
                let why = "a message of the handshake is too long";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
            }
            let most = buf.remaining().min(MOST) + RECORD;
            let (front, behind) = room.split_at_mut(before);
            let behind = behind.get_mut(..most).unwrap_or_default();
            let read = ready!(pin!(self.io.read(behind)).poll(cx))?;
            front.copy_from_slice(&self.partial);
            let came = room.get_mut(..before + read).unwrap_or_default();
            let used = self.process(cx, came, buf);
            self.partial = BytesMut::from(came.get(used..).unwrap_or_default());
            Poll::Ready(Ok(read))
        })
    }

    /// Goes on with what has come but is not whole, until there is nothing to do but to wait.
    fn settle(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.check()?;
        let mut partial = std::mem::take(&mut self.partial);
        let used = self.process(cx, &mut partial, &mut ReadBuf::new(&mut []));
        partial.advance(used);
        if !partial.is_empty() {
            self.partial = partial;
        }
        self.check()
    }

    fn check(&self) -> io::Result<()> {
        let fault = self.fault.clone();
        fault.map_or(Ok(()), |fault| Err(invalid(fault)))
    }

    /// Decrypts what has come, as much of it as is whole, and encrypts what is to be said to it; says how
    /// many octets of it are done with.
    fn process(&mut self, cx: &mut Context<'_>, came: &mut [u8], buf: &mut ReadBuf<'_>) -> usize {
        let mut used = 0;
        loop {
            let rest = came.get_mut(used..).unwrap_or_default();
            let UnbufferedStatus { discard, state } = self.side.process(rest);
            used += discard;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        used += record.discard;
                        deliver(record.payload, buf, &mut self.plain);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.unsent),
                // It leaves before anything else does.
                Ok(ConnectionState::TransmitTlsData(encoded)) => encoded.done(),
                Ok(ConnectionState::PeerClosed) => self.has_ended = true,
                // Early data is not asked for, and rustls lets none come.
                Ok(_) => return used,
                Err(error) => {
                    self.fault = Some(error);
                    self.say_why(cx, came.get_mut(used..).unwrap_or_default());
                    return used;
                }
            }
        }
    }

    /// Sends the alert that belongs to an error, if that is possible at once.
    fn say_why(&mut self, cx: &mut Context<'_>, came: &mut [u8]) {
        if let Ok(ConnectionState::EncodeTlsData(data)) = self.side.process(came).state {
            encode(data, &mut self.unsent);
            // Whatever becomes of that, what is told is the error.
            let _ = self.poll_send(cx);
        }
    }

    /// Sends what was encrypted.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let sent = ready!(Pin::new(&mut self.io).poll_write(cx, &self.unsent))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.advance(sent);
        }
        self.unsent = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    /// Encrypts octets, and sends what leaves at once; says how many were taken.
    fn encrypt(&mut self, cx: &mut Context<'_>, octets: &[io::IoSlice<'_>]) -> io::Result<usize> {
        lend(|room| {
            let (plain, room) = room.split_at_mut(MOST);
            let plain = gather(octets, plain);
            let encrypted = match self.side.process(&mut self.partial).state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => traffic.encrypt(plain, room),
                Ok(_) => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(error) => return Err(invalid(error)),
            };
            let mut rest = room.get(..encrypted.map_err(io::Error::other)?);
            while let Some(octets) = rest.filter(|octets| !octets.is_empty()) {
                match Pin::new(&mut self.io).poll_write(cx, octets)? {
                    Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(sent) => rest = octets.get(sent..),
                    Poll::Pending => break,
                }
            }
            self.unsent.extend_from_slice(rest.unwrap_or_default());
            Ok(plain.len())
        })
    }

    fn poll_encrypt(
        &mut self,
        cx: &mut Context<'_>,
        octets: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.settle(cx)?;
        ready!(self.poll_send(cx))?;
        if self.has_said_end {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Poll::Ready(self.encrypt(cx, octets))
    }

    /// Says that nothing more comes (RFC 8446 section 6.1).
    fn say_end(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.has_said_end || self.fault.is_some() {
            return Ok(());
        }
        self.settle(cx)?;
        self.has_said_end = true;
        let mut room = [0; LAST];
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) =
            self.side.process(&mut self.partial).state
        {
            let encrypted = traffic.queue_close_notify(&mut room);
            let encrypted = encrypted.map_err(io::Error::other)?;
            self.unsent
                .extend_from_slice(room.get(..encrypted).unwrap_or_default());
        }
        Ok(())
    }
}

impl<S: Side> Stream for Secured<S> {
    fn tcp(&self) -> &TcpStream {
        self.io.tcp()
    }
}

impl<S: Side> AsyncRead for Secured<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        while self.plain.is_empty() && !self.has_ended && buf.remaining() > 0 {
            let read = ready!(self.poll_more(cx, buf))?;
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            if read == 0 && self.plain.is_empty() && !self.has_ended {
                let why = "the peer closed without close_notify";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, why)));
            }
        }
        let taken = self.plain.len().min(buf.remaining());
        buf.put_slice(self.plain.get(..taken).unwrap_or_default());
        self.plain.advance(taken);
        if self.plain.is_empty() {
            self.plain = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: Side> AsyncWrite for Secured<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_encrypt(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_encrypt(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.say_end(cx)?;
        ready!(self.poll_send(cx))?;
        match ready!(Pin::new(&mut self.io).poll_shutdown(cx)) {
            // Who is gone needs no end.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            ended => Poll::Ready(ended),
        }
    }
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Puts octets behind those that wait, or into `buf` as far as they fit.
fn deliver(octets: &[u8], buf: &mut ReadBuf<'_>, waiting: &mut BytesMut) {
    let fit = if waiting.is_empty() {
        octets.len().min(buf.remaining())
    } else {
        0
    };
    let (now, later) = octets.split_at_checked(fit).unwrap_or_default();
    buf.put_slice(now);
    waiting.extend_from_slice(later);
}

/// As much as is sent in one go, in one piece: only what is in several is copied for that.
fn gather<'a>(octets: &'a [io::IoSlice<'_>], room: &'a mut [u8]) -> &'a [u8] {
    let whole = octets.iter().find(|octets| !octets.is_empty());
    let Some(first) = whole else {
        return &[];
    };
    let all: usize = octets.iter().map(|octets| octets.len()).sum();
    if first.len() == all || first.len() >= room.len() {
        return first.get(..room.len()).unwrap_or(first);
    }
    let mut gathered = 0;
    for octets in octets {
        let behind = room.get_mut(gathered..).unwrap_or_default();
        let fit = octets.len().min(behind.len());
        let (octets, behind) = (octets.get(..fit), behind.get_mut(..fit));
        if let (Some(octets), Some(behind)) = (octets, behind) {
            behind.copy_from_slice(octets);
        }
        gathered += fit;
    }
    room.get(..gathered).unwrap_or_default()
}

/// Puts what is said of the connection itself behind what is to be sent.
fn encode<D>(mut data: EncodeTlsData<'_, D>, unsent: &mut BytesMut) {
    // How much it is, it says to whoever gives it too little room.
    if let Err(EncodeError::InsufficientSize(room)) = data.encode(&mut []) {
        let before = unsent.len();
        unsent.resize(before + room.required_size, 0);
        let room = unsent.get_mut(before..).unwrap_or_default();
        let encoded = data.encode(room).unwrap_or_default();
        unsent.truncate(before + encoded);
    }
}

#[cfg(test)]
mod tests;
