//! Odd exchanges: what servers send by mistake, and what nobody would send, drawn from a seed so
//! that every one can be drawn again.

use url::Url;

use crate::naive::{Lines, Request, Response};

/// A source of numbers that are the same for the same seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("small");
        usize::try_from(self.next() % end).expect("small")
    }

    /// True once in `sides` throws.
    pub fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    pub fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// An octet that may stand in a field value as parsers take it apart: no CR, LF or NUL.
    fn octet(&mut self) -> u8 {
        match u8::try_from(self.below(256)).expect("a byte") {
            0 | b'\r' | b'\n' => b',',
            octet => octet,
        }
    }
}

/// An exchange to be checked both as a preflight and as the request proper.
#[derive(Clone, Debug)]
pub struct Case {
    pub request: Request,
    pub response: Response,
    /// How the names asked for are joined in Access-Control-Request-Headers.
    pub separator: &'static str,
}

const ORIGINS: [&str; 7] = [
    "https://app.example.test",
    "https://app.example.test:8443",
    "http://localhost:3000",
    "https://xn--bcher-kva.example",
    "http://127.0.0.1:5173",
    "https://[::1]:8443",
    "null",
];
const METHODS: [&str; 14] = [
    "GET", "get", "HEAD", "POST", "post", "PUT", "put", "Put", "PATCH", "patch", "Patch", "DELETE",
    "OPTIONS", "*",
];
const NAMES: [&str; 8] = [
    "authorization",
    "content-type",
    "range",
    "x-a",
    "x-b",
    "x-requested-with",
    "*",
    "x!#$%&'*+-.^_`|~1",
];
const LOCATIONS: [&str; 34] = [
    "/b",
    "",
    " ",
    "#c",
    "?d",
    "../e",
    "//other.test/f",
    "https://other.test/",
    "HTTPS://OTHER.TEST",
    "https://app.example.test/",
    "https://app.example.test:443/",
    "http:g",
    "https://u:p@api.test/",
    "https://u@api.test/",
    "https://:p@api.test/",
    "https://@api.test/",
    "https://:@api.test/",
    "//u:p@other.test",
    "https://u:p@app.example.test/",
    "https://u:p@a!b.test/",
    "http://u@0x7f.1/",
    "/x@y",
    "myapp://login",
    "data:,x",
    "DATA:,x",
    "file:///x",
    "about:blank",
    "blob:https://x.test/1",
    "mailto:a@b.test",
    "ftp://u@x.test/",
    "wss://x.test/",
    "https://[bad",
    "https://a b/",
    "http://",
];

impl Case {
    pub fn of(seed: u64) -> Self {
        let dice = &mut Dice::new(seed);
        let request = request(dice);
        let response = response(dice, &request);
        Self {
            request,
            response,
            separator: dice.pick(&[",", ",", ", ", " ,\t", ",,"]),
        }
    }

    /// The value of Access-Control-Request-Headers.
    pub fn asked_headers(&self) -> Vec<u8> {
        self.request.unsafe_names.join(self.separator.as_bytes())
    }

    /// The same case with something taken away, each in another way.
    pub fn smaller(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for place in 0..self.response.lines.len() {
            let mut case = self.clone();
            case.response.lines.remove(place);
            all.push(case);
        }
        for place in 0..self.request.unsafe_names.len() {
            let mut case = self.clone();
            case.request.unsafe_names.remove(place);
            all.push(case);
        }
        for (place, (_, value)) in self.response.lines.iter().enumerate() {
            let half = value.len() / 2;
            for part in [
                &value[..half],
                &value[half..],
                &value[..value.len().max(1) - 1],
            ] {
                if part.len() < value.len() {
                    let mut case = self.clone();
                    case.response.lines[place].1 = part.to_vec();
                    all.push(case);
                }
            }
        }
        all
    }
}

/// A load that redirects lead through up to three URLs; the page's origin, the URLs, the last
/// answer.
pub fn redirected(seed: u64) -> (String, Vec<Url>, Response) {
    let dice = &mut Dice::new(!seed);
    let mut urls: Vec<&str> = vec![
        "https://app.example.test/1",
        "https://app.example.test/2",
        "https://api.test/3",
        "https://api.test/4",
        "https://cdn.test:444/5",
    ];
    let chain = (0..=dice.below(3))
        .map(|_| Url::parse(urls.swap_remove(dice.below(urls.len()))).expect("valid"))
        .collect();
    // An opaque origin is left out: after a redirect the wire does not tell it from a tainted one.
    let origin = dice.pick(&["https://app.example.test", "https://api.test"]);
    let mut asked = request(dice);
    asked.origin = dice.pick(&[origin, "null"]).to_owned();
    asked.is_http2 = false;
    (origin.to_owned(), chain, response(dice, &asked))
}

