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
    let server = case.server();
    match root {
        Root::TraceHeadersAdded => options::trace_headers(case).into(),
        Root::SimpleRequestExpected => options::simple_request(case).into(),
        Root::WildcardAndCredentials => policy::wildcard(server).into(),
        Root::DuplicateLayers => layers::duplicates(server).into(),
        Root::BodyOrHeaderLimit => layers::limit(server, case.shape().status).into(),
        Root::WafOrBotChallenge => layers::defence(server).into(),
        Root::GatewayError => layers::gateway(server).into(),
        Root::HostNotAuthorised => layers::host(server).into(),
        Root::CachedWithoutVary => layers::cached(server).into(),
        Root::AllowlistMiss => policy::allowlist(server).into(),
        Root::StaticAllowOrigin => policy::fixed(server).into(),
        Root::ErrorPathWithoutCors => policy::error_path(server).into(),
        Root::NoCorsConfig => policy::no_config(server).into(),
        Root::OptionsNeedsAuth => options::needs_auth(server).into(),
        Root::OptionsNoRoute => options::no_route(server).into(),
        Root::PreflightAnsweredByOtherLayer => layers::other_layer(server).into(),
        Root::ExpiredPreflightPolicy => options::max_age(server).into(),
        Root::OptionsRedirectSlash => options::slash(server).into(),
        Root::OptionsRedirectHttps => "In the page: ask for the https URL, so that nothing is left to redirect.".into(),
        Root::OptionsRedirectHost => "In the page: ask the host that the redirect names. A preflight may not be redirected.".into(),
        Root::OptionsRedirectLogin => "On the server: let OPTIONS pass before the login is asked for; it never carries a session.".into(),
        Root::LoginRedirectOnXhr => "On the server: answer requests of scripts with 401 and the CORS fields instead of a redirect. In the page: log in again.".into(),
        Root::ConditionalHeadersOn304 => "On the server: send the CORS fields and Vary: Origin with a 304 just as with the 200 it stands for.".into(),
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
