//! The checks on a preflight's answer
//! ([CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch)), in each engine's
//! own order.

use crate::exchange::Response;
use crate::wire::headers::HeaderList;
use crate::wire::{is_token, trim_ows};

use super::check::{Asked, Finding, cors_check};
use super::names::is_safelisted_method;
use super::{Cause, CredentialsMode, Engine, reading, redirect};

const ALLOW_METHODS: &str = "access-control-allow-methods";
const ALLOW_HEADERS: &str = "access-control-allow-headers";

/// What a preflight asks for.
#[derive(Clone, Copy, Debug)]
pub struct Preflight<'a> {
    /// Access-Control-Request-Method.
    pub method: &'a [u8],
    /// Access-Control-Request-Headers, which lists the
    /// [CORS-unsafe request-header names](https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names).
    pub headers: &'a [u8],
}

impl<'a> Preflight<'a> {
    /// Reads the question from the fields of an OPTIONS request; nothing if it is no preflight.
    pub fn of(fields: &'a HeaderList) -> Option<Self> {
        fields.contains("origin").then_some(())?;
        Some(Self {
            method: fields.first("access-control-request-method")?,
            headers: fields
                .first("access-control-request-headers")
                .unwrap_or_default(),
        })
    }

    /// Whether it asks for a request of that method and with these header names.
    pub fn is_for(&self, method: &str, names: &[&[u8]]) -> bool {
        self.method == method.as_bytes()
            && names.iter().all(|name| {
                self.header_names()
                    .any(|asked| asked.eq_ignore_ascii_case(name))
            })
    }

    /// The header names asked for.
    pub fn header_names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.headers
            .split(|&octet| octet == b',')
            .map(trim_ows)
            .filter(|name| !name.is_empty())
    }
}

/// Checks the answer to a preflight. All conditions that it does not meet come in the order in
/// which the engine looks at them: the first one is what it reports. None is a pass.
pub fn preflight_check(
    engine: Engine,
    preflight: Preflight<'_>,
    asked: Asked<'_>,
    answer: &Response,
) -> Vec<Finding> {
    let cors = || cors_check(engine, asked, &answer.headers);
    let read = |field| reading::value(engine, &answer.headers, field).unwrap_or_default();
    let (methods, headers) = (read(ALLOW_METHODS), read(ALLOW_HEADERS));
    let lists = Lists {
        engine,
        preflight,
        credentials: asked.credentials,
        methods: reading::token_list(&methods).ok_or(&*methods),
        headers: reading::token_list(&headers).ok_or(&*headers),
    };
    let mut findings = Vec::new();
    match engine {
        Engine::Chromium => {
            findings.extend(check_redirect(engine, answer));
            findings.extend(cors());
            findings.extend(check_status(engine, answer));
            lists.check_parsed_first(&mut findings);
        }
        Engine::Firefox => {
            findings.extend(cors());
            findings.extend(check_redirect(engine, answer));
            findings.extend(check_status(engine, answer));
            lists.check_one_by_one(&mut findings);
        }
        Engine::Webkit => {
            findings.extend(check_redirect(engine, answer));
            findings.extend(check_status(engine, answer));
            findings.extend(cors());
            lists.check_parsed_first(&mut findings);
        }
    }
    findings
}

/// "If … response's status is an ok status": a redirect is none, and engines name it.
fn check_redirect(engine: Engine, answer: &Response) -> Option<Finding> {
    redirect::leads_on(engine, answer).then(|| Finding::at(Cause::PreflightRedirect, "location"))
}

fn check_status(engine: Engine, answer: &Response) -> Option<Finding> {
    let is_told = (200..300).contains(&answer.status) || redirect::leads_on(engine, answer);
    (!is_told).then(|| Finding::new(Cause::PreflightStatus))
}

/// What an engine names of a list that it cannot parse: Firefox the first member that is no token,
/// WebKit all of it, Chromium nothing.
fn unparsable(engine: Engine, value: &[u8]) -> &[u8] {
    match engine {
        Engine::Chromium => b"",
        Engine::Firefox => {
            let mut members = value.split(|&octet| octet == b',').map(trim_ows);
            let bad = members.find(|member| !member.is_empty() && !is_token(member));
            bad.unwrap_or_default()
        }
        Engine::Webkit => value,
    }
}

/// The two lists of a preflight's answer, against what was asked for.
struct Lists<'a> {
    preflight: Preflight<'a>,
    credentials: CredentialsMode,
    engine: Engine,
    /// Access-Control-Allow-Methods; the value itself if it cannot be parsed.
    methods: Result<Vec<&'a [u8]>, &'a [u8]>,
    /// Access-Control-Allow-Headers; the value itself if it cannot be parsed.
    headers: Result<Vec<&'a [u8]>, &'a [u8]>,
}

