//! The questions of `cases.toml`, as Chromium asks them.

use corstap::wire::target::Authority;

/// One request.
pub(crate) struct Question<'a> {
    method: &'a str,
    path: &'a str,
    /// Another name of the server than the site's.
    pub(crate) at: Option<&'a str>,
    origin: Option<&'a str>,
    lines: Vec<String>,
    body: String,
    query: String,
}

impl<'a> Question<'a> {
    /// Reads a question as it is written there.
    pub(crate) fn parse(text: &'a str) -> Self {
        let mut words = text.split(' ');
        let mut question = Self {
            method: words.next().expect("a method"),
            path: words.next().expect("a path"),
            at: None,
            origin: Some("http://app.test"),
            lines: Vec::new(),
            body: String::new(),
            query: String::new(),
        };
        if let Some(method) = question.method.strip_suffix('?') {
            question.method = "OPTIONS";
            question.add("Access-Control-Request-Method", method);
        }
        for word in words {
            question.take(word);
        }
        question
    }

    fn take(&mut self, word: &'a str) {
        match word.split_once('=').unwrap_or((word, "")) {
            ("from", "friend") => self.origin = Some("http://friend.test"),
            ("from", "nobody") => self.origin = None,
            ("at", name) => self.at = Some(name),
            ("long", _) => self.query = format!("?{}", "a".repeat(1024)),
            ("cookie", _) => self.add("Cookie", "session=1"),
            // The user zoo, whose password is zoo.
            ("authorization", _) => self.add("Authorization", "Basic em9vOnpvbw=="),
            ("since", _) => self.add("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"),
            ("headers", names) => self.add("Access-Control-Request-Headers", names),
            ("body", length) => {
                self.add("Content-Type", "application/json");
                self.add("Content-Length", length);
                self.body = " ".repeat(length.parse().expect("a number"));
            }
            _ => panic!("{word}: what does it mean?"),
        }
    }

    fn add(&mut self, name: &str, value: &str) {
        self.lines.push(format!("{name}: {value}\r\n"));
    }

    /// The octets that a proxy gets for it.
    pub(crate) fn request(&self, to: &Authority) -> String {
        let Self {
            method,
            path,
            query,
            body,
            ..
        } = self;
        let (site, page) = match self.origin {
            Some(origin) => ("cross-site", format!("Origin: {origin}\r\n")),
            None => ("same-origin", String::new()),
        };
        let lines = self.lines.concat();
        format!(
            "{method} http://{to}{path}{query} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\
             Accept: */*\r\nSec-Fetch-Site: {site}\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/156.0.0.0 Safari/537.36\r\n{page}{lines}\r\n{body}"
        )
    }
}
