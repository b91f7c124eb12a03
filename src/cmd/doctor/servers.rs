//! The way to servers: upstream proxies, and servers that were named.

use std::sync::Arc;

use super::Finding;
use crate::cli::Run;
use crate::cmd::route;
use crate::exchange::{RequestUrl, Scheme};
use crate::proxy::{Asker, Route};

/// The proxies that are named on the command line or in the environment, and whether they answer.
pub(super) async fn upstream(arguments: &Run) -> Vec<Finding> {
    const LEG: &str = "upstream";
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let route = match route::route(&arguments.servers, Some(arguments.listen), &provider) {
        Ok(route) => route,
        Err(error) => {
            let remedy = "mend what is named there: the option, or the variable";
            return vec![Finding::wrong(LEG, format!("{error:#}"), remedy)];
        }
    };
    let proxies = route.upstream.proxies();
    if proxies.is_empty() {
        let said = "no proxy is named (--upstream-proxy, HTTPS_PROXY, HTTP_PROXY): servers are reached directly";
        return vec![Finding::ok(LEG, said)];
    }
    let asker = Asker::new(Route::default(), Arc::new(provider));
    let mut found = Vec::new();
    for proxy in proxies {
        let server = &proxy.authority;
        found.push(match asker.reach(Scheme::Http, server).await {
            Ok(_) => Finding::ok(
                LEG,
                format!("servers are reached through the proxy {proxy}, which answers"),
            ),
            Err(failure) => Finding::wrong(
                LEG,
                format!(
                    "the proxy {proxy}, which is named for servers, is not reached: {failure}",
                ),
                "start it, or do without: corstap run --upstream-proxy none",
            ),
        });
    }
    found
}

/// A server that was named: reached as a run would, its certificate verified.
pub(super) async fn server(arguments: &Run, url: &str) -> Finding {
    const LEG: &str = "server";
    let Some(parsed) = RequestUrl::parse(url) else {
        let said = format!("`{url}` is not a server");
        return Finding::wrong(LEG, said, "it is like https://api.example.test:8443");
    };
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let Ok(route) = route::route(&arguments.servers, Some(arguments.listen), &provider) else {
        let said = format!("{url} is not asked, because the way to servers is wrong");
        return Finding::wrong(LEG, said, "see above");
    };
    let (scheme, server) = (parsed.scheme, &parsed.authority);
    let asker = Asker::new(route, Arc::new(provider));
    match asker.reach(scheme, server).await {
        Ok(reached) => Finding::ok(LEG, format!("{url}: {reached}")),
        Err(failure) => {
            let remedy = failure.remedy("corstap run");
            Finding::wrong(LEG, format!("{url}: {failure}"), remedy)
        }
    }
}
