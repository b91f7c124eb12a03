//! A paper as Markdown: for a code host's issue.

use std::fmt::Write;

use super::chain::outcome;
use super::curl;
use super::inert::{block, cell, code, prose};
use super::{Evidence, Line, Message, Paper, RootTold, Section, Step};
use crate::cors::{Cause, Confidence, Outcome};
use crate::report::text::printable;

/// The paper as Markdown.
pub fn markdown(paper: &Paper) -> String {
    let mut text = format!("# {}\n", prose(&paper.title));
    let has_several = paper.sections.len() > 1;
    if has_several {
        text.push('\n');
        for section in &paper.sections {
            let _ = writeln!(text, "- {}", prose(&section.title));
        }
    }
    for section in &paper.sections {
        if has_several {
            let _ = write!(text, "\n---\n\n## {}\n", prose(&section.title));
        }
        write_section(&mut text, section);
    }
    if paper.left_out > 0 {
        let _ = write!(
            text,
            "\n{} more kinds of failures are not told here.\n",
            paper.left_out
        );
    }
    let _ = write!(
        text,
        "\n---\n\n<sub>{} Made with corstap {} from capture {}.</sub>\n",
        prose(&paper.values),
        paper.corstap,
        code(&paper.capture)
    );
    text
}

fn write_section(text: &mut String, section: &Section) {
    let _ = write!(text, "\n**{}**\n", prose(&section.sentence));
    if section.count > 1 {
        write_alike(text, section);
    }
    write_messages(text, &section.messages);
    write_story(text, &section.story, section);
    write_evidence(text, section);
    write_cause(text, section);
    write_remedy(text, section);
    write_reproduction(text, section);
    write_environment(text, section);
}

fn write_alike(text: &mut String, section: &Section) {
    let _ = write!(
        text,
        "\n{} requests failed alike, the last of them:\n\n",
        section.count
    );
    for one in &section.alike {
        let _ = writeln!(
            text,
            "- {} {}",
            code(&format!("#{}", one.id.0)),
            code(&format!("{} {}", one.method, one.url))
        );
    }
}

fn write_messages(text: &mut String, messages: &[Message]) {
    if messages.is_empty() {
        return;
    }
    text.push_str("\n### What browsers print\n");
    for message in messages {
        let condition = if message.if_included {
            ", if credentials are included"
        } else {
            ""
        };
        let _ = write!(
            text,
            "\n{} ({}{condition}):\n\n",
            message.engine.title(),
            code(&message.code)
        );
        if let Some(said) = &message.text {
            text.push_str(&block("text", &printable(said)));
        }
    }
}

fn write_story(text: &mut String, story: &[Step], section: &Section) {
    text.push_str(
        "\n### What happened\n\n| # | | request | answer | |\n| --- | --- | --- | --- | --- |\n",
    );
    for step in story {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            step.id.0,
            step.part.name(),
            cell(&format!("{} {}", step.method, step.url)),
            cell(&step.answer),
            outcome(step.outcome)
        );
    }
    text.push('\n');
    text.push_str(&block("text", &sequence(story, section)));
}

/// The story as arrows between the page and the servers.
pub(super) fn sequence(story: &[Step], section: &Section) -> String {
    let mut text = String::from("page (browser)                     server\n");
    for step in story {
        let asks = step
            .asks
            .as_deref()
            .map(|asks| format!("  (may I {asks}?)"));
        let what = format!("{} {}{}", step.method, step.url, asks.unwrap_or_default());
        let _ = writeln!(
            text,
            "  │ ──────────────────────────────────► {}",
            printable(&what)
        );
        let _ = writeln!(
            text,
            "  │ ◄────────────────────────────────── {}",
            printable(&step.answer)
        );
        let _ = match step.outcome {
            Outcome::Blocked | Outcome::Failed => {
                writeln!(text, "  ✗  {}", printable(&section.cause))
            }
            Outcome::Undecided => writeln!(text, "  ?  {}", outcome(step.outcome)),
            Outcome::Allowed | Outcome::Exempt | Outcome::Pending | Outcome::NotAsked => Ok(()),
        };
    }
    text
}

fn write_evidence(text: &mut String, section: &Section) {
    let _ = write!(text, "\n### Evidence\n\n{}", block("diff", &heads(section)));
}

