//! What the fields of a request tell a policy.

use crate::cors::{Engine, names};
use crate::exchange::secret::WITHHELD;
use crate::wire::headers::{HeaderList, from_latin1};
use crate::wire::trim_ows;

/// What the fields of a request tell.
#[derive(Debug)]
pub(super) struct Head {
    /// The engine that made it.
    pub(super) engine: Engine,
    /// The method that a preflight asks for.
    pub(super) method: Option<String>,
    /// The names that a preflight asks for.
    pub(super) asked: Names,
    /// The names that a preflight would have to ask for.
    pub(super) unsafe_names: Names,
}

/// Header names, in small letters.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) all: Vec<String>,
    /// Whether some of them are withheld.
    pub(super) has_withheld: bool,
}

impl Head {
    /// Of lines as a capture has them; a value that is withheld is empty.
    pub(super) fn of<'l>(lines: impl ExactSizeIterator<Item = (&'l str, &'l str)>) -> Self {
        let mut headers = HeaderList::with_capacity(lines.len(), 1024);
        for (name, value) in lines {
            headers.push(&from_latin1(name), &from_latin1(value));
        }
        let asked = headers.first("access-control-request-headers");
        let asked = asked.unwrap_or_default().split(|octet| *octet == b',');
        let asked = asked.map(trim_ows).filter(|name| !name.is_empty());
        Self {
            engine: Engine::of(&headers).unwrap_or(Engine::Chromium),
            method: headers.first("access-control-request-method").map(lossy),
            asked: Names::of(asked),
            unsafe_names: Names::of(names::unsafe_names(&headers).into_iter()),
        }
    }
}

impl Names {
    fn of<'n>(names: impl Iterator<Item = &'n [u8]>) -> Self {
        let all: Vec<String> = names.map(|name| lossy(name).to_ascii_lowercase()).collect();
        Self {
            has_withheld: all.iter().any(|name| name.starts_with(WITHHELD)),
            all,
        }
    }
}

fn lossy(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}
