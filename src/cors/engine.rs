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
        let says = |word: &str| memchr::memmem::find(agent, word.as_bytes()).is_some();
        if !says("Mozilla/") {
            None
        } else if says("Chrome/") || says("Chromium/") {
            Some(Self::Chromium)
        } else if says("AppleWebKit/") {
            Some(Self::Webkit)
        } else if says("Gecko/") && says("Firefox/") {
            Some(Self::Firefox)
        } else {
            None
        }
    }

    /// Whether this version of it sends Sec-Fetch-Storage-Access, as far as is known for sure:
    /// the versions it was measured in, and later ones.
    pub fn sends_storage_access(self, headers: &HeaderList) -> bool {
        let agent = headers.first("user-agent").unwrap_or_default();
        let version = |product: &str| {
            let at = memchr::memmem::find(agent, product.as_bytes())? + product.len();
            let digits = agent
                .get(at..)?
                .iter()
                .take_while(|octet| octet.is_ascii_digit());
            digits
                .copied()
                .map(char::from)
                .collect::<String>()
                .parse::<u32>()
                .ok()
        };
        match self {
            Self::Chromium => version("Chrome/").is_some_and(|version| version >= 156),
            Self::Firefox => version("Firefox/").is_some_and(|version| version >= 153),
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
    }
}
