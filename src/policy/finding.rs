//! Findings: what is wrong with a policy, and where.

use serde::{Serialize, Serializer};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Needless, or of less use than it seems.
    Advice,
    /// It does not do what it says.
    Broken,
    /// Somebody gets what is not theirs.
    Unsafe,
}

impl Severity {
    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Broken => "broken",
            Self::Unsafe => "unsafe",
        }
    }
}

/// The codes, each with its name and its severity.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal, $severity:ident;)*) => {
        /// What is wrong, by a stable name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $code,)* }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// Its stable name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$code => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    /// The file is larger than a policy can be.
    TooLarge = "policy-too-large", Broken;
    /// The file is not UTF-8.
    NotUtf8 = "policy-not-utf8", Broken;
    /// The file is not TOML.
    Syntax = "policy-syntax", Broken;
    /// A key stands twice in one table.
    KeyDuplicate = "key-duplicate", Broken;
    /// A key that there is not.
    KeyUnknown = "key-unknown", Broken;
    /// A key that has to be there.
    KeyMissing = "key-missing", Broken;
    /// A value of another type than the key takes.
    ValueType = "value-type", Broken;
    /// A word that the key does not take.
    ValueUnknown = "value-unknown", Broken;
    /// A list or a name that is empty.
    ValueEmpty = "value-empty", Broken;
    /// The same value twice in a list.
    ValueDuplicate = "value-duplicate", Advice;
    /// A value beside `*`, which says the same.
    ValueCovered = "value-covered", Advice;
    /// A version that this program does not know.
    VersionUnknown = "version-unknown", Broken;
    /// There is no rule.
    NoRules = "rules-none", Advice;
    /// A name that cannot be a field value.
    NameInvalid = "name-invalid", Broken;
    /// Two rules of one name.
    NameDuplicate = "name-duplicate", Advice;
    /// The rule is no longer in force.
    RuleExpired = "rule-expired", Advice;
    /// Earlier rules take everything from this one.
    RuleShadowed = "rule-shadowed", Broken;
    /// Earlier rules take something from this one.
    RulePartlyShadowed = "rule-partly-shadowed", Advice;

    /// `null` as an origin.
    OriginNull = "origin-null", Unsafe;
    /// `*` together with credentials.
    AnyOriginWithCredentials = "any-origin-with-credentials", Unsafe;
    /// `https://*example.com`.
    OriginSuffix = "origin-suffix-pattern", Unsafe;
    /// `https://example.*`.
    OriginPrefix = "origin-prefix-pattern", Unsafe;
    /// A regular expression.
    OriginRegex = "origin-regex", Unsafe;
    /// `https://*.github.io`.
    OriginPublicSuffix = "origin-public-suffix", Unsafe;
    /// An http origin together with credentials.
    HttpOriginWithCredentials = "http-origin-with-credentials", Unsafe;
    /// An http origin for an https server.
    HttpOrigin = "http-origin", Advice;
    /// A subdomain pattern together with credentials.
    SubdomainsWithCredentials = "subdomains-with-credentials", Advice;
    /// Any port of a host that is not this machine.
    AnyPort = "origin-any-port", Advice;
    /// A slash at the end of an origin.
    OriginTrailingSlash = "origin-trailing-slash", Broken;
    /// A path, query, fragment or user in an origin.
    OriginPath = "origin-path", Broken;
    /// Capital letters in an origin.
    OriginUpperCase = "origin-upper-case", Broken;
    /// A default port in an origin.
    OriginDefaultPort = "origin-default-port", Broken;
    /// A host in Unicode.
    OriginUnicode = "origin-unicode", Broken;
    /// An address in another spelling than browsers use.
    OriginAddress = "origin-address-spelling", Broken;
    /// Several origins in one text.
    OriginList = "origin-list", Broken;
    /// An origin without a scheme.
    OriginNoScheme = "origin-no-scheme", Broken;
    /// A scheme whose pages have no origin, or that no page has.
    OriginScheme = "origin-scheme", Broken;
    /// No origin at all.
    OriginInvalid = "origin-invalid", Broken;
    /// An origin that another pattern of the rule covers.
    OriginCovered = "origin-covered", Advice;
    /// The target's own origin.
    OriginIsTarget = "origin-is-target", Advice;

    /// No URL of a server.
    TargetInvalid = "target-invalid", Broken;
    /// An asterisk in a target.
    TargetPattern = "target-pattern", Broken;
    /// A query, a fragment or a user in a target.
    TargetQuery = "target-query", Broken;
    /// A path that servers read differently.
    TargetPath = "target-path", Broken;
    /// A target that another one of the rule covers.
    TargetCovered = "target-covered", Advice;
    /// A public page may read a server in a private network, or on this machine.
    TargetPrivate = "target-private", Unsafe;
    /// An https page and an http server.
    TargetMixedContent = "target-mixed-content", Advice;

    /// No method.
    MethodInvalid = "method-invalid", Broken;
    /// `patch` for PATCH.
    MethodLowerCase = "method-lower-case", Broken;
    /// CONNECT, TRACE or TRACK.
    MethodForbidden = "method-forbidden", Advice;
    /// GET, HEAD or POST.
    MethodSafelisted = "method-safelisted", Advice;
    /// OPTIONS.
    MethodOptions = "method-options", Advice;
    /// `*` for methods together with credentials.
    AnyMethodWithCredentials = "any-method-with-credentials", Broken;

    /// No header name.
    HeaderInvalid = "header-invalid", Broken;
    /// A request header that script cannot set.
    HeaderForbidden = "header-forbidden", Advice;
    /// A request header that needs no leave.
    HeaderSafelisted = "header-safelisted", Advice;
    /// A response header among the request headers.
    ResponseHeaderRequested = "response-header-requested", Broken;
    /// `*` for request headers together with credentials.
    AnyHeaderWithCredentials = "any-header-with-credentials", Broken;
    /// `*` for request headers, which does not cover Authorization.
    AnyHeaderWithoutAuthorization = "any-header-without-authorization", Advice;

    /// A request header among the exposed ones.
    RequestHeaderExposed = "request-header-exposed", Broken;
    /// Set-Cookie among the exposed headers.
    ExposeForbidden = "expose-forbidden", Advice;
    /// A response header that script can read anyway.
    ExposeSafelisted = "expose-safelisted", Advice;
    /// `*` for exposed headers.
    ExposeAny = "expose-any", Advice;
    /// `*` for exposed headers together with credentials.
    ExposeAnyWithCredentials = "expose-any-with-credentials", Broken;

    /// No number of seconds.
    MaxAgeInvalid = "max-age-invalid", Broken;
    /// Longer than any browser holds an answer.
    MaxAgeTooLong = "max-age-too-long", Broken;
    /// Longer than some browsers hold an answer.
    MaxAgeCut = "max-age-cut", Advice;
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A place in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in it, from 1.
    pub column: usize,
    /// The line in which it ends.
    pub end_line: usize,
    /// The character after its last one.
    pub end_column: usize,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub code: Code,
    /// Where.
    pub place: Place,
    /// The name of the rule, or its number as `#2` where it has none.
    pub rule: Option<Box<str>>,
    /// What it is about: a value as it is written, or a name.
    pub value: Option<Box<str>>,
    /// What to write instead.
    pub instead: Option<Box<str>>,
    /// Another place that it is about: what is the same, or what comes first.
    pub other: Option<Place>,
}

impl Finding {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        let is_kebab = |name: &&str| {
            name.bytes()
                .all(|octet| octet.is_ascii_lowercase() || b"-8".contains(&octet))
        };
        assert!(names.iter().all(is_kebab), "{names:?}");
    }
}
