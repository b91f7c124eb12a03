//! What a request is: told by its fetch metadata, or inferred where there is none.

use serde::{Deserialize, Serialize};

use crate::exchange::{Protocol, Request};
use crate::wire::headers::HeaderList;

use super::Engine;
use super::preflight::Preflight;

/// The part a request plays in the CORS protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A [CORS-preflight request](https://fetch.spec.whatwg.org/#cors-preflight-request).
    Preflight,
    /// A request in mode `cors` to another origin.
    CrossOrigin,
    /// A request to the origin it comes from.
    SameOrigin,
    /// A request in mode `no-cors`: loaded, but not readable.
    NoCors,
    /// A document, or a frame's.
    Navigation,
    /// A WebSocket handshake, which CORS does not apply to.
    Websocket,
    /// A request that no browser made.
    NotBrowser,
}

impl Kind {
    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::CrossOrigin => "cross-origin",
            Self::SameOrigin => "same-origin",
            Self::NoCors => "no-cors",
            Self::Navigation => "navigation",
            Self::Websocket => "websocket",
            Self::NotBrowser => "not-browser",
        }
    }
}

/// How the kind is known: by fetch metadata, or by an inference that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Because {
    /// `Sec-Fetch-Mode` and `Sec-Fetch-Site` say so.
    FetchMetadata,
    /// `Upgrade: websocket`, or over HTTP/2 a CONNECT with `Sec-WebSocket-Version`.
    Upgrade,
    /// OPTIONS with Origin and Access-Control-Request-Method.
    PreflightFields,
    /// An Origin of another origin than the target's.
    OriginField,
    /// An Origin that is the target's own.
    OriginIsTarget,
    /// It wants HTML, or asks for secure upgrades: browsers do so for documents.
    WantsDocument,
    /// A Referer of the target's own origin.
    RefererIsTarget,
    /// No Origin: a browser sends one with every request in mode `cors` to another origin.
    NoOrigin,
    /// No User-Agent of a browser.
    UserAgent,
}

/// What a load is for ([request destination](https://fetch.spec.whatwg.org/#concept-request-destination)),
/// as Sec-Fetch-Dest spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are those of the Fetch Standard")]
pub enum Destination {
    Audio,
    Audioworklet,
    Document,
    Embed,
    Empty,
    Fencedframe,
    Font,
    Frame,
    Iframe,
    Image,
    Json,
    Manifest,
    Object,
    Paintworklet,
    Report,
    Script,
    Serviceworker,
    Sharedworker,
    Style,
    Text,
    Track,
    Video,
    Webidentity,
    Websocket,
    Worker,
    Xslt,
}

impl Destination {
    fn parse(value: &[u8]) -> Option<Self> {
        Some(match value {
            b"audio" => Self::Audio,
            b"audioworklet" => Self::Audioworklet,
            b"document" => Self::Document,
            b"embed" => Self::Embed,
            b"empty" => Self::Empty,
            b"fencedframe" => Self::Fencedframe,
            b"font" => Self::Font,
            b"frame" => Self::Frame,
            b"iframe" => Self::Iframe,
            b"image" => Self::Image,
            b"json" => Self::Json,
            b"manifest" => Self::Manifest,
            b"object" => Self::Object,
            b"paintworklet" => Self::Paintworklet,
            b"report" => Self::Report,
            b"script" => Self::Script,
            b"serviceworker" => Self::Serviceworker,
            b"sharedworker" => Self::Sharedworker,
            b"style" => Self::Style,
            b"text" => Self::Text,
            b"track" => Self::Track,
            b"video" => Self::Video,
            b"webidentity" => Self::Webidentity,
            b"websocket" => Self::Websocket,
            b"worker" => Self::Worker,
            b"xslt" => Self::Xslt,
            _ => return None,
        })
    }
}

/// How the origins of page and target are related, as Sec-Fetch-Site says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Site {
    /// The same origin.
    SameOrigin,
    /// Another origin of the same site.
    SameSite,
    /// Another site.
    CrossSite,
    /// Nobody's doing but the user's.
    None,
}

/// What is known of a request from its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The engine that made it; nothing if no browser did.
    pub engine: Option<Engine>,
    /// Its part in the CORS protocol.
    pub kind: Kind,
    /// How that is known.
    pub because: Because,
    /// What the load is for, where that is said.
    pub destination: Option<Destination>,
    /// How page and target are related, where that is said.
    pub site: Option<Site>,
}