impl Lists<'_> {
    /// Both lists are parsed before either is used, as the standard, Chromium and WebKit have it.
    fn check_parsed_first(&self, findings: &mut Vec<Finding>) {
        findings.extend(self.check_methods_parse());
        findings.extend(self.check_headers_parse());
        findings.extend(self.check_method());
        findings.extend(self.check_headers());
    }

    /// The headers' list is parsed after the method was found in its own, as Firefox has it.
    fn check_one_by_one(&self, findings: &mut Vec<Finding>) {
        findings.extend(self.check_methods_parse());
        findings.extend(self.check_method());
        findings.extend(self.check_headers_parse());
        findings.extend(self.check_headers());
    }

    fn check_methods_parse(&self) -> Option<Finding> {
        let value = self.methods.as_ref().err()?;
        let named = unparsable(self.engine, value);
        Some(Finding::naming(
            Cause::AllowMethodsUnparsable,
            ALLOW_METHODS,
            named,
        ))
    }

    fn check_headers_parse(&self) -> Option<Finding> {
        let value = self.headers.as_ref().err()?;
        let named = unparsable(self.engine, value);
        Some(Finding::naming(
            Cause::AllowHeadersUnparsable,
            ALLOW_HEADERS,
            named,
        ))
    }

    /// "If request's method is not in methods, … is not a CORS-safelisted method, and request's
    /// credentials mode is "include" or methods does not contain `*`".
    fn check_method(&self) -> Option<Finding> {
        let method = self.preflight.method;
        if is_safelisted_method(&String::from_utf8_lossy(method)) {
            return None;
        }
        let listed = self.methods.as_ref().ok()?;
        if listed.contains(&method) || self.covers_all(listed) {
            return None;
        }
        let cause = if listed
            .iter()
            .any(|other| other.eq_ignore_ascii_case(method))
        {
            Cause::MethodCase
        } else if listed.contains(&b"*".as_slice()) {
            Cause::MethodWildcardCredentialed
        } else {
            Cause::MethodNotAllowed
        };
        Some(Finding::naming(cause, ALLOW_METHODS, method))
    }

    /// "If … unsafeName is not a byte-case-insensitive match for an item in headerNames and …
    /// `*`". Measured: the engines let `*` cover Authorization too, against the standard.
    fn check_headers(&self) -> Option<Finding> {
        let listed = self.headers.as_ref().ok()?;
        if self.covers_all(listed) {
            return None;
        }
        let is_listed = |name: &[u8]| listed.iter().any(|other| other.eq_ignore_ascii_case(name));
        let missing = self
            .preflight
            .header_names()
            .find(|name| !is_listed(name))?;
        let cause = if listed.contains(&b"*".as_slice()) {
            Cause::HeaderWildcardCredentialed
        } else {
            Cause::HeaderNotAllowed
        };
        Some(Finding::naming(cause, ALLOW_HEADERS, missing))
    }

    fn covers_all(&self, listed: &[&[u8]]) -> bool {
        self.credentials == CredentialsMode::Omit && listed.contains(&b"*".as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Protocol;

    fn causes(engine: Engine, status: u16, lines: &[(&str, &str)]) -> Vec<Cause> {
        let asked = Asked {
            origin: b"https://app.test",
            protocol: Protocol::Http11,
            credentials: CredentialsMode::Omit,
        };
        let preflight = Preflight {
            method: b"PUT",
            headers: b"content-type,x-a",
        };
        let answer = Response {
            status,
            headers: lines.iter().copied().collect(),
        };
        let findings = preflight_check(engine, preflight, asked, &answer);
        findings.into_iter().map(|finding| finding.cause).collect()
    }

    #[test]
    fn a_bare_405_is_a_missing_allow_origin_but_in_webkit_a_status() {
        let first = |engine| causes(engine, 405, &[]).first().copied();
        assert_eq!(first(Engine::Chromium), Some(Cause::AllowOriginMissing));
        assert_eq!(first(Engine::Firefox), Some(Cause::AllowOriginMissing));
        assert_eq!(first(Engine::Webkit), Some(Cause::PreflightStatus));
    }

    #[test]
    fn a_redirect_is_seen_first_but_in_firefox_after_the_origin() {
        let first = |engine| causes(engine, 302, &[("Location", "/b")]).first().copied();
        assert_eq!(first(Engine::Chromium), Some(Cause::PreflightRedirect));
        assert_eq!(first(Engine::Firefox), Some(Cause::AllowOriginMissing));
        assert_eq!(first(Engine::Webkit), Some(Cause::PreflightRedirect));
    }

    #[test]
    fn firefox_looks_for_the_method_before_it_parses_the_headers() {
        let lines = [
            ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Allow-Methods", "GET"),
            ("Access-Control-Allow-Headers", "(bad)"),
        ];
        assert_eq!(
            causes(Engine::Chromium, 204, &lines),
            [Cause::AllowHeadersUnparsable, Cause::MethodNotAllowed]
        );
        assert_eq!(
            causes(Engine::Firefox, 204, &lines),
            [Cause::MethodNotAllowed, Cause::AllowHeadersUnparsable]
        );
    }

    #[test]
    fn names_match_in_any_case_and_methods_only_in_their_own() {
        let lines = |methods| {
            [
                ("Access-Control-Allow-Origin", "*"),
                ("Access-Control-Allow-Methods", methods),
                ("Access-Control-Allow-Headers", "X-A, Content-Type"),
            ]
        };
        for engine in Engine::ALL {
            assert_eq!(causes(engine, 200, &lines("PUT")), []);
            assert_eq!(causes(engine, 200, &lines("*")), []);
            assert_eq!(causes(engine, 200, &lines("put")), [Cause::MethodCase]);
        }
    }
}
