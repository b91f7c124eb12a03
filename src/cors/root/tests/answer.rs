//! Rows: roots that show in which layer answers.

use super::*;

const EXPRESS: (&str, &str) = ("X-Powered-By", "Express");

/// A story each, and the best root of its last exchange.
pub(super) const ROWS: &[Row<'static>] = &[
    (
        "nothing anywhere",
        Some((Root::NoCorsConfig, High)),
        &[
            ("OPTIONS", URL_B, &[APP, ASKS_PUT], 405, &[NGINX]),
            ("GET", URL, &[APP], 200, &[NGINX]),
        ],
    ),
    (
        "nothing in the one answer there is",
        Some((Root::NoCorsConfig, Medium)),
        &[("GET", URL, &[APP], 200, &[NGINX])],
    ),
    (
        "one error shows little",
        Some((Root::NoCorsConfig, Low)),
        &[("GET", URL, &[APP], 500, &[NGINX])],
    ),
    (
        "the error lacks what the success has",
        Some((Root::ErrorPathWithoutCors, High)),
        &[
            ("GET", URL, &[APP], 200, &[ALLOW_APP]),
            ("GET", URL_B, &[APP], 500, &[HTML]),
        ],
    ),
    (
        "a success of somebody else shows nothing",
        Some((Root::AllowlistMiss, Low)),
        &[
            ("GET", URL, &[OTHER], 200, &[ALLOW_OTHER]),
            ("GET", URL_B, &[APP], 500, &[HTML]),
        ],
    ),
    (
        "a gateway",
        Some((Root::GatewayError, High)),
        &[("GET", URL, &[APP], 504, &[NGINX, HTML])],
    ),
    (
        "what may be a gateway",
        Some((Root::GatewayError, Medium)),
        &[("GET", URL, &[APP], 503, &[("Via", "1.1 x")])],
    ),
    (
        "a challenge",
        Some((Root::WafOrBotChallenge, High)),
        &[(
            "GET",
            URL,
            &[APP],
            403,
            &[
                ("cf-mitigated", "challenge"),
                ("Server", "cloudflare"),
                HTML,
            ],
        )],
    ),
    (
        "a page of a defence",
        Some((Root::WafOrBotChallenge, Medium)),
        &[("GET", URL, &[APP], 403, &[("Server", "AkamaiGHost"), HTML])],
    ),
    (
        "a refusal of the application's own",
        Some((Root::NoCorsConfig, Low)),
        &[(
            "GET",
            URL,
            &[APP],
            403,
            &[("Content-Type", "application/json")],
        )],
    ),
    (
        "too large",
        Some((Root::BodyOrHeaderLimit, High)),
        &[("POST", URL, &[APP], 413, &[NGINX, HTML])],
    ),
    (
        "this name is refused, another is not",
        Some((Root::HostNotAuthorised, High)),
        &[
            (
                "GET",
                "http://localhost:3000/a",
                &[],
                200,
                &[("X-Runtime", "0.1")],
            ),
            ("GET", "http://api.test:3000/a", &[APP], 403, &[HTML]),
        ],
    ),
    (
        "a redirect to log in",
        Some((Root::LoginRedirectOnXhr, High)),
        &[(
            "GET",
            URL,
            &[APP],
            302,
            &[("Location", "https://sso.test/login?next=a")],
        )],
    ),
    (
        "the page to log in at",
        Some((Root::LoginRedirectOnXhr, High)),
        &[
            (
                "GET",
                URL,
                &[APP],
                302,
                &[ALLOW_APP, ("Location", "https://sso.test/login")],
            ),
            (
                "GET",
                "https://sso.test/login",
                &[("Origin", "null")],
                200,
                &[HTML],
            ),
        ],
    ),
    (
        "preflights are answered in front",
        Some((Root::PreflightAnsweredByOtherLayer, High)),
        &[
            (
                "OPTIONS",
                URL,
                &[APP, ASKS_PUT],
                204,
                &[NGINX, ALLOW_APP, ALLOW_PUT],
            ),
            ("PUT", URL, &[APP], 200, &[("Server", "uvicorn")]),
        ],
    ),
    (
        "preflights are answered in front, under one name",
        Some((Root::PreflightAnsweredByOtherLayer, Medium)),
        &[
            (
                "OPTIONS",
                URL,
                &[APP, ASKS_PUT],
                204,
                &[NGINX, ALLOW_APP, ALLOW_PUT],
            ),
            ("PUT", URL, &[APP], 200, &[NGINX, EXPRESS]),
        ],
    ),
];
