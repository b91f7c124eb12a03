//! Heads with single lines changed: every other octet stays.

use std::collections::BTreeMap;

use super::head::RequestHead;
use super::headers::HeaderList;
use super::trim_ows;

/// Fields that speak to the proxy and go no further (RFC 9110 section 11.7).
pub(super) const FOR_THE_PROXY: [&str; 2] = ["proxy-connection", "proxy-authorization"];

/// The octets of a request head as the server gets them: the target in origin form, the fields
/// for the proxy gone. Nothing where the head can leave as it came.
///
/// `octets` are those that `head` was parsed from.
pub fn for_server(
    octets: &[u8],
    head: &RequestHead,
    origin_form: Option<&[u8]>,
) -> Option<Vec<u8>> {
    let for_us = FOR_THE_PROXY.iter().any(|name| head.headers.contains(name));
    if origin_form.is_none() && !for_us {
        return None;
    }
    let target = origin_form.unwrap_or(&head.target);
    let after_target = head.method.len() + 1 + head.target.len();
    let mut edited = Vec::with_capacity(octets.len());
    edited.extend_from_slice(head.method.as_bytes());
    edited.push(b' ');
    edited.extend_from_slice(target);
    for (place, line) in octets
        .get(after_target..)?
        .split_inclusive(|&octet| octet == b'\n')
        .enumerate()
    {
        if place == 0 || !is_for_the_proxy(line) {
            edited.extend_from_slice(line);
        }
    }
    Some(edited)
}

/// One change to the head of a response. Lines are those of the head as it came, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Another status.
    Status(u16),
    /// Another value in a field line.
    Replace {
        /// Which line.
        line: usize,
        /// The value.
        value: Vec<u8>,
    },
    /// A field line less.
    Remove {
        /// Which line.
        line: usize,
    },
    /// A field line more, after all others.
    Add {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: Vec<u8>,
    },
}

/// What becomes of a line.
pub(super) enum Fate<'a> {
    Stays,
    Goes,
    Says(&'a [u8]),
}

/// What becomes of every line under some edits, and what is added.
pub(super) struct Plan<'a> {
    status: Option<u16>,
    lines: BTreeMap<usize, Fate<'a>>,
    pub(super) added: Vec<(&'static str, &'a [u8])>,
}

impl<'a> Plan<'a> {
    pub(super) fn of(edits: &'a [Edit]) -> Self {
        let mut plan = Self {
            status: None,
            lines: BTreeMap::new(),
            added: Vec::new(),
        };
        for edit in edits {
            match edit {
                Edit::Status(status) => plan.status = Some(*status),
                Edit::Replace { line, value } => {
                    plan.lines.insert(*line, Fate::Says(value));
                }
                Edit::Remove { line } => {
                    plan.lines.insert(*line, Fate::Goes);
                }
                Edit::Add { name, value } => plan.added.push((name, value)),
            }
        }
        plan
    }

    pub(super) fn fate(&self, line: usize) -> &Fate<'a> {
        self.lines.get(&line).unwrap_or(&Fate::Stays)
    }
}

/// The status that edits leave.
pub fn edited_status(status: u16, edits: &[Edit]) -> u16 {
    Plan::of(edits).status.unwrap_or(status)
}

/// The field lines that edits leave.
pub fn edited_fields(fields: &HeaderList, edits: &[Edit]) -> HeaderList {
    let plan = Plan::of(edits);
    let mut edited = HeaderList::with_capacity(fields.len() + plan.added.len(), 0);
    for (line, (name, value)) in fields.iter().enumerate() {
        match plan.fate(line) {
            Fate::Stays => edited.push(name, value),
            Fate::Goes => {}
            Fate::Says(value) => edited.push(name, value),
        }
    }
    for (name, value) in plan.added {
        edited.push(name.as_bytes(), value);
    }
    edited
}

/// The octets of a response head with some edits: all other octets stay, blanks around a value
/// that changes too.
pub fn for_client(octets: &[u8], edits: &[Edit]) -> Vec<u8> {
    let plan = Plan::of(edits);
    let mut edited = Vec::with_capacity(octets.len() + 512);
    let mut lines = octets.split_inclusive(|&octet| octet == b'\n');
    let first = lines.next().unwrap_or_default();
    match plan.status {
        Some(status) => write_status(&mut edited, first, status),
        None => edited.extend_from_slice(first),
    }
    for (place, line) in lines.enumerate() {
        if line.trim_ascii().is_empty() {
            for (name, value) in &plan.added {
                edited.extend_from_slice(name.as_bytes());
                edited.extend_from_slice(b": ");
                edited.extend_from_slice(value);
                edited.extend_from_slice(b"\r\n");
            }
        }
        match plan.fate(place) {
            Fate::Stays => edited.extend_from_slice(line),
            Fate::Goes => {}
            Fate::Says(value) => write_value(&mut edited, line, value),
        }
    }
    edited
}

