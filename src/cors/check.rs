//! The [CORS check](https://fetch.spec.whatwg.org/#concept-cors-check), as each engine does it.

use std::borrow::Cow;

use crate::exchange::Protocol;
use crate::wire::headers::{HeaderList, latin1};

use super::cause::Several;
use super::origin::Difference;
use super::{Cause, CredentialsMode, Engine, reading};

/// A condition that an answer does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub cause: Cause,
    /// For [`Cause::AllowOriginMultiple`]: how the values came together; for [`Cause::NoResponse`]: that
    /// the engine takes it for that.
    pub several: Option<Several>,
    /// What the message names: a value, a method, a header.
    pub parameter: Option<String>,
    /// The field that is at fault, where one is.
    pub field: Option<&'static str>,
    /// For [`Cause::AllowOriginMismatch`]: the part that differs.
    pub differs: Option<Difference>,
}

impl Finding {
    pub(super) fn new(cause: Cause) -> Self {
        Self {
            cause,
            several: None,
            parameter: None,
            field: None,
            differs: None,
        }
    }

    pub(super) fn at(cause: Cause, field: &'static str) -> Self {
        Self {
            field: Some(field),
            ..Self::new(cause)
        }
    }

    pub(super) fn naming(cause: Cause, field: &'static str, parameter: &[u8]) -> Self {
        let parameter = (!parameter.is_empty()).then(|| latin1(parameter).into_owned());
        Self {
            parameter,
            ..Self::at(cause, field)
        }
    }
}

/// What an answer is checked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The value of the request's Origin field.
    pub origin: &'a [u8],
    /// The protocol the answer came over.
    pub protocol: Protocol,
    /// Whether the request is made with credentials.
    pub credentials: CredentialsMode,
}

/// Does the CORS check on an answer. The conditions it does not meet come in the order of the
/// standard, which is every engine's: the first one is what the engine reports. None is a pass.
pub fn cors_check(engine: Engine, asked: Asked<'_>, answer: &HeaderList) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(check_allow_origin(engine, asked, answer));
    if asked.credentials == CredentialsMode::Include {
        findings.extend(check_allow_credentials(engine, answer));
    }
    findings
}

fn check_allow_origin(engine: Engine, asked: Asked<'_>, answer: &HeaderList) -> Option<Finding> {
    const FIELD: &str = "access-control-allow-origin";
    let several = |form, value: &[u8]| Finding {
        several: Some(form),
        ..Finding::naming(Cause::AllowOriginMultiple, FIELD, value)
    };
    if engine == Engine::Firefox && reading::firefox_counts_several(answer, asked.protocol) {
        let value = answer.combined(FIELD).unwrap_or_default();
        return Some(several(Several::Lines, &value));
    }
    let Some(value) = reading::value(engine, answer, FIELD) else {
        return Some(Finding::new(Cause::AllowOriginMissing));
    };
    if *value == *asked.origin {
        return None;
    }
    match &*value {
        b"*" if asked.credentials == CredentialsMode::Omit => None,
        b"*" => Some(Finding::at(Cause::WildcardWithCredentials, FIELD)),
        value if value.contains(&b',') => Some(several(Several::Comma, value)),
        value if value.contains(&b' ') => Some(several(Several::Blank, value)),
        value => Some(other_origin(FIELD, value, asked.origin)),
    }
}

/// One value that is not the origin asked for: another origin, or none at all. As a URL its octets
/// are UTF-8, as Chromium takes them.
fn other_origin(field: &'static str, value: &[u8], origin: &[u8]) -> Finding {
    let (text, origin) = (String::from_utf8_lossy(value), latin1(origin));
    if text != "null" && !is_url(&text) {
        return Finding::naming(Cause::AllowOriginInvalid, field, value);
    }
    Finding {
        differs: Some(Difference::between(&text, &origin)),
        ..Finding::naming(Cause::AllowOriginMismatch, field, value)
    }
}

/// Whether Chromium takes a value for a URL: it does not look into names that are in ASCII already, but
/// for octets that no host has; and names may have blanks in them, as long as they are written in
/// another way than U+0020.
fn is_url(text: &str) -> bool {
    let has_blank = || text.contains("%20") || text.contains(is_mapped_to_blank);
    match url::Url::parse(text) {
        Ok(_) => true,
        Err(_) if has_blank() => {
            let text = text.replace("%20", LETTER);
            is_url(&text.replace(is_mapped_to_blank, LETTER))
        }
        Err(url::ParseError::IdnaError) => {
            let plain = || text.to_ascii_lowercase().replace("xn--", "xn-");
            text.is_ascii() && url::Url::parse(&plain()).is_ok()
        }
        Err(_) => false,
    }
}

