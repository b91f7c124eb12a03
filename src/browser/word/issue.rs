//! Issues: some refusals are told in no other way.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Loads, initiator, origin_of, text};
use crate::exchange::word::{Bar, Said, Teller, UNTOLD, Way};
use crate::exchange::{AskedUrl, Moment, Request, Word};

/// Within this time a refusal is told both ways.
const TWICE: Duration = Duration::from_secs(1);

impl Loads {
    pub(super) fn issue(&mut self, session: &str, params: &Value, now: Moment) {
        let Some(details) = params.pointer("/issue/details") else {
            return;
        };
        match text(params, "/issue/code") {
            Some("CorsIssue") => self.cors_issue(session, details.get("corsIssueDetails"), now),
            Some("ContentSecurityPolicyIssue") => {
                self.csp_issue(
                    session,
                    details.get("contentSecurityPolicyIssueDetails"),
                    now,
                );
            }
            Some("MixedContentIssue") => {
                self.mixed_issue(session, details.get("mixedContentIssueDetails"), now);
            }
            _ => {}
        }
    }

    /// The failure itself is told too, unless it is that of a scheme; the issue may know better where in the
    /// page it began.
    fn cors_issue(&mut self, session: &str, issue: Option<&Value>, now: Moment) {
        let Some(issue) = issue else { return };
        let place = issue.get("location");
        let id = text(issue, "/request/requestId");
        if let Some(load) = id.and_then(|id| self.by_id.get_mut(id)) {
            let known = load.initiator.as_ref();
            if known.is_none_or(|known| known.url.is_none())
                && let Some(place) = place.and_then(initiator::of_location)
            {
                load.initiator = Some(place);
            }
            return;
        }
        let code = text(issue, "/corsErrorStatus/corsError");
        if let Some(code @ "CorsDisabledScheme") = code
            && let Some(url) = text(issue, "/request/url")
            && AskedUrl::parse(url).is_some_and(|url| url.is_never_sent())
        {
            let scheme = text(issue, "/corsErrorStatus/failedParameter");
            let scheme = scheme.filter(|scheme| !scheme.is_empty());
            self.kept_back(session, (Bar::Cors, code, scheme), url, place, now);
        }
    }

    fn csp_issue(&mut self, session: &str, issue: Option<&Value>, now: Moment) {
        let Some(issue) = issue else { return };
        let is_only_reported = issue.get("isReportOnly") == Some(&Value::Bool(true));
        if !is_only_reported && let Some(url) = text(issue, "/blockedURL") {
            let directive = text(issue, "/violatedDirective");
            let place = issue.get("sourceCodeLocation");
            self.kept_back(session, (Bar::Csp, "csp", directive), url, place, now);
        }
    }

    fn mixed_issue(&mut self, session: &str, issue: Option<&Value>, now: Moment) {
        let Some(issue) = issue else { return };
        let is_blocked = text(issue, "/resolutionStatus") == Some("MixedContentBlocked");
        // What has a request is told as its failure.
        if is_blocked
            && issue.get("request").is_none()
            && let Some(url) = text(issue, "/insecureURL")
        {
            let why = (Bar::MixedContent, "mixed-content", None);
            self.kept_back(session, why, url, None, now);
        }
    }

    /// A refusal that has no load of its own.
    fn kept_back(
        &mut self,
        session: &str,
        (by, code, parameter): (Bar, &str, Option<&str>),
        url: &str,
        place: Option<&Value>,
        now: Moment,
    ) {
        let Some(url) = AskedUrl::parse(url) else {
            return;
        };
        self.kept.retain(|(at, _)| now.since(*at) <= TWICE);
        if self.kept.iter().any(|(_, known)| *known == url) || self.is_under_way(&url) {
            return;
        }
        self.kept.push_back((now, url.clone()));
        let page = self.pages.get(session);
        let origin = page
            .map(|page| origin_of(page))
            .filter(|_| by == Bar::Cors || parameter == Some("connect-src"));
        let origin = origin.filter(|origin| !url.has_origin(origin.as_bytes()));
        self.ready.push(Arc::new(Word {
            teller: Teller::DevTools,
            request: Request {
                method: UNTOLD.to_owned(),
                url,
                headers: origin.iter().map(|origin| ("Origin", origin)).collect(),
            },
            started: now,
            way: Way::Kept,
            said: Said::Refused {
                by,
                code: code.to_owned(),
                parameter: parameter.map(str::to_owned),
            },
            initiator: place.and_then(initiator::of_location),
        }));
    }

    /// Whether a load of that URL is about to tell the same.
    fn is_under_way(&self, url: &AskedUrl) -> bool {
        let mut unsent = self.by_id.values().filter(|load| load.sent.is_empty());
        let mut late = self.late.iter();
        unsent.any(|load| load.url == *url) || late.any(|(_, load, _)| load.url == *url)
    }
}
