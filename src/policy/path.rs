//! Paths, in every way in which a server may read them.
//!
//! A path prefix is a promise that nothing else is covered. Servers differ in when they decode
//! percent-encoding, merge slashes and resolve dots, so a prefix covers a path only if it does so
//! in each of these readings.

use std::borrow::Cow;

/// The segments of a path, decoded.
pub(super) type Segments<'a> = Vec<Cow<'a, [u8]>>;

/// How often an octet may be encoded over before nobody decodes it.
const MOST_LAYERS: usize = 3;

/// The readings of a path: one, or several where they differ. The query is left out.
pub(super) fn readings(path: &str) -> Vec<Segments<'_>> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let Some(rest) = path.strip_prefix('/') else {
        return vec![Segments::new()];
    };
    let as_urls_are = resolve(rest.split('/').map(decode).collect());
    if !is_ambiguous(path) {
        return vec![as_urls_are];
    }
    let decoded = decode_fully(rest.as_bytes());
    let split = |merge: bool| -> Segments<'static> {
        let segments = decoded.split(|octet| matches!(octet, b'/' | b'\\'));
        let segments = segments.map(without_parameters);
        let count = decoded
            .iter()
            .filter(|octet| matches!(octet, b'/' | b'\\'))
            .count();
        let segments = segments.enumerate().filter(|(place, segment)| {
            // The last one may be empty: that is a slash at the end.
            !merge || !segment.is_empty() || *place == count
        });
        resolve(
            segments
                .map(|(_, segment)| Cow::Owned(segment.to_vec()))
                .collect(),
        )
    };
    let mut all = vec![as_urls_are];
    for reading in [split(false), split(true)] {
        if !all.contains(&reading) {
            all.push(reading);
        }
    }
    all
}

/// Whether servers differ in how they read this path.
pub(super) fn is_ambiguous(path: &str) -> bool {
    let path = path.as_bytes();
    let encoded = path.windows(3).any(|three| {
        matches!(
            three,
            [b'%', b'2', b'e' | b'E' | b'f' | b'F' | b'5']
                | [b'%', b'5', b'c' | b'C']
                | [b'%', b'3', b'b' | b'B']
        )
    });
    encoded
        || path.contains(&b'\\')
        || path.contains(&b';')
        || path.windows(2).any(|two| two == b"//")
}

fn without_parameters(segment: &[u8]) -> &[u8] {
    segment
        .split(|octet| *octet == b';')
        .next()
        .unwrap_or_default()
}

fn decode(segment: &str) -> Cow<'_, [u8]> {
    percent_encoding::percent_decode_str(segment).into()
}

fn decode_fully(path: &[u8]) -> Vec<u8> {
    let mut path = path.to_vec();
    for _ in 0..MOST_LAYERS {
        let decoded: Vec<u8> = percent_encoding::percent_decode(&path).collect();
        if decoded == path {
            break;
        }
        path = decoded;
    }
    path
}

/// Takes out dot segments ([path state](https://url.spec.whatwg.org/#path-state)).
fn resolve(segments: Segments<'_>) -> Segments<'_> {
    let last = segments.len().saturating_sub(1);
    let mut resolved = Segments::with_capacity(segments.len());
    for (place, segment) in segments.into_iter().enumerate() {
        let is_dot = matches!(&*segment, b"." | b"..");
        if &*segment == b".." {
            resolved.pop();
        }
        if !is_dot {
            resolved.push(segment);
        } else if place == last {
            resolved.push(Cow::Borrowed(b""));
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Vec<String> {
        let text = |segments: &Segments<'_>| {
            let segments: Vec<String> = segments
                .iter()
                .map(|one| String::from_utf8_lossy(one).into_owned())
                .collect();
            format!("/{}", segments.join("/"))
        };
        readings(path).iter().map(text).collect()
    }

    #[test]
    fn a_plain_path_is_read_in_one_way() {
        assert_eq!(read("/api/users?a=/../b"), ["/api/users"]);
        assert_eq!(read("/caf%C3%A9/"), ["/caf\u{e9}/"]);
        assert_eq!(read("/api/../admin"), ["/admin"]);
        assert_eq!(read("/a/./b/.."), ["/a/"]);
        assert_eq!(read("*"), ["/"]);
    }

    #[test]
    fn what_servers_read_differently_is_read_in_each_way() {
        assert_eq!(read("/api/%2e%2e/admin"), ["/admin"]);
        assert_eq!(read("/api/..%2fadmin"), ["/api/../admin", "/admin"]);
        assert_eq!(
            read("/api/%252e%252e/admin"),
            ["/api/%2e%2e/admin", "/admin"]
        );
        assert_eq!(read("/api//../admin"), ["/api/admin", "/admin"]);
        assert_eq!(read("/api/..;a=b/admin"), ["/api/..;a=b/admin", "/admin"]);
        assert_eq!(read("/api\\..\\admin"), ["/api\\..\\admin", "/admin"]);
    }
}
