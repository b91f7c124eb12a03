//! Exchanges as text for a terminal. Colour is always written; whoever prints strips it where it
//! does not belong.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use time::UtcOffset;

use super::explain::{explain, shown};
use crate::cors::verdict::{Answer, EngineAnswer, Links, PreflightBecause};
use crate::cors::{
    Cause, Credentials, CredentialsMode, Engine, Judgement, Kind, Outcome, credentials,
};
use crate::exchange::Moment;
use crate::exchange::recorded::{Fields, Recorded};

const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// The one line that tells an exchange: time, outcome, method, URL, origin, cause; and after it,
/// for a failure, what is wrong and what to change.
pub fn line(recorded: &Recorded, judgement: &Judgement, offset: UtcOffset) -> String {
    let verdict = &judgement.verdict;
    let style = style(verdict.answer.outcome);
    let mut line = format!(
        "{DIM}{time} #{id}{DIM:#} {style}{outcome:9}{style:#} {method:7} {url}",
        time = time_of_day(recorded.started, offset),
        id = recorded.id.0,
        outcome = verdict.answer.outcome.name(),
        method = printable(&recorded.request.method),
        url = printable(&recorded.request.url),
    );
    if let Some(origin) = &judgement.origin {
        let _ = write!(line, " {DIM}from{DIM:#} {}", printable(origin));
    }
    let _ = write!(line, " {style}{}{style:#}", reason(recorded, judgement));
    if let Some(first) = judgement.retry_of {
        let _ = write!(line, " {DIM}(again, after #{}){DIM:#}", first.0);
    }
    line.push('\n');
    if let Some(explanation) = explain(recorded, judgement)
        && judgement.retry_of.is_none()
    {
        let _ = writeln!(line, "    {}", printable(&explanation.sentence));
        let _ = writeln!(line, "    {DIM}→{DIM:#} {}", printable(&explanation.remedy));
    }
    line
}

fn style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Blocked | Outcome::Failed => BAD,
        Outcome::Undecided => WARN,
        Outcome::Allowed => GOOD,
        Outcome::Exempt | Outcome::Pending | Outcome::NotAsked => DIM,
    }
}

/// The cause, or what else the outcome rests on.
fn reason(recorded: &Recorded, judgement: &Judgement) -> String {
    let answer = &judgement.verdict.answer;
    match (answer.outcome, answer.cause) {
        (Outcome::Failed, None) => recorded.ending.name().to_owned(),
        (_, Some(cause)) => match answer.phase {
            Some(phase) if judgement.kind != Kind::Preflight => {
                format!("{} ({})", cause.name(), phase.name())
            }
            Some(_) | None => cause.name().to_owned(),
        },
        (Outcome::Undecided, None) => {
            let included = judgement
                .verdict
                .if_included
                .as_ref()
                .and_then(|answer| answer.cause);
            format!(
                "{} if credentials are included",
                included.map_or("blocked", Cause::name)
            )
        }
        (Outcome::Exempt, None) => judgement.kind.name().to_owned(),
        (_, None) => recorded
            .sent
            .as_ref()
            .map(|sent| sent.status.to_string())
            .unwrap_or_default(),
    }
}

/// Everything about one exchange.
pub fn full(recorded: &Recorded, judgement: &Judgement, offset: UtcOffset) -> String {
    let mut text = line(recorded, judgement, offset);
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(text, "{DIM}{name:>12}{DIM:#}  {value}");
        }
    };
    let verdict = &judgement.verdict;
    row("kind", kind(judgement));
    row("credentials", credentials_told(verdict.credentials));
    let also: Vec<&str> = verdict.also.iter().map(|cause| cause.name()).collect();
    row("also", also.join(", "));
    let cause = verdict.answer.cause;
    row(
        "standard",
        cause
            .map(|cause| format!("https://fetch.spec.whatwg.org/#{}", cause.fetch_fragment()))
            .unwrap_or_default(),
    );
    for engine in Engine::ALL {
        row(engine.title(), engine_told(verdict.engines.get(engine)));
    }
    row("story", links(&judgement.links));
    row("ending", ending(recorded));
    row("connection", connection(recorded));
    let _ = writeln!(
        text,
        "\n{BOLD}{} {}{BOLD:#}",
        printable(&recorded.request.method),
        printable(&recorded.request.url)
    );
    write_fields(&mut text, &recorded.request.headers);
    if let Some(sent) = &recorded.sent {
        let _ = writeln!(text, "\n{BOLD}{}{BOLD:#}", sent.status);
        write_fields(&mut text, &sent.headers);
    }
    text
}

fn kind(judgement: &Judgement) -> String {
    let because = serde_json::to_value(judgement.kind_because).unwrap_or_default();
    let destination = serde_json::to_value(judgement.destination).unwrap_or_default();
    let destination = destination
        .as_str()
        .map(|name| format!(", for {name}"))
        .unwrap_or_default();
    format!(
        "{} (by {}){destination}",
        judgement.kind.name(),
        because.as_str().unwrap_or_default()
    )
}

