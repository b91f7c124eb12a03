//! Media types of answers, as far as they decide what a load may use
//! ([MIME Sniffing](https://mimesniff.spec.whatwg.org/)).

use crate::wire::headers::HeaderList;
use crate::wire::{is_token, trim_ows};

/// What an answer says of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MediaType<'a>(&'a [u8]);

impl<'a> MediaType<'a> {
    /// The type an answer has, without parameters
    /// ([extract a MIME type](https://fetch.spec.whatwg.org/#concept-header-extract-mime-type):
    /// the last one that is valid counts); nothing if it says none.
    pub(super) fn of(headers: &'a HeaderList) -> Option<Self> {
        headers
            .all("content-type")
            .flat_map(|value| value.split(|&octet| octet == b','))
            .filter_map(Self::parse)
            .last()
    }

    fn parse(value: &'a [u8]) -> Option<Self> {
        let essence = trim_ows(value.split(|&octet| octet == b';').next()?);
        let slash = memchr::memchr(b'/', essence)?;
        let (kind, rest) = essence.split_at_checked(slash)?;
        let subtype = rest.get(1..)?;
        let is_valid = is_token(kind) && is_token(subtype) && essence != b"*/*";
        is_valid.then_some(Self(essence))
    }

    fn is_any(self, types: &[&str]) -> bool {
        types.iter().any(|name| self.is(name))
    }

    /// Whether it is this type.
    pub(super) fn is(self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name.as_bytes())
    }

    pub(super) fn begins(self, kind: &str) -> bool {
        self.0
            .get(..kind.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(kind.as_bytes()))
    }

    fn ends(self, suffix: &str) -> bool {
        let start = self.0.len().saturating_sub(suffix.len());
        self.0
            .get(start..)
            .is_some_and(|end| end.eq_ignore_ascii_case(suffix.as_bytes()))
    }

    /// [JavaScript MIME type](https://mimesniff.spec.whatwg.org/#javascript-mime-type).
    pub(super) fn is_javascript(self) -> bool {
        const TYPES: [&str; 16] = [
            "text/javascript",
            "application/javascript",
            "application/x-javascript",
            "application/ecmascript",
            "application/x-ecmascript",
            "text/ecmascript",
            "text/javascript1.0",
            "text/javascript1.1",
            "text/javascript1.2",
            "text/javascript1.3",
            "text/javascript1.4",
            "text/javascript1.5",
            "text/jscript",
            "text/livescript",
            "text/x-ecmascript",
            "text/x-javascript",
        ];
        self.is_any(&TYPES)
    }

    /// [JSON MIME type](https://mimesniff.spec.whatwg.org/#json-mime-type).
    pub(super) fn is_json(self) -> bool {
        self.is_any(&["application/json", "text/json"]) || self.ends("+json")
    }

    /// [XML MIME type](https://mimesniff.spec.whatwg.org/#xml-mime-type), but for pictures and films.
    pub(super) fn is_xml(self) -> bool {
        let is_xml = self.is_any(&["application/xml", "text/xml"]) || self.ends("+xml");
        is_xml && !self.is_any(&["image/svg+xml", "application/dash+xml"])
    }

    /// HTML.
    pub(super) fn is_html(self) -> bool {
        self.is("text/html")
    }

    /// HTML, JSON or XML:
    /// [opaque-blocklisted](https://whatpr.org/fetch/1442.html#opaque-blocklisted-mime-type).
    pub(super) fn is_document_or_data(self) -> bool {
        self.is_html() || self.is_json() || self.is_xml()
    }

    /// Pictures, sound and film: [what a script never is](https://fetch.spec.whatwg.org/#ref-for-should-response-to-request-be-blocked-due-to-mime-type?).
    pub(super) fn is_media(self) -> bool {
        ["image/", "audio/", "video/"]
            .into_iter()
            .any(|kind| self.begins(kind))
    }

    /// Lists of streams, captions, and sound that is not known by its first octets: what
    /// opaque-response blocking lets be in Firefox, whatever asks for it (measured).
    pub(super) fn is_stream_or_captions(self) -> bool {
        self.is_any(&[
            "audio/aac",
            "audio/aacp",
            "audio/mpeg",
            "multipart/x-mixed-replace",
            "text/vtt",
            "application/vnd.apple.mpegurl",
            "application/x-mpegurl",
            "application/dash+xml",
        ])
    }

    /// What opaque-response blocking lets be in Chromium, whatever its content.
    pub(super) fn is_let_be_in_chromium(self) -> bool {
        ["audio/", "video/"]
            .into_iter()
            .any(|kind| self.begins(kind))
            || self.is_any(&[
                "text/css",
                "image/svg+xml",
                "application/ogg",
                "application/dash+xml",
                "application/vnd.apple.mpegurl",
                "text/vtt",
            ])
    }

    /// A type that no script has, whatever its content
    /// ([blocked due to its MIME type](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-mime-type?)).
    pub(super) fn is_never_script(self) -> bool {
        self.is_media() || self.is("text/csv")
    }

    /// A type of which opaque-response blocking takes the server at its word, and refuses it; captions
    /// belong to them, but browsers let them be
    /// ([opaque-blocklisted-never-sniffed](https://whatpr.org/fetch/1442.html#opaque-blocklisted-never-sniffed-mime-type)).
    pub(super) fn is_never_opaque(self) -> bool {
        const TYPES: [&str; 20] = [
            "application/gzip",
            "application/x-gzip",
            "application/zip",
            "application/x-protobuf",
            "application/x-protobuffer",
            "application/pdf",
            "application/msexcel",
            "application/mspowerpoint",
            "application/msword",
            "application/msword-template",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            "application/vnd.ms-word",
            "application/vnd.ces-quickpoint",
            "application/vnd.ces-quicksheet",
            "application/vnd.ces-quickword",
            "multipart/byteranges",
            "multipart/signed",
            "text/csv",
            "text/event-stream",
        ];
        self.is_any(&TYPES) || self.begins("application/vnd.openxmlformats-officedocument.")
    }
}

