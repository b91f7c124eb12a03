//! Facts: the little that is remembered of an exchange, for what it tells of others.

use std::hash::{Hash, Hasher};

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;

use crate::cors::{Kind, Profile};
use crate::exchange::{ExchangeId, Moment, Request, Response};
use crate::wire::headers::{HeaderList, NameSet, Tag};

/// What a name or value comes to in a fact: equal ones have equal marks, as long as the process
/// lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Mark(u64);

impl Mark {
    pub(super) fn of(octets: &(impl Hash + ?Sized)) -> Self {
        // Zero would do away with whatever is hashed beside another zero.
        let mut hasher = FoldHasher::with_seed(1, SharedSeed::global_random());
        octets.hash(&mut hasher);
        Self(hasher.finish())
    }

    /// The mark of a shape at a path.
    pub(super) fn at(self, path: Self) -> Self {
        Self::of(&(self.0, path.0))
    }
}

/// What Access-Control-Allow-Origin says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allow {
    /// Nothing: it is not there.
    Missing,
    /// The asterisk.
    Any,
    /// The origin that asks.
    Own,
    /// Something else, on one line.
    Other(Mark),
    /// Several lines.
    Several,
}

/// What an answer has or has not, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs(u8);

impl Signs {
    /// The request has a Cookie or Authorization.
    pub(super) const CREDENTIALS: Self = Self(1);
    /// The response has some Access-Control field.
    pub(super) const CORS: Self = Self(2);
    /// The response varies by Origin.
    pub(super) const VARY_ORIGIN: Self = Self(4);
    /// The response came from a cache.
    pub(super) const CACHED: Self = Self(8);

    fn set(&mut self, sign: Self) {
        self.0 |= sign.0;
    }
}

/// Which software the answer says it came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marker {
    /// By Server and Via: the layer in front.
    pub(super) front: Mark,
    /// By X-Powered-By: the application.
    pub(super) application: Mark,
}

/// What makes two exchanges the same kind of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    pub(super) is_options: bool,
    /// What a preflight asks for.
    pub(super) question: Mark,
    /// The Origin that asks; nothing if there is none.
    pub(super) origin: Option<Mark>,
    pub(super) status: u16,
    pub(super) allow: Allow,
    pub(super) signs: Signs,
    pub(super) marker: Marker,
}

impl Shape {
    /// Reads it from the heads, that of the answer in one pass: this is done for every exchange.
    pub(super) fn of(kind: Kind, request: &Request, response: &Response) -> Self {
        let headers = &request.headers;
        let mut signs = Signs::default();
        if headers.contains("cookie") || headers.contains("authorization") {
            signs.set(Signs::CREDENTIALS);
        }
        let origin = headers.first("origin");
        let (allow, marker) = read(&response.headers, origin, &mut signs);
        Self {
            kind,
            is_options: request.method == "OPTIONS",
            question: question(headers),
            origin: origin.map(Mark::of),
            status: response.status,
            allow,
            signs,
            marker,
        }
    }

    /// What it is told from other shapes by. All of it is hashed at once, which is faster than one
    /// part after the other: this is done for every exchange.
    pub(super) fn mark(&self) -> Mark {
        let Self {
            kind,
            is_options,
            question,
            origin,
            status,
            allow,
            signs,
            marker,
        } = *self;
        let (allow, value) = match allow {
            Allow::Missing => (0, Mark::default()),
            Allow::Any => (1, Mark::default()),
            Allow::Own => (2, Mark::default()),
            Allow::Other(value) => (3, value),
            Allow::Several => (4, Mark::default()),
        };
        Mark::of(&[
            kind as u64,
            u64::from(is_options),
            question.0,
            u64::from(origin.is_some()),
            origin.unwrap_or_default().0,
            u64::from(status),
            allow,
            value.0,
            u64::from(signs.0),
            marker.front.0,
            marker.application.0,
        ])
    }

    pub(super) fn has(&self, sign: Signs) -> bool {
        self.signs.0 & sign.0 != 0
    }

    /// Whether the page that asked, whoever it was, is let in by Access-Control-Allow-Origin.
    pub(super) fn lets_in(&self) -> bool {
        matches!(self.allow, Allow::Own | Allow::Any)
    }

    /// Whether the answer is one of an application that works.
    pub(super) fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// Whether nothing in the answer shows that the server knows of CORS.
    pub(super) fn knows_nothing(&self) -> bool {
        !self.has(Signs::CORS) && !self.has(Signs::VARY_ORIGIN)
    }

    /// Whether a browser may have refused it for what later exchanges may shed light on.
    pub(super) fn is_suspect(&self) -> bool {
        match self.kind {
            Kind::Preflight => !self.lets_in() || !self.is_success(),
            Kind::CrossOrigin => !self.lets_in(),
            Kind::SameOrigin
            | Kind::NoCors
            | Kind::Navigation
            | Kind::Websocket
            | Kind::NotBrowser => false,
        }
    }
}

/// One exchange, or the first of several that are the same kind of evidence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fact {
    pub(super) id: ExchangeId,
    /// When it was first seen.
    pub(super) first: Moment,
    /// When it was last seen.
    pub(super) last: Moment,
    /// How often it was seen.
    pub(super) times: u32,
    /// The path, without the query.
    pub(super) path: Mark,
    pub(super) shape: Shape,
}

