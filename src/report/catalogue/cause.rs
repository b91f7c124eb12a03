//! What each cause is about, what it means, and what to do about it in general.

use crate::cors::{Cause, Root};

/// The field of the answer that a cause is about.
pub fn field(cause: Cause) -> Option<&'static str> {
    match cause {
        Cause::AllowOriginMissing
        | Cause::AllowOriginMultiple
        | Cause::AllowOriginInvalid
        | Cause::AllowOriginMismatch
        | Cause::WildcardWithCredentials => Some("Access-Control-Allow-Origin"),
        Cause::AllowCredentialsNotTrue => Some("Access-Control-Allow-Credentials"),
        Cause::AllowMethodsUnparsable
        | Cause::MethodNotAllowed
        | Cause::MethodCase
        | Cause::MethodWildcardCredentialed => Some("Access-Control-Allow-Methods"),
        Cause::AllowHeadersUnparsable
        | Cause::HeaderNotAllowed
        | Cause::HeaderWildcardCredentialed
        | Cause::AuthorizationNeedsListing => Some("Access-Control-Allow-Headers"),
        Cause::PnaHeaderMissing => Some("Access-Control-Allow-Private-Network"),
        Cause::PreflightStatus
        | Cause::PreflightRedirect
        | Cause::PreflightNoResponse
        | Cause::RedirectOriginNull
        | Cause::RedirectUserinfo
        | Cause::RedirectBadScheme
        | Cause::RedirectLoop
        | Cause::NoResponse
        | Cause::SchemeNotCors
        | Cause::ModeForbids
        | Cause::LnaDenied
        | Cause::LnaInsecure
        | Cause::LnaTargetMismatch
        | Cause::OriginHeaderUnavailable
        | Cause::CorsDisabledInBrowser => None,
    }
}

/// What a cause means.
#[expect(clippy::too_many_lines, reason = "one arm a cause")]
pub fn meaning(cause: Cause) -> &'static str {
    match cause {
        Cause::AllowOriginMissing => {
            "The answer has no Access-Control-Allow-Origin, so no page of another origin may read it. A field whose name \
             is misspelt counts as missing."
        }
        Cause::AllowOriginMultiple => {
            "Access-Control-Allow-Origin holds more than one value: one origin, or *, is all it can hold. Most often two \
             layers of the server add one each, or a list was written into it."
        }
        Cause::AllowOriginInvalid => {
            "Access-Control-Allow-Origin is neither * nor anything like an origin: empty, without a scheme, quoted, or a \
             template that was not filled in."
        }
        Cause::AllowOriginMismatch => {
            "Access-Control-Allow-Origin names another origin than the page's. They are compared letter by letter: a \
             trailing slash, another port, http for https or a capital letter is enough."
        }
        Cause::WildcardWithCredentials => {
            "The request is made with credentials, for which the answer has to name the page's origin: * does not count."
        }
        Cause::AllowCredentialsNotTrue => {
            "The request is made with credentials, and the answer's Access-Control-Allow-Credentials is not exactly true, \
             in small letters and once."
        }
        Cause::PreflightStatus => {
            "The answer to the preflight has a status outside 200 to 299, so the request is not made."
        }
        Cause::PreflightRedirect => {
            "The preflight is answered with a redirect, which browsers do not follow, so the request is not made."
        }
        Cause::PreflightNoResponse => {
            "The preflight got no answer: the transport failed. That is not CORS, although browsers may say so."
        }
        Cause::AllowMethodsUnparsable => {
            "Access-Control-Allow-Methods is no list of methods with commas between them: brackets, quotes, semicolons or \
             blanks within a member make it unreadable."
        }
        Cause::AllowHeadersUnparsable => {
            "Access-Control-Allow-Headers is no list of header names with commas between them: brackets, quotes, \
             semicolons or blanks within a member make it unreadable."
        }
        Cause::MethodNotAllowed => {
            "The answer to the preflight does not list the method of the request. GET, HEAD and POST need not be listed."
        }
        Cause::MethodCase => {
            "The method is listed, but in other letters: methods are compared letter by letter, and only a few are put \
             into capitals for the page (patch is not)."
        }
        Cause::MethodWildcardCredentialed => {
            "Access-Control-Allow-Methods is *, which stands for every method only where the request is made without \
             credentials."
        }
        Cause::HeaderNotAllowed => {
            "The answer to the preflight does not list a header that the page sets: a custom one, Authorization, or a \
             Content-Type that no form could send, as application/json."
        }
        Cause::HeaderWildcardCredentialed => {
            "Access-Control-Allow-Headers is *, which stands for every header only where the request is made without \
             credentials."
        }
        Cause::RedirectOriginNull => {
            "After a redirect from one foreign origin to another the request has Origin: null, which the answer does not \
             allow."
        }
        Cause::RedirectUserinfo => {
            "A redirect across origins leads to a URL with a user or a password in it."
        }
        Cause::RedirectBadScheme => {
            "A redirect leads to a URL that cannot be asked for across origins: its scheme is not http or https."
        }
        Cause::RedirectLoop => "The load was redirected more than twenty times.",
        Cause::NoResponse => {
            "No answer came: the transport failed. That is not CORS, although Firefox says so."
        }
        Cause::SchemeNotCors => {
            "The page, or what it asks for, has a scheme that CORS does not work with: file:, data:, or one of an app. \
             Nothing of it is on the wire."
        }
        Cause::ModeForbids => {
            "The request was made in a mode that forbids another origin (same-origin), or a redirect would have led it \
             there."
        }
        Cause::AuthorizationNeedsListing => {
            "By the standard * in Access-Control-Allow-Headers does not stand for Authorization. No engine enforces that \
             as of Chromium 156, Firefox 153 and WebKit 2.50; it is wise to list it all the same."
        }
        Cause::LnaDenied => {
            "A page from the internet asks for an address of the local network or of this machine, and the permission for \
             that was not given. The request is not made, so nothing of it is on the wire."
        }
        Cause::LnaInsecure => {
            "A page that is not served over https asks for an address of the local network or of this machine."
        }
        Cause::LnaTargetMismatch => {
            "The request declared another address space (targetAddressSpace) than the one its target turned out to be in."
        }
        Cause::PnaHeaderMissing => {
            "Older Chromium asked servers on local networks with Access-Control-Request-Private-Network, and the answer \
             has no Access-Control-Allow-Private-Network: true. Newer ones ask the user instead."
        }
        Cause::OriginHeaderUnavailable => {
            "Firefox could not add an Origin field to the request, as with some requests of extensions."
        }
        Cause::CorsDisabledInBrowser => {
            "CORS is switched off in Firefox, by the preference content.cors.disable, so that every such request fails."
        }
    }
}

