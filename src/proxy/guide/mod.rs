//! The set-up page: what <http://corstap.invalid/> is to those who use the proxy.
//!
//! Three names are corstap's own, and never leave this machine: the page's, and two that the page asks
//! for an image. One has TLS with a leaf of the CA (is it trusted?), the other is a loopback name (does
//! the browser send such names through the proxy?). Images are given to the page alone, so that no
//! other one can find out that corstap runs. Nothing here is recorded, and nothing changes anything.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::Sign;
use super::page::escape;
use crate::ca::Ca;
use crate::exchange::{Request, Scheme};
use crate::wire::target::Host;

/// The page's own name: no server can have it (RFC 6761 section 6.4).
const PAGE: &str = "corstap.invalid";
/// A name that every CA of corstap's can sign for.
const OVER_TLS: &str = "check.corstap.test";
/// A name that is this machine's.
const LOOPBACK: &str = "check.corstap.localhost";
/// Who may ask for images.
const REFERER: &[u8] = b"http://corstap.invalid/";

/// Which corstap this is, for another one.
const VERSION: &str = concat!("corstap ", env!("CARGO_PKG_VERSION"), "\n");

const IMAGE: &str = "<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>";

/// What the set-up page, and what it asks for, may do. Images come from the two names.
const FIELDS: &str = "Cache-Control: no-store\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Referrer-Policy: origin\r\n\
    Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src https://check.corstap.test http://check.corstap.localhost; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'\r\n\
    Connection: close\r\n";

/// What is served under corstap's own names.
#[derive(Debug)]
pub(super) struct Guide {
    page: String,
    pem: String,
    der: Vec<u8>,
}

impl Guide {
    /// The page for a proxy that signs with this CA, and listens there.
    pub(super) fn new(ca: &Ca, proxy: SocketAddr) -> Self {
        let words = [
            ("hosts", ca.hosts().to_string()),
            ("fingerprint", ca.fingerprint()),
            ("pin", ca.spki_pin()),
            ("proxy", proxy.to_string()),
            ("ip", proxy.ip().to_string()),
            ("port", proxy.port().to_string()),
        ];
        let mut page = include_str!("page.html").to_owned();
        for (name, value) in words {
            page = page.replace(&format!("{{{{{name}}}}}"), &escape(&value));
        }
        Self {
            page,
            pem: ca.certificate_pem(),
            der: ca.certificate().to_vec(),
        }
    }

    /// Whether a host is one of corstap's own names.
    pub(super) fn is_own(host: &Host) -> bool {
        let name = host.name();
        name.is_some_and(|name| [PAGE, OVER_TLS, LOOPBACK].contains(&name))
    }

    /// What a request for one of them shows of the browser that makes it.
    pub(super) fn sign(request: &Request) -> Option<Sign> {
        let url = request.url.web()?;
        let name = url.authority.host.name()?;
        let path = url.path.split('?').next()?;
        match (name, path) {
            (PAGE, "/") => Some(Sign::SetUpPage),
            (OVER_TLS, "/ok.svg") if url.scheme == Scheme::Https && is_of_page(request) => {
                Some(Sign::TrustChecked)
            }
            (LOOPBACK, "/ok.svg") if is_of_page(request) => Some(Sign::LoopbackChecked),
            _ => None,
        }
    }

    /// The answer to a request for one of them. The connection closes after it.
    pub(super) fn answer(&self, request: &Request) -> Vec<u8> {
        let (status, kind, body) = self.content(request);
        let mut answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{FIELDS}",
            body.len()
        );
        if status.starts_with("405") {
            let _ = write!(answer, "Allow: GET, HEAD\r\n");
        }
        answer.push_str("\r\n");
        let mut answer = answer.into_bytes();
        if request.method != "HEAD" {
            answer.extend_from_slice(body);
        }
        answer
    }

    fn content(&self, request: &Request) -> (&'static str, &'static str, &[u8]) {
        const FOUND: &str = "200 OK";
        const TEXT: &str = "text/plain; charset=utf-8";
        let name = request.url.host().and_then(Host::name).unwrap_or_default();
        let path = request.url.path().split('?').next().unwrap_or_default();
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return ("405 Method Not Allowed", TEXT, b"This is read only.\n");
        }
        match (name == PAGE, path) {
            (true, "/") => (FOUND, "text/html; charset=utf-8", self.page.as_bytes()),
            (true, "/version") => (FOUND, TEXT, VERSION.as_bytes()),
            (true, "/check.js") => {
                let script = include_bytes!("check.js");
                (FOUND, "text/javascript; charset=utf-8", script)
            }
            (true, "/page.css") => {
                let style = include_bytes!("page.css");
                (FOUND, "text/css; charset=utf-8", style)
            }
            (true, "/corstap-ca.crt") => (FOUND, "application/x-x509-ca-cert", &self.der),
            (true, "/corstap-ca.pem") => (FOUND, "application/x-pem-file", self.pem.as_bytes()),
            (false, "/ok.svg") if is_of_page(request) => (FOUND, "image/svg+xml", IMAGE.as_bytes()),
            _ => (
                "404 Not Found",
                TEXT,
                b"corstap has no such page. The one to set up a browser: http://corstap.invalid/\n",
            ),
        }
    }
}

/// Whether the set-up page asks.
fn is_of_page(request: &Request) -> bool {
    let mut referers = request.headers.all("referer");
    referers.next() == Some(REFERER) && referers.next().is_none()
}
