//! Flows: messages on their way from one peer to the other, followed by the tap.

use std::io;
use std::task::{Context, Poll, ready};

use super::hold::Hold;
use super::peer::Peer;
use crate::wire::Violation;
use crate::wire::content::Content;
use crate::wire::glimpse::Glimpse;
use crate::wire::tap::Tap;

/// How many octets of later requests are taken in while one is answered.
pub(super) const MOST_PIPELINED: usize = 64 * 1024;
/// How often more is gathered in one go, before the other direction has its turn.
const MOST_GATHERED: usize = 4;

/// One message, or what is left of it, on its way.
pub(super) struct Flow {
    tap: Tap,
    ready: usize,
    hold: Option<Hold>,
    glimpse: Option<Glimpse>,
}

/// Why a message did not get through.
#[derive(Debug)]
pub(super) enum Broken {
    /// Its sender's connection broke.
    Source(io::Error),
    /// Its sender closed before its end.
    Cut,
    /// It is not valid from here on.
    Violation(Violation),
    /// Its receiver took no more.
    Sink(io::Error),
}

impl Flow {
    /// A message whose head, of that many octets, stands at the front of its sender's inbox.
    pub(super) fn new(head: usize, tap: Tap) -> Self {
        Self {
            tap,
            ready: head,
            hold: None,
            glimpse: None,
        }
    }

    /// Holds the end back, if there is any content before it.
    pub(super) fn hold_end(&mut self, hold: Hold) {
        self.hold = Some(hold);
    }

    /// Looks at the first octets of the content, if there is something to find out.
    pub(super) fn look(&mut self, glimpse: Option<Glimpse>) {
        self.glimpse = glimpse;
    }

    /// What the content is, told once, as soon as its first octets have come.
    pub(super) fn glimpsed(&mut self) -> Option<Content> {
        let is_whole = self.tap.is_complete();
        let glimpse = self
            .glimpse
            .take_if(|glimpse| is_whole || glimpse.is_full())?;
        glimpse.content(is_whole)
    }

    /// Whether the receiver, were it to give up now, would do so because of what it has seen.
    pub(super) fn is_on_trial(&self) -> bool {
        self.hold.as_ref().is_some_and(Hold::is_on)
    }

    /// Passes on what there is, until the whole message is through and flushed. Nothing is held
    /// back: what was there to read leaves before more is waited for.
    pub(super) fn poll_pass(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Peer,
        to: &mut Peer,
    ) -> Poll<Result<(), Broken>> {
        let mut gathered = 0;
        loop {
            let fresh = from.inbox().get(self.ready..).unwrap_or_default();
            let valid = self.tap.pass(fresh);
            if let (Some(glimpse), Ok(valid)) = (&mut self.glimpse, &valid) {
                glimpse.see(fresh.get(..*valid).unwrap_or_default());
            }
            self.ready += *valid.as_ref().unwrap_or(&0);
            let last = self.last();
            if self.ready > last {
                let passed =
                    ready!(to.poll_pass_from(cx, from, self.ready - last)).map_err(Broken::Sink)?;
                self.ready -= passed;
                self.has_passed();
                continue;
            }
            valid.map_err(Broken::Violation)?;
            ready!(to.poll_flush(cx)).map_err(Broken::Sink)?;
            if self.tap.is_complete() {
                ready!(self.poll_hold(cx));
                if last == 0 {
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            if gathered == MOST_GATHERED {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            gathered += 1;
            if !ready!(from.poll_gather(cx)).map_err(Broken::Source)? {
                if !self.tap.close() {
                    return Poll::Ready(Err(Broken::Cut));
                }
                ready!(self.poll_hold(cx));
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// How many octets at the end are held back: the last one, or none.
    fn last(&self) -> usize {
        let is_last = self.hold.is_some() && self.tap.is_complete() && self.tap.has_content();
        usize::from(is_last)
    }

    /// Octets have gone out; what the receiver makes of the content may show from its first on.
    fn has_passed(&mut self) {
        if let Some(hold) = &mut self.hold
            && self.tap.passed() > self.ready as u64
        {
            hold.begin();
        }
    }

    /// Ready when the end may go out.
    fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(hold) = &mut self.hold {
            ready!(hold.poll(cx));
            self.hold = None;
        }
        Poll::Ready(())
    }
}

/// A request on its way to the server, while the response may already come back.
pub(super) struct Upload {
    flow: Flow,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The request is on its way.
    Running,
    /// It is through; the client may send the next one, or close.
    Through,
    /// The server takes no more of it; it may have answered all the same.
    Refused,
}

impl Upload {
    pub(super) fn new(flow: Flow) -> Self {
        Self {
            flow,
            state: State::Running,
        }
    }

    /// Whether all of the request went to the server.
    pub(super) fn is_through(&self) -> bool {
        self.state == State::Through
    }

    /// Whether nothing more of the request goes to the server.
    pub(super) fn is_settled(&self) -> bool {
        self.state != State::Running
    }

    /// Goes on as far as it goes, and watches the client afterwards. It is an error when the
    /// request breaks off on the client's side; a server that takes no more of it is none.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        client: &mut Peer,
        server: &mut Peer,
    ) -> Result<(), Broken> {
        if self.state == State::Running {
            match self.flow.poll_pass(cx, client, server) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(())) => self.state = State::Through,
                Poll::Ready(Err(Broken::Sink(_))) => self.state = State::Refused,
                Poll::Ready(Err(broken)) => return Err(broken),
            }
        }
        self.watch(cx, client, server)
    }

    /// The client may send its next requests, which wait; or end, which the server gets to see.
    fn watch(
        &self,
        cx: &mut Context<'_>,
        client: &mut Peer,
        server: &mut Peer,
    ) -> Result<(), Broken> {
        while !client.is_at_end() && client.inbox().len() < MOST_PIPELINED {
            match client.poll_fill(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Err(Broken::Source(error)),
            }
        }
        let is_last = client.is_at_end() && client.inbox().is_empty();
        if is_last && self.is_through() {
            // A server that cannot be told is about to be found out by its answer.
            let _ = server.poll_end(cx);
        }
        Ok(())
    }
}
