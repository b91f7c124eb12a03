//! The dashboard and those who mean it no good: odd names for it, endless requests, readers that do not
//! read, names of captures that are paths.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use super::dashboard::{Shown, status};
use super::running::{PATIENCE, fetch, server};

#[test]
fn no_odd_form_of_its_name_gets_anything() {
    let shown = Shown::start();
    let (bearer, port) = (shown.bearer(), shown.address.port());
    for host in [
        "localhost.",
        "127.0.0.1.",
        "user@127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:0:0:1]",
        "127.0.0.1%00",
        "127.0.0.1\t",
        "evil.test, 127.0.0.1",
        "corstap.invalid",
        "a.localhost",
    ] {
        let host = format!("{host}:{port}");
        for path in ["/", "/api/status"] {
            let fields = [("Host", &*host), ("Authorization", &*bearer)];
            let answer = shown.asks(&format!("GET {path}"), &fields);
            assert!(
                [400, 421].contains(&status(&answer)),
                "{host}{path}: {answer}"
            );
        }
    }
}

#[test]
fn no_spelling_of_its_address_leads_through_the_proxy_to_the_dashboard() {
    let shown = Shown::start();
    let (proxy, port) = (shown.running.address, shown.address.port());
    for name in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f000001",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ] {
        let mut stream = TcpStream::connect(proxy).expect("it listens");
        let own = format!("{name}:{port}");
        let request =
            format!("GET http://{own}/ HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("read");
        assert!(
            status(&answer) == 403 && answer.contains("is corstap itself"),
            "{own}: {answer}"
        );
    }
}

#[test]
fn a_host_that_is_missing_doubled_or_beside_an_absolute_target_gets_nothing() {
    let shown = Shown::start();
    let (own, bearer) = (shown.address.to_string(), shown.bearer());
    let host = format!("Host: {own}\r\n");
    for (target, fields) in [
        ("/api/status".to_owned(), String::new()),
        ("/api/status".to_owned(), host.repeat(2)),
        (
            "/api/status".to_owned(),
            format!("{host}Host: evil.test\r\n"),
        ),
        (format!("http://{own}/api/status"), host.clone()),
        ("http://evil.test/api/status".to_owned(), host.clone()),
        ("*".to_owned(), host.clone()),
    ] {
        let head = format!(
            "GET {target} HTTP/1.1\r\n{fields}Authorization: {bearer}\r\nConnection: close\r\n\r\n"
        );
        let answer = says(&shown, &head);
        assert!(!answer.starts_with("HTTP/1.1 200"), "{head}{answer}");
        assert!(!answer.contains("\"proxy\""), "{head}{answer}");
    }
}

