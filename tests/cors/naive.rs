//! The CORS protocol of the Fetch Standard once more, naively: each algorithm as the standard
//! writes it, in its order and with its words, slow and plain, and with no line of the program's
//! own. URLs are the `url` crate's.

use url::Url;

/// Header lines as they arrive.
pub type Lines = Vec<(Vec<u8>, Vec<u8>)>;

/// A request in mode `cors`.
#[derive(Clone, Debug)]
pub struct Request {
    /// The request's origin, serialised.
    pub origin: String,
    /// The current URL.
    pub url: Url,
    pub method: Vec<u8>,
    /// The CORS-unsafe request-header names, in lower case and sorted.
    pub unsafe_names: Vec<Vec<u8>>,
    /// The credentials mode is "include".
    pub include: bool,
    pub is_http2: bool,
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub lines: Lines,
}

// Header lists.

/// <https://fetch.spec.whatwg.org/#concept-header-value-normalize>
pub fn normalize(value: &[u8]) -> Vec<u8> {
    let is_space = |octet: &u8| [0x09, 0x0A, 0x0D, 0x20].contains(octet);
    let Some(first) = value.iter().position(|octet| !is_space(octet)) else {
        return Vec::new();
    };
    let last = value
        .iter()
        .rposition(|octet| !is_space(octet))
        .expect("one");
    value[first..=last].to_vec()
}

/// The values of all headers whose name is a byte-case-insensitive match for `name`.
pub fn values(list: &Lines, name: &str) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    for (other, value) in list {
        if other.eq_ignore_ascii_case(name.as_bytes()) {
            values.push(normalize(value));
        }
    }
    values
}

/// <https://fetch.spec.whatwg.org/#concept-header-list-get>
pub fn get(list: &Lines, name: &str) -> Option<Vec<u8>> {
    // 1. If list does not contain name, then return null.
    let values = values(list, name);
    if values.is_empty() {
        return None;
    }
    // 2. Return the values …, separated from each other by 0x2C 0x20, in order.
    let mut joined = values[0].clone();
    for value in &values[1..] {
        joined.push(0x2C);
        joined.push(0x20);
        joined.extend(value);
    }
    Some(joined)
}

/// What becomes of extracting values.
#[derive(Clone, Debug, PartialEq)]
pub enum Extracted {
    Null,
    Failure,
    Values(Vec<Vec<u8>>),
}

/// <https://fetch.spec.whatwg.org/#extract-header-list-values>, for a field whose ABNF is a list
/// of tokens: `#method`, `#field-name`.
pub fn extract_tokens(list: &Lines, name: &str) -> Extracted {
    // 1. If list does not contain name, then return null.
    let lines = values(list, name);
    if lines.is_empty() {
        return Extracted::Null;
    }
    // 3. Let values be an empty list.
    let mut values = Vec::new();
    // 4. For each header of list whose name is name:
    for line in lines {
        // 4.1. Let extract be the result of extracting header values from header.
        // RFC 9110 section 5.6.1.2: #element => [ element ] *( OWS "," OWS [ element ] )
        for element in String::from_utf8_lossy(&line).split(',') {
            let element = element.trim_matches(|c| c == ' ' || c == '\t');
            if element.is_empty() {
                continue;
            }
            // 4.2. If extract is failure, then return failure.
            if !element.chars().all(is_tchar) {
                return Extracted::Failure;
            }
            // 4.3. Append each value in extract, in order, to values.
            values.push(element.as_bytes().to_vec());
        }
    }
    Extracted::Values(values)
}

/// RFC 9110 section 5.6.2.
fn is_tchar(c: char) -> bool {
    "!#$%&'*+-.^_`|~".contains(c) || c.is_ascii_digit() || c.is_ascii_alphabetic()
}

// Request headers.

/// <https://fetch.spec.whatwg.org/#cors-unsafe-request-header-byte>
fn is_cors_unsafe_byte(byte: u8) -> bool {
    (byte < 0x20 && byte != 0x09)
        || [
            0x22, 0x28, 0x29, 0x3A, 0x3C, 0x3E, 0x3F, 0x40, 0x5B, 0x5C, 0x5D, 0x7B, 0x7D, 0x7F,
        ]
        .contains(&byte)
}

