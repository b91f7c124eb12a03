//! Happy eyeballs ([RFC 8305](https://www.rfc-editor.org/rfc/rfc8305)): a server with several
//! addresses is reached at the first that works, and one that does not answer costs a moment.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::timeout;

use super::unreached::Attempt;

/// How long an attempt is alone before the next one begins (RFC 8305 section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// Connects to whichever address takes the connection first; attempts that lose are dropped. When
/// none does, all of them are told, in the order they were begun in.
pub(super) async fn race<T, F>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<(T, SocketAddr), Vec<Attempt>>
where
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = interleaved(addresses).into_iter().enumerate();
    let mut running = FuturesUnordered::new();
    let mut failed = Vec::new();
    loop {
        if let Some((place, address)) = waiting.next() {
            let attempt = connect(address);
            running.push(async move { (place, address, attempt.await) });
        }
        let finished = if waiting.len() > 0 {
            timeout(STAGGER, running.next()).await
        } else {
            Ok(running.next().await)
        };
        match finished {
            Ok(Some((_, address, Ok(connection)))) => return Ok((connection, address)),
            Ok(Some((place, address, Err(error)))) => {
                failed.push((place, Attempt { address, error }));
            }
            Ok(None) => break,
            // Nothing has come of those that run: the next one may begin.
            Err(_) => {}
        }
    }
    failed.sort_by_key(|(place, _)| *place);
    Err(failed.into_iter().map(|(_, attempt)| attempt).collect())
}

/// The families take turns, the one that is preferred first (RFC 8305 section 4).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let prefers_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == prefers_ipv6);
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut turns = Vec::with_capacity(preferred.len() + other.len());
    while preferred.len() + other.len() > 0 {
        turns.extend(preferred.next());
        turns.extend(other.next());
    }
    turns
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::{pending, ready};

    use tokio::time::Instant;

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect(text)
    }

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|text| address(text)).collect()
    }

    fn refused() -> io::Error {
        io::ErrorKind::ConnectionRefused.into()
    }

    #[test]
    fn families_take_turns() {
        let found = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"];
        let turns = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"];
        assert_eq!(interleaved(addresses(&found)), addresses(&turns));
        let found = ["1.1.1.1:1", "2.2.2.2:1", "[::1]:1"];
        let turns = ["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"];
        assert_eq!(interleaved(addresses(&found)), addresses(&turns));
        assert_eq!(interleaved(Vec::new()), []);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_answer_costs_a_quarter_of_a_second() {
        let start = Instant::now();
        let won = race(addresses(&["[::1]:1", "1.1.1.1:1"]), |address| async move {
            if address.is_ipv6() {
                pending::<()>().await;
            }
            Ok(())
        });
        let ((), address) = won.await.expect("connected");
        assert_eq!(address.to_string(), "1.1.1.1:1");
        assert_eq!(start.elapsed(), Duration::from_millis(250));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_answers_late_wins_if_it_is_first_and_the_losers_are_dropped() {
        struct Dropped<'a>(&'a RefCell<Vec<SocketAddr>>, SocketAddr);
        impl Drop for Dropped<'_> {
            fn drop(&mut self) {
                self.0.borrow_mut().push(self.1);
            }
        }
        let dropped = RefCell::default();
        let start = Instant::now();
        let list = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1"]);
        let won = race(list, |address| {
            let running = Dropped(&dropped, address);
            async move {
                let is_first = address.to_string() == "[::1]:1";
                let after = Duration::from_millis(if is_first { 300 } else { 10_000 });
                tokio::time::sleep(after).await;
                drop(running);
                Ok(())
            }
        });
        let ((), address) = won.await.expect("connected");
        assert_eq!(address.to_string(), "[::1]:1");
        assert_eq!(start.elapsed(), Duration::from_millis(300));
        // The third one was never begun.
        assert_eq!(dropped.into_inner(), addresses(&["[::1]:1", "1.1.1.1:1"]));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_refusal_the_next_one_begins_at_once() {
        let start = Instant::now();
        let list = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1"]);
        let won = race(list, |address| {
            ready(match address.to_string().as_str() {
                "[::2]:1" => Ok(()),
                _ => Err(refused()),
            })
        });
        assert_eq!(won.await.expect("connected").1.to_string(), "[::2]:1");
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn all_that_failed_are_told_in_order() {
        let list = addresses(&["[::1]:1", "1.1.1.1:1"]);
        let lost = race::<(), _>(list, |address| async move {
            let after = Duration::from_secs(if address.is_ipv6() { 15 } else { 1 });
            tokio::time::sleep(after).await;
            Err(refused())
        });
        let told: Vec<String> = lost
            .await
            .expect_err("nobody answers")
            .iter()
            .map(Attempt::to_string)
            .collect();
        assert_eq!(told, ["[::1]:1: refused", "1.1.1.1:1: refused"]);
    }
}
