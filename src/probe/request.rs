//! The octets of a request, as a browser would send it for a page of that origin.

use std::fmt::Write;

use crate::exchange::RequestUrl;

use super::matrix::{Asks, Question};

/// How a page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// By GET.
    Get,
    /// By HEAD.
    Head,
}

impl Fetch {
    /// The method.
    pub fn method(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

/// The octets of a request. It has no cookies, and says who sends it.
pub fn request(url: &RequestUrl, fetch: Fetch, question: &Question) -> String {
    let (method, lines) = match &question.asks {
        Asks::Page | Asks::NoSuchPage => (fetch.method(), String::new()),
        Asks::Preflight { method, headers } => ("OPTIONS", asking(method, headers)),
    };
    let origin = question.origin.as_ref();
    let origin = origin.map(|one| format!("Origin: {}\r\n", one.origin));
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nUser-Agent: corstap/{version} (probe)\r\n\
         Accept: */*\r\n{metadata}{lines}{origin}\r\n",
        path = path(url, &question.asks),
        host = host(url),
        version = env!("CARGO_PKG_VERSION"),
        metadata = metadata(url, origin.is_some()),
        origin = origin.unwrap_or_default(),
    )
}

fn asking(method: &str, headers: &[String]) -> String {
    let mut lines = format!("Access-Control-Request-Method: {method}\r\n");
    if !headers.is_empty() {
        let names = headers.join(",");
        let _ = write!(lines, "Access-Control-Request-Headers: {names}\r\n");
    }
    lines
}

/// Host and port; the port goes without saying where it is the scheme's.
fn host(url: &RequestUrl) -> String {
    let origin = url.origin();
    let host = origin.split_once("://").map(|(_, host)| host.to_owned());
    host.unwrap_or(origin)
}

fn path(url: &RequestUrl, asks: &Asks) -> String {
    if *asks != Asks::NoSuchPage {
        return url.path.to_string();
    }
    let path = url.path.split('?').next().unwrap_or_default();
    format!("{}/corstap-probe-no-such-page", path.trim_end_matches('/'))
}

/// [Fetch metadata](https://w3c.github.io/webappsec-fetch-metadata/), where browsers send it: some
/// servers decide by it.
fn metadata(url: &RequestUrl, is_cross_origin: bool) -> String {
    if !url.is_potentially_trustworthy() {
        return String::new();
    }
    let site = if is_cross_origin {
        "cross-site"
    } else {
        "same-origin"
    };
    format!("Sec-Fetch-Site: {site}\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::origins::Candidate;

    fn url(text: &str) -> RequestUrl {
        RequestUrl::parse(text).expect(text)
    }

    #[test]
    fn a_preflight_is_asked_as_a_browser_asks_it() {
        let question = Question {
            origin: Some(Candidate::null()),
            asks: Asks::Preflight {
                method: "PUT".to_owned(),
                headers: vec!["authorization".to_owned(), "x-a".to_owned()],
            },
        };
        let sent = request(&url("https://api.test/v1?a=b"), Fetch::Get, &question);
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            sent,
            format!(
                "OPTIONS /v1?a=b HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\nUser-Agent: corstap/{version} (probe)\r\n\
                 Accept: */*\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n\
                 Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: authorization,x-a\r\n\
                 Origin: null\r\n\r\n"
            )
        );
    }

    #[test]
    fn a_page_that_is_not_there_lies_below_the_url() {
        let question = Question {
            origin: None,
            asks: Asks::NoSuchPage,
        };
        let sent = request(&url("http://api.test:8080/v1/?a=b"), Fetch::Head, &question);
        assert!(
            sent.starts_with(
                "HEAD /v1/corstap-probe-no-such-page HTTP/1.1\r\nHost: api.test:8080\r\n"
            ) && !sent.contains("Origin:"),
            "{sent}"
        );
    }
}