fn credentials_told(credentials: Credentials) -> String {
    let because = credentials
        .because
        .map(|because| format!(", because {}", words(because)))
        .unwrap_or_default();
    match credentials.mode {
        Some(CredentialsMode::Include) => format!("included{because}"),
        Some(CredentialsMode::Omit) => format!("omitted{because}"),
        None if credentials.because == Some(credentials::Because::Irrelevant) => {
            "unknown, and make no difference here".to_owned()
        }
        None => "unknown: nothing on the wire tells".to_owned(),
    }
}

fn words(because: credentials::Because) -> &'static str {
    match because {
        credentials::Because::Cookie => "it carries a Cookie",
        credentials::Because::StorageAccess => "it carries Sec-Fetch-Storage-Access",
        credentials::Because::NoStorageAccess => "it lacks Sec-Fetch-Storage-Access",
        credentials::Because::Initiator => "loads of this kind never include them",
        credentials::Because::SameConnection => "of what else its connection carries",
        credentials::Because::PreflightAccepted => "the browser went on after this preflight",
        credentials::Because::NotFollowed => "the browser did not go on after this preflight",
        credentials::Because::Irrelevant => "they make no difference",
    }
}

fn engine_told(engine: &EngineAnswer) -> String {
    let one = |answer: &Answer| {
        let code = answer
            .code
            .as_deref()
            .map(|code| format!(" {code}"))
            .unwrap_or_default();
        let parameter = answer
            .parameter
            .as_deref()
            .map(|named| format!(" ({})", printable(named)));
        format!(
            "{}{code}{}",
            answer.outcome.name(),
            parameter.unwrap_or_default()
        )
    };
    match (&engine.if_included, &engine.if_omitted) {
        (Some(included), Some(omitted)) => {
            format!("{}; with credentials: {}", one(omitted), one(included))
        }
        _ => one(&engine.answer),
    }
}

fn links(links: &Links) -> String {
    let mut told = Vec::new();
    match (links.preflight_because, links.preflight) {
        (Some(PreflightBecause::Sent), Some(id)) => {
            told.push(format!("after its preflight #{}", id.0));
        }
        (Some(PreflightBecause::Cached), Some(id)) => {
            told.push(format!("preflight #{} still holds", id.0));
        }
        (Some(PreflightBecause::NotNeeded), _) => told.push("no preflight needed".to_owned()),
        (Some(PreflightBecause::Missing), _) => told.push("its preflight was not seen".to_owned()),
        _ => {}
    }
    let followed: Vec<String> = links.actual.iter().map(|id| format!("#{}", id.0)).collect();
    if !followed.is_empty() {
        told.push(format!("followed by {}", followed.join(", ")));
    }
    told.extend(
        links
            .redirected_from
            .map(|id| format!("redirected from #{}", id.0)),
    );
    told.extend(
        links
            .redirected_to
            .map(|id| format!("redirected to #{}", id.0)),
    );
    told.join("; ")
}

fn ending(recorded: &Recorded) -> String {
    let reason = recorded
        .reason
        .as_deref()
        .map(|reason| format!(": {}", printable(reason)));
    let elapsed = recorded
        .elapsed_ms
        .map(|elapsed| format!(" after {elapsed:.1} ms"));
    format!(
        "{}{}{}",
        recorded.ending,
        elapsed.unwrap_or_default(),
        reason.unwrap_or_default()
    )
}

fn connection(recorded: &Recorded) -> String {
    let protocol = serde_json::to_value(recorded.protocol).unwrap_or_default();
    let mut told = format!(
        "{}, {}",
        recorded.connection.0,
        protocol.as_str().unwrap_or_default()
    );
    if let Some(server) = recorded.server {
        let _ = write!(told, ", server at {server}");
    }
    told
}

fn write_fields(text: &mut String, fields: &Fields) {
    for (name, value) in fields {
        let _ = writeln!(
            text,
            "  {DIM}{}:{DIM:#} {}",
            printable(name),
            printable(&shown(value))
        );
    }
}

/// The time of day, with milliseconds.
fn time_of_day(moment: Moment, offset: UtcOffset) -> String {
    let format = time::macros::format_description!("[hour]:[minute]:[second].[subsecond digits:3]");
    moment
        .utc()
        .to_offset(offset)
        .format(&format)
        .unwrap_or_default()
}

/// Text of others, harmless on a terminal: control characters, and those that turn the direction
/// of writing, are shown as escapes.
pub fn printable(text: &str) -> String {
    let is_harmful = |character: char| {
        character.is_control()
            || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_harmful) {
        return text.to_owned();
    }
    text.chars()
        .fold(String::with_capacity(text.len()), |mut shown, character| {
            if is_harmful(character) {
                shown.extend(character.escape_unicode());
            } else {
                shown.push(character);
            }
            shown
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_cannot_steer_the_terminal() {
        assert_eq!(
            printable("a\u{1b}[31mb\u{202e}c\u{9b}"),
            "a\\u{1b}[31mb\\u{202e}c\\u{9b}"
        );
        assert_eq!(printable("plain é"), "plain é");
    }
}
