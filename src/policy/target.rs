//! Targets: which URLs a rule is for.

use std::fmt;

use super::origin::{Server, WebOrigin};
use super::path::{self, Segments};
use crate::exchange::RequestUrl;
use crate::exchange::secret::WITHHELD;

/// The origin of a server, and a path below which all is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The origin.
    pub origin: WebOrigin,
    /// The segments of the path, decoded; none for every path.
    pub(super) segments: Vec<Box<[u8]>>,
    /// Whether it ends with a slash, so that only what is below is meant: `/api/` is not `/api`.
    pub(super) below: bool,
    /// The path as it was written, without a slash that means nothing.
    path: Box<str>,
}

/// A URL in the parts that rules are found by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) server: Server<'a>,
    /// With the query; dots and percent-encoding as they were sent.
    pub(super) path: &'a str,
}

impl<'a> Place<'a> {
    pub(super) fn of(url: &'a RequestUrl) -> Self {
        Self {
            server: Server::of(url.scheme, &url.authority),
            path: &url.path,
        }
    }

    pub(super) fn at(origin: &'a WebOrigin, path: &'a str) -> Self {
        Self {
            server: origin.server(),
            path,
        }
    }
}

/// Whether a target covers a URL of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    /// It does.
    Covered,
    /// It does not.
    Outside,
    /// It hangs on a segment that the capture withholds.
    NotTold,
}

impl Target {
    /// Parses the URL of a target, which is well formed and has one reading only.
    pub(super) fn of(url: &RequestUrl) -> Self {
        let path = if &*url.path == "/" { "" } else { &*url.path };
        let mut segments: Vec<Box<[u8]>> = Vec::new();
        if let Some(first) = path::readings(path).into_iter().next() {
            segments.extend(first.into_iter().map(|segment| segment.into_owned().into()));
        }
        let below = segments.last().is_some_and(|last| last.is_empty());
        if below {
            segments.pop();
        }
        Self {
            origin: WebOrigin::of_url(url),
            segments,
            below,
            path: path.into(),
        }
    }

    /// Whether a URL is meant: below the path in every way in which a server may read it.
    pub fn covers(&self, url: &RequestUrl) -> bool {
        self.covers_place(Place::of(url))
    }

    pub(super) fn covers_place(&self, place: Place<'_>) -> bool {
        self.is_of(place.server)
            && path::readings(place.path)
                .iter()
                .all(|reading| self.has_prefix_of(reading))
    }

    /// The same for a URL as a capture holds it, where segments may be withheld.
    pub(super) fn covers_recorded(&self, place: Place<'_>) -> Coverage {
        if !self.is_of(place.server) {
            return Coverage::Outside;
        }
        let mut coverage = Coverage::Covered;
        for reading in path::readings(place.path) {
            match self.prefix_of(&reading) {
                Coverage::Covered => {}
                Coverage::Outside => return Coverage::Outside,
                Coverage::NotTold => coverage = Coverage::NotTold,
            }
        }
        coverage
    }

    /// Whether everything that `other` covers is meant.
    pub fn includes(&self, other: &Self) -> bool {
        let is_longer = other.segments.len() > self.segments.len() || other.below;
        self.origin == other.origin
            && other.segments.starts_with(&self.segments)
            && (!self.below || is_longer)
    }

    fn is_of(&self, server: Server<'_>) -> bool {
        self.origin.server() == server
    }

    fn has_prefix_of(&self, reading: &Segments<'_>) -> bool {
        let own = self.segments.iter();
        let is_long_enough = reading.len() >= self.segments.len() + usize::from(self.below);
        is_long_enough && own.zip(reading).all(|(own, segment)| **own == **segment)
    }

    fn prefix_of(&self, reading: &Segments<'_>) -> Coverage {
        if self.has_prefix_of(reading) {
            return Coverage::Covered;
        }
        let is_long_enough = reading.len() >= self.segments.len() + usize::from(self.below);
        let mut pairs = self.segments.iter().zip(reading);
        let could = pairs
            .all(|(own, segment)| **own == **segment || segment.starts_with(WITHHELD.as_bytes()));
        if is_long_enough && could {
            Coverage::NotTold
        } else {
            Coverage::Outside
        }
    }
}

/// Whether a capture withholds segments of this path.
pub(super) fn has_withheld_segments(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    path.contains("%7Bwithheld:") || path.contains(WITHHELD)
}

/// As a policy spells it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(f)?;
        f.write_str(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> RequestUrl {
        // Not RequestUrl::parse, which would resolve the dots.
        let (origin, path) = text.split_at(text[8..].find('/').map_or(text.len(), |at| at + 8));
        RequestUrl {
            path: path.into(),
            ..RequestUrl::parse(origin).expect("valid")
        }
    }

    #[test]
    fn a_prefix_covers_whole_segments_however_the_path_is_spelt() {
        let api = Target::of(&url("https://a.test/api"));
        for path in [
            "/api",
            "/api/",
            "/api/users?x",
            "/api/./b",
            "/x/../api/b",
            "/%61pi/b",
            "/api/a%20b",
        ] {
            assert!(api.covers(&url(&format!("https://a.test{path}"))), "{path}");
        }
        for path in [
            "/apix",
            "/",
            "/API",
            "/api/../admin",
            "/api/%2e%2e/admin",
            "/api/%2E./admin",
            "/api/..%2fadmin",
            "/api/..%5cadmin",
            "/api/%252e%252e%252fadmin",
            "/api/..;/admin",
            "//api/b",
            "/api//../admin",
            "/x/api",
        ] {
            assert!(
                !api.covers(&url(&format!("https://a.test{path}"))),
                "{path}"
            );
        }
        assert!(
            !api.covers(&url("http://a.test/api")) && !api.covers(&url("https://a.test:8443/api"))
        );
    }

    #[test]
    fn with_a_slash_at_its_end_only_what_is_below_is_meant() {
        let below = Target::of(&url("https://a.test/api/"));
        assert!(
            below.covers(&url("https://a.test/api/")) && below.covers(&url("https://a.test/api/b"))
        );
        assert!(!below.covers(&url("https://a.test/api")));
        let all = Target::of(&url("https://a.test/"));
        assert!(all.covers(&url("https://a.test/b")) && all.to_string() == "https://a.test");
        assert!(all.includes(&below) && !below.includes(&all));
        let api = Target::of(&url("https://a.test/api"));
        assert!(
            api.includes(&below)
                && !below.includes(&api)
                && api.includes(&api)
                && below.includes(&below)
        );
    }

    #[test]
    fn a_withheld_segment_is_told_of_where_it_decides() {
        let recorded = url("https://a.test/users/{withheld:32:k1:abcd}/photos");
        let covers = |text: &str| Target::of(&url(text)).covers_recorded(Place::of(&recorded));
        assert_eq!(covers("https://a.test/users"), Coverage::Covered);
        assert_eq!(covers("https://a.test/users/me"), Coverage::NotTold);
        assert_eq!(covers("https://a.test/users/me/photos"), Coverage::NotTold);
        assert_eq!(covers("https://a.test/users/me/files"), Coverage::Outside);
        assert_eq!(covers("https://b.test/users"), Coverage::Outside);
    }
}
