//! The DevTools protocol, a command at a time.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::unix::pipe;
use tokio::time::timeout;

use super::{Error, Link, message};

/// How long the browser may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a frame or worker may take: one whose script was refused answers nothing any more.
const INNER_PATIENCE: Duration = Duration::from_secs(2);

/// A connection to a browser. Commands go one after the other; events that come meanwhile are
/// kept until they are asked for.
#[derive(Debug)]
pub struct DevTools {
    link: Link,
    next: u64,
    events: VecDeque<Event>,
    /// The frames and workers that have sessions of their own, beside their tabs'.
    inner: Vec<Tab>,
}

/// Something that happened in a tab.
#[derive(Clone, Debug)]
pub struct Event {
    /// The tab's session.
    pub session: Option<String>,
    /// What happened, as in `Network.loadingFailed`.
    pub method: String,
    /// The particulars.
    pub params: Value,
}

/// A tab, with what its page does told as events.
#[derive(Clone, Debug)]
pub struct Tab {
    session: String,
}

/// A set of cookies, caches and connections, apart from all others.
#[derive(Debug)]
pub struct Context(String);

#[derive(Deserialize)]
struct Message {
    id: Option<u64>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    result: Value,
    error: Option<Refusal>,
    #[serde(rename = "sessionId")]
    session: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl DevTools {
    pub(super) fn new(to: pipe::Sender, from: pipe::Receiver) -> Self {
        Self {
            link: Link::pipes(to, from),
            next: 0,
            events: VecDeque::new(),
            inner: Vec::new(),
        }
    }

    /// Makes a context with cookies, caches and connections of its own.
    pub async fn open_context(&mut self) -> Result<Context, Error> {
        let made = self
            .call(None, "Target.createBrowserContext", json!({}))
            .await?;
        let id = made
            .get("browserContextId")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Ok(Context(id.to_owned()))
    }

    /// Closes a context with everything in it.
    pub async fn close_context(&mut self, context: Context) -> Result<(), Error> {
        let context = json!({"browserContextId": context.0});
        self.call(None, "Target.disposeBrowserContext", context)
            .await
            .map(drop)
    }

    /// Opens a tab and has it tell of its network, and of that of its frames and workers.
    pub async fn open_tab(&mut self, context: Option<&Context>) -> Result<Tab, Error> {
        let mut create = json!({"url": "about:blank"});
        if let (Some(context), Some(create)) = (context, create.as_object_mut()) {
            create.insert("browserContextId".to_owned(), context.0.clone().into());
        }
        let target = self.call(None, "Target.createTarget", create).await?;
        let attach = json!({"targetId": target.get("targetId"), "flatten": true});
        let attached = self.call(None, "Target.attachToTarget", attach).await?;
        let session = attached
            .get("sessionId")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let tab = Tab { session };
        for domain in ["Network.enable", "Page.enable", "Runtime.enable"] {
            self.call(Some(&tab), domain, json!({})).await?;
        }
        let inner = json!({"autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true});
        self.call(Some(&tab), "Target.setAutoAttach", inner).await?;
        Ok(tab)
    }

    /// Loads a page, and waits until it has loaded.
    pub async fn navigate(&mut self, tab: &Tab, url: &str) -> Result<(), Error> {
        self.events.clear();
        let loaded = self
            .call(Some(tab), "Page.navigate", json!({"url": url}))
            .await?;
        if let Some(error) = loaded.get("errorText").and_then(Value::as_str) {
            let method = format!("Page.navigate to {url}");
            return Err(Error::Refused {
                method,
                message: error.to_owned(),
            });
        }
        while self.event().await?.method != "Page.loadEventFired" {}
        Ok(())
    }

    /// Evaluates an expression, and waits for the promise if it is one.
    pub async fn evaluate(&mut self, tab: &Tab, expression: &str) -> Result<Value, Error> {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut evaluated = self.call(Some(tab), "Runtime.evaluate", params).await?;
        let thrown = evaluated.pointer("/exceptionDetails/exception/description");
        if let Some(thrown) = thrown.and_then(Value::as_str) {
            let method = "Runtime.evaluate".to_owned();
            return Err(Error::Refused {
                method,
                message: thrown.to_owned(),
            });
        }
        Ok(evaluated
            .pointer_mut("/result/value")
            .map(Value::take)
            .unwrap_or_default())
    }

    /// Takes the events that have come so far. What happened before the browser answered this has
    /// come by then.
    pub async fn take_events(&mut self, tab: &Tab) -> Result<Vec<Event>, Error> {
        for inner in self.inner.clone() {
            let asked = self.call(Some(&inner), "Network.enable", json!({}));
            match timeout(INNER_PATIENCE, asked).await {
                // A frame or worker that is gone by now has said everything.
                Ok(Ok(_) | Err(Error::Refused { .. })) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => self.inner.retain(|other| other.session != inner.session),
            }
        }
        self.evaluate(tab, "0").await?;
        Ok(self.events.drain(..).collect())
    }

    /// Sends a command, and waits for its answer.
    pub async fn call(
        &mut self,
        tab: Option<&Tab>,
        method: &str,
        params: Value,
    ) -> Result<Value, Error> {
        let id = self.send(tab, method, params).await?;
        loop {
            let message = self.message().await?;
            if message.id != Some(id) {
                self.note(message).await?;
                continue;
            }
            return match message.error {
                Some(Refusal { message }) => Err(Error::Refused {
                    method: method.to_owned(),
                    message,
                }),
                None => Ok(message.result),
            };
        }
    }

    async fn send(&mut self, tab: Option<&Tab>, method: &str, params: Value) -> Result<u64, Error> {
        self.next += 1;
        let mut command = json!({"id": self.next, "method": method, "params": params});
        if let (Some(tab), Some(command)) = (tab, command.as_object_mut()) {
            command.insert("sessionId".to_owned(), tab.session.clone().into());
        }
        self.link.send(&command).await?;
        Ok(self.next)
    }

    /// Keeps an event. A frame or worker that waits for us is let go once it tells of its network.
    async fn note(&mut self, message: Message) -> Result<(), Error> {
        let Some(event) = message.event() else {
            return Ok(());
        };
        let params = &event.params;
        let session = params.get("sessionId").and_then(Value::as_str);
        match (event.method.as_str(), session) {
            ("Target.attachedToTarget", Some(session)) if waits(params) => {
                let inner = Tab {
                    session: session.to_owned(),
                };
                for command in ["Network.enable", "Runtime.runIfWaitingForDebugger"] {
                    self.send(Some(&inner), command, json!({})).await?;
                }
                self.inner.push(inner);
            }
            ("Target.detachedFromTarget", Some(session)) => {
                self.inner.retain(|inner| inner.session != session);
            }
            _ => {}
        }
        self.events.push_back(event);
        Ok(())
    }

    /// Waits for the next event.
    async fn event(&mut self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let message = self.message().await?;
            self.note(message).await?;
        }
    }

    async fn message(&mut self) -> Result<Message, Error> {
        let received = timeout(PATIENCE, self.link.receive()).await;
        let octets = received.map_err(|_| Error::Gone("it does not answer"))??;
        Ok(message::read(&octets)?)
    }
}

fn waits(attached: &Value) -> bool {
    attached.get("waitingForDebugger") == Some(&Value::Bool(true))
}

impl Message {
    fn event(self) -> Option<Event> {
        Some(Event {
            session: self.session,
            method: self.method?,
            params: self.params,
        })
    }
}
