//! What else a message tells: which of its causes are likely, and what the server is to send.

use super::Reading;
use crate::cors::{Cause, names::is_safelisted_method};
use crate::report::catalogue::field;

/// Leaves out causes that the message rules out, and puts the likeliest first.
pub(super) fn narrow(reading: &mut Reading) {
    let has_place = reading.origin.is_some();
    let is_redirected = reading.redirected_from.is_some();
    if reading.code == Some("origin-not-allowed") {
        // WebKit has it in the text itself.
        reading.origin = reading.parameter.take();
    }
    let parameter = reading.parameter.clone().unwrap_or_default();
    let names_authorization = parameter.eq_ignore_ascii_case("authorization");
    let is_null = reading.origin.as_deref() == Some("null");
    reading.candidates.retain(|entry| {
        let is = |cause: Cause| entry.code == cause.name();
        let is_out = is(Cause::RedirectOriginNull) && has_place && !is_redirected
            || is(Cause::AuthorizationNeedsListing) && !names_authorization;
        !is_out
    });
    let has_small = parameter
        .chars()
        .any(|character| character.is_ascii_lowercase());
    let is_several = reading.code == Some("CORSMultipleAllowOriginNotAllowed");
    reading.candidates.sort_by_key(|entry| {
        let is = |cause: Cause| entry.code == cause.name();
        let is_first = is(Cause::MethodCase) && has_small
            || is(Cause::NoResponse) && !is_several
            || is(Cause::RedirectOriginNull) && is_null;
        let is_last = is(Cause::AuthorizationNeedsListing) || is(Cause::NoResponse);
        (!is_first, is_last)
    });
}

/// The lines to send, where there is no doubt about them. `null` is never allowed.
pub(super) fn send(reading: &Reading) -> Vec<String> {
    let Some(cause) = reading
        .candidates
        .first()
        .and_then(|first| Cause::of_name(first.code))
    else {
        return Vec::new();
    };
    let parameter = reading.parameter.as_deref().filter(|name| is_name(name));
    match field(cause) {
        Some("Access-Control-Allow-Origin" | "Access-Control-Allow-Credentials") => {
            origin(reading, cause)
        }
        Some(list) if is_mended_by_listing(cause) => parameter
            .filter(|name| !is_safelisted_method(name))
            .map(|name| format!("{list}: {name}"))
            .into_iter()
            .collect(),
        Some(_) | None => Vec::new(),
    }
}

/// Whether the list only lacks what the message names.
fn is_mended_by_listing(cause: Cause) -> bool {
    [
        Cause::HeaderNotAllowed,
        Cause::HeaderWildcardCredentialed,
        Cause::AuthorizationNeedsListing,
        Cause::MethodNotAllowed,
        Cause::MethodWildcardCredentialed,
    ]
    .contains(&cause)
}

fn origin(reading: &Reading, cause: Cause) -> Vec<String> {
    let Some(origin) = reading.origin.as_ref().filter(|origin| *origin != "null") else {
        return Vec::new();
    };
    let mut send = vec![format!("Access-Control-Allow-Origin: {origin}")];
    if matches!(
        cause,
        Cause::WildcardWithCredentials | Cause::AllowCredentialsNotTrue
    ) {
        send.push("Access-Control-Allow-Credentials: true".to_owned());
    }
    send.push("Vary: Origin".to_owned());
    send
}

fn is_name(text: &str) -> bool {
    let is_of_name =
        |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
    !text.is_empty() && text.bytes().all(is_of_name)
}
