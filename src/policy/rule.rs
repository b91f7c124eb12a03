//! Rules: what is allowed to whom, where, and until when.

use time::Date;

use super::origin::Origin;
use super::pattern::OriginPattern;
use super::target::{Place, Target};
use crate::exchange::{Moment, RequestUrl};

/// One rule of a policy. The first one in the file that is for a request's origin and URL, and has
/// not expired, is the rule for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, as logs and the marker of a rewrite have it.
    pub name: Box<str>,
    /// The pages it is for.
    pub origins: Vec<OriginPattern>,
    /// The URLs it is for.
    pub targets: Vec<Target>,
    /// The methods that a preflight may ask for, beside the safelisted ones, which always pass.
    pub methods: Names,
    /// The header names that a preflight may ask for.
    pub request_headers: Names,
    /// The header names of a response that script may read, beside the safelisted ones.
    pub expose_headers: Names,
    /// Whether requests may carry credentials.
    pub credentials: bool,
    /// For how many seconds a preflight's answer holds; nothing leaves it to the browser.
    pub max_age: Option<u32>,
    /// Who answers preflights while responses are rewritten.
    pub preflight: PreflightMode,
    /// The last day (UTC) on which it is in force.
    pub expires: Option<Date>,
}

/// Who answers preflights while responses are rewritten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PreflightMode {
    /// The server is asked, and its answer repaired.
    #[default]
    Repair,
    /// The server is not asked.
    Answer,
}

/// Methods or header names, or all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Whether `*` is among them. Without credentials it means all names, Authorization excepted.
    pub any: bool,
    /// The others, as they are written.
    pub listed: Vec<Box<str>>,
}

impl Rule {
    /// Whether it is for requests of this origin to this URL.
    pub fn covers(&self, origin: &[u8], url: &RequestUrl) -> bool {
        Origin::parse(origin).is_some_and(|origin| self.is_for(&origin, Place::of(url)))
    }

    pub(super) fn is_for(&self, origin: &Origin, place: Place<'_>) -> bool {
        self.names(origin) && self.targets.iter().any(|target| target.covers_place(place))
    }

    /// Whether it is for pages of this origin.
    pub(super) fn names(&self, origin: &Origin) -> bool {
        self.origins.iter().any(|pattern| pattern.covers(origin))
    }

    /// Whether its last day is over.
    pub fn has_expired(&self, now: Moment) -> bool {
        self.expires.is_some_and(|last| now.utc().date() > last)
    }
}

impl Names {
    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        !self.any && self.listed.is_empty()
    }

    /// Whether a method is listed, in its very case.
    pub fn has_method(&self, method: &str) -> bool {
        self.listed.iter().any(|listed| **listed == *method)
    }

    /// Whether a header name is listed, in any case.
    pub fn has_header(&self, name: &[u8]) -> bool {
        let same = |listed: &str| listed.as_bytes().eq_ignore_ascii_case(name);
        self.listed.iter().any(|listed| same(listed))
    }

    /// The members as a field lists them: `GET, PUT`; nothing if there are none.
    pub fn value(&self) -> Option<String> {
        let listed = self.listed.iter().map(|name| &**name);
        let all: Vec<&str> = self.any.then_some("*").into_iter().chain(listed).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}