/// What comes back for some octets, until the connection closes.
fn says(shown: &Shown, request: &str) -> String {
    let mut stream = shown.connect();
    let mut answer = Vec::new();
    // Who refuses before all is read may close or reset the connection; what came before that counts.
    let _ = stream.write_all(request.as_bytes());
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn what_is_endless_is_refused_and_the_next_one_is_served() {
    let shown = Shown::start();
    let (own, bearer) = (shown.address.to_string(), shown.bearer());
    let endless = "x".repeat(4 << 20);
    for head in [
        format!("GET /api/rows?capture={endless} HTTP/1.1\r\nHost: {own}\r\n"),
        format!("GET /api/rows HTTP/1.1\r\nHost: {own}\r\nX-Endless: {endless}\r\n"),
        format!(
            "GET /api/rows HTTP/1.1\r\nHost: {own}\r\n{}",
            "X-Many: 1\r\n".repeat(100_000)
        ),
    ] {
        let answer = says(&shown, &format!("{head}Authorization: {bearer}\r\n\r\n"));
        assert!(
            !answer.starts_with("HTTP/1.1 200"),
            "{}: {answer}",
            &head[..80]
        );
    }
    let policy = format!("{{\"policy\": \"{endless}\"}}");
    let origin = format!("http://{own}");
    let fields = format!(
        "Host: {own}\r\nAuthorization: {bearer}\r\nOrigin: {origin}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        policy.len()
    );
    let answer = says(
        &shown,
        &format!("POST /api/policy/check HTTP/1.1\r\n{fields}\r\n{policy}"),
    );
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(shown.json("/api/status")["proxy"].is_string());
}

#[test]
fn the_name_of_a_capture_is_no_path() {
    let shown = Shown::start();
    fetch(shown.running.address, server(), "a");
    shown.running.logs(1);
    let capture = shown.running.capture.display().to_string();
    for name in [
        "../one",
        "..%2Fone",
        "../../../../etc/passwd",
        "%2Fetc%2Fpasswd",
        &capture,
        capture.trim_end_matches(".corstap"),
        "one%00",
        "",
        ".",
        "..",
    ] {
        for path in ["/api/rows", "/api/exchanges", "/api/exchanges/1"] {
            let line = format!("GET {path}?capture={name}");
            let answer = shown.asks(&line, &[("Authorization", &shown.bearer())]);
            assert!([400, 404].contains(&status(&answer)), "{line}: {answer}");
            assert!(!answer.contains("127.0.0.1:"), "{answer}");
        }
    }
}

#[test]
fn connections_that_say_nothing_keep_nobody_out() {
    let shown = Shown::start();
    let idle: Vec<TcpStream> = (0..100)
        .map(|number| {
            let mut stream = shown.connect();
            let begun = &"GET / HTTP/1.1\r\nHost: 127"[..number % 20];
            stream.write_all(begun.as_bytes()).expect("written");
            stream
        })
        .collect();
    assert!(shown.json("/api/status")["proxy"].is_string());
    fetch(shown.running.address, server(), "a");
    shown.running.logs(1);
    drop(idle);
}

/// Reads the stream of changes after one, up to so many lines, and takes down change and exchange of
/// each event, as long as some exchange is missing. What breaks off in its midst was not told.
fn hear(shown: &Shown, heard: &mut Vec<(u64, u64)>, missing: &mut BTreeSet<u64>, lines: usize) {
    let mut stream = shown.connect();
    let after = heard.last().map_or(0, |(change, _)| *change);
    let head = format!(
        "GET /api/changes?rows=true&after={after} HTTP/1.0\r\nHost: {}\r\nAuthorization: {}\r\n\r\n",
        shown.address,
        shown.bearer()
    );
    stream.write_all(head.as_bytes()).expect("written");
    let mut stream = BufReader::new(stream).lines().take(lines);
    let (mut change, mut row) = (None, None);
    while !missing.is_empty()
        && let Some(line) = stream.next()
    {
        let line = line.expect("read");
        if let Some(number) = line.strip_prefix("id: ") {
            change = number.parse().ok();
        } else if let Some(data) = line.strip_prefix("data: ") {
            let told: serde_json::Value = serde_json::from_str(data).expect("JSON");
            row = told["id"].as_u64();
        } else if line.is_empty()
            && let Some(event) = change.take().zip(row.take())
        {
            heard.push(event);
            missing.remove(&event.1);
        }
    }
}

#[test]
fn whoever_goes_on_where_a_stream_broke_off_misses_nothing_and_hears_nothing_twice() {
    const EACH: u64 = 60;
    let shown = Shown::start();
    let at = server();
    let mut missing: BTreeSet<u64> = (1..=4 * EACH).collect();
    let (mut heard, mut streams) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        for line in 0..4 {
            let proxy = shown.running.address;
            scope.spawn(move || {
                for number in 0..EACH {
                    fetch(proxy, at, &format!("{line}/{number}"));
                }
            });
        }
        while !missing.is_empty() {
            // Not always at the end of an event.
            hear(&shown, &mut heard, &mut missing, 50 + streams % 4);
            streams += 1;
        }
    });
    assert!(streams > 4, "{streams} streams");
    assert!(heard.windows(2).all(|two| two[0].0 < two[1].0), "{heard:?}");
}

#[test]
fn a_reader_that_does_not_read_costs_little_and_gets_all_of_it_later() {
    const MANY: u16 = 400;
    let shown = Shown::start();
    let (at, bearer) = (server(), shown.bearer());
    let readers: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = shown.connect();
            let head = format!(
                "GET /api/changes HTTP/1.0\r\nHost: {}\r\nAuthorization: {bearer}\r\n\r\n",
                shown.address
            );
            stream.write_all(head.as_bytes()).expect("written");
            stream
        })
        .collect();
    for number in 0..MANY {
        fetch(shown.running.address, at, &number.to_string());
    }
    shown.running.logs(MANY.into());
    for stream in readers {
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        let mut whole = lines
            .filter(|line| line.starts_with("data: "))
            .map(|line| serde_json::from_str::<serde_json::Value>(&line[6..]).expect("JSON"))
            .filter(|record| !record["elapsed_ms"].is_null())
            .map(|record| record["id"].as_u64().expect("a number"));
        let mut missing: BTreeSet<u64> = (1..=MANY.into()).collect();
        while !missing.is_empty() {
            missing.remove(&whole.next().expect("one more"));
        }
    }
}