/// A letter that may stand in a name, but not in a scheme or in a port.
const LETTER: &str = "\u{e9}";

/// Whether a character is U+0020 once a name is normalized (UTS #46).
fn is_mapped_to_blank(character: char) -> bool {
    matches!(
        character,
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

fn check_allow_credentials(engine: Engine, answer: &HeaderList) -> Option<Finding> {
    const FIELD: &str = "access-control-allow-credentials";
    let value = reading::value(engine, answer, FIELD).unwrap_or(Cow::Borrowed(b""));
    (*value != *b"true").then(|| Finding::naming(Cause::AllowCredentialsNotTrue, FIELD, &value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &[u8] = b"https://app.test";

    fn causes(engine: Engine, credentials: CredentialsMode, lines: &[(&str, &str)]) -> Vec<Cause> {
        let asked = Asked {
            origin: APP,
            protocol: Protocol::Http11,
            credentials,
        };
        let answer: HeaderList = lines.iter().copied().collect();
        cors_check(engine, asked, &answer)
            .into_iter()
            .map(|finding| finding.cause)
            .collect()
    }

    #[test]
    fn the_origin_itself_passes_and_the_wildcard_only_without_credentials() {
        let allow = |value| {
            [
                ("Access-Control-Allow-Origin", value),
                ("Access-Control-Allow-Credentials", "true"),
            ]
        };
        for engine in Engine::ALL {
            assert_eq!(
                causes(engine, CredentialsMode::Include, &allow("https://app.test")),
                []
            );
            assert_eq!(causes(engine, CredentialsMode::Omit, &allow("*")), []);
            assert_eq!(
                causes(engine, CredentialsMode::Include, &allow("*")),
                [Cause::WildcardWithCredentials]
            );
        }
    }

    #[test]
    fn a_name_in_its_own_letters_is_another_spelling_and_odd_octets_are_no_origin() {
        let other = |value: &[u8]| other_origin("f", value, b"https://xn--bcher-kva.example");
        let unicode = other("https://b\u{fc}cher.example".as_bytes());
        assert_eq!(unicode.cause, Cause::AllowOriginMismatch);
        assert_eq!(unicode.differs, Some(Difference::HostSpelling));
        let latin1 = other(b"https://b\xfccher.example");
        assert_eq!(latin1.cause, Cause::AllowOriginInvalid);
    }

    #[test]
    fn every_condition_that_fails_is_told() {
        assert_eq!(
            causes(Engine::Chromium, CredentialsMode::Include, &[]),
            [Cause::AllowOriginMissing, Cause::AllowCredentialsNotTrue]
        );
    }

    #[test]
    fn values_are_told_apart_by_what_is_wrong_with_them() {
        for (value, cause) in [
            (
                "https://app.test, https://b.test",
                Cause::AllowOriginMultiple,
            ),
            (
                "https://app.test https://b.test",
                Cause::AllowOriginMultiple,
            ),
            ("", Cause::AllowOriginInvalid),
            ("foo", Cause::AllowOriginInvalid),
            ("NULL", Cause::AllowOriginInvalid),
            ("https://app.test:*", Cause::AllowOriginInvalid),
            ("null", Cause::AllowOriginMismatch),
            ("app.test:443", Cause::AllowOriginMismatch),
            ("https://app.test/", Cause::AllowOriginMismatch),
            ("https://xn--a", Cause::AllowOriginMismatch),
            ("https://xn--a<b", Cause::AllowOriginInvalid),
            ("https://app^.test", Cause::AllowOriginInvalid),
            ("https://app%.test", Cause::AllowOriginInvalid),
            ("https://%61pp.test", Cause::AllowOriginMismatch),
            ("https://app.test\u{a0}", Cause::AllowOriginMismatch),
            ("https://app\u{3000}.test", Cause::AllowOriginMismatch),
            ("https://app%20.test", Cause::AllowOriginMismatch),
            ("https://app.test:443\u{a0}", Cause::AllowOriginInvalid),
            ("\u{a0}https://app.test", Cause::AllowOriginInvalid),
            ("https%20://app.test", Cause::AllowOriginInvalid),
            ("https://xn--a\u{a0}.test", Cause::AllowOriginInvalid),
            ("https://app\u{2028}.test", Cause::AllowOriginInvalid),
        ] {
            let lines = [("Access-Control-Allow-Origin", value)];
            assert_eq!(
                causes(Engine::Chromium, CredentialsMode::Omit, &lines),
                [cause],
                "{value}"
            );
        }
    }
}
