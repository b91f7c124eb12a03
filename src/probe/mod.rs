//! Probing a server: what it does is compared with what a policy says, cell by cell.
//!
//! The pure part is a [`Matrix`] of requests, the [`Cell`]s that their answers make, and the
//! [`findings`](mod@findings) in them. This file alone sends anything: one request at a time, at a pace, each on a
//! connection of its own; no redirect is followed and no cookie sent or kept.

pub mod access;
pub mod cell;
pub mod expect;
pub mod findings;
pub mod matrix;
pub mod origins;
pub mod request;
pub mod table;
mod vary;

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

pub use self::access::Access;
pub use self::cell::{Answer, Cell, Comparison};
pub use self::findings::{Found, findings};
pub use self::matrix::{Asks, Matrix, Question};
pub use self::request::Fetch;
use crate::exchange::{RequestUrl, Response};
use crate::policy::Rule;
use crate::proxy::{Asker, NotReached, Unanswered};

/// After so many requests in a row that got no answer, no more are made.
const ENOUGH: usize = 3;

/// Why a server cannot be probed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not reached.
    #[error("cannot probe the server: {0}")]
    NotReached(NotReached),
    /// It does not answer.
    #[error("the server does not answer: {0}")]
    Silent(#[source] Unanswered),
}

/// What is probed, and how.
pub struct Probe<'a> {
    /// Who reaches the server.
    pub asker: Asker,
    /// The URL that is asked for.
    pub url: RequestUrl,
    /// How pages are asked for.
    pub fetch: Fetch,
    /// The rules of the policy for the URL, in their order.
    pub rules: Vec<&'a Rule>,
    /// The time from one request to the next, at the least.
    pub pace: Duration,
}

impl Probe<'_> {
    /// The requests that there are to make, `most` at the most.
    pub fn matrix(&self, most: usize) -> Matrix {
        let wanted: Vec<_> = self.rules.iter().map(|rule| expect::wanted(rule)).collect();
        Matrix::of(&wanted, most)
    }

    /// Makes the requests, one after the other; `told` hears how many were made.
    pub async fn run(
        &self,
        matrix: Matrix,
        mut told: impl FnMut(usize),
    ) -> Result<Vec<Cell>, Error> {
        let mut pace = interval(self.pace.max(Duration::from_millis(1)));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut cells = Vec::with_capacity(matrix.questions.len());
        let mut silent = 0;
        for question in matrix.questions {
            pace.tick().await;
            let answer = match self.ask(&question).await {
                Ok(answer) => {
                    silent = 0;
                    Ok(answer)
                }
                Err(Unanswered::Unreached(why)) => return Err(Error::NotReached(why)),
                Err(why) => {
                    silent += 1;
                    if silent == ENOUGH {
                        return Err(Error::Silent(why));
                    }
                    Err(why.to_string())
                }
            };
            cells.push(Cell {
                expected: expect::expected(&self.rules, &question),
                question,
                answer,
            });
            told(cells.len());
        }
        Ok(cells)
    }

    async fn ask(&self, question: &Question) -> Result<Answer, Unanswered> {
        let request = request::request(&self.url, self.fetch, question);
        let RequestUrl {
            scheme, authority, ..
        } = &self.url;
        let head = self
            .asker
            .ask(*scheme, authority, request.as_bytes())
            .await?;
        let protocol = head.version.into();
        let response = Response {
            status: head.status,
            headers: head.headers,
        };
        Ok(Answer::to(question, protocol, response))
    }
}
