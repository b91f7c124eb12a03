//! Content on its way from one peer's stream to the other's, at the pace of the one who reads it
//! (RFC 9113 section 5.2): what was not taken is not asked for again.

use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;

use crate::proxy::hold::{Held, Hold};
use crate::wire::content::Content;
use crate::wire::glimpse::Glimpse;
use crate::wire::{Violation, fields};

/// One direction of a stream.
pub(super) struct Pump {
    from: RecvStream,
    to: SendStream<Bytes>,
    waiting: Bytes,
    end: End,
    trial: Option<Trial>,
    glimpse: Option<Glimpse>,
}

/// The end of a response that is held back.
struct Trial {
    hold: Hold,
    /// How much content there is beyond what was sent, where the head says so: Firefox takes a
    /// response for complete once it has that much of it (measured).
    left: Option<u64>,
    /// Whether the last octet of the content is held back too.
    has_octet: bool,
}

/// How far a message has come to its end.
enum End {
    NotYet,
    /// All content has passed; what is left are the trailers, or that there are none.
    Last(Option<HeaderMap>),
    /// The end has passed.
    Through,
}

/// Why content did not get through.
#[derive(Debug)]
pub(super) enum Broken {
    /// Its sender gave up, or broke a rule.
    Source(h2::Error),
    /// Its trailers are not valid.
    Trailers(Violation),
    /// Its receiver takes no more.
    Sink(h2::Error),
}

impl Pump {
    /// For content of which the head has gone ahead; with it the end, if there is none.
    pub(super) fn new(from: RecvStream, to: SendStream<Bytes>, is_ended: bool) -> Self {
        Self {
            from,
            to,
            waiting: Bytes::new(),
            end: if is_ended { End::Through } else { End::NotYet },
            trial: None,
            glimpse: None,
        }
    }

    /// Looks at the first octets of the content, if there is something to find out.
    pub(super) fn look(&mut self, glimpse: Option<Glimpse>) {
        self.glimpse = glimpse;
    }

    /// What the content is, told once, as soon as its first octets have come.
    pub(super) fn glimpsed(&mut self) -> Option<Content> {
        let is_whole = self.is_whole();
        let glimpse = self
            .glimpse
            .take_if(|glimpse| is_whole || glimpse.is_full())?;
        glimpse.content(is_whole)
    }

    /// Whether all content has come, some of which may still wait to leave.
    fn is_whole(&self) -> bool {
        match self.end {
            End::NotYet => {
                let left = self.trial.as_ref().and_then(|trial| trial.left);
                self.from.is_end_stream() || left == Some(self.waiting.len() as u64)
            }
            End::Last(_) | End::Through => true,
        }
    }

    /// Holds the end back, if there is any content before it, of so many octets as far as the head
    /// says.
    pub(super) fn hold_end(&mut self, hold: Hold, length: Option<u64>) {
        self.trial = Some(Trial {
            hold,
            left: length,
            has_octet: false,
        });
    }

    /// Whether the receiver, were it to give up now, would do so because of what it has seen.
    pub(super) fn is_on_trial(&self) -> bool {
        self.trial.as_ref().is_some_and(|trial| trial.hold.is_on())
    }

    /// What holding the end back has shown.
    pub(super) fn held(&self) -> Option<Held> {
        let trial = self.trial.as_ref()?;
        let is_incomplete = trial.has_octet || trial.left.is_none();
        trial.hold.held().filter(|_| is_incomplete)
    }

    /// Resets the stream that this writes to.
    pub(super) fn reset(&mut self, reason: Reason) {
        self.to.send_reset(reason);
    }

    /// Passes on what there is, until the end has passed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        loop {
            if !self.waiting.is_empty() {
                if self.waiting.len() == self.kept() {
                    ready!(self.poll_hold(cx))?;
                }
                ready!(self.poll_send(cx))?;
                continue;
            }
            match self.end {
                End::NotYet => ready!(self.poll_receive(cx))?,
                End::Last(_) => ready!(self.poll_end(cx))?,
                End::Through => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Whether the receiver has reset its stream.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<h2::Error> {
        match ready!(self.to.poll_reset(cx)) {
            Ok(reason) => Poll::Ready(reason.into()),
            Err(error) => Poll::Ready(error),
        }
    }

    /// Why the sender's connection is over, where that is more than that its stream was reset.
    /// Content that still waits is lost.
    pub(super) fn why_ended(&mut self) -> Option<h2::Error> {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match self.from.poll_data(&mut cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(error))) => return Some(error),
                Poll::Ready(None) | Poll::Pending => return None,
            }
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        match self.from.poll_data(cx) {
            Poll::Ready(Some(data)) => {
                self.waiting = data.map_err(Broken::Source)?;
                if let Some(glimpse) = &mut self.glimpse {
                    glimpse.see(&self.waiting);
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(None) => {
                let trailers = ready!(self.from.poll_trailers(cx)).map_err(Broken::Source)?;
                let checked = trailers.as_ref().map_or(Ok(()), fields::check_fields);
                checked.map_err(Broken::Trailers)?;
                self.end = End::Last(trailers);
                Poll::Ready(Ok(()))
            }
            Poll::Pending => self.poll_reset(cx).map(|error| Err(Broken::Sink(error))),
        }
    }

    /// How many octets of what waits are held back: the last one of the content, or none.
    fn kept(&self) -> usize {
        let Some(trial) = &self.trial else {
            return 0;
        };
        let is_first = self.waiting.len() == 1 && !trial.hold.has_begun();
        usize::from(trial.hold.held().is_none() && self.is_whole() && !is_first)
    }

    /// Waits until the last octet may go.
    fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let Some(trial) = &mut self.trial else {
            return Poll::Ready(Ok(()));
        };
        trial.has_octet |= !self.waiting.is_empty();
        if trial.hold.poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.poll_reset(cx).map(|error| Err(Broken::Sink(error)))
    }

    /// Sends as much of what waits as the receiver takes, and asks its sender for as much again.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let most = self.waiting.len() - self.kept();
        let granted = ready!(self.poll_capacity(cx))?.min(most);
        let piece = self.waiting.split_to(granted);
        let is_free = self
            .trial
            .as_ref()
            .is_none_or(|trial| trial.hold.held().is_some());
        let is_last = self.waiting.is_empty() && is_free && self.from.is_end_stream();
        self.to.send_data(piece, is_last).map_err(Broken::Sink)?;
        if let Some(trial) = &mut self.trial {
            trial.hold.begin();
            trial.left = trial.left.map(|left| left.saturating_sub(granted as u64));
        }
        if is_last {
            self.end = End::Through;
        }
        // It can fail only where more is released than was received.
        let _ = self.from.flow_control().release_capacity(granted);
        Poll::Ready(Ok(()))
    }

    fn poll_capacity(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Broken>> {
        self.to.reserve_capacity(self.waiting.len());
        while self.to.capacity() == 0 {
            match ready!(self.to.poll_capacity(cx)) {
                Some(granted) => granted.map_err(Broken::Sink)?,
                None => return self.poll_reset(cx).map(|error| Err(Broken::Sink(error))),
            };
        }
        Poll::Ready(Ok(self.to.capacity()))
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        ready!(self.poll_hold(cx))?;
        let trailers = match std::mem::replace(&mut self.end, End::Through) {
            End::Last(trailers) => trailers,
            End::NotYet | End::Through => None,
        };
        let sent = match trailers {
            Some(trailers) => self.to.send_trailers(trailers),
            None => self.to.send_data(Bytes::new(), true),
        };
        Poll::Ready(sent.map_err(Broken::Sink))
    }
}
