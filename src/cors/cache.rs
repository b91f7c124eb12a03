//! The [CORS-preflight cache](https://fetch.spec.whatwg.org/#concept-cache), as each engine keeps
//! it.

use std::time::Duration;

use crate::wire::headers::HeaderList;

use super::names::is_safelisted_method;
use super::preflight::Preflight;
use super::{CredentialsMode, Engine, reading};

/// How long an answer holds that does not say.
const DEFAULT: Duration = Duration::from_secs(5);

/// How long an engine keeps the answer to a preflight; zero where it does not.
///
/// Each has a limit of its own. What is no number counts as not said, but in Firefox, which then
/// keeps nothing (measured).
pub fn max_age(engine: Engine, answer: &HeaderList) -> Duration {
    let Some(value) = reading::value(engine, answer, "access-control-max-age") else {
        return DEFAULT;
    };
    let Some(seconds) = seconds(&value) else {
        return match engine {
            Engine::Firefox => Duration::ZERO,
            Engine::Chromium | Engine::Webkit => DEFAULT,
        };
    };
    let most = match engine {
        Engine::Chromium => 2 * 60 * 60,
        Engine::Firefox => 24 * 60 * 60,
        Engine::Webkit => 10 * 60,
    };
    Duration::from_secs(seconds.min(most))
}

/// A whole number of seconds; negative ones are none.
fn seconds(value: &[u8]) -> Option<u64> {
    let (digits, is_negative) = match value.strip_prefix(b"-") {
        Some(digits) => (digits, true),
        None => (value, false),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Some(if is_negative { 0 } else { number })
}

/// A preflight with its answer, as it lies in a cache.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// What was asked.
    pub asked: Preflight<'a>,
    /// The fields of the answer.
    pub answer: &'a HeaderList,
    /// The credentials mode of the request it was asked for, if that is known.
    pub credentials: Option<CredentialsMode>,
}

impl Entry<'_> {
    /// Whether it spares a request of that method and with these CORS-unsafe header names
    /// a preflight. Firefox keeps what was asked for, the others what was allowed.
    pub fn covers(&self, engine: Engine, method: &str, names: &[&[u8]]) -> bool {
        match engine {
            Engine::Firefox => self.asked.is_for(method, names),
            Engine::Chromium | Engine::Webkit => self.allows(engine, method, names),
        }
    }

    fn allows(&self, engine: Engine, method: &str, names: &[&[u8]]) -> bool {
        let list = |field| reading::value(engine, self.answer, field).unwrap_or_default();
        let (methods, headers) = (
            list("access-control-allow-methods"),
            list("access-control-allow-headers"),
        );
        let has = |list: &[u8], is_it: &dyn Fn(&[u8]) -> bool| {
            let members = reading::token_list(list).unwrap_or_default();
            members
                .into_iter()
                .any(|member| is_it(member) || member == b"*" && self.may_be_omitted())
        };
        let is_method = |member: &[u8]| member == method.as_bytes();
        (is_safelisted_method(method) || has(&methods, &is_method))
            && names
                .iter()
                .all(|name| has(&headers, &|member| member.eq_ignore_ascii_case(name)))
    }

    /// Whether an asterisk in it may stand for all.
    fn may_be_omitted(&self) -> bool {
        self.credentials != Some(CredentialsMode::Include)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_has_its_limit_and_its_way_with_garbage() {
        let ages = |value: &str| {
            let answer: HeaderList = [("Access-Control-Max-Age", value)].into_iter().collect();
            [Engine::Chromium, Engine::Firefox, Engine::Webkit]
                .map(|engine| max_age(engine, &answer).as_secs())
        };
        assert_eq!(ages("99999999999999999999999"), [7200, 86400, 600]);
        assert_eq!(ages("60"), [60, 60, 60]);
        assert_eq!((ages("0"), ages("-1")), ([0; 3], [0; 3]));
        for garbage in ["foo", "+600", "1.5"] {
            assert_eq!(ages(garbage), [5, 0, 5], "{garbage}");
        }
        assert_eq!(max_age(Engine::Firefox, &HeaderList::default()), DEFAULT);
    }

    #[test]
    fn firefox_keeps_what_was_asked_for_and_the_others_what_was_allowed() {
        let fields = |lines: &[(&str, &str)]| -> HeaderList { lines.iter().copied().collect() };
        let question = fields(&[
            ("Origin", "https://app.test"),
            ("Access-Control-Request-Method", "PUT"),
            ("Access-Control-Request-Headers", "x-a"),
        ]);
        let answer = fields(&[
            ("Access-Control-Allow-Methods", "PUT, DELETE"),
            ("Access-Control-Allow-Headers", "*"),
        ]);
        let entry = |credentials| Entry {
            asked: Preflight::of(&question).expect("a preflight"),
            answer: &answer,
            credentials,
        };
        let names = [b"x-b".as_slice()];
        let covers =
            |engine, credentials, method| entry(credentials).covers(engine, method, &names);
        assert!(covers(Engine::Chromium, None, "DELETE"));
        assert!(!covers(
            Engine::Chromium,
            Some(CredentialsMode::Include),
            "DELETE"
        ));
        assert!(!covers(Engine::Firefox, None, "DELETE"));
        assert!(entry(None).covers(Engine::Firefox, "PUT", &[b"x-a"]));
    }
}
