//! One exchange, told in full.

use std::fmt::Write;

use super::rewritten::rewritten;
use super::{BAD, BOLD, DIM, View, WARN, explained, headline, printable, shown};
use crate::cors::verdict::{Answer, ConfirmedBy, EngineAnswer, Links, PreflightBecause};
use crate::cors::{
    Confidence, Credentials, CredentialsMode, Diagnosis, Engine, Judgement, Root, Verdict,
    credentials,
};
use crate::exchange::recorded::{Fields, Recorded};
use crate::exchange::{ExchangeId, Initiator};
use crate::report::readable::readable;

/// Everything about one exchange.
pub fn full(recorded: &Recorded, judgement: &Judgement, view: View) -> String {
    let mut text = headline(recorded, judgement, view);
    text.push_str(&rewritten(recorded, judgement, view));
    text.push_str(&explained(recorded, judgement, view));
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
    let not_cors: Vec<&str> = verdict.not_cors.iter().map(|one| one.code.name()).collect();
    row("not CORS", not_cors.join(", "));
    row("readable", readable_told(recorded, judgement));
    let content = recorded.content.map(|content| content.to_string());
    row("content", content.unwrap_or_default());
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
    for root in &judgement.roots {
        row("root", root_told(root));
    }
    row("browser", browser_told(verdict));
    let initiator = judgement.initiator.as_ref();
    row("asked by", initiator.map(asked_by).unwrap_or_default());
    row("story", links(&judgement.links));
    row("ending", ending(recorded));
    row("connection", connection(recorded));
    row("certificate", certificate(recorded));
    let _ = writeln!(
        text,
        "\n{BOLD}{} {}{BOLD:#}",
        printable(&recorded.request.method),
        printable(&recorded.request.url)
    );
    write_fields(&mut text, &recorded.request.headers, &[]);
    if let Some(sent) = &recorded.sent {
        let _ = writeln!(text, "\n{BOLD}{}{BOLD:#}", sent.status);
        let at_fault = lines_at_fault(recorded.id, verdict);
        write_fields(&mut text, &sent.headers, &at_fault);
    }
    if let (Some(delivered), Some(rewrite)) = (&recorded.delivered, &recorded.rewrite) {
        let rule = printable(&rewrite.rule);
        let _ = writeln!(
            text,
            "\n{BOLD}{}{BOLD:#} {DIM}as rule \"{rule}\" delivered it{DIM:#}",
            delivered.status
        );
        write_fields(&mut text, &delivered.headers, &[]);
    }
    text
}

/// The places of the lines of this answer that are the evidence, from 1.
fn lines_at_fault(id: ExchangeId, verdict: &Verdict) -> Vec<usize> {
    let of_this = verdict.evidence.iter().filter(|one| one.exchange == id);
    of_this.filter_map(|one| one.line).collect()
}

