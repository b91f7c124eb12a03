//! A script for the console of the page that shows a failure again.

use std::fmt::Write;

use super::Source;
use super::ask::OF_BROWSER;
use super::chain::plain;
use super::inert::script_string;
use crate::cors::{CredentialsMode, Destination, Kind};
use crate::exchange::word::UNTOLD;
use crate::report::text::shown;

/// The script; nothing where no script makes such a request.
pub(super) fn page(source: &Source) -> Option<String> {
    let (recorded, judgement) = source.pair();
    let url = script_string(&recorded.request.url);
    let with = judgement.verdict.credentials.mode == Some(CredentialsMode::Include);
    let crossorigin = if with { "use-credentials" } else { "anonymous" };
    let element = |tag: &str, field: &str, more: &str| {
        format!(
            "const it = document.createElement(\"{tag}\");\n\
             it.crossOrigin = \"{crossorigin}\";\n{more}\
             it.onerror = () => console.log(\"refused\");\n\
             it.{field} = {url};\n\
             document.body.append(it);\n"
        )
    };
    match judgement.kind {
        Kind::Preflight => fetch(source, with),
        Kind::CrossOrigin => match judgement.destination {
            Some(Destination::Image) => Some(element("img", "src", "")),
            Some(Destination::Script) => Some(element("script", "src", "")),
            Some(Destination::Style) => Some(element("link", "href", "it.rel = \"stylesheet\";\n")),
            Some(Destination::Font) => Some(format!(
                "await new FontFace(\"it\", `url(${{JSON.stringify({url})}})`).load();\n"
            )),
            Some(Destination::Video) => Some(element("video", "src", "")),
            Some(Destination::Audio) => Some(element("audio", "src", "")),
            Some(_) | None => fetch(source, with),
        },
        Kind::SameOrigin | Kind::NoCors | Kind::Navigation | Kind::Websocket | Kind::NotBrowser => {
            None
        }
    }
}

fn fetch(source: &Source, with_credentials: bool) -> Option<String> {
    let (recorded, judgement) = source.pair();
    let fields = &recorded.request.headers;
    let is_preflight = judgement.kind == Kind::Preflight;
    let method = if is_preflight {
        plain(fields, "access-control-request-method")?
    } else {
        &recorded.request.method
    };
    let mut script = format!("await fetch({}, {{\n", script_string(&recorded.request.url));
    if method != UNTOLD {
        let _ = writeln!(script, "  method: {},", script_string(method));
    }
    let mode = match judgement.verdict.credentials.mode {
        None if !with_credentials => "\"same-origin\", // or \"include\": the wire does not tell",
        _ if with_credentials => "\"include\",",
        _ => "\"same-origin\",",
    };
    let _ = writeln!(script, "  credentials: {mode}");
    let named = if is_preflight {
        asked_for(plain(fields, "access-control-request-headers").unwrap_or_default())
    } else {
        let own = fields.iter().filter(|(name, _)| is_of_page(name));
        own.map(|(name, value)| (name.clone(), shown(value)))
            .collect()
    };
    if !named.is_empty() {
        script.push_str("  headers: {\n");
        for (name, value) in named {
            let _ = writeln!(
                script,
                "    {}: {},",
                script_string(&name),
                script_string(&value)
            );
        }
        script.push_str("  },\n");
    }
    script.push_str("});\n");
    Some(script)
}

fn asked_for(names: &str) -> Vec<(String, String)> {
    let names = names.split(',').map(|name| name.trim_matches([' ', '\t']));
    names
        .filter(|name| !name.is_empty())
        .map(|name| (name.to_owned(), "VALUE-OF-THE-PAGE".to_owned()))
        .collect()
}

/// Whether the page may have set a field, and not the browser.
fn is_of_page(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let of_browser = ["sec-", "access-control-", "proxy-"];
    !of_browser.iter().any(|start| name.starts_with(start)) && !OF_BROWSER.contains(&name.as_str())
}
