//! The demonstration's cases: what the page asks for, and the mistake the server makes.

use serde::Serialize;

/// One button of the page.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Case {
    /// Its name, which is its path on the API too.
    pub(super) name: &'static str,
    /// What goes wrong, in a few words.
    pub(super) title: &'static str,
    /// The options of the page's `fetch`, in JSON.
    pub(super) options: &'static str,
    /// The answer to OPTIONS.
    #[serde(skip)]
    pub(super) preflight: Answer,
    /// The answer to the request proper.
    #[serde(skip)]
    pub(super) actual: Answer,
}

/// What the server answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// A response with these header lines; `ORIGIN` stands for the page's origin, `API` and
    /// `OTHER` for the two API origins.
    Response(u16, &'static [&'static str]),
    /// It closes the connection.
    Nothing,
}

use Answer::{Nothing, Response};

const ALLOW: &str = "Access-Control-Allow-Origin: ORIGIN";
const ALLOW_ALL: &str = "Access-Control-Allow-Origin: *";
const CREDENTIALS: &str = "Access-Control-Allow-Credentials: true";
const METHODS: &str = "Access-Control-Allow-Methods: GET, PUT, PATCH, DELETE";
const HEADERS: &str = "Access-Control-Allow-Headers: content-type, x-custom";

const PLAIN: &str = "{}";
const INCLUDE: &str = r#"{"credentials":"include"}"#;
const PUT: &str = r#"{"method":"PUT"}"#;
const PUT_INCLUDE: &str = r#"{"method":"PUT","credentials":"include"}"#;
const CUSTOM: &str = r#"{"headers":{"x-custom":"1"}}"#;
const CUSTOM_INCLUDE: &str = r#"{"headers":{"x-custom":"1"},"credentials":"include"}"#;

const BARE: Answer = Response(200, &[]);
const FINE: Answer = Response(200, &[ALLOW]);
const FINE_PREFLIGHT: Answer = Response(204, &[ALLOW, CREDENTIALS, METHODS, HEADERS]);

const fn simple(
    name: &'static str,
    title: &'static str,
    options: &'static str,
    actual: Answer,
) -> Case {
    Case {
        name,
        title,
        options,
        preflight: BARE,
        actual,
    }
}

const fn preflighted(
    name: &'static str,
    title: &'static str,
    options: &'static str,
    preflight: Answer,
) -> Case {
    Case {
        name,
        title,
        options,
        preflight,
        actual: FINE,
    }
}

