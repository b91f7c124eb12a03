//! What others wrote, inert in what it is written into.

use std::fmt::Write;

use crate::report::text::{printable, steers};

/// A spreadsheet takes a cell that begins so for a formula.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];

/// Text as code in Markdown, on one line: nothing in it is markup, and it links to nothing.
pub(super) fn code(text: &str) -> String {
    let text = printable(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    let needs_room = text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let room = if needs_room { " " } else { "" };
    format!("{fence}{room}{text}{room}{fence}")
}

/// Code for a cell of a table: a bar would end the cell.
pub(super) fn cell(text: &str) -> String {
    let guard = if text.starts_with(FORMULA) { "'" } else { "" };
    code(&format!("{guard}{text}")).replace('|', "\\|")
}

/// Lines as a block of code in Markdown.
pub(super) fn block(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

/// A sentence in Markdown: words that might be markup, or a link, become code.
pub(super) fn prose(text: &str) -> String {
    let words = printable(text);
    let words: Vec<String> = words.split(' ').map(word).collect();
    words.join(" ")
}

fn word(word: &str) -> String {
    let is_plain =
        |character: char| character.is_alphanumeric() || "-.,:;()'’\"“”!?/%…".contains(character);
    let begins_plainly =
        word.starts_with(|first: char| first.is_alphanumeric() || "(\"“'".contains(first));
    let is_link = word.contains("//") || word.contains("www.") || word.contains(":/");
    if word.is_empty() || word.chars().all(is_plain) && begins_plainly && !is_link {
        return word.to_owned();
    }
    let core = word.trim_start_matches('(');
    let before = word.len() - core.len();
    let mut core = core.trim_end_matches(['.', ',', ':', ';']);
    if core.matches(')').count() > core.matches('(').count() {
        core = core.strip_suffix(')').unwrap_or(core);
    }
    let (start, rest) = word.split_at(before);
    let (_, end) = rest.split_at(core.len());
    if core.is_empty() {
        return format!("{start}{end}");
    }
    format!("{start}{}{end}", code(core))
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|character| character != '`');
    runs.map(str::len).max().unwrap_or(0)
}

/// Text in HTML, in an element or in a quoted attribute.
pub(super) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The text of a cell in HTML.
pub(super) fn html_cell(text: &str) -> String {
    let guard = if text.starts_with(FORMULA) {
        "&#39;"
    } else {
        ""
    };
    format!("{guard}{}", html(text))
}

/// A string of a script: in ASCII, and no end of a script or a comment in it.
pub(super) fn script_string(text: &str) -> String {
    let mut string = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => string.push_str("\\\""),
            '\\' => string.push_str("\\\\"),
            '<' | '>' | '&' | '`' | '$' => {
                let _ = write!(string, "\\x{:02x}", u32::from(character));
            }
            ' '..='~' => string.push(character),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    let _ = write!(string, "\\u{unit:04x}");
                }
            }
        }
    }
    string.push('"');
    string
}

/// JSON with what steers a terminal, or ends a script, written as escapes.
pub(super) fn json(text: &str) -> String {
    text.chars().fold(
        String::with_capacity(text.len()),
        |mut escaped, character| {
            if steers(character) && character != '\n' {
                let _ = write!(escaped, "\\u{:04x}", u32::from(character));
            } else {
                escaped.push(character);
            }
            escaped
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_might_be_markup_become_code() {
        assert_eq!(
            prose("The answer allows https://a.test, which is not *; see #12."),
            "The answer allows `https://a.test`, which is not `*`; see `#12`."
        );
        assert_eq!(
            prose("@team <b> [x](y) a_b_c"),
            "`@team` `<b>` `[x](y)` `a_b_c`"
        );
        assert_eq!(prose("(status 405)."), "(status 405).");
    }

    #[test]
    fn code_holds_whatever_it_is_given() {
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(cell("=1+1"), "`'=1+1`");
        assert_eq!(cell("a|b"), "`a\\|b`");
        assert_eq!(code("a\nb\u{202e}"), "`a\\u{a}b\\u{202e}`");
        assert_eq!(block("sh", "```\n"), "````sh\n```\n````\n");
    }

    #[test]
    fn strings_of_scripts_end_where_they_should() {
        assert_eq!(
            script_string("</script>\"\\\n\u{2028}\u{1f600}"),
            r#""\x3c/script\x3e\"\\\u000a\u2028\ud83d\ude00""#
        );
    }
}