/// <https://fetch.spec.whatwg.org/#cors-safelisted-request-header>
pub fn is_cors_safelisted(name: &[u8], value: &[u8]) -> bool {
    let value = normalize(value);
    // 1. If value's length is greater than 128, then return false.
    if value.len() > 128 {
        return false;
    }
    // 2. Byte-lowercase name and switch on the result:
    match name.to_ascii_lowercase().as_slice() {
        b"accept" => {
            if value.iter().any(|&byte| is_cors_unsafe_byte(byte)) {
                return false;
            }
        }
        b"accept-language" | b"content-language" => {
            for byte in value {
                let alphanumeric =
                    matches!(byte, 0x30..=0x39) | matches!(byte, 0x41..=0x5A | 0x61..=0x7A);
                let other = matches!(byte, 0x20 | 0x2A | 0x2C | 0x2D | 0x2E | 0x3B | 0x3D);
                if !alphanumeric && !other {
                    return false;
                }
            }
        }
        b"content-type" => {
            if value.iter().any(|&byte| is_cors_unsafe_byte(byte)) {
                return false;
            }
            let Some(essence) = mime_essence(&isomorphic_decode(&value)) else {
                return false;
            };
            if essence != "application/x-www-form-urlencoded"
                && essence != "multipart/form-data"
                && essence != "text/plain"
            {
                return false;
            }
        }
        b"range" => match parse_single_range(&isomorphic_decode(&value)) {
            None | Some((None, _)) => return false,
            Some((Some(_), _)) => {}
        },
        _ => return false,
    }
    // 3. Return true.
    true
}

/// The essence of <https://mimesniff.spec.whatwg.org/#parse-a-mime-type>, its parameters aside.
fn mime_essence(input: &str) -> Option<String> {
    let is_space = |c: char| ['\t', '\n', '\r', ' '].contains(&c);
    let is_token = |text: &str| !text.is_empty() && text.chars().all(is_tchar);
    let input = input.trim_matches(is_space);
    let (kind, rest) = input.split_once('/')?;
    let subtype = rest.split(';').next()?.trim_end_matches(is_space);
    (is_token(kind) && is_token(subtype)).then(|| format!("{kind}/{subtype}").to_ascii_lowercase())
}

/// <https://fetch.spec.whatwg.org/#simple-range-header-value>, without white space.
fn parse_single_range(data: &str) -> Option<(Option<u128>, Option<u128>)> {
    let rest = data.strip_prefix("bytes")?;
    let rest = rest.strip_prefix('=')?;
    let (start, rest) = digits(rest);
    let rest = rest.strip_prefix('-')?;
    let (end, rest) = digits(rest);
    if !rest.is_empty() || (start.is_none() && end.is_none()) {
        return None;
    }
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        return None;
    }
    Some((start, end))
}

fn digits(text: &str) -> (Option<u128>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    (digits.parse().ok(), rest)
}

fn isomorphic_decode(octets: &[u8]) -> String {
    octets.iter().map(|&octet| char::from(octet)).collect()
}

/// <https://fetch.spec.whatwg.org/#cors-safelisted-method>
pub fn is_cors_safelisted_method(method: &[u8]) -> bool {
    method == b"GET" || method == b"HEAD" || method == b"POST"
}

// The CORS check and the CORS-preflight fetch.

/// <https://fetch.spec.whatwg.org/#concept-cors-check>
pub fn cors_check(request: &Request, response: &Response) -> bool {
    // 1. Let origin be the result of getting `Access-Control-Allow-Origin`.
    let origin = get(&response.lines, "Access-Control-Allow-Origin");
    // 2. If origin is null, then return failure.
    let Some(origin) = origin else {
        return false;
    };
    // 3. If request's credentials mode is not "include" and origin is `*`, then return success.
    if !request.include && origin == b"*" {
        return true;
    }
    // 4. If the result of byte-serializing a request origin is not origin, then return failure.
    if request.origin.as_bytes() != origin {
        return false;
    }
    // 5. If request's credentials mode is not "include", then return success.
    if !request.include {
        return true;
    }
    // 6. Let credentials be the result of getting `Access-Control-Allow-Credentials`.
    let credentials = get(&response.lines, "Access-Control-Allow-Credentials");
    // 7. If credentials is `true`, then return success. 8. Return failure.
    credentials == Some(b"true".to_vec())
}

