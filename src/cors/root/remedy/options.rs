//! What to change about preflights.

use super::inner;
use crate::cors::root::case::Case;
use crate::cors::root::preflight::{OF_LIBRARIES, is_of_library, only_header, question};
use crate::cors::root::server::{Family, Server};

pub(super) fn needs_auth(server: Server) -> &'static str {
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
        Some(Family::Flask) => {
            "Flask: `CORS(app)` answers OPTIONS before views; see that no `before_request` asks it for a login."
        }
        Some(Family::Laravel) => {
            "Laravel: HandleCors, among the global middleware, answers OPTIONS before `auth`; see that `paths` in config/cors.php covers the path."
        }
        Some(Family::ApiGateway) => {
            "API Gateway: give the OPTIONS method no authorizer and no API key (REST API), or switch CORS on for the API (HTTP API)."
        }
        Some(Family::S3) => {
            "S3: refuses preflights with 403 where no rule of the bucket's CORS configuration fits: add one with this origin, method and headers."
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

pub(super) fn no_route(server: Server) -> &'static str {
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
        Some(Family::Flask) => {
            "Flask: `CORS(app)` of Flask-CORS adds the fields to the answer to OPTIONS, which Flask makes for every route."
        }
        Some(Family::Laravel) => {
            "Laravel: HandleCors answers OPTIONS before the router, for the `paths` of config/cors.php."
        }
        Some(Family::ApiGateway) => {
            "API Gateway: add an OPTIONS method to the resource (REST API), or switch CORS on for the API (HTTP API)."
        }
        Some(
            Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy
            | Family::S3,
        )
        | None => "On the server: answer OPTIONS before routing, with 204 and the CORS fields.",
    }
}

pub(super) fn max_age(server: Server) -> &'static str {
    match inner(server) {
        Some(Family::Nginx) => {
            "nginx: `add_header Access-Control-Max-Age 7200 always;` in the answer to OPTIONS."
        }
        Some(Family::Apache) => "Apache: `Header always set Access-Control-Max-Age 7200`.",
        Some(Family::Express) => "Express: `cors({ maxAge: 7200 })`.",
        Some(Family::Starlette) => "Starlette, FastAPI: `max_age=7200` in CORSMiddleware.",
        Some(Family::Django) => "Django: CORS_PREFLIGHT_MAX_AGE = 7200.",
        Some(Family::AspNet) => "ASP.NET Core: `SetPreflightMaxAge`.",
        Some(Family::Flask) => "Flask: `CORS(app, max_age=7200)`.",
        Some(Family::Laravel) => "Laravel: `'max_age' => 7200` in config/cors.php.",
        Some(Family::S3) => "S3: `MaxAgeSeconds` in the rule of the bucket's CORS configuration.",
        Some(
            Family::Caddy
            | Family::Rails
            | Family::Spring
            | Family::Cloudflare
            | Family::CloudFront
            | Family::Fastly
            | Family::Akamai
            | Family::Alb
            | Family::Envoy
            | Family::ApiGateway,
        )
        | None => "On the server: answer OPTIONS with `Access-Control-Max-Age: 7200`.",
    }
}

pub(super) fn slash(server: Server) -> &'static str {
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
            | Family::Envoy
            | Family::Flask
            | Family::Laravel
            | Family::ApiGateway
            | Family::S3,
        )
        | None => {
            "In the page: ask for the URL that the redirect names, which differs by the last slash."
        }
    }
}

/// Names the headers, of which only well-known names are repeated.
pub(super) fn trace_headers(case: &Case<'_>) -> String {
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

pub(super) fn simple_request(case: &Case<'_>) -> String {
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
