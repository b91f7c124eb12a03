//! What no policy and no response can make a rewrite do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use corstap::cors::check::{Asked, cors_check};
use corstap::cors::names::is_safelisted_method;
use corstap::cors::preflight::{Preflight, preflight_check};
use corstap::cors::{CredentialsMode, Engine, Kind, Profile, cache, credentials};
use corstap::exchange::{Protocol, Request, Response, Rewrite};
use corstap::policy::rewrite::Rewriter;
use corstap::policy::{PreflightMode, Rule};
use corstap::wire::edit::for_client;
use corstap::wire::head::ResponseHead;
use corstap::wire::headers::HeaderList;
use corstap::wire::{fields, is_token, trim_ows};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::worlds::{ORIGINS, worlds};
use super::{parse, today};

const MODES: [CredentialsMode; 2] = [CredentialsMode::Include, CredentialsMode::Omit];

/// How the check of one response came out, for a request as it stands.
struct Check<'a> {
    request: &'a Request,
    protocol: Protocol,
}

impl Check<'_> {
    fn passes(
        &self,
        engine: Engine,
        origin: &[u8],
        mode: CredentialsMode,
        response: &Response,
    ) -> bool {
        let asked = Asked {
            origin,
            protocol: self.protocol,
            credentials: mode,
        };
        match Preflight::of(&self.request.headers).filter(|_| self.request.method == "OPTIONS") {
            Some(preflight) => preflight_check(engine, preflight, asked, response).is_empty(),
            None => cors_check(engine, asked, &response.headers).is_empty(),
        }
    }

    fn passes_own(&self, mode: CredentialsMode, response: &Response) -> bool {
        let engine = Engine::of(&self.request.headers).unwrap_or(Engine::Chromium);
        let origin = self.request.headers.first("origin").expect("there");
        self.passes(engine, origin, mode, response)
    }

    /// The modes that the request may have.
    fn modes(&self) -> Vec<CredentialsMode> {
        let profile = Profile::of(self.request, self.protocol);
        let known = credentials::of_request(profile, self.request).mode;
        MODES
            .into_iter()
            .filter(|mode| known.is_none_or(|known| known == *mode))
            .collect()
    }

    /// Whether a rule grants what the request needs, in some mode.
    fn is_granted(&self, rule: &Rule, mode: CredentialsMode) -> bool {
        if mode == CredentialsMode::Include && !rule.credentials {
            return false;
        }
        let Some(preflight) =
            Preflight::of(&self.request.headers).filter(|_| self.request.method == "OPTIONS")
        else {
            return true;
        };
        let is_sane =
            |name: &[u8]| is_token(name) && name != b"*" && !name.eq_ignore_ascii_case(b"null");
        let any = |names: &corstap::policy::Names| names.any && !rule.credentials;
        let method = std::str::from_utf8(preflight.method).expect("text");
        let has_method = is_safelisted_method(method)
            || is_sane(preflight.method) && (rule.methods.has_method(method) || any(&rule.methods));
        let headers = &rule.request_headers;
        has_method
            && preflight.header_names().all(|name| {
                let by_any = any(headers) && !name.eq_ignore_ascii_case(b"authorization");
                is_sane(name) && (headers.has_header(name) || by_any)
            })
    }
}

fn is_ours(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with(b"access-control-")
        || [b"vary".as_slice(), b"cache-control", b"corstap-rewrite"].contains(&lower.as_slice())
}

/// Whether a rewrite writes a field of this name.
fn is_set(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let of = |end: &[u8]| lower.strip_prefix(b"access-control-") == Some(end);
    let fields: [&[u8]; 6] = [
        b"allow-origin",
        b"allow-credentials",
        b"allow-methods",
        b"allow-headers",
        b"expose-headers",
        b"max-age",
    ];
    !lower.starts_with(b"access-control-") || fields.into_iter().any(of)
}

fn members(headers: &HeaderList, name: &str) -> Vec<Vec<u8>> {
    let lines = headers.all(name);
    let members = lines.flat_map(|value| value.split(|&octet| octet == b','));
    let members = members.map(|member| trim_ows(member).to_ascii_lowercase());
    members.filter(|member| !member.is_empty()).collect()
}

