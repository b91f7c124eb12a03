//! The one kind of byte stream that everything above is written for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
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

/// A connection of which some octets were read already; they are read again first.
pub(super) struct Prefixed {
    prefix: BytesMut,
    inner: BoxedStream,
    kept: Option<BytesMut>,
}

impl Prefixed {
    pub(super) fn new(prefix: BytesMut, inner: BoxedStream) -> Self {
        Self {
            prefix,
            inner,
            kept: None,
        }
    }

    /// One that keeps what is read of it, so that it can be read once more.
    pub(super) fn keeping(self) -> Self {
        Self {
            kept: Some(BytesMut::new()),
            ..self
        }
    }

    /// The connection, and all that was read of it while that was kept.
    pub(super) fn into_unread(self) -> (BoxedStream, BytesMut) {
        let mut unread = self.kept.unwrap_or_default();
        unread.extend_from_slice(&self.prefix);
        (self.inner, unread)
    }

    /// Reads what was read already, or else from the connection.
    fn poll_next(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let taken = self.prefix.len().min(buf.remaining());
        buf.put_slice(self.prefix.get(..taken).unwrap_or_default());
        self.prefix.advance(taken);
        Poll::Ready(Ok(()))
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_was_read_while_it_was_kept_is_unread() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sender = TcpStream::connect(listener.local_addr().unwrap());
        let (sender, accepted) = tokio::join!(sender, listener.accept());
        let inner = Box::new(accepted.unwrap().0);
        let mut receiver = Prefixed::new(BytesMut::from("first"), inner).keeping();
        sender.unwrap().write_all(b" and last").await.unwrap();
        let mut piece = [0; 9];
        receiver.read_exact(&mut piece).await.unwrap();
        assert_eq!(&piece, b"first and");
        let (_, unread) = receiver.into_unread();
        assert_eq!(unread, "first and");
    }
}