/// What to do about a cause, in general.
#[expect(clippy::too_many_lines, reason = "one arm a cause")]
pub fn remedy(cause: Cause) -> &'static str {
    match cause {
        Cause::AllowOriginMissing => {
            "On the server: send Access-Control-Allow-Origin with the page's origin and Vary: Origin, with every status, \
             if this page may have it."
        }
        Cause::AllowOriginMultiple => {
            "On the server: let one layer alone add it, and send the one origin that asked."
        }
        Cause::AllowOriginInvalid => {
            "On the server: send the origin as the request's Origin field has it: scheme, host, port, nothing else."
        }
        Cause::AllowOriginMismatch => {
            "On the server: if this page may have it, add its origin to the list and send it as the request's Origin field \
             has it, with Vary: Origin."
        }
        Cause::WildcardWithCredentials => {
            "In the page: leave the credentials out, if it does not need them. Or on the server: send the page's origin \
             in place of *, with Access-Control-Allow-Credentials: true and Vary: Origin."
        }
        Cause::AllowCredentialsNotTrue => {
            "In the page: leave the credentials out, if it does not need them. Or on the server: send \
             Access-Control-Allow-Credentials: true once, with the preflight and with the request."
        }
        Cause::PreflightStatus => {
            "On the server: answer OPTIONS with 204 before authentication and routing."
        }
        Cause::PreflightRedirect => {
            "In the page: ask for the final URL. Or on the server: answer OPTIONS before redirecting."
        }
        Cause::PreflightNoResponse | Cause::NoResponse => {
            "Look at how the server was reached: is it running, is the port right, does its certificate hold, does \
             something on the way drop OPTIONS?"
        }
        Cause::AllowMethodsUnparsable => {
            "On the server: write the list as in Access-Control-Allow-Methods: GET, PUT."
        }
        Cause::AllowHeadersUnparsable => {
            "On the server: write the list as in Access-Control-Allow-Headers: content-type, x-request-id."
        }
        Cause::MethodNotAllowed => "On the server: add the method to Access-Control-Allow-Methods.",
        Cause::MethodCase => "In the page: write the method in capitals.",
        Cause::MethodWildcardCredentialed => {
            "On the server: list the methods. Or in the page: leave the credentials out."
        }
        Cause::HeaderNotAllowed => {
            "On the server: add the name to Access-Control-Allow-Headers. Or in the page: leave the header out."
        }
        Cause::HeaderWildcardCredentialed => {
            "On the server: list the names. Or in the page: leave the credentials out."
        }
        Cause::RedirectOriginNull => {
            "In the page: ask for the final URL. Or on the server: redirect within one origin. Never allow null: every \
             sandboxed page has that origin."
        }
        Cause::RedirectUserinfo => "On the server: redirect to a URL without user and password.",
        Cause::RedirectBadScheme => "On the server: redirect to http or https only.",
        Cause::RedirectLoop => "On the server: find the loop.",
        Cause::SchemeNotCors => {
            "Serve the page over http or https, if only from this machine, and ask for http or https."
        }
        Cause::ModeForbids => {
            "In the page: ask without mode: same-origin, or for a URL that stays within the origin."
        }
        Cause::AuthorizationNeedsListing => {
            "On the server: list Authorization in Access-Control-Allow-Headers."
        }
        Cause::LnaDenied => {
            "In the browser: allow the page to reach devices on the local network, when it asks. Or load the page from \
             the local network too."
        }
        Cause::LnaInsecure => "Serve the page over https.",
        Cause::LnaTargetMismatch => "In the page: correct targetAddressSpace, or leave it out.",
        Cause::PnaHeaderMissing => {
            "On the server: answer the preflight with Access-Control-Allow-Private-Network: true, if such pages may ask it."
        }
        Cause::OriginHeaderUnavailable => {
            "In the extension: ask for the permission to reach the host."
        }
        Cause::CorsDisabledInBrowser => {
            "In Firefox: set content.cors.disable to false in about:config."
        }
    }
}

