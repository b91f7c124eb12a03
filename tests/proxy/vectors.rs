//! The hostile messages of `tests/hostile/`, and what may become of each.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::support::strict::{self, Read};

/// Where the client sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Proxy,
    Tunnel,
}

/// A message, and what is expected of a proxy.
#[derive(Clone, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the fields of the files")]
pub(crate) struct Vector {
    pub(crate) id: String,
    pub(crate) bytes_b64: String,
    pub(crate) expect: String,
    mode: Option<String>,
    #[serde(default)]
    pub(crate) half_close: bool,
    #[serde(default)]
    pub(crate) accept_timeout: bool,
    #[serde(default)]
    allow_smug: bool,
    pub(crate) n: Option<usize>,
    nmax: Option<usize>,
    phase: Option<String>,
    #[serde(default)]
    forbid: Vec<String>,
    fill: Option<(String, usize)>,
    pub(crate) request_b64: Option<String>,
    pub(crate) method: Option<String>,
    #[serde(default)]
    pub(crate) origin_close: bool,
    #[serde(default)]
    pub(crate) probe: bool,
}

/// All messages of a file.
pub(crate) fn vectors(file: &str) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/hostile")
        .join(file);
    let text = std::fs::read_to_string(path).expect("the vectors are there");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a vector"))
        .collect()
}

impl Vector {
    pub(crate) fn is_for(&self, mode: Mode) -> bool {
        match self.mode.as_deref() {
            Some("proxy") => mode == Mode::Proxy,
            Some("tunnel") => mode == Mode::Tunnel,
            _ => true,
        }
    }

    /// Whether its octets can be sent one by one in no time.
    pub(crate) fn is_short(&self) -> bool {
        self.fill.is_none() && self.bytes_b64.len() < 4096
    }

    /// The octets, with the place-holders filled in.
    pub(crate) fn octets(&self, encoded: &str, base: &str, host: &str) -> Vec<u8> {
        let mut octets = STANDARD.decode(encoded).expect("base64");
        let fill = self
            .fill
            .as_ref()
            .map(|(text, count)| text.repeat(*count))
            .unwrap_or_default();
        for (holder, text) in [("@@BASE@@", base), ("@@HOST@@", host), ("@@FILL@@", &fill)] {
            octets = replaced(&octets, holder.as_bytes(), text.as_bytes());
        }
        octets
    }
}

fn replaced(octets: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut done = Vec::new();
    let mut rest = octets;
    while let Some(at) = memchr::memmem::find(rest, from) {
        done.extend_from_slice(&rest[..at]);
        done.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    done.extend_from_slice(rest);
    done
}

impl Vector {
    pub(crate) fn judge_request(
        &self,
        far: &[Vec<u8>],
        exact: &[u8],
        back: &[u16],
        closed: bool,
    ) -> Result<(), String> {
        let mut complete = Vec::new();
        for connection in far {
            let mut rest = connection.as_slice();
            loop {
                match strict::request(rest) {
                    Read::Complete(message) => {
                        rest = &rest[message.length..];
                        complete.push(message);
                    }
                    Read::Malformed(why) => return Err(format!("malformed at the server: {why}")),
                    Read::Partial if rest.is_empty() || self.is_about_content() => break,
                    Read::Partial => return Err("part of a head arrived".to_owned()),
                }
            }
        }
        let all = far.concat();
        let lower = all.to_ascii_lowercase();
        if let Some(text) = self
            .forbid
            .iter()
            .find(|text| memchr::memmem::find(&lower, text.to_lowercase().as_bytes()).is_some())
        {
            return Err(format!("`{text}` arrived"));
        }
        if !self.allow_smug
            && complete
                .iter()
                .any(|message| message.start_line.contains(" /smuggled "))
        {
            return Err("a smuggled request arrived".to_owned());
        }
        let wanted = self.n.unwrap_or(1);
        let is_refused = closed || back.last().is_some_and(|status| *status >= 400);
        match self.expect.as_str() {
            "forward" if all != without_empty_lines(exact) => {
                Err(format!("not exact: {:?}", String::from_utf8_lossy(&all)))
            }
            "forward" if back != vec![200; wanted] => Err(format!("answered {back:?}")),
            "reject" | "close" if !complete.is_empty() => Err("it arrived complete".to_owned()),
            "reject" | "close" if !is_refused => Err(format!("not refused: {back:?}")),
            "forward-or-reject" if complete.len() > self.nmax.unwrap_or(wanted) => {
                Err(format!("{} arrived", complete.len()))
            }
            "forward-or-reject" if complete.is_empty() && !is_refused => Err("silence".to_owned()),
            _ => Ok(()),
        }
    }

    fn is_about_content(&self) -> bool {
        self.phase.as_deref() == Some("body")
    }
}

/// Empty lines before a request line are not passed on.
fn without_empty_lines(octets: &[u8]) -> Vec<u8> {
    let start = octets
        .iter()
        .take_while(|octet| matches!(octet, b'\r' | b'\n'))
        .count();
    replaced(&octets[start..], b"\r\n\r\n\r\nGET", b"\r\n\r\nGET")
}

/// The statuses of the complete answers at the front of some octets.
pub(crate) fn answers(octets: &[u8]) -> Vec<u16> {
    let (mut statuses, mut rest) = (Vec::new(), octets);
    while let Read::Complete(message) = strict::response(rest, "GET", false) {
        rest = &rest[message.length..];
        statuses.push(strict::status(&message.start_line).unwrap());
    }
    statuses
}

impl Vector {
    pub(crate) fn judge_response(
        &self,
        answer: &[u8],
        back: &[u8],
        to: &str,
        closed: bool,
    ) -> Result<(), String> {
        let ours = back.starts_with(b"HTTP/1.1 502 Bad Gateway\r\n") || has_own_ending(back);
        let complete = final_answer(back, to, closed);
        let exact = final_answer(answer, to, true).map(|length| &answer[..length]);
        let shown = || String::from_utf8_lossy(back).into_owned();
        if let Some(length) = complete
            && length < back.len()
        {
            return Err(format!("more than one answer: {:?}", shown()));
        }
        match self.expect.as_str() {
            "forward" if Some(back) != exact => Err(format!("not exact: {:?}", shown())),
            "reject" | "close" if complete.is_some() && !ours => {
                Err(format!("it arrived complete: {:?}", shown()))
            }
            "reject" | "close" if !ours && !closed => Err("neither refused nor closed".to_owned()),
            "forward-or-reject" if Some(back) != exact && !ours && !closed => {
                Err(format!("neither exact nor refused: {:?}", shown()))
            }
            _ => Ok(()),
        }
    }
}

/// Whether interim answers are followed by a refusal of the proxy's own.
fn has_own_ending(back: &[u8]) -> bool {
    memchr::memmem::find(back, b"\r\n\r\nHTTP/1.1 502 Bad Gateway\r\n").is_some()
}

/// How long the interim answers and the final one at the front of some octets are, once the final
/// one is complete.
pub(crate) fn final_answer(octets: &[u8], to: &str, closed: bool) -> Option<usize> {
    let mut at = 0;
    loop {
        let Read::Complete(message) = strict::response(&octets[at..], to, closed) else {
            return None;
        };
        at += message.length;
        let status = strict::status(&message.start_line)?;
        if status >= 200 || status == 101 {
            return Some(at);
        }
    }
}