/// Whether an answer asks for its type to be taken at its word
/// ([determine nosniff](https://fetch.spec.whatwg.org/#determine-nosniff)).
pub(super) fn is_nosniff(headers: &HeaderList) -> bool {
    let Some(value) = headers.first("x-content-type-options") else {
        return false;
    };
    let first = value
        .split(|&octet| octet == b',')
        .next()
        .unwrap_or_default();
    trim_ows(first).eq_ignore_ascii_case(b"nosniff")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderList {
        values.iter().map(|value| ("Content-Type", value)).collect()
    }

    #[test]
    fn the_last_valid_type_counts_and_parameters_do_not() {
        let essence = |values: &[&str]| {
            MediaType::of(&headers(values)).map(|kind| String::from_utf8_lossy(kind.0).into_owned())
        };
        assert_eq!(
            essence(&["Text/HTML; charset=utf-8"]).as_deref(),
            Some("Text/HTML")
        );
        assert_eq!(
            essence(&["text/html", "text/css"]).as_deref(),
            Some("text/css")
        );
        assert_eq!(
            essence(&["text/html, nonsense"]).as_deref(),
            Some("text/html")
        );
        assert_eq!(essence(&["text/html, */*"]).as_deref(), Some("text/html"));
        assert_eq!(essence(&["html"]), None);
        assert_eq!(essence(&[]), None);
    }

    #[test]
    fn types_are_told_apart_in_any_letter_case() {
        let kind = |value: &'static str| MediaType(value.as_bytes());
        assert!(kind("Application/X-JavaScript").is_javascript());
        assert!(kind("application/problem+JSON").is_json());
        assert!(kind("application/atom+xml").is_xml());
        assert!(!kind("image/svg+xml").is_xml());
        assert!(kind("text/CSV").is_never_script());
        assert!(kind("application/pdf").is_never_opaque());
        assert!(kind("Video/mp4").is_let_be_in_chromium());
    }

    #[test]
    fn only_the_first_value_says_nosniff() {
        let says = |value| is_nosniff(&[("X-Content-Type-Options", value)].into_iter().collect());
        assert!(says("NoSniff") && says("nosniff, x"));
        assert!(!says("x, nosniff") && !says(""));
    }
}
