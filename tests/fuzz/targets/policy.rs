//! Policies: whatever octets a file has, each finding has a place in it; and what is understood is
//! written and understood again.
#![no_main]

use corstap::exchange::{Moment, RequestUrl};
use corstap::policy::Policy;
use corstap::report::lint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let now = Moment::parse("2026-11-27T12:00:00Z").expect("valid");
    let parsed = Policy::parse(data, now);
    let lines = parsed.text.lines().count().max(1);
    for finding in &parsed.findings {
        assert!((1..=lines + 1).contains(&finding.place.line), "{finding:?}");
        assert!(!lint::why(finding).contains("{value}") || parsed.text.contains("{value}"));
    }
    let url = RequestUrl::parse("https://api.test/a/../%2e/b;c//d").expect("valid");
    for rule in parsed.policy.rules() {
        for pattern in &rule.origins {
            let origin = pattern.to_string();
            let found = parsed.policy.rule_for(origin.as_bytes(), &url, now);
            let scanned = parsed.policy.rules().iter().find(|rule| !rule.has_expired(now) && rule.covers(origin.as_bytes(), &url));
            assert_eq!(found, scanned);
            for target in &rule.targets {
                // What is in ASCII is quoted in TOML as it is in Rust.
                let (origin, target_text) = (&origin, target.to_string());
                let text = format!(
                    "version = 1\n[[rule]]\nname = 'a'\norigins = [{origin:?}]\ntargets = [{target_text:?}]\n"
                );
                let again = Policy::parse(text.as_bytes(), now);
                let again = again.policy.rules().first().expect("a rule");
                assert_eq!((&again.origins[..], &again.targets[..]), (&[pattern.clone()][..], &[target.clone()][..]));
            }
        }
    }
});
