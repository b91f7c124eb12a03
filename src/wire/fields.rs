//! The rules of RFC 9113 for messages that the h2 crate leaves to its users: targets against the
//! tunnel they are in, and what may stand in fields.

use http::request;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::edit::{Edit, FOR_THE_PROXY, Fate, Plan};
use super::framing::content_length;
use super::headers::HeaderList;
use super::target::Authority;
use super::{MAX_FIELDS, Violation, is_token};

/// Checks the head of a request in a TLS tunnel to `home`.
pub fn check_request(head: &request::Parts, home: &Authority) -> Result<(), Violation> {
    check_target(head, home)?;
    check_fields(&head.headers)?;
    let is_plain = |value: &[u8]| super::trim_ows(value).len() == value.len();
    if head
        .headers
        .values()
        .all(|value| is_plain(value.as_bytes()))
    {
        Ok(())
    } else {
        Err(Violation::FieldValue)
    }
}

/// Checks the head of a response. White space at the ends of a value, which RFC 9113 section 8.2.1
/// forbids, means nothing to browsers, and stays.
pub fn check_response(status: StatusCode, fields: &HeaderMap) -> Result<(), Violation> {
    if !(100..600).contains(&status.as_u16()) {
        return Err(Violation::Status);
    }
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Violation::SwitchNotAsked);
    }
    check_fields(fields)
}

/// Checks field lines: names are tokens, there are not too many, and one length at most, which is a
/// number: of several the crate compares the first with the content.
pub fn check_fields(fields: &HeaderMap) -> Result<(), Violation> {
    if fields.len() > MAX_FIELDS {
        return Err(Violation::TooManyFields);
    }
    if !fields.keys().all(|name| is_token(name.as_str().as_bytes())) {
        return Err(Violation::FieldName);
    }
    let mut lengths = fields.get_all(http::header::CONTENT_LENGTH).into_iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(()),
        (Some(length), None) => content_length(length.as_bytes()).map(drop),
        (Some(_), Some(_)) => Err(Violation::ContentLength),
    }
}

/// The target must be one on the server that the tunnel leads to (RFC 9113 section 8.3.1).
fn check_target(head: &request::Parts, home: &Authority) -> Result<(), Violation> {
    let is_home = |octets: &[u8]| Authority::parse(octets, Some(443)).as_ref() == Some(home);
    // Without an authority, the crate has no scheme either.
    let authority = head.uri.authority().ok_or(Violation::Host)?;
    if head.uri.scheme_str() != Some("https") {
        return Err(Violation::Scheme);
    }
    if !is_home(authority.as_str().as_bytes()) {
        return Err(Violation::HostMismatch);
    }
    let mut hosts = head.headers.get_all("host").into_iter();
    if hosts.next().is_some_and(|host| !is_home(host.as_bytes())) {
        return Err(Violation::HostMismatch);
    }
    if hosts.next().is_some() {
        return Err(Violation::Host);
    }
    let is_upgrade = head.extensions.get::<h2::ext::Protocol>().is_some();
    if head.method == Method::CONNECT && !is_upgrade {
        return Err(Violation::Target);
    }
    match path(&head.uri).as_bytes() {
        [b'/', ..] => Ok(()),
        b"*" if head.method == Method::OPTIONS => Ok(()),
        _ => Err(Violation::Target),
    }
}

/// The path with the query, as it was sent.
pub fn path(target: &http::Uri) -> &str {
    target.path_and_query().map_or("", PathAndQuery::as_str)
}

/// Takes out the fields that go no further than the proxy.
pub fn strip_for_server(fields: &mut HeaderMap) {
    for name in FOR_THE_PROXY {
        fields.remove(name);
    }
}

/// The field lines, as the judge takes them.
pub fn header_list(fields: &HeaderMap) -> HeaderList {
    let octets = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
    let mut list = HeaderList::with_capacity(fields.len(), fields.iter().map(octets).sum());
    for (name, value) in fields {
        list.push(name.as_str().as_bytes(), value.as_bytes());
    }
    list
}

