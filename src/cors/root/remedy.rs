//! What to change, in the terms of the server that the wire shows.

use std::borrow::Cow;

use super::Root;
use super::case::Case;
use super::preflight::{OF_LIBRARIES, is_of_library, only_header, question};
use super::server::{Family, Server};

/// What is to be changed for a root.
pub(super) fn of(root: Root, case: &Case<'_>) -> Cow<'static, str> {
    let server = case.server;
    match root {
        Root::TraceHeadersAdded => trace_headers(case).into(),
        Root::SimpleRequestExpected => simple_request(case).into(),
        Root::WildcardAndCredentials => wildcard(server).into(),
        Root::DuplicateLayers => duplicates(server).into(),
        Root::BodyOrHeaderLimit => limit(server, case.shape().status).into(),
        Root::WafOrBotChallenge => defence(server).into(),
        Root::GatewayError => gateway(server).into(),
        Root::HostNotAuthorised => host(server).into(),
        Root::CachedWithoutVary => cached(server).into(),
        Root::AllowlistMiss => allowlist(server).into(),
        Root::StaticAllowOrigin => fixed(server).into(),
        Root::ErrorPathWithoutCors => error_path(server).into(),
        Root::NoCorsConfig => no_config(server).into(),
        Root::OptionsNeedsAuth => needs_auth(server).into(),
        Root::OptionsNoRoute => no_route(server).into(),
        Root::PreflightAnsweredByOtherLayer => other_layer(server).into(),
        Root::ExpiredPreflightPolicy => max_age(server).into(),
        Root::OptionsRedirectSlash => slash(server).into(),
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

fn no_config(server: Server) -> &'static str {
    match inner(server) {
        Some(Family::Nginx) => {
            "nginx: list the origins in a `map $http_origin $cors_origin`, then in the location that answers: `add_header Access-Control-Allow-Origin $cors_origin always;` and `add_header Vary Origin always;`; and `return 204;` for OPTIONS, with the same lines."
        }
        Some(Family::Apache) => {
            "Apache: with mod_headers, `SetEnvIf Origin \"^https://app\\.example$\" CORS=$0`, then `Header always set Access-Control-Allow-Origin %{CORS}e env=CORS` and `Header always merge Vary Origin`; and a RewriteRule that answers OPTIONS with 204."
        }
        Some(Family::Caddy) => {
            "Caddy: a matcher `@cors header Origin https://app.example`, then `header @cors Access-Control-Allow-Origin https://app.example` with `defer`, and `respond @preflight 204` for OPTIONS."
        }
        Some(Family::Express) => {
            "Express: `app.use(cors({ origin: ['https://app.example'] }))` before all routes and before authentication."
        }
        Some(Family::Starlette) => {
            "Starlette, FastAPI: add CORSMiddleware with this origin in `allow_origins`, and add it last, so that it is the outermost."
        }
        Some(Family::Django) => {
            "Django: install django-cors-headers, put CorsMiddleware first in MIDDLEWARE, and this origin into CORS_ALLOWED_ORIGINS."
        }
        Some(Family::Rails) => {
            "Rails: `config.middleware.insert_before 0, Rack::Cors` with an `allow` block that names this origin and the resources."
        }
        Some(Family::Spring) => {
            "Spring: register a CorsConfiguration with this origin, and switch it on in Spring Security too (`http.cors(…)`)."
        }
        Some(Family::AspNet) => {
            "ASP.NET Core: `AddCors` with `WithOrigins(…)`, and `app.UseCors` after UseRouting and before UseAuthentication."
        }
        Some(Family::CloudFront) => {
            "CloudFront: attach a response headers policy with CORS settings to the behaviour, or forward Origin and let the origin server answer."
        }
        Some(
            Family::Cloudflare | Family::Fastly | Family::Akamai | Family::Alb | Family::Envoy,
        )
        | None => {
            "On the server: let one layer add the CORS fields to every answer for the origins that may have it, and answer OPTIONS itself."
        }
    }
}

fn error_path(server: Server) -> &'static str {
    match inner(server) {
        Some(Family::Nginx) => {
            "nginx: write `always` at the end of each `add_header` line, and repeat all of them in every block that has one of its own: an inner `add_header` discards the outer ones."
        }
        Some(Family::Apache) => {
            "Apache: write `Header always set …`; without `always` errors do not get the fields."
        }
        Some(Family::Caddy) => {
            "Caddy: repeat the `header` lines in `handle_errors`: errors leave the ordinary routes."
        }
        Some(Family::Express) => {
            "Express: put `cors()` before everything that can fail, and let error handlers keep the fields that are set."
        }
        Some(Family::Starlette) => {
            "Starlette, FastAPI: an unhandled exception is answered outside CORSMiddleware. Catch it in an exception handler inside, or wrap the whole application: `app = CORSMiddleware(app, …)`."
        }
        Some(Family::Django) => {
            "Django: put CorsMiddleware first in MIDDLEWARE, so that errors pass through it on their way out."
        }
        Some(Family::Rails) => {
            "Rails: insert Rack::Cors before everything else (`insert_before 0`), so that error pages pass through it."
        }
        Some(Family::Spring) => {
            "Spring: add CORS as a filter in front of Spring Security and the error page (`http.cors(…)`), not by annotations alone."
        }
        Some(Family::AspNet) => {
            "ASP.NET Core: call `UseCors` before the exception handler's routes run, and do not clear the headers when an error is written."
        }
        Some(
            Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy,
        )
        | None => {
            "On the server: add the CORS fields in the outermost layer, with every status. Then look at the error itself, which the page will see."
        }
    }
}

fn needs_auth(server: Server) -> &'static str {
    match inner(server) {
        Some(Family::Nginx) => {
            "nginx: leave OPTIONS out of authentication: `limit_except OPTIONS { auth_basic …; }`, or answer it with `return 204;` and the CORS lines in a location without `auth_basic` and `auth_request`."
        }
        Some(Family::Apache) => {
            "Apache: put `Require` into `<LimitExcept OPTIONS>`, and answer OPTIONS with 204 and the CORS fields."
        }
        Some(Family::Caddy) => {
            "Caddy: answer `@preflight method OPTIONS` before `basicauth` or `forward_auth` applies, within `route`."
        }
        Some(Family::Express) => {
            "Express: `app.use(cors(…))` before the authentication middleware."
        }
        Some(Family::Starlette) => {
            "Starlette, FastAPI: add CORSMiddleware after the authentication middleware; what is added last runs first."
        }
        Some(Family::Django) => {
            "Django: put CorsMiddleware above every middleware and view that asks for a login."
        }
        Some(Family::Rails) => {
            "Rails: insert Rack::Cors before the authentication middleware (`insert_before 0`)."
        }
        Some(Family::Spring) => {
            "Spring Security: `http.cors(…)`, which answers preflights before authorisation is looked at."
        }
        Some(Family::AspNet) => {
            "ASP.NET Core: `UseCors` before UseAuthentication; on IIS with Windows authentication use the IIS CORS module, which answers OPTIONS first."
        }
        Some(
            Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy,
        )
        | None => "On the server: answer OPTIONS before authentication.",
    }
}

