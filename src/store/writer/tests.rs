//! What the writer does when there is no room.

use super::*;
use crate::exchange::secret::Values;
use crate::exchange::{AskedUrl, Ending, Protocol, Request};
use crate::store::Capture;
use crate::store::capture::Which;
use crate::store::recorder::Arrival;

/// How many octets the files of a capture have.
fn octets(path: &Path) -> u64 {
    crate::store::lock::octets(path)
}

#[test]
fn a_full_capture_keeps_its_newest_exchanges_and_its_size() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("full.corstap");
    let redactor = Redactor::new(&[7; 32], Values::Harmless);
    let (writer, recorder, shown) =
        Writer::start_within(Size::LEAST, &path, redactor).expect("started");
    let client = "127.0.0.1:1".parse().expect("an address");
    let line = recorder.connected(Arrival::now(client), None);
    let names: Vec<String> = (0..512).map(|number| format!("X-Name-{number}")).collect();
    let mut most = 0;
    for number in 1..=1000_u64 {
        // The last one is like the first, whose text is gone with it.
        let number = if number == 1000 { 1 } else { number };
        let url = format!("https://api.test/{number}");
        // Small ones first: what is let go is not what came.
        let names = names.iter().take(if number < 300 { 8 } else { 512 });
        let request = Arc::new(Request {
            method: "GET".to_owned(),
            url: AskedUrl::parse(&url).expect("valid"),
            // No two alike, which would be kept once.
            headers: names.map(|name| (name, &url)).collect(),
        });
        let mut ticket = recorder.open(line.id(), Protocol::Http11, client, request);
        ticket.ended(Ending::Complete, None);
        // One by one, so that the file grows as it does when it is used.
        shown.recv().expect("shown once it is committed");
        most = most.max(octets(&path));
    }
    assert!(writer.losses().is_full());
    drop((line, recorder));
    assert_eq!(writer.finish().lost, 0);
    let Size(allowed) = Size::LEAST;
    assert!(most <= allowed && most > allowed / 2, "{most} octets");
    let capture = Capture::open(&path).expect("a capture");
    let mut kept = Vec::new();
    capture
        .exchanges::<Error>(Which::All, |stored| {
            kept.push(stored.recorded.id.0);
            Ok(())
        })
        .expect("read");
    let (first, last) = (kept[0], kept[kept.len() - 1]);
    assert!(
        first > 300 && last == 1000 && kept.len() > 100,
        "{first} to {last}"
    );
    assert_eq!(kept, (first..=last).collect::<Vec<_>>());
}
