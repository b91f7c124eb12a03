//! What is asked of a capture, and comes out.

use std::fs;
use std::sync::Arc;

use super::*;
use crate::cors::Outcome;
use crate::exchange::secret::{Redactor, Value as Kept, Values};
use crate::exchange::{
    AskedUrl, ConnectionId, Content, Ending, Protocol, Request, Response, Rewrite,
};
use crate::store::recorder::Arrival;
use crate::store::{Recorder, Shown, Ticket, Writer};
use crate::wire::edit::{Edit, edited_fields};
use crate::wire::headers::HeaderList;

struct Scene {
    dir: tempfile::TempDir,
    writer: Writer,
    recorder: Recorder,
    shown: std::sync::mpsc::Receiver<Shown>,
}

fn scene() -> Scene {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("run.corstap");
    let redactor = Redactor::new(&[7; 32], Values::Harmless);
    let (writer, recorder, shown) = Writer::start(&path, redactor).expect("started");
    Scene {
        dir,
        writer,
        recorder,
        shown,
    }
}

fn arrival() -> Arrival {
    Arrival::now("127.0.0.1:1".parse().expect("an address"))
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";

fn exchange(recorder: &Recorder, path: &str, allow: Option<&str>) {
    exchange_on(
        recorder,
        recorder.connected(arrival(), None).id(),
        "GET",
        path,
        allow,
    );
}

fn exchange_on(
    recorder: &Recorder,
    connection: ConnectionId,
    method: &str,
    path: &str,
    allow: Option<&str>,
) {
    let lines = [
        ("Origin", "https://app.test"),
        ("X-Secret", "hunter2"),
        ("User-Agent", FIREFOX),
        ("Access-Control-Request-Method", "PUT"),
    ];
    let request = Request {
        method: method.to_owned(),
        url: AskedUrl::parse(&format!("https://api.test{path}")).expect("valid"),
        headers: lines.into_iter().collect(),
    };
    let client = "127.0.0.1:1".parse().expect("an address");
    let mut ticket = recorder.open(connection, Protocol::Http11, client, Arc::new(request));
    let headers = allow
        .map(|value| ("Access-Control-Allow-Origin", value))
        .into_iter()
        .collect();
    ticket.answered(Arc::new(Response {
        status: 200,
        headers,
    }));
    ticket.ended(Ending::Complete, None);
}

#[test]
fn what_is_handed_in_comes_out_judged_and_without_secrets() {
    let Scene {
        dir,
        writer,
        recorder,
        shown,
    } = scene();
    exchange(&recorder, "/a?token=hunter2", None);
    exchange(&recorder, "/b", Some("https://app.test"));
    drop(recorder);
    assert_eq!(writer.finish().lost, 0);
    let shown: Vec<Shown> = shown.iter().collect();
    let capture = Capture::newest(dir.path()).expect("a capture");
    let mut all = Vec::new();
    capture
        .exchanges::<Error>(Which::All, |stored| {
            all.push(stored);
            Ok(())
        })
        .expect("read");
    assert_eq!(
        all,
        shown
            .iter()
            .map(|shown| (**shown).clone())
            .collect::<Vec<_>>()
    );
    assert_eq!(all[0].judgement.verdict.answer.outcome, Outcome::Blocked);
    assert!(matches!(
        all[0].recorded.request.headers[1].1,
        Kept::Withheld(_)
    ));
    let mut failed = Vec::new();
    capture
        .exchanges::<Error>(Which::Failed, |s| {
            failed.push(s.recorded.id);
            Ok(())
        })
        .expect("read");
    assert_eq!(failed, [ExchangeId(1)]);
    let file = fs::read(dir.path().join("run.corstap")).expect("there");
    assert!(memchr::memmem::find(&file, b"hunter2").is_none());
}

#[test]
fn pages_and_changes_are_looked_up_and_not_searched_for() {
    let Scene { dir, recorder, .. } = scene();
    exchange(&recorder, "/a", None);
    let capture = Capture::newest(dir.path()).expect("a capture");
    let plan = |select: &str| -> Vec<String> {
        let explained = format!("EXPLAIN QUERY PLAN {select}");
        let mut explained = capture.connection.prepare(&explained).expect("prepared");
        let steps = explained.query_map([9, 9], |row| row.get("detail"));
        steps
            .expect("asked")
            .collect::<Result<_, _>>()
            .expect("told")
    };
    for (select, found) in [
        (newest_before(Which::All), "INTEGER PRIMARY KEY (rowid<?)"),
        (newest_before(Which::Failed), "INDEX exchange_failed (id<?)"),
        (
            newest_before(Which::Rewritten),
            "INDEX exchange_rewrite (id<?)",
        ),
        (CHANGED_AFTER, "INDEX exchange_change (change>?)"),
    ] {
        let steps = plan(select);
        assert_eq!(steps[0], format!("SEARCH exchange_row USING {found}"));
        let texts = steps
            .iter()
            .filter(|step| step.contains("SEARCH text USING INTEGER PRIMARY KEY"));
        assert_eq!(texts.count(), 3, "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("SCAN")), "{steps:?}");
    }
}

/// An answer that a rule made another one of.
fn rewritten_exchange(recorder: &Recorder) {
    let line = recorder.connected(arrival(), None);
    let request = Request {
        method: "GET".to_owned(),
        url: AskedUrl::parse("https://api.test/b").expect("valid"),
        headers: [("Origin", "https://app.test")].into_iter().collect(),
    };
    let sent = Response {
        status: 200,
        headers: [("Access-Control-Allow-Origin", "null"), ("X-Id", "hunter2")]
            .into_iter()
            .collect(),
    };
    let edits = vec![Edit::Replace {
        line: 0,
        value: b"https://app.test".to_vec(),
    }];
    let delivered = Response {
        status: 200,
        headers: edited_fields(&sent.headers, &edits),
    };
    let client = "127.0.0.1:1".parse().expect("an address");
    let mut ticket = recorder.open(line.id(), Protocol::Http11, client, Arc::new(request));
    ticket.rewritten(Arc::new(Rewrite {
        rule: "app".into(),
        edits,
        delivered,
    }));
    ticket.answered(Arc::new(sent));
    ticket.ended(Ending::Complete, None);
}

#[test]
fn what_a_rule_made_of_an_answer_is_kept_beside_what_was_sent() {
    let Scene {
        dir,
        writer,
        recorder,
        shown,
    } = scene();
    exchange(&recorder, "/a", Some("*"));
    rewritten_exchange(&recorder);
    drop(recorder);
    writer.finish();
    drop(shown);
    let capture = Capture::newest(dir.path()).expect("a capture");
    let mut rewritten = Vec::new();
    capture
        .exchanges::<Error>(Which::Rewritten, |stored| {
            rewritten.push(stored);
            Ok(())
        })
        .expect("read");
    let [stored] = rewritten.as_slice() else {
        panic!("{rewritten:?}");
    };
    let plain = |value: &str| Some(Kept::Plain(value.to_owned()));
    let rewrite = stored.recorded.rewrite.as_ref().expect("a rule did it");
    assert_eq!(rewrite.rule, "app");
    let edit = &rewrite.edits[0];
    assert_eq!((edit.line, &edit.from), (Some(1), &plain("null")));
    assert_eq!(edit.to, plain("https://app.test"));
    let delivered = stored.recorded.delivered.as_ref().expect("delivered");
    assert_eq!(
        Some(delivered.headers[0].1.clone()),
        plain("https://app.test")
    );
    assert!(matches!(delivered.headers[1].1, Kept::Withheld(_)));
    assert_eq!(stored.judgement.verdict.answer.outcome, Outcome::Blocked);
    assert!(stored.judgement.delivered.is_some());
}

#[test]
fn the_last_ones_are_told_alone_and_all_are_counted() {
    let Scene {
        dir,
        writer,
        recorder,
        shown: _shown,
    } = scene();
    for number in 0..2 * AT_ONCE {
        let allow = (number % 2 == 0).then_some("https://app.test");
        exchange(&recorder, "/", allow);
    }
    drop(recorder);
    writer.finish();
    let capture = Capture::newest(dir.path()).expect("a capture");
    let contents = capture.contents().expect("read");
    assert_eq!((contents.exchanges, contents.failed), (512, 256));
    assert!(contents.started.is_some() && !contents.has_all_values);
    let last = |which, many| {
        let mut told = Vec::new();
        let first = capture.last(which, many).expect("read");
        let tell = |stored: Stored| {
            told.push(stored.recorded.id.0);
            Ok::<(), Error>(())
        };
        capture.exchanges_from(which, first, tell).expect("read");
        told
    };
    assert_eq!(last(Which::All, 3), [510, 511, 512]);
    assert_eq!(last(Which::Failed, 2), [510, 512]);
    assert_eq!(last(Which::All, 9999).len(), 512);
    assert_eq!(last(Which::Failed, 0), [0; 0]);
}

/// What each older version had otherwise, the newest first.
const OLDER: [(i64, &str); 4] = [
    (
        4,
        "DROP VIEW exchange; ALTER TABLE exchange_row DROP COLUMN content;
        CREATE VIEW exchange AS SELECT
            id, change, rev, started, elapsed_ms, connection, protocol, client, server, method, url,
            (SELECT json FROM text WHERE text.id = exchange_row.request_headers) AS request_headers,
            status,
            (SELECT json FROM text WHERE text.id = exchange_row.response_headers) AS response_headers,
            ending, reason, via, unverified, rewrite, failed,
            (SELECT json FROM text WHERE text.id = exchange_row.judgement) AS judgement
        FROM exchange_row",
    ),
    (
        3,
        "CREATE TABLE before AS SELECT * FROM exchange; DROP VIEW exchange;
        DROP TABLE exchange_row; DROP TABLE text; ALTER TABLE before RENAME TO exchange",
    ),
    (2, "ALTER TABLE exchange DROP COLUMN rewrite"),
    (
        1,
        "ALTER TABLE exchange DROP COLUMN via; ALTER TABLE exchange DROP COLUMN unverified",
    ),
];

#[test]
fn captures_of_older_versions_are_read() {
    let Scene {
        dir,
        writer,
        recorder,
        shown,
    } = scene();
    exchange(&recorder, "/a", Some("*"));
    drop(recorder);
    writer.finish();
    let path = dir.path().join("run.corstap");
    let written = shown.recv().ok().map(|shown| (*shown).clone());
    let columns = || {
        let mut told = Vec::new();
        let capture = Capture::open(&path).expect("a capture");
        let all = capture.columns::<Error>(|columns| {
            let (headers, judgement) = (columns.request_headers, columns.judgement);
            let is_shared = headers.number.is_some() && judgement.number.is_some();
            told.push((
                columns.url.to_owned(),
                headers.json.to_owned() + judgement.json,
                is_shared,
            ));
            Ok(())
        });
        all.expect("read");
        told
    };
    let [(url, texts, true)] = &columns()[..] else {
        panic!("one exchange, whose texts others may have")
    };
    for (version, change) in OLDER {
        let file = Connection::open(&path).expect("opened");
        file.execute_batch(&format!("{change}; PRAGMA user_version = {version}"))
            .expect("as it was");
        let capture = Capture::open(&path).expect("a capture");
        let stored = capture.exchange(ExchangeId(1)).expect("read");
        assert_eq!(stored, written, "version {version}");
        let is_shared = version == 4;
        assert_eq!(columns(), [(url.clone(), texts.clone(), is_shared)]);
    }
}

#[test]
fn what_content_was_is_read_again() {
    let Scene {
        dir,
        writer,
        recorder,
        ..
    } = scene();
    let client = "127.0.0.1:1".parse().expect("an address");
    let connection = recorder.connected(arrival(), None).id();
    for content in Content::ALL {
        let request = Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse("https://api.test/a.png").expect("valid"),
            headers: HeaderList::default(),
        };
        let mut ticket = recorder.open(connection, Protocol::Http11, client, Arc::new(request));
        ticket.answered(Arc::new(Response {
            status: 200,
            headers: HeaderList::default(),
        }));
        ticket.glimpsed(content);
        ticket.ended(Ending::Complete, None);
    }
    drop(recorder);
    writer.finish();
    let capture = Capture::newest(dir.path()).expect("a capture");
    for (number, content) in (1..).zip(Content::ALL) {
        let stored = capture.exchange(ExchangeId(number)).expect("read");
        let stored = stored.expect("one").recorded;
        assert_eq!(
            (stored.content, stored.ending),
            (Some(content), Ending::Complete)
        );
    }
}

#[test]
fn a_reader_sees_what_is_new_while_it_is_written() {
    let Scene {
        dir,
        writer,
        recorder,
        shown,
    } = scene();
    exchange(&recorder, "/a", Some("*"));
    shown.recv().expect("shown once it is committed");
    let capture = Capture::newest(dir.path()).expect("a capture");
    let mut seen = Vec::new();
    let last = capture
        .changes::<Error>(Change::default(), |stored| {
            seen.push(stored.recorded.id);
            Ok(())
        })
        .expect("read");
    exchange(&recorder, "/b", Some("*"));
    shown.recv().expect("shown once it is committed");
    capture
        .changes::<Error>(last, |stored| {
            seen.push(stored.recorded.id);
            Ok(())
        })
        .expect("read");
    assert_eq!(seen, [ExchangeId(1), ExchangeId(2)]);
    drop(recorder);
    writer.finish();
}

#[test]
fn pages_go_back_from_the_newest_and_changes_go_on_where_a_page_was_read() {
    let Scene {
        dir,
        writer,
        recorder,
        shown,
    } = scene();
    for path in ["/a", "/b", "/c"] {
        exchange(
            &recorder,
            path,
            (path != "/b").then_some("https://app.test"),
        );
    }
    let all = shown.iter().take(3).count();
    assert_eq!(all, 3, "shown once they are committed");
    let capture = Capture::newest(dir.path()).expect("a capture");
    let ids = |page: &Page| -> Vec<u64> {
        page.exchanges
            .iter()
            .map(|stored| stored.recorded.id.0)
            .collect()
    };
    let first = capture.page(Which::All, None, 2).expect("read");
    assert_eq!((ids(&first), first.has_more), (vec![3, 2], true));
    let rest = capture
        .page(Which::All, Some(ExchangeId(2)), 2)
        .expect("read");
    assert_eq!((ids(&rest), rest.has_more), (vec![1], false));
    let failed = capture.page(Which::Failed, None, 2).expect("read");
    assert_eq!(ids(&failed), [2]);
    assert!(
        capture
            .changes_in_part(first.change, 9)
            .expect("read")
            .is_empty()
    );
    exchange(&recorder, "/d", None);
    shown.recv().expect("shown once it is committed");
    let news = capture.changes_in_part(first.change, 9).expect("read");
    assert_eq!(news[0].1.recorded.id, ExchangeId(4));
    let some = capture.changes_in_part(Change::default(), 3).expect("read");
    assert_eq!(some.len(), 3);
    drop(recorder);
    writer.finish();
}

#[test]
fn a_later_fact_that_changes_a_verdict_is_a_new_revision() {
    let Scene {
        dir: _dir,
        writer,
        recorder,
        shown,
    } = scene();
    let connection = recorder.connected(arrival(), None);
    exchange_on(&recorder, connection.id(), "GET", "/a", Some("*"));
    let told = |shown: Shown| {
        (
            shown.recorded.id.0,
            shown.rev,
            shown.judgement.verdict.answer.outcome,
        )
    };
    assert_eq!(shown.recv().map(told), Ok((1, 1, Outcome::Undecided)));
    // A preflight on the same connection: whatever goes there is sent without credentials.
    exchange_on(&recorder, connection.id(), "OPTIONS", "/b", None);
    assert_eq!(shown.recv().map(told), Ok((1, 2, Outcome::Allowed)));
    assert_eq!(shown.recv().map(told), Ok((2, 1, Outcome::Blocked)));
    drop((connection, recorder));
    writer.finish();
}

fn request_on(recorder: &Recorder, connection: ConnectionId) -> Ticket {
    let request = Request {
        method: "GET".to_owned(),
        url: AskedUrl::parse("https://api.test/").expect("valid"),
        headers: HeaderList::default(),
    };
    let client = "127.0.0.1:1".parse().expect("an address");
    recorder.open(connection, Protocol::Http11, client, Arc::new(request))
}

#[test]
fn an_exchange_that_lasts_has_an_ending_however_many_came_after_it() {
    let Scene {
        dir,
        writer,
        recorder,
        shown,
    } = scene();
    let line = recorder.connected(arrival(), None);
    let mut long = request_on(&recorder, line.id());
    let first = shown.recv().expect("shown while it is open");
    assert_eq!(first.recorded.ending, Ending::InProgress);
    let showing = std::thread::spawn(move || shown.iter().last());
    for _ in 0..17_000 {
        request_on(&recorder, line.id()).ended(Ending::Complete, None);
    }
    long.ended(Ending::Complete, None);
    drop((line, recorder));
    assert_eq!(writer.finish().lost, 0);
    showing.join().expect("no panic");
    let capture = Capture::newest(dir.path()).expect("a capture");
    let stored = capture.exchange(ExchangeId(1)).expect("read");
    assert_eq!(stored.expect("there").recorded.ending, Ending::Complete);
}

#[test]
fn what_could_not_be_written_for_a_moment_is_written_later() {
    let Scene {
        dir,
        writer,
        recorder,
        shown,
    } = scene();
    let line = recorder.connected(arrival(), None);
    let mut open = request_on(&recorder, line.id());
    shown.recv().expect("shown while it is open");
    let disk = Connection::open(dir.path().join("run.corstap")).expect("opened");
    let full =
        "CREATE TRIGGER full BEFORE INSERT ON exchange_row BEGIN SELECT RAISE(FAIL, 'full'); END";
    disk.execute_batch(full).expect("made");
    open.ended(Ending::Complete, None);
    request_on(&recorder, line.id()).ended(Ending::Complete, None);
    let waited = shown.recv_timeout(std::time::Duration::from_millis(100));
    assert!(waited.is_err(), "what is not committed is not shown");
    disk.execute_batch("DROP TRIGGER full").expect("dropped");
    for id in [1, 2] {
        let stored = shown.recv().expect("shown once it is committed");
        assert_eq!(
            (stored.recorded.id, stored.recorded.ending),
            (ExchangeId(id), Ending::Complete)
        );
    }
    drop((line, recorder));
    assert_eq!(writer.finish().lost, 0);
}

#[test]
fn files_of_a_capture_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let Scene {
        dir,
        writer,
        recorder,
        shown: _shown,
    } = scene();
    exchange(&recorder, "/a", None);
    for entry in fs::read_dir(dir.path()).expect("there") {
        let mode = entry
            .expect("one")
            .metadata()
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    drop(recorder);
    writer.finish();
}
