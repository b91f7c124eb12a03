//! What is kept, what is withheld, and how.

use super::*;

fn redactor() -> Redactor {
    Redactor::new(&[7; 32], Values::Harmless)
}

fn field(name: &str, value: &str) -> Value {
    redactor().field(name.as_bytes(), value.as_bytes()).1
}

#[test]
fn only_harmless_values_stay() {
    assert_eq!(
        field("Content-Type", "text/html"),
        Value::Plain("text/html".to_owned())
    );
    for name in [
        "Cookie",
        "Authorization",
        "Set-Cookie",
        "X-Anything",
        "ETag",
    ] {
        let Value::Withheld(withheld) = field(name, "secret") else {
            panic!("{name} is kept")
        };
        assert_eq!(withheld.length, 6);
        assert!(withheld.digest.starts_with("k1:") && withheld.digest.len() == 19);
    }
}

#[test]
fn equal_values_have_equal_digests_within_a_run_only() {
    assert_eq!(field("Cookie", "a"), field("Authorization", "a"));
    assert_ne!(field("Cookie", "a"), field("Cookie", "b"));
    let other = Redactor::new(&[8; 32], Values::Harmless);
    assert_ne!(other.field(b"Cookie", b"a").1, field("Cookie", "a"));
}

#[test]
fn a_withheld_value_is_an_object_in_json() {
    let json = serde_json::to_value(field("Cookie", "abc")).expect("plain");
    assert_eq!(json["withheld"], true);
    assert_eq!(json["length"], 3);
    assert_eq!(
        serde_json::from_value::<Value>(json).expect("ours"),
        field("Cookie", "abc")
    );
}

#[test]
fn urls_keep_their_shape_and_lose_their_secrets() {
    let url = |url: &str| redactor().url(url);
    assert_eq!(
        url("https://u:p@a.test:8443/b/c#d"),
        "https://a.test:8443/b/c"
    );
    assert_eq!(url("/users?page="), "/users?page=");
    assert!(url("/users?code=s3cret&x").starts_with("/users?code={withheld:6:k1:"));
    assert!(url("/users?code=s3cret&x").ends_with("}&x"));
    let token = "0f8fad5b-d9cb-469f-a165-70867728950e";
    assert!(
        url(&format!("https://a.test/reset/{token}/go"))
            .starts_with("https://a.test/reset/{withheld:36:")
    );
    assert!(url(&format!("/x?{token}")).starts_with("/x?{withheld:36:"));
    let words = "/a-path-that-people-have-named-at-length-but-that-holds-no-secret-at-all-2026";
    assert_eq!(url(words), words);
    assert_eq!(url("//u@a.test/b"), "//a.test/b");
}

#[test]
fn names_are_kept_unless_they_are_opaque() {
    let name = |name: &str| redactor().name(name);
    assert_eq!(
        name("x-amz-server-side-encryption-context"),
        "x-amz-server-side-encryption-context"
    );
    assert!(name("x-tenant-4eC39HqLyjWDarjtT1zdp7dc").starts_with("{withheld:33:"));
    assert!(name(&"a".repeat(65)).starts_with("{withheld:65:"));
    assert_eq!(redactor().names("x-a, content-type"), "x-a, content-type");
}

#[test]
fn no_spelling_of_a_reference_keeps_a_password() {
    for reference in [
        "https:\\\\u:hunter2@a.test\\b",
        "https:/u:hunter2@a.test/b",
        "https:u:hunter2@a.test/b",
        "https:///u:hunter2@a.test/b",
        "/\\u:hunter2@a.test/b",
        "\\\\u:hunter2@a.test/b",
        "//u:hunter2@a.test",
        "/a;token=hunter2",
        "/a;b;jsessionid%3Dhunter2/c",
        "/b?token=hunter2&c",
        "/b?token%3Dhunter2",
    ] {
        let kept = redactor().url(reference);
        assert!(!kept.contains("hunter2"), "{reference}: {kept}");
    }
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r";
    for reference in [
        format!("/proxy/{token}/https://a.test/b"),
        format!("myapp://{token}"),
        format!("myapp:{token}"),
    ] {
        let kept = redactor().url(&reference);
        assert!(!kept.contains(token), "{reference}: {kept}");
    }
    for (name, value) in [
        ("Host", "u:hunter2@a.test"),
        ("Origin", "https://u:p@a.test"),
    ] {
        assert!(matches!(field(name, value), Value::Withheld(_)), "{name}");
    }
}

