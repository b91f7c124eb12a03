//! What a report tells, as text.

use corstap::cors::Engine;
use corstap::report::paper::markdown::markdown;
use corstap::report::paper::{Group, curl, html, paper};

use crate::papers::{about, entry, failures, har_of, sources};
use crate::support::truth::cases;

fn told(id: &str) -> corstap::report::paper::Paper {
    let cases = cases();
    let case = cases.iter().find(|case| case.id() == id).expect("a case");
    failures(&sources(&case.har(Engine::Chromium)))
}

#[test]
fn a_refused_preflight_is_told_in_markdown() {
    insta::assert_snapshot!(markdown(&told("localhost-put-405")));
}

#[test]
fn a_story_with_redirects_is_told_in_markdown() {
    insta::assert_snapshot!(markdown(&told("redirect-cross-to-cross-exact")));
}

#[test]
fn an_origin_that_differs_is_marked_where_it_does() {
    let told = markdown(&told("acao-port-left-out"));
    let (_, rest) = told
        .split_once("- Access-Control-Allow-Origin: ")
        .expect("marked");
    let mut lines = rest.lines();
    assert_eq!(lines.next(), Some("https://app.example.test"));
    let told = markdown(&self::told("acao-wrong-scheme"));
    let (_, rest) = told
        .split_once("- Access-Control-Allow-Origin: http")
        .expect("marked");
    assert!(rest.lines().next().is_some(), "{told}");
}

#[test]
fn the_same_is_told_in_html_and_as_commands() {
    let told = told("localhost-put-405");
    insta::assert_snapshot!(curl::script(&told));
    let html = html::html(&told);
    for section in &told.sections {
        for message in section
            .messages
            .iter()
            .filter_map(|message| message.text.as_deref())
        {
            let inert = message.replace('\'', "&#39;");
            assert!(html.contains(&inert), "{message}");
        }
        assert!(html.contains(&section.cause));
    }
    assert!(!html.contains("<script") && html.contains("default-src 'none'"));
}

#[test]
fn failures_of_one_cause_are_one_section_with_a_count() {
    let origin = [
        ("Origin", "https://app.test"),
        ("User-Agent", "Mozilla/5.0 Chrome/156.0"),
    ];
    let entries: Vec<_> = (0..12)
        .map(|number| {
            entry(
                "GET",
                &format!("https://api.test/{number}"),
                &origin,
                200,
                &[],
            )
        })
        .collect();
    let sources = sources(&har_of(&entries));
    let group = Group {
        ids: sources.keys().copied().collect(),
    };
    let paper = paper(&about(), &[group], &sources);
    assert_eq!(paper.sections.len(), 1);
    assert_eq!(
        paper.title,
        "12 requests to https://api.test from https://app.test: each is blocked (allow-origin-missing)"
    );
    let told = markdown(&paper);
    assert!(
        told.contains("12 requests failed alike, the last of them:"),
        "{told}"
    );
    assert!(told.contains("- `#12` `GET https://api.test/11`"), "{told}");
}
