//! A reader of HTTP/1 messages of its own: strict, slow, and written apart from the product's, so
//! that what arrives on the far side of the proxy is judged by somebody else.

/// One complete message at the front of some octets.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    pub start_line: String,
    pub fields: Vec<(String, Vec<u8>)>,
    /// How many octets it takes, content included.
    pub length: usize,
}

/// What stands at the front of some octets.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    Complete(Message),
    /// Valid so far.
    Partial,
    Malformed(&'static str),
}

/// Reads a request.
pub fn request(octets: &[u8]) -> Read {
    let head = match head(octets) {
        Ok(head) => head,
        Err(read) => return read,
    };
    let words: Vec<&str> = head.start_line.split(' ').collect();
    let [method, target, version] = words[..] else {
        return Read::Malformed("request line");
    };
    if !is_token(method.as_bytes())
        || target.is_empty()
        || !matches!(version, "HTTP/1.0" | "HTTP/1.1")
    {
        return Read::Malformed("request line");
    }
    let hosts = head
        .fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
        .count();
    if hosts > 1 || hosts == 0 && version == "HTTP/1.1" {
        return Read::Malformed("host");
    }
    match framing(&head) {
        Ok(framing) => finish(head, framing.unwrap_or(Framing::Length(0)), octets),
        Err(why) => Read::Malformed(why),
    }
}

/// Reads a response to a request of that method; `closed` says whether more will come.
pub fn response(octets: &[u8], to: &str, closed: bool) -> Read {
    let head = match head(octets) {
        Ok(head) => head,
        Err(read) => return read,
    };
    let Some(status) = status(&head.start_line) else {
        return Read::Malformed("status line");
    };
    let has_none = to == "HEAD" || status < 200 || status == 204 || status == 304;
    match framing(&head) {
        Err(why) => Read::Malformed(why),
        Ok(_) if has_none => finish(head, Framing::Length(0), octets),
        Ok(Some(framing)) => finish(head, framing, octets),
        Ok(None) if closed => {
            let rest = octets.len() - head.length;
            finish(head, Framing::Length(rest), octets)
        }
        Ok(None) => Read::Partial,
    }
}

/// The status of a status line.
pub fn status(start_line: &str) -> Option<u16> {
    let rest = start_line
        .strip_prefix("HTTP/1.1 ")
        .or_else(|| start_line.strip_prefix("HTTP/1.0 "))?;
    let code = rest
        .get(..3)
        .filter(|_| rest.len() == 3 || rest.as_bytes()[3] == b' ')?;
    code.parse().ok().filter(|code| (100..600).contains(code))
}

#[derive(Clone, Copy)]
enum Framing {
    Length(usize),
    Chunked,
}

fn head(octets: &[u8]) -> Result<Message, Read> {
    let mut lines = Vec::new();
    let mut at = 0;
    loop {
        let rest = &octets[at..];
        let Some(lf) = rest.iter().position(|&octet| octet == b'\n') else {
            return Err(check_line(rest.strip_suffix(b"\r").unwrap_or(rest))
                .map_or_else(Read::Malformed, |()| Read::Partial));
        };
        let Some(line) = rest[..=lf].strip_suffix(b"\r\n") else {
            return Err(Read::Malformed("bare LF"));
        };
        check_line(line).map_err(Read::Malformed)?;
        at += lf + 1;
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let Some((start_line, fields)) = lines.split_first() else {
        return Err(Read::Malformed("no start line"));
    };
    let fields = fields
        .iter()
        .map(|line| field(line))
        .collect::<Result<_, _>>()
        .map_err(Read::Malformed)?;
    let start_line = start_line.iter().map(|&octet| char::from(octet)).collect();
    Ok(Message {
        start_line,
        fields,
        length: at,
    })
}

fn check_line(line: &[u8]) -> Result<(), &'static str> {
    match line.iter().find(|octet| matches!(octet, 0 | b'\r')) {
        Some(_) => Err("CR or NUL"),
        None => Ok(()),
    }
}

fn field(line: &[u8]) -> Result<(String, Vec<u8>), &'static str> {
    let colon = line
        .iter()
        .position(|&octet| octet == b':')
        .ok_or("field without colon")?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !is_token(name) {
        return Err("field name");
    }
    Ok((
        String::from_utf8_lossy(name).into_owned(),
        value.trim_ascii().to_vec(),
    ))
}

fn is_token(octets: &[u8]) -> bool {
    let is = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
    !octets.is_empty() && octets.iter().all(is)
}

fn framing(head: &Message) -> Result<Option<Framing>, &'static str> {
    let all = |wanted: &str| -> Vec<&[u8]> {
        let named = head
            .fields
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named.map(|(_, value)| value.as_slice()).collect()
    };
    match (
        all("content-length").as_slice(),
        all("transfer-encoding").as_slice(),
    ) {
        ([], []) => Ok(None),
        ([length], []) if !length.is_empty() && length.iter().all(u8::is_ascii_digit) => {
            let length = String::from_utf8_lossy(length)
                .parse()
                .map_err(|_| "content-length")?;
            Ok(Some(Framing::Length(length)))
        }
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Some(Framing::Chunked)),
        _ => Err("framing fields"),
    }
}

fn finish(head: Message, framing: Framing, octets: &[u8]) -> Read {
    let content = &octets[head.length..];
    let length = match framing {
        Framing::Length(length) if content.len() < length => return Read::Partial,
        Framing::Length(length) => length,
        Framing::Chunked => match chunked(content) {
            Ok(Some(length)) => length,
            Ok(None) => return Read::Partial,
            Err(why) => return Read::Malformed(why),
        },
    };
    Read::Complete(Message {
        length: head.length + length,
        ..head
    })
}

/// How long a chunked body is, once it is complete.
fn chunked(octets: &[u8]) -> Result<Option<usize>, &'static str> {
    let mut at = 0;
    loop {
        let Some(line) = line(&octets[at..])? else {
            return Ok(None);
        };
        let digits = line
            .iter()
            .take_while(|octet| octet.is_ascii_hexdigit())
            .count();
        let extension = line[digits..].trim_ascii_start();
        if digits == 0 || !(line.len() == digits || extension.starts_with(b";")) {
            return Err("chunk size");
        }
        let size = usize::from_str_radix(&String::from_utf8_lossy(&line[..digits]), 16)
            .map_err(|_| "chunk size")?;
        at += line.len() + 2;
        if size == 0 {
            break;
        }
        let end = at + size;
        match octets.get(end..end + 2) {
            None => return Ok(None),
            Some(b"\r\n") => at = end + 2,
            Some(_) => return Err("chunk end"),
        }
    }
    loop {
        let Some(line) = line(&octets[at..])? else {
            return Ok(None);
        };
        at += line.len() + 2;
        if line.is_empty() {
            return Ok(Some(at));
        }
        field(line)?;
    }
}

fn line(octets: &[u8]) -> Result<Option<&[u8]>, &'static str> {
    let Some(lf) = octets.iter().position(|&octet| octet == b'\n') else {
        return Ok(None);
    };
    let line = octets[..=lf].strip_suffix(b"\r\n").ok_or("bare LF")?;
    check_line(line)?;
    Ok(Some(line))
}
