//! Tunnels: bytes of two peers passed on unread.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use super::flow::{Broken, Flow};
use super::peer::Peer;
use crate::wire::framing::Framing;
use crate::wire::tap::Tap;

/// Passes bytes both ways until both peers have ended, ends included. A connection that breaks on
/// one side breaks on the other in the same way, once what came before is through.
pub(super) async fn splice(mut client: Peer, mut server: Peer) {
    let (mut up, mut down) = (Way::new(), Way::new());
    let passed = poll_fn(|cx| {
        let up = up.poll(cx, &mut client, &mut server)?;
        let down = down.poll(cx, &mut server, &mut client)?;
        if up.is_ready() && down.is_ready() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    });
    match passed.await {
        Ok(()) => {}
        Err(Break::Abrupt) => {
            tokio::join!(client.close_abruptly(), server.close_abruptly());
        }
        Err(Break::Reset) => {
            client.reset();
            server.reset();
        }
    }
}

/// How a tunnel breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    /// A peer is gone without having said so.
    Abrupt,
    /// A peer has reset its connection.
    Reset,
}

impl Break {
    fn of(broken: &Broken) -> Self {
        match broken {
            Broken::Source(error) | Broken::Sink(error)
                if error.kind() == io::ErrorKind::ConnectionReset =>
            {
                Self::Reset
            }
            Broken::Source(_) | Broken::Sink(_) | Broken::Cut | Broken::Violation(_) => {
                Self::Abrupt
            }
        }
    }
}

/// One of the two directions.
struct Way {
    flow: Flow,
    is_over: bool,
}

impl Way {
    fn new() -> Self {
        let everything = Tap::new(Framing::UntilClose);
        Self {
            flow: Flow::new(0, everything),
            is_over: false,
        }
    }

    /// Passes on what there is, and then the end.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Peer,
        to: &mut Peer,
    ) -> Poll<Result<(), Break>> {
        if self.is_over {
            return Poll::Ready(Ok(()));
        }
        ready!(self.flow.poll_pass(cx, from, to)).map_err(|broken| Break::of(&broken))?;
        if from.ended_abruptly() {
            return Poll::Ready(Err(Break::Abrupt));
        }
        ready!(to.poll_end(cx)).map_err(|_| Break::Abrupt)?;
        self.is_over = true;
        Poll::Ready(Ok(()))
    }
}
