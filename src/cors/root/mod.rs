//! Roots: which layer of the server is at fault beneath a CORS failure, told from what else the
//! capture holds of the same host.
//!
//! [`Roots`] remembers, for each host, what its answers have in common and where they differ:
//! small facts, a bounded number of them. A root is named only where the wire shows it; where
//! exchanges were dropped, nothing is concluded from what was not seen.

mod answer;
mod case;
mod fact;
mod memory;
mod preflight;
mod remedy;
mod server;
#[cfg(test)]
mod tests;
mod turn;
mod value;

use serde::{Deserialize, Serialize};

pub use self::case::{Sight, Subject};
pub use self::memory::Roots;

/// What is wrong on the server beneath a CORS failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Root {
    /// The literal `*` together with `Access-Control-Allow-Credentials: true`.
    WildcardAndCredentials,
    /// Two layers add the fields, each its own.
    DuplicateLayers,
    /// The request is too large for a layer in front.
    BodyOrHeaderLimit,
    /// A firewall or bot defence answered in the application's place.
    WafOrBotChallenge,
    /// A gateway answered for an application that did not.
    GatewayError,
    /// The server refuses this host name.
    HostNotAuthorised,
    /// OPTIONS is redirected to the URL with, or without, a trailing slash.
    OptionsRedirectSlash,
    /// OPTIONS is redirected to https.
    OptionsRedirectHttps,
    /// OPTIONS is redirected to another host.
    OptionsRedirectHost,
    /// OPTIONS is redirected to a login page.
    OptionsRedirectLogin,
    /// A request of a script is redirected to a login page.
    LoginRedirectOnXhr,
    /// A cache answers one origin with what was made for another, or for none.
    CachedWithoutVary,
    /// A 304 has other CORS fields than the response it revalidates.
    #[serde(rename = "conditional-headers-on-304")]
    ConditionalHeadersOn304,
    /// The server knows other origins, and not this one.
    AllowlistMiss,
    /// The same origin is allowed whoever asks.
    StaticAllowOrigin,
    /// Preflights are answered by another layer than the requests they are for.
    PreflightAnsweredByOtherLayer,
    /// Errors lack the fields that other answers have.
    ErrorPathWithoutCors,
    /// Nothing on this server knows of CORS.
    NoCorsConfig,
    /// OPTIONS has to authenticate, which browsers never do.
    OptionsNeedsAuth,
    /// Nothing answers OPTIONS at this URL.
    OptionsNoRoute,
    /// A tracing library adds request headers that the server does not know.
    TraceHeadersAdded,
    /// One request header makes a preflight necessary that the server does not expect.
    SimpleRequestExpected,
    /// The answers to preflights do not say how long they hold.
    ExpiredPreflightPolicy,
}

