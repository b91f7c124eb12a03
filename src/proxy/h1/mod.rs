//! HTTP/1 conversations: one client connection, exchange after exchange.

mod answers;
mod relay;
mod servers;

use std::future::poll_fn;
use std::io;

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};
use tracing::{Instrument, debug, debug_span};

use self::answers::nowhere;
use self::relay::{Outcome, Relay};
use self::servers::Servers;
use super::dial::{Reached, Unreached, wants_certificate};
use super::flow::{Flow, MOST_PIPELINED, Upload};
use super::guide::Guide;
use super::page::Page;
use super::peer::{NoHead, Peer};
use super::{Notice, Proxy, Sign, tunnel};
use crate::exchange::{Ending, Protocol, Request, RequestUrl, Scheme};
use crate::store::Ticket;
use crate::store::recorder::{Arrival, ConnectionTicket};
use crate::wire::alpn::Alpn;
use crate::wire::framing::{Framing, is_persistent};
use crate::wire::head::RequestHead;
use crate::wire::headers::{HeaderList, latin1};
use crate::wire::tap::Tap;
use crate::wire::target::{Authority, Place, Target};
use crate::wire::{Violation, edit};

/// How long a head may take from its first octet to its last.
const HEAD_PATIENCE: Duration = Duration::from_mins(1);
/// How long a connection may be idle between two requests. Browsers give up after five minutes.
const IDLE: Duration = Duration::from_mins(10);

/// A client connection that speaks HTTP/1, on the proxy's port or inside a tunnel.
pub(super) struct Conversation<'a> {
    proxy: &'a Proxy,
    client: Peer,
    arrival: Arrival,
    line: Option<ConnectionTicket>,
    home: Option<Home>,
    servers: Servers,
    /// When the next request has to be there: moved for each, because a timer is made in more time.
    deadline: Pin<Box<Sleep>>,
}

/// The one server at the other end of a tunnel.
struct Home {
    at: Tunnel,
    unreached: Option<Unreached>,
}

/// What a tunnel that is read leads to.
#[derive(Clone, Debug)]
pub(super) struct Tunnel {
    pub(super) authority: Authority,
    pub(super) scheme: Scheme,
    /// The protocol that was agreed on in the TLS handshakes, if one was.
    pub(super) alpn: Option<Alpn>,
}

/// Why a request does not get to its server.
enum Missing {
    /// The server was not reached.
    Unreached(Unreached),
    /// The client is gone.
    ClientGone(io::Error),
}

impl From<Unreached> for Missing {
    fn from(failure: Unreached) -> Self {
        Self::Unreached(failure)
    }
}

/// How a conversation was left.
pub(super) enum Left {
    /// It is over.
    Over,
    /// The client wants a tunnel.
    ForTunnel(Peer, Authority),
}

/// How a client connection is closed.
enum Farewell {
    /// After an answer of our own.
    Gently,
    /// In order: the end is said.
    Orderly,
    /// Without a word, as the other side did.
    Abruptly,
    /// Broken, so that nobody takes it for complete.
    Reset,
}

/// What follows an exchange, unless it is the next one.
enum Then {
    Close(Farewell),
    Tunnel(Authority),
    /// The protocol was switched; the rest is not ours to read.
    Splice(Peer),
}

/// A request that was read and understood.
struct Asked {
    request: Arc<Request>,
    server: Authority,
    upload: Upload,
    /// How many octets its head takes at the front of the client's inbox.
    octets: usize,
    has_content: bool,
    protocol: Protocol,
    is_persistent: bool,
}

impl<'a> Conversation<'a> {
    /// With a client that has just connected to the proxy's port.
    pub(super) fn on_proxy_port(proxy: &'a Proxy, client: Peer, arrival: Arrival) -> Self {
        Self {
            proxy,
            client,
            arrival,
            line: None,
            home: None,
            servers: Servers::default(),
            deadline: Box::pin(sleep(IDLE)),
        }
    }