/// What holds for every rewritten response.
fn check_rewritten(check: &Check<'_>, rule: &Rule, sent: Option<&Response>, rewrite: &Rewrite) {
    let delivered = &rewrite.delivered;
    let origin = check.request.headers.first("origin").expect("there");
    let headers = &delivered.headers;
    assert_eq!(*rewrite.rule, *rule.name);
    assert_eq!(
        headers
            .all("access-control-allow-origin")
            .collect::<Vec<_>>(),
        [origin]
    );
    for (name, value) in headers
        .iter()
        .filter(|(name, _)| name.to_ascii_lowercase().starts_with(b"access-control-"))
    {
        assert!(!value.contains(&b'*'), "{name:?}");
        let mut parts = value.split(|&octet| octet == b',').map(trim_ows);
        assert!(
            !parts.any(|part| part.eq_ignore_ascii_case(b"null")),
            "{name:?}"
        );
    }
    let credentials: Vec<_> = headers.all("access-control-allow-credentials").collect();
    assert_eq!(
        credentials,
        if rule.credentials {
            vec![b"true".as_slice()]
        } else {
            vec![]
        }
    );
    check_names(rule, headers);
    assert_eq!(
        headers.all("cache-control").collect::<Vec<_>>(),
        [b"no-store"]
    );
    let varies = members(headers, "vary");
    assert!(
        varies
            .iter()
            .any(|member| member == b"origin" || member == b"*")
    );
    let before = sent
        .map(|sent| members(&sent.headers, "vary"))
        .unwrap_or_default();
    assert!(
        before.iter().all(|member| varies.contains(member)),
        "what it varied by is kept"
    );
    let is_preflight = Profile::of(check.request, check.protocol).kind == Kind::Preflight;
    if is_preflight {
        for engine in Engine::ALL {
            assert!(cache::max_age(engine, headers) <= Duration::from_secs(5));
        }
    }
    if let Some(sent) = sent {
        check_beside(check, sent, rewrite);
        check_other_origins(check, sent, delivered);
        check_on_the_wire(sent, rewrite);
    }
}

/// No list has more than the rule.
fn check_names(rule: &Rule, headers: &HeaderList) {
    let named =
        |names: &corstap::policy::Names, member: &[u8]| names.any || names.has_header(member);
    for (field, names) in [
        ("access-control-allow-methods", &rule.methods),
        ("access-control-allow-headers", &rule.request_headers),
        ("access-control-expose-headers", &rule.expose_headers),
    ] {
        assert!(
            members(headers, field)
                .iter()
                .all(|member| named(names, member)),
            "{field}"
        );
    }
}

/// What was not to be changed is as it was.
fn check_beside(check: &Check<'_>, sent: &Response, rewrite: &Rewrite) {
    let delivered = &rewrite.delivered;
    let others = |headers: &HeaderList| -> Vec<(Vec<u8>, Vec<u8>)> {
        let others = headers.iter().filter(|(name, _)| !is_ours(name));
        others
            .map(|(name, value)| (name.to_vec(), value.to_vec()))
            .collect()
    };
    assert_eq!(others(&delivered.headers), others(&sent.headers));
    let was_there = |line: &(&[u8], &[u8])| sent.headers.iter().any(|other| other == *line);
    let mut unknown = delivered
        .headers
        .iter()
        .filter(|(name, _)| is_ours(name) && !is_set(name));
    assert!(
        unknown.all(|line| was_there(&line)),
        "another field was added"
    );
    let has_no_content = |status: u16| matches!(status, 204 | 304);
    assert_eq!(
        has_no_content(delivered.status),
        has_no_content(sent.status)
    );
    let is_preflight = Profile::of(check.request, check.protocol).kind == Kind::Preflight;
    assert!(is_preflight || delivered.status == sent.status);
}

/// No other origin passes that did not before.
fn check_other_origins(check: &Check<'_>, sent: &Response, delivered: &Response) {
    let origin = check.request.headers.first("origin").expect("there");
    for other in ORIGINS.iter().filter(|other| other.as_bytes() != origin) {
        for (engine, mode) in Engine::ALL
            .into_iter()
            .flat_map(|engine| MODES.map(|mode| (engine, mode)))
        {
            let passes = |response| check.passes(engine, other.as_bytes(), mode, response);
            assert!(
                !passes(delivered) || passes(sent),
                "{other} passes in {engine:?}"
            );
        }
    }
}

/// The octets of HTTP/1.1 and the fields of HTTP/2 are those that were said.
fn check_on_the_wire(sent: &Response, rewrite: &Rewrite) {
    let mut octets = format!("HTTP/1.1 {} What\r\n", sent.status).into_bytes();
    for (name, value) in sent.headers.iter() {
        octets.extend_from_slice(&[name, b":\t", value, b" \r\n"].concat());
    }
    octets.extend_from_slice(b"\r\n");
    // Some of these values nobody can send.
    let parsed = ResponseHead::parse(&octets).ok();
    if parsed.is_some_and(|head| head.headers == sent.headers) {
        let spliced = for_client(&octets, &rewrite.edits);
        let head = ResponseHead::parse(&spliced).expect("still a head");
        assert_eq!(
            (head.status, &head.headers),
            (rewrite.delivered.status, &rewrite.delivered.headers)
        );
    }
}

