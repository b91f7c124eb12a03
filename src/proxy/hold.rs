//! `--confirm`: the end of a response is held back for a moment, to see whether the browser cancels
//! what it has of it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::h2::Pings;
use crate::cors::Engine;

/// How long the end is held back at most.
const MOST: Duration = Duration::from_millis(100);
/// How much later than it should something may happen on a machine that is at rest.
const LATE: Duration = Duration::from_millis(5);

/// How long an engine that has read the content, as its answer to the PING shows, takes to block it.
/// Measured: nine in ten within 11 ms, on a quiet machine all within 23 ms. Chromium's network
/// service does it by itself; in Firefox it waits for the page's own thread.
fn rest(engine: Engine) -> Duration {
    match engine {
        Engine::Chromium | Engine::Webkit => Duration::from_millis(30),
        Engine::Firefox => Duration::from_millis(70),
    }
}

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
    proof: Proof,
    state: State,
}

/// What it takes to say that a browser did not cancel.
enum Proof {
    /// The answer to a PING, and some rest after it.
    Ping { pings: Pings, rest: Duration },
    /// There is none: over HTTP/1.1 a browser that closes blocks, and one that does not may only have
    /// decided to read the rest first (measured).
    None,
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
    /// Over HTTP/2.
    pub(super) fn with(pings: Pings, engine: Engine) -> Self {
        let rest = rest(engine);
        Self::new(Proof::Ping { pings, rest })
    }

    /// Over HTTP/1.1.
    pub(super) fn without_pings() -> Self {
        Self::new(Proof::None)
    }

    fn new(proof: Proof) -> Self {
        Self {
            proof,
            state: State::Untried,
        }
    }

    /// Content has gone out.
    pub(super) fn begin(&mut self) {
        if let State::Untried = self.state {
            let ping = match &self.proof {
                Proof::Ping { pings, .. } => pings.ask(),
                Proof::None => 0,
            };
            let at = Instant::now();
            self.state = State::Begun { at, ping };
        }
    }

    /// Whether content has gone out.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.state, State::Untried)
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
                State::Begun { ping, .. } => State::Holding(self.proof.wait(*ping)),
                State::Holding(wait) => State::Over(ready!(wait.as_mut().poll(cx))),
            };
        }
    }
}

impl Proof {
    fn wait(&self, ping: u64) -> Pin<Box<dyn Future<Output = Held> + Send>> {
        match self {
            Self::Ping { pings, rest } => Box::pin(hold(pings.clone(), ping, *rest)),
            Self::None => Box::pin(async {
                sleep(MOST).await;
                Held::Unknown
            }),
        }
    }
}

/// Waits until a browser would have cancelled. On a machine that is busy it may take longer than
/// that, and nothing is said.
async fn hold(mut pings: Pings, ping: u64, rest: Duration) -> Held {
    let seen = async {
        let trip = pings.answered(ping).await;
        let answered = Instant::now();
        sleep(rest).await;
        if trip > LATE || answered.elapsed() > rest + LATE {
            std::future::pending::<()>().await;
        }
    };
    match timeout(MOST, seen).await {
        Ok(()) => Held::NotCancelled,
        Err(_) => Held::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    /// How long an end is held back, and what that shows, when the PING is answered after `trip`.
    async fn held(engine: Engine, trip: Duration) -> (Duration, Option<Held>) {
        let (pings, answers) = Pings::unsent();
        let mut hold = Hold::with(pings, engine);
        hold.begin();
        let start = Instant::now();
        let answering = async {
            sleep(trip).await;
            answers.answer(1, trip);
        };
        tokio::join!(poll_fn(|cx| hold.poll(cx)), answering);
        (start.elapsed(), hold.held())
    }

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[tokio::test(start_paused = true)]
    async fn a_browser_that_has_read_it_has_had_time_to_cancel() {
        let (long, held) = held(Engine::Chromium, millis(1)).await;
        assert_eq!(held, Some(Held::NotCancelled));
        assert!(long >= millis(31) && long < millis(35), "{long:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn where_no_answer_comes_in_time_nothing_is_said() {
        let (_, late) = held(Engine::Chromium, millis(6)).await;
        assert_eq!(late, Some(Held::Unknown), "the answer was late");
        let (_, never) = held(Engine::Firefox, Duration::from_secs(5)).await;
        assert_eq!(never, Some(Held::Unknown));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_held_back_before_content_has_gone_out() {
        let mut hold = Hold::without_pings();
        let start = Instant::now();
        poll_fn(|cx| hold.poll(cx)).await;
        assert_eq!((start.elapsed(), hold.held()), (Duration::ZERO, None));
        assert!(!hold.is_on());
    }

    #[tokio::test(start_paused = true)]
    async fn over_http_1_the_end_is_held_as_long_as_it_may_be_and_shows_nothing() {
        let mut hold = Hold::without_pings();
        hold.begin();
        assert!(hold.is_on());
        let start = Instant::now();
        poll_fn(|cx| hold.poll(cx)).await;
        assert_eq!(hold.held(), Some(Held::Unknown));
        assert!(start.elapsed() >= MOST && start.elapsed() < MOST + LATE);
    }
}
