//! One exchange over HTTP/2: a stream of the browser's and one to the server.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, StatusCode, request, response};

use super::home::Home;
use super::pump::{Broken, Pump};
use super::stopped::{Stopped, gone, is_refusal, not_http, reason_for_client, unanswered};
use crate::cors::confirm;
use crate::cors::content::looked_for;
use crate::exchange::{Ending, Protocol, Request, Response, Rewrite};
use crate::proxy::hold::{Held, Hold};
use crate::proxy::page::{self, Page};
use crate::store::Ticket;
use crate::wire::glimpse::Glimpse;
use crate::wire::headers::latin1;
use crate::wire::{MAX_INTERIM, Violation, fields};

/// What is left of an exchange.
pub(super) enum Left<'a> {
    /// Nothing: the browser was told how it ended.
    Nothing,
    /// A page of ours is on its way to the browser.
    Page,
    /// The server's connection is gone. The browser is to see it by its own, not by a reset of this
    /// stream alone, which would follow if it was dropped.
    Hanging(#[expect(dead_code, reason = "kept, not looked at")] Box<Relay<'a>>),
}

/// An exchange under way.
pub(super) struct Relay<'a> {
    home: Arc<Home<'a>>,
    request: Arc<Request>,
    ticket: Ticket,
    respond: SendResponse<Bytes>,
    upload: Option<Pump>,
    download: Option<Pump>,
    /// How many interim responses have come.
    interim: usize,
}

/// Takes a request of the browser's to the server, and the response back.
pub(super) async fn relay(
    home: Arc<Home<'_>>,
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Left<'_> {
    let (head, content) = request.into_parts();
    let request = home.request(&head);
    let mut ticket = home.open(&request);
    if let Err(violation) = fields::check_request(&head, home.authority()) {
        ticket.ended(Ending::NeverSent, Some(violation.to_string()));
        respond.send_reset(Reason::PROTOCOL_ERROR);
        return Left::Nothing;
    }
    let rewriting = home.proxy.rewriting.as_ref();
    if let Some(rewriting) = rewriting.filter(|_| content.is_end_stream())
        && let Some(rewrite) = rewriting.answer(&request, Protocol::Http2, &ticket)
    {
        answer(&rewrite, respond, ticket);
        return Left::Nothing;
    }
    ticket.reached(home.reach());
    let relay = Relay {
        home,
        request,
        ticket,
        respond,
        upload: None,
        download: None,
        interim: 0,
    };
    relay.run(head, content).await
}

/// Gives a rule's answer to a preflight.
fn answer(rewrite: &Rewrite, mut respond: SendResponse<Bytes>, mut ticket: Ticket) {
    let mut head = http::Response::new(());
    *head.status_mut() = StatusCode::NO_CONTENT;
    *head.headers_mut() = fields::edited(&HeaderMap::new(), &rewrite.edits);
    match respond.send_response(head, true) {
        Ok(_) => ticket.ended(Ending::Complete, None),
        Err(error) => {
            let reason = format!("the client gave up: {error}");
            ticket.ended(Ending::ResetByClient, Some(reason));
        }
    }
}

