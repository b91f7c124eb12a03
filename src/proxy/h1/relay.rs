//! One exchange between a client and a server that was reached.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep, timeout};

use crate::cors::content::looked_for;
use crate::cors::{Engine, confirm};
use crate::exchange::{Ending, Protocol, Request, Response, Rewrite};
use crate::proxy::Rewriting;
use crate::proxy::dial::wants_certificate;
use crate::proxy::flow::{Broken, Flow, Upload};
use crate::proxy::hold::Hold;
use crate::proxy::peer::{LINGER, NoHead, Peer};
use crate::store::Ticket;
use crate::wire::framing::{Framing, is_asked_upgrade, is_persistent};
use crate::wire::glimpse::Glimpse;
use crate::wire::head::ResponseHead;
use crate::wire::scan::{HeadScanner, Kind};
use crate::wire::tap::Tap;
use crate::wire::{MAX_INTERIM, Violation, edit};

/// How long a server may take to answer a client that has said its last word, and may be gone.
const AFTER_CLIENT: Duration = Duration::from_mins(1);

/// What came of an exchange.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The whole response went to the client; its ending is told.
    Complete {
        /// Whether the connections can carry another exchange, as far as the response says.
        reusable: bool,
    },
    /// The protocol was switched (101), and its ending is told.
    Switched,
    /// There is no response that could be passed on.
    Unanswered {
        /// How it ended.
        ending: Ending,
        /// Why.
        reason: String,
    },
    /// The response broke off after its head had gone to the client.
    BrokenOff {
        /// Why.
        reason: String,
        /// Whether the server reset the connection.
        was_reset: bool,
    },
    /// The content of the request is not valid; no response has begun.
    BadContent(Violation),
    /// The client went away.
    ClientGone {
        /// How that showed.
        reason: String,
    },
}

