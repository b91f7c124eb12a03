//! Causes: the reasons a browser stops at, and the words each engine has for them.

use serde::{Deserialize, Serialize};

use super::Engine;

/// Why a load is blocked or fails: the condition of the Fetch Standard that is not met, told apart
/// by what is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// No Access-Control-Allow-Origin.
    AllowOriginMissing,
    /// More than one value in Access-Control-Allow-Origin.
    AllowOriginMultiple,
    /// Access-Control-Allow-Origin is neither `*`, `null` nor anything like an origin.
    AllowOriginInvalid,
    /// Access-Control-Allow-Origin is another origin, or this one spelt differently.
    AllowOriginMismatch,
    /// `*` in Access-Control-Allow-Origin for a request with credentials.
    WildcardWithCredentials,
    /// Access-Control-Allow-Credentials is not `true` for a request with credentials.
    AllowCredentialsNotTrue,
    /// The preflight's answer has no ok status (200 to 299).
    PreflightStatus,
    /// The preflight is answered with a redirect.
    PreflightRedirect,
    /// The preflight is not answered.
    PreflightNoResponse,
    /// Access-Control-Allow-Methods holds something that is no token.
    AllowMethodsUnparsable,
    /// Access-Control-Allow-Headers holds something that is no token.
    AllowHeadersUnparsable,
    /// The method is not in Access-Control-Allow-Methods.
    MethodNotAllowed,
    /// The method is there, in other letter case.
    MethodCase,
    /// `*` in Access-Control-Allow-Methods for a request with credentials, where it is a literal.
    MethodWildcardCredentialed,
    /// A header of the request is not in Access-Control-Allow-Headers.
    HeaderNotAllowed,
    /// `*` in Access-Control-Allow-Headers for a request with credentials, where it is a literal.
    HeaderWildcardCredentialed,
    /// A redirect made the request's origin `null`, and the answer does not allow that.
    RedirectOriginNull,
    /// A redirect to a URL with user or password.
    RedirectUserinfo,
    /// A redirect to a URL that is not http or https.
    RedirectBadScheme,
    /// More than twenty redirects.
    RedirectLoop,
    /// The transport failed: no response came.
    NoResponse,
    /// The page is, or asks for, a URL whose scheme CORS does not work with.
    SchemeNotCors,
    /// The request's own mode forbids that it goes to another origin.
    ModeForbids,
    /// By the standard `*` in Access-Control-Allow-Headers does not cover Authorization; no engine
    /// enforces that.
    AuthorizationNeedsListing,
    /// The browser was not permitted to reach a more private address space.
    LnaDenied,
    /// The page is no secure context, and asks for a more private address space.
    LnaInsecure,
    /// The target's address space is another one than the page declared.
    LnaTargetMismatch,
    /// The preflight's answer does not allow access from a more public address space.
    PnaHeaderMissing,
    /// The browser could not add an Origin field.
    OriginHeaderUnavailable,
    /// CORS is switched off in the browser.
    CorsDisabledInBrowser,
}

/// In which part of a load a cause shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch).
    Preflight,
    /// The request proper.
    Actual,
    /// A redirect on the way.
    RedirectHop,
}

impl Phase {
    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Actual => "actual",
            Self::RedirectHop => "redirect-hop",
        }
    }
}

/// Whose rule blocks a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The CORS protocol.
    Cors,
    /// [Cross-Origin-Resource-Policy](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header).
    Corp,
    /// [Cross-Origin-Embedder-Policy](https://html.spec.whatwg.org/#coep).
    Coep,
    /// [Opaque-response blocking](https://github.com/annevk/orb).
    Orb,
    /// [Mixed content](https://w3c.github.io/webappsec-mixed-content/).
    MixedContent,
    /// [Content Security Policy](https://w3c.github.io/webappsec-csp/).
    Csp,
    /// [X-Frame-Options](https://html.spec.whatwg.org/#the-x-frame-options-header).
    XFrameOptions,
    /// [Local network access](https://wicg.github.io/local-network-access/).
    LocalNetworkAccess,
    /// The [type of scripts and styles](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-mime-type?).
    MimeType,
    /// [Subresource integrity](https://w3c.github.io/webappsec-subresource-integrity/).
    Sri,
}

impl Rule {
    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cors => "cors",
            Self::Corp => "corp",
            Self::Coep => "coep",
            Self::Orb => "orb",
            Self::MixedContent => "mixed-content",
            Self::Csp => "csp",
            Self::XFrameOptions => "x-frame-options",
            Self::LocalNetworkAccess => "local-network-access",
            Self::MimeType => "mime-type",
            Self::Sri => "sri",
        }
    }
}

