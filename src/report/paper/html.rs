//! A paper as one HTML file that needs nothing else: no script, no request, for light and dark and
//! for print.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::chain::outcome;
use super::curl;
use super::inert::{html as inert, html_cell as cell};
use super::markdown::{heads, sequence, sure};
use super::{Message, Paper, RootTold, Section, Step};
use crate::cors::Outcome;

const STYLE: &str = include_str!("style.css");

/// The paper as HTML.
pub fn html(paper: &Paper) -> String {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let title = inert(&paper.title);
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    write_contents(&mut text, paper);
    for section in &paper.sections {
        write_section(&mut text, section, paper.sections.len() > 1);
    }
    if paper.left_out > 0 {
        let _ = writeln!(
            text,
            "<p>{} more kinds of failures are not told here.</p>",
            paper.left_out
        );
    }
    let _ = write!(
        text,
        "<footer>{} Made with corstap {} from capture <code>{}</code>.</footer>\n</body>\n</html>\n",
        inert(&paper.values),
        paper.corstap,
        inert(&paper.capture)
    );
    text
}

fn write_contents(text: &mut String, paper: &Paper) {
    if paper.sections.len() < 2 {
        return;
    }
    text.push_str("<nav><ol>\n");
    for section in &paper.sections {
        let _ = writeln!(
            text,
            "<li><a href=\"#f{}\">{}</a></li>",
            section.id.0,
            inert(&section.title)
        );
    }
    text.push_str("</ol></nav>\n");
}

fn write_section(text: &mut String, section: &Section, has_heading: bool) {
    let _ = writeln!(text, "<section id=\"f{}\">", section.id.0);
    if has_heading {
        let _ = writeln!(text, "<h2>{}</h2>", inert(&section.title));
    }
    let _ = writeln!(
        text,
        "<p class=\"verdict\">{}</p>",
        inert(&section.sentence)
    );
    write_alike(text, section);
    write_remedy(text, section);
    let _ = write!(text, "<h3>Evidence</h3>\n{}", marked(&heads(section)));
    write_story(text, section);
    write_cause(text, section);
    write_messages(text, &section.messages);
    write_reproduction(text, section);
    write_environment(text, section);
    text.push_str("</section>\n");
}

fn write_alike(text: &mut String, section: &Section) {
    if section.count < 2 {
        return;
    }
    let _ = write!(
        text,
        "<p>{} requests failed alike, the last of them:</p>\n<ul>\n",
        section.count
    );
    for one in &section.alike {
        let asked = inert(&format!("{} {}", one.method, one.url));
        let _ = writeln!(text, "<li>#{} <code>{asked}</code></li>", one.id.0);
    }
    text.push_str("</ul>\n");
}

