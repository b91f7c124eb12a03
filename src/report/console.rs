//! What a browser's console says of a failure, letter by letter as far as the wire tells: so that
//! whoever searches for the message finds the report.

use std::borrow::Cow;
use std::fmt::Write;

use super::catalogue::says;
use crate::cors::verdict::Answer;
use crate::cors::{Cause, Destination, Engine, Judgement, Kind, Phase};
use crate::exchange::recorded::Recorded;
use crate::exchange::secret::Value;
use crate::exchange::{ExchangeId, RequestUrl};

/// Where it happened: what a message names beside its reason.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    /// The exchange that is refused.
    pub recorded: &'a Recorded,
    /// The origin of the page, as the request has it.
    pub origin: &'a str,
    /// What the load is for.
    pub destination: Option<Destination>,
    /// The URL that the page asked for, where redirects led elsewhere.
    pub asked: Option<&'a str>,
    /// The origin of the page itself, where a redirect has made the request's `null`.
    pub page: Option<Cow<'a, str>>,
}

/// How many redirects are followed back; browsers give up after twenty.
const MOST_HOPS: usize = 25;

/// The schemes that Chromium (156) lists.
const SCHEMES: &str = "chrome, chrome-experimental-site-token-provider, chrome-extension, \
                       chrome-untrusted, data, http, https, isolated-app";

/// What an engine's console says; nothing where it has no message for it.
pub fn message(engine: Engine, answer: &Answer, scene: &Scene<'_>) -> Option<String> {
    let code = answer.code.as_deref()?;
    Some(match engine {
        Engine::Chromium => chromium(code, answer, scene)?,
        Engine::Firefox => firefox(code, answer, scene)?,
        Engine::Webkit => webkit(code, answer, scene)?,
    })
}

fn chromium(code: &str, answer: &Answer, scene: &Scene<'_>) -> Option<String> {
    if let (Some(Cause::SchemeNotCors), Some(scheme)) = (answer.cause, &answer.parameter) {
        // What fetch() does not even try.
        return Some(format!(
            "Fetch API cannot load {}. URL scheme \"{}\" is not supported.",
            scene.url(),
            escaped(scheme)
        ));
    }
    let plain = code.strip_prefix("Preflight");
    let text = known(says(Engine::Chromium, plain.unwrap_or(code)))?;
    let named = match code {
        "CorsDisabledScheme" => SCHEMES,
        _ => answer.parameter.as_deref().unwrap_or_default(),
    };
    let reason = filled(text, &[&escaped(named)]);
    let target = scene.location().filter(|_| code == "CorsDisabledScheme");
    let asked = scene.asked.or(target.map(|_| scene.url()));
    let from = asked.map(|url| format!(" (redirected from '{url}')"));
    let preflight = plain.map_or(
        "",
        |_| "Response to preflight request doesn't pass access control check: ",
    );
    let what = scene.chromium_kind();
    let is_value = text.contains("contains ") && text.contains("value")
        || text.contains("not equal to the supplied origin");
    let hint = if what == "fetch" && is_value && !text.starts_with("Redirect") {
        " Have the server send the header with a valid value."
    } else {
        ""
    };
    Some(format!(
        "Access to {what} at '{}'{} from origin '{}' has been blocked by CORS policy: {preflight}{reason}{hint}",
        target.unwrap_or(scene.url()),
        from.unwrap_or_default(),
        scene.page.as_deref().unwrap_or(scene.origin),
    ))
}

fn firefox(code: &str, answer: &Answer, scene: &Scene<'_>) -> Option<String> {
    let text = known(says(Engine::Firefox, code))?;
    let named = answer.parameter.as_deref().unwrap_or_default();
    let reason = filled(text, &[named]);
    let url = match code {
        "CORSNotSupportingCredentials" => format!("‘{}’", scene.url()),
        _ => scene.url().to_owned(),
    };
    let status = match code {
        "CORSMissingAllowOrigin" | "CORSPreflightDidNotSucceed" | "CORSDidNotSucceed" => {
            let status = scene.status().map(|status| status.to_string());
            format!(" Status code: {}.", status.as_deref().unwrap_or("(null)"))
        }
        _ => String::new(),
    };
    Some(format!(
        "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at {url}. \
         (Reason: {reason}).{status}"
    ))
}

fn webkit(code: &str, answer: &Answer, scene: &Scene<'_>) -> Option<String> {
    let text = known(says(Engine::Webkit, code))?;
    let parameter = answer.parameter.as_deref().unwrap_or_default();
    let status = scene.status().unwrap_or_default().to_string();
    let location = scene.location().unwrap_or_default();
    let bare = scene.bare_location();
    let reason = match code {
        "origin-not-allowed" => filled(text, &[scene.origin, &status]),
        "preflight-not-successful" => filled(text, &[&status]),
        "redirect-has-credentials" => filled(text, &[location]),
        _ => filled(text, &[parameter]),
    };
    if answer.phase != Some(Phase::RedirectHop) {
        return Some(reason);
    }
    Some(format!(
        "Cross-origin redirection to {bare} denied by Cross-Origin Resource Sharing policy: {reason}"
    ))
}

