//! Explanations: the sentence that says what is wrong, and what to change, on whose side.

mod remedy;
mod sentence;
mod story;

use serde::Serialize;

use self::story::Story;
use crate::cors::verdict::Answer;
use crate::cors::{Confidence, Diagnosis, Judgement, LookAlike, Outcome, Rule};
use crate::exchange::Ending;
use crate::exchange::recorded::Recorded;

/// What is told of an exchange that a page cannot have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What is wrong, with the bytes that show it.
    pub sentence: String,
    /// What to change, and on whose side.
    pub remedy: String,
    /// The field lines that an answer needs to pass, where that is the remedy.
    pub send: Vec<String>,
    /// Which layer of the server is at fault and what to change there, where that is likely.
    pub root: Option<String>,
}

/// Explains an exchange; nothing where there is nothing to explain.
pub fn explain(recorded: &Recorded, judgement: &Judgement) -> Option<Explanation> {
    let verdict = &judgement.verdict;
    let story = Story {
        recorded,
        judgement,
    };
    let explanation = match verdict.answer.outcome {
        Outcome::Blocked => blocked(&story, &verdict.answer),
        Outcome::Failed => failed(&story, &verdict.answer),
        Outcome::Undecided => undecided(&story, verdict.if_included.as_ref()?),
        Outcome::Allowed | Outcome::Exempt | Outcome::Pending | Outcome::NotAsked => {
            not_cors(verdict.not_cors.first()?)
        }
    };
    Some(Explanation {
        root: root(judgement),
        ..explanation
    })
}

/// The likeliest root, if one is likely.
fn root(judgement: &Judgement) -> Option<String> {
    let best = judgement.roots.first()?;
    (best.confidence >= Confidence::Medium)
        .then(|| format!("{} {}", best.code.meaning(), best.remedy))
}

/// What is wrong where CORS is not.
fn not_cors(diagnosis: &Diagnosis<LookAlike>) -> Explanation {
    let sure = match diagnosis.confidence {
        Confidence::Low => " (one possibility)",
        Confidence::Medium => " (most likely)",
        Confidence::High | Confidence::Certain => "",
    };
    let others = diagnosis.evidence.split_last().map(|(_, others)| others);
    let seen = others.and_then(|others| others.first());
    let seen = seen.map(|id| format!(" See #{}.", id.0));
    let seen = seen.unwrap_or_default();
    Explanation {
        sentence: format!("This is not CORS: {}{sure}.{seen}", diagnosis.code.words()),
        remedy: diagnosis.remedy.clone().into_owned(),
        send: Vec::new(),
        root: None,
    }
}

fn blocked(story: &Story<'_>, answer: &Answer) -> Explanation {
    if answer.by != Some(Rule::Cors)
        && let Some(diagnosis) = story.judgement.verdict.not_cors.first()
    {
        return not_cors(diagnosis);
    }
    let mut sentence = story.sentence(answer);
    if let Some(code) = included_code(story, answer) {
        let also =
            format!(" If credentials are included, which cannot be told, the code is {code}.");
        sentence.push_str(&also);
    }
    told(sentence, story.remedy(answer))
}

/// What would be printed with credentials, where that is unknown and another code.
fn included_code<'a>(story: &'a Story<'_>, answer: &Answer) -> Option<&'a str> {
    let included = story.judgement.verdict.if_included.as_ref()?;
    let code = included.code.as_deref()?;
    (answer.code.as_deref() != Some(code)).then_some(code)
}

/// The transport's own reason says more than its name does, and an answer that came says more
/// than that it failed.
fn failed(story: &Story<'_>, answer: &Answer) -> Explanation {
    if answer.cause.is_none()
        && story.recorded.ending == Ending::Complete
        && let Some(diagnosis) = story.judgement.verdict.not_cors.first()
    {
        return not_cors(diagnosis);
    }
    told(story.failure(answer), story.remedy_of_failure(answer))
}

fn undecided(story: &Story<'_>, included: &Answer) -> Explanation {
    let sentence = format!(
        "Passes unless credentials are included. If they are: {}",
        uncapitalised(&story.sentence(included))
    );
    told(sentence, story.remedy(included))
}

fn told(sentence: String, remedy: remedy::Remedy) -> Explanation {
    Explanation {
        sentence,
        remedy: remedy.text,
        send: remedy.send,
        root: None,
    }
}