#[test]
fn a_url_in_the_place_of_an_origin_keeps_no_secret() {
    let origin = |value: &str| match field("Access-Control-Allow-Origin", value) {
        Value::Plain(value) => value,
        Value::Withheld(_) => "withheld".to_owned(),
    };
    for plain in [
        "https://a.test",
        "https://a.test/",
        "https://a.test, https://b.test",
        "https://a.test https://b.test:8443",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "null",
        "*",
        "",
    ] {
        assert_eq!(origin(plain), plain);
    }
    let kept = origin("https://a.test/in?code=hunter2, https://b.test");
    assert!(
        kept.starts_with("https://a.test/in?code={withheld:7:k1:"),
        "{kept}"
    );
    assert!(kept.ends_with("}, https://b.test"), "{kept}");
    assert_eq!(origin("https://a.test#hunter2"), "withheld");
    assert_eq!(
        field("Host", "a.test:80"),
        Value::Plain("a.test:80".to_owned())
    );
}

#[test]
fn a_method_that_looks_like_a_token_is_withheld() {
    let token = "X-4eC39HqLyjWDarjtT1zdp7dc";
    for name in [
        "Allow",
        "Access-Control-Allow-Methods",
        "Access-Control-Request-Method",
    ] {
        let Value::Plain(kept) = field(name, &format!("PUT, {token}")) else {
            panic!("{name} is withheld");
        };
        assert!(kept.starts_with("PUT, {withheld:26:"), "{kept}");
    }
    assert_eq!(
        field("Allow", "GET, PROPFIND"),
        Value::Plain("GET, PROPFIND".to_owned())
    );
}

#[test]
fn what_is_withheld_stays_as_it_is() {
    let token = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let once = redactor().url(&format!(
        "https://a.test/reset/{token}?code={token}&{token}"
    ));
    let other = Redactor::new(&[8; 32], Values::Harmless);
    assert_eq!(other.url(&once), once);
    let encoded = once.replace('{', "%7B").replace('}', "%7D");
    assert_eq!(other.url(&encoded), once, "as HAR files have it");
    let names = redactor().names(&format!("x-a, x-tenant-{token}"));
    assert_eq!(other.names(&names), names);
    let almost = format!("{{withheld:{token}:k1:0123456789abcdef}}");
    assert!(!other.url(&format!("/{almost}")).contains(token));
}

#[test]
fn a_field_that_is_named_keeps_its_value() {
    let included = redactor().including(&["X-Trace".to_owned()]);
    assert_eq!(
        included.field(b"x-trace", b"abc").1,
        Value::Plain("abc".to_owned())
    );
    assert!(matches!(
        included.field(b"Cookie", b"abc").1,
        Value::Withheld(_)
    ));
}

#[test]
fn octets_are_counted_as_they_went_over_the_wire() {
    let kept = redactor().url("/?name=\u{e9}\u{e9}");
    assert!(kept.starts_with("/?name={withheld:2:"), "{kept}");
}

#[test]
fn values_all_is_the_explicit_exception() {
    let all = Redactor::new(&[7; 32], Values::All);
    assert_eq!(
        all.field(b"Cookie", b"a=1").1,
        Value::Plain("a=1".to_owned())
    );
    assert_eq!(all.url("https://u@a.test/?b=c"), "https://u@a.test/?b=c");
}
