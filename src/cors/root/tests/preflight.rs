//! Rows: roots that show in how OPTIONS is answered.

use super::*;

const JSON: (&str, &str) = ("Access-Control-Request-Headers", "content-type");
const TRACES: (&str, &str) = ("Access-Control-Request-Headers", "sentry-trace,baggage");
const GET: (&str, &str) = ("Access-Control-Request-Method", "GET");

/// A story each, and the best root of its last exchange.
pub(super) const ROWS: &[Row<'static>] = &[
    (
        "a bucket without a configuration",
        Some((Root::NoCorsConfig, Medium)),
        &[(
            "OPTIONS",
            URL,
            &[APP, ASKS_PUT],
            403,
            &[("Server", "AmazonS3")],
        )],
    ),
    (
        "a slash",
        Some((Root::OptionsRedirectSlash, Certain)),
        &[(
            "OPTIONS",
            URL,
            &[APP, ASKS_PUT],
            301,
            &[("Location", "/a/")],
        )],
    ),
    (
        "https",
        Some((Root::OptionsRedirectHttps, Certain)),
        &[(
            "OPTIONS",
            "http://api.test/a",
            &[APP, ASKS_PUT],
            308,
            &[("Location", "https://api.test/a")],
        )],
    ),
    (
        "another host",
        Some((Root::OptionsRedirectHost, High)),
        &[(
            "OPTIONS",
            URL,
            &[APP, ASKS_PUT],
            301,
            &[("Location", "https://www.api.test/a")],
        )],
    ),
    (
        "a login",
        Some((Root::OptionsRedirectLogin, High)),
        &[(
            "OPTIONS",
            URL,
            &[APP, ASKS_PUT],
            302,
            &[("Location", "/login?next=a")],
        )],
    ),
    (
        "401",
        Some((Root::OptionsNeedsAuth, High)),
        &[(
            "OPTIONS",
            URL,
            &[APP, ASKS_PUT],
            401,
            &[("WWW-Authenticate", "Basic")],
        )],
    ),
    (
        "403, where credentials help",
        Some((Root::OptionsNeedsAuth, High)),
        &[
            ("GET", URL, &[COOKIE], 200, &[]),
            ("OPTIONS", URL, &[APP, ASKS_PUT], 403, &[]),
        ],
    ),
    (
        "405, where GET is answered",
        Some((Root::OptionsNoRoute, High)),
        &[
            ("GET", URL, &[], 200, &[]),
            ("OPTIONS", URL, &[APP, ASKS_PUT], 405, &[]),
        ],
    ),
    (
        "405, which says so",
        Some((Root::OptionsNoRoute, High)),
        &[(
            "OPTIONS",
            URL,
            &[APP, ASKS_PUT],
            405,
            &[("Allow", "GET, PUT")],
        )],
    ),
    (
        "404 for everybody",
        Some((Root::NoCorsConfig, Low)),
        &[
            ("GET", URL, &[], 404, &[]),
            ("OPTIONS", URL, &[APP, ASKS_PUT], 404, &[]),
        ],
    ),
    (
        "a library's headers",
        Some((Root::TraceHeadersAdded, High)),
        &[("OPTIONS", URL, &[APP, GET, TRACES], 204, &[ALLOW_APP])],
    ),
    (
        "a library's headers, and nothing else to ask for",
        Some((Root::NoCorsConfig, Medium)),
        &[("OPTIONS", URL, &[APP, GET, TRACES], 200, &[])],
    ),
    (
        "JSON, where forms are let in",
        Some((Root::SimpleRequestExpected, Medium)),
        &[
            ("POST", URL_B, &[APP], 200, &[ALLOW_APP]),
            ("OPTIONS", URL, &[APP, ASKS_POST, JSON], 400, &[]),
        ],
    ),
];
