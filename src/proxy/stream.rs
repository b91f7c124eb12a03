//! The one kind of byte stream that everything above is written for.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection to a peer, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// The TCP connection beneath.
    fn tcp(&self) -> &TcpStream;
}

/// A connection of whatever layers.
pub(super) type BoxedStream = Box<dyn Stream>;

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Stream for Prefixed {
    fn tcp(&self) -> &TcpStream {
        self.inner.tcp()
    }
}

impl Stream for tokio_rustls::server::TlsStream<Prefixed> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0.tcp()
    }
}

impl Stream for tokio_rustls::client::TlsStream<Prefixed> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0.tcp()
    }
}

/// How many octets are read ahead of who reads.
const AHEAD: usize = 64 * 1024;

/// A connection of which some octets were read already; they are read again first.
pub(super) struct Prefixed {
    prefix: BytesMut,
    inner: BoxedStream,
    kept: Option<BytesMut>,
    ahead: Ahead,
}

/// Whether more is read than is asked for. TLS asks for 4 KiB at a time, a quarter of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ahead {
    Never,
    /// Once as much has come as was asked for.
    NotYet,
    Now,
}

impl Prefixed {
    pub(super) fn new(prefix: BytesMut, inner: BoxedStream) -> Self {
        Self {
            prefix,
            inner,
            kept: None,
            ahead: Ahead::Never,
        }
    }

    /// One that keeps what is read of it, so that it can be read once more.
    pub(super) fn keeping(self) -> Self {
        Self {
            kept: Some(BytesMut::new()),
            ..self
        }
    }

    /// One that takes in, where much comes, what is there in one go. It holds nothing while nothing comes.
    pub(super) fn reading_ahead(self) -> Self {
        Self {
            ahead: Ahead::NotYet,
            ..self
        }
    }

    /// Keeps nothing, from now on.
    pub(super) fn keep_nothing(&mut self) {
        self.kept = None;
    }

    /// The connection, and all that was read of it while that was kept.
    pub(super) fn into_unread(self) -> (BoxedStream, BytesMut) {
        let mut unread = self.kept.unwrap_or_default();
        unread.extend_from_slice(&self.prefix);
        (self.inner, unread)
    }

    /// Reads what was read already, or else from the connection.
    fn poll_next(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() && self.ahead == Ahead::Now {
            ready!(self.poll_ahead(cx))?;
        } else if self.prefix.is_empty() {
            return self.poll_asked(cx, buf);
        }
        let taken = self.prefix.len().min(buf.remaining());
        buf.put_slice(self.prefix.get(..taken).unwrap_or_default());
        self.prefix.advance(taken);
        Poll::Ready(Ok(()))
    }

    /// Reads no more than is asked for.
    fn poll_asked(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if buf.remaining() == 0 && self.ahead == Ahead::NotYet {
            self.ahead = Ahead::Now;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads all there is, up to a bound. The room for it is given back when nothing is there.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.prefix.reserve(AHEAD);
        let read = pin!(self.inner.read_buf(&mut self.prefix)).poll(cx);
        if self.prefix.is_empty() {
            self.prefix = BytesMut::new();
            self.ahead = Ahead::NotYet;
        }
        read.map_ok(drop)
    }
}

impl AsyncRead for Prefixed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.poll_next(cx, buf))?;
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(buf.filled().get(before..).unwrap_or_default());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Prefixed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// What TLS asks for.
    const ASKED: usize = 4096;

    async fn connected() -> (TcpStream, Prefixed) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sender = TcpStream::connect(listener.local_addr().unwrap());
        let (sender, accepted) = tokio::join!(sender, listener.accept());
        let receiver = Prefixed::new(BytesMut::from("first"), Box::new(accepted.unwrap().0));
        (sender.unwrap(), receiver)
    }

    #[tokio::test]
    async fn what_is_read_ahead_is_what_came_and_nothing_is_held_after_it() {
        let (mut sender, receiver) = connected().await;
        let mut receiver = receiver.reading_ahead();
        let sent: Vec<u8> = (0..=u8::MAX).cycle().take(5 * AHEAD + 1).collect();
        let all = sent.clone();
        let sending = tokio::spawn(async move { sender.write_all(&all).await });
        let (mut came, mut piece) = (Vec::new(), [0; ASKED]);
        loop {
            match receiver.read(&mut piece).await.unwrap() {
                0 => break,
                octets => came.extend_from_slice(&piece[..octets]),
            }
        }
        sending.await.unwrap().unwrap();
        assert!(came.starts_with(b"first"));
        assert_eq!(came[5..], sent);
        assert_eq!(receiver.prefix.capacity(), 0);
    }

    #[tokio::test]
    async fn little_is_not_read_ahead_of() {
        let (mut sender, receiver) = connected().await;
        let mut receiver = receiver.reading_ahead();
        sender.write_all(b" and last").await.unwrap();
        let mut piece = [0; ASKED];
        assert_eq!(receiver.read(&mut piece).await.unwrap(), 5);
        assert_eq!(receiver.read(&mut piece).await.unwrap(), 9);
        assert!(receiver.ahead == Ahead::NotYet);
    }

    #[tokio::test]
    async fn what_was_read_while_it_was_kept_or_ahead_is_unread() {
        let (mut sender, receiver) = connected().await;
        let mut receiver = receiver.keeping().reading_ahead();
        let sent: Vec<u8> = (0..=u8::MAX).cycle().take(3 * ASKED).collect();
        sender.write_all(&sent).await.unwrap();
        let mut piece = [0; ASKED];
        receiver.read_exact(&mut piece).await.unwrap();
        receiver.read_exact(&mut piece).await.unwrap();
        assert!(!receiver.prefix.is_empty(), "nothing was read ahead");
        let (_, unread) = receiver.into_unread();
        assert_eq!(unread.len(), 5 + sent.len());
        assert_eq!(unread[5..], sent);
    }
}