/// The origin of the page that made a request; it goes without saying where it is the target's own.
fn page_of<'a>(recorded: &'a Recorded, judgement: &'a Judgement) -> Option<Cow<'a, str>> {
    let own = || RequestUrl::parse(&recorded.request.url).map(|url| Cow::Owned(url.origin()));
    match &judgement.origin {
        Some(origin) => Some(Cow::Borrowed(origin)),
        None if judgement.kind == Kind::SameOrigin => own(),
        None => None,
    }
}

/// A text that is known.
fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// As Chromium writes what is not plain ASCII.
fn escaped(named: &str) -> String {
    let is_plain = |character: char| matches!(character, ' '..='~');
    named.chars().fold(String::new(), |mut text, character| {
        if is_plain(character) {
            text.push(character);
        } else {
            let _ = write!(text, "\\u{:04X}", u32::from(character));
        }
        text
    })
}

/// A text with what it names in place of its dots.
fn filled(text: &str, named: &[&str]) -> String {
    let mut named = named.iter();
    let mut filled = String::with_capacity(text.len());
    for (place, part) in text.split('…').enumerate() {
        if place > 0 {
            filled.push_str(named.next().copied().unwrap_or("…"));
        }
        filled.push_str(part);
    }
    filled
}

impl<'a> Scene<'a> {
    /// Where an exchange happened; `find` finds the others.
    pub fn of(
        recorded: &'a Recorded,
        judgement: &'a Judgement,
        find: impl Fn(ExchangeId) -> Option<(&'a Recorded, &'a Judgement)>,
    ) -> Self {
        let mut first = (recorded, judgement);
        for _ in 0..MOST_HOPS {
            let Some(before) = first.1.links.redirected_from.and_then(&find) else {
                break;
            };
            first = before;
        }
        let asked = &first.0.request.url;
        Self {
            recorded,
            origin: judgement.origin.as_deref().unwrap_or("null"),
            destination: judgement.destination,
            asked: Some(asked.as_str()).filter(|asked| *asked != recorded.request.url),
            page: page_of(first.0, first.1),
        }
    }

    fn url(&self) -> &'a str {
        &self.recorded.request.url
    }

    fn status(&self) -> Option<u16> {
        self.recorded.sent.as_ref().map(|sent| sent.status)
    }

    fn location(&self) -> Option<&'a str> {
        let headers = &self.recorded.sent.as_ref()?.headers;
        headers.iter().find_map(|(name, value)| match value {
            Value::Plain(value) if name.eq_ignore_ascii_case("location") => Some(value.as_str()),
            Value::Plain(_) | Value::Withheld(_) => None,
        })
    }

    /// Where a redirect leads, without a user and a password.
    fn bare_location(&self) -> String {
        let location = self.location().unwrap_or_default();
        let Some((scheme, rest)) = location.split_once("://") else {
            return location.to_owned();
        };
        let end = rest.find('/').unwrap_or(rest.len());
        let host = rest.get(..end).and_then(|authority| authority.rfind('@'));
        let rest = host.and_then(|at| rest.get(at + 1..)).unwrap_or(rest);
        format!("{scheme}://{rest}")
    }

    /// What Chromium calls the load. `fetch()` and `XMLHttpRequest` look the same on the wire; it is
    /// called by the first.
    fn chromium_kind(&self) -> &'static str {
        match self.destination {
            Some(Destination::Image) => "image",
            Some(
                Destination::Script
                | Destination::Worker
                | Destination::Sharedworker
                | Destination::Serviceworker
                | Destination::Audioworklet
                | Destination::Paintworklet,
            ) => "script",
            Some(Destination::Style) => "CSS stylesheet",
            Some(Destination::Font) => "font",
            Some(Destination::Audio) => "audio",
            Some(Destination::Video) => "video",
            Some(Destination::Track) => "text track",
            Some(Destination::Manifest) => "manifest",
            Some(Destination::Xslt) => "XSL stylesheet",
            Some(Destination::Empty) | None if self.wants_events() => "resource",
            Some(Destination::Empty) | None => "fetch",
            Some(_) => "resource",
        }
    }

    fn wants_events(&self) -> bool {
        let headers = &self.recorded.request.headers;
        headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("accept")
                && *value == Value::Plain("text/event-stream".to_owned())
        })
    }
}