impl<'a> Relay<'a> {
    async fn run(mut self, head: request::Parts, content: RecvStream) -> Left<'a> {
        match self.pass_on(head, content).await {
            Ok(()) => Left::Nothing,
            Err(stopped) => {
                let stopped = match self.home.server_signs.violation() {
                    Some(violation) => stopped.because_of(violation),
                    None => stopped,
                };
                self.conclude(stopped).await
            }
        }
    }

    /// Passes the exchange on for as long as its client keeps the rules of the connection: nothing
    /// that comes after a broken one goes to the server.
    async fn pass_on(&mut self, head: request::Parts, content: RecvStream) -> Result<(), Stopped> {
        let home = Arc::clone(&self.home);
        let mut passing = pin!(self.pass(head, content));
        poll_fn(|cx| match home.client_signs.violation() {
            Some(violation) => Poll::Ready(Err(Stopped::Dismissed(violation))),
            None => passing.as_mut().poll(cx),
        })
        .await
    }

    async fn pass(&mut self, head: request::Parts, content: RecvStream) -> Result<(), Stopped> {
        let is_tunnel = head.extensions.get::<h2::ext::Protocol>().is_some();
        let mut answer = self.ask(head, content).await?;
        let (head, content) = poll_fn(|cx| self.poll_answer(cx, &mut answer)).await?;
        let is_tunnel = is_tunnel && head.status.is_success();
        self.answer(head, content)?;
        if is_tunnel {
            // What follows is not HTTP any more (RFC 8441 section 5).
            self.ticket.ended(Ending::Complete, None);
        }
        poll_fn(|cx| self.poll_download(cx)).await?;
        if self.download.as_ref().and_then(Pump::held) == Some(Held::NotCancelled) {
            self.ticket.not_cancelled();
        }
        self.ticket.ended(Ending::Complete, None);
        poll_fn(|cx| self.poll_rest(cx)).await;
        Ok(())
    }

    /// Sends the request's head, once the server takes another stream.
    async fn ask(
        &mut self,
        mut head: request::Parts,
        content: RecvStream,
    ) -> Result<ResponseFuture, Stopped> {
        fields::strip_for_server(&mut head.headers);
        let mut requests = self.home.requests();
        poll_fn(|cx| match self.respond.poll_reset(cx) {
            Poll::Ready(reset) => Poll::Ready(Err(gone(reset))),
            Poll::Pending => requests.poll_ready(cx).map_err(|error| unanswered(&error)),
        })
        .await?;
        let is_ended = content.is_end_stream();
        let request = http::Request::from_parts(head, ());
        let (answer, to_server) = requests
            .send_request(request, is_ended)
            .map_err(|error| unanswered(&error))?;
        self.upload = Some(Pump::new(content, to_server, is_ended));
        Ok(answer)
    }

    /// Waits for the final response, while the request's content goes on. Interim responses go to
    /// the browser at once.
    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        answer: &mut ResponseFuture,
    ) -> Poll<Result<(response::Parts, RecvStream), Stopped>> {
        if let Poll::Ready(reset) = self.respond.poll_reset(cx) {
            return Poll::Ready(Err(gone(reset)));
        }
        self.poll_upload(cx)?;
        while let Poll::Ready(Some(head)) = answer.poll_informational(cx) {
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Poll::Ready(Err(not_http(Violation::TooManyInterim)));
            }
            self.inform(head.map_err(|error| unanswered(&error))?)?;
        }
        let answered = Pin::new(answer)
            .poll(cx)
            .map_err(|error| unanswered(&error))?;
        answered.map(|answer| Ok(answer.into_parts()))
    }

    fn inform(&mut self, head: http::Response<()>) -> Result<(), Stopped> {
        fields::check_response(head.status(), head.headers()).map_err(not_http)?;
        self.respond
            .send_informational(head)
            .map_err(Stopped::ClientGone)
    }

    /// Passes the response's head on.
    fn answer(&mut self, mut head: response::Parts, content: RecvStream) -> Result<(), Stopped> {
        fields::check_response(head.status, &head.headers).map_err(not_http)?;
        let response = Arc::new(Response {
            status: head.status.as_u16(),
            headers: fields::header_list(&head.headers),
        });
        let rewriting = self.home.proxy.rewriting.as_ref();
        let rewrite = rewriting.and_then(|rewriting| {
            rewriting.repair(&self.request, Protocol::Http2, &response, &self.ticket)
        });
        self.ticket.answered(Arc::clone(&response));
        if let Some(rewrite) = &rewrite {
            head.headers = fields::edited(&head.headers, &rewrite.edits);
            head.status = StatusCode::from_u16(rewrite.delivered.status).unwrap_or(head.status);
        }
        let delivered = rewrite
            .as_ref()
            .map_or(&*response, |rewrite| &rewrite.delivered);
        let is_ended = content.is_end_stream();
        let head = http::Response::from_parts(head, ());
        let to_client = self.respond.send_response(head, is_ended);
        let mut download = Pump::new(content, to_client.map_err(Stopped::ClientGone)?, is_ended);
        if let Some(pings) = self.home.confirms()
            && let Some(engine) = confirm::who_shows(&self.request, delivered, Protocol::Http2)
        {
            let length = response.headers.first("content-length");
            let length = length.and_then(|length| latin1(length).parse().ok());
            download.hold_end(Hold::with(pings, engine), length);
        }
        let depth = looked_for(&self.request, delivered);
        download.look(depth.and_then(|depth| Glimpse::of(&delivered.headers, None, depth)));
        self.download = Some(download);
        Ok(())
    }

    /// Passes the response's content on, while that of the request goes on.
    fn poll_download(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Stopped>> {
        if let Err(stopped @ Stopped::ClientGone(_)) = self.poll_upload(cx) {
            return Poll::Ready(Err(stopped));
        }
        let Some(download) = &mut self.download else {
            return Poll::Ready(Ok(()));
        };
        let passed = download.poll(cx);
        if let Some(content) = download.glimpsed() {
            self.ticket.glimpsed(content);
        }
        passed.map_err(|broken| match broken {
            Broken::Source(error) => Stopped::BrokenOff {
                reason: format!("the server broke off within its answer: {error}"),
                reset: reason_for_client(&error),
            },
            Broken::Trailers(violation) => Stopped::BrokenOff {
                reason: format!("the trailers of the answer are not valid: {violation}"),
                reset: Some(Reason::PROTOCOL_ERROR),
            },
            Broken::Sink(error) => Stopped::ClientGone(error),
        })
    }

    /// Passes the request's content on. A server that takes no more of it may have answered, or
    /// tells why by its answer.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), Stopped> {
        let Some(upload) = &mut self.upload else {
            return Ok(());
        };
        match upload.poll(cx) {
            Poll::Pending | Poll::Ready(Ok(()) | Err(Broken::Sink(_))) => Ok(()),
            Poll::Ready(Err(Broken::Source(error))) if error.is_library() && error.is_reset() => {
                Err(Stopped::BadContent(error.to_string()))
            }
            Poll::Ready(Err(Broken::Source(error))) => Err(Stopped::ClientGone(error)),
            Poll::Ready(Err(Broken::Trailers(violation))) => {
                Err(Stopped::BadContent(violation.to_string()))
            }
        }
    }

    /// The response is through. The rest of the request goes on for as long as both want it. Where
    /// the server does not, dropping the streams tells the browser so, by a reset after the response
    /// (RFC 9113 section 8.1).
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(upload) = &mut self.upload else {
            return Poll::Ready(());
        };
        match ready!(upload.poll(cx)) {
            Ok(()) | Err(Broken::Sink(_)) => {}
            Err(Broken::Source(error)) => upload.reset(error.reason().unwrap_or(Reason::CANCEL)),
            Err(Broken::Trailers(_)) => upload.reset(Reason::CANCEL),
        }
        Poll::Ready(())
    }

    async fn conclude(mut self, stopped: Stopped) -> Left<'a> {
        match stopped {
            Stopped::Unanswered {
                ending,
                reason,
                reset,
            } => self.unanswered(ending, reason, reset),
            Stopped::BrokenOff { reason, reset } => {
                self.ticket.ended(Ending::Truncated, Some(reason));
                self.leave_server(Reason::CANCEL);
                // A reset would take the place of what still waits to leave.
                self.home.flushed().await;
                match (&mut self.download, reset) {
                    (Some(download), Some(reset)) => download.reset(reset),
                    (None, _) | (_, None) => return Left::Hanging(Box::new(self)),
                }
                Left::Nothing
            }
            Stopped::BadContent(reason) => {
                let reason = format!("the content of the request is not valid: {reason}");
                self.ticket.ended(Ending::NoResponse, Some(reason));
                self.respond.send_reset(Reason::PROTOCOL_ERROR);
                self.leave_server(Reason::CANCEL);
                Left::Nothing
            }
            Stopped::ClientGone(error) => {
                if self.download.as_ref().is_some_and(Pump::is_on_trial) && is_refusal(&error) {
                    self.ticket.cancelled();
                }
                let ended = self.upload.as_mut().and_then(Pump::why_ended);
                let ended = ended.filter(h2::Error::is_library);
                let reason = if let Some(error) = ended {
                    format!("the client broke the rules of HTTP/2: {error}")
                } else {
                    format!("the client gave up: {error}")
                };
                self.ticket.ended(Ending::ResetByClient, Some(reason));
                self.leave_server(error.reason().unwrap_or(Reason::CANCEL));
                Left::Nothing
            }
            Stopped::Dismissed(violation) => {
                let reason = format!("the client broke the rules of HTTP/2: {violation}");
                self.ticket.ended(Ending::ResetByClient, Some(reason));
                self.leave_server(Reason::CANCEL);
                Left::Nothing
            }
        }
    }

    /// Tells of a server that gave no answer: by a page where a person reads it, else as the server
    /// did it.
    fn unanswered(mut self, ending: Ending, reason: String, reset: Option<Reason>) -> Left<'a> {
        let page = Page::unanswered(&reason);
        self.ticket.ended(ending, Some(reason));
        self.leave_server(Reason::CANCEL);
        if page::is_read_by_people(&self.request, Protocol::Http2) {
            let (head, content) = page.message(&self.request);
            // A browser that does not take it is gone.
            if let Ok(mut to_client) = self.respond.send_response(head, false) {
                let _ = to_client.send_data(content, true);
            }
            return Left::Page;
        }
        let Some(reset) = reset else {
            return Left::Hanging(Box::new(self));
        };
        self.respond.send_reset(reset);
        Left::Nothing
    }

    fn leave_server(&mut self, reason: Reason) {
        if let Some(upload) = &mut self.upload {
            upload.reset(reason);
        }
    }
}