impl Profile {
    /// Tells what a request is.
    pub fn of(request: &Request, protocol: Protocol) -> Self {
        Self::by(Engine::of(&request.headers), request, protocol)
    }

    /// Tells what a request is that this engine made, or none.
    pub(super) fn by(engine: Option<Engine>, request: &Request, protocol: Protocol) -> Self {
        let metadata = Metadata::of(&request.headers);
        let (kind, because) =
            told(request, &metadata, protocol).unwrap_or_else(|| inferred(request, engine));
        let destination = metadata
            .destination
            .or_else(|| inferred_destination(kind, &request.headers));
        Self {
            engine,
            kind,
            because,
            destination,
            site: metadata.site,
        }
    }
}

/// The request's [fetch metadata](https://w3c.github.io/webappsec-fetch-metadata/).
struct Metadata<'a> {
    mode: Option<&'a [u8]>,
    site: Option<Site>,
    destination: Option<Destination>,
}

impl<'a> Metadata<'a> {
    fn of(headers: &'a HeaderList) -> Self {
        let site = match headers.first("sec-fetch-site") {
            Some(b"same-origin") => Some(Site::SameOrigin),
            Some(b"same-site") => Some(Site::SameSite),
            Some(b"cross-site") => Some(Site::CrossSite),
            Some(b"none") => Some(Site::None),
            _ => None,
        };
        Self {
            mode: headers.first("sec-fetch-mode"),
            site,
            destination: headers.first("sec-fetch-dest").and_then(Destination::parse),
        }
    }
}

/// The kind by what the request says of itself.
fn told(request: &Request, metadata: &Metadata<'_>, protocol: Protocol) -> Option<(Kind, Because)> {
    if is_websocket(request, protocol) {
        return Some((Kind::Websocket, Because::Upgrade));
    }
    let is_preflight = is_preflight(request);
    let kind = match metadata.mode? {
        b"cors" if is_preflight => Kind::Preflight,
        b"websocket" => Kind::Websocket,
        b"navigate" => Kind::Navigation,
        b"same-origin" => Kind::SameOrigin,
        b"no-cors" | b"cors" if metadata.site == Some(Site::SameOrigin) => Kind::SameOrigin,
        b"no-cors" => Kind::NoCors,
        b"cors" => Kind::CrossOrigin,
        _ => return None,
    };
    Some((kind, Because::FetchMetadata))
}

fn is_websocket(request: &Request, protocol: Protocol) -> bool {
    if protocol == Protocol::Http2 {
        // RFC 8441 section 5.
        return request.method == "CONNECT" && request.headers.contains("sec-websocket-version");
    }
    let upgrade = request.headers.first("upgrade").unwrap_or_default();
    upgrade.eq_ignore_ascii_case(b"websocket")
}

fn is_preflight(request: &Request) -> bool {
    request.method == "OPTIONS" && Preflight::of(&request.headers).is_some()
}

/// The kind by what browsers do: there is no fetch metadata on plain http to other hosts, in older
/// browsers, and in WebKit after a redirect across origins.
fn inferred(request: &Request, engine: Option<Engine>) -> (Kind, Because) {
    let headers = &request.headers;
    if is_preflight(request) {
        return (Kind::Preflight, Because::PreflightFields);
    }
    if let Some(origin) = headers.first("origin") {
        return if wants_document(request) {
            (Kind::Navigation, Because::WantsDocument)
        } else if request.url.has_origin(origin) {
            (Kind::SameOrigin, Because::OriginIsTarget)
        } else {
            (Kind::CrossOrigin, Because::OriginField)
        };
    }
    if engine.is_none() {
        (Kind::NotBrowser, Because::UserAgent)
    } else if wants_document(request) {
        (Kind::Navigation, Because::WantsDocument)
    } else if referer_is_target(request) {
        (Kind::SameOrigin, Because::RefererIsTarget)
    } else {
        (Kind::NoCors, Because::NoOrigin)
    }
}

fn wants_document(request: &Request) -> bool {
    let accept = request.headers.first("accept").unwrap_or_default();
    request.headers.contains("upgrade-insecure-requests") || accept.starts_with(b"text/html")
}

fn referer_is_target(request: &Request) -> bool {
    let Some(referer) = request.headers.first("referer") else {
        return false;
    };
    let origin = request.url.origin();
    referer
        .strip_prefix(origin.as_bytes())
        .is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
}

