//! What users take for CORS and is not: blocks of other rules, loads that fail for other reasons,
//! and answers that a page gets but not what it hoped for.

mod told;

use serde::{Deserialize, Serialize};

use super::verdict::Basis;
use super::{Confidence, Engine, Outcome, Rule, loading::Mode};

pub(super) use self::told::{not_enforced, told};

/// Something that is not CORS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookAlike {
    /// Cross-Origin-Resource-Policy keeps the answer from this page.
    CorpBlocked,
    /// Cross-Origin-Embedder-Policy of the page keeps out what does not ask to be embedded.
    CoepBlocked,
    /// The document says that a page of this origin may not frame it.
    FramingRefused,
    /// Opaque-response blocking keeps from the page what no part of it can be made of.
    OrbSuspected,
    /// A script or style with the type of something else.
    MimeType,
    /// The load fails for the status of the answer.
    LoadStatus,
    /// The load fails for the content or its type, which is no picture, no font, no stream.
    LoadType,
    /// The content is not coded as Content-Encoding says.
    ContentCoding,
    /// Nothing followed a redirect that may be followed.
    RedirectNotFollowed,
    /// The page has http URLs asked for over TLS, where nothing answers.
    MixedContent,
    /// The server's name does not resolve.
    DnsFailure,
    /// The server refuses connections.
    ConnectRefused,
    /// The TLS handshake with the server failed.
    TlsUpstream,
    /// The server did not answer in time.
    Timeout,
    /// The server hung up, or sent no HTTP.
    NoAnswer,
    /// The server refused to open a WebSocket, for which there is no CORS.
    WebsocketOrigin,
    /// A cookie that is set, and does not go with requests from other sites.
    SamesiteCookie,
    /// The server takes the request for a forged one.
    CsrfRejected,
    /// A header that is there, and that script cannot read.
    NotExposed,
    /// The page's Content-Security-Policy forbids the request.
    CspBlocked,
    /// A page over TLS asks for something over plain http.
    MixedContentBlocked,
    /// The answer lay in the browser's cache, where a load without CORS had put it.
    CachedAnswer,
    /// Something in the browser, an extension say, stops the request.
    BlockedByClient,
    /// The browser went on where it should have been stopped.
    BrowserNotEnforcing,
}