/// A status line keeps its version.
fn write_status(edited: &mut Vec<u8>, line: &[u8], status: u16) {
    let version = line
        .split_inclusive(|&octet| octet == b' ')
        .next()
        .unwrap_or_default();
    edited.extend_from_slice(version);
    edited.extend_from_slice(status.to_string().as_bytes());
    edited.push(b' ');
    edited.extend_from_slice(reason(status).as_bytes());
    edited.extend_from_slice(b"\r\n");
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        _ => "",
    }
}

/// A field line keeps its name, and the blanks around its value.
fn write_value(edited: &mut Vec<u8>, line: &[u8], value: &[u8]) {
    let colon = line.iter().position(|&octet| octet == b':');
    let (name, rest) = line.split_at(colon.map_or(line.len(), |colon| colon + 1));
    let content = rest.strip_suffix(b"\n").unwrap_or(rest);
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    let end = rest.get(content.len()..).unwrap_or_default();
    let blanks = content.len() - content.trim_ascii_start().len();
    let before = content.get(..blanks).unwrap_or_default();
    let after = before.len() + trim_ows(content).len();
    edited.extend_from_slice(name);
    edited.extend_from_slice(before);
    edited.extend_from_slice(value);
    edited.extend_from_slice(content.get(after..).unwrap_or_default());
    edited.extend_from_slice(end);
}

fn is_for_the_proxy(line: &[u8]) -> bool {
    let name = line
        .split(|&octet| octet == b':')
        .next()
        .unwrap_or_default();
    FOR_THE_PROXY
        .iter()
        .any(|field| name.eq_ignore_ascii_case(field.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::head::ResponseHead;

    fn edited(octets: &str, origin_form: Option<&str>) -> Option<String> {
        let head = RequestHead::parse(octets.as_bytes()).expect("valid");
        for_server(octets.as_bytes(), &head, origin_form.map(str::as_bytes))
            .map(|octets| String::from_utf8(octets).expect("text"))
    }

    #[test]
    fn only_the_target_and_the_fields_for_the_proxy_change() {
        let head =
            "GET http://a/b HTTP/1.1\r\nhOsT:  a\r\nProxy-Connection: keep-alive\r\nX:y \r\n\r\n";
        assert_eq!(
            edited(head, Some("/b")).as_deref(),
            Some("GET /b HTTP/1.1\r\nhOsT:  a\r\nX:y \r\n\r\n")
        );
    }

    #[test]
    fn a_head_without_either_is_left_alone() {
        assert_eq!(edited("GET /b HTTP/1.1\r\nHost: a\r\n\r\n", None), None);
        assert_eq!(
            edited(
                "GET /b HTTP/1.1\r\nHost: a\r\nPROXY-AUTHORIZATION: x\r\n\r\n",
                None
            )
            .as_deref(),
            Some("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        );
    }

    fn for_browser(octets: &str, edits: &[Edit]) -> String {
        String::from_utf8(for_client(octets.as_bytes(), edits)).expect("text")
    }

    fn replace(line: usize, value: &str) -> Edit {
        let value = value.as_bytes().to_vec();
        Edit::Replace { line, value }
    }

    #[test]
    fn a_line_of_a_response_changes_and_every_other_octet_stays() {
        let head = "HTTP/1.0 299 Odd  thing\r\nA:b\r\nvARY:\t x \t\r\nEmpty:\r\nB:  \r\n\r\n";
        let edits = [
            replace(1, "Origin"),
            replace(2, "v"),
            replace(3, "w"),
            Edit::Remove { line: 0 },
            Edit::Add {
                name: "New",
                value: b"y".to_vec(),
            },
        ];
        assert_eq!(
            for_browser(head, &edits),
            "HTTP/1.0 299 Odd  thing\r\nvARY:\t Origin \t\r\nEmpty:v\r\nB:  w\r\nNew: y\r\n\r\n"
        );
        assert_eq!(for_browser(head, &[]), head);
    }

    #[test]
    fn another_status_has_its_own_reason_and_the_version_that_was_sent() {
        let edits = [Edit::Status(200)];
        for (line, edited) in [
            ("HTTP/1.1 401 Unauthorized", "HTTP/1.1 200 OK"),
            ("HTTP/1.0 500", "HTTP/1.0 200 OK"),
        ] {
            let head = |line| format!("{line}\r\nA: b\r\n\r\n");
            assert_eq!(for_browser(&head(line), &edits), head(edited));
        }
    }

    #[test]
    fn what_is_spliced_reads_as_the_list_of_fields_that_was_edited() {
        let octets = b"HTTP/1.1 401 No\r\nA: b\r\nVary: x\r\nC: d\r\n\r\n";
        let edits = [
            Edit::Status(200),
            replace(1, "x, Origin"),
            Edit::Remove { line: 2 },
            Edit::Add {
                name: "New",
                value: b"y".to_vec(),
            },
        ];
        let sent = ResponseHead::parse(octets).expect("valid");
        let delivered = ResponseHead::parse(&for_client(octets, &edits)).expect("valid");
        assert_eq!(delivered.headers, edited_fields(&sent.headers, &edits));
        assert_eq!(delivered.status, edited_status(sent.status, &edits));
    }
}