/// All cases: those that fail in the answer itself, in the preflight, at a redirect, and for other
/// reasons than CORS.
pub(super) const CASES: &[Case] = &[
    simple(
        "it-works",
        "For comparison: the server allows this page",
        PLAIN,
        FINE,
    ),
    simple(
        "no-field",
        "The server has never heard of CORS",
        PLAIN,
        BARE,
    ),
    simple(
        "error-page",
        "An error page without the field that all other answers have",
        PLAIN,
        Response(500, &[]),
    ),
    simple(
        "two-lines",
        "Two layers add the field",
        PLAIN,
        Response(200, &[ALLOW, ALLOW]),
    ),
    simple(
        "a-list",
        "A list of origins in one field",
        PLAIN,
        Response(
            200,
            &["Access-Control-Allow-Origin: ORIGIN, https://b.test"],
        ),
    ),
    simple(
        "a-pattern",
        "A pattern: browsers know none",
        PLAIN,
        Response(200, &["Access-Control-Allow-Origin: https://*.demo.test"]),
    ),
    simple(
        "a-name",
        "A host without its scheme",
        PLAIN,
        Response(200, &["Access-Control-Allow-Origin: app"]),
    ),
    simple(
        "a-slash",
        "A slash too many",
        PLAIN,
        Response(200, &["Access-Control-Allow-Origin: ORIGIN/"]),
    ),
    simple(
        "other-origin",
        "The origin of another environment",
        PLAIN,
        Response(
            200,
            &["Access-Control-Allow-Origin: https://staging.demo.test"],
        ),
    ),
    simple(
        "null",
        "null, which allows sandboxed pages only",
        PLAIN,
        Response(200, &["Access-Control-Allow-Origin: null"]),
    ),
    simple(
        "wildcard-cookies",
        "An asterisk, and cookies",
        INCLUDE,
        Response(200, &[ALLOW_ALL, CREDENTIALS]),
    ),
    simple(
        "no-credentials",
        "Cookies that the server does not allow",
        INCLUDE,
        FINE,
    ),
    simple(
        "credentials-case",
        "True is not true",
        INCLUDE,
        Response(200, &[ALLOW, "Access-Control-Allow-Credentials: True"]),
    ),
    preflighted(
        "options-405",
        "No route for OPTIONS",
        PUT,
        Response(405, &["Allow: GET, PUT"]),
    ),
    preflighted(
        "options-401",
        "OPTIONS behind the login",
        PUT,
        Response(
            401,
            &[ALLOW, CREDENTIALS, METHODS, "WWW-Authenticate: Bearer"],
        ),
    ),
    preflighted(
        "options-redirect",
        "OPTIONS redirected to the same path with a slash",
        PUT,
        Response(301, &[ALLOW, METHODS, "Location: /case/options-redirect/"]),
    ),
    preflighted(
        "options-two-lines",
        "Two layers answer OPTIONS",
        PUT,
        Response(204, &[ALLOW, ALLOW, METHODS]),
    ),
    preflighted(
        "options-invalid",
        "A template that was not filled in",
        PUT,
        Response(204, &["Access-Control-Allow-Origin: ${ORIGINS}", METHODS]),
    ),
    preflighted(
        "options-other",
        "OPTIONS allows another origin",
        PUT,
        Response(
            204,
            &["Access-Control-Allow-Origin: https://b.test", METHODS],
        ),
    ),
    preflighted(
        "options-wildcard",
        "OPTIONS answered with an asterisk, and cookies",
        PUT_INCLUDE,
        Response(204, &[ALLOW_ALL, CREDENTIALS, METHODS]),
    ),
    preflighted(
        "options-credentials",
        "Cookies not allowed in the answer to OPTIONS",
        PUT_INCLUDE,
        Response(204, &[ALLOW, METHODS]),
    ),
    preflighted(
        "methods-json",
        "A JSON array in place of a list of methods",
        PUT,
        Response(
            204,
            &[
                ALLOW,
                CREDENTIALS,
                "Access-Control-Allow-Methods: [\"PUT\"]",
            ],
        ),
    ),
    preflighted(
        "headers-json",
        "A JSON array in place of a list of headers",
        CUSTOM,
        Response(
            204,
            &[
                ALLOW,
                CREDENTIALS,
                "Access-Control-Allow-Headers: [\"x-custom\"]",
            ],
        ),
    ),
    preflighted(
        "method",
        "The method is not in the list",
        PUT,
        Response(
            204,
            &[
                ALLOW,
                CREDENTIALS,
                "Access-Control-Allow-Methods: GET, POST",
            ],
        ),
    ),
    preflighted(
        "method-case",
        "A method in small letters",
        r#"{"method":"patch"}"#,
        FINE_PREFLIGHT,
    ),
    preflighted(
        "method-wildcard",
        "An asterisk for methods, and cookies",
        PUT_INCLUDE,
        Response(
            204,
            &[ALLOW, CREDENTIALS, "Access-Control-Allow-Methods: *"],
        ),
    ),
    preflighted(
        "header",
        "A header of our own that is not in the list",
        CUSTOM,
        Response(
            204,
            &[
                ALLOW,
                CREDENTIALS,
                METHODS,
                "Access-Control-Allow-Headers: content-type",
            ],
        ),
    ),
    preflighted(
        "content-type",
        "JSON, and Content-Type is not in the list",
        r#"{"method":"POST","headers":{"content-type":"application/json"},"body":"{}"}"#,
        Response(204, &[ALLOW, CREDENTIALS]),
    ),
    preflighted(
        "header-wildcard",
        "An asterisk for headers, and cookies",
        CUSTOM_INCLUDE,
        Response(
            204,
            &[ALLOW, CREDENTIALS, "Access-Control-Allow-Headers: *"],
        ),
    ),
    Case {
        name: "answer-after-preflight",
        title: "OPTIONS is fine, the answer itself lacks the field",
        options: PUT,
        preflight: FINE_PREFLIGHT,
        actual: BARE,
    },
    simple(
        "redirect-bare",
        "A redirect without the field",
        PLAIN,
        Response(302, &["Location: /case/it-works"]),
    ),
    simple(
        "redirect-null",
        "A redirect to a third origin makes Origin null",
        PLAIN,
        Response(302, &[ALLOW, "Location: OTHER/case/redirect-null/end"]),
    ),
    simple(
        "redirect-user",
        "A redirect to a URL with a password",
        PLAIN,
        Response(
            302,
            &[ALLOW, "Location: https://user:secret@HOST/case/it-works"],
        ),
    ),
    simple(
        "redirect-app",
        "A redirect to an app's own scheme",
        PLAIN,
        Response(302, &[ALLOW, "Location: myapp://login"]),
    ),
    simple(
        "not-cors-closed",
        "Not CORS: the server closes without an answer",
        PLAIN,
        Nothing,
    ),
    Case {
        name: "not-cors-preflight-closed",
        title: "Not CORS: the server closes on OPTIONS",
        options: PUT,
        preflight: Nothing,
        actual: FINE,
    },
];

/// The case of a path on the API.
pub(super) fn of_path(path: &str) -> Option<&'static Case> {
    let name = path.strip_prefix("/case/")?.split(['/', '?']).next()?;
    CASES.iter().find(|case| case.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn cases_have_names_of_their_own_and_options_that_are_json() {
        let names: HashSet<_> = CASES.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), CASES.len());
        for case in CASES {
            serde_json::from_str::<serde_json::Value>(case.options).expect(case.name);
        }
    }

    #[test]
    fn a_path_leads_to_its_case() {
        assert_eq!(of_path("/case/null").map(|case| case.name), Some("null"));
        assert_eq!(
            of_path("/case/redirect-null/end").map(|case| case.name),
            Some("redirect-null")
        );
        assert!(of_path("/case/none").is_none() && of_path("/").is_none());
    }
}
