//! Secrets: what a capture must not hold, and what stands there instead.
//!
//! The rule is an allowlist. Values of fields known to be harmless stay; every other value becomes
//! its length and a keyed digest, so that equal values can be told from different ones within a
//! run, and nothing else can. The key lives in memory only.

mod opaque;
mod reference;

use std::fmt::{self, Write};

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};

use self::opaque::{is_made_of_words, is_opaque};
use self::reference::{Parts, without_userinfo};
use crate::wire::headers::{from_latin1, latin1};

/// Header names longer than this are withheld.
const MOST_NAME: usize = 64;

/// Fields whose values are harmless: CORS, fetch metadata, content type, caching, connection and
/// server; lower case, sorted.
const HARMLESS: [&str; 56] = [
    "accept",
    "accept-ch",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "access-control-allow-credentials",
    "access-control-allow-origin",
    "access-control-allow-private-network",
    "access-control-max-age",
    "access-control-request-private-network",
    "age",
    "alt-svc",
    "cache-control",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "corstap-rewrite",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "dnt",
    "expect",
    "expires",
    "host",
    "keep-alive",
    "last-modified",
    "origin",
    "origin-agent-cluster",
    "pragma",
    "priority",
    "range",
    "referrer-policy",
    "retry-after",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-storage-access",
    "sec-fetch-user",
    "sec-gpc",
    "server",
    "strict-transport-security",
    "te",
    "timing-allow-origin",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-cache",
    "x-content-type-options",
    "x-powered-by",
];

/// Fields whose values are lists of header names or of methods.
const NAME_LISTS: [&str; 9] = [
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-expose-headers",
    "access-control-request-headers",
    "access-control-request-method",
    "allow",
    "connection",
    "trailer",
    "vary",
];

/// Fields whose values are origins. Some servers put the whole URL of the page there.
const ORIGINS: [&str; 3] = [
    "access-control-allow-origin",
    "origin",
    "timing-allow-origin",
];

/// Fields whose values are URLs.
const URLS: [&str; 3] = ["content-location", "location", "referer"];

/// A field value as a capture holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// The value itself; octets that are not ASCII are read as Latin-1.
    Plain(String),
    /// A value withheld.
    Withheld(Withheld),
}

/// What stands in place of a value that is withheld.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    #[serde(rename = "withheld")]
    mark: True,
    /// Its length in octets.
    pub length: usize,
    /// Its keyed digest: equal within a run if and only if the values are.
    pub digest: String,
}

/// The JSON value `true`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
struct True;

impl From<True> for bool {
    fn from(True: True) -> Self {
        true
    }
}

impl TryFrom<bool> for True {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        if value {
            Ok(Self)
        } else {
            Err("a value that is not withheld is a string")
        }
    }
}

impl fmt::Debug for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{withheld:{}:{}}}", self.length, self.digest)
    }
}

/// What a capture holds of the values that cross it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Those known to be harmless.
    Harmless,
    /// All of them: the explicit exception, marked in the capture.
    All,
}

/// Withholds what a capture must not hold.
pub struct Redactor {
    key: hmac::Key,
    values: Values,
    /// The fields whose values stay all the same, because the user named them: lower case.
    included: Vec<String>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("values", &self.values)
            .finish_non_exhaustive()
    }
}

