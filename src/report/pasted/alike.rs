//! What engines print for what is taken for CORS, and what they printed for CORS before.

use crate::cors::Engine::{self, Chromium, Firefox, Webkit};

/// A text that is not about CORS.
pub(super) struct Alike {
    /// The engine; nothing where it is the text of a code that several tools print.
    pub(super) engine: Option<Engine>,
    /// The code of the catalogue.
    pub(super) code: &'static str,
    /// The text, with `…` for what differs.
    pub(super) says: &'static str,
}

const fn of(engine: Engine, code: &'static str, says: &'static str) -> Alike {
    Alike {
        engine: Some(engine),
        code,
        says,
    }
}

/// Older wordings, and other ones, of what an engine has a code for.
pub(super) fn older(engine: Engine, code: &str) -> impl Iterator<Item = &'static str> {
    let older: &[&str] = match (engine, code) {
        (Chromium, "InvalidAllowCredentials" | "PreflightInvalidAllowCredentials") => &[
            "Credentials flag is 'true', but the 'Access-Control-Allow-Credentials' header is '…'. It must be 'true'",
        ],
        (Chromium, "PreflightInvalidStatus") => &[
            "Response for preflight has invalid HTTP status code …",
            "Response for preflight does not have HTTP ok status",
        ],
        (Chromium, "CorsDisabledScheme") => {
            &["Cross origin requests are only supported for HTTP, data, …"]
        }
        (Chromium, "PreflightDisallowedRedirect") => {
            &["Response for preflight is invalid (redirect)"]
        }
        (Chromium, "InsecureLocalNetwork") => &[
            "The request client is not a secure context and the resource is in more-private address space `…`",
        ],
        (Firefox, "CORSMissingAllowHeaderFromPreflight") => &[
            "missing token '…' in CORS header 'Access-Control-Allow-Headers' from CORS preflight channel",
        ],
        (Firefox, "CORSPreflightDidNotSucceed") => &["CORS preflight channel did not succeed"],
        (Firefox, "CORSDidNotSucceed") => &["CORS request failed"],
        (Webkit, "origin-not-allowed") => {
            &["Origin … is not allowed by Access-Control-Allow-Origin"]
        }
        (Webkit, "preflight-not-successful") => &["Preflight response is not successful"],
        _ => &[],
    };
    older.iter().copied()
}

/// Texts that say nothing: the page gets no more, and the reason stands in another line.
pub(super) const GENERAL: [Alike; 6] = [
    of(Chromium, "no-reason-given", "TypeError: Failed to fetch"),
    of(Chromium, "no-reason-given", "net::ERR_FAILED"),
    of(
        Firefox,
        "no-reason-given",
        "NetworkError when attempting to fetch resource",
    ),
    of(Webkit, "no-reason-given", "TypeError: Load failed"),
    Alike {
        engine: None,
        code: "no-reason-given",
        says: "AxiosError: Network Error",
    },
    of(Webkit, "no-reason-given", "due to access control checks"),
];