impl LookAlike {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::CorpBlocked,
        Self::CoepBlocked,
        Self::FramingRefused,
        Self::OrbSuspected,
        Self::MimeType,
        Self::LoadStatus,
        Self::LoadType,
        Self::ContentCoding,
        Self::RedirectNotFollowed,
        Self::MixedContent,
        Self::DnsFailure,
        Self::ConnectRefused,
        Self::TlsUpstream,
        Self::Timeout,
        Self::NoAnswer,
        Self::WebsocketOrigin,
        Self::SamesiteCookie,
        Self::CsrfRejected,
        Self::NotExposed,
        Self::CspBlocked,
        Self::MixedContentBlocked,
        Self::CachedAnswer,
        Self::BlockedByClient,
        Self::BrowserNotEnforcing,
    ];

    /// The stable name, as in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::CorpBlocked => "corp-blocked",
            Self::CoepBlocked => "coep-blocked",
            Self::FramingRefused => "framing-refused",
            Self::OrbSuspected => "orb-suspected",
            Self::MimeType => "mime-type",
            Self::LoadStatus => "load-status",
            Self::LoadType => "load-type",
            Self::ContentCoding => "content-coding",
            Self::RedirectNotFollowed => "redirect-not-followed",
            Self::MixedContent => "mixed-content",
            Self::DnsFailure => "dns-failure",
            Self::ConnectRefused => "connect-refused",
            Self::TlsUpstream => "tls-upstream",
            Self::Timeout => "timeout",
            Self::NoAnswer => "no-answer",
            Self::WebsocketOrigin => "websocket-origin",
            Self::SamesiteCookie => "samesite-cookie",
            Self::CsrfRejected => "csrf-rejected",
            Self::NotExposed => "not-exposed",
            Self::CspBlocked => "csp-blocked",
            Self::MixedContentBlocked => "mixed-content-blocked",
            Self::CachedAnswer => "cached-answer",
            Self::BlockedByClient => "blocked-by-client",
            Self::BrowserNotEnforcing => "browser-not-enforcing",
        }
    }

    /// The look-alike of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// What it is, as a sentence goes on after "This is not CORS: ".
    pub fn words(self) -> &'static str {
        match self {
            Self::CorpBlocked => {
                "the answer's Cross-Origin-Resource-Policy keeps it from pages of this origin"
            }
            Self::CoepBlocked => {
                "the page's Cross-Origin-Embedder-Policy keeps out what does not ask to be embedded"
            }
            Self::FramingRefused => {
                "the document says that a page of this origin may not frame it (X-Frame-Options, or frame-ancestors of Content-Security-Policy)"
            }
            Self::OrbSuspected => {
                "browsers keep such an answer from a page that loads it without CORS (opaque-response blocking)"
            }
            Self::MimeType => "browsers do not take an answer of this type for what was asked for",
            Self::LoadStatus => "what asked for it takes no answer with this status",
            Self::LoadType => "what asked for it can make nothing of such content",
            Self::ContentCoding => "the content is not coded as its Content-Encoding says",
            Self::RedirectNotFollowed => {
                "the browser did not follow a redirect that passes: the page asked for it (redirect: error or manual), was left, or forbids where it leads (Content-Security-Policy)"
            }
            Self::MixedContent => {
                "the page has http URLs asked for over TLS (upgrade-insecure-requests), and there is no TLS"
            }
            Self::DnsFailure => "the server's name does not resolve",
            Self::ConnectRefused => "the server refused the connection",
            Self::TlsUpstream => "the TLS handshake with the server failed",
            Self::Timeout => "the server did not answer in time",
            Self::NoAnswer => "the server sent no answer",
            Self::WebsocketOrigin => {
                "WebSockets have none; the server refused to open one, perhaps for the page's Origin"
            }
            Self::SamesiteCookie => {
                "the cookie that this host set does not go with requests from other sites"
            }
            Self::CsrfRejected => {
                "CORS passes, and the server takes the request for a forged one (CSRF)"
            }
            Self::NotExposed => {
                "the page gets the answer, but not the headers: with credentials, * in Access-Control-Expose-Headers is a literal"
            }
            Self::CspBlocked => {
                "the page's own Content-Security-Policy forbids this request; it never left the browser"
            }
            Self::MixedContentBlocked => {
                "a page over https asks for something over http (mixed content); the request never left the browser"
            }
            Self::CachedAnswer => {
                "the answer lay in the browser's own cache, where a load without CORS had put it, and was not asked for again"
            }
            Self::BlockedByClient => {
                "something in the browser (an extension, its own lists) stopped the request; it never left the browser"
            }
            Self::BrowserNotEnforcing => {
                "the browser went on after an answer to its preflight that should have stopped it; a flag or an extension switches CORS off there"
            }
        }
    }

    /// What to change, and on whose side.
    #[expect(clippy::too_many_lines, reason = "one arm a look-alike")]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::CorpBlocked => {
                "On the server: send Cross-Origin-Resource-Policy: cross-origin (or same-site), if this page may have it. Or in the page: load it with CORS (crossorigin)."
            }
            Self::CoepBlocked => {
                "On the server: send Cross-Origin-Resource-Policy: cross-origin, and for a frame Cross-Origin-Embedder-Policy too. Or on the page's server: embed under Cross-Origin-Embedder-Policy: credentialless."
            }
            Self::FramingRefused => {
                "On the server: name the page's origin in Content-Security-Policy: frame-ancestors, which counts in place of X-Frame-Options. Or in the page: open it in a window of its own."
            }
            Self::OrbSuspected => {
                "On the server: is this an error page? Send what was asked for, with its Content-Type. To read data, use fetch() with CORS."
            }
            Self::MimeType => {
                "On the server: send the file with its own Content-Type (text/javascript, text/css). If it is HTML: the path is wrong, and a fallback page answers."
            }
            Self::LoadStatus => "On the server: answer this path with status 200.",
            Self::LoadType => {
                "On the server: send what was asked for, with its own Content-Type; is this an error page?"
            }
            Self::ContentCoding => {
                "On the server: which layer decodes the content, or codes it twice?"
            }
            Self::RedirectNotFollowed => {
                "In the page: ask for the final URL, or let fetch() follow redirects. Or on the server: do not redirect this path."
            }
            Self::MixedContent => {
                "On the server: offer TLS. Or on the page's server: leave upgrade-insecure-requests out of Content-Security-Policy."
            }
            Self::DnsFailure => "Check the name, or say where it is with --resolve.",
            Self::ConnectRefused => "Is the server running, on this port?",
            Self::TlsUpstream => {
                "Does the server speak TLS on this port, and is its certificate valid?"
            }
            Self::Timeout | Self::NoAnswer => "Look at the server's own log for this moment.",
            Self::WebsocketOrigin => {
                "On the server: does it know the path, and is the page's origin among those it lets open WebSockets?"
            }
            Self::SamesiteCookie => {
                "On the server: set the cookie with SameSite=None; Secure, if other sites may use it. Or serve page and API from one site."
            }
            Self::CsrfRejected => {
                "On the server: let its CSRF protection trust the page's origin (it has a list of its own beside that of CORS), or in the page: send the token it expects."
            }
            Self::NotExposed => "On the server: name the headers in Access-Control-Expose-Headers.",
            Self::CspBlocked => {
                "On the page's server: add this origin to connect-src (or the directive for what is loaded) in Content-Security-Policy."
            }
            Self::MixedContentBlocked => {
                "Ask for the https URL, in the page or where the server redirects to; the server has to offer TLS."
            }
            Self::CachedAnswer => {
                "On the server: send Access-Control-Allow-Origin on every answer, with Vary: Origin. Or in the page: load the picture with crossorigin, too."
            }
            Self::BlockedByClient => {
                "In the browser: switch extensions off for this page, or try a window without them (corstap browse has none)."
            }
            Self::BrowserNotEnforcing => {
                "In the browser: start it without --disable-web-security and without extensions, or what works here fails for everybody else."
            }
        }
    }
}