fn no_route(server: Server) -> &'static str {
    match inner(server) {
        Some(Family::Nginx) => {
            "nginx: static files and many upstreams know no OPTIONS: answer it in the location with `if ($request_method = OPTIONS) { … return 204; }`, the CORS lines inside."
        }
        Some(Family::Apache) => {
            "Apache: answer OPTIONS itself: `RewriteCond %{REQUEST_METHOD} OPTIONS`, `RewriteRule .* - [R=204,L]`, with `Header always set` for the fields."
        }
        Some(Family::Caddy) => {
            "Caddy: `@preflight method OPTIONS`, with `respond @preflight 204` and the header lines before the other routes."
        }
        Some(Family::Express) => {
            "Express: `app.use(cors(…))` for all paths, not inside a route of one method only."
        }
        Some(Family::Starlette) => {
            "Starlette, FastAPI: routes know the methods they list, and OPTIONS is none of them: CORSMiddleware answers it before routing."
        }
        Some(Family::Django) => {
            "Django: the view allows certain methods only: CorsMiddleware, first in MIDDLEWARE, answers OPTIONS before it."
        }
        Some(Family::Rails) => {
            "Rails: no route matches OPTIONS: Rack::Cors, inserted before 0, answers it before the router."
        }
        Some(Family::Spring) => {
            "Spring: register the path in the CORS configuration, which makes OPTIONS known there."
        }
        Some(Family::AspNet) => {
            "ASP.NET Core: `UseCors` before the endpoints; on IIS see that OPTIONSVerbHandler or WebDAV does not take it."
        }
        Some(
            Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy,
        )
        | None => "On the server: answer OPTIONS before routing, with 204 and the CORS fields.",
    }
}

