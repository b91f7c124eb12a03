//! What beside CORS keeps an answer from a page: the rules for parts that are loaded without it,
//! for frames and workers of isolated pages, and loads that fail for status or type.

use crate::exchange::{Content, RequestUrl, Response};

use super::cause::Cause;
use super::embedder::Policy;
use super::loading::{self, Load, Mode};
use super::lookalike::{Bar, LookAlike};
use super::opinion::{Opinion, Situation};
use super::redirect::MOST_REDIRECTS;
use super::resource_policy::{self, Forbids, Purpose};
use super::{
    Confidence, Destination, Engine, Kind, Rule, around, frame_policy, mixed_content, opaque,
    redirect,
};

impl Situation<'_> {
    pub(super) fn same_origin(&self, engine: Engine, response: &Response) -> Opinion {
        // Shared workers have a policy of their own, whatever the page's is.
        if self.profile.destination == Some(Destination::Worker)
            && let Some(bar) = self.check_embedding(engine, response)
        {
            return Opinion::Barred(bar);
        }
        if !redirect::has_redirect_status(response) && !self.is_left {
            return self.loaded_at_home(engine, response);
        }
        match self.redirect(engine, &self.own_origin(), response) {
            Opinion::Allowed if self.leaves_its_mode(response) => {
                Opinion::Failed(Some(Cause::ModeForbids))
            }
            other @ (Opinion::Allowed
            | Opinion::Exempt
            | Opinion::Pending
            | Opinion::Blocked(_)
            | Opinion::Failed(_)
            | Opinion::Barred(_)) => other,
        }
    }

    /// Within an origin, too, scripts and style sheets have to be there, and of their type. (Pages in quirks
    /// mode take any style sheet.)
    fn loaded_at_home(&self, engine: Engine, response: &Response) -> Opinion {
        let mode = match self.request.headers.first("sec-fetch-mode") {
            Some(b"cors") => Mode::Cors,
            Some(_) | None => Mode::NoCors,
        };
        let load = self.load().filter(|load| !load.is_free_at_home());
        let bar = loading::check(engine, mode, load, self.request, response, self.seen());
        bar.map_or(Opinion::Allowed, |bar| {
            Opinion::Barred(Bar { code: None, ..bar })
        })
    }

    /// "If request's mode is `same-origin` … then return a network error": scripts ask for this
    /// mode, and workers are always loaded in it.
    fn leaves_its_mode(&self, response: &Response) -> bool {
        redirect::location(response).is_some()
            && self.request.headers.first("sec-fetch-mode") == Some(b"same-origin")
            && redirect::target(&self.request.url, response)
                .and_then(|target| RequestUrl::from_url(&target))
                .is_some_and(|target| target.origin() != self.request.url.origin())
    }

    /// A part of a page, loaded without CORS: other rules may keep it out.
    pub(super) fn no_cors(&self, engine: Engine, response: &Response) -> Opinion {
        if let Some(bar) = self.check_policy(engine, Purpose::Part, response) {
            return Opinion::Barred(bar);
        }
        let is_other =
            resource_policy::is_of_other_origin(self.profile, self.request, self.redirects);
        if redirect::location(response).is_some() {
            return self.redirected(engine, response);
        }
        if !is_other {
            return Opinion::Exempt;
        }
        // Measured: WebKit asks for fonts without CORS, and lets the page have them all the same.
        let is_font = self.profile.destination == Some(Destination::Font);
        let loaded = if is_font && engine == Engine::Webkit {
            Opinion::Allowed
        } else {
            Opinion::Exempt
        };
        self.blocked_as_opaque(engine, response)
            .unwrap_or_else(|| self.loaded(engine, Mode::NoCors, response, loaded))
    }

    /// A redirect of a document, or of a load without CORS, which may be one too many, or lead where it may
    /// not.
    fn redirected(&self, engine: Engine, response: &Response) -> Opinion {
        // Chromium counts where a document's way began as well (measured).
        let is_counted = engine == Engine::Chromium && self.profile.kind == Kind::Navigation;
        if self.redirects >= MOST_REDIRECTS - u8::from(is_counted) {
            return Opinion::Failed(Some(Cause::RedirectLoop));
        }
        let bar = self.mixed_content(engine, response);
        bar.map_or(Opinion::Exempt, Opinion::Barred)
    }

    /// A redirect to plain http, which pages over TLS do not follow.
    pub(super) fn mixed_content(&self, engine: Engine, response: &Response) -> Option<Bar> {
        let destination = self.profile.destination;
        mixed_content::stops(engine, destination, self.request, response).then(|| {
            let look_alike = LookAlike::MixedContentBlocked;
            let bar = Bar::by_rule(Rule::MixedContent, look_alike, Confidence::High);
            match engine {
                Engine::Chromium | Engine::Firefox => bar,
                Engine::Webkit => bar.predicted(),
            }
        })
    }

    /// Opaque-response blocking; Firefox looks at the type of scripts and styles before.
    fn blocked_as_opaque(&self, engine: Engine, response: &Response) -> Option<Opinion> {
        let destination = self.profile.destination;
        let is_first = engine != Engine::Firefox
            || !self
                .load()
                .is_some_and(|load| loading::refuses_type(load, response));
        let seen = self.seen();
        if !is_first || !opaque::blocks(engine, destination, self.request, response, seen) {
            return None;
        }
        let confidence = match seen {
            Some(_) => Confidence::High,
            None => Confidence::Medium,
        };
        let bar = Bar::by_rule(Rule::Orb, LookAlike::OrbSuspected, confidence);
        Some(Opinion::Barred(bar.printing(engine, "ERR_BLOCKED_BY_ORB")))
    }

    /// A type that is refused whatever CORS has to say.
    pub(super) fn refused_type(&self, engine: Engine, response: &Response) -> Option<Bar> {
        let load = self.load()?;
        let is_refused = redirect::location(response).is_none()
            && loading::is_refused_before_cors(engine, load, response);
        is_refused.then(|| Bar::wrong_type(engine, Mode::Cors))
    }

    /// A load that nothing blocks: it may fail all the same.
    pub(super) fn loaded(
        &self,
        engine: Engine,
        mode: Mode,
        response: &Response,
        otherwise: Opinion,
    ) -> Opinion {
        if redirect::location(response).is_some() {
            return otherwise;
        }
        let (load, seen) = (self.load(), self.seen());
        loading::check(engine, mode, load, self.request, response, seen)
            .map_or(otherwise, Opinion::Barred)
    }

    /// A document: that of a frame has to be one that its page may embed, and that it may frame.
    pub(super) fn framed(&self, engine: Engine, response: &Response) -> Opinion {
        if redirect::location(response).is_some() {
            return self.redirected(engine, response);
        }
        let is_frame = around::is_frame(self.profile.destination);
        let embedding = || self.check_embedding(engine, response);
        let policy = || self.check_policy(engine, Purpose::Frame, response);
        let embedded = || match engine {
            Engine::Chromium | Engine::Webkit => policy().or_else(embedding),
            Engine::Firefox => embedding().or_else(policy),
        };
        let barred = is_frame.then(embedded).flatten();
        let no_document = || loading::of_frame(engine, self.request, response);
        barred
            .or_else(|| self.check_framing(engine, response))
            .or_else(|| is_frame.then(no_document).flatten())
            .or_else(|| self.check_object(engine, response))
            .map_or(Opinion::Exempt, Opinion::Barred)
    }

    /// An `object` shows no failure, nor an `embed` in Firefox, and neither shows nothing (measured).
    fn check_object(&self, engine: Engine, response: &Response) -> Option<Bar> {
        let is_object = self.profile.destination == Some(Destination::Object);
        let is_embed = self.profile.destination == Some(Destination::Embed);
        let shows_failures = is_embed && engine != Engine::Firefox;
        let fails = loading::has_no_content(response) || response.status >= 400 && !shows_failures;
        let bar = Bar::failed(LookAlike::LoadStatus);
        ((is_object || is_embed) && fails).then(|| match engine {
            Engine::Chromium | Engine::Firefox => bar,
            Engine::Webkit => bar.predicted(),
        })
    }

    /// Whom the document lets frame it: by Referer, the page, unless a frame goes on by itself.
    fn check_framing(&self, engine: Engine, response: &Response) -> Option<Bar> {
        if !around::is_nested(self.profile.destination) {
            return None;
        }
        let page = resource_policy::page(self.request);
        let document = self.request.url.web()?;
        let rule = frame_policy::forbids(engine, &response.headers, page.as_ref(), document)?;
        let bar = Bar::by_rule(rule, LookAlike::FramingRefused, Confidence::Medium);
        let bar = bar.printing(engine, "ERR_BLOCKED_BY_RESPONSE");
        Some(match engine {
            Engine::Chromium | Engine::Firefox => bar,
            Engine::Webkit => bar.predicted(),
        })
    }

    /// What the page takes into itself.
    fn embedder(&self, engine: Engine) -> Policy {
        self.around
            .embedder
            .map_or(Policy::UnsafeNone, |page| page.policy.in_engine(engine))
    }

    /// A frame or a worker has to have a policy like its page's
    /// ([adherence to its embedder policy](https://html.spec.whatwg.org/#check-a-navigation-response's-adherence-to-its-embedder-policy)).
    fn check_embedding(&self, engine: Engine, response: &Response) -> Option<Bar> {
        let isolates = |policy| policy != Policy::UnsafeNone;
        let own = || Policy::of(&response.headers).in_engine(engine);
        (isolates(self.embedder(engine)) && !isolates(own())).then(|| {
            let bar = Bar::by_rule(Rule::Coep, LookAlike::CoepBlocked, Confidence::High);
            let bar = bar.printing(engine, "ERR_BLOCKED_BY_RESPONSE");
            let is_measured =
                engine != Engine::Webkit && around::is_frame(self.profile.destination);
            if is_measured { bar } else { bar.predicted() }
        })
    }

    /// Cross-Origin-Resource-Policy. Chromium calls it the page's policy where the answer has none.
    fn check_policy(&self, engine: Engine, purpose: Purpose, response: &Response) -> Option<Bar> {
        let embedder = self.embedder(engine);
        if embedder == Policy::UnsafeNone
            && !response.headers.contains("cross-origin-resource-policy")
        {
            return None;
        }
        let relation = resource_policy::relation(self.profile, self.request, self.redirects);
        let forbids = resource_policy::check(
            engine,
            relation,
            self.request,
            &response.headers,
            embedder,
            purpose,
        )?;
        let (look_alike, code) = match forbids {
            Forbids::OtherOrigins => (
                LookAlike::CorpBlocked,
                "ERR_BLOCKED_BY_RESPONSE.NotSameOrigin",
            ),
            Forbids::OtherSites => (
                LookAlike::CorpBlocked,
                "ERR_BLOCKED_BY_RESPONSE.NotSameSite",
            ),
            Forbids::Unasked => (
                LookAlike::CoepBlocked,
                "ERR_BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByCoep",
            ),
        };
        let rule = match engine {
            Engine::Chromium if forbids == Forbids::Unasked => Rule::Coep,
            Engine::Chromium | Engine::Firefox | Engine::Webkit => Rule::Corp,
        };
        let bar = Bar::by_rule(rule, look_alike, Confidence::High);
        Some(bar.printing(engine, code))
    }

    /// What the content is of the answer that counts, if it was seen.
    fn seen(&self) -> Option<Content> {
        let is_own = self.around.revalidated.is_none();
        self.content.filter(|_| is_own)
    }

    pub(super) fn load(&self) -> Option<Load> {
        Load::of(self.profile.destination, self.around.is_event_source)
    }
}
