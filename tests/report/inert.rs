//! What others wrote stays inert in every form of a report.

use corstap::report::paper::{Paper, curl, har, html, markdown};
use corstap::report::text;
use corstap::wire::headers::{from_latin1, latin1};
use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;

use crate::papers::{about, entry, failures, har_of, sources};

/// What does something somewhere.
const HOSTILE: &[&str] = &[
    "</code></pre><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "![x](https://evil.test/pixel)",
    "[x](javascript:alert(1))",
    "https://evil.test/ www.evil.test <https://evil.test>",
    "```\n# heading\n```",
    "``` `` `",
    "~~~",
    "| a | b |",
    "@team fixes #1 GH-2 owner/repo#3",
    "<!-- --> --> ]]> &lt; &#x3c;script&#x3e;",
    "\\`*_{}[]<>()#+-.!|",
    "\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J",
    "\u{202e}desrever\u{2066}\u{200f}\u{2028}\u{2029}\u{61c}",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "line\r\nX-Injected: yes\n\n- list",
    "\u{c3}\u{28}\u{ff}\u{fe}\u{80}",
    "$(touch hacked) `touch hacked` ;touch hacked|",
    "{{7*7}} ${7*7} <%= 7*7 %>",
    "$$\\frac{a}{b}$$ :smile: \u{0}",
];

/// A paper whose every value is hostile.
fn paper_of(hostile: &str) -> (Paper, String) {
    let origin = format!("https://app.test{hostile}");
    let name = format!("X-{hostile}");
    let agent = format!("Mozilla/5.0 Chrome/156.0 {hostile}");
    let asked = format!("x-a, {hostile}");
    let request = [
        ("Origin", origin.as_str()),
        ("User-Agent", &agent),
        (&name, hostile),
        ("Referer", &origin),
        ("Accept", hostile),
    ];
    let preflight = [
        ("Origin", origin.as_str()),
        ("User-Agent", &agent),
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Headers", &asked),
    ];
    let answer = [
        ("Access-Control-Allow-Origin", hostile),
        ("Access-Control-Allow-Methods", hostile),
        ("Access-Control-Allow-Headers", hostile),
        ("Location", &origin),
        ("Server", hostile),
        ("Content-Type", hostile),
        (&name, hostile),
    ];
    let url = format!("https://api.test/a/{hostile}?{hostile}=b");
    let entries = [
        entry("OPTIONS", &url, &preflight, 204, &answer),
        entry("GET", &url, &request, 200, &answer),
        entry("GET", &url, &request, 302, &answer),
    ];
    let sources = sources(&har_of(&entries));
    let har = har::har(&about(), sources.values());
    (failures(&sources), har)
}

/// Nothing that steers a terminal or turns the direction of writing.
fn assert_plain(told: &str, hostile: &str) {
    let steers = |character: &char| *character != '\n' && text::steers(*character);
    let found = told.chars().find(steers);
    assert!(found.is_none(), "{hostile:?}: {found:?} in {told}");
}

#[test]
fn on_a_terminal() {
    for hostile in HOSTILE {
        let entries = [entry(
            "GET",
            "https://api.test/a",
            &[("Origin", hostile), ("User-Agent", hostile)],
            200,
            &[
                ("Access-Control-Allow-Origin", hostile),
                ("Server", hostile),
            ],
        )];
        let view = text::View {
            offset: time::UtcOffset::UTC,
            width: None,
        };
        for source in sources(&har_of(&entries)).values() {
            let full = text::full(&source.recorded, &source.judgement, view);
            let line = text::line(&source.recorded, &source.judgement, view);
            for told in [full, line] {
                // Our own colours are gone then; what is left of others' would be seen.
                let own = told.replace("\u{1b}[0m", "");
                let own = ["1", "2", "31", "32", "33"]
                    .iter()
                    .fold(own, |own, colour| {
                        own.replace(&format!("\u{1b}[{colour}m"), "")
                    });
                if !hostile.contains("[31m") {
                    assert_plain(&own, hostile);
                }
                assert!(!own.contains("\u{1b}]") && !own.contains('\u{9b}'), "{own}");
            }
        }
    }
}

#[test]
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the rest is neither a link nor text"
)]
fn in_markdown() {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_GFM;
    for hostile in HOSTILE {
        let (paper, _) = paper_of(hostile);
        assert!(!paper.sections.is_empty());
        let told = markdown::markdown(&paper);
        assert_plain(&told, hostile);
        let mut is_code = false;
        for event in Parser::new_ext(&told, options) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => {
                    assert!(
                        ["<sub>", "</sub>"].contains(&html.trim()),
                        "{hostile:?}: {html}"
                    );
                }
                Event::Start(Tag::Link { dest_url, .. }) => {
                    assert!(
                        dest_url.starts_with("https://fetch.spec.whatwg.org/#"),
                        "{dest_url}"
                    );
                }
                Event::Start(Tag::Image { dest_url, .. }) => panic!("{hostile:?}: {dest_url}"),
                Event::Start(Tag::CodeBlock(_)) => is_code = true,
                Event::End(pulldown_cmark::TagEnd::CodeBlock) => is_code = false,
                Event::Text(text) if !is_code => {
                    for live in [
                        "evil.test",
                        "@team",
                        "#1",
                        "owner/repo#3",
                        "javascript:",
                        ":smile:",
                        "$$",
                    ] {
                        assert!(!text.contains(live), "{hostile:?}: {text}");
                    }
                }
                _ => {}
            }
        }
        let cells = told.lines().filter(|line| line.starts_with('|'));
        for cell in cells.flat_map(|line| line.split(" | ")) {
            let cell = cell.trim_start_matches(['|', ' ', '`']);
            let is_rule = cell.starts_with("---");
            assert!(is_rule || !cell.starts_with(['=', '+', '-', '@']), "{cell}");
        }
    }
}

