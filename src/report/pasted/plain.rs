//! Pasted text made plain: what other tools put around it and into it is taken off.

/// The text on one line, with straight quotes.
pub(super) fn plain(text: &str) -> String {
    let text = unescaped(text);
    let lines = text.lines().map(|line| {
        let quoted = line.trim_start();
        // A quotation, as mail and Markdown have it.
        let own = quoted.trim_start_matches("> ");
        own.trim_start_matches('>').trim()
    });
    let words = lines.flat_map(str::split_whitespace);
    let mut plain = String::with_capacity(text.len());
    for word in words {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.extend(word.chars().map(straight));
    }
    plain
}

/// What stands in JSON, in source text or in HTML for quotes and ends of lines.
fn unescaped(text: &str) -> String {
    const ESCAPES: [(&str, &str); 16] = [
        ("\\\"", "\""),
        ("\\'", "'"),
        ("\\n", "\n"),
        ("\\u2018", "'"),
        ("\\u2019", "'"),
        ("\\u201c", "\""),
        ("\\u201d", "\""),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&apos;", "'"),
        ("&lsquo;", "'"),
        ("&rsquo;", "'"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    let has_some = text.contains(['\\', '&']);
    let mut text = text.to_owned();
    if has_some {
        for (escape, meant) in ESCAPES {
            text = text.replace(escape, meant);
        }
    }
    text
}

fn straight(character: char) -> char {
    match character {
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_tools_put_around_a_text_is_taken_off() {
        assert_eq!(
            plain("> header \u{2018}x\u{2019}\n>   is not\tallowed"),
            "header 'x' is not allowed"
        );
        assert_eq!(
            plain(r#"{"message":"No \"x\" here\nnor \u2018y\u2019"}"#),
            r#"{"message":"No "x" here nor 'y'"}"#
        );
        assert_eq!(
            plain("No &#39;x&#39; &amp; &quot;y&quot;"),
            "No 'x' & \"y\""
        );
    }
}
