//! The doctor and the clock: what tells that it is wrong, without asking anybody.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use corstap::clock;
use corstap::exchange::secret::{Redactor, Values};
use corstap::exchange::{AskedUrl, Ending, Protocol, Reach, Request, Response};
use corstap::private::PrivateDir;
use corstap::store::Writer;
use corstap::store::recorder::Arrival;
use corstap::wire::headers::HeaderList;
use time::format_description::well_known::Rfc2822;

use super::doctor::{ca, doctor, finds, finds_wrong};

#[test]
fn a_clock_that_is_behind_is_found_by_what_was_written_before() {
    let home = tempfile::tempdir().expect("a directory");
    let certificate = ca(home.path()).join("ca.pem");
    let later = SystemTime::now() + Duration::from_hours(2);
    let file = fs::File::options()
        .write(true)
        .open(certificate)
        .expect("there");
    file.set_modified(later).expect("set");
    finds_wrong(&mut doctor(home.path()), "clock", "s from now");
}

/// A capture of answers from two hosts elsewhere, and one of this machine, in which the servers' clocks are so
/// many seconds ahead of ours.
fn answered(home: &Path, ahead: i64, more: Option<(&str, &str)>) -> PathBuf {
    let dir = PrivateDir::open(&home.join(".local/state/corstap/captures")).expect("made");
    let redactor = Redactor::new(&[7; 32], Values::Harmless);
    let file = dir.join("20260101T000000000Z-1.corstap");
    let (writer, recorder, _) = Writer::start(&file, redactor).expect("started");
    let client = "127.0.0.1:1".parse().expect("an address");
    let line = recorder.connected(Arrival::now(client), None);
    let date = clock::now().utc() + time::Duration::seconds(ahead);
    let date = date
        .format(&Rfc2822)
        .expect("a date")
        .replace("+0000", "GMT");
    for (host, address) in [
        ("https://api.example.com", "192.0.2.1:443"),
        ("https://cdn.example.net", "192.0.2.2:443"),
        ("https://app.test", "127.0.0.1:443"),
    ] {
        let request = Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse(host).expect("valid"),
            headers: HeaderList::default(),
        };
        let mut ticket = recorder.open(line.id(), Protocol::Http11, client, Arc::new(request));
        ticket.reached(&Reach::at(address.parse().expect("an address")));
        let fields = [Some(("Date", &*date)), more];
        ticket.answered(Arc::new(Response {
            status: 200,
            headers: fields.into_iter().flatten().collect(),
        }));
        ticket.ended(Ending::Complete, None);
    }
    drop((line, recorder));
    writer.finish();
    file
}

#[test]
fn a_clock_that_servers_elsewhere_disagree_with_is_found_by_the_dates_of_their_answers() {
    for (ahead, said) in [
        (7200, "s behind those of api.example.com, cdn.example.net"),
        (
            -7200,
            "s ahead of those of api.example.com, cdn.example.net",
        ),
    ] {
        let home = tempfile::tempdir().expect("a directory");
        answered(home.path(), ahead, None);
        finds_wrong(&mut doctor(home.path()), "clock", said);
    }
    // A second or two is no matter, and what a cache has kept is of another time.
    for (ahead, more) in [(2, None), (-7200, Some(("Age", "7200")))] {
        let home = tempfile::tempdir().expect("a directory");
        answered(home.path(), ahead, more);
        let found = finds(&mut doctor(home.path()), "clock");
        assert!(found[0].0 == "ok", "{found:?}");
    }
}

#[test]
fn a_capture_that_was_begun_later_than_now_says_that_the_clock_is_behind() {
    let home = tempfile::tempdir().expect("a directory");
    let file = answered(home.path(), 0, None);
    let later = clock::now().plus(Duration::from_hours(2)).rfc3339();
    let capture = rusqlite::Connection::open(file).expect("a capture");
    let begun = "UPDATE capture SET value = ?1 WHERE key = 'started'";
    assert_eq!(capture.execute(begun, [later]), Ok(1));
    finds_wrong(
        &mut doctor(home.path()),
        "clock",
        "the newest capture was begun 7",
    );
}