impl Root {
    /// Every root; of several that are equally sure, the one that comes first here is told first.
    pub const ALL: [Self; 23] = [
        Self::WildcardAndCredentials,
        Self::DuplicateLayers,
        Self::BodyOrHeaderLimit,
        Self::WafOrBotChallenge,
        Self::GatewayError,
        Self::HostNotAuthorised,
        Self::OptionsRedirectSlash,
        Self::OptionsRedirectHttps,
        Self::OptionsRedirectHost,
        Self::OptionsRedirectLogin,
        Self::LoginRedirectOnXhr,
        Self::CachedWithoutVary,
        Self::ConditionalHeadersOn304,
        Self::AllowlistMiss,
        Self::StaticAllowOrigin,
        Self::PreflightAnsweredByOtherLayer,
        Self::ErrorPathWithoutCors,
        Self::NoCorsConfig,
        Self::OptionsNeedsAuth,
        Self::OptionsNoRoute,
        Self::TraceHeadersAdded,
        Self::SimpleRequestExpected,
        Self::ExpiredPreflightPolicy,
    ];

    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::WildcardAndCredentials => "wildcard-and-credentials",
            Self::DuplicateLayers => "duplicate-layers",
            Self::BodyOrHeaderLimit => "body-or-header-limit",
            Self::WafOrBotChallenge => "waf-or-bot-challenge",
            Self::GatewayError => "gateway-error",
            Self::HostNotAuthorised => "host-not-authorised",
            Self::OptionsRedirectSlash => "options-redirect-slash",
            Self::OptionsRedirectHttps => "options-redirect-https",
            Self::OptionsRedirectHost => "options-redirect-host",
            Self::OptionsRedirectLogin => "options-redirect-login",
            Self::LoginRedirectOnXhr => "login-redirect-on-xhr",
            Self::CachedWithoutVary => "cached-without-vary",
            Self::ConditionalHeadersOn304 => "conditional-headers-on-304",
            Self::AllowlistMiss => "allowlist-miss",
            Self::StaticAllowOrigin => "static-allow-origin",
            Self::PreflightAnsweredByOtherLayer => "preflight-answered-by-other-layer",
            Self::ErrorPathWithoutCors => "error-path-without-cors",
            Self::NoCorsConfig => "no-cors-config",
            Self::OptionsNeedsAuth => "options-needs-auth",
            Self::OptionsNoRoute => "options-no-route",
            Self::TraceHeadersAdded => "trace-headers-added",
            Self::SimpleRequestExpected => "simple-request-expected",
            Self::ExpiredPreflightPolicy => "expired-preflight-policy",
        }
    }

    /// What to change, on any server.
    pub fn remedy(self) -> &'static str {
        remedy::in_general(self)
    }

    /// What is so, in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::WildcardAndCredentials => {
                "The server sends the asterisk together with Access-Control-Allow-Credentials: true, which no browser takes."
            }
            Self::DuplicateLayers => "Two layers of the server add the CORS fields, each its own.",
            Self::BodyOrHeaderLimit => {
                "The request is too large for a layer in front of the application, and the refusal has no CORS fields."
            }
            Self::WafOrBotChallenge => {
                "A firewall or bot defence answered in the application's place."
            }
            Self::GatewayError => {
                "A gateway answered because the application behind it did not; the CORS error hides that."
            }
            Self::HostNotAuthorised => {
                "The server refuses this host name before anything else is looked at."
            }
            Self::OptionsRedirectSlash => {
                "OPTIONS is redirected to the URL that differs by its last slash only."
            }
            Self::OptionsRedirectHttps => "OPTIONS is redirected from http to https.",
            Self::OptionsRedirectHost => "OPTIONS is redirected to another name of the server.",
            Self::OptionsRedirectLogin => "OPTIONS is redirected to a login page.",
            Self::LoginRedirectOnXhr => {
                "The session is missing or over, and the server redirects the script to a login page."
            }
            Self::CachedWithoutVary => {
                "A cache answered with what was made for another origin, or for none."
            }
            Self::ConditionalHeadersOn304 => {
                "The 304 does not have the CORS fields of the response that it revalidates."
            }
            Self::AllowlistMiss => "The server allows certain origins, and this is none of them.",
            Self::StaticAllowOrigin => "The server names the same origin whoever asks.",
            Self::PreflightAnsweredByOtherLayer => {
                "What answers the preflights knows of CORS; what answers the requests does not."
            }
            Self::ErrorPathWithoutCors => {
                "The server's errors lack the CORS fields that its other answers have."
            }
            Self::NoCorsConfig => "Nothing on this server was seen to know of CORS.",
            Self::OptionsNeedsAuth => {
                "The server wants OPTIONS to authenticate, which browsers never do."
            }
            Self::OptionsNoRoute => "Nothing on the server answers OPTIONS at this URL.",
            Self::TraceHeadersAdded => {
                "A tracing or AJAX library adds request headers that the server does not expect."
            }
            Self::SimpleRequestExpected => {
                "One request header makes a preflight necessary that the server does not expect."
            }
            Self::ExpiredPreflightPolicy => {
                "The same preflight is made for every call: its answer does not hold for long."
            }
        }
    }
}
