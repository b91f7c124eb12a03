//! The names of fields that this program looks for. A header list recognises them once, when a
//! line is added: from then on they are told apart by a number, not by their letters.
//!
//! Any name may be looked for all the same; one that stands here is found, or missed, faster.

/// The names, in lower case.
const NAMES: [&str; 111] = [
    // Of requests.
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "alt-used",
    "authorization",
    "cookie",
    "device-memory",
    "dnt",
    "downlink",
    "dpr",
    "ect",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-event-id",
    "origin",
    "priority",
    "proxy-authorization",
    "proxy-connection",
    "purpose",
    "range",
    "referer",
    "rtt",
    "save-data",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-storage-access",
    "sec-fetch-user",
    "sec-gpc",
    "sec-purpose",
    "service-worker",
    "te",
    "upgrade-insecure-requests",
    "user-agent",
    "viewport-width",
    "x-requested-with",
    // Of requests and answers.
    "cache-control",
    "connection",
    "content-language",
    "content-length",
    "content-type",
    "keep-alive",
    "pragma",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "date",
    // Of answers.
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "allow",
    "alt-svc",
    "cache-status",
    "cf-cache-status",
    "cf-mitigated",
    "cf-ray",
    "clear-site-data",
    "content-disposition",
    "content-encoding",
    "content-range",
    "content-security-policy",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "etag",
    "expires",
    "last-modified",
    "location",
    "referrer-policy",
    "server",
    "set-cookie",
    "strict-transport-security",
    "timing-allow-origin",
    "vary",
    "www-authenticate",
    "x-amz-cf-id",
    "x-amzn-waf-action",
    "x-application-context",
    "x-cache",
    "x-cache-status",
    "x-cdn",
    "x-content-type-options",
    "x-datadome",
    "x-frame-options",
    "x-iinfo",
    "x-powered-by",
    "x-proxy-cache",
    "x-px-block",
    "x-rack-cors",
    "x-request-id",
    "x-runtime",
    "x-sucuri-block",
    "x-sucuri-id",
    "x-varnish",
    "x-vercel-mitigated",
];

/// How many of them are names of requests.
const OF_REQUESTS: u32 = 59;

/// How a name is told apart from others: a known one by its number, from 1, which no other name
/// has; any other one by its gist, which few names share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag(u32);

impl Tag {
    /// The tag of a name, in any letter case.
    #[expect(
        clippy::inline_always,
        reason = "of a literal it is found out by the compiler"
    )]
    #[inline(always)]
    pub fn of(name: &[u8]) -> Self {
        let gist = gist(name);
        let number = NUMBERS.get(slot(gist, FACTOR)).copied().unwrap_or(0);
        let known = NAMES.get(usize::from(number).wrapping_sub(1));
        // A literal in lower case is found to be equal by the compiler, which does not see that of
        // letter case.
        let is_it = known.is_some_and(|known| {
            known.as_bytes() == name || known.as_bytes().eq_ignore_ascii_case(name)
        });
        Self(if is_it { u32::from(number) } else { gist })
    }

    /// The tag of a known name, which is given in lower case. It is for constants: one of a name
    /// that is not known does not compile.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::indexing_slicing,
        reason = "it is done when this is compiled"
    )]
    pub const fn known(name: &str) -> Self {
        let mut place = 0;
        while !are_equal(NAMES[place].as_bytes(), name.as_bytes()) {
            place += 1;
        }
        Self(place as u32 + 1)
    }

    /// Whether it is the tag of one name only.
    #[inline]
    pub const fn is_known(self) -> bool {
        // The first octet of a gist is the length of the name.
        1 <= self.0 && self.0 <= 0xff
    }

    /// A number below 64 that few other names have. Known names that share one are one of requests and one of
    /// answers, which do not stand in one head.
    #[inline]
    pub(super) const fn bucket(self) -> usize {
        let bucket = if !self.is_known() {
            self.0.wrapping_mul(FACTOR) >> 26
        } else if self.0 <= OF_REQUESTS {
            self.0
        } else {
            self.0 - OF_REQUESTS
        };
        bucket as usize
    }
}

/// A set of known names.
#[derive(Clone, Copy, Debug, Default)]
pub struct NameSet(u128);

