//! `--confirm`: the end of a response is held back for a moment, to see whether the browser cancels
//! what it has of it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::pings::Pings;

/// How long the end is held back at most.
pub(super) const MOST: Duration = Duration::from_millis(100);
/// How long a browser that has read the content, as its answer to the PING shows, takes to block it
/// (measured: nine in ten within 11 ms, on a quiet machine all within 23 ms).
const REST: Duration = Duration::from_millis(30);

/// What came of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// The browser has had the content, and the time, and did not cancel.
    NotCancelled,
    /// Nothing can be said.
    Unknown,
}

/// Holds the end of one response back.
pub(super) struct Hold {
    pings: Pings,
    state: State,
}

enum State {
    /// No content has gone out, and nothing is held back as long as that is so.
    Untried,
    /// The first octets of content have gone out, and a PING with them.
    Begun { at: Instant, ping: u64 },
    /// The end is held back.
    Holding(Pin<Box<dyn Future<Output = Held> + Send>>),
    /// It may go.
    Over(Held),
}

impl Hold {
    pub(super) fn new(pings: Pings) -> Self {
        Self {
            pings,
            state: State::Untried,
        }
    }

    /// Content has gone out.
    pub(super) fn begin(&mut self) {
        if let State::Untried = self.state {
            let (at, ping) = (Instant::now(), self.pings.ask());
            self.state = State::Begun { at, ping };
        }
    }

    /// Whether the end is being held back, or content went out a moment ago.
    pub(super) fn is_on(&self) -> bool {
        match self.state {
            State::Untried | State::Over(_) => false,
            State::Begun { at, .. } => at.elapsed() <= MOST,
            State::Holding(_) => true,
        }
    }

    /// What came of it, once it is over.
    pub(super) fn held(&self) -> Option<Held> {
        match self.state {
            State::Over(held) => Some(held),
            State::Untried | State::Begun { .. } | State::Holding(_) => None,
        }
    }

    /// Ready when the end may go out.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.state = match &mut self.state {
                State::Untried | State::Over(_) => return Poll::Ready(()),
                State::Begun { ping, .. } => {
                    State::Holding(Box::pin(hold(self.pings.clone(), *ping)))
                }
                State::Holding(wait) => State::Over(ready!(wait.as_mut().poll(cx))),
            };
        }
    }
}

/// Waits until a browser would have cancelled.
async fn hold(mut pings: Pings, ping: u64) -> Held {
    let seen = async {
        pings.answered(ping).await;
        sleep(REST).await;
    };
    match timeout(MOST, seen).await {
        Ok(()) => Held::NotCancelled,
        Err(_) => Held::Unknown,
    }
}
