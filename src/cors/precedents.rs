//! Precedents: what engines make of an answer they have made of another one that is like it in all
//! that decides. Pages ask the same servers over and over, so most answers have one.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::quality::RandomState;

use super::Kind;
use super::classify::Site;
use super::opinion::Situation;
use super::opinions::Opinions;
use super::recent::Recent;
use super::redirect::has_redirect_status;
use crate::exchange::{Content, Ending, Response};
use crate::wire::headers::{NameSet, Tag};

/// How many are remembered.
const MOST: usize = 1024;

/// The fields of a request that have a part in what is made of the answer.
const ASKING: NameSet = NameSet::of(&[
    "access-control-request-headers",
    "access-control-request-method",
    "origin",
    "range",
]);

/// Those of an answer.
const DECIDING: NameSet = NameSet::of(&[
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "content-disposition",
    "content-length",
    "content-range",
    "content-type",
    "cross-origin-resource-policy",
    "location",
    "x-content-type-options",
]);

/// All that decides, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key(u64);

/// The opinions of late.
#[derive(Debug, Default)]
pub(super) struct Precedents {
    hasher: RandomState,
    known: Recent<Key, Arc<Opinions>, MOST>,
}

impl Precedents {
    /// The opinions on an exchange, if it is one that may have a precedent; what is odd about others
    /// is looked at each time.
    pub(super) fn on(&mut self, situation: &Situation<'_>) -> Option<Arc<Opinions>> {
        let key = self.key(situation)?;
        if let Some(known) = self.known.get(key) {
            debug_assert_eq!(**known, Opinions::of(situation), "{situation:?}");
            return Some(Arc::clone(known));
        }
        let opinions = Arc::new(Opinions::of(situation));
        self.known.insert(key, Arc::clone(&opinions));
        Some(opinions)
    }

    fn key(&self, situation: &Situation<'_>) -> Option<Key> {
        const CONTENT_LENGTH: Tag = Tag::known("content-length");
        let response = situation
            .response
            .filter(|response| is_ordinary(situation, response))?;
        let mut hasher = self.hasher.build_hasher();
        let (profile, around) = (situation.profile, situation.around);
        let asked = (profile.kind, profile.destination, profile.site);
        (asked, situation.protocol, around.is_event_source).hash(&mut hasher);
        (response.status, situation.content).hash(&mut hasher);
        let asking = situation.request.headers.tagged(|tag| ASKING.has(tag));
        asking.for_each(|(tag, _, value)| (tag, value).hash(&mut hasher));
        let mut seen = NameSet::default();
        for (tag, _, value) in response.headers.tagged(|tag| DECIDING.has(tag)) {
            // Each engine has its own way with fields on two lines.
            if !seen.add(tag) {
                return None;
            }
            match tag {
                // All that matters is whether there is any content.
                CONTENT_LENGTH => (value == b"0").hash(&mut hasher),
                _ => (tag, value).hash(&mut hasher),
            }
        }
        Some(Key(std::hash::Hasher::finish(&hasher)))
    }
}

