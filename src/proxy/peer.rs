//! A peer: its connection, and what it sent that has not been passed on yet.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::stream::BoxedStream;
use crate::wire::Violation;
use crate::wire::head::ResponseHead;
use crate::wire::scan::{HeadScanner, Kind};

/// How many octets are read at a time.
const READ: usize = 16 * 1024;
/// Where a read brings as many as these, more may be there already.
const MUCH: usize = 4 * 1024;
/// How many are gathered before they leave in one go: as many as rustls takes at once.
const GATHERED: usize = 64 * 1024;
/// How long a peer is listened to after we have said our last word.
pub(super) const LINGER: Duration = Duration::from_secs(30);
/// How long it may be silent then.
const QUIET: Duration = Duration::from_secs(2);

/// One end of an exchange.
pub(super) struct Peer {
    stream: BoxedStream,
    inbox: BytesMut,
    end: End,
    /// What broke the connection after octets that came in the same go.
    broke: Option<io::Error>,
    wrote_end: bool,
}

/// How a peer has ended what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    NotYet,
    Orderly,
    /// TLS without `close_notify` (RFC 8446 section 6.1).
    Abrupt,
}

/// Why no head came.
#[derive(Debug)]
pub(super) enum NoHead {
    /// The peer closed before the first octet of one.
    Closed,
    /// The peer closed within it.
    Cut,
    /// The connection broke.
    Broken(io::Error),
    /// What came is no head.
    Violation(Violation),
}

impl Peer {
    pub(super) fn new(stream: BoxedStream) -> Self {
        Self {
            stream,
            inbox: BytesMut::new(),
            end: End::NotYet,
            broke: None,
            wrote_end: false,
        }
    }

    /// One of which some octets were read already.
    pub(super) fn having_read(inbox: BytesMut, stream: BoxedStream) -> Self {
        Self {
            inbox,
            ..Self::new(stream)
        }
    }

    /// What was read and not passed on.
    pub(super) fn inbox(&self) -> &[u8] {
        &self.inbox
    }

    /// Whether the peer has sent all it will send.
    pub(super) fn is_at_end(&self) -> bool {
        self.end != End::NotYet
    }

    /// Whether it has ended without saying so.
    pub(super) fn ended_abruptly(&self) -> bool {
        self.end == End::Abrupt
    }

    /// Drops octets at the front of the inbox.
    pub(super) fn skip(&mut self, octets: usize) {
        self.inbox.advance(octets.min(self.inbox.len()));
    }

    /// Puts other octets in place of the first ones in the inbox.
    pub(super) fn replace(&mut self, octets: usize, with: &[u8]) {
        let mut inbox = BytesMut::from(with);
        inbox.extend_from_slice(self.inbox.get(octets..).unwrap_or_default());
        self.inbox = inbox;
    }

    /// Takes the peer apart again.
    pub(super) fn into_parts(self) -> (BoxedStream, BytesMut) {
        (self.stream, self.inbox)
    }

    /// Gives an empty inbox back: nothing is expected for a while.
    pub(super) fn rest(&mut self) {
        if self.inbox.is_empty() {
            self.inbox = BytesMut::new();
        }
    }

