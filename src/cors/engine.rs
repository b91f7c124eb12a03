//! The browser engines whose rules are known.

use serde::{Deserialize, Serialize};

use crate::wire::headers::HeaderList;

/// A browser engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Chrome, Chromium, Edge, Brave, Opera …
    Chromium,
    /// Firefox.
    Firefox,
    /// Safari, and every browser on iOS.
    Webkit,
}

impl Engine {
    /// All of them, in the order they are told in.
    pub const ALL: [Self; 3] = [Self::Chromium, Self::Firefox, Self::Webkit];

    /// Tells the engine by the request's User-Agent; nothing for what is no browser.
    pub fn of(headers: &HeaderList) -> Option<Self> {
        let agent = headers.first("user-agent")?;
        let (mut is_browser, mut is_webkit, mut is_gecko, mut is_firefox) =
            (false, false, false, false);
        for (before, _) in products(agent) {
            if before.ends_with(b"Chrome") || before.ends_with(b"Chromium") {
                return is_browser.then_some(Self::Chromium);
            }
            is_browser |= before.ends_with(b"Mozilla");
            is_webkit |= before.ends_with(b"AppleWebKit");
            is_gecko |= before.ends_with(b"Gecko");
            is_firefox |= before.ends_with(b"Firefox");
        }
        if is_browser && is_webkit {
            Some(Self::Webkit)
        } else if is_browser && is_gecko && is_firefox {
            Some(Self::Firefox)
        } else {
            None
        }
    }

    /// Whether this version of it sends Sec-Fetch-Storage-Access, as far as is known for sure:
    /// the versions it was measured in, and later ones.
    pub fn sends_storage_access(self, headers: &HeaderList) -> bool {
        let agent = headers.first("user-agent").unwrap_or_default();
        let is_since = |product: &[u8], first: u32| {
            let mut products = products(agent);
            let version = products.find(|(before, _)| before.ends_with(product));
            version.is_some_and(|(_, version)| major(version) >= first)
        };
        match self {
            Self::Chromium => is_since(b"Chrome", 156),
            Self::Firefox => is_since(b"Firefox", 153),
            Self::Webkit => false,
        }
    }

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::Webkit => "webkit",
        }
    }

    /// Its name in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::Chromium => "Chromium",
            Self::Firefox => "Firefox",
            Self::Webkit => "WebKit",
        }
    }
}

/// The products of a User-Agent (RFC 9110 section 10.1.5): what stands before and after each slash.
fn products(agent: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    memchr::memchr_iter(b'/', agent).map(|slash| {
        let (before, after) = agent.split_at(slash);
        (before, after.get(1..).unwrap_or_default())
    })
}

/// The number that a version starts with.
fn major(version: &[u8]) -> u32 {
    let digits = version.iter().take_while(|octet| octet.is_ascii_digit());
    digits.fold(0_u32, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u32::from(digit - b'0'))
    })
}

/// One value for each engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerEngine<T> {
    /// Chromium's.
    pub chromium: T,
    /// Firefox's.
    pub firefox: T,
    /// WebKit's.
    pub webkit: T,
}

impl<T> PerEngine<T> {
    /// Makes the three values.
    pub fn of(mut make: impl FnMut(Engine) -> T) -> Self {
        Self {
            chromium: make(Engine::Chromium),
            firefox: make(Engine::Firefox),
            webkit: make(Engine::Webkit),
        }
    }

    /// That of one engine.
    pub fn get(&self, engine: Engine) -> &T {
        match engine {
            Engine::Chromium => &self.chromium,
            Engine::Firefox => &self.firefox,
            Engine::Webkit => &self.webkit,
        }
    }

    /// Another value for each engine, from the one it has.
    pub fn map<U>(&self, make: impl Fn(Engine, &T) -> U) -> PerEngine<U> {
        PerEngine::of(|engine| make(engine, self.get(engine)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_agents_tell_the_engine() {
        let of = |agent: &str| Engine::of(&HeaderList::from_iter([("User-Agent", agent)]));
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      HeadlessChrome/156.0.0.0 Safari/537.36";
        assert_eq!(of(chrome), Some(Engine::Chromium));
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";
        assert_eq!(of(firefox), Some(Engine::Firefox));
        let on_ios = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
                      (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1";
        assert_eq!(of(on_ios), Some(Engine::Webkit));
        assert_eq!(of("curl/8.5.0"), None);
        assert_eq!(of("Chrome/156.0 alone"), None);
    }

    #[test]
    fn versions_since_the_measured_ones_send_storage_access() {
        let sends = |engine: Engine, agent: &str| {
            engine.sends_storage_access(&HeaderList::from_iter([("User-Agent", agent)]))
        };
        assert!(sends(
            Engine::Chromium,
            "Mozilla/5.0 HeadlessChrome/156.0.0.0 Safari/537.36"
        ));
        assert!(!sends(
            Engine::Chromium,
            "Mozilla/5.0 Chrome/155.9 Safari/537.36"
        ));
        assert!(sends(
            Engine::Firefox,
            "Mozilla/5.0 Gecko/20100101 Firefox/1000"
        ));
        assert!(!sends(
            Engine::Webkit,
            "Mozilla/5.0 AppleWebKit/605.1.15 Version/99"
        ));
    }
}