/// How several values came into Access-Control-Allow-Origin; engines tell these apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Several {
    /// On several lines, all spelt exactly `Access-Control-Allow-Origin`.
    Lines,
    /// With a comma in the value.
    Comma,
    /// With a blank in the value.
    Blank,
    /// There is no answer that could have any: Firefox says the same of it where a connection of
    /// HTTP/1.1 ends before the answer to a PUT, and of no other method.
    Unanswered,
}

impl Cause {
    /// Every cause, in the order of the standard.
    pub const ALL: [Self; 30] = [
        Self::AllowOriginMissing,
        Self::AllowOriginMultiple,
        Self::AllowOriginInvalid,
        Self::AllowOriginMismatch,
        Self::WildcardWithCredentials,
        Self::AllowCredentialsNotTrue,
        Self::PreflightStatus,
        Self::PreflightRedirect,
        Self::PreflightNoResponse,
        Self::AllowMethodsUnparsable,
        Self::AllowHeadersUnparsable,
        Self::MethodNotAllowed,
        Self::MethodCase,
        Self::MethodWildcardCredentialed,
        Self::HeaderNotAllowed,
        Self::HeaderWildcardCredentialed,
        Self::RedirectOriginNull,
        Self::RedirectUserinfo,
        Self::RedirectBadScheme,
        Self::RedirectLoop,
        Self::NoResponse,
        Self::SchemeNotCors,
        Self::ModeForbids,
        Self::AuthorizationNeedsListing,
        Self::LnaDenied,
        Self::LnaInsecure,
        Self::LnaTargetMismatch,
        Self::PnaHeaderMissing,
        Self::OriginHeaderUnavailable,
        Self::CorsDisabledInBrowser,
    ];

    /// Whether requests without credentials cannot meet it.
    pub fn needs_credentials(self) -> bool {
        matches!(
            self,
            Self::WildcardWithCredentials
                | Self::AllowCredentialsNotTrue
                | Self::MethodWildcardCredentialed
                | Self::HeaderWildcardCredentialed
        )
    }

