//! The browser's HTTP cache, as far as it matters: a 304 keeps the fields of the stored answer
//! that it does not carry itself ([RFC 9111 section 4.3.4](https://www.rfc-editor.org/rfc/rfc9111#section-4.3.4)),
//! and the CORS check is done on what comes of it.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use crate::cors::recent::Recent;
use crate::exchange::{ExchangeId, Request, Response};
use crate::wire::headers::HeaderList;

/// How many answers are remembered.
const MOST: usize = 4096;

/// The same client and URL, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key(u64);

/// An answer a browser may have stored: the fields that decide who may read it, and what.
#[derive(Debug)]
struct Stored {
    id: ExchangeId,
    headers: HeaderList,
    /// Where each of them stood in the answer's head.
    places: Vec<usize>,
}

/// What comes of a 304: the stored answer, brought up to date.
#[derive(Clone, Debug)]
pub struct Revalidated {
    /// The exchange that brought the stored answer.
    pub(in crate::cors) stored: ExchangeId,
    /// The answer as the page gets it.
    pub(in crate::cors) response: Response,
    /// Where the lines that come from the stored answer stood in its head, from 1.
    places: Vec<usize>,
}

impl Revalidated {
    /// The line of the stored answer's head that a line of the answer comes from; nothing for one
    /// that the 304 carries itself.
    pub(in crate::cors) fn stored_line(&self, line: usize) -> Option<usize> {
        self.places.get(line).copied()
    }
}

/// The answers of late that browsers may have stored.
#[derive(Debug, Default)]
pub(super) struct Cache {
    hasher: RandomState,
    answers: Recent<Key, Stored, MOST>,
}

impl Cache {
    /// Takes note of an answer that may be stored. For a 304 comes back what it makes of the
    /// stored one, if that was seen.
    pub(super) fn answered(
        &mut self,
        id: ExchangeId,
        request: &Request,
        answer: &Response,
    ) -> Option<Box<Revalidated>> {
        if request.method != "GET" {
            return None;
        }
        match answer.status {
            200 if may_be_stored(&answer.headers) => {
                let key = self.key(request);
                self.answers.insert(key, Stored::of(id, &answer.headers));
                None
            }
            304 => {
                let key = self.key(request);
                let stored = self.answers.get_mut(key)?;
                is_validated_by(&stored.headers, &request.headers)
                    .then(|| Box::new(stored.revalidate(answer)))
            }
            _ => None,
        }
    }

    fn key(&self, request: &Request) -> Key {
        let agent = request.headers.first("user-agent").unwrap_or_default();
        Key(self.hasher.hash_one((agent, &request.url)))
    }
}

impl Stored {
    fn of(id: ExchangeId, headers: &HeaderList) -> Self {
        let mut kept = HeaderList::with_capacity(12, 384);
        let mut places = Vec::with_capacity(12);
        for (place, (name, value)) in headers.iter().enumerate() {
            if is_kept(name) {
                kept.push(name, value);
                places.push(place + 1);
            }
        }
        Self {
            id,
            headers: kept,
            places,
        }
    }

    /// The fields of a 304 replace the stored ones of their name, but for those that tell of the
    /// content, which it has none of.
    fn revalidate(&self, answer: &Response) -> Revalidated {
        let updates = |name: &[u8]| !tells_of_content(name);
        let is_replaced = |name: &[u8]| {
            updates(name)
                && answer
                    .headers
                    .iter()
                    .any(|(other, _)| other.eq_ignore_ascii_case(name))
        };
        let kept = || {
            let lines = self.headers.iter().zip(&self.places);
            lines.filter(|((name, _), _)| !is_replaced(name))
        };
        let own = answer.headers.iter().filter(|(name, _)| updates(name));
        Revalidated {
            stored: self.id,
            places: kept().map(|(_, place)| *place).collect(),
            response: Response {
                status: 200,
                headers: kept().map(|(line, _)| line).chain(own).collect(),
            },
        }
    }
}

/// Whether a browser can ask for it again with a condition, as far as its head tells.
fn may_be_stored(headers: &HeaderList) -> bool {
    let has_validator = headers.contains("etag") || headers.contains("last-modified");
    has_validator
        && !headers
            .all("cache-control")
            .any(|value| memchr::memmem::find(value, b"no-store").is_some())
}

