//! The demonstration's own servers: a page's origin and two API origins, on one loopback port.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::cases::{Answer, CASES, Case, of_path};
use crate::ca::LeafCache;
use crate::wire::alpn::Alpn;
use crate::wire::framing::Framing;
use crate::wire::head::RequestHead;
use crate::wire::headers::latin1;
use crate::wire::scan::{HeadScanner, Kind};
use crate::wire::tap::Tap;
use crate::wire::target::Host;

/// The hosts of the demonstration. The first two are same-site, the third is not.
pub(super) const HOSTS: [&str; 3] = ["app.demo.test", "api.demo.test", "api.other.test"];

const PAGE: &str = include_str!("page.html");

/// The demonstration's servers.
#[derive(Debug)]
pub(super) struct Origins {
    leaves: LeafCache,
    port: u16,
    verdicts: super::Verdicts,
}

/// What goes back to a client.
enum Reply {
    Response(Vec<u8>),
    Nothing,
}

impl Origins {
    /// Servers with leaves of this CA, on that port.
    pub(super) fn new(leaves: LeafCache, port: u16, verdicts: super::Verdicts) -> Self {
        Self {
            leaves,
            port,
            verdicts,
        }
    }

    /// The URL of the page.
    pub(super) fn page(&self) -> String {
        format!("{}/", self.origin(0))
    }

    /// Serves until it is dropped.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            // An error of accept is about one connection.
            let Ok((tcp, _)) = listener.accept().await else {
                continue;
            };
            let origins = Arc::clone(&self);
            tokio::spawn(async move {
                if let Err(error) = origins.connection(tcp).await {
                    tracing::debug!(%error, "demonstration server");
                }
            });
        }
    }

    async fn connection(&self, tcp: TcpStream) -> Result<()> {
        tcp.set_nodelay(true)?;
        let hello = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), tcp).await?;
        let name = hello
            .client_hello()
            .server_name()
            .unwrap_or_default()
            .to_owned();
        let host = Host::parse(name.as_bytes()).context("no server name")?;
        let config = self.leaves.config(&host, Some(Alpn::Http11))?;
        let mut stream = hello.into_stream(config).await?;
        let mut read = BytesMut::new();
        while let Some(head) = next_request(&mut stream, &mut read).await? {
            match self.reply(&name, &head) {
                Reply::Response(response) => stream.write_all(&response).await?,
                Reply::Nothing => break,
            }
            stream.flush().await?;
        }
        Ok(stream.shutdown().await?)
    }

    fn reply(&self, host: &str, head: &RequestHead) -> Reply {
        let path = latin1(&head.target);
        if host == HOSTS[0] {
            return Reply::Response(self.page_origin(&path));
        }
        match of_path(&path) {
            Some(case) => self.of_case(case, &path, &head.method),
            None if path == "/login" => Reply::Response(self.response(
                204,
                &[
                    "Access-Control-Allow-Origin: ORIGIN",
                    "Access-Control-Allow-Credentials: true",
                    "Set-Cookie: demo=1; Path=/; Secure; SameSite=None",
                ],
                "",
            )),
            None => Reply::Response(self.response(404, &[], "")),
        }
    }

    fn page_origin(&self, path: &str) -> Vec<u8> {
        match path.split('?').next().unwrap_or_default() {
            "/" => self.response(200, &["Content-Type: text/html; charset=utf-8"], PAGE),
            "/cases" => {
                let cases = serde_json::json!({"api": self.origin(1), "cases": CASES});
                self.response(200, &["Content-Type: application/json"], &cases.to_string())
            }
            "/verdicts" => self.response(
                200,
                &["Content-Type: application/json", "Cache-Control: no-store"],
                &self.verdicts.to_json(),
            ),
            _ => self.response(404, &[], ""),
        }
    }

    fn of_case(&self, case: &Case, path: &str, method: &str) -> Reply {
        let is_end = path.ends_with("/end");
        let answer = match method {
            "OPTIONS" => case.preflight,
            _ if is_end => Answer::Response(200, &["Access-Control-Allow-Origin: ORIGIN"]),
            _ => case.actual,
        };
        match answer {
            Answer::Nothing => Reply::Nothing,
            Answer::Response(status, lines) => {
                Reply::Response(self.response(status, lines, "ok\n"))
            }
        }
    }

    fn response(&self, status: u16, lines: &[&str], body: &str) -> Vec<u8> {
        let body = if matches!(status, 204 | 304) {
            ""
        } else {
            body
        };
        let mut response = format!("HTTP/1.1 {status} \r\n");
        for line in lines {
            response.push_str(&self.filled_in(line));
            response.push_str("\r\n");
        }
        if status != 204 {
            let _ = write!(response, "Content-Length: {}\r\n", body.len());
        }
        response.push_str("\r\n");
        response.push_str(body);
        response.into_bytes()
    }

    fn filled_in(&self, line: &str) -> String {
        let host = format!("{}:{}", HOSTS[1], self.port);
        line.replace("${ORIGINS}", "${\u{0}}")
            .replace("ORIGIN", &self.origin(0))
            .replace("OTHER", &self.origin(2))
            .replace("HOST", &host)
            .replace("${\u{0}}", "${ORIGINS}")
    }

    fn origin(&self, host: usize) -> String {
        let host = HOSTS.get(host).copied().unwrap_or_default();
        format!("https://{host}:{}", self.port)
    }
}

/// Reads a request with its content; nothing at the end.
async fn next_request(
    stream: &mut TlsStream<TcpStream>,
    read: &mut BytesMut,
) -> Result<Option<RequestHead>> {
    let mut scanner = HeadScanner::new(Kind::Request);
    let span = loop {
        if let Some(span) = scanner.scan(read)? {
            break span;
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    };
    let head = RequestHead::parse(read.get(span.start..span.end).unwrap_or_default())?;
    read.advance(span.end);
    let mut tap = Tap::new(Framing::of_request(&head)?);
    loop {
        let passed = tap.pass(read)?;
        read.advance(passed);
        if tap.is_complete() {
            return Ok(Some(head));
        }
        if passed == 0 && stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
}