fn request(dice: &mut Dice) -> Request {
    let url = dice.pick(&[
        "https://api.test/v1/users?q=1",
        "http://localhost:8080/",
        "https://app.example.test/a",
        "http://api.test:8000/a/b/c",
    ]);
    let url = Url::parse(url).expect("valid");
    let origin = if dice.one_in(8) {
        url.origin().ascii_serialization()
    } else {
        dice.pick(&ORIGINS).to_owned()
    };
    let mut unsafe_names: Vec<Vec<u8>> = (0..dice.below(4))
        .map(|_| dice.pick(&NAMES).into())
        .collect();
    unsafe_names.sort();
    unsafe_names.dedup();
    Request {
        origin,
        url,
        method: dice.pick(&METHODS).into(),
        unsafe_names,
        include: false,
        is_http2: dice.one_in(4),
    }
}

fn response(dice: &mut Dice, request: &Request) -> Response {
    let status = match dice.below(8) {
        0..4 => dice.pick(&[200, 204, 299]),
        4 | 5 => dice.pick(&[300, 301, 302, 303, 304, 305, 306, 307, 308]),
        _ => u16::try_from(100 + dice.below(500)).expect("small"),
    };
    let mut lines = Lines::new();
    let push = |dice: &mut Dice, lines: &mut Lines, name: &str, value: Vec<u8>| {
        let name = spelt(dice, name, request.is_http2);
        lines.push((name, padded(dice, value)));
    };
    for _ in 0..dice.pick(&[0, 1, 1, 1, 1, 1, 2, 3]) {
        let value = allow_origin(dice, &request.origin);
        push(dice, &mut lines, "Access-Control-Allow-Origin", value);
    }
    for _ in 0..dice.pick(&[0, 1, 1, 1, 2]) {
        let value = allow_credentials(dice);
        push(dice, &mut lines, "Access-Control-Allow-Credentials", value);
    }
    for _ in 0..dice.pick(&[0, 1, 1, 1, 2, 3]) {
        let value = list(dice, &METHODS, &request.method);
        push(dice, &mut lines, "Access-Control-Allow-Methods", value);
    }
    for _ in 0..dice.pick(&[0, 1, 1, 1, 2, 3]) {
        let asked = request.unsafe_names.join(&b","[..]);
        let value = list(dice, &NAMES, &asked);
        push(dice, &mut lines, "Access-Control-Allow-Headers", value);
    }
    for _ in 0..dice.pick(&[0, 0, 1, 1, 1, 2]) {
        let value = dice.pick(&LOCATIONS).into();
        push(dice, &mut lines, "Location", value);
    }
    if dice.one_in(3) {
        push(dice, &mut lines, "Vary", b"Origin".to_vec());
    }
    shuffle(dice, &mut lines);
    Response { status, lines }
}

fn shuffle(dice: &mut Dice, lines: &mut Lines) {
    for place in (1..lines.len()).rev() {
        let other = dice.below(place + 1);
        lines.swap(place, other);
    }
}

/// A name in some letter case, or nearly the name; HTTP/2 has lower case only.
fn spelt(dice: &mut Dice, name: &str, is_http2: bool) -> Vec<u8> {
    if dice.one_in(30) {
        return format!("{name}s").to_ascii_lowercase().into();
    }
    match dice.below(5) {
        _ if is_http2 => name.to_ascii_lowercase().into(),
        0 => name.to_ascii_lowercase().into(),
        1 => name.to_ascii_uppercase().into(),
        2 => in_any_case(dice, name.as_bytes()),
        _ => name.into(),
    }
}

/// The same letters, some of them of the other case.
pub fn in_any_case(dice: &mut Dice, text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    for octet in &mut text {
        if dice.one_in(2) {
            *octet = if octet.is_ascii_lowercase() {
                octet.to_ascii_uppercase()
            } else {
                octet.to_ascii_lowercase()
            };
        }
    }
    text
}

/// White space around a value is none of it.
fn padded(dice: &mut Dice, value: Vec<u8>) -> Vec<u8> {
    match dice.below(12) {
        0 => [b" \t".as_slice(), &value].concat(),
        1 => [&value, b"\t ".as_slice()].concat(),
        _ => value,
    }
}

