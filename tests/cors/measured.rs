//! What the engines do otherwise than the standard, as measured (tests/data/truth.jsonl holds the
//! cases): one small table, on top of the [literal algorithms](crate::naive).

use corstap::cors::Engine;
use url::{Host, ParseError, Url};

use crate::naive::{
    Extracted, Next, Refused, Request, Response, contains, contains_any_case, extract_tokens, get,
    is_cors_safelisted_method, normalize, redirect, values,
};

/// A condition on an answer. The standard gives them no order but that the lists come last.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Check {
    Redirect,
    Status,
    AllowOrigin,
    AllowCredentials,
    MethodsParse,
    HeadersParse,
    Method,
    Headers,
}

/// Where an engine departs from the standard, as measured.
struct Deviations {
    /// In which order it looks at the answer to a preflight.
    order: [Check; 8],
    /// It counts the lines spelt exactly `Access-Control-Allow-Origin`, but over HTTP/2.
    counts_exact_spelling: bool,
    /// An empty line is dropped; of Access-Control-Allow-Origin only beside others.
    drops_empty_lines: bool,
    /// An empty Location: the standard takes it for the URL itself.
    empty_location: EmptyLocation,
    /// The redirects that it refuses without a CORS message: by scheme, or those to what is no URL.
    silent: Silent,
    /// The schemes that it looks for before it does the CORS check.
    closed: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq)]
enum EmptyLocation {
    IsNone,
    LeadsToItself,
    IsAnError,
}

enum Silent {
    These(&'static [&'static str]),
    All,
}

/// In the place of a scheme: what is no URL has none.
const NO_URL: &str = "";

impl Silent {
    fn holds(&self, scheme: &str) -> bool {
        match self {
            Self::These(schemes) => schemes.contains(&scheme),
            Self::All => true,
        }
    }
}

const CHROMIUM: Deviations = Deviations {
    order: [
        Check::Redirect,
        Check::AllowOrigin,
        Check::AllowCredentials,
        Check::Status,
        Check::MethodsParse,
        Check::HeadersParse,
        Check::Method,
        Check::Headers,
    ],
    counts_exact_spelling: false,
    drops_empty_lines: false,
    empty_location: EmptyLocation::IsNone,
    silent: Silent::These(&[NO_URL, "data", "file", "about", "blob"]),
    closed: &[],
};

const FIREFOX: Deviations = Deviations {
    order: [
        Check::AllowOrigin,
        Check::AllowCredentials,
        Check::Redirect,
        Check::Status,
        Check::MethodsParse,
        Check::Method,
        Check::HeadersParse,
        Check::Headers,
    ],
    counts_exact_spelling: true,
    drops_empty_lines: true,
    empty_location: EmptyLocation::LeadsToItself,
    silent: Silent::All,
    closed: &["chrome", "file", "resource", "ws", "wss"],
};

const WEBKIT: Deviations = Deviations {
    order: [
        Check::Redirect,
        Check::Status,
        Check::AllowOrigin,
        Check::AllowCredentials,
        Check::MethodsParse,
        Check::HeadersParse,
        Check::Method,
        Check::Headers,
    ],
    counts_exact_spelling: false,
    drops_empty_lines: false,
    empty_location: EmptyLocation::IsAnError,
    silent: Silent::These(&["ftp"]),
    closed: &["ftp"],
};

fn deviations(engine: Engine) -> &'static Deviations {
    match engine {
        Engine::Chromium => &CHROMIUM,
        Engine::Firefox => &FIREFOX,
        Engine::Webkit => &WEBKIT,
    }
}

