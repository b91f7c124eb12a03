//! How fast a policy of 1,000 rules is read and linted, and how fast the rule for a request is found.
//!
//! `cargo bench --bench policy` measures.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that panics has failed"
)]

use std::fmt::Write;

use corstap::exchange::{Moment, RequestUrl};
use corstap::policy::Policy;

const RULES: usize = 1000;

fn main() {
    divan::main();
}

fn now() -> Moment {
    Moment::parse("2026-11-27T12:00:00Z").expect("valid")
}

/// Rules for many servers, each with a path, or all for one server and its paths.
fn text(servers: usize) -> String {
    let mut text = "version = 1\n".to_owned();
    for number in 0..RULES {
        let server = number % servers;
        let _ = write!(
            text,
            "[[rule]]\nname = \"rule {number}\"\norigins = [\"https://app{number}.example.test\", \"http://localhost:*\", \
             \"https://*.apps{number}.example.test\"]\ntargets = [\"https://api{server}.example.test/v1/area{number}\"]\n\
             methods = [\"PUT\", \"DELETE\"]\nrequest-headers = [\"authorization\", \"content-type\"]\ncredentials = false\n"
        );
    }
    text
}

#[divan::bench(args = [1, RULES])]
fn lint_of_1000_rules(bencher: divan::Bencher<'_, '_>, servers: usize) {
    let text = text(servers);
    bencher.bench_local(|| Policy::parse(text.as_bytes(), now()).findings.len());
}

#[divan::bench(args = [1, RULES])]
fn rule_for_among_1000(bencher: divan::Bencher<'_, '_>, servers: usize) {
    let policy = Policy::parse(text(servers).as_bytes(), now()).policy;
    let now = now();
    let requests: Vec<(String, RequestUrl)> = (0..RULES)
        .map(|number| {
            let server = number % servers;
            let url = format!("https://api{server}.example.test/v1/area{number}/users?page=2");
            let origin = match number % 3 {
                0 => format!("https://app{number}.example.test"),
                1 => "http://localhost:5173".to_owned(),
                _ => format!("https://pr-7.apps{number}.example.test"),
            };
            (origin, RequestUrl::parse(&url).expect("valid"))
        })
        .collect();
    let mut next = requests.iter().cycle();
    bencher.bench_local(|| {
        let (origin, url) = next.next().expect("endless");
        policy
            .rule_for(origin.as_bytes(), url, now)
            .expect("a rule")
            .max_age
    });
}