    /// Inside a tunnel, with the server at its other end, if it was reached.
    pub(super) fn in_tunnel(
        proxy: &'a Proxy,
        client: Peer,
        arrival: Arrival,
        at: Tunnel,
        server: Result<Reached, Unreached>,
        line: ConnectionTicket,
    ) -> Self {
        let mut servers = Servers::default();
        let unreached = match server {
            Ok(reached) => {
                servers.keep(at.authority.clone(), reached);
                None
            }
            Err(failure) => Some(failure),
        };
        let home = Some(Home { at, unreached });
        Self {
            proxy,
            client,
            arrival,
            line: Some(line),
            home,
            servers,
            deadline: Box::pin(sleep(IDLE)),
        }
    }

    /// Takes exchange after exchange until one side has had enough.
    pub(super) async fn run(mut self) -> Left {
        let then = loop {
            if let ControlFlow::Break(then) = self.turn().await {
                break then;
            }
        };
        if self.client.is_at_end()
            && let Some(line) = &mut self.line
        {
            line.closed_by_client();
        }
        match then {
            Then::Tunnel(authority) => return Left::ForTunnel(self.client, authority),
            Then::Splice(server) => tunnel::splice(self.client, server).await,
            Then::Close(Farewell::Gently) => self.client.close_gently().await,
            Then::Close(Farewell::Orderly) => self.client.close_orderly().await,
            Then::Close(Farewell::Abruptly) => self.client.close_abruptly().await,
            Then::Close(Farewell::Reset) => self.client.reset(),
        }
        Left::Over
    }

    /// One exchange, from the first octet of its request to its ending.
    async fn turn(&mut self) -> ControlFlow<Then> {
        if !self.await_request().await {
            return ControlFlow::Break(Then::Close(Farewell::Orderly));
        }
        let octets = match self.client.request_head(HEAD_PATIENCE).await {
            Ok(octets) => octets,
            Err(NoHead::Violation(violation)) => return self.refuse(violation, None).await,
            Err(NoHead::Closed | NoHead::Cut | NoHead::Broken(_)) => {
                return ControlFlow::Break(Then::Close(Farewell::Orderly));
            }
        };
        let front = self.client.inbox().get(..octets).unwrap_or_default();
        let head = match RequestHead::parse(front) {
            Ok(head) => head,
            Err(violation) => return self.refuse(violation, None).await,
        };
        match Target::of(&head, self.place()) {
            Ok(Target::Connect(authority)) => {
                self.proxy.signs.note(Sign::Used);
                self.client.skip(octets);
                if has_been_here(&head.headers)
                    && let Some(proxy) = self.proxy.dialer.proxy_to(&authority)
                {
                    return self.turn_back(proxy.to_string()).await;
                }
                ControlFlow::Break(Then::Tunnel(authority))
            }
            Ok(target) => match self.understand(octets, head, target) {
                Ok(asked) if Guide::is_own(&asked.server.host) => self.guide(&asked.request).await,
                Ok(asked) => {
                    self.proxy.signs.note(Sign::Used);
                    self.exchange(asked).await
                }
                Err(refused) => {
                    let (head, violation) = *refused;
                    self.refuse(violation, Some(&head)).await
                }
            },
            Err(violation) => self.refuse(violation, Some(&head)).await,
        }
    }

    fn place(&self) -> Place {
        if self.home.is_some() {
            Place::Tunnel
        } else {
            Place::ProxyPort
        }
    }