impl NameSet {
    /// The set of these names, which have to be known and in lower case.
    pub const fn of(names: &[&str]) -> Self {
        let mut set = Self(0);
        let mut rest = names;
        while let [name, others @ ..] = rest {
            set.0 |= 1 << Tag::known(name).0;
            rest = others;
        }
        set
    }

    /// Whether a name is in it.
    #[inline]
    pub const fn has(self, name: Tag) -> bool {
        name.is_known() && self.0 >> name.0 & 1 == 1
    }

    /// Adds a known name; says whether it is new.
    #[inline]
    pub fn add(&mut self, name: Tag) -> bool {
        let is_new = name.is_known() && !self.has(name);
        if is_new {
            self.0 |= 1 << name.0;
        }
        is_new
    }
}

/// What names that differ in letter case only have in common: their length, and letters near the
/// end, where names differ most.
#[inline]
const fn gist(name: &[u8]) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "it is checked")]
    let length = if name.len() < 0xff {
        name.len() as u8
    } else {
        0xff
    };
    u32::from_be_bytes([
        length,
        from_end(name, 7),
        from_end(name, 3),
        from_end(name, 0),
    ])
}

/// A letter by its distance from the end, or the first one; zero if there is none.
#[inline]
const fn from_end(name: &[u8], distance: usize) -> u8 {
    #[expect(clippy::indexing_slicing, reason = "not beyond the last")]
    match name.len().checked_sub(1) {
        Some(last) => name[last.saturating_sub(distance)] | 0x20,
        None => 0,
    }
}

/// How many slots the known names are spread over: so many that a factor is soon found.
const SLOTS: usize = 2048;
/// A factor that gives each known name a slot of its own.
const FACTOR: u32 = factor();
/// The numbers of the known names, each in its slot.
static NUMBERS: [u8; SLOTS] = match numbers(FACTOR) {
    Some(numbers) => numbers,
    None => [0; SLOTS],
};

#[inline]
const fn slot(gist: u32, factor: u32) -> usize {
    (gist.wrapping_mul(factor) >> (u32::BITS - SLOTS.ilog2())) as usize
}

const fn factor() -> u32 {
    let mut factor = 0x9e37_79b1;
    while numbers(factor).is_none() {
        factor += 2;
    }
    factor
}

/// The numbers of the names, each in the slot that this factor gives it; nothing if two share one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "it is done when this is compiled"
)]
const fn numbers(factor: u32) -> Option<[u8; SLOTS]> {
    let mut numbers = [0; SLOTS];
    let mut place = 0;
    while place < NAMES.len() {
        let slot = slot(gist(NAMES[place].as_bytes()), factor);
        if numbers[slot] != 0 {
            return None;
        }
        place += 1;
        numbers[slot] = place as u8;
    }
    Some(numbers)
}

const fn are_equal(one: &[u8], other: &[u8]) -> bool {
    match (one, other) {
        ([], []) => true,
        ([one, ones @ ..], [other, others @ ..]) => *one == *other && are_equal(ones, others),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_known_in_any_letter_case_and_by_different_numbers() {
        for (place, name) in NAMES.into_iter().enumerate() {
            let tag = Tag::of(name.as_bytes());
            assert_eq!(tag, Tag(u32::try_from(place).expect("few") + 1), "{name}");
            assert_eq!(Tag::of(name.to_ascii_uppercase().as_bytes()), tag);
            assert_eq!(name, name.to_ascii_lowercase());
        }
    }

    #[test]
    fn other_names_are_not_known_however_alike() {
        for name in [
            "",
            "x",
            "origim",
            "o-igin",
            "origin ",
            "x-unknown",
            "\u{e9}",
        ] {
            assert!(!Tag::of(name.as_bytes()).is_known(), "{name}");
        }
        let long = "a".repeat(300);
        assert!(!Tag::of(long.as_bytes()).is_known());
    }

    #[test]
    fn a_set_holds_its_names_and_no_others() {
        const SET: NameSet = NameSet::of(&["origin", "vary"]);
        let has = |name: &[u8]| SET.has(Tag::of(name));
        assert!(has(b"Vary") && has(b"ORIGIN"));
        assert!(!has(b"server") && !has(b"x-unknown") && !has(b""));
    }
}