#[test]
fn in_html() {
    const OWN: &[&str] = &[
        "!doctype", "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "nav",
        "ol", "ul", "li", "a", "section", "p", "pre", "span", "table", "tr", "th", "td", "code",
        "dl", "dt", "dd", "footer",
    ];
    const ATTRIBUTES: &[&str] = &[
        "lang=",
        "charset=",
        "http-equiv=",
        "content=",
        "name=",
        "id=\"f",
        "class=\"",
        "href=\"#f",
        "href=\"https://fetch.spec.whatwg.org/#",
        "rel=\"noreferrer\"",
    ];
    for hostile in HOSTILE {
        let (paper, _) = paper_of(hostile);
        let told = html::html(&paper);
        assert_plain(&told, hostile);
        for tag in told.split('<').skip(1) {
            let (tag, _) = tag.split_once('>').unwrap_or((tag, ""));
            let name = tag
                .trim_start_matches('/')
                .split([' ', '\n'])
                .next()
                .unwrap_or_default();
            assert!(OWN.contains(&name), "{hostile:?}: <{tag}>");
            if !matches!(name, "meta" | "!doctype") {
                for attribute in tag.split(' ').skip(1) {
                    let is_own = ATTRIBUTES.iter().any(|own| attribute.starts_with(own));
                    assert!(is_own, "{hostile:?}: <{tag}>");
                }
            }
        }
    }
}

#[test]
fn in_har_and_json() {
    for hostile in HOSTILE {
        let (paper, har) = paper_of(hostile);
        assert_plain(&har, hostile);
        let har: Value = serde_json::from_str(&har).expect("JSON");
        let fields = har["log"]["entries"][1]["response"]["headers"]
            .as_array()
            .expect("fields");
        let server = fields
            .iter()
            .find(|field| field["name"] == "Server")
            .expect("there");
        // The reader of HAR files takes folded lines for one.
        let one_line = hostile.replace("\r\n", " ").replace('\n', " ");
        let octets = from_latin1(one_line.trim_matches([' ', '\t']));
        assert_eq!(server["value"], latin1(&octets).as_ref());
        let json = corstap::term::Terminal::json_line(&paper).expect("written");
        assert_eq!(json.matches('\n').count(), 1);
        assert_plain(&json, hostile);
        assert!(serde_json::from_str::<Value>(&json).is_ok());
    }
}

#[test]
fn in_commands() {
    for hostile in HOSTILE {
        let (paper, _) = paper_of(hostile);
        let script = curl::script(&paper);
        assert!(
            script
                .bytes()
                .all(|octet| matches!(octet, b'\n' | b' '..=b'~')),
            "{script}"
        );
    }
}