/// What is usually beneath a cause.
#[expect(clippy::too_many_lines, reason = "one arm a cause")]
pub(super) fn usual_roots(cause: Cause) -> Vec<Root> {
    let roots: &[Root] = match cause {
        Cause::AllowOriginMissing => &[
            Root::NoCorsConfig,
            Root::ErrorPathWithoutCors,
            Root::AllowlistMiss,
            Root::OptionsNeedsAuth,
            Root::OptionsNoRoute,
            Root::GatewayError,
            Root::WafOrBotChallenge,
            Root::CachedWithoutVary,
            Root::LoginRedirectOnXhr,
            Root::PreflightAnsweredByOtherLayer,
            Root::BodyOrHeaderLimit,
            Root::HostNotAuthorised,
        ],
        Cause::AllowOriginMultiple | Cause::AllowCredentialsNotTrue => &[Root::DuplicateLayers],
        Cause::AllowOriginInvalid => &[Root::StaticAllowOrigin],
        Cause::AllowOriginMismatch => &[
            Root::StaticAllowOrigin,
            Root::CachedWithoutVary,
            Root::AllowlistMiss,
            Root::ConditionalHeadersOn304,
        ],
        Cause::WildcardWithCredentials => &[Root::WildcardAndCredentials],
        Cause::PreflightStatus => &[
            Root::OptionsNeedsAuth,
            Root::OptionsNoRoute,
            Root::AllowlistMiss,
            Root::GatewayError,
            Root::WafOrBotChallenge,
        ],
        Cause::PreflightRedirect => &[
            Root::OptionsRedirectSlash,
            Root::OptionsRedirectHttps,
            Root::OptionsRedirectHost,
            Root::OptionsRedirectLogin,
        ],
        Cause::HeaderNotAllowed => &[Root::TraceHeadersAdded, Root::SimpleRequestExpected],
        Cause::RedirectOriginNull => &[Root::LoginRedirectOnXhr],
        Cause::PreflightNoResponse
        | Cause::AllowMethodsUnparsable
        | Cause::AllowHeadersUnparsable
        | Cause::MethodNotAllowed
        | Cause::MethodCase
        | Cause::MethodWildcardCredentialed
        | Cause::HeaderWildcardCredentialed
        | Cause::RedirectUserinfo
        | Cause::RedirectBadScheme
        | Cause::RedirectLoop
        | Cause::NoResponse
        | Cause::SchemeNotCors
        | Cause::ModeForbids
        | Cause::AuthorizationNeedsListing
        | Cause::LnaDenied
        | Cause::LnaInsecure
        | Cause::LnaTargetMismatch
        | Cause::PnaHeaderMissing
        | Cause::OriginHeaderUnavailable
        | Cause::CorsDisabledInBrowser => &[],
    };
    roots.to_vec()
}
