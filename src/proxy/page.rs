//! The few answers that corstap gives itself. Their text is fixed; what is put into it is escaped.

use std::fmt::Write;

use bytes::Bytes;

use super::dial::Unreached;
use crate::cors::{Kind, Profile};
use crate::exchange::{Ending, Protocol, Request};
use crate::wire::Violation;

/// What every page says of itself, beside its type and length.
const FIELDS: [(&str, &str); 3] = [
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'",
    ),
];

/// An answer of corstap's own. The connection is closed after it.
#[derive(Debug)]
pub(super) struct Page {
    status: u16,
    title: String,
    text: String,
    remedy: String,
}

impl Page {
    /// A request that is not valid HTTP, or not one that a proxy takes.
    pub(super) fn bad_request(violation: Violation) -> Self {
        Self {
            status: violation.status(),
            title: "corstap refuses this request".to_owned(),
            text: format!("It is not valid: {violation}."),
            remedy: "The reason is in `corstap log`. Nothing of it went to the server.".to_owned(),
        }
    }

    /// A request whose content is not valid from somewhere on.
    pub(super) fn bad_content(violation: Violation) -> Self {
        Self {
            status: violation.status(),
            title: "corstap refuses the rest of this request".to_owned(),
            text: format!("Its content is not valid: {violation}."),
            remedy: "The reason is in `corstap log`. What came before it went to the server."
                .to_owned(),
        }
    }

    /// A request in origin form on the proxy's port: somebody opened it like a web page.
    pub(super) fn not_a_site() -> Self {
        Self {
            status: 400,
            title: "This is a proxy, not a site".to_owned(),
            text: "corstap listens here for browsers that use it as their HTTP proxy.".to_owned(),
            remedy:
                "Point a browser at it, for instance: chromium --proxy-server=http://THIS-ADDRESS \
                     --proxy-bypass-list='<-loopback>'. `corstap run` prints the whole command."
                    .to_owned(),
        }
    }

    /// A tunnel for another corstap, that would go on through a proxy.
    pub(super) fn ring(proxy: &str) -> Self {
        Self {
            status: 502,
            title: "corstap goes round in no ring".to_owned(),
            text: format!(
                "This has come through a corstap, and from here it would go on through the proxy {proxy}."
            ),
            remedy: "Start one of the two with --upstream-proxy none.".to_owned(),
        }
    }

    /// A server that was not reached.
    pub(super) fn unreached(failure: &Unreached) -> Self {
        Self {
            status: if failure.ending() == Ending::NeverSent {
                403
            } else {
                502
            },
            title: "corstap could not reach the server".to_owned(),
            text: format!("{failure}."),
            remedy: failure.remedy("corstap run"),
        }
    }

    /// A server that was reached, and gave no answer that could be passed on.
    pub(super) fn unanswered(reason: &str) -> Self {
        Self {
            status: 502,
            title: "The server gave no answer".to_owned(),
            text: format!("{reason}."),
            remedy: "Look at the server's own log for this moment.".to_owned(),
        }
    }

    /// The answer as it goes out. A browser that navigates gets HTML, everyone else plain text; to
    /// HEAD the text itself is left out.
    pub(super) fn response(&self, wants_html: bool, to_head: bool) -> Vec<u8> {
        let (kind, body) = self.content(wants_html);
        let reason = match self.status {
            403 => "Forbidden",
            414 => "URI Too Long",
            431 => "Request Header Fields Too Large",
            502 => "Bad Gateway",
            505 => "HTTP Version Not Supported",
            _ => "Bad Request",
        };
        let mut response = format!("HTTP/1.1 {} {reason}\r\n", self.status);
        let _ = write!(
            response,
            "Content-Type: {kind}\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in FIELDS {
            let _ = write!(response, "{name}: {value}\r\n");
        }
        response.push_str("Connection: close\r\n\r\n");
        if !to_head {
            response.push_str(&body);
        }
        response.into_bytes()
    }

    /// The same over HTTP/2.
    pub(super) fn message(&self, to: &Request) -> (http::Response<()>, Bytes) {
        let kind = Profile::of(to, Protocol::Http2).kind;
        let (kind, body) = self.content(kind == Kind::Navigation);
        let mut head = http::Response::new(());
        *head.status_mut() = http::StatusCode::from_u16(self.status).unwrap_or_default();
        let length = body.len().to_string();
        let own = [("content-type", kind), ("content-length", &length)];
        for (name, value) in own.into_iter().chain(FIELDS) {
            let (Ok(name), Ok(value)) = (
                http::HeaderName::from_bytes(name.as_bytes()),
                http::HeaderValue::from_str(value),
            ) else {
                continue;
            };
            head.headers_mut().insert(name, value);
        }
        let body = if to.method == "HEAD" {
            Bytes::new()
        } else {
            body.into()
        };
        (head, body)
    }

    /// The type and the text itself.
    fn content(&self, wants_html: bool) -> (&'static str, String) {
        if wants_html {
            return ("text/html; charset=utf-8", self.html());
        }
        let Self {
            title,
            text,
            remedy,
            ..
        } = self;
        let text = format!("{title}\n\n{text}\n{remedy}\n");
        ("text/plain; charset=utf-8", text)
    }

    fn html(&self) -> String {
        let (title, text, remedy) = (
            escape(&self.title),
            escape(&self.text),
            escape(&self.remedy),
        );
        format!(
            "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>\
             <style>body{{font:16px/1.5 system-ui,sans-serif;margin:12vh auto;max-width:40em;padding:0 1em;\
             color-scheme:light dark}}code{{font-size:.95em}}</style>\
             <h1>{title}</h1><p>{text}</p><p>{remedy}</p><p><small>This page is corstap's, not the server's.</small></p>\n"
        )
    }
}

/// Whether a person gets to see the answer: a document, or whatever a tool shows that is no
/// browser. To everything else a browser asks for, a page of ours would look like the server's, and
/// like a CORS error that is not there. The name a browser gives itself may be a page's choice, what
/// it says of the page is not.
pub(super) fn is_read_by_people(request: &Request, protocol: Protocol) -> bool {
    let profile = Profile::of(request, protocol);
    let is_of_page = ["origin", "sec-fetch-mode", "sec-fetch-site"]
        .iter()
        .any(|field| request.headers.contains(field));
    profile.kind == Kind::Navigation || profile.engine.is_none() && !is_of_page
}

pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other if other.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_a_page_is_escaped() {
        let page = Page::unanswered("<script>alert('x')</script>\u{1b}[31m");
        let html = String::from_utf8(page.response(true, false)).expect("text");
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\u{fffd}[31m"));
        assert!(!html.contains("<script"));
    }

    #[test]
    fn the_answer_to_head_has_a_length_and_no_body() {
        let page = Page::bad_request(Violation::StartLineTooLong);
        let head = String::from_utf8(page.response(false, true)).expect("text");
        assert!(head.starts_with("HTTP/1.1 414 URI Too Long\r\n") && head.ends_with("\r\n\r\n"));
        let whole = page.response(false, false);
        let length = format!("Content-Length: {}\r\n", whole.len() - head.len());
        assert!(head.contains(&length));
    }
}
