//! HAR files ([version 1.2](http://www.softwareishard.com/blog/har-12-spec/)): read into the events
//! they tell of.
//!
//! A file is read entry by entry ([`entries`]), and put in order as far as it fits into memory
//! ([`Reader`]): some tools write an entry when it ends, and some write the last one first.
//!
//! Beside the standard fields, ours are understood: a broken exchange has `response.status` 0 and
//! `response._error`; `_connectionEnd` is `open`, `closed-by-client` or `closed-by-server`;
//! `_tlsResumed` says whether the connection resumed a TLS session; `_cancelled`, whether the browser
//! cancelled the response while its end was held back; `_content`, what the first octets of its content
//! are ([`Content`](crate::wire::content::Content)).
//!
//! Files of browsers tell less than the wire: what they leave out is left open, and counted
//! ([`Doubts`]).

mod doubts;
mod ending;
mod import;
mod lenient;
mod order;
mod shape;

pub use self::doubts::Doubts;
pub use self::import::Reader;
pub use self::shape::{Entry, Source, entries};

use std::ops::ControlFlow;

use crate::exchange::Event;

/// What a HAR file tells.
#[derive(Debug)]
pub struct Imported {
    /// The events in the order of their times.
    pub events: Vec<Event>,
    /// What it leaves open.
    pub doubts: Doubts,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not JSON, or not of the shape that HAR has.
    #[error("not a HAR file")]
    Shape(#[from] serde_json::Error),
}

/// Reads a HAR file that is in memory.
pub fn parse(file: &[u8]) -> Result<Imported, Error> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut events = Vec::new();
    let mut reader = Reader::new(usize::MAX);
    let mut from = serde_json::Deserializer::from_slice(file);
    entries(&mut from, |source, entry| {
        reader.entry(source, entry, &mut |event| events.push(event));
        ControlFlow::Continue(())
    })?;
    from.end()?;
    let doubts = reader.finish(&mut |event| events.push(event));
    Ok(Imported { events, doubts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Ending, Side};

    fn har(entries: &str) -> Result<Imported, Error> {
        parse(format!(r#"{{"log":{{"version":"1.2","entries":[{entries}]}}}}"#).as_bytes())
    }

    fn entry(second: u8, url: &str, rest: &str) -> String {
        format!(
            r#"{{"startedDateTime":"2026-11-22T00:00:{second:02}Z","time":5,
               "request":{{"method":"GET","url":"{url}","httpVersion":"HTTP/1.1","headers":[]}}{rest}}}"#
        )
    }

    #[test]
    fn entries_are_told_in_the_order_of_their_starts() {
        let response = r#","response":{"status":200,"headers":[{"name":"A","value":"b"}]}"#;
        let entries = [
            entry(2, "http://b.test/", response),
            entry(1, "http://a.test/", response),
        ];
        let imported = har(&entries.join(",")).expect("valid");
        let opened: Vec<String> = imported
            .events
            .iter()
            .filter_map(|event| {
                let Event::Opened { request, .. } = event else {
                    return None;
                };
                Some(request.url.to_string())
            })
            .collect();
        assert_eq!(opened, ["http://a.test/", "http://b.test/"]);
    }

    #[test]
    fn our_own_fields_tell_how_exchanges_and_connections_end() {
        let rest = r#","response":{"status":0,"_error":"reset"},"connection":"7","_connectionEnd":"closed-by-client""#;
        let imported = har(&entry(1, "https://a.test/", rest)).expect("valid");
        let ended = imported.events.iter().any(|event| {
            matches!(
                event,
                Event::Ended {
                    ending: Ending::ResetByServer,
                    ..
                }
            )
        });
        let closed = matches!(
            imported.events.last(),
            Some(Event::Closed {
                by: Side::Client,
                ..
            })
        );
        assert!(ended && closed);
    }

    #[test]
    fn what_is_not_http_is_counted_and_left_out() {
        let imported = har(&entry(1, "data:,x", "")).expect("valid");
        assert_eq!((imported.events.len(), imported.doubts.skipped), (0, 1));
    }

    #[test]
    fn what_is_not_har_is_an_error() {
        assert_eq!(
            parse(b"{}").expect_err("no log").to_string(),
            "not a HAR file"
        );
    }

    /// Tells a file with little memory: what is opened when, and what is left open.
    fn told_within(octets: usize, entries_of: &[String]) -> (Vec<String>, Doubts) {
        let mut events = Vec::new();
        let mut reader = Reader::new(octets);
        let file = format!(r#"{{"log":{{"entries":[{}]}}}}"#, entries_of.join(","));
        let mut from = serde_json::Deserializer::from_str(&file);
        entries(&mut from, |source, entry| {
            reader.entry(source, entry, &mut |event| events.push(event));
            ControlFlow::Continue(())
        })
        .expect("valid");
        let doubts = reader.finish(&mut |event| events.push(event));
        let opened = events.iter().filter_map(|event| {
            if let Event::Opened { request, .. } = event {
                return Some(request.url.to_string());
            }
            let Event::Ended { ending, .. } = event else {
                return None;
            };
            Some(ending.to_string())
        });
        (opened.collect(), doubts)
    }

    #[test]
    fn a_file_that_does_not_fit_is_told_as_it_comes_and_says_so() {
        let many: Vec<String> = (0..50)
            .map(|second| entry(second, &format!("http://a.test/{second}"), ""))
            .collect();
        let (told, doubts) = told_within(4096, &many);
        let opened: Vec<&String> = told
            .iter()
            .filter(|told| told.starts_with("http"))
            .collect();
        assert_eq!(opened.len(), 50);
        assert!(
            opened
                .iter()
                .enumerate()
                .all(|(place, url)| url.ends_with(&format!("/{place}")))
        );
        assert!(doubts.is_partial && doubts.late == 0, "{doubts:?}");
        let backwards: Vec<String> = many.into_iter().rev().collect();
        let (told, doubts) = told_within(4096, &backwards);
        assert_eq!(
            told.iter().filter(|told| told.starts_with("http")).count(),
            50
        );
        assert!(doubts.late > 30, "{doubts:?}");
        let (_, doubts) = told_within(1 << 20, &backwards);
        assert_eq!((doubts.is_partial, doubts.late), (false, 0));
    }

    #[test]
    fn what_a_browser_gave_up_without_a_word_is_left_open() {
        let failed = r#","response":{"status":-1,"headers":[],"_failureText":"net::ERR_FAILED"}"#;
        let refused =
            r#","response":{"status":0,"headers":[],"_error":"net::ERR_CONNECTION_REFUSED"}"#;
        let all = [
            entry(1, "http://a.test/", failed),
            entry(2, "http://b.test/", refused),
        ];
        let (told, doubts) = told_within(usize::MAX, &all);
        assert_eq!(
            told,
            ["http://a.test/", "in-progress", "http://b.test/", "refused"]
        );
        assert_eq!(doubts.silent, 1);
    }

    #[test]
    fn what_is_of_another_kind_than_it_ought_to_be_counts_as_left_out() {
        let rest = r#","time":"7.5","connection":{},"response":{"status":"204","headers":null,"content":[1,{"a":"b"}]}"#;
        let (told, _) = told_within(
            usize::MAX,
            &[entry(1, "http://a.test/", "")
                .replace(r#""time":5,"#, "")
                .replace(
                    r#""headers":[]}"#,
                    &format!(r#""headers":[{{"name":"a"}},{{"value":7,"name":"b"}}]}}{rest}"#),
                )],
        );
        assert_eq!(told, ["http://a.test/", "complete"]);
    }

    #[test]
    fn a_port_is_no_connection() {
        let entries: Vec<String> = (1..4)
            .map(|second| entry(second, "http://a.test/", r#","connection":"443""#))
            .collect();
        let connections = |creator: &str| {
            let file = format!(
                r#"{{"log":{{"creator":{{"name":"{creator}"}},"entries":[{}]}}}}"#,
                entries.join(",")
            );
            let events = parse(file.as_bytes()).expect("valid").events;
            let ids = events.iter().filter_map(|event| {
                let Event::Opened { connection, .. } = event else {
                    return None;
                };
                Some(connection.0)
            });
            ids.collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!(
            (connections("Firefox"), connections("WebInspector")),
            (3, 1)
        );
    }
}