fn allowlist(server: Server) -> &'static str {
    match inner(server) {
        Some(Family::Nginx) => {
            "nginx: add this origin to the `map $http_origin …`, if this page may have it."
        }
        Some(Family::Apache) => {
            "Apache: add this origin to the `SetEnvIf Origin` pattern, if this page may have it."
        }
        Some(Family::Caddy) => {
            "Caddy: add this origin to the `header Origin` matcher, if this page may have it."
        }
        Some(Family::Express) => {
            "Express: add this origin to the `origin` list of cors(), if this page may have it."
        }
        Some(Family::Starlette) => {
            "Starlette, FastAPI: add this origin to `allow_origins`, if this page may have it."
        }
        Some(Family::Django) => {
            "Django: add this origin to CORS_ALLOWED_ORIGINS, with scheme and port, if this page may have it."
        }
        Some(Family::Rails) => {
            "Rails: add this origin to `origins` in the rack-cors block, and see that a `resource` covers the path."
        }
        Some(Family::Spring) => {
            "Spring: add this origin to `allowedOrigins`, if this page may have it."
        }
        Some(Family::AspNet) => {
            "ASP.NET Core: add this origin to `WithOrigins`, without a trailing slash, if this page may have it."
        }
        Some(
            Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy,
        )
        | None => {
            "On the server: add this exact origin, with scheme and port, to the list of those allowed, if this page may have it."
        }
    }
}

fn fixed(server: Server) -> &'static str {
    match inner(server) {
        Some(Family::Nginx) => {
            "nginx: send `$cors_origin` from a `map $http_origin …` that lists the origins, instead of one fixed origin, and `Vary: Origin`."
        }
        Some(Family::Apache) => {
            "Apache: take the origin from `SetEnvIf Origin` instead of writing one into `Header set`, and merge `Vary: Origin`."
        }
        Some(Family::Express) => {
            "Express: cors() sends a string as `origin` to everybody; give it a list."
        }
        Some(
            Family::Caddy
            | Family::Starlette
            | Family::Django
            | Family::Rails
            | Family::Spring
            | Family::AspNet
            | Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy,
        )
        | None => {
            "On the server: compare the request's Origin with a list, send back the one that matches, and `Vary: Origin`."
        }
    }
}

fn wildcard(server: Server) -> &'static str {
    match inner(server) {
        Some(Family::Express) => {
            "Express: with `credentials: true`, give cors() a list as `origin`; or leave credentials out on both sides."
        }
        Some(
            Family::Nginx
            | Family::Apache
            | Family::Caddy
            | Family::Starlette
            | Family::Django
            | Family::Rails
            | Family::Spring
            | Family::AspNet
            | Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy,
        )
        | None => {
            "On the server: name the origin instead of the asterisk, with `Vary: Origin`. Do not send back whatever Origin comes: with credentials that opens the server to every site."
        }
    }
}

fn duplicates(server: Server) -> &'static str {
    match outer(server) {
        Some(Family::Nginx) => {
            "nginx: either leave CORS to the application, or `proxy_hide_header Access-Control-Allow-Origin;` (and the other fields) beside the `add_header` lines."
        }
        Some(Family::Apache) => {
            "Apache: `Header always set` and `Header set` write into two tables, and a proxied application adds its own: `Header unset` or `Header onsuccess unset` what comes from it, or leave CORS to it."
        }
        Some(Family::Caddy) => {
            "Caddy: in `reverse_proxy`, `header_down -Access-Control-Allow-Origin`, or take the `header` line away."
        }
        Some(
            Family::Express
            | Family::Starlette
            | Family::Django
            | Family::Rails
            | Family::Spring
            | Family::AspNet
            | Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy,
        )
        | None => {
            "On the server: let one layer alone add the CORS fields, and take them out of the other."
        }
    }
}

