//! Origins and targets as people write them: understood, or told what to write instead.

use super::finding::Code;
use super::origin::is_custom;
use super::path;
use super::pattern::{HostPattern, OriginPattern, Port, WebPattern};
use super::target::Target;
use crate::exchange::secret::WITHHELD;
use crate::exchange::{RequestUrl, Scheme};
use crate::wire::target::Host;

/// Why a text is none of what it has to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misspelt {
    pub(super) code: Code,
    pub(super) instead: Option<String>,
}

impl Misspelt {
    fn as_(code: Code) -> Self {
        Self {
            code,
            instead: None,
        }
    }

    /// The text to write instead is offered if it is right itself.
    fn better(code: Code, instead: String) -> Self {
        Self {
            code,
            instead: origin(&instead).is_ok().then_some(instead),
        }
    }
}

/// Schemes whose pages have the origin `null`, or that no page has.
const WITHOUT_PAGES: [&str; 8] = [
    "about",
    "blob",
    "data",
    "file",
    "ftp",
    "javascript",
    "ws",
    "wss",
];

/// Understands a pattern of origins. Browsers compare origins octet by octet with what a server
/// sends, so what is not spelt as they do never matches.
pub(super) fn origin(text: &str) -> Result<OriginPattern, Misspelt> {
    match text {
        "*" => return Ok(OriginPattern::Any),
        "null" => return Ok(OriginPattern::Null),
        _ => {}
    }
    check_is_one(text)?;
    if is_regex(text) {
        return Err(Misspelt::as_(Code::OriginRegex));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        let host = text.trim_start_matches('/');
        return Err(Misspelt::better(
            Code::OriginNoScheme,
            format!("https://{host}"),
        ));
    };
    if scheme.bytes().any(|octet| octet.is_ascii_uppercase()) {
        return Err(spelt_by_browsers(Code::OriginUpperCase, text));
    }
    match scheme {
        "https" => web(Scheme::Https, rest, text),
        "http" => web(Scheme::Http, rest, text),
        _ if WITHOUT_PAGES.contains(&scheme) => {
            let web = scheme
                .strip_prefix("ws")
                .map(|secure| format!("http{secure}://{rest}"));
            Err(web.map_or(Misspelt::as_(Code::OriginScheme), |web| {
                Misspelt::better(Code::OriginScheme, web)
            }))
        }
        _ => custom(scheme, rest, text),
    }
}

fn custom(scheme: &str, rest: &str, text: &str) -> Result<OriginPattern, Misspelt> {
    match rest.strip_suffix('/') {
        _ if is_custom(scheme, rest) => Ok(OriginPattern::Custom(text.into())),
        Some(host) => Err(Misspelt::better(
            Code::OriginTrailingSlash,
            format!("{scheme}://{host}"),
        )),
        None => Err(Misspelt::as_(Code::OriginInvalid)),
    }
}

/// One text is one origin, without blanks around it.
fn check_is_one(text: &str) -> Result<(), Misspelt> {
    let is_between = |character: char| character == ',' || character.is_whitespace();
    let pieces: Vec<&str> = text
        .split(is_between)
        .filter(|piece| !piece.is_empty())
        .collect();
    match pieces.as_slice() {
        [one] if *one == text => Ok(()),
        [one] => Err(Misspelt::better(Code::OriginInvalid, (*one).to_owned())),
        [] => Err(Misspelt::as_(Code::OriginInvalid)),
        several => Err(Misspelt {
            code: Code::OriginList,
            instead: Some(several.join("\", \"")),
        }),
    }
}

/// Whether somebody meant a regular expression.
fn is_regex(text: &str) -> bool {
    let marks = [
        "\\.", "\\/", "\\d", "\\w", ".*", ".+", "[^", "(", ")", "|", "://[",
    ];
    let is_literal = text
        .split_once("://[")
        .is_some_and(|(_, rest)| rest.contains(':'));
    text.starts_with('^')
        || text.ends_with('$')
        || marks.iter().any(|mark| {
            text.contains(mark)
                && (*mark != "://[" || !is_literal)
                && !(*mark == ".*" && text.ends_with(".*"))
        })
}

