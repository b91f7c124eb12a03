//! Who connects to the dashboard: so many at once, and none for ever without a word from us.
//!
//! Streams of changes say something every few seconds, so that whoever has heard nothing for a while has
//! not finished its request, is idle, or does not read.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// How many connections are open at once; further ones wait.
const MOST: usize = 256;
/// How long one may be open without anything being written to it: longer than any answer takes.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long accepting rests when there are no file descriptors left.
const OUT_OF_FILES: Duration = Duration::from_millis(100);

/// Lets visitors in.
pub(super) struct Visitors {
    listener: TcpListener,
    permits: Arc<Semaphore>,
}

impl Visitors {
    pub(super) fn at(listener: TcpListener) -> Self {
        Self {
            listener,
            permits: Arc::new(Semaphore::new(MOST)),
        }
    }
}

impl Listener for Visitors {
    type Io = Visitor<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // The semaphore is never closed; if it were, nobody would be counted.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => return (Visitor::new(stream, permit), address),
                // Errors are about one connection, or pass.
                Err(_) => sleep(OUT_OF_FILES).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when nothing could be written to it for a while.
pub(super) struct Visitor<S> {
    stream: S,
    patience: Pin<Box<Sleep>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl<S> Visitor<S> {
    fn new(stream: S, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            stream,
            patience: Box::pin(sleep(PATIENCE)),
            _permit: permit,
        }
    }

    /// What is pending fails once patience is at its end.
    fn unless_late<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let late = || Err(io::ErrorKind::TimedOut.into());
        self.patience.as_mut().poll(cx).map(|()| late())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Visitor<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(read) => Poll::Ready(read),
            Poll::Pending => self.unless_late(cx),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Visitor<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, octets) {
            Poll::Ready(written) => {
                self.patience.as_mut().reset(Instant::now() + PATIENCE);
                Poll::Ready(written)
            }
            Poll::Pending => self.unless_late(cx),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_sends_a_head_octet_by_octet_is_let_go() {
        let (mut client, server) = duplex(64);
        let mut visitor = Visitor::new(server, None);
        let begun = Instant::now();
        tokio::spawn(async move {
            // As slow as it takes to look alive.
            while client.write_all(b"x").await.is_ok() {
                sleep(Duration::from_secs(5)).await;
            }
        });
        let mut octets = Vec::new();
        let ended = visitor.read_to_end(&mut octets).await;
        assert_eq!(ended.expect_err("let go").kind(), io::ErrorKind::TimedOut);
        assert_eq!((begun.elapsed().as_secs(), octets.len()), (120, 24));
    }

    #[tokio::test(start_paused = true)]
    async fn who_hears_something_now_and_then_stays_and_who_reads_nothing_does_not() {
        let (mut client, server) = duplex(64);
        let mut visitor = Visitor::new(server, None);
        for _ in 0..20 {
            visitor.write_all(b": quiet\n\n").await.expect("written");
            client.read_exact(&mut [0; 9]).await.expect("read");
            let waited = tokio::time::timeout(Duration::from_secs(15), visitor.read_u8()).await;
            assert!(waited.is_err(), "it is still waiting for more");
        }
        let ended = visitor.write_all(&[0; 65]).await;
        assert_eq!(ended.expect_err("let go").kind(), io::ErrorKind::TimedOut);
        drop(client);
    }
}
