//! The catalogue: every code there is, what it means, what each engine prints for it, and what to
//! do about it.
#![doc = include_str!("catalogue.md")]
#![expect(
    clippy::doc_markdown,
    reason = "the page is prose, as it is on a terminal"
)]

mod cause;
mod printed;

use std::borrow::Cow;
use std::fmt::Write;

use serde::Serialize;

pub use self::cause::{field, meaning, remedy};
pub(super) use self::printed::{printed, says};

use self::cause::usual_roots;
use crate::cors::{Cause, Engine, LookAlike, Root};
use crate::policy::finding::Code;
use crate::policy::mistake::Mistake;
use crate::report::lint;

/// What is said of a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The code.
    pub code: &'static str,
    /// What it is.
    pub layer: Layer,
    /// What it means.
    pub means: Cow<'static, str>,
    /// What the engines print for it.
    pub printed: Vec<Printed>,
    /// The usual roots of a cause.
    pub roots: Vec<Root>,
    /// What to do about it.
    pub remedy: &'static str,
    /// Where the standard has it, as a URL.
    pub standard: Option<String>,
}

/// What a code is: of which layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// What the browser enforces.
    Cause,
    /// Which layer of the server is at fault beneath it.
    Root,
    /// What is taken for CORS and is not.
    LookAlike,
    /// What becomes of a connection, so that there is no exchange to judge.
    Connection,
    /// What is wrong with a policy.
    Policy,
    /// What a probe shows of a server.
    Server,
}

/// What is told of connections: code, meaning, remedy.
const CONNECTIONS: [(&str, &str, &str); 2] = [
    (
        "ca-not-trusted",
        "The browser refuses corstap's certificate, so it gets no further. It has accepted none for another host in this \
         run, which means that it does not trust corstap's CA.",
        "In the browser: trust the CA. `corstap ca show` says where it is and how.",
    ),
    (
        "pinned",
        "The browser refuses corstap's certificate for this host alone: it has accepted others in this run, so it knows \
         the server's own by heart. The host is tunnelled unread for it from then on.",
        "In the browser or app: switch its pinning off for development, if its exchanges are to be read. Another profile \
         of the same browser that does not trust the CA looks the same: trust it there, too.",
    ),
];

/// What browsers refuse without asking a server, or without saying why: code, meaning, remedy.
const IN_THE_BROWSER: [(&str, &str, &str); 7] = [
    (
        "csp",
        "This is not CORS: the page's own Content-Security-Policy forbids the load. No request is made.",
        "On the page's server: name the target in the directive that the message names (connect-src for fetch and \
         XMLHttpRequest).",
    ),
    (
        "mixed-content-blocked",
        "This is not CORS: a page that is served over https asks for something over http. No request is made.",
        "In the page: ask for https. For development: localhost and 127.0.0.1 may be asked over http.",
    ),
    (
        "sri",
        "This is not CORS: the page gives a digest (integrity) that the answer does not have, or that cannot be compared \
         because the load is made without CORS.",
        "In the page: correct the integrity attribute, and add crossorigin where the answer comes from another origin.",
    ),
    (
        "refused-before-network",
        "This is not CORS: the browser takes no such request from a page: a method, a scheme or a URL with a password in \
         it that it forbids. No request is made.",
        "In the page: ask in another way.",
    ),
    (
        "blocked-in-browser",
        "This is not CORS: an extension of the browser, as an ad blocker, has stopped the request.",
        "In the browser: switch the extension off for this page, or try a fresh profile.",
    ),
    (
        "aborted-by-script",
        "This is not CORS: the page itself gave the request up, or was left.",
        "In the page: look at what aborts it: an AbortController, a timeout, or a form that is submitted meanwhile.",
    ),
    (
        "no-reason-given",
        "A page is told nothing more than this, whatever went wrong: CORS, the network, or an extension.",
        "Look for another line in the console, which has the reason; or point the browser at `corstap run`, and ask again.",
    ),
];

/// What an engine prints for a cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Printed {
    /// The engine.
    pub engine: Engine,
    /// Its code, or the name given here to its text.
    pub code: &'static str,
    /// What it says; `…` stands for what its message names.
    pub says: &'static str,
}