fn web(scheme: Scheme, rest: &str, text: &str) -> Result<OriginPattern, Misspelt> {
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains('@') || !matches!(path, "" | "/") {
        return Err(spelt_by_browsers(Code::OriginPath, text));
    }
    if path == "/" {
        let bare = text.trim_end_matches('/');
        return Err(spelt_by_browsers(Code::OriginTrailingSlash, bare));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let host = host_pattern(scheme, host, text)?;
    let port = port_pattern(scheme, port, text)?;
    Ok(OriginPattern::Web(WebPattern { scheme, host, port }))
}

fn port_pattern(scheme: Scheme, port: Option<&str>, text: &str) -> Result<Port, Misspelt> {
    let number = match port {
        None => return Ok(Port::Exact(scheme.default_port())),
        Some("*") => return Ok(Port::Any),
        Some(number) => number,
    };
    let bare = || {
        text.strip_suffix(number)
            .unwrap_or(text)
            .trim_end_matches(':')
            .to_owned()
    };
    let parsed: Option<u16> = number.parse().ok().filter(|port| *port > 0);
    match parsed {
        Some(port) if port == scheme.default_port() => {
            Err(Misspelt::better(Code::OriginDefaultPort, bare()))
        }
        Some(port) if port.to_string() == number => Ok(Port::Exact(port)),
        Some(port) => Err(Misspelt::better(
            Code::OriginInvalid,
            format!("{}:{port}", bare()),
        )),
        None if number.is_empty() => Err(Misspelt::better(Code::OriginInvalid, bare())),
        None => Err(Misspelt::as_(Code::OriginInvalid)),
    }
}

fn host_pattern(scheme: Scheme, host: &str, text: &str) -> Result<HostPattern, Misspelt> {
    let Some((before, after)) = host.split_once('*') else {
        return Ok(HostPattern::Exact(exact_host(host, text)?));
    };
    if let ("", Some(parent)) = (
        before,
        after
            .strip_prefix('.')
            .filter(|parent| !parent.contains('*')),
    ) {
        return match exact_host(parent, text)? {
            Host::Name(parent) => Ok(HostPattern::Below(parent)),
            Host::Ip(_) => Err(Misspelt::as_(Code::OriginInvalid)),
        };
    }
    if after.is_empty() || after.starts_with('.') {
        return Err(Misspelt::as_(Code::OriginPrefix));
    }
    let below = format!("{}://*.{}", scheme.name(), after.trim_start_matches('-'));
    Err(Misspelt::better(Code::OriginSuffix, below))
}

fn exact_host(host: &str, text: &str) -> Result<Host, Misspelt> {
    if !host.is_ascii() {
        return Err(spelt_by_browsers(Code::OriginUnicode, text));
    }
    let Some(parsed) = Host::parse(host.as_bytes()) else {
        return Err(Misspelt::as_(Code::OriginInvalid));
    };
    if parsed.to_string() == host {
        return Ok(parsed);
    }
    let code = match parsed {
        Host::Ip(_) => Code::OriginAddress,
        Host::Name(_) => Code::OriginUpperCase,
    };
    Err(spelt_by_browsers(code, text))
}

/// The origin as browsers spell it is what to write instead; a pattern is spelt with a name in
/// place of its asterisk.
fn spelt_by_browsers(code: Code, text: &str) -> Misspelt {
    const STAND_IN: &str = "corstap-stands-in-here.";
    let any_port = text.ends_with(":*");
    let plain = text
        .strip_suffix(":*")
        .unwrap_or(text)
        .replacen("*.", STAND_IN, 1);
    let Some(url) = RequestUrl::parse(&plain) else {
        return Misspelt::as_(code);
    };
    let spelt = url.origin().replacen(STAND_IN, "*.", 1);
    let port = if any_port { ":*" } else { "" };
    Misspelt::better(code, format!("{spelt}{port}"))
}

/// Understands a target: the origin of a server, and perhaps a path.
pub(super) fn target(text: &str) -> Result<Target, Misspelt> {
    let offer = |code, instead: String| Misspelt {
        code,
        instead: (instead != text && target(&instead).is_ok()).then_some(instead),
    };
    if let Some((before, _)) = text.split_once('*') {
        let before = before.trim_end_matches(['/', ':', '.']).to_owned();
        return Err(offer(Code::TargetPattern, before));
    }
    let lower = text.to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        let host = text.rsplit("://").next().unwrap_or_default();
        return Err(offer(Code::TargetInvalid, format!("https://{host}")));
    }
    let is_plain = !text.contains(WITHHELD) && !text.chars().any(char::is_whitespace);
    let Some(url) = RequestUrl::parse(text).filter(|_| is_plain) else {
        return Err(Misspelt::as_(Code::TargetInvalid));
    };
    let after = text
        .split_once("://")
        .map(|(_, after)| after)
        .unwrap_or_default();
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    if text.contains(['?', '#']) || authority.contains('@') {
        let path = url.path.split('?').next().unwrap_or_default();
        let path = if path == "/" { "" } else { path };
        return Err(offer(Code::TargetQuery, format!("{}{path}", url.origin())));
    }
    let has_dots = after
        .split('/')
        .skip(1)
        .any(|segment| matches!(segment, "." | ".."));
    if has_dots || path::is_ambiguous(after) {
        return Err(offer(Code::TargetPath, url.to_string()));
    }
    Ok(Target::of(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_written_as_it_was_read() {
        for text in [
            "https://app.example.test",
            "http://localhost:*",
            "http://localhost:3000",
            "https://*.example.test",
            "https://*.example.test:8443",
            "http://[::1]:8080",
            "http://127.0.0.1",
            "*",
            "null",
            "capacitor://localhost",
            "chrome-extension://abcdefghijklmnop",
            "https://my_app.test",
        ] {
            assert_eq!(
                origin(text).map(|pattern| pattern.to_string()).as_deref(),
                Ok(text)
            );
        }
    }

    /// Lines of a text, the code that it has, and what to write instead.
    const ORIGINS: &str = r#"
        https://app.test/ ~ origin-trailing-slash ~ https://app.test
        capacitor://localhost/ ~ origin-trailing-slash ~ capacitor://localhost
        https://app.test/a?b ~ origin-path ~ https://app.test
        https://u:p@app.test ~ origin-path ~ https://app.test
        https://App.test ~ origin-upper-case ~ https://app.test
        HTTPS://*.App.test:* ~ origin-upper-case ~ https://*.app.test:*
        https://app.test:443 ~ origin-default-port ~ https://app.test
        http://app.test:80 ~ origin-default-port ~ http://app.test
        https://bücher.test ~ origin-unicode ~ https://xn--bcher-kva.test
        http://[0:0::1] ~ origin-address-spelling ~ http://[::1]
        http://127.1 ~ origin-address-spelling ~ http://127.0.0.1
        https://a.test, https://b.test ~ origin-list ~ https://a.test", "https://b.test
        https://a.test https://b.test ~ origin-list ~ https://a.test", "https://b.test
        app.test ~ origin-no-scheme ~ https://app.test
        *.app.test ~ origin-no-scheme ~ https://*.app.test
        //app.test ~ origin-no-scheme ~ https://app.test
        file:///a ~ origin-scheme ~
        wss://app.test ~ origin-scheme ~ https://app.test
        https://*app.test ~ origin-suffix-pattern ~ https://*.app.test
        https://*-pr.app.test ~ origin-suffix-pattern ~ https://*.pr.app.test
        https://app.* ~ origin-prefix-pattern ~
        https://app.test* ~ origin-prefix-pattern ~
        https://* ~ origin-prefix-pattern ~
        ^https://app\.test$ ~ origin-regex ~
        https://.*\.app.test ~ origin-regex ~
        https://(a|b).test ~ origin-regex ~
        https://app.test:0 ~ origin-invalid ~
        https://app.test: ~ origin-invalid ~ https://app.test
        https://app.test:08443 ~ origin-invalid ~ https://app.test:8443
        https://app`.test ~ origin-invalid ~
        https://*.127.0.0.1 ~ origin-invalid ~
        ~ origin-invalid ~"#;

    const TARGETS: &str = r"
        https://api.test/* ~ target-pattern ~ https://api.test
        https://api.test/v1/** ~ target-pattern ~ https://api.test/v1
        https://*.test ~ target-pattern ~
        api.test/v1 ~ target-invalid ~ https://api.test/v1
        wss://api.test ~ target-invalid ~ https://api.test
        https:// ~ target-invalid ~
        https://api.test/v1?a=b ~ target-query ~ https://api.test/v1
        https://u@api.test/#f ~ target-query ~ https://api.test
        https://api.test/v1/../admin ~ target-path ~ https://api.test/admin
        https://api.test/v1/%2e%2e/admin ~ target-path ~ https://api.test/admin
        https://api.test/a%2fb ~ target-path ~
        https://api.test//a ~ target-path ~
        https://api.test/{withheld:32:k1:ab} ~ target-invalid ~";

    fn check<T>(table: &str, read: impl Fn(&str) -> Result<T, Misspelt>) {
        for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
            let cells: Vec<&str> = row.split('~').map(str::trim).collect();
            let Err(Misspelt { code, instead }) = read(cells[0]) else {
                panic!("{row}");
            };
            let told = [code.name(), instead.as_deref().unwrap_or_default()];
            assert_eq!(told, cells[1..], "{row}");
        }
    }

    #[test]
    fn what_never_matches_has_a_name_and_a_better_spelling() {
        check(ORIGINS, origin);
        check(TARGETS, target);
    }

    #[test]
    fn blanks_around_an_origin_are_none_of_it() {
        let instead = Some("https://a.test".to_owned());
        let misspelt = |code| Err(Misspelt { code, instead });
        assert_eq!(origin(" https://a.test\t"), misspelt(Code::OriginInvalid));
    }

    #[test]
    fn a_target_is_a_server_and_perhaps_a_path() {
        for text in [
            "https://api.test",
            "https://api.test:8443/v1",
            "http://localhost:3000/a/",
            "https://api.test/caf%C3%A9",
        ] {
            let written = target(text).map(|target| target.to_string());
            assert_eq!(written.as_deref(), Ok(text));
        }
    }
}
