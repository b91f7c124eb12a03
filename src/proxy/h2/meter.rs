//! The connection beneath HTTP/2, with an eye on the frames that pass.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::proxy::peer::Peer;
use crate::proxy::stream::{Prefixed, Stream};
use crate::wire::Violation;
use crate::wire::allowance::Allowance;
use crate::wire::frames::{Frame, Frames};

/// How long a peer may take for a field block, or for a frame that is no content.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a browser is listened to after our last word.
const LINGER: Duration = Duration::from_secs(2);
/// How many octets are dropped at a time then.
const DROPPED: usize = 4096;
/// How many octets leave in one piece at most, which is a record of TLS (RFC 8446 section 5.1), and how
/// many are expected.
const MOST_AT_ONCE: usize = 16 * 1024;
const AT_ONCE: usize = 2 * 1024;

/// What the connection's frames have shown, for whoever drives it.
#[derive(Clone, Debug, Default)]
pub(super) struct Signs(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    violation: OnceLock<Violation>,
    went_away: AtomicBool,
    is_blocked: AtomicBool,
    is_corked: AtomicBool,
    is_to_reset: AtomicBool,
}

impl Signs {
    /// The first rule that the peer broke, of those that the crate leaves to us.
    pub(super) fn violation(&self) -> Option<Violation> {
        self.0.violation.get().copied()
    }

    /// Whether the peer has announced its end.
    pub(super) fn went_away(&self) -> bool {
        self.0.went_away.load(Ordering::Relaxed)
    }

    /// Whether the peer takes no octets at the moment, although some wait for it.
    pub(super) fn is_blocked(&self) -> bool {
        self.0.is_blocked.load(Ordering::Relaxed)
    }

    /// Whether what is sent waits for what will be sent with it, from now on. Once it no longer does, what
    /// waits leaves with the next flush.
    pub(super) fn cork(&self, is_corked: bool) {
        self.0.is_corked.store(is_corked, Ordering::Relaxed);
    }

    /// From now on the connection ends with a reset.
    pub(super) fn reset_at_end(&self) {
        self.0.is_to_reset.store(true, Ordering::Relaxed);
    }

    fn broke(&self, violation: Violation) {
        // Only the first one counts.
        let _ = self.0.violation.set(violation);
    }
}

/// A peer's connection, metered.
pub(super) struct Metered {
    io: Prefixed,
    /// What is to leave in one piece.
    outbox: BytesMut,
    received: Frames,
    sent: Frames,
    allowance: Allowance,
    begun: Instant,
    late: Option<Late>,
    ending: Ending,
    signs: Signs,
}

/// How the connection is ended.
enum Ending {
    /// At once: a server needs no more.
    AtOnce,
    /// By listening for a while after our last word: a reset would overtake it where the browser is
    /// still sending.
    Gentle,
    /// That word is said.
    Lingering(Pin<Box<Sleep>>),
}

/// When something that was begun has to be whole.
struct Late {
    number: u64,
    at: Pin<Box<Sleep>>,
}

impl Metered {
    /// A browser's.
    pub(super) fn client(peer: Peer) -> (Self, Signs) {
        let (received, sent) = (Frames::of_client(), Frames::of_server());
        Self::new(peer, received, sent, Ending::Gentle)
    }

    /// A server's.
    pub(super) fn server(peer: Peer) -> (Self, Signs) {
        let (received, sent) = (Frames::of_server(), Frames::of_client());
        Self::new(peer, received, sent, Ending::AtOnce)
    }

    fn new(peer: Peer, received: Frames, sent: Frames, ending: Ending) -> (Self, Signs) {
        let (io, read) = peer.into_parts();
        let signs = Signs::default();
        let metered = Self {
            io: Prefixed::new(read, io),
            outbox: BytesMut::new(),
            received,
            sent,
            allowance: Allowance::new(),
            begun: Instant::now(),
            late: None,
            ending,
            signs: signs.clone(),
        };
        (metered, signs)
    }