/// An exchange under way.
pub(super) struct Relay<'a> {
    client: &'a mut Peer,
    server: &'a mut Peer,
    upload: Upload,
    request: &'a Request,
    is_browsers: bool,
    is_confirming: bool,
    rewriting: Option<&'a Rewriting>,
    ticket: &'a mut Ticket,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<'a> Relay<'a> {
    /// The request is ready to leave from the front of the client's inbox.
    pub(super) fn new(
        client: &'a mut Peer,
        server: &'a mut Peer,
        upload: Upload,
        request: &'a Request,
        ticket: &'a mut Ticket,
    ) -> Self {
        Self {
            client,
            server,
            upload,
            request,
            is_browsers: Engine::of(&request.headers).is_some(),
            is_confirming: false,
            rewriting: None,
            ticket,
            deadline: None,
        }
    }

    /// Holds the end of the answer back where a browser then shows whether it blocks it.
    pub(super) fn confirming(self, is_confirming: bool) -> Self {
        Self {
            is_confirming,
            ..self
        }
    }

    /// Lets a policy make another answer of one that would not pass.
    pub(super) fn rewriting(self, rewriting: Option<&'a Rewriting>) -> Self {
        Self { rewriting, ..self }
    }

    /// Passes request and response on, both at once.
    pub(super) async fn run(mut self) -> Outcome {
        match self.answer().await {
            Ok(outcome) | Err(outcome) => outcome,
        }
    }

    async fn answer(&mut self) -> Result<Outcome, Outcome> {
        let (octets, head) = self.final_head().await?;
        let framing = Framing::of_response(&head, &self.request.method).map_err(not_http)?;
        let is_switch = head.status == 101;
        if is_switch && !is_asked_upgrade(&self.request.headers, &head.headers) {
            return Err(not_http(Violation::SwitchNotAsked));
        }
        let is_reusable =
            framing != Framing::UntilClose && is_persistent(head.version, &head.headers);
        let response = Response {
            status: head.status,
            headers: head.headers,
        };
        let response = Arc::new(response);
        let rewrite = self.rewriting.and_then(|rewriting| {
            rewriting.repair(self.request, Protocol::Http11, &response, self.ticket)
        });
        self.ticket.answered(Arc::clone(&response));
        let octets = match &rewrite {
            Some(rewrite) => self.splice(octets, rewrite),
            None => octets,
        };
        let delivered = rewrite
            .as_ref()
            .map_or(&*response, |rewrite| &rewrite.delivered);
        let mut download = Flow::new(octets, Tap::new(framing));
        if self.is_confirming
            && confirm::who_shows(self.request, delivered, Protocol::Http11).is_some()
        {
            download.hold_end(Hold::without_pings());
        }
        let depth = looked_for(self.request, delivered);
        download
            .look(depth.and_then(|depth| Glimpse::of(&delivered.headers, Some(framing), depth)));
        poll_fn(|cx| self.poll_download(cx, &mut download)).await?;
        self.ticket.ended(Ending::Complete, None);
        if is_switch {
            return Ok(Outcome::Switched);
        }
        let reusable = is_reusable && self.finish_upload().await && self.server.inbox().is_empty();
        if !reusable {
            self.linger().await;
        }
        Ok(Outcome::Complete { reusable })
    }

    /// Puts the head that the browser is to get in place of the server's; says how long it is.
    fn splice(&mut self, octets: usize, rewrite: &Rewrite) -> usize {
        let front = self.server.inbox().get(..octets).unwrap_or_default();
        let edited = edit::for_client(front, &rewrite.edits);
        self.server.replace(octets, &edited);
        edited.len()
    }

    /// Reads heads until the final one; interim ones go to the client at once.
    async fn final_head(&mut self) -> Result<(usize, ResponseHead), Outcome> {
        for _ in 0..=MAX_INTERIM {
            let mut scanner = HeadScanner::new(Kind::Response);
            let octets = poll_fn(|cx| self.poll_head(cx, &mut scanner)).await?;
            let front = self.server.inbox().get(..octets).unwrap_or_default();
            let head = ResponseHead::parse(front).map_err(not_http)?;
            if !head.is_interim() {
                return Ok((octets, head));
            }
            let framing = Framing::of_response(&head, &self.request.method).map_err(not_http)?;
            let mut interim = Flow::new(octets, Tap::new(framing));
            poll_fn(|cx| self.poll_download(cx, &mut interim)).await?;
        }
        Err(not_http(Violation::TooManyInterim))
    }

    /// Waits for a head of the server's, while the request goes on.
    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        scanner: &mut HeadScanner,
    ) -> Poll<Result<usize, Outcome>> {
        self.poll_upload(cx).map_err(request_broke)?;
        if self.has_left() {
            return Poll::Ready(Err(gone("the client closed before the answer")));
        }
        if let Poll::Ready(head) = self.server.poll_head(cx, scanner) {
            return Poll::Ready(head.map_err(|none| self.no_head(none)));
        }
        self.poll_deadline(cx)
    }

    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), Broken> {
        self.upload.poll(cx, self.client, self.server)
    }

    /// A client that has closed its side may still listen, or be gone: nothing tells, so there is
    /// a limit to the waiting.
    fn poll_deadline<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Outcome>> {
        if !self.client.is_at_end() {
            return Poll::Pending;
        }
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(sleep(AFTER_CLIENT)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(gone(
            "the client closed, and the server did not answer",
        )))
    }

    /// Whether nobody waits for the answer any more: browsers never close one side alone.
    fn has_left(&self) -> bool {
        self.is_browsers && self.client.is_at_end()
    }

    fn no_head(&self, none: NoHead) -> Outcome {
        let unanswered = |ending, reason: &dyn fmt::Display| Outcome::Unanswered {
            ending,
            reason: reason.to_string(),
        };
        match none {
            NoHead::Closed if self.client.is_at_end() => {
                gone("the client closed before the answer")
            }
            NoHead::Closed => unanswered(
                Ending::NoResponse,
                &"the server closed the connection without an answer",
            ),
            NoHead::Cut => unanswered(
                Ending::NotHttp,
                &"the server closed within the head of its answer",
            ),
            NoHead::Violation(violation) => not_http(violation),
            NoHead::Broken(error) if is_reset(&error) => unanswered(
                Ending::ResetByServer,
                &"the server reset the connection before it answered",
            ),
            NoHead::Broken(error) if wants_certificate(&error) => {
                let host = self.request.url.host().map(ToString::to_string);
                unanswered(
                    Ending::Tls,
                    &format_args!(
                        "the server wants to see a certificate that it takes ({error}); `corstap run --client-cert \
                         {}=FILE.pem` shows it one",
                        host.unwrap_or_default()
                    ),
                )
            }
            NoHead::Broken(error) => unanswered(
                Ending::NoResponse,
                &format_args!("the server's connection broke: {error}"),
            ),
        }
    }

    /// Passes a response on, while the request goes on. That the request breaks off says nothing
    /// any more, because the response says what the server made of it; but the server gets to see
    /// it, and a client that is gone needs no response.
    fn poll_download(
        &mut self,
        cx: &mut Context<'_>,
        flow: &mut Flow,
    ) -> Poll<Result<(), Outcome>> {
        match self.poll_upload(cx) {
            Err(broken @ Broken::Source(_)) => {
                self.given_up(flow);
                return Poll::Ready(Err(request_broke(broken)));
            }
            Err(Broken::Cut) => {
                // A server that cannot be told is about to be found out by its answer.
                let _ = self.server.poll_end(cx);
            }
            Ok(()) | Err(Broken::Violation(_) | Broken::Sink(_)) => {}
        }
        if self.has_left() {
            self.given_up(flow);
            return Poll::Ready(Err(gone("the client closed before the end of the answer")));
        }
        let passed = flow.poll_pass(cx, self.server, self.client);
        if let Some(content) = flow.glimpsed() {
            self.ticket.glimpsed(content);
        }
        passed.map_err(|broken| self.broken_off(broken))
    }

    /// A browser that goes away while the end of an answer is held back has refused it.
    fn given_up(&self, flow: &Flow) {
        if flow.is_on_trial() {
            self.ticket.cancelled();
        }
    }

    /// What an answer comes to that did not get through. Servers break off when their client has
    /// closed.
    fn broken_off(&self, broken: Broken) -> Outcome {
        let broken_off = |reason: String, was_reset| Outcome::BrokenOff { reason, was_reset };
        match broken {
            Broken::Cut | Broken::Source(_) if self.client.is_at_end() => {
                gone("the client closed before the end of the answer")
            }
            Broken::Cut => broken_off("the server closed within its answer".to_owned(), false),
            Broken::Source(error) => broken_off(
                format!("the server's connection broke: {error}"),
                is_reset(&error),
            ),
            Broken::Violation(violation) => broken_off(
                format!("the content of the answer is not valid: {violation}"),
                false,
            ),
            Broken::Sink(error) => gone(format_args!("the client took no more: {error}")),
        }
    }

    /// Lets a request end that the server has answered early; false if it does not.
    async fn finish_upload(&mut self) -> bool {
        poll_fn(|cx| {
            let is_broken = self.poll_upload(cx).is_err();
            if is_broken || self.upload.is_settled() {
                return Poll::Ready(self.upload.is_through());
            }
            // A server that closes now, or speaks again, does not wait for the rest.
            if self.server.poll_fill(cx).is_ready() {
                Poll::Ready(false)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// The connections end with this exchange, but the client may still be sending its request. It
    /// gets to see the end of the answer; what it still sends goes on for as long as the server
    /// takes it, so that no reset overtakes an answer that was not read yet.
    async fn linger(&mut self) {
        if self.upload.is_through() {
            return;
        }
        let is_orderly = !self.server.ended_abruptly();
        let rest = poll_fn(|cx| {
            if is_orderly {
                // A client that cannot be told is gone, which shows next.
                let _ = self.client.poll_end(cx);
            }
            let is_broken = self.poll_upload(cx).is_err();
            if is_broken || self.upload.is_settled() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        let _ = timeout(LINGER, rest).await;
        self.client.drain().await;
    }
}

/// What a request that broke off on the client's side comes to.
fn request_broke(broken: Broken) -> Outcome {
    match broken {
        Broken::Violation(violation) => Outcome::BadContent(violation),
        Broken::Cut => gone("the client closed within its request"),
        Broken::Source(error) => gone(format_args!("the client's connection broke: {error}")),
        Broken::Sink(error) => gone(format_args!("the server took no more: {error}")),
    }
}

fn gone(reason: impl fmt::Display) -> Outcome {
    Outcome::ClientGone {
        reason: reason.to_string(),
    }
}

fn not_http(violation: Violation) -> Outcome {
    let reason = format!("the server's answer is not valid HTTP: {violation}");
    Outcome::Unanswered {
        ending: Ending::NotHttp,
        reason,
    }
}

fn is_reset(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionReset
}