/// What each engine prints: our name for the cause, Chromium's code (and that on a preflight),
/// Firefox's, WebKit's.
#[rustfmt::skip]
const CODES: [(&str, [&str; 2], &str, &str); 17] = [
    ("allow-origin-missing", ["MissingAllowOriginHeader", "PreflightMissingAllowOriginHeader"], "CORSMissingAllowOrigin", "origin-not-allowed"),
    ("allow-origin-multiple", ["MultipleAllowOriginValues", "PreflightMultipleAllowOriginValues"], "CORSAllowOriginNotMatchingOrigin", "multiple-allow-origin"),
    ("allow-origin-invalid", ["InvalidAllowOriginValue", "PreflightInvalidAllowOriginValue"], "CORSAllowOriginNotMatchingOrigin", "origin-not-allowed"),
    ("allow-origin-mismatch", ["AllowOriginMismatch", "PreflightAllowOriginMismatch"], "CORSAllowOriginNotMatchingOrigin", "origin-not-allowed"),
    ("wildcard-with-credentials", ["WildcardOriginNotAllowed", "PreflightWildcardOriginNotAllowed"], "CORSNotSupportingCredentials", "wildcard-with-credentials"),
    ("allow-credentials-not-true", ["InvalidAllowCredentials", "PreflightInvalidAllowCredentials"], "CORSMissingAllowCredentials", "allow-credentials-not-true"),
    ("preflight-redirect", ["", "PreflightDisallowedRedirect"], "CORSExternalRedirectNotAllowed", "preflight-not-successful"),
    ("preflight-status", ["", "PreflightInvalidStatus"], "CORSPreflightDidNotSucceed", "preflight-not-successful"),
    ("allow-methods-unparsable", ["", "InvalidAllowMethodsPreflightResponse"], "CORSInvalidAllowMethod", "allow-methods-invalid"),
    ("allow-headers-unparsable", ["", "InvalidAllowHeadersPreflightResponse"], "CORSInvalidAllowHeader", "allow-headers-invalid"),
    ("method-case", ["", "MethodDisallowedByPreflightResponse"], "CORSMethodNotFound", "method-not-allowed"),
    ("method-wildcard-credentialed", ["", "MethodDisallowedByPreflightResponse"], "CORSMethodNotFound", "method-not-allowed"),
    ("method-not-allowed", ["", "MethodDisallowedByPreflightResponse"], "CORSMethodNotFound", "method-not-allowed"),
    ("header-wildcard-credentialed", ["", "HeaderDisallowedByPreflightResponse"], "CORSMissingAllowHeaderFromPreflight", "header-not-allowed"),
    ("header-not-allowed", ["", "HeaderDisallowedByPreflightResponse"], "CORSMissingAllowHeaderFromPreflight", "header-not-allowed"),
    ("redirect-bad-scheme", ["CorsDisabledScheme", ""], "", "redirect-scheme-not-cors"),
    ("redirect-userinfo", ["RedirectContainsCredentials", ""], "", "redirect-has-credentials"),
];

/// A condition that is not met: our name for it, and the engine's.
pub type Told = (&'static str, Option<&'static str>);

fn told(engine: Engine, is_preflight: bool, cause: &'static str) -> Told {
    let row = CODES.iter().find(|(name, ..)| *name == cause);
    let (_, chromium, firefox, webkit) = row.expect("every cause has a row");
    let code = match engine {
        Engine::Chromium => chromium[usize::from(is_preflight)],
        Engine::Firefox => firefox,
        Engine::Webkit => webkit,
    };
    (cause, Some(code))
}

/// The two lists of an answer, which engines read as the standard has it.
pub struct Lists {
    methods: Extracted,
    names: Extracted,
}

impl Lists {
    pub fn of(response: &Response) -> Self {
        Self {
            methods: extract_tokens(&response.lines, "Access-Control-Allow-Methods"),
            names: extract_tokens(&response.lines, "Access-Control-Allow-Headers"),
        }
    }
}

/// The conditions that the answer to a preflight does not meet, in the engine's order.
pub fn preflight(
    engine: Engine,
    request: &Request,
    response: &Response,
    lists: &Lists,
) -> Vec<Told> {
    let look = Look {
        engine,
        request,
        response,
        lists: Some(lists),
    };
    let order = deviations(engine).order;
    order
        .into_iter()
        .filter_map(|check| look.fails(check))
        .collect()
}

/// The conditions that the answer to the request proper does not meet.
pub fn actual(engine: Engine, request: &Request, response: &Response) -> Vec<Told> {
    let look = Look {
        engine,
        request,
        response,
        lists: None,
    };
    let checks = [Check::AllowOrigin, Check::AllowCredentials];
    checks
        .into_iter()
        .filter_map(|check| look.fails(check))
        .collect()
}

/// Whether any deviation touches whether this preflight passes: else the standard decides alone.
pub fn deviates_on_preflight(
    engine: Engine,
    request: &Request,
    response: &Response,
    lists: &Lists,
) -> bool {
    let asks_for_authorization = request.unsafe_names.contains(&b"authorization".to_vec());
    (asks_for_authorization && !request.include && contains(&lists.names, b"*"))
        || deviates_in_lines(engine, request, response)
}

/// Whether Firefox reads the lines of an answer otherwise than the standard.
pub fn deviates_in_lines(engine: Engine, request: &Request, response: &Response) -> bool {
    let has_empty_line = response
        .lines
        .iter()
        .any(|(_, value)| normalize(value).is_empty());
    engine == Engine::Firefox && (has_empty_line || counts_several(engine, request, response))
}

