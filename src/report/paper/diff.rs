//! Evidence: the heads that show a cause, the offending part marked.

use super::{Evidence, Line, Source};
use crate::cors::Cause;
use crate::exchange::recorded::RecordedResponse;
use crate::exchange::secret::Value;
use crate::report::catalogue::field;
use crate::report::text::shown;

/// The request fields that have a part in CORS, beside `Access-Control-Request-*` and `Sec-Fetch-*`.
const OF_REQUEST: [&str; 6] = [
    "authorization",
    "content-type",
    "cookie",
    "host",
    "origin",
    "referer",
];

/// The heads of an exchange.
pub(super) fn evidence(source: &Source) -> Evidence {
    let (recorded, judgement) = source.pair();
    let answer = &judgement.verdict.answer;
    let own = judgement.verdict.evidence.iter();
    let own: Vec<_> = own.filter(|one| one.exchange == recorded.id).collect();
    let origin = judgement.origin.as_deref().unwrap_or_default();
    let request = recorded.request.headers.iter();
    let request = request.filter(|(name, _)| is_of_cors(name));
    let sent = recorded.sent.as_ref();
    let lines = sent
        .into_iter()
        .flat_map(|sent| sent.headers.iter().zip(1..));
    let lines = lines.map(|((name, value), place)| {
        let fault = own.iter().find(|one| one.line == Some(place));
        let is_one_of_several = answer.cause == Some(Cause::AllowOriginMultiple)
            && name.eq_ignore_ascii_case("access-control-allow-origin");
        let differs = fault.is_some_and(|one| one.differs.is_some());
        let value = shown(value);
        Line {
            name: name.clone(),
            marked: differs.then(|| differing(&value, origin)).flatten(),
            value,
            is_at_fault: fault.is_some() || is_one_of_several,
        }
    });
    let is_absent = |field: &&str| {
        let has = |sent: &RecordedResponse| {
            let mut names = sent.headers.iter().map(|(name, _)| name);
            names.any(|name| name.eq_ignore_ascii_case(field))
        };
        sent.is_some_and(|sent| !has(sent))
    };
    Evidence {
        request: request.map(|(name, value)| line(name, value)).collect(),
        status: sent.map(|sent| sent.status),
        answer: lines.collect(),
        absent: answer.cause.and_then(field).filter(is_absent),
        ending: sent.is_none().then(|| {
            let ending = recorded.ending.name();
            let reason = recorded.reason.as_deref();
            reason.map_or(ending.to_owned(), |reason| format!("{ending}: {reason}"))
        }),
    }
}

fn line(name: &str, value: &Value) -> Line {
    Line {
        name: name.to_owned(),
        value: shown(value),
        is_at_fault: false,
        marked: None,
    }
}

fn is_of_cors(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("access-control-request-")
        || name.starts_with("sec-fetch-")
        || OF_REQUEST.contains(&name.as_str())
}

/// Where a value begins to be another than the one expected, and where it ends.
fn differing(value: &str, expected: &str) -> Option<(usize, usize)> {
    let (value, expected): (Vec<char>, Vec<char>) =
        (value.chars().collect(), expected.chars().collect());
    let same = value
        .iter()
        .zip(&expected)
        .take_while(|(one, other)| one == other);
    let start = same.count();
    let most = value.len().min(expected.len()).saturating_sub(start);
    let backward = value.iter().rev().zip(expected.iter().rev());
    let tail = backward
        .take_while(|(one, other)| one == other)
        .count()
        .min(most);
    let end = value.len().saturating_sub(tail);
    (end > start).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_differs_is_found() {
        let part = |value: &str, expected: &str| {
            let (start, end) = differing(value, expected)?;
            Some(
                value
                    .chars()
                    .skip(start)
                    .take(end - start)
                    .collect::<String>(),
            )
        };
        let expected = "https://app.test:8443";
        assert_eq!(
            part("https://APP.test:8443", expected).as_deref(),
            Some("APP")
        );
        assert_eq!(
            part("https://app.test:8443/", expected).as_deref(),
            Some("/")
        );
        assert_eq!(part("http://app.test:8443", "https://app.test:8443"), None);
        assert_eq!(part("null", expected).as_deref(), Some("null"));
        assert_eq!(part("aaa", "aa").as_deref(), Some("a"));
    }
}