/// The field lines that edits leave: those that stay do so octet by octet.
pub fn edited(fields: &HeaderMap, edits: &[Edit]) -> HeaderMap {
    let plan = Plan::of(edits);
    let mut edited = HeaderMap::with_capacity(fields.len() + plan.added.len());
    let mut put = |name: HeaderName, value: HeaderValue| {
        // There is room for all that were there before, and a few more.
        let _ = edited.try_append(name, value);
    };
    for (line, (name, value)) in fields.iter().enumerate() {
        match plan.fate(line) {
            Fate::Stays => put(name.clone(), value.clone()),
            Fate::Goes => {}
            Fate::Says(value) => {
                if let Ok(value) = HeaderValue::from_bytes(value) {
                    put(name.clone(), value);
                }
            }
        }
    }
    for (name, value) in plan.added {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            put(name, value);
        }
    }
    edited
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Result<(), Violation> {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).expect("a request").into_parts();
        let home = Authority::parse(b"api.test:8443", None).expect("an authority");
        check_request(&head, &home)
    }

    #[test]
    fn a_target_is_on_the_server_that_the_tunnel_leads_to() {
        assert_eq!(request("GET", "https://api.test:8443/a?b", &[]), Ok(()));
        assert_eq!(request("GET", "https://API.test:8443/", &[]), Ok(()));
        for other in [
            "https://api.test/",
            "https://u@api.test:8443/",
            "https://x.test:8443/",
        ] {
            assert_eq!(
                request("GET", other, &[]),
                Err(Violation::HostMismatch),
                "{other}"
            );
        }
        assert_eq!(request("GET", "/", &[]), Err(Violation::Host));
        assert_eq!(
            request("GET", "http://api.test:8443/", &[]),
            Err(Violation::Scheme)
        );
        assert_eq!(
            request("CONNECT", "https://api.test:8443/", &[]),
            Err(Violation::Target)
        );
    }

    #[test]
    fn a_host_field_says_the_same_as_the_target() {
        let target = "https://api.test:8443/";
        assert_eq!(request("GET", target, &[("host", "api.test:8443")]), Ok(()));
        let other = [("host", "x.test")];
        assert_eq!(request("GET", target, &other), Err(Violation::HostMismatch));
        let twice = [("host", "api.test:8443"); 2];
        assert_eq!(request("GET", target, &twice), Err(Violation::Host));
    }

    #[test]
    fn a_length_is_one_number() {
        let with = |fields: &[(&str, &str)]| request("POST", "https://api.test:8443/", fields);
        assert_eq!(with(&[("content-length", "05")]), Ok(()));
        for lengths in [&["5", "5"][..], &["5", "6"], &["5, 5"], &["+5"], &[""]] {
            let fields: Vec<_> = lengths
                .iter()
                .map(|length| ("content-length", *length))
                .collect();
            assert_eq!(with(&fields), Err(Violation::ContentLength), "{lengths:?}");
        }
    }

    #[test]
    fn values_have_no_white_space_at_their_ends_and_fields_are_not_too_many() {
        let target = "https://api.test:8443/";
        for value in [" a", "a ", "a\t"] {
            assert_eq!(
                request("GET", target, &[("x", value)]),
                Err(Violation::FieldValue)
            );
        }
        let many = vec![("x", "y"); MAX_FIELDS + 1];
        assert_eq!(request("GET", target, &many), Err(Violation::TooManyFields));
    }

    #[test]
    fn edited_fields_are_those_of_the_list_that_was_edited() {
        let mut fields = HeaderMap::new();
        for (name, value) in [("vary", "a"), ("x", " b "), ("vary", "c"), ("y", "d")] {
            let value = HeaderValue::from_static(value);
            fields.append(HeaderName::from_static(name), value);
        }
        let replaced = Edit::Replace {
            line: 1,
            value: b"Origin".to_vec(),
        };
        let added = Edit::Add {
            name: "New",
            value: b"e".to_vec(),
        };
        let edits = [replaced, Edit::Remove { line: 3 }, added];
        let edited = edited(&fields, &edits);
        let list = super::super::edit::edited_fields(&header_list(&fields), &edits);
        let lower: HeaderList = list
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        assert_eq!(header_list(&edited), lower);
        assert_eq!(edited.get("x"), Some(&HeaderValue::from_static(" b ")));
        assert_eq!(
            lower.all("vary").collect::<Vec<_>>(),
            [b"a", b"Origin".as_slice()]
        );
    }

    #[test]
    fn a_status_is_one_that_http_2_has() {
        let checked = |status| {
            let status = StatusCode::from_u16(status).expect("three digits");
            check_response(status, &HeaderMap::new())
        };
        assert_eq!(checked(200), Ok(()));
        assert_eq!(checked(600), Err(Violation::Status));
        assert_eq!(checked(101), Err(Violation::SwitchNotAsked));
    }
}