/// Everything in the catalogue.
pub fn all() -> Vec<Entry> {
    let causes = Cause::ALL.into_iter().map(of_cause);
    let roots = Root::ALL.into_iter().map(of_root);
    let look_alikes = LookAlike::ALL.into_iter().map(of_look_alike);
    let connections = CONNECTIONS.into_iter().map(of_connection);
    let browser = IN_THE_BROWSER.into_iter().map(of_browser);
    let exchanges = causes.chain(roots).chain(look_alikes).chain(browser);
    let policies = Code::ALL.iter().copied().map(of_policy);
    let servers = Mistake::ALL.iter().copied().map(of_server);
    exchanges
        .chain(connections)
        .chain(policies)
        .chain(servers)
        .collect()
}

/// The causes for which an engine prints a code.
pub(in crate::report) fn printed_for(engine: Engine, code: &str) -> Vec<Entry> {
    let is_it = |printed: &Printed| printed.engine == engine && printed.code == code;
    let causes = Cause::ALL.into_iter();
    causes
        .filter(|cause| printed(*cause).iter().any(is_it))
        .map(of_cause)
        .collect()
}

/// What a code is about: a code of ours, or one that an engine prints.
pub fn find(code: &str) -> Vec<Entry> {
    let wanted = code.trim_end_matches(|last: char| last.is_ascii_digit());
    let is_it = |entry: &Entry| {
        entry.code.eq_ignore_ascii_case(code)
            || entry
                .printed
                .iter()
                .any(|printed| printed.code.eq_ignore_ascii_case(wanted))
    };
    let mut found = all();
    found.retain(is_it);
    found
}

fn of_cause(cause: Cause) -> Entry {
    Entry {
        code: cause.name(),
        layer: Layer::Cause,
        means: meaning(cause).into(),
        printed: printed(cause),
        roots: usual_roots(cause),
        remedy: remedy(cause),
        standard: Some(format!(
            "https://fetch.spec.whatwg.org/#{}",
            cause.fetch_fragment()
        )),
    }
}

fn of_root(root: Root) -> Entry {
    Entry {
        code: root.name(),
        layer: Layer::Root,
        means: root.meaning().into(),
        printed: Vec::new(),
        roots: Vec::new(),
        remedy: root.remedy(),
        standard: None,
    }
}

fn of_look_alike(look_alike: LookAlike) -> Entry {
    Entry {
        code: look_alike.name(),
        layer: Layer::LookAlike,
        means: format!("This is not CORS: {}.", look_alike.words()).into(),
        printed: Vec::new(),
        roots: Vec::new(),
        remedy: look_alike.remedy(),
        standard: None,
    }
}

fn of_browser((code, means, remedy): (&'static str, &'static str, &'static str)) -> Entry {
    Entry {
        code,
        layer: Layer::LookAlike,
        means: means.into(),
        printed: Vec::new(),
        roots: Vec::new(),
        remedy,
        standard: None,
    }
}

fn of_connection((code, means, remedy): (&'static str, &'static str, &'static str)) -> Entry {
    Entry {
        code,
        layer: Layer::Connection,
        means: means.into(),
        printed: Vec::new(),
        roots: Vec::new(),
        remedy,
        standard: None,
    }
}

fn of_policy(code: Code) -> Entry {
    Entry {
        code: code.name(),
        layer: Layer::Policy,
        means: lint::meaning(code).into(),
        printed: Vec::new(),
        roots: Vec::new(),
        remedy: lint::words::of(code).todo,
        standard: None,
    }
}

fn of_server(mistake: Mistake) -> Entry {
    Entry {
        code: mistake.code(),
        layer: Layer::Server,
        means: mistake.why().into(),
        printed: Vec::new(),
        roots: Vec::new(),
        remedy: mistake.remedy(),
        standard: None,
    }
}

impl Layer {
    const ALL: [Self; 6] = [
        Self::Cause,
        Self::Root,
        Self::LookAlike,
        Self::Connection,
        Self::Policy,
        Self::Server,
    ];

    /// The heading above its codes.
    fn title(self) -> &'static str {
        match self {
            Self::Cause => "Causes: what the browser enforces",
            Self::Root => "Roots: which layer of the server is at fault",
            Self::LookAlike => "Look-alikes: what is not CORS",
            Self::Connection => "Connections: what leaves nothing to judge",
            Self::Policy => "Policies: what is wrong with a policy file",
            Self::Server => "Servers: what a probe shows beside a policy",
        }
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cause => "cause",
            Self::Root => "root",
            Self::LookAlike => "not-cors",
            Self::Connection => "tls",
            Self::Policy => "policy",
            Self::Server => "server",
        }
    }
}