impl Redactor {
    /// With a key that no one else knows.
    pub fn new(key: &[u8; 32], values: Values) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            values,
            included: Vec::new(),
        }
    }

    /// The same, which lets the values of these fields stand.
    #[must_use]
    pub fn including(mut self, fields: &[String]) -> Self {
        self.included = fields
            .iter()
            .map(|field| field.to_ascii_lowercase())
            .collect();
        self
    }

    /// What a capture holds by this.
    pub fn values(&self) -> Values {
        self.values
    }

    /// A field as a capture holds it.
    pub fn field(&self, name: &[u8], value: &[u8]) -> (String, Value) {
        let text = || latin1(value).into_owned();
        let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
        let is_of_hosts = lower == "host" || ORIGINS.contains(&lower.as_str());
        let is_harmless = HARMLESS.binary_search(&lower.as_str()).is_ok()
            && !(is_of_hosts && value.iter().any(|octet| b"@#".contains(octet)));
        let is_included = self.included.contains(&lower);
        let is_mark = std::str::from_utf8(value).is_ok_and(is_mark);
        let kept = if self.values == Values::All || is_included || is_mark {
            Value::Plain(text())
        } else if is_harmless && is_of_hosts {
            Value::Plain(self.origins(&text()))
        } else if is_harmless {
            Value::Plain(text())
        } else if NAME_LISTS.contains(&lower.as_str()) {
            Value::Plain(self.names(&text()))
        } else if URLS.contains(&lower.as_str()) {
            Value::Plain(self.url(&text()))
        } else if value.is_empty() {
            Value::Plain(String::new())
        } else {
            Value::Withheld(self.withheld(value))
        };
        (self.name(&latin1(name)), kept)
    }

    /// A header name: withheld if it is longer than 64 octets or holds an opaque run.
    pub fn name(&self, name: &str) -> String {
        let is_secret = (name.len() > MOST_NAME || is_opaque(name)) && !is_mark(name);
        if self.values == Values::Harmless && is_secret {
            self.withheld(&from_latin1(name)).to_string()
        } else {
            name.to_owned()
        }
    }

    /// A comma-separated list of header names.
    pub fn names(&self, list: &str) -> String {
        let names: Vec<String> = list
            .split(',')
            .map(|part| {
                let name = part.trim_matches([' ', '\t']);
                let lead = part.len() - part.trim_start_matches([' ', '\t']).len();
                format!(
                    "{}{}",
                    part.get(..lead).unwrap_or_default(),
                    self.name(name)
                )
            })
            .collect();
        names.join(",")
    }

    /// Origins with commas or blanks between them, and whole URLs in their places.
    fn origins(&self, origins: &str) -> String {
        if !origins.split([',', ' ']).any(is_longer_than_origin) {
            return origins.to_owned();
        }
        let parts = origins.split_inclusive([',', ' ']).map(|part| {
            let origin = part.trim_end_matches([',', ' ']);
            let end = part.get(origin.len()..).unwrap_or_default();
            [&*self.url(origin), end].concat()
        });
        parts.collect()
    }

    /// A URL or a reference to one: user, password and fragment dropped, names of parameters kept
    /// and their values withheld, opaque path segments withheld.
    pub fn url(&self, url: &str) -> String {
        if self.values == Values::All {
            return url.to_owned();
        }
        let parts = Parts::of(url);
        // Room for what is withheld, too.
        let mut kept = String::with_capacity(url.len() + 64);
        for part in [parts.scheme, parts.slashes, parts.host] {
            kept.push_str(part);
        }
        for segment in parts.path.split_inclusive(['/', '\\']) {
            let name = segment.trim_end_matches(['/', '\\']);
            self.segment(&mut kept, name);
            kept.push_str(segment.get(name.len()..).unwrap_or_default());
        }
        if let Some(query) = parts.query {
            for (place, pair) in query.split('&').enumerate() {
                kept.push(if place == 0 { '?' } else { '&' });
                self.parameter(&mut kept, pair);
            }
        }
        kept
    }

    /// A path segment, with its parameters (`;name=value`).
    fn segment(&self, kept: &mut String, segment: &str) {
        let mut parts = without_userinfo(segment).split(';');
        self.word(kept, parts.next().unwrap_or_default());
        for parameter in parts {
            kept.push(';');
            self.parameter(kept, parameter);
        }
    }

    /// `name=value`, where the sign may be percent-encoded.
    fn parameter(&self, kept: &mut String, pair: &str) {
        let Some((name, sign, value)) = split_parameter(pair) else {
            return self.word(kept, pair);
        };
        self.word(kept, name);
        kept.push_str(sign);
        if value.is_empty() || is_mark(value) {
            kept.push_str(value);
        } else {
            self.withhold_text(kept, value);
        }
    }

    fn word(&self, kept: &mut String, word: &str) {
        let is_secret = is_opaque(word) || word.len() > MOST_NAME && !is_made_of_words(word);
        if is_secret && !is_mark(word) {
            self.withhold_text(kept, word);
        } else {
            kept.push_str(word);
        }
    }

    /// Puts what stands for text that was read as Latin-1.
    fn withhold_text(&self, kept: &mut String, text: &str) {
        // A string takes whatever is written to it.
        let _ = write!(kept, "{}", self.withheld(&from_latin1(text)));
    }

    fn withheld(&self, value: &[u8]) -> Withheld {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digest = hmac::sign(&self.key, value);
        let (start, _) = digest.as_ref().split_at(8);
        let mut text = String::with_capacity(3 + 2 * start.len());
        text.push_str("k1:");
        for octet in start {
            let halves = [octet >> 4, octet & 15].map(usize::from);
            let digits = halves.map(|half| DIGITS.get(half).copied().map_or('0', char::from));
            text.extend(digits);
        }
        Withheld {
            mark: True,
            length: value.len(),
            digest: text,
        }
    }
}

/// Name, sign and value; nothing where there is no sign.
fn split_parameter(pair: &str) -> Option<(&str, &str, &str)> {
    let sign = |octets: &[u8]| match octets {
        [b'=', ..] => Some(1),
        [b'%', b'3', b'd' | b'D', ..] => Some(3),
        _ => None,
    };
    let mut rest = pair.as_bytes();
    while let [_, after @ ..] = rest {
        if let Some(length) = sign(rest) {
            let (name, rest) = pair.split_at_checked(pair.len() - rest.len())?;
            let (sign, value) = rest.split_at_checked(length)?;
            return Some((name, sign, value));
        }
        rest = after;
    }
    None
}

/// Whether a path or a query follows what would be an origin.
fn is_longer_than_origin(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    rest.trim_end_matches('/').contains(['/', '\\', '?'])
}

/// Whether text is a mark that stands for what was withheld before: `{withheld:LEN:k1:DIGEST}`.
fn is_mark(text: &str) -> bool {
    let inner = text.strip_prefix("{withheld:");
    let inner = inner.and_then(|inner| inner.strip_suffix('}'));
    let Some((length, digest)) = inner.and_then(|inner| inner.split_once(":k1:")) else {
        return false;
    };
    let is_length = !length.is_empty() && length.bytes().all(|octet| octet.is_ascii_digit());
    let is_digit = |octet: u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
    is_length && length.len() < 10 && digest.len() == 16 && digest.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(&[7; 32], Values::Harmless)
    }

    fn field(name: &str, value: &str) -> Value {
        redactor().field(name.as_bytes(), value.as_bytes()).1
    }

    #[test]
    fn the_allowlist_is_sorted() {
        assert!(HARMLESS.is_sorted());
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
}
