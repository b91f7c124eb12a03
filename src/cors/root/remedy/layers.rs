//! What to change where several layers are between.

use super::{inner, outer};
use crate::cors::root::server::{Family, Server};

pub(super) fn duplicates(server: Server) -> &'static str {
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
        Some(Family::ApiGateway) => {
            "API Gateway: an HTTP API with CORS switched on overrides what the integration sends; with a REST API let the integration alone add the fields."
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
            | Family::Envoy
            | Family::Flask
            | Family::Laravel
            | Family::S3,
        )
        | None => {
            "On the server: let one layer alone add the CORS fields, and take them out of the other."
        }
    }
}

pub(super) fn cached(server: Server) -> &'static str {
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
            | Family::Envoy
            | Family::Flask
            | Family::Laravel
            | Family::ApiGateway
            | Family::S3,
        )
        | None => {
            "On the server: send `Vary: Origin` with every answer at this URL, errors and answers to no Origin among them; then empty the cache."
        }
    }
}

pub(super) fn gateway(server: Server) -> &'static str {
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
        Some(Family::ApiGateway) => {
            "API Gateway: the integration failed or took longer than its timeout (29 s by default): see its log. CORS is not what is wrong."
        }
        Some(
            Family::Express
            | Family::Starlette
            | Family::Django
            | Family::Rails
            | Family::Spring
            | Family::AspNet
            | Family::Flask
            | Family::Laravel
            | Family::S3,
        )
        | None => {
            "Look behind the gateway: the application is down, unreachable or too slow. CORS is not what is wrong."
        }
    }
}

pub(super) fn defence(server: Server) -> &'static str {
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
            | Family::Envoy
            | Family::Flask
            | Family::Laravel
            | Family::ApiGateway
            | Family::S3,
        )
        | None => {
            "In the firewall: except the API's paths, and OPTIONS there, from the rule that matched."
        }
    }
}

pub(super) fn host(server: Server) -> &'static str {
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
            | Family::Envoy
            | Family::Flask
            | Family::Laravel
            | Family::ApiGateway
            | Family::S3,
        )
        | None => {
            "On the server: add this host name to those it answers to (Vite: `server.allowedHosts`, webpack: `devServer.allowedHosts`)."
        }
    }
}

pub(super) fn limit(server: Server, status: u16) -> &'static str {
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

pub(super) fn other_layer(server: Server) -> &'static str {
    match outer(server) {
        Some(Family::Nginx) => {
            "nginx: the block that answers OPTIONS has the CORS lines; add them, with `always`, where the request proper is answered, or let one layer do both."
        }
        Some(Family::ApiGateway) => {
            "API Gateway: the OPTIONS method has the fields; the integration (a Lambda proxy, say) has to send them with its own answers, too."
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
            | Family::Envoy
            | Family::Flask
            | Family::Laravel
            | Family::S3,
        )
        | None => {
            "On the server: the layer that answers preflights must add the fields to the answers that follow, too; or leave both to the application."
        }
    }
}
