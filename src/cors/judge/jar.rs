//! The cookie jar, as far as it shows: where a page has sent a server its cookie, a request of that
//! page to that server without one was made without credentials.

use crate::exchange::Response;
use crate::wire::trim_ows;

use super::super::recent::Recent;
use super::story::Key;
use super::story::Whence;

/// How many servers, and how many pages, are remembered.
const MOST: usize = 1024;

/// What is known of the cookies of servers.
#[derive(Debug, Default)]
pub(super) struct Jar {
    /// The servers that have set a cookie for all their paths, which has not been taken back.
    servers: Recent<Key, Setting, MOST>,
    /// The pages that have sent it, and at which setting.
    senders: Recent<Key, Setting, MOST>,
    settings: u64,
}

/// One time that a server set its cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Setting(u64);

/// What an answer does to a server's cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    /// It sets one for all paths, for as long as the session lasts.
    Sets,
    /// It may take one back.
    MayTakeBack,
}

impl Jar {
    /// Takes note of an answer of a server.
    pub(super) fn answered(&mut self, server: Key, answer: &Response) {
        match does(answer) {
            Some(Does::Sets) if self.servers.get(server).is_none() => {
                self.settings += 1;
                self.servers.insert(server, Setting(self.settings));
            }
            Some(Does::MayTakeBack) => {
                self.servers.remove(server);
            }
            Some(Does::Sets) | None => {}
        }
    }

    /// Takes note that a page sends a server a cookie.
    pub(super) fn sent(&mut self, whence: Whence) {
        if let Some(setting) = self.servers.get(whence.server).copied() {
            self.senders.insert(whence.page_and_server, setting);
        }
    }

    /// Whether a page would send a server its cookie.
    pub(super) fn would_send(&self, whence: Whence) -> bool {
        let setting = self.servers.get(whence.server);
        setting.is_some() && self.senders.get(whence.page_and_server) == setting
    }
}

fn does(answer: &Response) -> Option<Does> {
    let mut does = None;
    for cookie in answer.headers.all("set-cookie") {
        match of_cookie(cookie) {
            Some(Does::MayTakeBack) => return Some(Does::MayTakeBack),
            Some(Does::Sets) => does = Some(Does::Sets),
            None => {}
        }
    }
    if answer.headers.contains("clear-site-data") {
        does = Some(Does::MayTakeBack);
    }
    does
}

/// What a Set-Cookie does (RFC 6265 section 5.2). One with a date or an age may take it back, now or
/// later.
fn of_cookie(cookie: &[u8]) -> Option<Does> {
    let mut is_for_all_paths = false;
    let attributes = cookie.split(|&octet| octet == b';').skip(1);
    for attribute in attributes.map(trim_ows) {
        let mut pair = attribute.splitn(2, |&octet| octet == b'=').map(trim_ows);
        let name = pair.next().unwrap_or_default();
        let is = |wanted: &[u8]| name.eq_ignore_ascii_case(wanted);
        if is(b"expires") || is(b"max-age") {
            return Some(Does::MayTakeBack);
        }
        if is(b"path") {
            is_for_all_paths = pair.next() == Some(b"/");
        }
    }
    is_for_all_paths.then_some(Does::Sets)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHENCE: Whence = Whence {
        agent: Key(1),
        page: Key(2),
        server: Key(3),
        page_and_server: Key(4),
    };

    fn answer(cookie: &str) -> Response {
        Response {
            status: 200,
            headers: [("Set-Cookie", cookie)].into_iter().collect(),
        }
    }

    #[test]
    fn what_a_page_has_sent_it_would_send_again() {
        let mut jar = Jar::default();
        jar.answered(WHENCE.server, &answer("a=1; Path=/"));
        assert!(!jar.would_send(WHENCE), "it has not sent it yet");
        jar.sent(WHENCE);
        assert!(jar.would_send(WHENCE));
        let other = Whence {
            page_and_server: Key(5),
            ..WHENCE
        };
        assert!(!jar.would_send(other), "another page may not be let to");
    }

    #[test]
    fn what_is_taken_back_or_holds_for_some_paths_only_is_not_sent() {
        for cookie in [
            "a=; Path=/; Max-Age=0",
            "a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        ] {
            let mut jar = Jar::default();
            jar.answered(WHENCE.server, &answer("a=1; Path=/"));
            jar.sent(WHENCE);
            jar.answered(WHENCE.server, &answer(cookie));
            assert!(!jar.would_send(WHENCE));
            jar.answered(WHENCE.server, &answer("a=1; Path=/"));
            assert!(!jar.would_send(WHENCE), "it has to be sent anew");
        }
        let mut jar = Jar::default();
        jar.answered(WHENCE.server, &answer("a=1; Path=/login"));
        jar.sent(WHENCE);
        assert!(!jar.would_send(WHENCE));
    }
}
