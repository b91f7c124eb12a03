//! What fields hold, by their names.

/// Fields whose values are harmless: CORS, fetch metadata, content type, caching, connection and
/// server; lower case, sorted.
const HARMLESS: [&str; 53] = [
    "accept",
    "accept-ch",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "access-control-allow-credentials",
    "access-control-allow-private-network",
    "access-control-max-age",
    "access-control-request-private-network",
    "age",
    "alt-svc",
    "cache-control",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "corstap-rewrite",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "dnt",
    "expect",
    "expires",
    "keep-alive",
    "last-modified",
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

/// Fields whose values are origins, or a host. Some servers put the whole URL of the page there.
const ORIGINS: [&str; 4] = [
    "access-control-allow-origin",
    "host",
    "origin",
    "timing-allow-origin",
];

/// Fields whose values are URLs.
const URLS: [&str; 3] = ["content-location", "location", "referer"];

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Nothing that could be a secret.
    Harmless,
    /// Origins, or hosts.
    Origins,
    /// Lists of names.
    Names,
    /// A URL.
    Url,
    /// Whatever a server or a page puts there.
    Anything,
}

impl Holds {
    /// What the field of that name holds, which is in lower case.
    pub(super) fn of(name: &str) -> Self {
        if ORIGINS.contains(&name) {
            Self::Origins
        } else if HARMLESS.binary_search(&name).is_ok() {
            Self::Harmless
        } else if NAME_LISTS.contains(&name) {
            Self::Names
        } else if URLS.contains(&name) {
            Self::Url
        } else {
            Self::Anything
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        assert!(HARMLESS.is_sorted());
        assert_eq!(Holds::of("content-type"), Holds::Harmless);
        assert_eq!(Holds::of("content-range"), Holds::Harmless);
        assert_eq!(Holds::of("origin"), Holds::Origins);
        assert_eq!(Holds::of("vary"), Holds::Names);
        assert_eq!(Holds::of("location"), Holds::Url);
        assert_eq!(Holds::of("cookie"), Holds::Anything);
    }
}