/// Texts that are not about CORS.
pub(super) const ALL: &[Alike] = &[
    of(
        Chromium,
        "csp",
        "violates the following Content Security Policy directive: \"…\"",
    ),
    of(
        Chromium,
        "csp",
        "because it violates the document's Content Security Policy",
    ),
    of(
        Firefox,
        "csp",
        "The page's settings blocked the loading of a resource (…) at … because it violates the following directive: \"…\"",
    ),
    of(
        Firefox,
        "csp",
        "The page's settings blocked the loading of a resource at …",
    ),
    of(
        Firefox,
        "csp",
        "The page's settings blocked … because it violates the following directive: \"…\"",
    ),
    of(
        Webkit,
        "csp",
        "because it does not appear in the … directive of the Content Security Policy",
    ),
    of(
        Chromium,
        "mixed-content-blocked",
        "was loaded over HTTPS, but requested an insecure … '…'",
    ),
    of(
        Firefox,
        "mixed-content-blocked",
        "Blocked loading mixed active content \"…\"",
    ),
    of(
        Firefox,
        "mixed-content-blocked",
        "Blocked loading mixed display content \"…\"",
    ),
    of(
        Webkit,
        "mixed-content-blocked",
        "requested insecure content from …. This content was blocked",
    ),
    of(
        Webkit,
        "mixed-content-blocked",
        "was not allowed to run insecure content from …",
    ),
    of(
        Chromium,
        "corp-blocked",
        "net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin",
    ),
    of(
        Chromium,
        "corp-blocked",
        "net::ERR_BLOCKED_BY_RESPONSE.NotSameSite",
    ),
    of(
        Firefox,
        "corp-blocked",
        "The resource at \"…\" was blocked due to its Cross-Origin-Resource-Policy header",
    ),
    of(
        Webkit,
        "corp-blocked",
        "Cancelled load to … because it violates the resource's Cross-Origin-Resource-Policy response header",
    ),
    of(
        Chromium,
        "coep-blocked",
        "net::ERR_BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByCoep",
    ),
    of(
        Chromium,
        "coep-blocked",
        "net::ERR_BLOCKED_BY_RESPONSE.CoepFrameResourceNeedsCoepHeader",
    ),
    of(
        Firefox,
        "coep-blocked",
        "The resource at \"…\" was blocked due to its Cross-Origin-Embedder-Policy",
    ),
    of(
        Chromium,
        "framing-refused",
        "in a frame because it set 'X-Frame-Options' to '…'",
    ),
    of(
        Chromium,
        "framing-refused",
        "in a frame because it set multiple 'X-Frame-Options' headers with conflicting values ('…')",
    ),
    of(
        Chromium,
        "framing-refused",
        "Framing '…' violates the following Content Security Policy directive: \"frame-ancestors …\"",
    ),
    of(
        Firefox,
        "framing-refused",
        "The loading of \"…\" in a frame is denied by \"X-Frame-Options\" directive set to \"…\"",
    ),
    of(
        Firefox,
        "framing-refused",
        "blocked the loading of a resource (frame-ancestors) at",
    ),
    of(Chromium, "orb-suspected", "net::ERR_BLOCKED_BY_ORB"),
    of(
        Chromium,
        "orb-suspected",
        "Cross-Origin Read Blocking (CORB) blocked cross-origin response … with MIME type …",
    ),
    of(
        Firefox,
        "orb-suspected",
        "is blocked by OpaqueResponseBlocking",
    ),
    of(
        Firefox,
        "orb-suspected",
        "The resource at \"…\" was blocked by OpaqueResponseBlocking",
    ),
    of(Chromium, "mime-type", "because its MIME type ('…') is not"),
    of(
        Chromium,
        "mime-type",
        "module script but the server responded with a MIME type of \"…\"",
    ),
    of(
        Firefox,
        "mime-type",
        "was blocked due to MIME type (\"…\") mismatch",
    ),
    of(
        Firefox,
        "mime-type",
        "was blocked because of a disallowed MIME type (\"…\")",
    ),
    of(
        Firefox,
        "mime-type",
        "was not loaded because its MIME type, \"…\", is not",
    ),
    of(
        Webkit,
        "mime-type",
        "because non CSS MIME types are not allowed in strict mode",
    ),
    of(
        Webkit,
        "mime-type",
        "because \"X-Content-Type-Options: nosniff\" was given and its Content-Type is not",
    ),
    of(
        Webkit,
        "mime-type",
        "'…' is not a valid JavaScript MIME type",
    ),
    of(
        Chromium,
        "sri",
        "Failed to find a valid digest in the 'integrity' attribute for resource '…'",
    ),
    of(
        Chromium,
        "sri",
        "has an integrity attribute, but the resource requires the request to be CORS enabled",
    ),
    of(
        Firefox,
        "sri",
        "hashes in the integrity attribute match the content of the subresource at \"…\"",
    ),
    of(
        Firefox,
        "sri",
        "is not eligible for integrity checks since it's neither CORS-enabled nor same-origin",
    ),
    of(Webkit, "sri", "Failed integrity metadata check"),
    of(
        Chromium,
        "websocket-origin",
        "Error during WebSocket handshake: Unexpected response code: …",
    ),
    of(
        Webkit,
        "websocket-origin",
        "failed: The server did not accept the WebSocket handshake",
    ),
    of(
        Firefox,
        "websocket-origin",
        "can't establish a connection to the server at wss://…",
    ),
    of(
        Firefox,
        "websocket-origin",
        "can't establish a connection to the server at ws://…",
    ),
    of(
        Firefox,
        "no-answer",
        "can't establish a connection to the server at http…",
    ),
    of(Chromium, "dns-failure", "net::ERR_NAME_NOT_RESOLVED"),
    of(Webkit, "dns-failure", "Error resolving \"…\""),
    of(Chromium, "connect-refused", "net::ERR_CONNECTION_REFUSED"),
    of(Chromium, "connect-refused", "net::ERR_ADDRESS_UNREACHABLE"),
    of(
        Webkit,
        "connect-refused",
        "Could not connect to …: Connection refused",
    ),
    of(Chromium, "tls-upstream", "net::ERR_CERT_…"),
    of(Chromium, "tls-upstream", "net::ERR_SSL_…"),
    of(
        Webkit,
        "tls-upstream",
        "Peer failed to perform TLS handshake",
    ),
    of(Webkit, "tls-upstream", "Unacceptable TLS certificate"),
    of(Chromium, "timeout", "net::ERR_TIMED_OUT"),
    of(Chromium, "timeout", "net::ERR_CONNECTION_TIMED_OUT"),
    of(Chromium, "no-answer", "net::ERR_EMPTY_RESPONSE"),
    of(Chromium, "no-answer", "net::ERR_CONNECTION_RESET"),
    of(Chromium, "no-answer", "net::ERR_CONNECTION_CLOSED"),
    of(Chromium, "no-answer", "net::ERR_INVALID_HTTP_RESPONSE"),
    of(Webkit, "no-answer", "Connection terminated unexpectedly"),
    of(Webkit, "no-answer", "Could not parse HTTP response"),
    of(
        Webkit,
        "no-answer",
        "Error receiving data: Connection reset by peer",
    ),
    of(Webkit, "no-answer", "The network connection was lost"),
    of(Chromium, "redirect-loop", "net::ERR_TOO_MANY_REDIRECTS"),
    of(
        Webkit,
        "redirect-loop",
        "Load cannot follow more than 20 redirections",
    ),
    of(
        Chromium,
        "samesite-cookie",
        "because it had the \"SameSite=…\" attribute",
    ),
    of(
        Chromium,
        "samesite-cookie",
        "didn't specify a \"SameSite\" attribute",
    ),
    of(
        Firefox,
        "samesite-cookie",
        "because it is in a cross-site context and its \"SameSite\" is …",
    ),
    of(
        Chromium,
        "not-exposed",
        "Refused to get unsafe header \"…\"",
    ),
    of(Webkit, "not-exposed", "Refused to get unsafe header …"),
    of(
        Chromium,
        "scheme-not-cors",
        "URL scheme \"…\" is not supported",
    ),
    of(
        Chromium,
        "scheme-not-cors",
        "Not allowed to load local resource: …",
    ),
    of(Firefox, "scheme-not-cors", "may not load or link to …"),
    of(
        Chromium,
        "mode-forbids",
        "Unsafe attempt to load URL … from frame with URL … Domains, protocols and ports must match",
    ),
    of(
        Webkit,
        "mode-forbids",
        "Unsafe attempt to load URL … from origin … Domains, protocols and ports must match",
    ),
    of(
        Firefox,
        "mode-forbids",
        "Security Error: Content at … may not load data from …",
    ),
    of(
        Webkit,
        "mode-forbids",
        "Not allowed to follow a redirection while loading …",
    ),
    of(
        Chromium,
        "refused-before-network",
        "Failed to execute 'fetch' on 'Window': '…' HTTP method is unsupported",
    ),
    of(
        Chromium,
        "refused-before-network",
        "Request cannot be constructed from a URL that includes credentials",
    ),
    of(
        Firefox,
        "refused-before-network",
        "Window.fetch: Invalid request method …",
    ),
    of(
        Firefox,
        "refused-before-network",
        "is an url with embedded credentials",
    ),
    of(
        Webkit,
        "refused-before-network",
        "TypeError: Method is forbidden",
    ),
    of(
        Webkit,
        "refused-before-network",
        "URL is not valid or contains user credentials",
    ),
    of(Chromium, "blocked-in-browser", "net::ERR_BLOCKED_BY_CLIENT"),
    of(Chromium, "aborted-by-script", "net::ERR_ABORTED"),
    of(Firefox, "aborted-by-script", "The operation was aborted"),
    of(Webkit, "aborted-by-script", "Fetch is aborted"),
];
