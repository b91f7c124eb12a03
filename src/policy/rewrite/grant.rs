//! What a rule gives one request.

use super::edits::Editor;
use super::{MARKER, MOST_AGE, marker};
use crate::cors::check::{Asked, cors_check};
use crate::cors::credentials;
use crate::cors::names::is_safelisted_method;
use crate::cors::preflight::{Preflight, preflight_check};
use crate::cors::{CredentialsMode, Engine, Kind, Profile};
use crate::exchange::{Moment, Protocol, Request, Response};
use crate::policy::origin::Origin;
use crate::policy::rule::Names;
use crate::policy::{Policy, Rule};
use crate::wire::headers::HeaderList;
use crate::wire::is_token;

/// A rule and the request it is for.
pub(super) struct Grant<'a> {
    pub(super) rule: &'a Rule,
    origin: &'a [u8],
    question: Question<'a>,
    engine: Engine,
    protocol: Protocol,
    modes: &'static [CredentialsMode],
}

/// What is asked.
enum Question<'a> {
    /// Whether a request may be made.
    Preflight(Preflight<'a>),
    /// For a resource.
    Actual,
}

impl<'a> Grant<'a> {
    /// The rule for a request that CORS applies to; nothing for every other one.
    pub(super) fn of(
        policy: &'a Policy,
        request: &'a Request,
        protocol: Protocol,
        now: Moment,
    ) -> Option<Self> {
        let mut origins = request.headers.all("origin");
        let origin = origins.next().filter(|origin| is_plain(origin))?;
        if origins.next().is_some() || request.url.has_origin(origin) {
            return None;
        }
        let rule = policy.rule_for(origin, request.url.web()?, now)?;
        let profile = Profile::of(request, protocol);
        let question = match profile.kind {
            Kind::Preflight => Question::Preflight(Preflight::of(&request.headers)?),
            Kind::CrossOrigin => Question::Actual,
            Kind::SameOrigin
            | Kind::NoCors
            | Kind::Navigation
            | Kind::Websocket
            | Kind::NotBrowser => return None,
        };
        Some(Self {
            rule,
            origin,
            question,
            engine: profile.engine.unwrap_or(Engine::Chromium),
            protocol,
            modes: match credentials::of_request(profile, request).mode {
                Some(CredentialsMode::Include) => &[CredentialsMode::Include],
                Some(CredentialsMode::Omit) => &[CredentialsMode::Omit],
                None => &[CredentialsMode::Include, CredentialsMode::Omit],
            },
        })
    }

    pub(super) fn is_for_preflight(&self) -> bool {
        matches!(self.question, Question::Preflight(_))
    }

    /// Whether the browser lets a response pass.
    fn passes(&self, response: &Response, credentials: CredentialsMode) -> bool {
        let asked = Asked {
            origin: self.origin,
            protocol: self.protocol,
            credentials,
        };
        match self.question {
            Question::Preflight(preflight) => {
                preflight_check(self.engine, preflight, asked, response).is_empty()
            }
            Question::Actual => cors_check(self.engine, asked, &response.headers).is_empty(),
        }
    }

    /// Whether it does so in one of the modes that the request may have.
    pub(super) fn passes_some(&self, response: &Response) -> bool {
        self.modes.iter().any(|mode| self.passes(response, *mode))
    }

    /// Whether the browser blocks a response in one of these modes.
    pub(super) fn blocks_some(&self, response: &Response) -> bool {
        !self.modes.iter().all(|mode| self.passes(response, *mode))
    }

    /// Whether a response passes where the one that was sent does not, and everywhere where that
    /// one does.
    pub(super) fn is_better(&self, response: &Response, sent: &Response) -> bool {
        let of = |mode: &CredentialsMode| (self.passes(sent, *mode), self.passes(response, *mode));
        let mut helps = false;
        for (before, after) in self.modes.iter().map(of) {
            if before && !after {
                return false;
            }
            helps |= after && !before;
        }
        helps
    }