/// The catalogue as a page of Markdown.
pub fn page() -> String {
    let mut page = String::new();
    let all = all();
    for layer in Layer::ALL {
        let _ = write!(page, "\n# {}\n", layer.title());
        for entry in all.iter().filter(|entry| entry.layer == layer) {
            write_entry(&mut page, entry);
        }
    }
    page
}

/// Prose as Markdown: what would be markup in it is none, and URLs are code, not links.
fn plain(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.find("https://") {
        Some(start) if !word.contains('`') => {
            let (before, url) = word.split_at(start);
            let core = url.trim_end_matches(['.', ',', ':', ')']);
            format!(
                "{before}`{core}`{}",
                url.get(core.len()..).unwrap_or_default()
            )
        }
        Some(_) | None => word.replace('*', "\\*").replace('[', "\\["),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn write_entry(page: &mut String, entry: &Entry) {
    let _ = write!(page, "\n## `{}`\n\n{}\n", entry.code, plain(&entry.means));
    if !entry.printed.is_empty() {
        page.push_str("\n| | code | says |\n| --- | --- | --- |\n");
    }
    for printed in &entry.printed {
        let engine = printed.engine.title();
        let _ = writeln!(
            page,
            "| {engine} | `{}` | {} |",
            printed.code,
            plain(printed.says)
        );
    }
    let _ = write!(page, "\n{}\n", plain(entry.remedy));
    if !entry.roots.is_empty() {
        let roots: Vec<String> = entry
            .roots
            .iter()
            .map(|root| format!("`{}`", root.name()))
            .collect();
        let _ = write!(page, "\nUsual roots: {}.\n", roots.join(", "));
    }
    if let Some(standard) = &entry.standard {
        let _ = write!(page, "\nIn the standard: <{standard}>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_own_name() {
        for entry in all() {
            assert!(
                find(entry.code)
                    .iter()
                    .any(|found| found.code == entry.code),
                "{}",
                entry.code
            );
            assert!(entry.means.ends_with('.') && entry.remedy.ends_with(['.', '?', ')']));
        }
    }

    #[test]
    fn a_code_that_an_engine_prints_leads_to_its_causes() {
        let codes =
            |printed| -> Vec<&str> { find(printed).into_iter().map(|entry| entry.code).collect() };
        assert_eq!(codes("PreflightInvalidStatus"), ["preflight-status"]);
        assert_eq!(codes("CORSMissingAllowOrigin2"), ["allow-origin-missing"]);
        assert_eq!(
            codes("MethodDisallowedByPreflightResponse"),
            [
                "method-not-allowed",
                "method-case",
                "method-wildcard-credentialed"
            ]
        );
        assert_eq!(codes("nonsense"), [""; 0]);
    }

    #[test]
    fn every_cause_that_an_engine_has_a_code_for_has_its_words() {
        for entry in all() {
            for printed in entry.printed {
                assert!(!printed.says.is_empty(), "{} {}", entry.code, printed.code);
            }
        }
    }

    #[test]
    fn the_page_in_the_documentation_is_this_catalogue() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/report/catalogue/catalogue.md"
        );
        if std::env::var_os("CORSTAP_WRITE_CATALOGUE").is_some() {
            std::fs::write(file, page()).expect("written");
        }
        assert!(
            page() == include_str!("catalogue.md"),
            "it has changed: CORSTAP_WRITE_CATALOGUE=1 cargo test --lib catalogue, then once more"
        );
    }
}