    /// Waits for the first octet of a request; false when the connection is done with. In a
    /// tunnel, a server that closes while nothing is asked of it is done with too; one that wants a
    /// certificate was not reached, which in TLS 1.3 shows only now.
    async fn await_request(&mut self) -> bool {
        let Self {
            client,
            servers,
            home,
            deadline,
            ..
        } = self;
        deadline.as_mut().reset(Instant::now() + IDLE);
        let mut server = home
            .as_ref()
            .and_then(|home| servers.get_mut(&home.at.authority));
        poll_fn(|cx| {
            if !client.inbox().is_empty() {
                return Poll::Ready(true);
            }
            client.rest();
            if let Poll::Ready(more) = client.poll_fill(cx) {
                return Poll::Ready(more.unwrap_or(false));
            }
            if deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(false);
            }
            let Some(waiting) = &mut server else {
                return Poll::Pending;
            };
            waiting.rest();
            match (ready!(waiting.poll_fill(cx)), &mut *home) {
                (Err(error), Some(home)) if wants_certificate(&error) => {
                    let failure = Unreached::by_certificate(&home.at.authority, error);
                    home.unreached = Some(failure);
                    server = None;
                    Poll::Pending
                }
                _ => Poll::Ready(false),
            }
        })
        .await
    }

    /// Makes a request of a head, and puts it on its way as its server is to get it.
    fn understand(
        &mut self,
        octets: usize,
        head: RequestHead,
        target: Target,
    ) -> Result<Asked, Box<(RequestHead, Violation)>> {
        let framing = match Framing::of_request(&head) {
            Ok(framing) => framing,
            Err(violation) => return Err(Box::new((head, violation))),
        };
        let (scheme, server, origin_form) = match (target, &self.home) {
            (
                Target::Absolute {
                    authority,
                    origin_form,
                },
                _,
            ) => (Scheme::Http, authority, Some(origin_form)),
            (_, Some(home)) => (home.at.scheme, home.at.authority.clone(), None),
            (_, None) => return Err(Box::new((head, Violation::Target))),
        };
        let front = self.client.inbox().get(..octets).unwrap_or_default();
        let edited = edit::for_server(front, &head, origin_form.as_deref());
        let length = edited.as_ref().map_or(octets, Vec::len);
        if let Some(edited) = edited {
            self.client.replace(octets, &edited);
        }
        let path = text(origin_form.unwrap_or(head.target));
        let url = RequestUrl {
            scheme,
            authority: server.clone(),
            path: path.into(),
        };
        Ok(Asked {
            server,
            upload: Upload::new(Flow::new(length, Tap::new(framing))),
            octets: length,
            has_content: framing != Framing::Length(0),
            is_persistent: is_persistent(head.version, &head.headers),
            protocol: head.version.into(),
            request: Arc::new(Request {
                method: head.method,
                url: url.into(),
                headers: head.headers,
            }),
        })
    }

    /// Relays an exchange, and records it.
    async fn exchange(&mut self, asked: Asked) -> ControlFlow<Then> {
        let mut ticket = self.open(&asked.request, asked.protocol);
        if let Some(rewrite) = self.answers(&asked, &ticket) {
            return Box::pin(self.answer(asked, &rewrite, ticket)).await;
        }
        let Asked {
            request,
            server,
            upload,
            is_persistent,
            ..
        } = asked;
        let span = debug_span!("exchange", method = %request.method, host = %server);
        // It takes much room, which a connection that waits for its next request needs none of.
        let exchanging = Box::pin(async {
            let mut reached = match self.reach(&server).await {
                Ok(reached) => reached,
                Err(Missing::Unreached(failure)) => {
                    return self.unreached(&failure, &request, ticket).await;
                }
                Err(Missing::ClientGone(error)) => {
                    let reason = format!("the client's connection broke: {error}");
                    ticket.ended(Ending::ResetByClient, Some(reason));
                    return ControlFlow::Break(Then::Close(Farewell::Reset));
                }
            };
            ticket.reached(&reached.reach);
            let (client, peer) = (&mut self.client, &mut reached.peer);
            let relay = Relay::new(client, peer, upload, &request, &mut ticket);
            let relay = relay
                .confirming(self.proxy.confirm)
                .rewriting(self.proxy.rewriting.as_ref());
            let outcome = relay.run().await;
            debug!(?outcome, "over");
            self.conclude(outcome, reached, &server, is_persistent, &request, ticket)
                .await
        });
        exchanging.instrument(span).await
    }

    /// Opens the record of an exchange; a host that is not read has none.
    fn open(&mut self, request: &Arc<Request>, protocol: Protocol) -> Ticket {
        if let Some(host) = request.url.host()
            && !self.proxy.reads(host)
            && request.url.web() != Some(&nowhere())
        {
            self.proxy.notices.tell(Notice::NotRead(host.clone()));
            return Ticket::unrecorded();
        }
        let recorder = &self.proxy.recorder;
        let arrival = self.arrival;
        let line = self
            .line
            .get_or_insert_with(|| recorder.connected(arrival, None));
        recorder.open(
            line.id(),
            protocol,
            self.arrival.address,
            Arc::clone(request),
        )
    }

    /// The connection to a server: the one this client has, or a new one.
    async fn reach(&mut self, server: &Authority) -> Result<Reached, Missing> {
        let failed = self.home.as_mut().and_then(|home| home.unreached.take());
        if let Some(failure) = failed {
            return Err(failure.into());
        }
        if let Some(mut known) = self.servers.take(server)
            && known.peer.is_quiet().await
        {
            return Ok(known);
        }
        self.dial(server).await
    }

    /// Makes a connection, unless the client goes away first: what it gave up is not to be sent.
    async fn dial(&mut self, server: &Authority) -> Result<Reached, Missing> {
        let dialer = &self.proxy.dialer;
        let dial = async {
            match self.home.as_ref().map(|home| &home.at) {
                Some(Tunnel {
                    scheme: Scheme::Https,
                    alpn,
                    ..
                }) => dialer.tls(server, alpn.as_slice()).await,
                Some(_) | None => dialer.tcp(server).await,
            }
        };
        let client = &mut self.client;
        let most = client.inbox().len() + MOST_PIPELINED;
        tokio::select! {
            reached = dial => Ok(reached?),
            error = poll_fn(|cx| client.poll_break(cx, most)) => Err(Missing::ClientGone(error)),
        }
    }

    async fn conclude(
        &mut self,
        outcome: Outcome,
        reached: Reached,
        server: &Authority,
        is_persistent: bool,
        request: &Request,
        mut ticket: Ticket,
    ) -> ControlFlow<Then> {
        match outcome {
            Outcome::Complete { reusable } => {
                if reusable && is_persistent {
                    self.servers.keep(server.clone(), reached);
                    ControlFlow::Continue(())
                } else if reached.peer.ended_abruptly() {
                    ControlFlow::Break(Then::Close(Farewell::Abruptly))
                } else {
                    ControlFlow::Break(Then::Close(Farewell::Orderly))
                }
            }
            Outcome::Switched => ControlFlow::Break(Then::Splice(reached.peer)),
            Outcome::Unanswered { ending, reason } => {
                let farewell = if ending == Ending::ResetByServer {
                    Farewell::Reset
                } else if reached.peer.ended_abruptly() {
                    Farewell::Abruptly
                } else {
                    Farewell::Orderly
                };
                drop(reached);
                self.unanswered(ending, reason, farewell, request, ticket)
                    .await
            }
            Outcome::BrokenOff { reason, was_reset } => {
                ticket.ended(Ending::Truncated, Some(reason));
                let farewell = if was_reset {
                    Farewell::Reset
                } else {
                    Farewell::Abruptly
                };
                ControlFlow::Break(Then::Close(farewell))
            }
            Outcome::BadContent(violation) => {
                let reason = format!("the content of the request is not valid: {violation}");
                ticket.ended(Ending::NoResponse, Some(reason));
                self.say(&Page::bad_content(violation), request).await
            }
            Outcome::ClientGone { reason } => {
                ticket.ended(Ending::ResetByClient, Some(reason));
                ControlFlow::Break(Then::Close(Farewell::Abruptly))
            }
        }
    }
}

/// A request target as text, read as Latin-1.
fn text(target: Vec<u8>) -> String {
    match String::from_utf8(target) {
        Ok(text) if text.is_ascii() => text,
        Ok(text) => latin1(text.as_bytes()).into_owned(),
        Err(error) => latin1(error.as_bytes()).into_owned(),
    }
}

/// Whether a request for a tunnel comes from a corstap (RFC 9110 section 7.6.3).
fn has_been_here(headers: &HeaderList) -> bool {
    let hops = headers
        .all("via")
        .flat_map(|value| value.split(|&octet| octet == b','));
    hops.map(|hop| latin1(hop.trim_ascii()))
        .any(|hop| hop.split_ascii_whitespace().nth(1) == Some("corstap"))
}