impl Fact {
    /// What is remembered of an exchange.
    pub(super) fn of(
        id: ExchangeId,
        at: Moment,
        profile: Profile,
        request: &Request,
        response: &Response,
    ) -> Self {
        Self {
            id,
            first: at,
            last: at,
            times: 1,
            path: path(request),
            shape: Shape::of(profile.kind, request, response),
        }
    }
}

/// The mark of a request's path, without the query.
fn path(request: &Request) -> Mark {
    let path = request.url.path().as_bytes();
    let query = memchr::memchr(b'?', path).unwrap_or(path.len());
    Mark::of(path.get(..query).unwrap_or(path))
}

/// The mark of what a preflight asks for, in the order in which it asks.
fn question(headers: &HeaderList) -> Mark {
    const METHOD: Tag = Tag::known("access-control-request-method");
    const HEADERS: Tag = Tag::known("access-control-request-headers");
    let asks = headers.contains("access-control-request-method")
        || headers.contains("access-control-request-headers");
    if !asks {
        return Mark::default();
    }
    let parts = headers.tagged(|tag| matches!(tag, METHOD | HEADERS));
    parts.fold(Mark::default(), |question, (.., value)| {
        Mark::of(&(question, value))
    })
}

/// The known fields of an answer that matter.
const TELLING: NameSet = NameSet::of(&[
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "age",
    "cache-status",
    "cf-cache-status",
    "server",
    "vary",
    "via",
    "x-cache",
    "x-cache-status",
    "x-powered-by",
    "x-proxy-cache",
    "x-varnish",
]);

/// Reads what matters of an answer in one pass.
fn read(headers: &HeaderList, origin: Option<&[u8]>, signs: &mut Signs) -> (Allow, Marker) {
    const ALLOW_CREDENTIALS: Tag = Tag::known("access-control-allow-credentials");
    const ALLOW_HEADERS: Tag = Tag::known("access-control-allow-headers");
    const ALLOW_METHODS: Tag = Tag::known("access-control-allow-methods");
    const ALLOW_ORIGIN: Tag = Tag::known("access-control-allow-origin");
    const SERVER: Tag = Tag::known("server");
    const VARY: Tag = Tag::known("vary");
    const VIA: Tag = Tag::known("via");
    const X_POWERED_BY: Tag = Tag::known("x-powered-by");
    let (mut allow, mut marker) = (Allow::Missing, Marker::default());
    for (tag, name, value) in headers.tagged(|tag| TELLING.has(tag) || !tag.is_known()) {
        match tag {
            VARY if varies_by_origin(value) => signs.set(Signs::VARY_ORIGIN),
            SERVER | VIA => marker.front = Mark::of(&(marker.front, value)),
            X_POWERED_BY => marker.application = Mark::of(value),
            ALLOW_ORIGIN => {
                signs.set(Signs::CORS);
                allow = allow.and(value, origin);
            }
            ALLOW_CREDENTIALS | ALLOW_HEADERS | ALLOW_METHODS => signs.set(Signs::CORS),
            _ if shows_cache(tag, value) => signs.set(Signs::CACHED),
            _ if allows_something(name) => signs.set(Signs::CORS),
            _ => {}
        }
    }
    (allow, marker)
}

/// Whether a name begins like those by which answers let pages in.
fn allows_something(name: &[u8]) -> bool {
    name.first_chunk()
        .is_some_and(|start: &[u8; 21]| start.eq_ignore_ascii_case(b"access-control-allow-"))
}

impl Allow {
    fn and(self, value: &[u8], origin: Option<&[u8]>) -> Self {
        match self {
            Self::Missing if value == b"*" => Self::Any,
            Self::Missing if Some(value) == origin => Self::Own,
            Self::Missing => Self::Other(Mark::of(value)),
            Self::Any | Self::Own | Self::Other(_) | Self::Several => Self::Several,
        }
    }
}

fn varies_by_origin(value: &[u8]) -> bool {
    let mut members = value
        .split(|&octet| octet == b',')
        .map(crate::wire::trim_ows);
    members.any(|member| member.eq_ignore_ascii_case(b"origin") || member == b"*")
}

/// Whether a field says that the answer was stored: Age (RFC 9111), Cache-Status (RFC 9211), and
/// what caches said before that.
fn shows_cache(tag: Tag, value: &[u8]) -> bool {
    const AGE: Tag = Tag::known("age");
    const CACHE_STATUS: Tag = Tag::known("cache-status");
    const CF_CACHE_STATUS: Tag = Tag::known("cf-cache-status");
    const X_CACHE: Tag = Tag::known("x-cache");
    const X_CACHE_STATUS: Tag = Tag::known("x-cache-status");
    const X_PROXY_CACHE: Tag = Tag::known("x-proxy-cache");
    const X_VARNISH: Tag = Tag::known("x-varnish");
    match tag {
        AGE => value != b"0",
        X_VARNISH => value.contains(&b' '),
        X_CACHE | CACHE_STATUS | X_PROXY_CACHE | X_CACHE_STATUS | CF_CACHE_STATUS => {
            says(value, "hit")
        }
        _ => false,
    }
}

/// Whether a value has this word (given in small letters) in any letter case.
pub(super) fn says(value: &[u8], word: &str) -> bool {
    value
        .windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}
