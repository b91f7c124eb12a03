//! Servers with mistakes in how they look at Origin, as `check --probe` sees them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use corstap::clock;
use corstap::exchange::RequestUrl;
use corstap::policy::Policy;
use corstap::probe::{Fetch, Probe, findings};
use corstap::proxy::{Asker, Route};

use super::{available, servers};

/// What is found that is worse than advice, when a site is probed for one rule.
async fn worst(site: &str, path: &str, port: u16, rule: &str) -> Vec<&'static str> {
    let told = told(site, path, port, rule).await.into_iter();
    told.filter(|(_, severity)| *severity != "advice")
        .map(|(code, _)| code)
        .collect()
}

/// What is found, and how bad it is.
async fn told(site: &str, path: &str, port: u16, rule: &str) -> Vec<(&'static str, &'static str)> {
    let url = format!("http://{site}:{port}{path}");
    let policy = format!(
        "version = 1\n[[rule]]\nname = \"app\"\ntargets = [\"http://{site}:{port}\"]\n{rule}\n"
    );
    let parsed = Policy::parse(policy.as_bytes(), clock::now());
    let url = RequestUrl::parse(&url).expect("valid");
    let here = std::net::Ipv4Addr::LOCALHOST.into();
    let route = Route {
        resolve: HashMap::from([(url.authority.clone(), here)]),
        ..Route::default()
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let probe = Probe {
        asker: Asker::new(route, provider),
        rules: parsed.policy.rules().iter().collect(),
        url,
        fetch: Fetch::Get,
        pace: Duration::ZERO,
    };
    let cells = probe
        .run(probe.matrix(200), |_| ())
        .await
        .expect("answered");
    let found = findings(&cells, &probe.rules).into_iter();
    found
        .map(|one| (one.mistake.code(), one.severity.name()))
        .collect()
}

const APP: &str =
    "origins = [\"https://app.example.com\"]\nmethods = [\"PUT\"]\ncredentials = true";
const TEST: &str = "origins = [\"http://app.test\"]\nmethods = [\"PUT\"]\ncredentials = true";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_reflects_or_has_a_pattern_without_an_end() {
    let Some(server) = available("nginx", || servers::nginx(1)) else {
        return;
    };
    let port = server.ports()["all"];
    assert_eq!(
        worst("fine.nginx.test", "/data.json", port, TEST).await,
        ["server-reflects-origin"]
    );
    assert_eq!(
        worst("pattern.nginx.test", "/data.json", port, APP).await,
        [
            "server-matches-prefix",
            "server-dot-unescaped",
            "server-odd-characters",
            "server-ignores-port",
        ]
    );
    assert_eq!(
        worst("no-always.nginx.test", "/data.json", port, TEST).await,
        [
            "server-vary-missing",
            "server-refuses-credentials",
            "server-refuses-preflight"
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn express_takes_a_list_a_pattern_without_a_start_or_everything() {
    let Some(server) = available("express and cors", servers::express) else {
        return;
    };
    let at = |site: &str| server.ports()[site];
    assert_eq!(
        worst("fine.express.test", "/data.json", at("fine"), TEST).await,
        [""; 0]
    );
    assert_eq!(
        worst("listed.express.test", "/data.json", at("listed"), TEST).await,
        ["server-reflects-origin"]
    );
    assert_eq!(
        worst("pattern.express.test", "/data.json", at("pattern"), APP).await,
        [
            "server-matches-suffix",
            "server-allows-subdomains",
            "server-ignores-scheme",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starlette_does_as_it_is_told() {
    let Some(server) = available("fastapi and uvicorn", servers::starlette) else {
        return;
    };
    let port = server.ports()["fine"];
    assert_eq!(
        worst("fine.starlette.test", "/data.json", port, TEST).await,
        [""; 0]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pattern_of_django_without_an_end_is_open() {
    let Some(server) = available("django and django-cors-headers", servers::django) else {
        return;
    };
    let port = server.ports()["all"];
    let anonymous = "origins = [\"https://app.example.com\"]\nmethods = [\"PUT\"]";
    assert_eq!(
        told("site.django.test", "/api/data.json", port, anonymous).await,
        [
            ("server-matches-prefix", "advice"),
            ("server-odd-characters", "advice"),
            ("server-ignores-port", "advice"),
            ("server-ignores-trailing-dot", "advice"),
        ]
    );
}
