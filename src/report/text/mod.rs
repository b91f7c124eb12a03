//! Exchanges as text for a terminal. Colour is always written; whoever prints strips it where it
//! does not belong.

mod entry;
mod full;
mod message;
mod rewritten;

use std::borrow::Cow;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use time::UtcOffset;

pub use self::entry::{entry, listed};
pub use self::full::full;
pub use self::message::message;

use super::explain::explain;
use crate::cors::{Cause, Judgement, Outcome, Phase};
use crate::exchange::recorded::Recorded;
use crate::exchange::secret::{Value, WITHHELD};
use crate::exchange::{Initiator, Moment};

pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const WARN: Style = AnsiColor::Yellow.on_default();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();

/// How text is laid out.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The time zone of the times of day.
    pub offset: UtcOffset,
    /// Where lines of prose are broken, in columns; nothing leaves them whole.
    pub width: Option<usize>,
}

/// The one line that tells an exchange: time, outcome, method, URL, origin, cause; and after it,
/// for a failure, what is wrong and what to change. A repeat of a request that got no answer has
/// been explained before.
pub fn line(recorded: &Recorded, judgement: &Judgement, view: View) -> String {
    let mut text = headline(recorded, judgement, view);
    text.push_str(&rewritten::rewritten(recorded, judgement, view));
    if judgement.retry_of.is_none() || recorded.sent.is_some() {
        text.push_str(&explained(recorded, judgement, view));
    }
    text
}

fn headline(recorded: &Recorded, judgement: &Judgement, view: View) -> String {
    let verdict = &judgement.verdict;
    let style = style(verdict.answer.outcome);
    let mut line = format!(
        "{DIM}{time} #{id}{DIM:#} {style}{outcome:9}{style:#} {method:7} {url}",
        time = time_of_day(recorded.started, view.offset),
        id = recorded.id.0,
        outcome = verdict.answer.outcome.name(),
        method = printable(&recorded.request.method),
        url = printable(&short(&recorded.request.url)),
    );
    if let Some(origin) = &judgement.origin {
        let _ = write!(line, " {DIM}from{DIM:#} {}", printable(origin));
    }
    let _ = write!(line, " {style}{}{style:#}", reason(recorded, judgement));
    if let Some(first) = judgement.retry_of {
        let _ = write!(line, " {DIM}(again, after #{}){DIM:#}", first.0);
    }
    let confirmed = judgement.verdict.confirmed.as_ref();
    if let Some(said) = confirmed.filter(|confirmed| !confirmed.agrees) {
        let code = said.code.as_deref().unwrap_or("otherwise");
        let _ = write!(line, " {WARN}(the browser says {code}){WARN:#}");
    }
    if let Some(place) = judgement.initiator.as_ref().and_then(place) {
        let _ = write!(line, " {DIM}{}{DIM:#}", printable(&place));
    }
    if recorded.reach.unverified.is_some() {
        let _ = write!(line, " {WARN}(certificate not verified){WARN:#}");
    }
    line.push('\n');
    line
}

/// Where in the page's scripts it was asked for: the last part of the file's path, and the line.
fn place(initiator: &Initiator) -> Option<String> {
    let path = initiator.url.as_deref()?.split(['?', '#']).next()?;
    let file = path.rsplit('/').next().filter(|file| !file.is_empty())?;
    Some(format!("{}:{}", short(file), initiator.line?))
}

/// What is wrong and what to change, a paragraph each, and below it the lines to send, and which
/// layer of the server is at fault.
fn explained(recorded: &Recorded, judgement: &Judgement, view: View) -> String {
    let mut text = String::new();
    let Some(explanation) = explain(recorded, judgement) else {
        return text;
    };
    paragraph(&mut text, view, ["    ", "    "], &explanation.sentence);
    paragraph(&mut text, view, ["    → ", "      "], &explanation.remedy);
    for line in &explanation.send {
        let _ = writeln!(text, "        {}", printable(line));
    }
    if let Some(root) = &explanation.root {
        paragraph(&mut text, view, ["    ↳ ", "      "], root);
    }
    text
}

/// Writes prose, broken where lines end, after what its first and its other lines begin with.
pub(super) fn paragraph(text: &mut String, view: View, [first, other]: [&str; 2], prose: &str) {
    let prose = printable(prose);
    let Some(width) = view.width else {
        let _ = writeln!(text, "{first}{prose}");
        return;
    };
    let options = textwrap::Options::new(width)
        .initial_indent(first)
        .subsequent_indent(other)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    for line in textwrap::wrap(&prose, options) {
        let _ = writeln!(text, "{line}");
    }
}

/// A URL with its withheld parts as dots: they tell nobody anything in a list.
fn short(url: &str) -> Cow<'_, str> {
    if !url.contains(WITHHELD) {
        return Cow::Borrowed(url);
    }
    let mut short = String::with_capacity(url.len());
    let mut rest = url;
    while let Some((before, after)) = rest.split_once(WITHHELD) {
        let Some((_, after)) = after.split_once('}') else {
            break;
        };
        short.push_str(before);
        short.push('…');
        rest = after;
    }
    short.push_str(rest);
    Cow::Owned(short)
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
        (Outcome::Blocked | Outcome::Failed, None) => {
            let first = judgement.verdict.not_cors.first();
            first
                .map_or(recorded.ending.name(), |first| first.code.name())
                .to_owned()
        }
        (_, Some(cause)) => match answer.phase {
            Some(Phase::RedirectHop) => format!("{} (on a redirect)", cause.name()),
            Some(Phase::Preflight | Phase::Actual) | None => cause.name().to_owned(),
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

/// The time of day, with milliseconds.
fn time_of_day(moment: Moment, offset: UtcOffset) -> String {
    let format = time::macros::format_description!("[hour]:[minute]:[second].[subsecond digits:3]");
    moment
        .utc()
        .to_offset(offset)
        .format(&format)
        .unwrap_or_default()
}

/// How large something is: `1.2 MiB`.
pub fn size(octets: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if octets < 1024 {
        return format!("{octets} B");
    }
    let mut tenths = u128::from(octets) * 10 / 1024;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while tenths >= 10 * 1024
        && let Some(next) = units.next()
    {
        unit = Some(next);
        tenths /= 1024;
    }
    let unit = unit.unwrap_or(&"B");
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A value as it is shown: withheld ones as a mark.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Plain(value) => value.clone(),
        Value::Withheld(withheld) => withheld.to_string(),
    }
}

/// Text of others, harmless on a terminal: what steers it is shown as escapes.
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_plain = text.bytes().all(|octet| matches!(octet, b' '..=b'~'));
    if is_plain || !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Whether a character does something to a terminal, or to those who read what it shows: controls,
/// ends of lines, and what turns the direction of writing.
pub fn steers(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_with_one_decimal() {
        let told = [0, 1023, 1024, 1536, 1 << 20, (1 << 30) - 1, 1 << 50].map(size);
        let wanted = [
            "0 B",
            "1023 B",
            "1.0 KiB",
            "1.5 KiB",
            "1.0 MiB",
            "1023.9 MiB",
            "1024.0 TiB",
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn what_others_wrote_cannot_steer_the_terminal() {
        assert_eq!(
            printable("a\u{1b}[31mb\u{202e}c\u{9b}"),
            "a\\u{1b}[31mb\\u{202e}c\\u{9b}"
        );
        assert_eq!(printable("plain é"), "plain é");
    }
}