fn allow_origin(dice: &mut Dice, origin: &str) -> Vec<u8> {
    let (scheme, rest) = origin.split_once("://").unwrap_or(("https", origin));
    let text = match dice.below(32) {
        0..8 => origin.to_owned(),
        8..12 => "*".to_owned(),
        12 => String::new(),
        13 => format!("{origin}/"),
        14 => format!("{origin}:443"),
        15 => format!("{}://{rest}", scheme.to_ascii_uppercase()),
        16 => format!("{scheme}://{}", rest.to_ascii_uppercase()),
        17 => rest.to_owned(),
        18 => format!("{scheme}://u:p@{rest}"),
        19 => format!("\"{origin}\""),
        20 => format!(
            "{origin}{}https://b.test",
            dice.pick(&[",", ", ", " ", "\t", ";"])
        ),
        21 => format!("*, {origin}"),
        22 => dice
            .pick(&[
                "null",
                "NULL",
                "**",
                "undefined",
                "$http_origin",
                "*.example.test",
            ])
            .to_owned(),
        23 => dice
            .pick(&[
                "https://*",
                "https://*.example.test",
                "https://host:*",
                "https:",
                "//",
            ])
            .to_owned(),
        24 => "https://b\u{fc}cher.example".to_owned(),
        25 => format!("{origin}{}", "a".repeat(300)),
        26 => format!("{origin},"),
        27 => dice.pick(&ORIGINS).to_owned(),
        28 => format!("http://{rest}"),
        29 => return b"https://b\xfccher.example".to_vec(),
        30 => return altered(dice, origin.as_bytes()),
        _ => return (0..dice.below(6)).map(|_| dice.octet()).collect(),
    };
    text.into_bytes()
}

/// The same with one octet another, one too many, or one missing.
fn altered(dice: &mut Dice, octets: &[u8]) -> Vec<u8> {
    let mut octets = octets.to_vec();
    let place = dice.below(octets.len());
    match dice.below(3) {
        0 => octets[place] = dice.octet(),
        1 => octets.insert(place, dice.octet()),
        _ => drop(octets.remove(place)),
    }
    octets
}

fn allow_credentials(dice: &mut Dice) -> Vec<u8> {
    match dice.below(16) {
        0..9 => b"true".to_vec(),
        9 => b"True".to_vec(),
        10 => b"TRUE".to_vec(),
        11 => b"true, true".to_vec(),
        12 => Vec::new(),
        13 => b"\"true\"".to_vec(),
        14 => dice.pick(&[
            b"false".to_vec(),
            b"1".to_vec(),
            b"*".to_vec(),
            b"true,".to_vec(),
        ]),
        _ => altered(dice, b"true"),
    }
}

/// A list of what may be asked for, with what does not belong into one.
fn list(dice: &mut Dice, words: &[&str], asked: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    for place in 0..dice.below(6) {
        if place > 0 {
            value.extend(dice.pick(&[b",".as_slice(), b", ", b"\t,", b",,", b" , , "]));
        }
        match dice.below(24) {
            0..6 => value.extend(asked),
            6..9 => value.push(b'*'),
            9 => value.extend(in_any_case(dice, asked)),
            10 if dice.one_in(3) => value.extend(dice.pick(&[
                b"GET PUT".as_slice(),
                b"\"PUT\"",
                b"(bad)",
                b"[PUT",
                b"PUT;q=1",
                b"P\xdcT",
                b"x a",
                b"\x0b",
                b"a\x7f",
                b"{}",
            ])),
            11 => {}
            12 if dice.one_in(20) => value.extend([b'X'; 500]),
            13 if dice.one_in(3) => value.push(dice.octet()),
            _ => {
                let word = dice.pick(words);
                value.extend(in_any_case_or_not(dice, word));
            }
        }
    }
    value
}

fn in_any_case_or_not(dice: &mut Dice, word: &str) -> Vec<u8> {
    if dice.one_in(3) {
        in_any_case(dice, word.as_bytes())
    } else {
        word.into()
    }
}

/// A request header that a script may set.
pub fn script_header(dice: &mut Dice) -> (Vec<u8>, Vec<u8>) {
    let name = dice.pick(&[
        "Accept",
        "Accept-Language",
        "Content-Language",
        "Content-Type",
        "Range",
        "Authorization",
        "X-A",
        "Content-Types",
        "acceptx",
    ]);
    let mut value: Vec<u8> = dice
        .pick(&[
            "",
            "*/*",
            "text/html;q=0.9, */*",
            "en-US,en;q=0.5",
            "text/plain",
            "TEXT/Plain ; charset=utf-8",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "application/json",
            "text/plain, text/html",
            "text/plain/x",
            "/",
            "text/",
            "text/plain;",
            "text /plain",
            "bytes=0-",
            "bytes=0-499",
            "bytes=9-1",
            "bytes=-5",
            "bytes=-",
            "bytes= 0-",
            "Bytes=0-",
            "bytes=0-1,3-4",
            "bytes=00009-10",
            "bytes=99999999999999999999999-99999999999999999999998",
            "items=0-",
            "a\"b",
            "a\tb",
            "en_US",
        ])
        .into();
    match dice.below(8) {
        0 => value.resize(127 + dice.below(3), b'a'),
        1 => value.push(dice.octet()),
        2 if !value.is_empty() => value = altered(dice, &value),
        _ => {}
    }
    (spelt(dice, name, false), padded(dice, value))
}
