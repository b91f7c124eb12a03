//! Where and how a failure was seen.

use std::collections::BTreeSet;

use super::ask::is_repeatable;
use super::chain::{plain, story};
use super::{About, Fact, Source, Sources};
use crate::cors::{CredentialsMode, Judgement};
use crate::exchange::Protocol;
use crate::exchange::secret::{Value, WITHHELD};

/// Where and how a failure was seen.
pub(super) fn environment(about: &About, source: &Source, sources: &Sources) -> Vec<Fact> {
    let (recorded, judgement) = source.pair();
    let reach = &recorded.reach;
    let certificate = reach.unverified.as_ref().map(|unverified| {
        let fault = unverified
            .fault
            .as_deref()
            .unwrap_or("it would have passed");
        format!("not verified (--upstream-insecure): {fault}")
    });
    let agent = plain(&recorded.request.headers, "user-agent");
    let facts = [
        ("seen", Some(recorded.started.rfc3339())),
        ("browser", agent.map(str::to_owned)),
        ("protocol", Some(protocol(recorded.protocol).to_owned())),
        ("page", judgement.origin.clone()),
        ("credentials", Some(credentials(judgement).to_owned())),
        (
            "server reached at",
            reach.server.map(|address| address.to_string()),
        ),
        ("through the proxy", reach.via.as_deref().map(str::to_owned)),
        ("certificate", certificate),
        ("withheld", withheld(source, sources)),
        ("changed by corstap", Some(changed(source))),
        (
            "capture",
            Some(format!("{}, exchange #{}", about.capture, recorded.id.0)),
        ),
        ("corstap", Some(env!("CARGO_PKG_VERSION").to_owned())),
    ];
    let told = facts.into_iter();
    told.filter_map(|(name, value)| {
        Some(Fact {
            name,
            value: value?,
        })
    })
    .collect()
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http10 => "HTTP/1.0",
        Protocol::Http11 => "HTTP/1.1",
        Protocol::Http2 => "HTTP/2",
    }
}

fn credentials(judgement: &Judgement) -> &'static str {
    match judgement.verdict.credentials.mode {
        Some(CredentialsMode::Include) => "included",
        Some(CredentialsMode::Omit) => "omitted",
        None => "not to be told from the wire",
    }
}

/// Whether the browser got what the server sent.
fn changed(source: &Source) -> String {
    match &source.recorded.rewrite {
        Some(rewrite) => format!(
            "the answer, by the rule “{}” of the user's policy; the verdict is about what the server sent",
            rewrite.rule
        ),
        None => "nothing".to_owned(),
    }
}

/// The names of the fields whose values are not told.
fn withheld(source: &Source, sources: &Sources) -> Option<String> {
    let mut names = BTreeSet::new();
    for step in story(source, sources) {
        let Some(one) = sources.get(&step.id) else {
            continue;
        };
        let sent = one
            .recorded
            .sent
            .iter()
            .flat_map(|sent| sent.headers.iter());
        for (name, value) in one.recorded.request.headers.iter().chain(sent) {
            if matches!(value, Value::Withheld(_)) && is_repeatable(name) {
                names.insert(name.to_ascii_lowercase());
            }
        }
        if step.url.contains(WITHHELD) {
            names.insert("parts of URLs".to_owned());
        }
    }
    let names: Vec<String> = names.into_iter().collect();
    (!names.is_empty()).then(|| names.join(", "))
}