/// The value an engine sees of a field.
fn seen(engine: Engine, response: &Response, name: &str) -> Option<Vec<u8>> {
    if !deviations(engine).drops_empty_lines {
        return get(&response.lines, name);
    }
    let mut lines = response.lines.clone();
    lines.retain(|(_, value)| !normalize(value).is_empty());
    let had_empty_line = get(&response.lines, name).is_some();
    match get(&lines, name) {
        None if had_empty_line && name == "Access-Control-Allow-Origin" => Some(Vec::new()),
        value => value,
    }
}

/// Whether an engine counts more than one Access-Control-Allow-Origin.
pub fn counts_several(engine: Engine, request: &Request, response: &Response) -> bool {
    let exact = |line: &&(Vec<u8>, Vec<u8>)| line.0 == b"Access-Control-Allow-Origin";
    deviations(engine).counts_exact_spelling
        && !request.is_http2
        && response.lines.iter().filter(exact).count() > 1
}

/// An engine looking at an answer.
struct Look<'a> {
    engine: Engine,
    request: &'a Request,
    response: &'a Response,
    /// Those of the answer to a preflight.
    lists: Option<&'a Lists>,
}

impl Look<'_> {
    /// What is told of a condition; nothing where it is met.
    fn fails(&self, check: Check) -> Option<Told> {
        let plain = |cause| told(self.engine, self.lists.is_some(), cause);
        let status = self.response.status;
        let is_redirect = leads_on(self.engine, self.response);
        match check {
            Check::Redirect => is_redirect.then(|| plain("preflight-redirect")),
            Check::Status => {
                let is_other = !is_redirect && !(200..=299).contains(&status);
                is_other.then(|| plain("preflight-status"))
            }
            Check::AllowOrigin => self.allow_origin(),
            Check::AllowCredentials => {
                let value = seen(
                    self.engine,
                    self.response,
                    "Access-Control-Allow-Credentials",
                );
                let is_missing = self.request.include && value != Some(b"true".to_vec());
                is_missing.then(|| plain("allow-credentials-not-true"))
            }
            Check::MethodsParse => (self.lists?.methods == Extracted::Failure)
                .then(|| plain("allow-methods-unparsable")),
            Check::HeadersParse => {
                (self.lists?.names == Extracted::Failure).then(|| plain("allow-headers-unparsable"))
            }
            Check::Method => self.method(&self.lists?.methods).map(plain),
            Check::Headers => self.headers(&self.lists?.names).map(plain),
        }
    }

    /// Methods match in their own letter case only, in every engine.
    fn method(&self, methods: &Extracted) -> Option<&'static str> {
        let Request {
            method, include, ..
        } = self.request;
        let is_covered = contains(methods, method)
            || is_cors_safelisted_method(method)
            || (!include && contains(methods, b"*"));
        if *methods == Extracted::Failure || is_covered {
            None
        } else if contains_any_case(methods, method) {
            Some("method-case")
        } else if contains(methods, b"*") {
            Some("method-wildcard-credentialed")
        } else {
            Some("method-not-allowed")
        }
    }

    /// `*` covers Authorization in every engine: step 7.6 is nobody's.
    fn headers(&self, names: &Extracted) -> Option<&'static str> {
        let has_wildcard = contains(names, b"*");
        let mut asked = self.request.unsafe_names.iter();
        let is_covered = (has_wildcard && !self.request.include)
            || asked.all(|name| contains_any_case(names, name));
        if *names == Extracted::Failure || is_covered {
            None
        } else if has_wildcard {
            Some("header-wildcard-credentialed")
        } else {
            Some("header-not-allowed")
        }
    }

    fn allow_origin(&self) -> Option<Told> {
        let plain = |cause| Some(told(self.engine, self.lists.is_some(), cause));
        if counts_several(self.engine, self.request, self.response) {
            let code = "CORSMultipleAllowOriginNotAllowed";
            return Some(("allow-origin-multiple", Some(code)));
        }
        let value = seen(self.engine, self.response, "Access-Control-Allow-Origin");
        let Some(value) = value else {
            return plain("allow-origin-missing");
        };
        let is_url = || match Url::parse(&String::from_utf8_lossy(&value)) {
            // Names in ASCII are not looked into, but for what no host has.
            Err(ParseError::IdnaError) => {
                value.is_ascii() && !value.iter().copied().any(is_forbidden)
            }
            parsed => parsed.is_ok(),
        };
        if value == self.request.origin.as_bytes() || (value == b"*" && !self.request.include) {
            None
        } else if value == b"*" {
            plain("wildcard-with-credentials")
        } else if value.contains(&b',') {
            plain("allow-origin-multiple")
        } else if value.contains(&b' ') && self.engine == Engine::Webkit {
            Some(("allow-origin-multiple", Some("origin-not-allowed")))
        } else if value.contains(&b' ') {
            plain("allow-origin-multiple")
        } else if value == b"null" || is_url() {
            plain("allow-origin-mismatch")
        } else {
            plain("allow-origin-invalid")
        }
    }
}