/// The heads, with what is wrong in colour.
fn marked(heads: &str) -> String {
    let mut text = String::from("<pre>");
    for line in heads.lines() {
        let line = match line.get(..1) {
            Some("-" | "!") => format!("<span class=\"wrong\">{}</span>", inert(line)),
            _ => inert(line),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text.push_str("</pre>\n");
    text
}

fn write_story(text: &mut String, section: &Section) {
    text.push_str("<h3>What happened</h3>\n<table>\n<tr><th>#</th><th></th><th>request</th><th>answer</th><th></th></tr>\n");
    for step in &section.story {
        write_step(text, step);
    }
    let sequence = sequence(&section.story, section);
    let lines: Vec<String> = sequence.lines().map(inert).collect();
    let _ = writeln!(text, "</table>\n<pre>{}</pre>", lines.join("\n"));
}

fn write_step(text: &mut String, step: &Step) {
    let class = match step.outcome {
        Outcome::Blocked | Outcome::Failed => " class=\"wrong\"",
        Outcome::Allowed
        | Outcome::Undecided
        | Outcome::Exempt
        | Outcome::Pending
        | Outcome::NotAsked => "",
    };
    let asked = cell(&format!("{} {}", step.method, step.url));
    let _ = writeln!(
        text,
        "<tr{class}><td>{}</td><td>{}</td><td><code>{asked}</code></td><td><code>{}</code></td><td>{}</td></tr>",
        step.id.0,
        step.part.name(),
        cell(&step.answer),
        outcome(step.outcome)
    );
}

fn write_cause(text: &mut String, section: &Section) {
    let _ = writeln!(
        text,
        "<h3>Cause</h3>\n<p><code>{}</code></p>",
        inert(&section.cause)
    );
    if !section.also.is_empty() {
        let also: Vec<String> = section
            .also
            .iter()
            .map(|cause| format!("<code>{}</code>", cause.name()))
            .collect();
        let _ = writeln!(text, "<p>Also not met: {}.</p>", also.join(", "));
    }
    if let Some(standard) = &section.standard {
        let _ = writeln!(
            text,
            "<p>In the standard: <a rel=\"noreferrer\" href=\"{standard}\">{standard}</a></p>"
        );
    }
    for root in &section.roots {
        write_root(text, root);
    }
}

fn write_root(text: &mut String, root: &RootTold) {
    let _ = writeln!(
        text,
        "<p>{} beneath it: <code>{}</code>. {}</p>",
        sure(root.confidence),
        root.code,
        inert(root.meaning)
    );
    if !root.evidence.is_empty() {
        text.push_str("<table>\n");
        for step in &root.evidence {
            write_step(text, step);
        }
        text.push_str("</table>\n");
    }
}

fn write_messages(text: &mut String, messages: &[Message]) {
    if messages.is_empty() {
        return;
    }
    text.push_str("<h3>What browsers print</h3>\n<dl>\n");
    for message in messages {
        let condition = if message.if_included {
            ", if credentials are included"
        } else {
            ""
        };
        let said = message.text.as_deref().map(inert).unwrap_or_default();
        let _ = writeln!(
            text,
            "<dt>{} <code>{}</code>{condition}</dt>\n<dd>{said}</dd>",
            message.engine.title(),
            inert(&message.code)
        );
    }
    text.push_str("</dl>\n");
}

fn write_remedy(text: &mut String, section: &Section) {
    if section.remedy.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "<h3>What to change</h3>\n<p>{}</p>",
        inert(&section.remedy)
    );
    if !section.send.is_empty() {
        let lines: Vec<String> = section.send.iter().map(|line| inert(line)).collect();
        let _ = writeln!(text, "<pre class=\"send\">{}</pre>", lines.join("\n"));
    }
    for root in &section.roots {
        let _ = writeln!(text, "<p>{}</p>", inert(&root.remedy));
    }
}

fn write_reproduction(text: &mut String, section: &Section) {
    if section.asks.is_empty() && section.page.is_none() {
        return;
    }
    text.push_str("<h3>To see it again</h3>\n");
    let mut in_page = "In";
    if !section.asks.is_empty() {
        let commands: Vec<String> = section.asks.iter().map(curl::command).collect();
        write_lines(text, &commands.join("\n"));
        in_page = "Or in";
    }
    if let Some(page) = &section.page {
        let _ = writeln!(text, "<p>{in_page} the console of the page:</p>");
        write_lines(text, page);
    }
}

/// Lines as they are.
fn write_lines(text: &mut String, lines: &str) {
    let lines: Vec<String> = lines.lines().map(inert).collect();
    let _ = writeln!(text, "<pre>{}</pre>", lines.join("\n"));
}

fn write_environment(text: &mut String, section: &Section) {
    text.push_str("<h3>Environment</h3>\n<table>\n");
    for fact in &section.environment {
        let _ = writeln!(
            text,
            "<tr><th>{}</th><td>{}</td></tr>",
            fact.name,
            cell(&fact.value)
        );
    }
    text.push_str("</table>\n");
}