    /// Reads more into the inbox; false at the end of what the peer sends.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.is_at_end() {
            return Poll::Ready(Ok(false));
        }
        if let Some(error) = self.broke.take() {
            return Poll::Ready(Err(error));
        }
        match ready!(self.poll_read(cx)) {
            Ok(0) => self.end = End::Orderly,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.end = End::Abrupt,
            Err(error) => return Poll::Ready(Err(error)),
        }
        Poll::Ready(Ok(!self.is_at_end()))
    }

    /// Reads more, and where much comes what else is there already, so that it can leave in one go. What
    /// follows the octets that came, an end or an error, is told the next time.
    pub(super) fn poll_gather(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut before = self.inbox.len();
        let is_more = ready!(self.poll_fill(cx))?;
        while self.inbox.len() - before >= MUCH && self.inbox.len() < GATHERED {
            before = self.inbox.len();
            if let Poll::Ready(Err(error)) = self.poll_fill(cx) {
                self.broke = Some(error);
            }
        }
        Poll::Ready(Ok(is_more))
    }

    /// Reads more into the inbox; says how much. Most of what comes is small, and gets no more room than
    /// it needs; where much comes there is room for more of it.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let has_room = self.inbox.capacity() - self.inbox.len() >= READ / 2;
        if !has_room && !self.inbox.try_reclaim(READ) {
            if self.inbox.is_empty() {
                return self.poll_read_first(cx);
            }
            self.inbox.reserve(READ);
        }
        let most = GATHERED.saturating_sub(self.inbox.len()).max(READ);
        let mut room = (&mut self.inbox).limit(most);
        pin!(self.stream.read_buf(&mut room)).poll(cx)
    }

    fn poll_read_first(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut first = [MaybeUninit::uninit(); READ];
        let mut first = ReadBuf::uninit(&mut first);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut first))?;
        self.inbox.extend_from_slice(first.filled());
        Poll::Ready(Ok(first.filled().len()))
    }

    /// Reads more into the inbox; false at the end of what the peer sends.
    pub(super) async fn fill(&mut self) -> io::Result<bool> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Reads until a whole head stands at the front of the inbox, and says how long it is. Empty
    /// lines before it are dropped.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        scanner: &mut HeadScanner,
    ) -> Poll<Result<usize, NoHead>> {
        loop {
            match scanner.scan(&self.inbox).map_err(NoHead::Violation)? {
                Some(span) => {
                    self.skip(span.start);
                    return Poll::Ready(Ok(span.end - span.start));
                }
                None if ready!(self.poll_fill(cx)).map_err(NoHead::Broken)? => {}
                None if scanner.has_begun() => return Poll::Ready(Err(NoHead::Cut)),
                None => return Poll::Ready(Err(NoHead::Closed)),
            }
        }
    }

    /// Reads a request's head, which must be complete within `patience` of its first octet.
    pub(super) async fn request_head(&mut self, patience: Duration) -> Result<usize, NoHead> {
        let mut scanner = HeadScanner::new(Kind::Request);
        if self.inbox.is_empty() && !self.fill().await.map_err(NoHead::Broken)? {
            return Err(NoHead::Closed);
        }
        let head = poll_fn(|cx| self.poll_head(cx, &mut scanner));
        let late = io::Error::new(io::ErrorKind::TimedOut, "the head took too long");
        timeout(patience, head)
            .await
            .unwrap_or(Err(NoHead::Broken(late)))
    }

    /// Reads the head of a response, and nothing of what follows it.
    pub(super) async fn response_head(&mut self) -> Result<ResponseHead, NoHead> {
        let mut scanner = HeadScanner::new(Kind::Response);
        let octets = poll_fn(|cx| self.poll_head(cx, &mut scanner)).await?;
        let front = self.inbox.get(..octets).unwrap_or_default();
        let head = ResponseHead::parse(front).map_err(NoHead::Violation)?;
        self.skip(octets);
        Ok(head)
    }

    /// Writes octets from the front of `from`'s inbox; says how many.
    pub(super) fn poll_pass_from(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Self,
        octets: usize,
    ) -> Poll<io::Result<usize>> {
        let front = from.inbox.get(..octets).unwrap_or_default();
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, front))?;
        from.inbox.advance(written);
        if written == 0 {
            Poll::Ready(Err(io::ErrorKind::WriteZero.into()))
        } else {
            Poll::Ready(Ok(written))
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Says that nothing more will be sent.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.wrote_end {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.wrote_end = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Writes all of it.
    pub(super) async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets).await?;
        self.stream.flush().await
    }

    /// Closes after a last word: the peer may still be sending, and an answer that a reset
    /// overtakes would never be read.
    pub(super) async fn close_gently(mut self) {
        let _ = timeout(QUIET, poll_fn(|cx| self.poll_end(cx))).await;
        self.drain().await;
    }

    /// Closes as the other side did: an orderly end is passed on as one.
    pub(super) async fn close_orderly(mut self) {
        let _ = timeout(QUIET, poll_fn(|cx| self.poll_end(cx))).await;
    }

    /// Closes as the other side did: without the end that TLS has (RFC 8446 section 6.1).
    pub(super) async fn close_abruptly(mut self) {
        if rustix::net::shutdown(self.stream.tcp(), rustix::net::Shutdown::Write).is_ok() {
            self.drain().await;
        }
    }

    /// Listens to a peer that we have nothing more to say to, until it ends or falls silent. What
    /// it says makes no difference any more.
    pub(super) async fn drain(&mut self) {
        let listen = async {
            loop {
                self.inbox.clear();
                let more = timeout(QUIET, self.fill()).await;
                if !matches!(more, Ok(Ok(true))) {
                    break;
                }
            }
        };
        let _ = timeout(LINGER, listen).await;
    }

    /// Closes so that the peer sees a broken connection.
    pub(super) fn reset(self) {
        // Where the option cannot be set the peer sees a plain close, which is still no end marker.
        let _ = self.stream.tcp().set_zero_linger();
    }

    /// Waits until the connection breaks. What comes meanwhile is taken in, up to `most` octets;
    /// an end does not break it, because a client that has said all may still listen.
    pub(super) fn poll_break(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<io::Error> {
        while self.inbox.len() < most {
            match ready!(self.poll_fill(cx)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Poll::Ready(error),
            }
        }
        Poll::Pending
    }

    /// Whether nothing has happened on an idle connection: no octet, no end.
    pub(super) async fn is_quiet(&mut self) -> bool {
        let pending = poll_fn(|cx| Poll::Ready(self.poll_fill(cx).is_pending())).await;
        pending && self.inbox.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn connected() -> (TcpStream, Peer) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sender = TcpStream::connect(listener.local_addr().unwrap());
        let (sender, accepted) = tokio::join!(sender, listener.accept());
        let receiver = Peer::new(Box::new(accepted.unwrap().0));
        (sender.unwrap(), receiver)
    }

    async fn gather(peer: &mut Peer) -> io::Result<bool> {
        poll_fn(|cx| peer.poll_gather(cx)).await
    }

    /// As much as is read at a time, so that what follows is seen in the same go.
    const SENT: usize = READ;

    #[tokio::test]
    async fn what_comes_before_a_reset_is_kept_and_the_reset_is_told_after_it() {
        let (mut sender, mut receiver) = connected().await;
        sender.write_all(&[7; SENT]).await.unwrap();
        sender.set_zero_linger().unwrap();
        drop(sender);
        while receiver.inbox().len() < SENT {
            assert!(gather(&mut receiver).await.unwrap());
        }
        let error = gather(&mut receiver).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn an_end_after_much_is_told_when_more_is_asked_for() {
        let (mut sender, mut receiver) = connected().await;
        sender.write_all(&[7; SENT]).await.unwrap();
        drop(sender);
        while receiver.inbox().len() < SENT {
            assert!(gather(&mut receiver).await.unwrap());
        }
        assert!(!gather(&mut receiver).await.unwrap());
        assert!(receiver.is_at_end());
    }

    #[tokio::test]
    async fn what_is_there_comes_in_one_go() {
        let (mut sender, mut receiver) = connected().await;
        sender.write_all(&vec![7; 3 * READ]).await.unwrap();
        assert!(gather(&mut receiver).await.unwrap());
        assert_eq!(receiver.inbox().len(), 3 * READ);
    }

    #[tokio::test]
    async fn no_more_than_a_bound_is_gathered_at_once() {
        let (mut sender, mut receiver) = connected().await;
        let sent: Vec<u8> = (0..=u8::MAX).cycle().take(10 * GATHERED).collect();
        let all = sent.clone();
        let sending = tokio::spawn(async move { sender.write_all(&all).await });
        let mut came = Vec::new();
        while gather(&mut receiver).await.unwrap() {
            assert!(receiver.inbox().len() < GATHERED + READ);
            came.extend_from_slice(receiver.inbox());
            receiver.skip(receiver.inbox().len());
        }
        sending.await.unwrap().unwrap();
        assert_eq!(came, sent);
    }
}