    /// The stable name, as in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::AllowOriginMissing => "allow-origin-missing",
            Self::AllowOriginMultiple => "allow-origin-multiple",
            Self::AllowOriginInvalid => "allow-origin-invalid",
            Self::AllowOriginMismatch => "allow-origin-mismatch",
            Self::WildcardWithCredentials => "wildcard-with-credentials",
            Self::AllowCredentialsNotTrue => "allow-credentials-not-true",
            Self::PreflightStatus => "preflight-status",
            Self::PreflightRedirect => "preflight-redirect",
            Self::PreflightNoResponse => "preflight-no-response",
            Self::AllowMethodsUnparsable => "allow-methods-unparsable",
            Self::AllowHeadersUnparsable => "allow-headers-unparsable",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::MethodCase => "method-case",
            Self::MethodWildcardCredentialed => "method-wildcard-credentialed",
            Self::HeaderNotAllowed => "header-not-allowed",
            Self::HeaderWildcardCredentialed => "header-wildcard-credentialed",
            Self::RedirectOriginNull => "redirect-origin-null",
            Self::RedirectUserinfo => "redirect-userinfo",
            Self::RedirectBadScheme => "redirect-bad-scheme",
            Self::RedirectLoop => "redirect-loop",
            Self::NoResponse => "no-response",
            Self::SchemeNotCors => "scheme-not-cors",
            Self::ModeForbids => "mode-forbids",
            Self::AuthorizationNeedsListing => "authorization-needs-listing",
            Self::LnaDenied => "lna-denied",
            Self::LnaInsecure => "lna-insecure",
            Self::LnaTargetMismatch => "lna-target-mismatch",
            Self::PnaHeaderMissing => "pna-header-missing",
            Self::OriginHeaderUnavailable => "origin-header-unavailable",
            Self::CorsDisabledInBrowser => "cors-disabled-in-browser",
        }
    }

    /// The cause of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }

    /// The part of the Fetch Standard that makes it fail.
    pub fn fetch_fragment(self) -> &'static str {
        match self {
            Self::AllowOriginMissing
            | Self::AllowOriginMultiple
            | Self::AllowOriginInvalid
            | Self::AllowOriginMismatch
            | Self::WildcardWithCredentials
            | Self::AllowCredentialsNotTrue
            | Self::RedirectOriginNull => "concept-cors-check",
            Self::PreflightStatus
            | Self::PreflightRedirect
            | Self::PreflightNoResponse
            | Self::AllowMethodsUnparsable
            | Self::AllowHeadersUnparsable
            | Self::MethodNotAllowed
            | Self::MethodCase
            | Self::MethodWildcardCredentialed
            | Self::HeaderNotAllowed
            | Self::HeaderWildcardCredentialed
            | Self::AuthorizationNeedsListing
            | Self::PnaHeaderMissing => "cors-preflight-fetch",
            Self::RedirectUserinfo | Self::RedirectBadScheme | Self::RedirectLoop => {
                "concept-http-redirect-fetch"
            }
            Self::NoResponse => "concept-network-error",
            Self::SchemeNotCors
            | Self::ModeForbids
            | Self::LnaDenied
            | Self::LnaInsecure
            | Self::LnaTargetMismatch
            | Self::CorsDisabledInBrowser => "concept-main-fetch",
            Self::OriginHeaderUnavailable => "append-a-request-origin-header",
        }
    }

    /// The code an engine prints for it: Chromium's `CorsError`, Firefox's console category
    /// without its trailing digit, a kebab-case name for WebKit's text. Nothing where the engine
    /// has no CORS message for it.
    pub fn code(
        self,
        engine: Engine,
        phase: Phase,
        several: Option<Several>,
    ) -> Option<&'static str> {
        match engine {
            Engine::Chromium => self.chromium_code(phase),
            Engine::Firefox => self.firefox_code(several),
            Engine::Webkit => self.webkit_code(several),
        }
    }

    /// `network::mojom::CorsError`, as `Network.CorsError` of the DevTools protocol has it.
    fn chromium_code(self, phase: Phase) -> Option<&'static str> {
        let of_phase = |preflight, other| {
            if phase == Phase::Preflight {
                preflight
            } else {
                other
            }
        };
        Some(match self {
            Self::AllowOriginMissing => of_phase(
                "PreflightMissingAllowOriginHeader",
                "MissingAllowOriginHeader",
            ),
            Self::AllowOriginMultiple => of_phase(
                "PreflightMultipleAllowOriginValues",
                "MultipleAllowOriginValues",
            ),
            Self::AllowOriginInvalid => of_phase(
                "PreflightInvalidAllowOriginValue",
                "InvalidAllowOriginValue",
            ),
            Self::AllowOriginMismatch | Self::RedirectOriginNull => {
                of_phase("PreflightAllowOriginMismatch", "AllowOriginMismatch")
            }
            Self::WildcardWithCredentials => of_phase(
                "PreflightWildcardOriginNotAllowed",
                "WildcardOriginNotAllowed",
            ),
            Self::AllowCredentialsNotTrue => of_phase(
                "PreflightInvalidAllowCredentials",
                "InvalidAllowCredentials",
            ),
            Self::PreflightStatus => "PreflightInvalidStatus",
            Self::PreflightRedirect => "PreflightDisallowedRedirect",
            Self::AllowMethodsUnparsable => "InvalidAllowMethodsPreflightResponse",
            Self::AllowHeadersUnparsable => "InvalidAllowHeadersPreflightResponse",
            Self::MethodNotAllowed | Self::MethodCase | Self::MethodWildcardCredentialed => {
                "MethodDisallowedByPreflightResponse"
            }
            Self::HeaderNotAllowed
            | Self::HeaderWildcardCredentialed
            | Self::AuthorizationNeedsListing => "HeaderDisallowedByPreflightResponse",
            Self::RedirectUserinfo => "RedirectContainsCredentials",
            Self::RedirectBadScheme | Self::SchemeNotCors => "CorsDisabledScheme",
            Self::ModeForbids => "DisallowedByMode",
            Self::LnaDenied => "LocalNetworkAccessPermissionDenied",
            Self::LnaInsecure => "InsecureLocalNetwork",
            Self::LnaTargetMismatch => "InvalidLocalNetworkAccess",
            Self::PnaHeaderMissing => "PreflightMissingAllowPrivateNetwork",
            Self::PreflightNoResponse
            | Self::RedirectLoop
            | Self::NoResponse
            | Self::OriginHeaderUnavailable
            | Self::CorsDisabledInBrowser => return None,
        })
    }

    /// The categories of Firefox's console, each a page of MDN's *CORS errors*.
    fn firefox_code(self, several: Option<Several>) -> Option<&'static str> {
        Some(match self {
            Self::AllowOriginMissing => "CORSMissingAllowOrigin",
            Self::AllowOriginMultiple if several == Some(Several::Lines) => {
                "CORSMultipleAllowOriginNotAllowed"
            }
            Self::NoResponse if several == Some(Several::Unanswered) => {
                "CORSMultipleAllowOriginNotAllowed"
            }
            Self::AllowOriginMultiple
            | Self::AllowOriginInvalid
            | Self::AllowOriginMismatch
            | Self::RedirectOriginNull => "CORSAllowOriginNotMatchingOrigin",
            Self::WildcardWithCredentials => "CORSNotSupportingCredentials",
            Self::AllowCredentialsNotTrue => "CORSMissingAllowCredentials",
            Self::PreflightStatus => "CORSPreflightDidNotSucceed",
            Self::PreflightRedirect => "CORSExternalRedirectNotAllowed",
            Self::AllowMethodsUnparsable => "CORSInvalidAllowMethod",
            Self::AllowHeadersUnparsable => "CORSInvalidAllowHeader",
            Self::MethodNotAllowed | Self::MethodCase | Self::MethodWildcardCredentialed => {
                "CORSMethodNotFound"
            }
            Self::HeaderNotAllowed
            | Self::HeaderWildcardCredentialed
            | Self::AuthorizationNeedsListing => "CORSMissingAllowHeaderFromPreflight",
            Self::PreflightNoResponse
            | Self::RedirectUserinfo
            | Self::RedirectBadScheme
            | Self::RedirectLoop
            | Self::NoResponse => "CORSDidNotSucceed",
            Self::SchemeNotCors => "CORSRequestNotHttp",
            Self::OriginHeaderUnavailable => "CORSOriginHeaderNotAdded",
            Self::CorsDisabledInBrowser => "CORSDisabled",
            Self::ModeForbids
            | Self::LnaDenied
            | Self::LnaInsecure
            | Self::LnaTargetMismatch
            | Self::PnaHeaderMissing => return None,
        })
    }

    /// Names for WebKit's texts, which have no codes of their own.
    fn webkit_code(self, several: Option<Several>) -> Option<&'static str> {
        Some(match self {
            Self::AllowOriginMultiple if several != Some(Several::Blank) => "multiple-allow-origin",
            Self::AllowOriginMissing
            | Self::AllowOriginMultiple
            | Self::AllowOriginInvalid
            | Self::AllowOriginMismatch
            | Self::RedirectOriginNull => "origin-not-allowed",
            Self::WildcardWithCredentials => "wildcard-with-credentials",
            Self::AllowCredentialsNotTrue => "allow-credentials-not-true",
            Self::PreflightStatus | Self::PreflightRedirect => "preflight-not-successful",
            Self::AllowMethodsUnparsable => "allow-methods-invalid",
            Self::AllowHeadersUnparsable => "allow-headers-invalid",
            Self::MethodNotAllowed | Self::MethodCase | Self::MethodWildcardCredentialed => {
                "method-not-allowed"
            }
            Self::HeaderNotAllowed | Self::HeaderWildcardCredentialed => "header-not-allowed",
            Self::RedirectUserinfo => "redirect-has-credentials",
            Self::RedirectBadScheme => "redirect-scheme-not-cors",
            Self::SchemeNotCors => "scheme-not-http",
            Self::PreflightNoResponse
            | Self::RedirectLoop
            | Self::NoResponse
            | Self::ModeForbids
            | Self::AuthorizationNeedsListing
            | Self::LnaDenied
            | Self::LnaInsecure
            | Self::LnaTargetMismatch
            | Self::PnaHeaderMissing
            | Self::OriginHeaderUnavailable
            | Self::CorsDisabledInBrowser => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable_and_found_again() {
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).expect("plain"), cause.name());
            assert_eq!(Cause::of_name(cause.name()), Some(cause));
        }
    }

    #[test]
    fn chromium_tells_the_preflight_apart() {
        let code = |phase| Cause::AllowOriginMissing.code(Engine::Chromium, phase, None);
        assert_eq!(
            code(Phase::Preflight),
            Some("PreflightMissingAllowOriginHeader")
        );
        assert_eq!(code(Phase::RedirectHop), Some("MissingAllowOriginHeader"));
    }

    #[test]
    fn firefox_and_webkit_tell_several_values_apart() {
        let code =
            |engine, several| Cause::AllowOriginMultiple.code(engine, Phase::Actual, Some(several));
        assert_eq!(
            code(Engine::Firefox, Several::Comma),
            Some("CORSAllowOriginNotMatchingOrigin")
        );
        assert_eq!(
            code(Engine::Firefox, Several::Lines),
            Some("CORSMultipleAllowOriginNotAllowed")
        );
        assert_eq!(
            code(Engine::Webkit, Several::Comma),
            Some("multiple-allow-origin")
        );
        assert_eq!(
            code(Engine::Webkit, Several::Blank),
            Some("origin-not-allowed")
        );
    }
}