fn cached(server: Server) -> &'static str {
    match outer(server) {
        Some(Family::Nginx) => {
            "nginx: let the application send `Vary: Origin` on every answer, which proxy_cache heeds, or put `$http_origin` into `proxy_cache_key`; then empty the cache."
        }
        Some(Family::CloudFront) => {
            "CloudFront: put Origin into the cache policy (cache key), send `Vary: Origin`, then invalidate."
        }
        Some(Family::Cloudflare) => {
            "Cloudflare: its cache heeds Vary only in part: put Origin into a custom cache key, or do not cache these answers; then purge."
        }
        Some(
            Family::Apache
            | Family::Caddy
            | Family::Express
            | Family::Starlette
            | Family::Django
            | Family::Rails
            | Family::Spring
            | Family::AspNet
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy,
        )
        | None => {
            "On the server: send `Vary: Origin` with every answer at this URL, errors and answers to no Origin among them; then empty the cache."
        }
    }
}

fn gateway(server: Server) -> &'static str {
    match outer(server) {
        Some(Family::Nginx) => {
            "nginx: the upstream does not answer: see its log, `proxy_pass` and `proxy_read_timeout`. With `add_header … always` the page will at least see the status."
        }
        Some(Family::Apache) => {
            "Apache: the backend of ProxyPass does not answer: see its log and `ProxyTimeout`. With `Header always set` the page will at least see the status."
        }
        Some(Family::Caddy) => {
            "Caddy: the upstream of reverse_proxy does not answer: see its log. With the header lines in `handle_errors` the page will at least see the status."
        }
        Some(Family::Alb) => {
            "The load balancer finds no healthy target, or the target is too slow: see the target group's health checks and the idle timeout."
        }
        Some(
            Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Envoy,
        ) => {
            "Look behind the gateway: the server there is down, unreachable or too slow. CORS is not what is wrong."
        }
        Some(
            Family::Express
            | Family::Starlette
            | Family::Django
            | Family::Rails
            | Family::Spring
            | Family::AspNet,
        )
        | None => {
            "Look behind the gateway: the application is down, unreachable or too slow. CORS is not what is wrong."
        }
    }
}

fn defence(server: Server) -> &'static str {
    match outer(server) {
        Some(Family::Cloudflare) => {
            "Cloudflare: skip managed challenges and bot rules for the API's paths (a WAF skip rule), OPTIONS among them; scripts cannot solve a challenge."
        }
        Some(Family::CloudFront | Family::Alb) => {
            "AWS WAF: find the rule that matched in its sampled requests, and except the API's paths and OPTIONS from it."
        }
        Some(Family::Akamai) => {
            "Akamai: find the rule by the reference number on the page, and except the API's paths and OPTIONS from it."
        }
        Some(
            Family::Nginx
            | Family::Apache
            | Family::Caddy
            | Family::Express
            | Family::Starlette
            | Family::Django
            | Family::Rails
            | Family::Spring
            | Family::AspNet
            | Family::Fastly
            | Family::Envoy,
        )
        | None => {
            "In the firewall: except the API's paths, and OPTIONS there, from the rule that matched."
        }
    }
}

fn host(server: Server) -> &'static str {
    match inner(server) {
        Some(Family::Rails) => "Rails: `config.hosts << \"…\"` with this host name.",
        Some(Family::Django) => "Django: add this host name to ALLOWED_HOSTS.",
        Some(Family::Starlette) => {
            "Starlette, FastAPI: add this host name to `allowed_hosts` of TrustedHostMiddleware."
        }
        Some(Family::AspNet) => "ASP.NET Core: add this host name to AllowedHosts.",
        Some(
            Family::Nginx
            | Family::Apache
            | Family::Caddy
            | Family::Express
            | Family::Spring
            | Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy,
        )
        | None => {
            "On the server: add this host name to those it answers to (Vite: `server.allowedHosts`, webpack: `devServer.allowedHosts`)."
        }
    }
}

fn limit(server: Server, status: u16) -> &'static str {
    let is_body = status == 413;
    match (outer(server), is_body) {
        (Some(Family::Nginx), true) => "nginx: raise `client_max_body_size`, or send less.",
        (Some(Family::Nginx), false) => {
            "nginx: raise `large_client_header_buffers`, or send fewer cookies and a shorter URL."
        }
        (Some(Family::Apache), true) => "Apache: raise `LimitRequestBody`, or send less.",
        (Some(Family::Apache), false) => {
            "Apache: raise `LimitRequestFieldSize` or `LimitRequestLine`, or send fewer cookies and a shorter URL."
        }
        (Some(Family::Caddy), true) => "Caddy: raise `max_size` in `request_body`, or send less.",
        (Some(Family::Express), true) => {
            "Express: raise `limit` of express.json() or whatever reads the body, or send less; and put cors() before it."
        }
        (_, true) => "On the server: raise the limit for bodies, or send less.",
        (_, false) => {
            "On the server: raise the limit for the request's head, or send fewer cookies and a shorter URL."
        }
    }
}

