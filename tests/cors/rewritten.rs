//! What the judge says where a rule made another response of what the server sent.

use std::sync::Arc;

use corstap::cors::verdict::{PreflightBecause, Production};
use corstap::cors::{Cause, Judge, Judgement, Outcome};
use corstap::exchange::{
    AskedUrl, ConnectionId, Ending, Event, ExchangeId, Moment, Protocol, Request, Response, Rewrite,
};
use corstap::wire::edit::{Edit, edited_fields, edited_status};

const CHROMIUM: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                        Chrome/156.0.0.0 Safari/537.36";
const ORIGIN: &str = "https://app.test";

/// A story of exchanges on one connection, a tenth of a second apart.
#[derive(Default)]
struct Story {
    judge: Judge,
    exchanges: u64,
}

fn allows() -> Vec<Edit> {
    let add = |name, value: &str| Edit::Add {
        name,
        value: value.into(),
    };
    vec![
        Edit::Status(200),
        add("Access-Control-Allow-Origin", ORIGIN),
        add("Access-Control-Allow-Methods", "PUT"),
        add("Access-Control-Max-Age", "5"),
    ]
}

impl Story {
    /// An exchange of the server's answer, or of none, with what a rule made of it.
    fn exchange(
        &mut self,
        method: &str,
        more: &[(&str, &str)],
        sent: Option<(u16, &[(&str, &str)])>,
        edits: Option<Vec<Edit>>,
    ) -> ExchangeId {
        self.exchanges += 1;
        let id = ExchangeId(self.exchanges);
        let at = Moment::from_micros(100_000 * i64::try_from(id.0).expect("few"));
        let lines = [("User-Agent", CHROMIUM), ("Origin", ORIGIN)];
        let request = Arc::new(Request {
            method: method.to_owned(),
            url: AskedUrl::parse("https://api.test/a").expect("a URL"),
            headers: lines.iter().chain(more).copied().collect(),
        });
        self.judge.observe(&Event::Opened {
            id,
            connection: ConnectionId(1),
            at,
            protocol: Protocol::Http11,
            client: None,
            request,
        });
        let sent = sent.map(|(status, lines)| Response {
            status,
            headers: lines.iter().copied().collect(),
        });
        if let Some(edits) = edits {
            let before = sent.clone().unwrap_or(Response {
                status: 204,
                headers: [("", ""); 0].into_iter().collect(),
            });
            let delivered = Response {
                status: edited_status(before.status, &edits),
                headers: edited_fields(&before.headers, &edits),
            };
            let rewrite = Arc::new(Rewrite {
                rule: "app".into(),
                edits,
                delivered,
            });
            self.judge.observe(&Event::Rewritten { id, at, rewrite });
        }
        if let Some(sent) = sent.map(Arc::new) {
            self.judge.observe(&Event::Answered { id, at, sent });
        }
        self.judge.observe(&Event::Ended {
            id,
            at,
            ending: Ending::Complete,
            reason: None,
        });
        id
    }

    fn preflight(
        &mut self,
        sent: Option<(u16, &[(&str, &str)])>,
        edits: Option<Vec<Edit>>,
    ) -> ExchangeId {
        let asks = [("Access-Control-Request-Method", "PUT")];
        self.exchange("OPTIONS", &asks, sent, edits)
    }

    fn judgement(&self, id: ExchangeId) -> Judgement {
        self.judge.judgement(id).expect("watched")
    }
}

fn outcome(judgement: &Judgement) -> (Outcome, Option<Cause>) {
    let answer = &judgement.verdict.answer;
    (answer.outcome, answer.cause)
}

const PASSES: &[(&str, &str)] = &[("Access-Control-Allow-Origin", ORIGIN)];

#[test]
fn the_verdict_is_about_what_was_sent_and_the_browser_goes_on_with_what_it_got() {
    let mut story = Story::default();
    let preflight = story.preflight(Some((401, &[])), Some(allows()));
    let actual = story.exchange("PUT", &[], Some((200, PASSES)), None);
    story.judge.finish();
    let asked = story.judgement(preflight);
    let missing = Some(Cause::AllowOriginMissing);
    assert_eq!(outcome(&asked), (Outcome::Blocked, missing));
    assert_eq!(
        asked.verdict.also,
        [Cause::PreflightStatus, Cause::MethodNotAllowed]
    );
    assert_eq!(asked.verdict.confirmed, None, "the browser saw another one");
    let delivered = asked.delivered.expect("rewritten");
    assert_eq!(delivered.answer.outcome, Outcome::Allowed);
    assert!(delivered.confirmed.expect("followed").by.outcome() == Some(Outcome::Allowed));

    let followed = story.judgement(actual);
    assert_eq!(followed.links.preflight, Some(preflight));
    assert_eq!(followed.verdict.answer.outcome, Outcome::Allowed);
    assert_eq!(followed.production, Some(Production::NotSent));
    assert_eq!(followed.delivered, None);
}

#[test]
fn a_repaired_preflight_holds_for_as_long_as_what_was_delivered_says() {
    let mut story = Story::default();
    let long = [("Access-Control-Max-Age", "0")];
    let preflight = story.preflight(Some((200, &long)), Some(allows()));
    let first = story.exchange("PUT", &[], Some((200, PASSES)), None);
    let second = story.exchange("PUT", &[], Some((200, PASSES)), None);
    for actual in [first, second] {
        let followed = story.judgement(actual);
        assert_eq!(followed.links.preflight, Some(preflight));
        assert_eq!(followed.production, Some(Production::NotSent));
    }
    let cached = story.judgement(second).links.preflight_because;
    assert_eq!(cached, Some(PreflightBecause::Cached));
}

#[test]
fn where_a_rule_answers_nobody_was_asked() {
    let mut story = Story::default();
    let preflight = story.preflight(None, Some(allows()));
    let actual = story.exchange("PUT", &[], Some((200, &[])), None);
    let asked = story.judgement(preflight);
    assert_eq!(outcome(&asked), (Outcome::NotAsked, None));
    assert!(!asked.verdict.is_failure());
    assert_eq!(asked.links.actual, [actual]);
    let followed = story.judgement(actual);
    assert_eq!(followed.production, Some(Production::Unknown));
    assert_eq!(followed.verdict.answer.outcome, Outcome::Blocked);
}

#[test]
fn what_passes_without_a_rule_is_sent_in_production_too() {
    let mut story = Story::default();
    let lines = [
        ("Access-Control-Allow-Origin", ORIGIN),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Allow-Methods", "PUT"),
    ];
    story.preflight(Some((204, &lines)), None);
    let actual = story.exchange("PUT", &[], Some((200, &[])), Some(allows()));
    let judgement = story.judgement(actual);
    assert_eq!(judgement.production, None);
    assert_eq!(judgement.verdict.answer.outcome, Outcome::Blocked);
    let json = serde_json::to_value(&judgement).expect("plain");
    assert_eq!(json["delivered"]["outcome"], "allowed");
}

#[test]
fn what_follows_a_repaired_redirect_is_not_sent_in_production() {
    let mut story = Story::default();
    let away = [("Location", "https://api.test/a")];
    story.exchange(
        "GET",
        &[],
        Some((302, &away)),
        Some(vec![allows()[1].clone()]),
    );
    let next = story.exchange("GET", &[], Some((200, PASSES)), None);
    let judgement = story.judgement(next);
    assert!(judgement.links.redirected_from.is_some());
    assert_eq!(judgement.production, Some(Production::NotSent));
}