/// <https://fetch.spec.whatwg.org/#cors-preflight-fetch>: what is done with the answer. False is
/// a network error.
pub fn preflight_passes(request: &Request, response: &Response) -> bool {
    // 7. If a CORS check returns success and response's status is an ok status, then:
    let is_ok = (200..=299).contains(&response.status);
    if !cors_check(request, response) || !is_ok {
        return false;
    }
    // 7.1, 7.2. Extract `Access-Control-Allow-Methods` and `Access-Control-Allow-Headers`.
    let methods = extract_tokens(&response.lines, "Access-Control-Allow-Methods");
    let names = extract_tokens(&response.lines, "Access-Control-Allow-Headers");
    // 7.3. If either methods or headerNames is failure, return a network error.
    if methods == Extracted::Failure || names == Extracted::Failure {
        return false;
    }
    // 7.4 is about the use-CORS-preflight flag, which no engine's check knows.
    // 7.5. If request's method is not in methods, is not a CORS-safelisted method, and request's
    // credentials mode is "include" or methods does not contain `*`, return a network error.
    if !contains(&methods, &request.method)
        && !is_cors_safelisted_method(&request.method)
        && (request.include || !contains(&methods, b"*"))
    {
        return false;
    }
    // 7.6. If one of request's header list's names is a CORS non-wildcard request-header name and
    // is not a byte-case-insensitive match for an item in headerNames, return a network error.
    for name in &request.unsafe_names {
        if name == b"authorization" && !contains_any_case(&names, name) {
            return false;
        }
    }
    // 7.7. For each unsafeName … if it is not a byte-case-insensitive match for an item in
    // headerNames and request's credentials mode is "include" or headerNames does not contain
    // `*`, return a network error.
    for name in &request.unsafe_names {
        if !contains_any_case(&names, name) && (request.include || !contains(&names, b"*")) {
            return false;
        }
    }
    true
}

pub fn contains(extracted: &Extracted, item: &[u8]) -> bool {
    match extracted {
        Extracted::Values(values) => values.iter().any(|value| value == item),
        Extracted::Null | Extracted::Failure => false,
    }
}

pub fn contains_any_case(extracted: &Extracted, item: &[u8]) -> bool {
    match extracted {
        Extracted::Values(values) => values.iter().any(|value| value.eq_ignore_ascii_case(item)),
        Extracted::Null | Extracted::Failure => false,
    }
}

// Redirects.

/// What becomes of a response that passed the CORS check.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// It is returned.
    Returned,
    /// It leads on.
    Leads(Url),
    /// A network error.
    Error(Refused),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Refused {
    /// The location URL is failure.
    Failure,
    Scheme(String),
    Userinfo,
}

/// <https://fetch.spec.whatwg.org/#concept-http-redirect-fetch> up to its step 9, for a response
/// whose status is a redirect status.
pub fn redirect(request: &Request, response: &Response) -> Next {
    if ![301, 302, 303, 307, 308].contains(&response.status) {
        return Next::Returned;
    }
    // 2. Let locationURL be actualResponse's location URL: extracting header list values fails
    // where the ABNF allows a single header and the list contains more than one.
    let values = values(&response.lines, "Location");
    let location = match values.as_slice() {
        // 3. If locationURL is null, then return response.
        [] => return Next::Returned,
        [only] => request.url.join(&isomorphic_decode(only)).ok(),
        _ => None,
    };
    // 4. If locationURL is failure, then return a network error.
    let Some(location) = location else {
        return Next::Error(Refused::Failure);
    };
    // 5. If locationURL's scheme is not an HTTP(S) scheme, then return a network error.
    if location.scheme() != "http" && location.scheme() != "https" {
        return Next::Error(Refused::Scheme(location.scheme().to_owned()));
    }
    let includes_credentials = !location.username().is_empty() || location.password().is_some();
    let is_same_origin = location.origin().ascii_serialization() == request.origin;
    // 8. If request's mode is "cors", locationURL includes credentials, and request's origin is
    // not same origin with locationURL's origin, then return a network error.
    if includes_credentials && !is_same_origin {
        return Next::Error(Refused::Userinfo);
    }
    // 9. If request's response tainting is "cors" and locationURL includes credentials, then
    // return a network error.
    let is_tainted_cors = request.url.origin().ascii_serialization() != request.origin;
    if is_tainted_cors && includes_credentials {
        return Next::Error(Refused::Userinfo);
    }
    Next::Leads(location)
}

/// <https://fetch.spec.whatwg.org/#serializing-a-request-origin> after the redirects of a URL list
/// (<https://fetch.spec.whatwg.org/#concept-request-tainted-origin>).
pub fn serialized_origin(origin: &str, urls: &[Url]) -> String {
    let of = |url: &Url| url.origin().ascii_serialization();
    let mut last: Option<&Url> = None;
    for url in urls {
        if let Some(last) = last
            && of(url) != of(last)
            && origin != of(last)
        {
            return "null".to_owned();
        }
        last = Some(url);
    }
    origin.to_owned()
}