/// Whether nothing but the fields above has a part in it: no URL, no other exchange, no error.
fn is_ordinary(situation: &Situation<'_>, response: &Response) -> bool {
    let is_alone = situation.around.embedder.is_none() && situation.around.revalidated.is_none();
    let is_direct =
        situation.redirects == 0 && !situation.is_left && !has_redirect_status(response);
    let is_whole = matches!(situation.ending, Ending::InProgress | Ending::Complete);
    let has_its_kind = match situation.profile.kind {
        Kind::Preflight | Kind::CrossOrigin => true,
        // The relation of page and target is told, and no policy is held against it; scripts that
        // are data are told by the query.
        Kind::NoCors => {
            matches!(
                situation.profile.site,
                Some(Site::SameSite | Site::CrossSite)
            ) && !response.headers.contains("cross-origin-resource-policy")
                && memchr::memchr(b'?', situation.request.url.path().as_bytes()).is_none()
        }
        Kind::SameOrigin | Kind::Navigation | Kind::Websocket | Kind::NotBrowser => false,
    };
    // A 407 depends on who answers, a 304 on what was asked for, content that cannot be decoded on how it
    // should have been coded.
    let is_plain =
        !matches!(response.status, 304 | 407) && situation.content != Some(Content::Miscoded);
    has_its_kind && is_alone && is_direct && is_whole && is_plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cors::Profile;
    use crate::cors::around::Around;
    use crate::exchange::{AskedUrl, Protocol, Request};

    const ORIGINS: [&str; 4] = ["*", "https://app.test", "https://other.test", ""];
    const TYPES: [&str; 4] = ["image/png", "text/html", "application/json", ""];
    /// Each alone, beside the others.
    const OTHERS: [(&str, &str); 7] = [
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Methods", "PUT"),
        ("Access-Control-Allow-Headers", "x-a"),
        ("access-control-allow-origin", "https://app.test"),
        ("Content-Length", "0"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ];

    fn request(method: &str, mode: &str, destination: &str) -> Request {
        let mut lines = vec![
            ("Sec-Fetch-Mode", mode),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Dest", destination),
            ("Origin", "https://app.test"),
        ];
        if method == "OPTIONS" {
            lines.push(("Access-Control-Request-Method", "PUT"));
            lines.push(("Access-Control-Request-Headers", "x-a"));
        }
        Request {
            method: method.to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("valid"),
            headers: lines.into_iter().collect(),
        }
    }

    /// What comes of every answer: how many had a precedent, and how many might have had.
    fn decide(precedents: &mut Precedents, request: &Request) -> (usize, usize) {
        let (mut had, mut might) = (0, 0);
        for status in [200, 204, 302, 404, 407] {
            for (allow, kind) in ORIGINS.iter().flat_map(|a| TYPES.map(|kind| (a, kind))) {
                for other in OTHERS {
                    let origin = ("Access-Control-Allow-Origin", *allow);
                    let response = Response {
                        status,
                        headers: [origin, ("Content-Type", kind), other]
                            .into_iter()
                            .collect(),
                    };
                    let situation = Situation {
                        profile: Profile::of(request, Protocol::Http11),
                        protocol: Protocol::Http11,
                        request,
                        response: Some(&response),
                        content: None,
                        ending: Ending::Complete,
                        redirects: 0,
                        is_left: false,
                        around: &Around::default(),
                    };
                    let known = precedents.key(&situation);
                    had +=
                        usize::from(known.is_some_and(|key| precedents.known.get(key).is_some()));
                    if let Some(opinions) = precedents.on(&situation) {
                        assert_eq!(*opinions, Opinions::of(&situation), "{response:?}");
                        might += 1;
                    }
                }
            }
        }
        (had, might)
    }

    #[test]
    fn what_has_a_precedent_would_be_decided_like_it() {
        let mut precedents = Precedents::default();
        for request in [
            request("OPTIONS", "cors", "empty"),
            request("GET", "cors", "empty"),
            request("GET", "cors", "script"),
            request("GET", "no-cors", "image"),
            request("GET", "no-cors", "script"),
        ] {
            let (_, might) = decide(&mut precedents, &request);
            assert!(might > 100, "{might}");
            assert_eq!(decide(&mut precedents, &request), (might, might));
        }
    }

    #[test]
    fn other_content_and_other_parts_are_other_cases() {
        let precedents = Precedents::default();
        let request = request("GET", "no-cors", "audio");
        let key = |status, range, content| {
            let headers = [("Content-Type", "audio/wav"), ("Content-Range", range)];
            let response = Response {
                status,
                headers: headers.into_iter().collect(),
            };
            let situation = Situation {
                profile: Profile::of(&request, Protocol::Http11),
                protocol: Protocol::Http11,
                request: &request,
                response: Some(&response),
                content,
                ending: Ending::Complete,
                redirects: 0,
                is_left: false,
                around: &Around::default(),
            };
            precedents.key(&situation)
        };
        let (whole, media) = ("bytes 0-9/10", Some(Content::Media));
        assert!(key(206, whole, media).is_some());
        assert_eq!(key(206, whole, media), key(206, whole, media));
        assert_ne!(key(206, whole, media), key(206, whole, None));
        assert_ne!(key(206, whole, media), key(206, "bytes 5-9/10", media));
        assert_ne!(key(206, whole, media), key(200, whole, media));
        assert_eq!(key(304, whole, None), None, "asked for or not");
        let miscoded = Some(Content::Miscoded);
        assert_eq!(
            key(200, whole, miscoded),
            None,
            "coded in one way or another"
        );
    }
}