/// Whether it is this stored answer that the request asks about.
fn is_validated_by(stored: &HeaderList, request: &HeaderList) -> bool {
    let names_tag = || {
        let (tag, asked) = (stored.first("etag")?, request.first("if-none-match")?);
        Some(memchr::memmem::find(asked, tag).is_some())
    };
    let names_date = || {
        let (date, asked) = (
            stored.first("last-modified")?,
            request.first("if-modified-since")?,
        );
        Some(date == asked)
    };
    names_tag().or_else(names_date).unwrap_or(false)
}

/// Whether a field decides who may read the answer, and what of it.
fn is_kept(name: &[u8]) -> bool {
    const NAMES: [&str; 10] = [
        "cache-control",
        "content-language",
        "content-length",
        "content-type",
        "cross-origin-resource-policy",
        "etag",
        "expires",
        "last-modified",
        "pragma",
        "x-content-type-options",
    ];
    const PREFIX: &[u8] = b"access-control-";
    name.get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
        || NAMES
            .iter()
            .any(|kept| name.eq_ignore_ascii_case(kept.as_bytes()))
}

fn tells_of_content(name: &[u8]) -> bool {
    ["content-", "x-content-"].iter().any(|prefix| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::AskedUrl;

    type Lines<'a> = &'a [(&'a str, &'a str)];

    const ORIGIN: &str = "Access-Control-Allow-Origin";

    fn request(lines: Lines<'_>) -> Request {
        Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: lines.iter().copied().collect(),
        }
    }

    fn answer(status: u16, lines: Lines<'_>) -> Response {
        Response {
            status,
            headers: lines.iter().copied().collect(),
        }
    }

    /// What a 304 comes to after an answer was stored.
    fn revalidated(
        stored: Lines<'_>,
        asked: Lines<'_>,
        own: Lines<'_>,
    ) -> Option<Box<Revalidated>> {
        let mut cache = Cache::default();
        let (first, again) = (request(&[]), request(asked));
        assert!(
            cache
                .answered(ExchangeId(1), &first, &answer(200, stored))
                .is_none()
        );
        cache.answered(ExchangeId(2), &again, &answer(304, own))
    }

    #[test]
    fn a_304_keeps_the_stored_fields_that_it_does_not_carry() {
        let stored = [
            ("Vary", "Origin"),
            (ORIGIN, "*"),
            ("ETag", "\"1\""),
            ("Content-Type", "a/b"),
        ];
        let asked = [("If-None-Match", "\"1\"")];
        let own = [("ETag", "\"1\""), ("Content-Type", "text/html")];
        let merged = revalidated(&stored, &asked, &own).expect("it was stored");
        let headers = &merged.response.headers;
        assert_eq!(
            headers.first("access-control-allow-origin"),
            Some(b"*".as_slice())
        );
        assert_eq!(headers.first("content-type"), Some(b"a/b".as_slice()));
        assert_eq!(
            (merged.stored, merged.response.status),
            (ExchangeId(1), 200)
        );
        assert_eq!(merged.stored_line(0), Some(2));
        assert_eq!(merged.stored_line(2), None);
    }

    #[test]
    fn the_fields_of_a_304_replace_the_stored_ones() {
        let stored = [(ORIGIN, "https://a.test"), ("Last-Modified", "then")];
        let asked = [("If-Modified-Since", "then")];
        let merged = revalidated(&stored, &asked, &[(ORIGIN, "https://b.test")]).expect("stored");
        let origins: Vec<_> = merged
            .response
            .headers
            .all("access-control-allow-origin")
            .collect();
        assert_eq!(origins, [b"https://b.test"]);
    }

    #[test]
    fn only_the_answer_that_was_asked_about_counts() {
        let stored = [(ORIGIN, "*"), ("ETag", "\"1\"")];
        assert!(revalidated(&stored, &[("If-None-Match", "\"2\"")], &[]).is_none());
        assert!(revalidated(&stored, &[], &[]).is_none());
        let forbidden = [
            (ORIGIN, "*"),
            ("ETag", "\"1\""),
            ("Cache-Control", "no-store"),
        ];
        assert!(revalidated(&forbidden, &[("If-None-Match", "\"1\"")], &[]).is_none());
    }
}
