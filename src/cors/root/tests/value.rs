//! Rows: roots that show in what Access-Control-Allow-Origin says.

use super::*;

const CREDENTIALS: (&str, &str) = ("Access-Control-Allow-Credentials", "true");
const AGE: (&str, &str) = ("Age", "12");

/// A story each, and the best root of its last exchange.
pub(super) const ROWS: &[Row<'static>] = &[
    (
        "the asterisk with credentials",
        Some((Root::WildcardAndCredentials, Certain)),
        &[("GET", URL, &[APP, COOKIE], 200, &[ALLOW_ANY, CREDENTIALS])],
    ),
    (
        "the same where the mode is unknown",
        Some((Root::WildcardAndCredentials, Certain)),
        &[("GET", URL, &[APP], 200, &[ALLOW_ANY, CREDENTIALS])],
    ),
    (
        "the asterisk alone is a choice",
        None,
        &[("GET", URL, &[APP, COOKIE], 200, &[ALLOW_ANY])],
    ),
    (
        "two lines",
        Some((Root::DuplicateLayers, High)),
        &[("GET", URL, &[APP], 200, &[ALLOW_ANY, ALLOW_APP])],
    ),
    (
        "one line that was two",
        Some((Root::DuplicateLayers, Medium)),
        &[(
            "GET",
            URL,
            &[APP],
            200,
            &[("Access-Control-Allow-Origin", "*, https://app.test")],
        )],
    ),
    (
        "a list of two origins may be one layer's",
        None,
        &[(
            "GET",
            URL,
            &[APP],
            200,
            &[(
                "Access-Control-Allow-Origin",
                "https://a.test, https://b.test",
            )],
        )],
    ),
    (
        "stored for an image, which has no Origin",
        Some((Root::CachedWithoutVary, Medium)),
        &[
            ("GET", URL, &[], 200, &[NGINX]),
            ("GET", URL_B, &[APP], 200, &[ALLOW_APP, NGINX]),
            ("GET", URL, &[APP], 200, &[AGE, NGINX]),
        ],
    ),
    (
        "others are let in, by a server that looks at the origin",
        Some((Root::AllowlistMiss, High)),
        &[
            ("GET", URL, &[OTHER], 200, &[ALLOW_OTHER, VARY]),
            ("GET", URL, &[APP], 200, &[VARY]),
        ],
    ),
    (
        "it looks at the origin",
        Some((Root::AllowlistMiss, Medium)),
        &[("OPTIONS", URL, &[APP, ASKS_PUT], 200, &[VARY])],
    ),
    (
        "it says everything but the origin",
        Some((Root::AllowlistMiss, Medium)),
        &[("OPTIONS", URL, &[APP, ASKS_PUT], 400, &[ALLOW_PUT])],
    ),
    (
        "rack-cors says so",
        Some((Root::AllowlistMiss, High)),
        &[(
            "GET",
            URL,
            &[APP],
            200,
            &[("X-Rack-CORS", "miss; no-origin")],
        )],
    ),
    (
        "no list, if this origin is let in elsewhere",
        None,
        &[
            ("GET", URL, &[APP], 200, &[ALLOW_APP, VARY]),
            ("GET", URL_B, &[APP], 200, &[VARY]),
        ],
    ),
    (
        "one origin, whoever asks",
        Some((Root::StaticAllowOrigin, High)),
        &[
            ("GET", URL, &[OTHER], 200, &[ALLOW_OTHER]),
            ("GET", URL, &[APP], 200, &[ALLOW_OTHER]),
        ],
    ),
    (
        "one origin, and only one asked",
        Some((Root::StaticAllowOrigin, Medium)),
        &[("GET", URL, &[APP], 200, &[ALLOW_OTHER])],
    ),
    (
        "the page's own origin in another spelling",
        None,
        &[(
            "GET",
            URL,
            &[APP],
            200,
            &[("Access-Control-Allow-Origin", "https://app.test/")],
        )],
    ),
    (
        "stored for another origin",
        Some((Root::CachedWithoutVary, High)),
        &[
            ("GET", URL, &[OTHER], 200, &[ALLOW_OTHER]),
            ("GET", URL, &[APP], 200, &[ALLOW_OTHER, AGE]),
        ],
    ),
    (
        "stored for nobody",
        Some((Root::CachedWithoutVary, High)),
        &[
            ("GET", URL, &[APP], 200, &[ALLOW_APP]),
            (
                "GET",
                URL,
                &[APP],
                200,
                &[("X-Cache", "Hit from cloudfront")],
            ),
        ],
    ),
    (
        "stored, with Vary: not the cache's fault",
        Some((Root::AllowlistMiss, High)),
        &[
            ("GET", URL, &[OTHER], 200, &[ALLOW_OTHER, VARY]),
            ("GET", URL, &[APP], 200, &[VARY, ("Age", "0")]),
        ],
    ),
    (
        "a 304 without what the 200 had",
        Some((Root::ConditionalHeadersOn304, High)),
        &[
            ("GET", URL, &[APP], 200, &[ALLOW_APP]),
            ("GET", URL, &[APP], 304, &[]),
        ],
    ),
];
