//! The judge: exchanges in a few words, which random octets spell more often than JSON.
//!
//! A line starts with `>` (method and URL), `<` (status), `!` (how the connection ends), `#` (its
//! number), or is a field of the message before it.
#![no_main]

mod told;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut entries: Vec<Value> = Vec::new();
    let mut side = "request";
    for line in text.lines().take(200) {
        match (line.split_at_checked(1), entries.last_mut()) {
            (Some((">", rest)), _) => {
                let (method, url) = rest.trim().split_once(' ').unwrap_or(("GET", rest));
                let second = entries.len() % 60;
                entries.push(json!({
                    "startedDateTime": format!("2026-11-22T10:00:{second:02}.000Z"),
                    "time": 5,
                    "connection": "1",
                    "request": {"method": method, "url": url, "httpVersion": "HTTP/1.1", "headers": []},
                    "response": {"status": 0, "headers": []},
                }));
                side = "request";
            }
            (Some(("<", rest)), Some(entry)) => {
                entry["response"]["status"] = json!(rest.trim().parse().unwrap_or(200));
                side = "response";
            }
            (Some(("!", rest)), Some(entry)) => entry["_connectionEnd"] = json!(rest.trim()),
            (Some(("#", rest)), Some(entry)) => entry["connection"] = json!(rest.trim()),
            (Some(_), Some(entry)) => {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                let headers = entry[side]["headers"].as_array_mut().expect("made so");
                headers.push(json!({"name": name, "value": value.trim()}));
            }
            (_, None) | (None, _) => {}
        }
    }
    let har = json!({"log": {"version": "1.2", "entries": entries}});
    told::tell(har.to_string().as_bytes());
});