/// A [forbidden domain code point](https://url.spec.whatwg.org/#forbidden-domain-code-point) that is none
/// of those between the parts of a URL.
fn is_forbidden(octet: u8) -> bool {
    octet < 0x20 || b"<>[]^|%\x7f".contains(&octet)
}

/// Whether an engine takes an answer for a redirect.
fn leads_on(engine: Engine, response: &Response) -> bool {
    let locations = values(&response.lines, "Location");
    let is_led = match deviations(engine).empty_location {
        EmptyLocation::IsNone => locations.iter().any(|value| !value.is_empty()),
        EmptyLocation::LeadsToItself | EmptyLocation::IsAnError => !locations.is_empty(),
    };
    [301, 302, 303, 307, 308].contains(&response.status) && is_led
}

/// What an engine makes of where a response leads that passed.
#[derive(Clone, Debug, PartialEq)]
pub enum Led {
    Passes,
    Blocked(Told),
    Failed(&'static str),
}

/// What the network layer of an engine does not let through: Locations that differ, one that is no
/// URL, in Firefox a `data:` URL, and in Chromium a server that asks for a proxy's password.
pub fn refuses(engine: Engine, request: &Request, response: &Response) -> bool {
    let mut locations = values(&response.lines, "Location");
    locations.dedup();
    let is_lost = || {
        let lone = Response {
            status: response.status,
            lines: vec![(b"Location".to_vec(), locations[0].clone())],
        };
        // To Chromium names with blanks are names, and those in ASCII are not looked into.
        let is_odd =
            |value: &[u8]| value.contains(&b' ') || value.windows(4).any(|part| part == b"xn--");
        leads_on(engine, response)
            && (engine != Engine::Chromium || !is_odd(&locations[0]))
            && matches!(redirect(request, &lone), Next::Error(Refused::Failure))
    };
    let is_data =
        || leads_on(engine, response) && locations[0].to_ascii_lowercase().starts_with(b"data:");
    match engine {
        Engine::Chromium => {
            response.status == 407 && request.url.scheme() == "https"
                || locations.len() > 1
                || locations.len() == 1 && is_lost()
        }
        Engine::Firefox => locations.len() > 1 || locations.len() == 1 && (is_lost() || is_data()),
        Engine::Webkit => false,
    }
}

pub fn led(engine: Engine, request: &Request, response: &Response) -> Led {
    let rules = deviations(engine);
    if !leads_on(engine, response) {
        return Led::Passes;
    }
    let response = with_one_location(response);
    let locations = values(&response.lines, "Location");
    if rules.empty_location == EmptyLocation::IsAnError && locations == [b""] {
        return Led::Failed("redirect-bad-scheme");
    }
    let several = locations.len() > 1;
    let refused = |scheme: &str, cause| {
        if rules.silent.holds(scheme) {
            Led::Failed(cause)
        } else {
            Led::Blocked(told(engine, false, cause))
        }
    };
    match redirect(request, &response) {
        Next::Returned | Next::Leads(_) => Led::Passes,
        Next::Error(Refused::Failure) if several => Led::Failed("redirect-bad-scheme"),
        Next::Error(Refused::Failure) => refused(NO_URL, "redirect-bad-scheme"),
        Next::Error(Refused::Scheme(scheme)) => refused(&scheme, "redirect-bad-scheme"),
        Next::Error(Refused::Userinfo) => refused("https", "redirect-userinfo"),
    }
}

/// Whether a page over TLS is led to plain http
/// (<https://w3c.github.io/webappsec-mixed-content/#should-block-fetch>), where WebKit makes no
/// exception for this machine.
pub fn is_mixed(engine: Engine, request: &Request, response: &Response) -> bool {
    let Next::Leads(target) = redirect(request, &with_one_location(response)) else {
        return false;
    };
    let is_local = match target.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    request.origin.starts_with("https:")
        && target.scheme() == "http"
        && (engine == Engine::Webkit || !is_local)
}

/// Whether an engine does not come to the CORS check, because of the scheme that a redirect leads to.
pub fn is_closed(engine: Engine, request: &Request, response: &Response) -> bool {
    let mut first = with_one_location(response);
    first.lines.truncate(1);
    let next = redirect(request, &first);
    matches!(next, Next::Error(Refused::Scheme(scheme)) if deviations(engine).closed.contains(&&*scheme))
}

/// Lines that say the same are one.
fn with_one_location(response: &Response) -> Response {
    let mut locations = values(&response.lines, "Location");
    locations.dedup();
    Response {
        status: response.status,
        lines: locations
            .into_iter()
            .map(|value| (b"Location".to_vec(), value))
            .collect(),
    }
}
