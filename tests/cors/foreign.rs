//! HAR files that other tools wrote: what they tell of the same page (`tests/hars`), and what they leave
//! open.

use corstap::cors::verdict::PreflightBecause;
use corstap::cors::{Kind, Outcome};
use corstap::exchange::secret::{Redactor, Values};
use corstap::report::har::{self, Doubts};
use corstap::report::offline::{self, Told};

fn told(name: &str) -> (Vec<Told>, Doubts) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/har");
    let file = std::fs::read(folder.join(name).with_extension("har")).expect("the file is there");
    let imported = har::parse(&file).expect("a HAR file");
    let redactor = Redactor::new(&[7; 32], Values::Harmless);
    (offline::tell(&imported.events, &redactor), imported.doubts)
}

/// What is said of each request to the API: method, path, outcome and cause.
fn said(told: &[Told]) -> Vec<String> {
    let to_api = told
        .iter()
        .filter(|one| !one.recorded.request.url.contains("//localhost"));
    let line = |one: &Told| {
        let request = &one.recorded.request;
        let path = request.url.rsplit('/').next().unwrap_or_default();
        let answer = &one.judgement.verdict.answer;
        let cause = answer.cause.map_or("", |cause| cause.name());
        format!(
            "{} {path} {} {cause}",
            request.method,
            answer.outcome.name()
        )
    };
    to_api
        .map(line)
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[test]
fn a_proxy_saw_everything_and_its_file_is_judged_like_the_wire() {
    let (told, doubts) = told("mitmproxy");
    assert_eq!(doubts, Doubts::default());
    assert_eq!(
        said(&told),
        [
            "GET allowed allowed",
            "GET missing blocked allow-origin-missing",
            "GET wildcard blocked wildcard-with-credentials",
            "OPTIONS put405 blocked allow-origin-missing",
            "OPTIONS put allowed",
            "PUT put allowed",
            "OPTIONS header blocked header-not-allowed",
            "GET redirect allowed",
            "GET allowed allowed",
            "GET gone failed no-response",
            "GET allowed exempt",
        ]
    );
    let links = &told
        .iter()
        .find(|one| one.recorded.request.method == "PUT")
        .expect("there")
        .judgement
        .links;
    assert_eq!(links.preflight_because, Some(PreflightBecause::Sent));
}

#[test]
fn what_chromium_keeps_to_itself_is_left_open_and_counted() {
    let (told, doubts) = told("playwright");
    let said = said(&told);
    for path in ["missing", "wildcard", "put405", "header"] {
        let line = said.iter().find(|line| line.contains(path)).expect("there");
        assert!(line.contains("pending"), "{line}");
    }
    assert!(said.contains(&"GET gone failed".to_owned()), "{said:#?}");
    assert!(
        said.iter().all(|line| !line.contains("blocked")),
        "{said:#?}"
    );
    assert_eq!((doubts.silent, doubts.skipped, doubts.late), (4, 0, 0));
    assert!(doubts.provisional >= 5, "{doubts:?}");
    let unasked =
        |one: &&Told| one.judgement.links.preflight_because == Some(PreflightBecause::Missing);
    assert_eq!(told.iter().filter(unasked).count(), 1);
}

#[test]
fn firefox_lists_requests_before_their_preflights_and_ports_for_connections() {
    let (told, doubts) = told("firefox");
    assert_eq!(
        said(&told),
        [
            "GET allowed allowed",
            "GET missing blocked allow-origin-missing",
            "GET wildcard blocked wildcard-with-credentials",
            "OPTIONS put405 blocked allow-origin-missing",
            "OPTIONS put allowed",
            "PUT put allowed",
            "OPTIONS header blocked header-not-allowed",
            "GET redirect allowed",
            "GET allowed allowed",
            "GET gone pending",
            "GET allowed exempt",
        ]
    );
    let put = told
        .iter()
        .find(|one| one.recorded.request.method == "PUT")
        .expect("there");
    assert_eq!(
        put.judgement.links.preflight_because,
        Some(PreflightBecause::Sent)
    );
    assert_eq!((doubts.unsent, doubts.silent), (2, 1), "{doubts:?}");
}

#[test]
fn charles_lists_pseudo_fields_and_keeps_what_failed() {
    let (told, doubts) = told("charles-from-documentation");
    assert_eq!(
        said(&told),
        [
            "OPTIONS users blocked allow-origin-missing",
            "GET broken failed no-response"
        ]
    );
    assert_eq!(doubts, Doubts::default());
    let first = &told[0].recorded.request;
    assert!(first.headers.iter().all(|(name, _)| !name.starts_with(':')));
}

#[test]
fn http_toolkit_has_an_answer_of_status_0_where_there_was_none() {
    let (told, doubts) = told("http-toolkit-from-documentation");
    assert_eq!(
        said(&told),
        [
            "GET users blocked allow-origin-mismatch",
            "GET broken pending"
        ]
    );
    assert_eq!((doubts.silent, doubts.skipped), (1, 1));
    assert!(
        told.iter()
            .all(|one| one.judgement.kind == Kind::CrossOrigin)
    );
    assert_eq!(told[1].judgement.verdict.answer.outcome, Outcome::Pending);
}