/// The header names that script can read: one list, where the engines agree.
fn readable_told(recorded: &Recorded, judgement: &Judgement) -> String {
    let Some(readable) = readable(recorded, judgement) else {
        return String::new();
    };
    let list = |engine| printable(&readable.get(engine).join(", ")).into_owned();
    let first = list(Engine::Chromium);
    if Engine::ALL.into_iter().all(|engine| list(engine) == first) {
        return first;
    }
    let each = Engine::ALL.map(|engine| format!("{} {}", engine.title(), list(engine)));
    each.join("; ")
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
        credentials::Because::CookieNotSent => {
            "it carries no Cookie, although the page has sent this server one before"
        }
        credentials::Because::StorageAccess => "it carries Sec-Fetch-Storage-Access",
        credentials::Because::NoStorageAccess => "it lacks Sec-Fetch-Storage-Access",
        credentials::Because::Initiator => "loads of this kind never include them",
        credentials::Because::SameConnection => "of what else its connection carries",
        credentials::Because::OtherConnection => {
            "it has a new connection although one of the other mode was idle"
        }
        credentials::Because::SessionResumed => {
            "its connection continues a TLS session of that mode"
        }
        credentials::Because::SessionNotResumed => {
            "its connection does not continue the TLS session of the other mode"
        }
        credentials::Because::Preflight => {
            "of what is known of its preflight, or of the request after it"
        }
        credentials::Because::Redirect => "of what is known of the redirect beside it",
        credentials::Because::Followed => {
            "the browser went on after an answer that passes in this mode only"
        }
        credentials::Because::NotFollowed => "the browser did not go on after this preflight",
        credentials::Because::Closed => {
            "the browser closed the connection, as it does when it blocks"
        }
        credentials::Because::Kept => {
            "the browser kept the connection, as it does when it takes an answer"
        }
        credentials::Because::Cancelled => {
            "the browser cancelled the answer while its end was held back"
        }
        credentials::Because::NotCancelled => {
            "the browser did not cancel the answer while its end was held back"
        }
        credentials::Because::Browser => "of what the browser itself says",
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

/// What the browser itself showed or said of it.
fn browser_told(verdict: &Verdict) -> String {
    let Some(confirmed) = &verdict.confirmed else {
        return String::new();
    };
    let by = match confirmed.by {
        ConfirmedBy::ActualRequest => "made the request that its preflight asked for",
        ConfirmedBy::Cancelled => "cancelled the answer while its end was held back",
        ConfirmedBy::NotCancelled => "took the answer while its end was held back",
        ConfirmedBy::Closed => "closed the connection, as it does when it blocks",
        ConfirmedBy::DevTools | ConfirmedBy::BiDi => "",
    };
    let code = confirmed.code.as_deref().unwrap_or("it passes");
    let parameter = confirmed.parameter.as_deref();
    let named = parameter.map_or(String::new(), |named| format!(" ({})", printable(named)));
    match (confirmed.by, confirmed.agrees) {
        (ConfirmedBy::DevTools | ConfirmedBy::BiDi, true) => {
            format!("says the same: {code}{named}")
        }
        (ConfirmedBy::DevTools | ConfirmedBy::BiDi, false) => {
            format!("{BAD}says otherwise{BAD:#}: {code}{named}")
        }
        (_, true) => format!("{by}, which agrees"),
        (_, false) => format!("{by}: {BAD}that speaks against this verdict{BAD:#}"),
    }
}

/// What in the page asked for it: a place in a file, where there is one.
fn asked_by(initiator: &Initiator) -> String {
    let mut told = initiator.kind.clone();
    if let Some(url) = &initiator.url {
        let _ = write!(told, " {}", printable(url));
        for number in [initiator.line, initiator.column].into_iter().flatten() {
            let _ = write!(told, ":{number}");
        }
    }
    if let Some(function) = &initiator.function {
        let _ = write!(told, " in {}()", printable(function));
    }
    told
}

/// A root, how sure it is, and which exchanges show it.
fn root_told(root: &Diagnosis<Root>) -> String {
    let confidence = match root.confidence {
        Confidence::Low => "perhaps",
        Confidence::Medium => "likely",
        Confidence::High => "almost certainly",
        Confidence::Certain => "certainly",
    };
    let shown: Vec<String> = root
        .evidence
        .iter()
        .map(|id| format!("#{}", id.0))
        .collect();
    format!(
        "{} ({confidence}; see {})",
        root.code.name(),
        shown.join(", ")
    )
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
    if let Some(server) = recorded.reach.server {
        let _ = write!(told, ", server at {server}");
    }
    if let Some(via) = &recorded.reach.via {
        let _ = write!(told, ", through the proxy {}", printable(via));
    }
    told
}

fn certificate(recorded: &Recorded) -> String {
    let Some(unverified) = &recorded.reach.unverified else {
        return String::new();
    };
    let fault = unverified
        .fault
        .as_deref()
        .map_or("it would have passed".into(), printable);
    format!("{WARN}not verified{WARN:#} (--upstream-insecure): {fault}")
}

/// Writes field lines; those at fault are pointed at.
fn write_fields(text: &mut String, fields: &Fields, at_fault: &[usize]) {
    for ((name, value), place) in fields.iter().zip(1..) {
        let mark = if at_fault.contains(&place) {
            "►"
        } else {
            " "
        };
        let _ = writeln!(
            text,
            "{BAD}{mark}{BAD:#} {DIM}{}:{DIM:#} {}",
            printable(name),
            printable(&shown(value))
        );
    }
}
