//! A paper as commands for curl, safe against whatever stands in names, values and URLs.
//!
//! What is written is printable ASCII, and every word is quoted: other octets are made by `printf`
//! when the command runs, ends of lines and NUL are left out.

use std::fmt::Write;

use super::{Ask, Paper};
use crate::report::text::printable;
use crate::wire::headers::from_latin1;

/// The paper as a script for `sh`.
pub fn script(paper: &Paper) -> String {
    let mut script = format!(
        "#!/bin/sh\n# {}\n# {}\n",
        comment(&paper.title),
        comment(&paper.values)
    );
    for section in &paper.sections {
        let _ = write!(
            script,
            "\n# {}\n# {}\n",
            comment(&section.title),
            comment(&section.sentence)
        );
        for ask in &section.asks {
            let _ = write!(script, "\n{}", command(ask));
        }
    }
    script
}

/// A request as a command, with what is to be known of it above.
pub(super) fn command(ask: &Ask) -> String {
    let mut text = format!("# {}\n", comment(&ask.title));
    for note in &ask.notes {
        let _ = writeln!(text, "# {}", comment(note));
    }
    let version = if ask.is_http2 { "--http2" } else { "--http1.1" };
    let request = match ask.method.as_str() {
        "HEAD" => "--head".to_owned(),
        method => format!("--request {}", quoted(method.as_bytes())),
    };
    let _ = write!(
        text,
        "curl --globoff --path-as-is --silent --show-error --include {version} {request}"
    );
    for (name, value) in &ask.headers {
        let _ = write!(text, " \\\n  --header {}", quoted(&header(name, value)));
    }
    let _ = writeln!(text, " \\\n  --url {}", quoted(&url(&ask.url)));
    text
}

/// A field as `--header` takes it: one without a value ends with a semicolon.
fn header(name: &str, value: &str) -> Vec<u8> {
    let value = from_latin1(value);
    if value.trim_ascii().is_empty() {
        return [name.as_bytes(), b";"].concat();
    }
    [name.as_bytes(), b": ", &value].concat()
}

/// A URL whose octets are all ones that URLs have.
fn url(url: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(url.len());
    for octet in from_latin1(url).iter() {
        match octet {
            b'!'..=b'~' => octets.push(*octet),
            other => octets.extend_from_slice(format!("%{other:02X}").as_bytes()),
        }
    }
    octets
}

/// Octets as one word for `sh`.
fn quoted(octets: &[u8]) -> String {
    let mut word = String::from("'");
    for octet in octets {
        match octet {
            b'\'' => word.push_str("'\\''"),
            b' '..=b'~' => word.push(char::from(*octet)),
            b'\0' | b'\r' | b'\n' => word.push(' '),
            other => {
                let _ = write!(word, "'\"$(printf '\\{other:03o}')\"'");
            }
        }
    }
    word.push('\'');
    word
}

/// Text in a comment: on one line, in ASCII.
fn comment(text: &str) -> String {
    let text = printable(text);
    text.chars()
        .fold(String::with_capacity(text.len()), |mut plain, character| {
            if character.is_ascii() {
                plain.push(character);
            } else {
                plain.extend(character.escape_unicode());
            }
            plain
        })
}
