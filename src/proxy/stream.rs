//! The one kind of byte stream that everything above is written for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
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

/// A connection of which some octets were read already; they are read again first.
pub(super) struct Prefixed {
    prefix: Bytes,
    inner: BoxedStream,
    kept: Option<BytesMut>,
}

impl Prefixed {
    pub(super) fn new(prefix: Bytes, inner: BoxedStream) -> Self {
        Self {
            prefix,
            inner,
            kept: None,
        }
    }

    /// One that keeps what is read of it, so that it can be read once more.
    pub(super) fn keeping(prefix: Bytes, inner: BoxedStream) -> Self {
        Self {
            kept: Some(BytesMut::new()),
            ..Self::new(prefix, inner)
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
}

impl AsyncRead for Prefixed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.prefix.is_empty() {
            ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        } else {
            let taken = self.prefix.len().min(buf.remaining());
            buf.put_slice(self.prefix.get(..taken).unwrap_or_default());
            self.prefix.advance(taken);
        }
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