/// What keeps an answer from a page, or makes the load fail, although CORS does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Whose rule; nothing where it is no rule, and the load just fails.
    pub(super) by: Option<Rule>,
    /// What the engine prints.
    pub(super) code: Option<&'static str>,
    /// What it is.
    pub(super) look_alike: LookAlike,
    /// How sure that is.
    pub(super) confidence: Confidence,
    /// Whether the engine was seen to do so.
    pub(super) basis: Basis,
}

impl Bar {
    /// What it comes to.
    pub(super) fn outcome(&self) -> Outcome {
        if self.by.is_some() {
            Outcome::Blocked
        } else {
            Outcome::Failed
        }
    }

    /// A load that fails.
    pub(super) fn failed(look_alike: LookAlike) -> Self {
        Self {
            by: None,
            code: None,
            look_alike,
            confidence: Confidence::High,
            basis: Basis::Measured,
        }
    }

    /// A load that fails, as it seems.
    pub(super) fn suspected(look_alike: LookAlike) -> Self {
        Self {
            confidence: Confidence::Low,
            ..Self::failed(look_alike)
        }
    }

    /// An answer that a rule keeps from the page.
    pub(super) fn by_rule(rule: Rule, look_alike: LookAlike, confidence: Confidence) -> Self {
        Self {
            by: Some(rule),
            confidence,
            ..Self::failed(look_alike)
        }
    }

    /// The same, as the standard has it and no engine was asked.
    pub(super) fn predicted(self) -> Self {
        Self {
            basis: Basis::Predicted,
            ..self
        }
    }

    /// The same, with what Chromium prints for it.
    pub(super) fn printing(self, engine: Engine, code: &'static str) -> Self {
        Self {
            code: (engine == Engine::Chromium).then_some(code),
            ..self
        }
    }

    /// A type that is not the one of what was asked for.
    pub(super) fn wrong_type(engine: Engine, mode: Mode) -> Self {
        let (confidence, is_cors) = match mode {
            // A script with crossorigin that is no module may have any type.
            Mode::Cors => (Confidence::Medium, true),
            Mode::NoCors => (Confidence::High, false),
        };
        let prints = is_cors && engine == Engine::Firefox;
        Self {
            code: prints.then_some("CORSDidNotSucceed"),
            ..Self::by_rule(Rule::MimeType, LookAlike::MimeType, confidence)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_and_found_again() {
        for known in LookAlike::ALL {
            assert_eq!(serde_json::to_value(known).expect("plain"), known.name());
            assert_eq!(LookAlike::of_name(known.name()), Some(known));
        }
    }
}