fn other_layer(server: Server) -> &'static str {
    match outer(server) {
        Some(Family::Nginx) => {
            "nginx: the block that answers OPTIONS has the CORS lines; add them, with `always`, where the request proper is answered, or let one layer do both."
        }
        Some(
            Family::Apache
            | Family::Caddy
            | Family::Express
            | Family::Starlette
            | Family::Django
            | Family::Rails
            | Family::Spring
            | Family::AspNet
            | Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy,
        )
        | None => {
            "On the server: the layer that answers preflights must add the fields to the answers that follow, too; or leave both to the application."
        }
    }
}

fn max_age(server: Server) -> &'static str {
    match inner(server) {
        Some(Family::Nginx) => {
            "nginx: `add_header Access-Control-Max-Age 7200 always;` in the answer to OPTIONS."
        }
        Some(Family::Apache) => "Apache: `Header always set Access-Control-Max-Age 7200`.",
        Some(Family::Express) => "Express: `cors({ maxAge: 7200 })`.",
        Some(Family::Starlette) => "Starlette, FastAPI: `max_age=7200` in CORSMiddleware.",
        Some(Family::Django) => "Django: CORS_PREFLIGHT_MAX_AGE = 7200.",
        Some(Family::AspNet) => "ASP.NET Core: `SetPreflightMaxAge`.",
        Some(
            Family::Caddy
            | Family::Rails
            | Family::Spring
            | Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy,
        )
        | None => "On the server: answer OPTIONS with `Access-Control-Max-Age: 7200`.",
    }
}

fn slash(server: Server) -> &'static str {
    match inner(server) {
        Some(Family::Django) => {
            "In the page: ask for the URL with the slash. Or in Django: APPEND_SLASH = False, and routes without it."
        }
        Some(Family::Starlette) => {
            "In the page: ask for the URL as the route is written. Or in FastAPI: `redirect_slashes=False` and both routes."
        }
        Some(Family::Nginx | Family::Apache | Family::Caddy) => {
            "In the page: ask for the URL with the slash: the path is a directory here."
        }
        Some(
            Family::Express
            | Family::Rails
            | Family::Spring
            | Family::AspNet
            | Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy,
        )
        | None => {
            "In the page: ask for the URL that the redirect names, which differs by the last slash."
        }
    }
}

/// Names the headers, of which only well-known names are repeated.
fn trace_headers(case: &Case<'_>) -> String {
    let names: Vec<&str> = question(case)
        .into_iter()
        .flat_map(|preflight| preflight.header_names())
        .filter(|name| is_of_library(name))
        .filter_map(well_known)
        .collect();
    let names = names.join(", ");
    format!(
        "In the page: tell the library not to add {names} to requests to this origin (its list of propagation targets). Or on the server: allow them in Access-Control-Allow-Headers."
    )
}

fn simple_request(case: &Case<'_>) -> String {
    let name = only_header(case).and_then(well_known);
    match name {
        Some("content-type") => "In the page: a body of text/plain or a form needs no preflight, and a GET no content-type at all. Or on the server: answer OPTIONS, and list content-type in Access-Control-Allow-Headers.".to_owned(),
        Some(name) => format!("In the page: without {name} there would be no preflight. Or on the server: answer OPTIONS, and list it in Access-Control-Allow-Headers."),
        None => "In the page: without its one header of its own there would be no preflight. Or on the server: answer OPTIONS, and list it in Access-Control-Allow-Headers.".to_owned(),
    }
}

/// A name that tells nobody anything about whom it belongs to.
fn well_known(name: &[u8]) -> Option<&'static str> {
    const OTHERS: [&str; 6] = [
        "content-type",
        "authorization",
        "cache-control",
        "x-csrf-token",
        "x-api-key",
        "x-request-id",
    ];
    let mut known = OF_LIBRARIES.iter().chain(&OTHERS);
    known
        .find(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        .copied()
}
