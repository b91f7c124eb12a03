//! The browser's names for what keeps a request from a page.

use serde_json::Value;

use super::text;
use crate::exchange::AskedUrl;
use crate::exchange::word::{Bar, Said, Way};

/// What a `Network.loadingFailed` says.
pub(super) fn of_failure(params: &Value) -> Said {
    let cors = text(params, "/corsErrorStatus/corsError");
    if let Some(code) = cors {
        let parameter = text(params, "/corsErrorStatus/failedParameter");
        return Said::Refused {
            by: of_cors(code),
            code: code.to_owned(),
            parameter: parameter
                .filter(|named| !named.is_empty())
                .map(str::to_owned),
        };
    }
    let error = text(params, "/errorText").unwrap_or_default();
    let reason = text(params, "/blockedReason");
    if let Some(by) = reason.and_then(of_reason).or_else(|| of_error(error)) {
        return Said::Refused {
            by,
            code: reason.unwrap_or(error).to_owned(),
            parameter: None,
        };
    }
    // The page, or the user, gave it up.
    if params.get("canceled") == Some(&Value::Bool(true)) || error == "net::ERR_ABORTED" {
        return Said::Nothing;
    }
    Said::Failed {
        code: reason.unwrap_or(error).to_owned(),
    }
}

/// Of what was not told to be sent, whether that is certain.
pub(super) fn way(said: &Said, url: &AskedUrl) -> Way {
    match said {
        _ if url.is_never_sent() => Way::Kept,
        Said::Refused { by, code, .. } => match by {
            Bar::Csp | Bar::MixedContent | Bar::Client | Bar::LocalNetwork => Way::Kept,
            Bar::Cors if code == "CorsDisabledScheme" => Way::Kept,
            Bar::Cors | Bar::Corp | Bar::Coep | Bar::Orb => Way::Untold,
        },
        Said::Failed { code } if KEPT.contains(&&**code) => Way::Kept,
        Said::Failed { .. } | Said::Nothing | Said::Passed => Way::Untold,
    }
}

/// What Chromium refuses before it asks anybody.
const KEPT: [&str; 4] = [
    "net::ERR_UNSAFE_PORT",
    "net::ERR_DISALLOWED_URL_SCHEME",
    "net::ERR_UNKNOWN_URL_SCHEME",
    "net::ERR_CACHE_MISS",
];

/// `Network.CorsError`: some of them are about local network access.
fn of_cors(code: &str) -> Bar {
    if code.contains("LocalNetwork") || code.contains("PrivateNetwork") {
        Bar::LocalNetwork
    } else {
        Bar::Cors
    }
}

/// `Network.BlockedReason`.
fn of_reason(reason: &str) -> Option<Bar> {
    Some(match reason {
        "csp" => Bar::Csp,
        "mixed-content" => Bar::MixedContent,
        "inspector" | "subresource-filter" => Bar::Client,
        _ if reason.starts_with("coep") || reason.ends_with("-by-coep") => Bar::Coep,
        _ if reason.starts_with("corp") => Bar::Corp,
        _ => return None,
    })
}

/// The names of the network's errors.
fn of_error(error: &str) -> Option<Bar> {
    Some(match error {
        "net::ERR_BLOCKED_BY_ORB" => Bar::Orb,
        "net::ERR_BLOCKED_BY_CSP" => Bar::Csp,
        "net::ERR_BLOCKED_BY_CLIENT" | "net::ERR_BLOCKED_BY_ADMINISTRATOR" => Bar::Client,
        "net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS" => Bar::LocalNetwork,
        _ => return None,
    })
}
