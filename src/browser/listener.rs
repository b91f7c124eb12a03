//! Listening to a Chromium for as long as it is open: every tab, frame and worker tells of its
//! network, from its first request on.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::targets::Targets;
use super::word::Loads;
use super::{Error, Link, message};
use crate::exchange::{Moment, Word};

/// How often it is looked whether something is overdue.
const TICK: Duration = Duration::from_millis(50);

/// What has a network of its own.
const TELLING: [&str; 5] = [
    "page",
    "iframe",
    "worker",
    "shared_worker",
    "service_worker",
];

/// Listens to a browser.
#[derive(Debug)]
pub struct Listener {
    link: Link,
    next: u64,
    loads: Loads,
    targets: Targets,
    /// The pages to be opened in the tab that is there, and in others.
    open: Vec<String>,
    /// Those that are opened in tabs of their own only.
    open_beside: Vec<String>,
}

#[derive(Deserialize)]
struct Message {
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(default, rename = "sessionId")]
    session: String,
}

impl Listener {
    /// A listener that opens these pages first: one in the tab that is there, each other one in a
    /// tab of its own.
    pub fn new(link: Link, open: Vec<String>) -> Self {
        Self {
            link,
            next: 0,
            loads: Loads::default(),
            targets: Targets::default(),
            open,
            open_beside: Vec::new(),
        }
    }

    /// A listener to a browser that somebody uses: pages are opened in tabs of their own.
    pub fn attached(link: Link, open: Vec<String>) -> Self {
        let mut listener = Self::new(link, Vec::new());
        listener.open_beside = open;
        listener
    }

    /// Listens until the browser ends; `now` says what time it is, and `hear` takes the words.
    pub async fn listen(
        mut self,
        now: impl Fn() -> Moment,
        hear: impl Fn(Arc<Word>),
    ) -> Result<(), Error> {
        self.follow("").await?;
        for url in std::mem::take(&mut self.open_beside) {
            let create = json!({"url": url});
            self.send("", "Target.createTarget", create).await?;
        }
        loop {
            let received = if self.loads.is_waiting() {
                timeout(TICK, self.link.receive()).await
            } else {
                Ok(self.link.receive().await)
            };
            match received {
                Ok(Err(Error::Gone(_))) => return Ok(()),
                Ok(message) => self.note(&message?, now()).await?,
                Err(_) => self.loads.time_passes(now()),
            }
            for word in self.loads.take() {
                hear(word);
            }
        }
    }

    async fn note(&mut self, message: &[u8], now: Moment) -> Result<(), Error> {
        let message: Message = message::read(message)?;
        let Some(method) = message.method else {
            return Ok(());
        };
        match &*method {
            "Target.attachedToTarget" => self.greet(&message.params).await?,
            "Target.detachedFromTarget" => {
                if let Some(next) = self.targets.detached(&message.params) {
                    self.hear_from(&next).await?;
                }
            }
            _ => {}
        }
        self.loads
            .note(&message.session, &method, &message.params, now);
        Ok(())
    }

    /// A new tab, frame or worker waits until we listen.
    async fn greet(&mut self, params: &Value) -> Result<(), Error> {
        let session = params.get("sessionId").and_then(Value::as_str);
        let kind = params.pointer("/targetInfo/type").and_then(Value::as_str);
        let (Some(session), Some(kind)) = (session, kind) else {
            return Ok(());
        };
        if TELLING.contains(&kind) && self.targets.attached(params) {
            self.hear_from(session).await?;
        }
        self.send(session, "Runtime.runIfWaitingForDebugger", json!({}))
            .await?;
        if kind == "page" {
            self.open_pages(session).await?;
        }
        Ok(())
    }

    /// Has a tab, frame or worker tell of its network, and of what it opens.
    async fn hear_from(&mut self, session: &str) -> Result<(), Error> {
        self.send(session, "Network.enable", json!({})).await?;
        self.send(session, "Audits.enable", json!({})).await?;
        self.follow(session).await
    }

    async fn open_pages(&mut self, session: &str) -> Result<(), Error> {
        let mut pages = std::mem::take(&mut self.open).into_iter();
        if let Some(first) = pages.next() {
            self.send(session, "Page.navigate", json!({"url": first}))
                .await?;
        }
        for other in pages {
            let create = json!({"url": other, "background": true});
            self.send("", "Target.createTarget", create).await?;
        }
        Ok(())
    }

    /// Has whatever opens from here on attached, before it does anything.
    async fn follow(&mut self, session: &str) -> Result<(), Error> {
        let follow = json!({"autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true});
        self.send(session, "Target.setAutoAttach", follow).await
    }

    /// Sends a command. What comes of it shows, or does not matter.
    async fn send(&mut self, session: &str, method: &str, params: Value) -> Result<(), Error> {
        self.next += 1;
        let mut command = json!({"id": self.next, "method": method, "params": params});
        if let Some(command) = command.as_object_mut()
            && !session.is_empty()
        {
            command.insert("sessionId".to_owned(), session.into());
        }
        self.link.send(&command).await
    }
}
