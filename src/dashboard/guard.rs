//! Whom the dashboard answers, and what every answer says of itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Shared;

/// What the page may do: load its own files, and ask its own server. Text of others cannot become
/// markup or script in it.
const CONTENT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

/// A refusal, or what could not be done.
pub(super) fn refusal(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

/// Refuses who names another host, comes from another site, or would change something without being
/// this page. Nothing of it depends on the route.
pub(super) async fn guard(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match objection(&shared, &request) {
        Some((status, error)) => refusal(status, error),
        None => next.run(request).await,
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Refuses who does not have the token.
pub(super) async fn with_token(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let fields = request.headers();
    if only(fields, &header::AUTHORIZATION)
        .is_some_and(|value| shared.token.is_in(value.as_bytes()))
    {
        return next.run(request).await;
    }
    let told = "this needs the token of the run: open the address that corstap has printed";
    refusal(StatusCode::UNAUTHORIZED, told)
}

fn objection(shared: &Shared, request: &Request) -> Option<(StatusCode, &'static str)> {
    let fields = request.headers();
    let port = shared.address.port();
    let is_own_host = only(fields, &header::HOST).is_some_and(|host| is_own(host.as_bytes(), port));
    if !is_own_host || request.uri().authority().is_some() {
        let told = "the dashboard has another address";
        return Some((StatusCode::MISDIRECTED_REQUEST, told));
    }
    if is_of_another_site(fields, request) {
        return Some((
            StatusCode::FORBIDDEN,
            "a page of another site may not ask this",
        ));
    }
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_safe && !is_of_this_page(fields) {
        return Some((
            StatusCode::FORBIDDEN,
            "only the dashboard's own page may do this",
        ));
    }
    None
}

/// The three spellings of where it listens, with its port and no other.
fn is_own(host: &[u8], port: u16) -> bool {
    let names = ["127.0.0.1", "localhost", "[::1]"];
    let mut spellings = names.iter().map(|name| format!("{name}:{port}"));
    spellings.any(|spelling| host.eq_ignore_ascii_case(spelling.as_bytes()))
}

/// Whether a browser says that the request is another site's. Links lead to the page all the same,
/// which tells nothing by itself.
fn is_of_another_site(fields: &HeaderMap, request: &Request) -> bool {
    let is = |name: &'static str, wanted: &[&str]| {
        let value = fields.get(name).map(HeaderValue::as_bytes);
        value.is_some_and(|value| wanted.iter().any(|word| word.as_bytes() == value))
    };
    let is_link = is("sec-fetch-mode", &["navigate"])
        && is("sec-fetch-dest", &["document"])
        && *request.method() == Method::GET
        && request.uri().path() == "/";
    let says_site = fields.contains_key("sec-fetch-site");
    if says_site && !is("sec-fetch-site", &["same-origin", "none"]) && !is_link {
        return true;
    }
    fields.contains_key(header::ORIGIN) && !has_own_origin(fields)
}

/// Whether this page says so: its Origin, and a type that no form can send.
fn is_of_this_page(fields: &HeaderMap) -> bool {
    let is_json =
        only(fields, &header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    is_json && has_own_origin(fields)
}

/// The Origin is that of the very host that is asked.
fn has_own_origin(fields: &HeaderMap) -> bool {
    let host = only(fields, &header::HOST).map(HeaderValue::as_bytes);
    let origin = only(fields, &header::ORIGIN).map(HeaderValue::as_bytes);
    let origin = origin.and_then(|origin| origin.strip_prefix(b"http://"));
    host.is_some() && host == origin
}

/// The value of a field that stands there once.
fn only<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = fields.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}
