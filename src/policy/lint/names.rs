//! The methods and header names of a rule.

use std::collections::HashMap;
use std::ops::Range;

use super::super::finding::Code;
use super::super::parse::{Draft, Item, Reader};
use crate::cors::names::is_safelisted_method;
use crate::wire::is_token;

/// Methods that Fetch normalises or that everybody writes in capitals.
const CAPITALS: [&str; 10] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "TRACK",
];

/// [Forbidden request-headers](https://fetch.spec.whatwg.org/#forbidden-request-header), beside
/// those that begin with `proxy-` or `sec-`.
const FORBIDDEN: [&str; 21] = [
    "accept-charset",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "date",
    "dnt",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "referer",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Names of responses that somebody took for names of requests.
const OF_RESPONSES: [&str; 7] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
];

/// Names of requests that somebody took for names of responses.
const OF_REQUESTS: [&str; 9] = [
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "authorization",
    "cookie",
    "host",
    "origin",
    "referer",
    "user-agent",
];

/// [CORS-safelisted response-header names](https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name).
const READABLE: [&str; 7] = [
    "cache-control",
    "content-language",
    "content-length",
    "content-type",
    "expires",
    "last-modified",
    "pragma",
];

pub(super) fn check(reader: &mut Reader<'_>, draft: &Draft) {
    for method in &draft.methods {
        note(reader, of_method(&method.value), method);
    }
    for name in &draft.request_headers {
        note(reader, of_request_header(&name.value), name);
    }
    for name in &draft.expose_headers {
        note(reader, of_exposed(&name.value), name);
    }
    let exact = |name: &str| name.to_owned();
    check_list(
        reader,
        draft,
        &draft.methods,
        exact,
        Code::AnyMethodWithCredentials,
    );
    let folded = |name: &str| name.to_ascii_lowercase();
    check_list(
        reader,
        draft,
        &draft.request_headers,
        folded,
        Code::AnyHeaderWithCredentials,
    );
    check_list(
        reader,
        draft,
        &draft.expose_headers,
        folded,
        Code::ExposeAnyWithCredentials,
    );
    check_any_header(reader, draft);
}

fn note(reader: &mut Reader<'_>, code: Option<Code>, item: &Item<Box<str>>) {
    let Some(code) = code else { return };
    let finding = reader.find_value(code, &item.span, &item.value);
    if code == Code::MethodLowerCase {
        finding.instead = Some(item.value.to_ascii_uppercase().into());
    }
}

fn of_method(method: &str) -> Option<Code> {
    let capitals = method.to_ascii_uppercase();
    if !is_token(method.as_bytes()) {
        Some(Code::MethodInvalid)
    } else if method != capitals && CAPITALS.contains(&&*capitals) {
        Some(Code::MethodLowerCase)
    } else if matches!(method, "CONNECT" | "TRACE" | "TRACK") {
        Some(Code::MethodForbidden)
    } else if method == "OPTIONS" {
        Some(Code::MethodOptions)
    } else {
        is_safelisted_method(method).then_some(Code::MethodSafelisted)
    }
}

fn of_request_header(name: &str) -> Option<Code> {
    let name = &*name.to_ascii_lowercase();
    if !is_token(name.as_bytes()) {
        Some(Code::HeaderInvalid)
    } else if OF_RESPONSES.contains(&name) {
        Some(Code::ResponseHeaderRequested)
    } else if FORBIDDEN.contains(&name)
        || name == "via"
        || name.starts_with("proxy-")
        || name.starts_with("sec-")
    {
        Some(Code::HeaderForbidden)
    } else {
        let is_safelisted = matches!(name, "accept" | "accept-language" | "content-language");
        is_safelisted.then_some(Code::HeaderSafelisted)
    }
}

fn of_exposed(name: &str) -> Option<Code> {
    let name = &*name.to_ascii_lowercase();
    if !is_token(name.as_bytes()) {
        Some(Code::HeaderInvalid)
    } else if OF_REQUESTS.contains(&name) {
        Some(Code::RequestHeaderExposed)
    } else if matches!(name, "set-cookie" | "set-cookie2") {
        Some(Code::ExposeForbidden)
    } else {
        READABLE.contains(&name).then_some(Code::ExposeSafelisted)
    }
}

/// What stands twice, and what stands beside `*`.
fn check_list(
    reader: &mut Reader<'_>,
    draft: &Draft,
    list: &[Item<Box<str>>],
    fold: impl Fn(&str) -> String,
    with_credentials: Code,
) {
    let any = list.iter().find(|item| &*item.value == "*");
    if let Some(any) = any.filter(|_| draft.has_credentials()) {
        let credentials = draft
            .credentials
            .as_ref()
            .map(|item| reader.place(&item.span));
        reader.find_value(with_credentials, &any.span, "*").other = credentials;
    }
    let mut first: HashMap<String, &Range<usize>> = HashMap::new();
    for Item { value, span } in list {
        let name = fold(value);
        let is_covered = &**value != "*" && name != "authorization" && !draft.has_credentials();
        let (code, other) = match (first.get(&name), any) {
            (Some(earlier), _) => (Code::ValueDuplicate, *earlier),
            (None, Some(any)) if is_covered => (Code::ValueCovered, &any.span),
            (None, _) => {
                first.insert(name, span);
                continue;
            }
        };
        let other = reader.place(other);
        reader.find_value(code, span, value).other = Some(other);
    }
}

fn check_any_header(reader: &mut Reader<'_>, draft: &Draft) {
    if draft.has_credentials() {
        return;
    }
    let has = |wanted: &str| {
        let same = |item: &&Item<Box<str>>| item.value.eq_ignore_ascii_case(wanted);
        draft.request_headers.iter().find(same)
    };
    if let (Some(any), None) = (has("*"), has("authorization")) {
        reader.find_value(Code::AnyHeaderWithoutAuthorization, &any.span, "*");
    }
    if let Some(any) = draft.expose_headers.iter().find(|item| &*item.value == "*") {
        reader.find_value(Code::ExposeAny, &any.span, "*");
    }
}
