//! Which engines the browsers at work have. Each of them sends one User-Agent all the time, which is
//! read once.

use super::super::Engine;
use crate::wire::headers::HeaderList;

/// How many User-Agents are remembered: a session sees a few.
const MOST: usize = 8;

/// The engines by the User-Agents of late.
#[derive(Debug, Default)]
pub(super) struct Engines {
    known: Vec<(Box<[u8]>, Option<Engine>)>,
    /// The place that the next one takes when there are too many.
    oldest: usize,
}

impl Engines {
    /// The engine that made a request; nothing for what is no browser.
    pub(super) fn of(&mut self, headers: &HeaderList) -> Option<Engine> {
        let agent = headers.first("user-agent")?;
        let mut known = self.known.iter();
        if let Some((_, engine)) = known.find(|(known, _)| **known == *agent) {
            return *engine;
        }
        let engine = Engine::of(headers);
        self.remember(agent, engine);
        engine
    }

    fn remember(&mut self, agent: &[u8], engine: Option<Engine>) {
        let entry = (agent.into(), engine);
        if self.known.len() < MOST {
            self.known.push(entry);
        } else if let Some(oldest) = self.known.get_mut(self.oldest) {
            *oldest = entry;
            self.oldest = (self.oldest + 1) % MOST;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_what_it_says_however_many_there_are() {
        let mut engines = Engines::default();
        for _ in 0..3 {
            for version in 100..110 {
                let chrome = format!("Mozilla/5.0 Chrome/{version} Safari/537.36");
                let mut of =
                    |agent: &str| engines.of(&[("User-Agent", agent)].into_iter().collect());
                assert_eq!(of(&chrome), Some(Engine::Chromium));
                assert_eq!(of("curl/8.5.0"), None);
            }
        }
        assert_eq!(engines.known.len(), MOST);
        assert_eq!(engines.of(&HeaderList::default()), None);
    }
}