/// What a load is for, where it does not say so.
fn inferred_destination(kind: Kind, headers: &HeaderList) -> Option<Destination> {
    match kind {
        Kind::Websocket => Some(Destination::Websocket),
        Kind::Navigation => Some(Destination::Document),
        Kind::Preflight | Kind::NotBrowser => None,
        Kind::CrossOrigin | Kind::SameOrigin | Kind::NoCors => accepted_destination(headers),
    }
}

/// What a load is for, by the fields that engines fill by destination (measured: all of them for pictures and
/// style sheets, Firefox for fonts; for film all have a Range, and ask for no coding).
pub(super) fn accepted_destination(headers: &HeaderList) -> Option<Destination> {
    const BY_ACCEPT: [(&[u8], Destination); 5] = [
        (b"image/", Destination::Image),
        (b"text/css", Destination::Style),
        (b"application/font-woff", Destination::Font),
        (b"video/", Destination::Video),
        (b"audio/", Destination::Audio),
    ];
    let accept = headers.first("accept").unwrap_or_default();
    let by_accept = BY_ACCEPT
        .iter()
        .find(|(start, _)| accept.starts_with(start))
        .map(|(_, destination)| *destination);
    let is_film = || {
        let coding = headers.first("accept-encoding").unwrap_or_default();
        headers.first("range") == Some(b"bytes=0-") && coding.starts_with(b"identity")
    };
    by_accept.or_else(|| is_film().then_some(Destination::Video))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::AskedUrl;

    const FIREFOX: (&str, &str) = (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
    );

    fn kind(method: &str, lines: &[(&str, &str)]) -> (Kind, Because) {
        let request = Request {
            method: method.to_owned(),
            url: AskedUrl::parse("http://api.test/a").expect("valid"),
            headers: lines.iter().copied().collect(),
        };
        let profile = Profile::of(&request, Protocol::Http11);
        (profile.kind, profile.because)
    }

    #[test]
    fn fetch_metadata_tells() {
        let with = |mode, site| {
            let lines = [FIREFOX, ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Site", site)];
            let (kind, because) = kind("GET", &lines);
            assert_eq!(because, Because::FetchMetadata);
            kind
        };
        assert_eq!(with("cors", "cross-site"), Kind::CrossOrigin);
        assert_eq!(with("cors", "same-origin"), Kind::SameOrigin);
        assert_eq!(with("no-cors", "same-site"), Kind::NoCors);
        assert_eq!(with("navigate", "none"), Kind::Navigation);
    }

    #[test]
    fn an_options_request_is_a_preflight_only_if_it_asks_like_one() {
        let origin = ("Origin", "http://app.test");
        let asks = ("Access-Control-Request-Method", "PUT");
        assert_eq!(
            kind("OPTIONS", &[origin, asks]),
            (Kind::Preflight, Because::PreflightFields)
        );
        assert_eq!(
            kind("OPTIONS", &[origin]),
            (Kind::CrossOrigin, Because::OriginField)
        );
        assert_eq!(
            kind("OPTIONS", &[asks]),
            (Kind::NotBrowser, Because::UserAgent)
        );
    }

    #[test]
    fn without_metadata_the_other_fields_tell() {
        let app = ("Origin", "http://app.test");
        assert_eq!(
            kind("GET", &[FIREFOX, app]),
            (Kind::CrossOrigin, Because::OriginField)
        );
        let own = ("Origin", "http://api.test");
        assert_eq!(
            kind("POST", &[FIREFOX, own]),
            (Kind::SameOrigin, Because::OriginIsTarget)
        );
        let html = ("Accept", "text/html,*/*");
        assert_eq!(
            kind("POST", &[FIREFOX, app, html]),
            (Kind::Navigation, Because::WantsDocument)
        );
        let referer = ("Referer", "http://api.test/page");
        assert_eq!(
            kind("GET", &[FIREFOX, referer]),
            (Kind::SameOrigin, Because::RefererIsTarget)
        );
        assert_eq!(kind("GET", &[FIREFOX]), (Kind::NoCors, Because::NoOrigin));
        assert_eq!(
            kind("GET", &[("User-Agent", "curl/8")]),
            (Kind::NotBrowser, Because::UserAgent)
        );
        assert_eq!(
            kind("GET", &[("Upgrade", "WebSocket")]),
            (Kind::Websocket, Because::Upgrade)
        );
    }
}
