//! PINGs to the client (RFC 9113 section 6.7), for those who want to know that it has read what
//! went before them. Only one is under way at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::sync::watch;
use tokio::time::Instant;

/// Asks for PINGs, and waits for their answers.
#[derive(Clone, Debug)]
pub(in crate::proxy) struct Pings {
    asked: Arc<AtomicU64>,
    answered: watch::Receiver<Answered>,
}

/// The last PING that was answered, and how long that took.
#[derive(Clone, Copy, Debug, Default)]
struct Answered {
    number: u64,
    after: Duration,
}

/// Sends them.
pub(super) struct Pinger {
    line: PingPong,
    asked: Arc<AtomicU64>,
    under_way: Option<(u64, Instant)>,
    sent: u64,
    answered: watch::Sender<Answered>,
}

impl Pings {
    /// Asks for a PING, and says which.
    pub(in crate::proxy) fn ask(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Waits for its answer, which does not come if the connection ends, and says how long it took.
    pub(in crate::proxy) async fn answered(&mut self, number: u64) -> Duration {
        let answered = self.answered.wait_for(|last| last.number >= number);
        if let Some(after) = answered.await.ok().map(|last| last.after) {
            return after;
        }
        std::future::pending().await
    }
}

/// Answers PINGs that nobody sends.
#[cfg(test)]
pub(in crate::proxy) struct Answers(watch::Sender<Answered>);

#[cfg(test)]
impl Answers {
    pub(in crate::proxy) fn answer(&self, number: u64, after: Duration) {
        self.0.send_replace(Answered { number, after });
    }
}

#[cfg(test)]
impl Pings {
    pub(in crate::proxy) fn unsent() -> (Self, Answers) {
        let (answered, answers) = watch::channel(Answered::default());
        let pings = Self {
            asked: Arc::default(),
            answered: answers,
        };
        (pings, Answers(answered))
    }
}

impl Pinger {
    pub(super) fn new(line: PingPong) -> (Self, Pings) {
        let (answered, answers) = watch::channel(Answered::default());
        let pings = Pings {
            asked: Arc::default(),
            answered: answers,
        };
        let pinger = Self {
            line,
            asked: Arc::clone(&pings.asked),
            under_way: None,
            sent: 0,
            answered,
        };
        (pinger, pings)
    }

    /// Sends what was asked for, as one PING for all who ask at the same time; hears the answers.
    /// To be called after the connection was polled, so that what the PING is to follow has left.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        loop {
            let Some((number, since)) = self.under_way else {
                let asked = self.asked.load(Ordering::Relaxed);
                // An error is the connection's, and shows there.
                if asked == self.sent || self.line.send_ping(Ping::opaque()).is_err() {
                    return;
                }
                (self.sent, self.under_way) = (asked, Some((asked, Instant::now())));
                continue;
            };
            match self.line.poll_pong(cx) {
                Poll::Ready(Ok(_)) => {
                    self.under_way = None;
                    let after = since.elapsed();
                    self.answered.send_replace(Answered { number, after });
                }
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
        }
    }
}