/// The heads: `-` before what is wrong, `!` before what is not there.
pub(super) fn heads(section: &Section) -> String {
    let Evidence {
        request,
        status,
        answer,
        absent,
        ending,
    } = &section.evidence;
    let own = section.story.iter().find(|step| step.id == section.id);
    let asked = own.map(|step| format!("{} {}", step.method, step.url));
    let mut text = format!("  {}\n", printable(&asked.unwrap_or_default()));
    for line in request {
        write_line(&mut text, line);
    }
    text.push('\n');
    if let Some(status) = status {
        let is_at_fault = section.exchange_is_refused_for_status();
        let _ = writeln!(text, "{} {status}", if is_at_fault { '-' } else { ' ' });
    }
    for line in answer {
        write_line(&mut text, line);
    }
    if let Some(absent) = absent {
        let _ = writeln!(text, "! there is no {absent}");
    }
    if let Some(ending) = ending {
        let _ = writeln!(text, "! {}", printable(ending));
    }
    text
}

fn write_line(text: &mut String, line: &Line) {
    let mark = if line.is_at_fault { '-' } else { ' ' };
    let (name, value) = (printable(&line.name), printable(&line.value));
    let _ = writeln!(text, "{mark} {name}: {value}");
    // Escapes would move what is pointed at.
    if let Some((start, end)) = line.marked.filter(|_| value == line.value) {
        let before = name.chars().count() + 2 + start;
        let _ = writeln!(
            text,
            "{mark} {}{}",
            " ".repeat(before),
            "^".repeat(end.saturating_sub(start))
        );
    }
}

fn write_cause(text: &mut String, section: &Section) {
    let _ = write!(text, "\n### Cause\n\n{}\n", code(&section.cause));
    if !section.also.is_empty() {
        let also: Vec<String> = section
            .also
            .iter()
            .map(|cause| code(cause.name()))
            .collect();
        let _ = write!(text, "\nAlso not met: {}.\n", also.join(", "));
    }
    if let Some(standard) = &section.standard {
        let _ = write!(text, "\nIn the standard: <{standard}>\n");
    }
    for root in &section.roots {
        write_root(text, root);
    }
}

fn write_root(text: &mut String, root: &RootTold) {
    let _ = write!(
        text,
        "\n{} beneath it: {}. {}\n",
        sure(root.confidence),
        code(root.code),
        prose(root.meaning)
    );
    if root.evidence.is_empty() {
        return;
    }
    text.push_str("\n| # | request | answer |\n| --- | --- | --- |\n");
    for step in &root.evidence {
        let asked = format!("{} {}", step.method, step.url);
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            step.id.0,
            cell(&asked),
            cell(&step.answer)
        );
    }
}

/// How sure a root is, at the beginning of a sentence.
pub(super) fn sure(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "Perhaps",
        Confidence::Medium => "Likely",
        Confidence::High => "Almost certainly",
        Confidence::Certain => "Certainly",
    }
}

fn write_remedy(text: &mut String, section: &Section) {
    if section.remedy.is_empty() {
        return;
    }
    let _ = write!(text, "\n### What to change\n\n{}\n", prose(&section.remedy));
    if !section.send.is_empty() {
        let lines: Vec<_> = section.send.iter().map(|line| printable(line)).collect();
        let _ = write!(text, "\n{}", block("http", &lines.join("\n")));
    }
    for root in &section.roots {
        let _ = write!(text, "\n{}\n", prose(&root.remedy));
    }
}

fn write_reproduction(text: &mut String, section: &Section) {
    if section.asks.is_empty() && section.page.is_none() {
        return;
    }
    text.push_str("\n### To see it again\n");
    let mut in_page = "In";
    if !section.asks.is_empty() {
        let commands: Vec<String> = section.asks.iter().map(curl::command).collect();
        let _ = write!(text, "\n{}", block("sh", &commands.join("\n")));
        in_page = "Or in";
    }
    if let Some(page) = &section.page {
        let _ = write!(
            text,
            "\n{in_page} the console of the page:\n\n{}",
            block("js", page)
        );
    }
}

fn write_environment(text: &mut String, section: &Section) {
    text.push_str("\n### Environment\n\n| | |\n| --- | --- |\n");
    for fact in &section.environment {
        let _ = writeln!(text, "| {} | {} |", fact.name, cell(&fact.value));
    }
}

impl Section {
    /// Whether it is the status that is wrong.
    fn exchange_is_refused_for_status(&self) -> bool {
        [Cause::PreflightStatus, Cause::PreflightRedirect]
            .iter()
            .any(|cause| cause.name() == self.cause)
    }
}