    /// Makes a response one that grants what the rule does, and nothing else.
    pub(super) fn edit(&self, editor: &mut Editor<'_>, sent: Option<&Response>) {
        let credentials = self.rule.credentials.then(|| b"true".to_vec());
        editor.set("Access-Control-Allow-Origin", Some(self.origin.to_vec()));
        editor.set("Access-Control-Allow-Credentials", credentials);
        let (mut methods, mut headers, mut age, mut exposed) = (None, None, None, None);
        match self.question {
            Question::Preflight(preflight) => {
                methods = self.methods(preflight);
                headers = self.headers(preflight);
                let seconds = self.rule.max_age.unwrap_or(MOST_AGE).min(MOST_AGE);
                age = Some(seconds.to_string().into_bytes());
                if let Some(status) = sent.and_then(|sent| ok_status(sent.status)) {
                    editor.set_status(status);
                }
            }
            Question::Actual => exposed = self.exposed(sent.map(|sent| &sent.headers)),
        }
        editor.set("Access-Control-Allow-Methods", methods);
        editor.set("Access-Control-Allow-Headers", headers);
        editor.set("Access-Control-Max-Age", age);
        editor.set("Access-Control-Expose-Headers", exposed);
        editor.clear_wide();
        editor.vary_by_origin();
        editor.set("Cache-Control", Some(b"no-store".to_vec()));
        editor.set(MARKER, Some(marker::of(&self.rule.name)));
    }

    /// The methods that the rule grants. `*` stands for the one that is asked for.
    fn methods(&self, preflight: Preflight<'_>) -> Option<Vec<u8>> {
        let asked = Some(preflight.method).filter(|_| self.is_any(&self.rule.methods));
        let is_new = |method: &&[u8]| !is_safelisted_method(&String::from_utf8_lossy(method));
        list(&self.rule.methods, asked.into_iter().filter(is_new))
    }

    /// The header names that the rule grants. `*` stands for those that are asked for.
    fn headers(&self, preflight: Preflight<'_>) -> Option<Vec<u8>> {
        let is_any = self.is_any(&self.rule.request_headers);
        let is_meant = |name: &&[u8]| is_any && !name.eq_ignore_ascii_case(b"authorization");
        let asked = preflight.header_names().filter(is_meant);
        list(&self.rule.request_headers, asked)
    }

    /// The names that script may read. `*` stands for those that are there.
    fn exposed(&self, sent: Option<&HeaderList>) -> Option<Vec<u8>> {
        let is_any = self.is_any(&self.rule.expose_headers);
        let there = sent.into_iter().flat_map(HeaderList::iter);
        let there = there.map(|(name, _)| name).filter(|_| is_any);
        list(&self.rule.expose_headers, there)
    }

    /// With credentials an asterisk means nothing.
    fn is_any(&self, names: &Names) -> bool {
        names.any && !self.rule.credentials
    }
}

/// An origin as browsers send it: spelt as it is serialised.
fn is_plain(origin: &[u8]) -> bool {
    let serialised = |parsed| match parsed {
        Origin::Web(origin) => Some(origin.to_string()),
        Origin::Opaque | Origin::Custom(_) => None,
    };
    let spelt = Origin::parse(origin).and_then(serialised);
    spelt.is_some_and(|spelt| spelt.as_bytes() == origin)
}

/// The status that lets a preflight pass, where its own does not. A 304 has no content, whatever
/// its head says: the one that has none either takes its place.
fn ok_status(sent: u16) -> Option<u16> {
    match sent {
        200..=299 => None,
        304 => Some(204),
        _ => Some(200),
    }
}

/// Names as a field lists them, each once; nothing where there are none.
fn list<'a>(names: &'a Names, more: impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let listed = names.listed.iter().map(|name| name.as_bytes());
    let mut members: Vec<&[u8]> = Vec::new();
    for name in listed.chain(more).filter(|name| is_name(name)) {
        if !members.contains(&name) {
            members.push(name);
        }
    }
    (!members.is_empty()).then(|| members.join(&b", "[..]))
}

/// Whether a name is one that says only what it says.
fn is_name(name: &[u8]) -> bool {
    is_token(name) && !name.contains(&b'*') && !name.eq_ignore_ascii_case(b"null")
}