/// The sentence as it goes on after a colon; field names keep their capitals.
fn uncapitalised(sentence: &str) -> String {
    match sentence.split_once(' ') {
        Some((article @ ("The" | "A" | "It"), rest)) => {
            format!("{} {rest}", article.to_ascii_lowercase())
        }
        _ => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::secret::{Redactor, Values};
    use crate::report::{har, offline};

    type Lines<'a> = &'a [(&'a str, &'a str)];

    /// The explanation of the last exchange of these: method, request lines, status, answer's lines.
    fn explained(exchanges: &[(&str, Lines<'_>, u16, Lines<'_>)]) -> (String, String, Vec<String>) {
        let lines = |lines: Lines<'_>| -> Vec<serde_json::Value> {
            let line =
                |(name, value): &(&str, &str)| serde_json::json!({"name": name, "value": value});
            lines.iter().map(line).collect()
        };
        let entries: Vec<_> = exchanges
            .iter()
            .zip(10..)
            .map(|((method, request, status, answer), second)| {
                serde_json::json!({
                    "startedDateTime": format!("2026-11-22T00:00:{second}Z"), "time": 1,
                    "request": {"method": method, "url": "https://api.test/a", "headers": lines(request)},
                    "response": {"status": status, "headers": lines(answer)},
                })
            })
            .collect();
        let har = serde_json::json!({"log": {"entries": entries}}).to_string();
        let redactor = Redactor::new(&[7; 32], Values::Harmless);
        let events = har::parse(har.as_bytes()).expect("a HAR file").events;
        let told = offline::tell(&events, &redactor).pop().expect("one");
        let explanation = explain(&told.recorded, &told.judgement).expect("explained");
        (explanation.sentence, explanation.remedy, explanation.send)
    }

    const ORIGIN: (&str, &str) = ("Origin", "https://app.test");
    const ASKS: [(&str, &str); 3] = [
        ORIGIN,
        ("Access-Control-Request-Method", "PUT"),
        (
            "Access-Control-Request-Headers",
            "content-type,x-request-id",
        ),
    ];

    #[test]
    fn a_preflight_is_told_what_is_missing_and_what_a_whole_answer_is() {
        let answer: Lines<'_> = &[
            ("Access-Control-Allow-Origin", "https://app.test"),
            ("Access-Control-Allow-Methods", "PUT"),
            ("Access-Control-Allow-Headers", "content-type"),
        ];
        let (sentence, remedy, send) = explained(&[("OPTIONS", &ASKS, 204, answer)]);
        assert!(
            sentence.starts_with(
                "The request header x-request-id is not among those that the answer to the preflight allows: content-type."
            ),
            "{sentence}"
        );
        assert!(
            remedy.starts_with("On the server: answer OPTIONS with"),
            "{remedy}"
        );
        assert_eq!(
            send,
            [
                "Access-Control-Allow-Origin: https://app.test",
                "Access-Control-Allow-Methods: PUT",
                "Access-Control-Allow-Headers: content-type, x-request-id",
                "Vary: Origin",
            ]
        );
    }

    #[test]
    fn a_field_that_is_not_there_is_said_not_to_be_there() {
        let answer: Lines<'_> = &[("Access-Control-Allow-Origin", "https://app.test")];
        let (sentence, ..) = explained(&[("OPTIONS", &ASKS, 204, answer)]);
        assert!(
            sentence.contains(
                "PUT is not allowed: the answer to the preflight has no Access-Control-Allow-Methods."
            ),
            "{sentence}"
        );
    }

    #[test]
    fn an_asterisk_that_does_not_count_is_shown_as_one() {
        let answer: Lines<'_> = &[
            ("Access-Control-Allow-Origin", "https://app.test"),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Allow-Methods", "*"),
            ("Access-Control-Allow-Headers", "*"),
        ];
        let (sentence, ..) = explained(&[("OPTIONS", &ASKS, 204, answer)]);
        assert_eq!(
            sentence,
            "Access-Control-Allow-Methods: * does not cover \
             PUT, because with credentials the asterisk is a literal."
        );
    }

    #[test]
    fn with_a_cookie_the_answer_needs_to_allow_credentials() {
        let request = [ORIGIN, ("Cookie", "a=1")];
        let (_, _, send) = explained(&[("GET", &request, 200, &[])]);
        assert_eq!(
            send,
            [
                "Access-Control-Allow-Origin: https://app.test",
                "Access-Control-Allow-Credentials: true",
                "Vary: Origin",
            ]
        );
    }

    #[test]
    fn null_is_never_to_be_allowed() {
        let request = [("Origin", "null")];
        let (_, remedy, send) = explained(&[("GET", &request, 200, &[])]);
        assert_eq!(send, [""; 0]);
        assert!(remedy.contains("Never allow null"), "{remedy}");
    }
}