/// A response as HTTP/2 has it, in the order of its fields; nothing where it cannot be sent.
fn over_http_2(sent: &Response) -> Option<(HeaderMap, Response)> {
    let mut map = HeaderMap::new();
    for (name, value) in sent.headers.iter() {
        map.append(
            HeaderName::from_bytes(name).ok()?,
            HeaderValue::from_bytes(value).ok()?,
        );
    }
    let headers = fields::header_list(&map);
    Some((
        map,
        Response {
            status: sent.status,
            headers,
        },
    ))
}

/// The fields that HTTP/2 carries are those that were said.
fn check_over_http_2(rewriter: &Rewriter, request: &Request, sent: &Response) {
    let Some((map, sent)) = over_http_2(sent) else {
        return;
    };
    if let Some(rewrite) = rewriter.repair(request, Protocol::Http2, &sent, today()) {
        let edited = fields::header_list(&fields::edited(&map, &rewrite.edits));
        let said = rewrite.delivered.headers.iter();
        let said: HeaderList = said
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        assert_eq!(edited, said);
    }
}

static CASES: AtomicUsize = AtomicUsize::new(0);
static REPAIRED: AtomicUsize = AtomicUsize::new(0);
static ANSWERED: AtomicUsize = AtomicUsize::new(0);

fn check_case(rewriter: &Rewriter, request: &Request, sent: &Response, protocol: Protocol) {
    CASES.fetch_add(1, Ordering::Relaxed);
    let check = Check { request, protocol };
    let origin = request.headers.first("origin").expect("there");
    let rule = rewriter
        .rules()
        .iter()
        .find(|rule| rule.covers(origin, request.url.web().expect("of the web")));
    let rewrite = rewriter.repair(request, protocol, sent, today());
    let passes_always = check
        .modes()
        .iter()
        .all(|mode| check.passes_own(*mode, sent));
    let kind = Profile::of(request, protocol).kind;
    let is_kept = sent.status == 304 && kind != Kind::Preflight;
    if rule.is_none() || passes_always || is_kept {
        assert_eq!(rewrite, None, "nothing is to be repaired");
    }
    let delivered = rewrite.as_ref().map_or(sent, |rewrite| &rewrite.delivered);
    if let (Some(rule), Some(rewrite)) = (rule, &rewrite) {
        REPAIRED.fetch_add(1, Ordering::Relaxed);
        check_rewritten(&check, rule, Some(sent), rewrite);
        check_over_http_2(rewriter, request, sent);
        let again = rewriter.repair(request, protocol, delivered, today());
        assert!(
            again.is_none_or(|again| again.delivered == *delivered),
            "once is enough"
        );
    }
    let is_plain = request.headers.all("origin").count() == 1
        && origin == origin.to_ascii_lowercase()
        && !origin.ends_with(b":443");
    if let Some(rule) = rule.filter(|_| {
        let is_asked = matches!(kind, Kind::Preflight | Kind::CrossOrigin);
        is_plain && is_asked && sent.status != 101 && !is_kept
    }) {
        for mode in check
            .modes()
            .into_iter()
            .filter(|mode| check.is_granted(rule, *mode))
        {
            assert!(
                check.passes_own(mode, delivered),
                "{mode:?} is granted by {rule:?}"
            );
        }
    }
}

fn check_answer(rewriter: &Rewriter, request: &Request, protocol: Protocol) {
    let Some(answer) = rewriter.answer(request, protocol, today()) else {
        return;
    };
    ANSWERED.fetch_add(1, Ordering::Relaxed);
    let origin = request.headers.first("origin").expect("there");
    let rule = rewriter
        .rules()
        .iter()
        .find(|rule| rule.covers(origin, request.url.web().expect("of the web")));
    let rule = rule.expect("somebody answers");
    assert_eq!(rule.preflight, PreflightMode::Answer);
    check_rewritten(&Check { request, protocol }, rule, None, &answer);
}

/// Every world has 80 cases, over one protocol or the other, unless its policy is refused.
const WORLDS: u32 = 1700;

#[test]
fn no_policy_and_no_response_opens_more_than_the_rule_does() {
    let config = ProptestConfig {
        cases: WORLDS,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(world in worlds())| {
        let Ok(rewriter) = Rewriter::of(&parse(&world.policy), today()) else {
            return Ok(());
        };
        for (place, request) in world.requests.iter().enumerate() {
            let protocol = [Protocol::Http11, Protocol::Http2][place % 2];
            check_answer(&rewriter, request, protocol);
            for sent in &world.responses {
                check_case(&rewriter, request, sent, protocol);
            }
        }
    });
    let counts = [&CASES, &REPAIRED, &ANSWERED].map(|count| count.load(Ordering::Relaxed));
    assert!(
        counts[0] >= 100_000 && counts[1] > 10_000 && counts[2] > 40,
        "{counts:?}"
    );
}
