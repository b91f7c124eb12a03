use super::*;

fn codes(text: &str) -> Vec<&'static str> {
    let all = read(text);
    assert!(all.len() < 2, "{all:#?}");
    let first = all.into_iter().next();
    first.map_or_else(Vec::new, |one| {
        one.candidates.iter().map(|entry| entry.code).collect()
    })
}

/// A text with something in its holes.
fn filled(says: &str) -> String {
    says.replace('…', "x-y")
}

#[test]
fn the_message_of_every_cause_and_engine_leads_back_to_it() {
    let mut wrong = Vec::new();
    for cause in Cause::ALL {
        for printed in catalogue::printed(cause) {
            let says = filled(printed.says);
            let preflight = if printed.code.starts_with("Preflight") {
                "Response to preflight request doesn't pass access control check: "
            } else {
                ""
            };
            let forms = [
                format!("{preflight}{says}"),
                format!(
                    "app.js:10:5 Uncaught (in promise): {preflight}{says}.\n    at fetchUser (app.js:12:3)"
                ),
                format!("> {}", format!("{preflight}{says}").replace(' ', "\n> ")),
                format!(
                    "{{\"message\":\"{}\"}}",
                    format!("{preflight}{says}").replace('"', "\\\"")
                ),
            ];
            for form in forms {
                let all = read(&form);
                let is_right = matches!(&all[..], [one] if one.code == Some(printed.code)
                    && one.engine == Some(printed.engine)
                    && (one.candidates.iter().any(|entry| entry.code == cause.name())
                        || cause == Cause::AuthorizationNeedsListing));
                if !is_right {
                    wrong.push(format!("{} {:?}: {form}\n{all:?}", cause.name(), printed));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_is_not_cors_leads_to_what_it_is() {
    for alike in alike::ALL.iter().chain(&GENERAL) {
        let found = codes(&format!("(index):3 {} (anonymous)", filled(alike.says)));
        assert_eq!(found, [alike.code], "{}", alike.says);
        assert!(!catalogue::find(alike.code).is_empty(), "{}", alike.code);
    }
}

#[test]
fn what_the_message_tells_of_the_request_is_told() {
    let text = "client.js:7  Access to XMLHttpRequest at 'https://api.test/b?x=1' (redirected from 'https://api.test/a') \
        from origin 'https://app.test' has been blocked by CORS policy: Response to preflight request doesn't pass \
        access control check: No 'Access-Control-Allow-Origin' header is present on the requested resource.";
    let [one] = &read(text)[..] else {
        panic!("one")
    };
    assert_eq!(one.url.as_deref(), Some("https://api.test/b?x=1"));
    assert_eq!(one.redirected_from.as_deref(), Some("https://api.test/a"));
    assert_eq!(one.origin.as_deref(), Some("https://app.test"));
    assert!(one.is_preflight);
    assert_eq!(one.code, Some("PreflightMissingAllowOriginHeader"));
    assert_eq!(
        one.send,
        [
            "Access-Control-Allow-Origin: https://app.test",
            "Vary: Origin"
        ]
    );
    let text = "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at https://api.test/. \
        (Reason: header ‘x-token’ is not allowed according to header ‘Access-Control-Allow-Headers’ from CORS preflight response).";
    let [one] = &read(text)[..] else {
        panic!("one")
    };
    assert_eq!(one.parameter.as_deref(), Some("x-token"));
    assert_eq!(one.url.as_deref(), Some("https://api.test/"));
    assert_eq!(one.send, ["Access-Control-Allow-Headers: x-token"]);
}

#[test]
fn safari_says_the_url_in_the_next_line() {
    let text = "Origin https://app.test is not allowed by Access-Control-Allow-Origin. Status code: 405\n\
        Fetch API cannot load https://api.test/users due to access control checks.";
    let [one] = &read(text)[..] else {
        panic!("one")
    };
    assert_eq!(one.url.as_deref(), Some("https://api.test/users"));
    assert_eq!(
        (one.origin.as_deref(), one.status),
        (Some("https://app.test"), Some(405))
    );
    assert_eq!(one.parameter, None);
}

#[test]
fn null_is_never_to_be_sent() {
    let text = "Access to fetch at 'https://api.test/' from origin 'null' has been blocked by CORS policy: No \
        'Access-Control-Allow-Origin' header is present on the requested resource.";
    let [one] = &read(text)[..] else {
        panic!("one")
    };
    assert_eq!((one.origin.as_deref(), one.send.len()), (Some("null"), 0));
}

#[test]
fn several_messages_are_told_one_by_one_and_the_general_one_only_alone() {
    let text = "Access to fetch at 'https://a.test/' from origin 'https://p.test' has been blocked by CORS policy: Method \
        patch is not allowed by Access-Control-Allow-Methods in preflight response.\n\
        GET https://b.test/ net::ERR_BLOCKED_BY_ORB\nUncaught TypeError: Failed to fetch";
    let all = read(text);
    let first: Vec<&str> = all.iter().map(|one| one.candidates[0].code).collect();
    assert_eq!(first, ["method-case", "orb-suspected"]);
    assert_eq!(all[1].url.as_deref(), Some("https://b.test/"));
    assert_eq!(
        codes("Uncaught (in promise) TypeError: Failed to fetch"),
        ["no-reason-given"]
    );
}

#[test]
fn a_message_that_fits_several_causes_has_them_all_unless_it_tells_more() {
    let mismatch = "The 'Access-Control-Allow-Origin' header has a value 'https://b.test' that is not equal to the supplied origin.";
    assert_eq!(
        codes(mismatch),
        ["allow-origin-mismatch", "redirect-origin-null"]
    );
    let placed = format!(
        "Access to fetch at 'https://a.test/' from origin 'https://p.test' has been blocked by CORS policy: {mismatch}"
    );
    assert_eq!(codes(&placed), ["allow-origin-mismatch"]);
    assert_eq!(
        codes("Origin null is not allowed by Access-Control-Allow-Origin. Status code: 200")[0],
        "redirect-origin-null"
    );
    let firefox = |reason| format!("Cross-Origin Request Blocked: (Reason: {reason}).");
    assert_eq!(
        codes(&firefox(
            "Multiple CORS header ‘Access-Control-Allow-Origin’ not allowed"
        )),
        ["allow-origin-multiple", "no-response"]
    );
    let general = firefox("CORS request did not succeed");
    assert_eq!(codes(&general)[0], "no-response");
}

#[test]
fn other_text_is_no_message() {
    for text in [
        "",
        "nonsense",
        "the method is not allowed",
        "\u{0}\u{ffff}…",
        "'",
        "Method ",
    ] {
        assert_eq!(read(text), [], "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_odd(text in "(Method |is not allowed by |Access-Control-|[’…'\"\\\\]|Origin |net::ERR_CERT_|.){0,30}") {
        read(&text);
    }
}