    fn received(&mut self, octets: &[u8]) {
        for frame in self.received.follow(octets) {
            if frame.is_go_away() {
                self.signs.0.went_away.store(true, Ordering::Relaxed);
            }
            if !self.allowance.spend(frame, self.begun.elapsed()) {
                self.signs.broke(Violation::TooManyFrames);
            }
        }
        if let Some(violation) = self.received.violation() {
            self.signs.broke(violation);
        }
    }

    /// Nothing more has come: what has begun must not wait for ever.
    fn poll_late(&mut self, cx: &mut Context<'_>) {
        let Some(number) = self.received.unfinished() else {
            self.late = None;
            return;
        };
        let at = || Box::pin(sleep(PATIENCE));
        match &mut self.late {
            Some(late) if late.number == number => {}
            late => *late = Some(Late { number, at: at() }),
        }
        if let Some(late) = &mut self.late
            && late.at.as_mut().poll(cx).is_ready()
        {
            self.signs.broke(Violation::SlowFrame);
            self.late = None;
        }
    }

    /// Drops what comes, until it ends, or for long enough.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Ending::Lingering(over) = &mut self.ending
            && over.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(());
        }
        let mut octets = [0; DROPPED];
        loop {
            let mut buf = ReadBuf::new(&mut octets);
            let read = ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }

    /// Notes whether the peer takes octets.
    fn wrote<T>(&self, written: Poll<T>) -> Poll<T> {
        let seen = &self.signs.0.is_blocked;
        seen.store(written.is_pending(), Ordering::Relaxed);
        written
    }

    /// Whether what is in the outbox waits for more.
    fn is_corked(&self) -> bool {
        !self.outbox.is_empty() && self.signs.0.is_corked.load(Ordering::Relaxed)
    }

    /// Puts octets into the outbox. It is emptied first where there is no room for them; if it could not
    /// hold them at all, false says that they are not in it.
    fn poll_put(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
        octets: usize,
    ) -> Poll<io::Result<bool>> {
        if self.outbox.len() + octets > MOST_AT_ONCE {
            ready!(self.poll_empty(cx))?;
        }
        if octets >= MOST_AT_ONCE {
            return Poll::Ready(Ok(false));
        }
        if self.outbox.is_empty() {
            self.outbox.reserve(octets.max(AT_ONCE));
        }
        for buf in bufs {
            self.outbox.extend_from_slice(buf);
            self.sent(buf);
        }
        Poll::Ready(Ok(true))
    }

    /// Sends what is in the outbox, and gives its room back.
    fn poll_empty(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outbox.is_empty() {
            let written = Pin::new(&mut self.io).poll_write(cx, &self.outbox);
            let written = ready!(self.wrote(written))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outbox.advance(written);
        }
        self.outbox = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    fn sent(&mut self, octets: &[u8]) {
        let frames = self.sent.follow(octets);
        let data = frames.filter(|frame: &Frame| frame.is_data()).count();
        self.allowance.grant(data);
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        if self.signs.0.is_to_reset.load(Ordering::Relaxed) {
            // Where the option cannot be set the peer sees a plain close, which is no end either.
            let _ = self.io.tcp().set_zero_linger();
        }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let Poll::Ready(read) = Pin::new(&mut self.io).poll_read(cx, buf) else {
            self.poll_late(cx);
            return Poll::Pending;
        };
        read?;
        self.received(buf.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let octets = bufs.iter().map(|buf| buf.len()).sum();
        if ready!(self.poll_put(cx, bufs, octets))? {
            return Poll::Ready(Ok(octets));
        }
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        let written = ready!(self.wrote(written))?;
        let mut left = written;
        for buf in bufs {
            let taken = left.min(buf.len());
            self.sent(buf.get(..taken).unwrap_or_default());
            left -= taken;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_corked() {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_empty(cx))?;
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.wrote(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Ending::AtOnce | Ending::Gentle = self.ending {
            ready!(self.poll_empty(cx))?;
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            if let Ending::AtOnce = self.ending {
                return Poll::Ready(Ok(()));
            }
            self.ending = Ending::Lingering(Box::pin(sleep(LINGER)));
        }
        self.poll_linger(cx).map(Ok)
    }
}
