//! What each engine prints for a cause, letter by letter; `…` stands for what its message names.

use super::Printed;
use crate::cors::cause::Several;
use crate::cors::{Cause, Engine, Phase};

/// What the engines print for a cause.
pub(in crate::report) fn printed(cause: Cause) -> Vec<Printed> {
    let mut all: Vec<Printed> = Vec::new();
    for (engine, phase, several) in variants(cause) {
        let Some(code) = cause.code(engine, phase, several) else {
            continue;
        };
        if all.iter().all(|known| known.code != code) {
            let says = says(engine, code);
            all.push(Printed { engine, code, says });
        }
    }
    all
}

/// The situations in which the engines have codes of their own for a cause.
fn variants(cause: Cause) -> impl Iterator<Item = (Engine, Phase, Option<Several>)> {
    let several: &[Option<Several>] = if cause == Cause::AllowOriginMultiple {
        &[
            Some(Several::Lines),
            Some(Several::Comma),
            Some(Several::Blank),
        ]
    } else {
        &[None, Some(Several::Unanswered)]
    };
    Engine::ALL.into_iter().flat_map(move |engine| {
        let phases = [Phase::Actual, Phase::Preflight];
        phases
            .into_iter()
            .flat_map(move |phase| several.iter().map(move |several| (engine, phase, *several)))
    })
}

/// What an engine says with a code; `…` stands for what the message names.
pub(in crate::report) fn says(engine: Engine, code: &str) -> &'static str {
    match engine {
        Engine::Chromium => chromium(code.strip_prefix("Preflight").unwrap_or(code)),
        Engine::Firefox => firefox(code),
        Engine::Webkit => webkit(code),
    }
}

/// With "Response to preflight request doesn't pass access control check" before it, where the code
/// begins with `Preflight`.
fn chromium(code: &str) -> &'static str {
    match code {
        "MissingAllowOriginHeader" => {
            "No 'Access-Control-Allow-Origin' header is present on the requested resource."
        }
        "MultipleAllowOriginValues" => {
            "The 'Access-Control-Allow-Origin' header contains multiple values '…', but only one is allowed."
        }
        "InvalidAllowOriginValue" => {
            "The 'Access-Control-Allow-Origin' header contains the invalid value '…'."
        }
        "AllowOriginMismatch" => {
            "The 'Access-Control-Allow-Origin' header has a value '…' that is not equal to the supplied origin."
        }
        "WildcardOriginNotAllowed" => {
            "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the \
             request's credentials mode is 'include'."
        }
        "InvalidAllowCredentials" => {
            "The value of the 'Access-Control-Allow-Credentials' header in the response is '…' which must be 'true' when \
             the request's credentials mode is 'include'."
        }
        "InvalidStatus" => "It does not have HTTP ok status.",
        "DisallowedRedirect" => "Redirect is not allowed for a preflight request.",
        "InvalidAllowMethodsPreflightResponse" => {
            "Cannot parse Access-Control-Allow-Methods response header field in preflight response."
        }
        "InvalidAllowHeadersPreflightResponse" => {
            "Cannot parse Access-Control-Allow-Headers response header field in preflight response."
        }
        "MethodDisallowedByPreflightResponse" => {
            "Method … is not allowed by Access-Control-Allow-Methods in preflight response."
        }
        "HeaderDisallowedByPreflightResponse" => {
            "Request header field … is not allowed by Access-Control-Allow-Headers in preflight response."
        }
        "RedirectContainsCredentials" => {
            "Redirect location '…' contains a username and password, which is disallowed for cross-origin requests."
        }
        "CorsDisabledScheme" => "Cross origin requests are only supported for protocol schemes: ….",
        "DisallowedByMode" => "Cross origin requests are not allowed by request mode.",
        "LocalNetworkAccessPermissionDenied" => {
            "Permission was denied for this request to access the `…` address space."
        }
        "InsecureLocalNetwork" => {
            "The request client is not a secure context and the resource is in more-private address space."
        }
        "InvalidLocalNetworkAccess" => {
            "Request had a target IP address space of `…` yet the resource is in `…`."
        }
        "MissingAllowPrivateNetwork" => {
            "No 'Access-Control-Allow-Private-Network' header was present in the preflight response."
        }
        _ => "",
    }
}

/// After "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote
/// resource at …", the reason.
fn firefox(code: &str) -> &'static str {
    match code {
        "CORSMissingAllowOrigin" => "CORS header ‘Access-Control-Allow-Origin’ missing",
        "CORSMultipleAllowOriginNotAllowed" => {
            "Multiple CORS header ‘Access-Control-Allow-Origin’ not allowed"
        }
        "CORSAllowOriginNotMatchingOrigin" => {
            "CORS header ‘Access-Control-Allow-Origin’ does not match ‘…’"
        }
        "CORSNotSupportingCredentials" => {
            "Credential is not supported if the CORS header ‘Access-Control-Allow-Origin’ is ‘*’"
        }
        "CORSMissingAllowCredentials" => {
            "expected ‘true’ in CORS header ‘Access-Control-Allow-Credentials’"
        }
        "CORSPreflightDidNotSucceed" => "CORS preflight response did not succeed",
        "CORSExternalRedirectNotAllowed" => "CORS request external redirect not allowed",
        "CORSInvalidAllowMethod" => {
            "invalid token ‘…’ in CORS header ‘Access-Control-Allow-Methods’"
        }
        "CORSInvalidAllowHeader" => {
            "invalid token ‘…’ in CORS header ‘Access-Control-Allow-Headers’"
        }
        "CORSMethodNotFound" => "Did not find method in CORS header ‘Access-Control-Allow-Methods’",
        "CORSMissingAllowHeaderFromPreflight" => {
            "header ‘…’ is not allowed according to header ‘Access-Control-Allow-Headers’ from CORS preflight response"
        }
        "CORSRequestNotHttp" => "CORS request not http",
        "CORSDidNotSucceed" => "CORS request did not succeed",
        "CORSOriginHeaderNotAdded" => "CORS header ‘Origin’ cannot be added",
        "CORSDisabled" => "CORS disabled",
        _ => "",
    }
}

/// WebKit has texts only; the codes are names for them.
fn webkit(code: &str) -> &'static str {
    match code {
        "origin-not-allowed" => {
            "Origin … is not allowed by Access-Control-Allow-Origin. Status code: …"
        }
        "multiple-allow-origin" => {
            "Access-Control-Allow-Origin cannot contain more than one origin."
        }
        "wildcard-with-credentials" => {
            "Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true."
        }
        "allow-credentials-not-true" => {
            "Credentials flag is true, but Access-Control-Allow-Credentials is not \"true\"."
        }
        "preflight-not-successful" => "Preflight response is not successful. Status code: …",
        "allow-methods-invalid" => "Header Access-Control-Allow-Methods has an invalid value: …",
        "allow-headers-invalid" => "Header Access-Control-Allow-Headers has an invalid value: …",
        "method-not-allowed" => "Method … is not allowed by Access-Control-Allow-Methods.",
        "header-not-allowed" => {
            "Request header field … is not allowed by Access-Control-Allow-Headers."
        }
        "redirect-has-credentials" => "redirection URL … has credentials",
        "redirect-scheme-not-cors" => {
            "not allowed to follow a cross-origin CORS redirection with non CORS scheme"
        }
        "scheme-not-http" => "Cross origin requests are only supported for HTTP.",
        _ => "",
    }
}
