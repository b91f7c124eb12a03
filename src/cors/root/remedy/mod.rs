//! What to change, in the terms of the server that the wire shows.

mod layers;
mod options;
mod policy;

use std::borrow::Cow;

use super::Root;
use super::case::Case;
use super::server::{Family, Server};

/// What is to be changed for a root.
pub(super) fn of(root: Root, case: &Case<'_>) -> Cow<'static, str> {
    if root == Root::TraceHeadersAdded {
        options::trace_headers(case).into()
    } else if root == Root::SimpleRequestExpected {
        options::simple_request(case).into()
    } else if root == Root::BodyOrHeaderLimit {
        layers::limit(case.server(), case.shape().status).into()
    } else {
        on(root, case.server()).into()
    }
}

/// What is to be changed for a root on any server.
pub(super) fn in_general(root: Root) -> &'static str {
    on(root, Server::default())
}

fn on(root: Root, server: Server) -> &'static str {
    match root {
        Root::TraceHeadersAdded => {
            "On the server: add the names to Access-Control-Allow-Headers. Or in the page: tell the library to leave this host alone."
        }
        Root::SimpleRequestExpected => {
            "On the server: answer the preflight. Or in the page: leave the header out, so that none is made."
        }
        Root::BodyOrHeaderLimit => layers::limit(server, 413),
        Root::WildcardAndCredentials => policy::wildcard(server),
        Root::DuplicateLayers => layers::duplicates(server),
        Root::WafOrBotChallenge => layers::defence(server),
        Root::GatewayError => layers::gateway(server),
        Root::HostNotAuthorised => layers::host(server),
        Root::CachedWithoutVary => layers::cached(server),
        Root::AllowlistMiss => policy::allowlist(server),
        Root::StaticAllowOrigin => policy::fixed(server),
        Root::ErrorPathWithoutCors => policy::error_path(server),
        Root::NoCorsConfig => policy::no_config(server),
        Root::OptionsNeedsAuth => options::needs_auth(server),
        Root::OptionsNoRoute => options::no_route(server),
        Root::PreflightAnsweredByOtherLayer => layers::other_layer(server),
        Root::ExpiredPreflightPolicy => options::max_age(server),
        Root::OptionsRedirectSlash => options::slash(server),
        Root::OptionsRedirectHttps => {
            "In the page: ask for the https URL, so that nothing is left to redirect."
        }
        Root::OptionsRedirectHost => {
            "In the page: ask the host that the redirect names. A preflight may not be redirected."
        }
        Root::OptionsRedirectLogin => {
            "On the server: let OPTIONS pass before the login is asked for; it never carries a session."
        }
        Root::LoginRedirectOnXhr => {
            "On the server: answer requests of scripts with 401 and the CORS fields instead of a redirect. In the page: log in again."
        }
        Root::ConditionalHeadersOn304 => {
            "On the server: send the CORS fields and Vary: Origin with a 304 just as with the 200 it stands for."
        }
    }
}

/// The layer whose word counts for headers: the application, where it is known.
fn inner(server: Server) -> Option<Family> {
    server.application.or(server.front)
}

/// The layer whose word counts for what is in front.
fn outer(server: Server) -> Option<Family> {
    server.front.or(server.application)
}
