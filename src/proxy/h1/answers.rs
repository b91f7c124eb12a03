//! The answers that the proxy gives itself: refusals, what a person reads of a server that gave
//! none, and what a rule answers to a preflight.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Asked, Conversation, Farewell, Then};
use crate::cors::{Kind, Profile};
use crate::exchange::{Ending, Protocol, Request, RequestUrl, Rewrite, Scheme};
use crate::proxy::Notice;
use crate::proxy::dial::Unreached;
use crate::proxy::guide::Guide;
use crate::proxy::page::{Page, is_read_by_people};
use crate::store::Ticket;
use crate::wire::head::RequestHead;
use crate::wire::headers::latin1;
use crate::wire::target::{Authority, Host};
use crate::wire::{Violation, edit};

/// The head of a rule's answer, before the rule has its say.
const NO_CONTENT: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

impl Conversation<'_> {
    /// What a rule answers to a preflight. A server that is not there is not spoken for.
    pub(super) fn answers(&self, asked: &Asked, ticket: &Ticket) -> Option<Arc<Rewrite>> {
        let rewriting = self.proxy.rewriting.as_ref()?;
        let is_there = self
            .home
            .as_ref()
            .is_none_or(|home| home.unreached.is_none());
        if asked.has_content || !is_there {
            return None;
        }
        rewriting.answer(&asked.request, asked.protocol, ticket)
    }

    /// Gives a rule's answer.
    pub(super) async fn answer(
        &mut self,
        asked: Asked,
        rewrite: &Rewrite,
        mut ticket: Ticket,
    ) -> ControlFlow<Then> {
        let Asked {
            octets,
            is_persistent,
            ..
        } = asked;
        self.client.skip(octets);
        let answer = edit::for_client(NO_CONTENT, &rewrite.edits);
        if let Err(error) = self.client.send(&answer).await {
            let reason = format!("the client took no more: {error}");
            ticket.ended(Ending::ResetByClient, Some(reason));
            return ControlFlow::Break(Then::Close(Farewell::Abruptly));
        }
        ticket.ended(Ending::Complete, None);
        if is_persistent {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(Then::Close(Farewell::Orderly))
        }
    }

    /// Tells of a server that was not reached, without forging a CORS error: only where a person
    /// reads it.
    pub(super) async fn unreached(
        &mut self,
        failure: &Unreached,
        request: &Request,
        mut ticket: Ticket,
    ) -> ControlFlow<Then> {
        if let Some(way) = failure.way() {
            ticket.reached(&way);
        }
        ticket.ended(failure.ending(), Some(failure.to_string()));
        if is_read_by_people(request, Protocol::Http11) {
            self.say(&Page::unreached(failure), request).await
        } else {
            ControlFlow::Break(Then::Close(Farewell::Orderly))
        }
    }

    /// Tells of a server that gave no answer, in the same way; else closes as the server did.
    pub(super) async fn unanswered(
        &mut self,
        ending: Ending,
        reason: String,
        farewell: Farewell,
        request: &Request,
        mut ticket: Ticket,
    ) -> ControlFlow<Then> {
        let page = Page::unanswered(&reason);
        ticket.ended(ending, Some(reason));
        if is_read_by_people(request, Protocol::Http11) {
            self.say(&page, request).await
        } else {
            ControlFlow::Break(Then::Close(farewell))
        }
    }

    /// Refuses a request that is not valid, or that a proxy does not take. Whatever comes after it
    /// on the connection is not looked at.
    pub(super) async fn refuse(
        &mut self,
        violation: Violation,
        head: Option<&RequestHead>,
    ) -> ControlFlow<Then> {
        let front = self.client.inbox();
        let request = Arc::new(self.refused_request(front, head));
        self.open(&request, Protocol::Http11)
            .ended(Ending::NeverSent, Some(violation.to_string()));
        let is_visit = violation == Violation::Target && self.home.is_none();
        let page = if is_visit {
            Page::not_a_site()
        } else {
            Page::bad_request(violation)
        };
        self.say(&page, &request).await
    }

    /// As much of a refused request as can be told.
    fn refused_request(&self, front: &[u8], head: Option<&RequestHead>) -> Request {
        let (method, target) = match head {
            Some(head) => (head.method.as_bytes(), head.target.as_slice()),
            None => request_line(front),
        };
        let method = if method.len() <= 32 {
            latin1(method).into_owned()
        } else {
            "?".to_owned()
        };
        let path = |target: &[u8]| {
            if target.starts_with(b"/") {
                latin1(target).into_owned()
            } else {
                "/".to_owned()
            }
        };
        let url = match &self.home {
            Some(home) => RequestUrl {
                scheme: home.at.scheme,
                authority: home.at.authority.clone(),
                path: path(target).into(),
            },
            None => RequestUrl::parse(&latin1(target)).unwrap_or_else(nowhere),
        };
        Request {
            method,
            url: url.into(),
            headers: head.map(|head| head.headers.clone()).unwrap_or_default(),
        }
    }

    /// Refuses to send a tunnel round in a ring.
    pub(super) async fn turn_back(&mut self, proxy: String) -> ControlFlow<Then> {
        let answer = Page::ring(&proxy).response(false, false);
        self.proxy.notices.tell(Notice::Ring(proxy));
        // A client that does not take it is gone.
        let _ = self.client.send(&answer).await;
        ControlFlow::Break(Then::Close(Farewell::Gently))
    }

    /// Answers a request for one of our own names, of which nothing is recorded.
    pub(super) async fn guide(&mut self, request: &Request) -> ControlFlow<Then> {
        if let Some(guide) = &self.proxy.guide {
            if let Some(sign) = Guide::sign(request) {
                self.proxy.signs.note(sign);
            }
            // A client that does not take it is gone.
            let _ = self.client.send(&guide.answer(request)).await;
        }
        ControlFlow::Break(Then::Close(Farewell::Gently))
    }

    /// Says a page of our own, after which the connection closes.
    pub(super) async fn say(&mut self, page: &Page, request: &Request) -> ControlFlow<Then> {
        let kind = Profile::of(request, Protocol::Http11).kind;
        let answer = page.response(kind == Kind::Navigation, request.method == "HEAD");
        // A client that does not take it is gone.
        let _ = self.client.send(&answer).await;
        ControlFlow::Break(Then::Close(Farewell::Gently))
    }
}

/// Method and target of what is no valid head. Where it does not start with a method that everybody
/// knows, it may as well be the rest of a message, of which nothing is to be told.
fn request_line(front: &[u8]) -> (&[u8], &[u8]) {
    const KNOWN: [&[u8]; 9] = [
        b"CONNECT", b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"PATCH", b"POST", b"PUT", b"TRACE",
    ];
    let line = front
        .split(|&octet| octet == b'\r' || octet == b'\n')
        .next()
        .unwrap_or_default();
    let mut words = line.split(|&octet| octet == b' ');
    match (words.next(), words.next()) {
        (Some(method), Some(target)) if KNOWN.contains(&method) => (method, target),
        _ => (b"?", b""),
    }
}

/// The URL of a request that does not say where it was to go.
pub(super) fn nowhere() -> RequestUrl {
    let host = Host::Name("unknown.invalid".into());
    let authority = Authority { host, port: 80 };
    RequestUrl {
        scheme: Scheme::Http,
        authority,
        path: "/".into(),
    }
}
