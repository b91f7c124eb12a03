//! What to change where the fields are wrong, or are not everywhere.

use super::inner;
use crate::cors::root::server::{Family, Server};

pub(super) fn no_config(server: Server) -> &'static str {
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
        Some(Family::Flask) => {
            "Flask: `CORS(app, origins=[\"https://app.example\"])` of Flask-CORS, on the whole application."
        }
        Some(Family::Laravel) => {
            "Laravel: this origin in `allowed_origins` and the path in `paths` of config/cors.php, with HandleCors among the global middleware."
        }
        Some(Family::ApiGateway) => {
            "API Gateway: switch CORS on for the API (HTTP API), or add an OPTIONS method and the fields to the integration's own answers (REST API); a Lambda proxy sends them itself."
        }
        Some(Family::S3) => {
            "S3: give the bucket a CORS configuration with this origin (`aws s3api put-bucket-cors`). S3 answers with the fields only where the request has an Origin."
        }
        Some(
            Family::Cloudflare | Family::Fastly | Family::Akamai | Family::Alb | Family::Envoy,
        )
        | None => {
            "On the server: let one layer add the CORS fields to every answer for the origins that may have it, and answer OPTIONS itself."
        }
    }
}

pub(super) fn error_path(server: Server) -> &'static str {
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
        Some(Family::Flask) => {
            "Flask: let Flask-CORS wrap the application (`CORS(app)`), not single views, so that error handlers pass through it."
        }
        Some(Family::Laravel) => {
            "Laravel: keep HandleCors among the global middleware, first, so that errors pass through it on their way out."
        }
        Some(Family::ApiGateway) => {
            "API Gateway: its own refusals (401, 403, 429, 5xx) do not come from the integration: add the fields to the gateway responses DEFAULT_4XX and DEFAULT_5XX (REST API), or switch CORS on for the API (HTTP API)."
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
        | None => {
            "On the server: add the CORS fields in the outermost layer, with every status. Then look at the error itself, which the page will see."
        }
    }
}

pub(super) fn allowlist(server: Server) -> &'static str {
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
        Some(Family::Flask) => {
            "Flask: add this origin to `origins` of Flask-CORS, if this page may have it."
        }
        Some(Family::Laravel) => {
            "Laravel: add this origin to `allowed_origins` in config/cors.php, if this page may have it; and see that `paths` covers the path."
        }
        Some(Family::ApiGateway) => {
            "API Gateway: add this origin to AllowOrigins in the API's CORS configuration, if this page may have it."
        }
        Some(Family::S3) => {
            "S3: add this origin, the method and the headers to one rule of the bucket's CORS configuration, if this page may have it."
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

pub(super) fn fixed(server: Server) -> &'static str {
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
            | Family::Envoy
            | Family::Flask
            | Family::Laravel
            | Family::ApiGateway
            | Family::S3,
        )
        | None => {
            "On the server: compare the request's Origin with a list, send back the one that matches, and `Vary: Origin`."
        }
    }
}

pub(super) fn wildcard(server: Server) -> &'static str {
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
            | Family::Envoy
            | Family::Flask
            | Family::Laravel
            | Family::ApiGateway
            | Family::S3,
        )
        | None => {
            "On the server: name the origin instead of the asterisk, with `Vary: Origin`. Do not send back whatever Origin comes: with credentials that opens the server to every site."
        }
    }
}
