//! WebDriver BiDi over a WebSocket, with Mozilla's way into the browser's own window, where the
//! console tells the category of each message.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, Message as Frame};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{Error, message};

/// How long the browser may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The events that are asked for: what went wrong on the network, and what went well.
const EVENTS: [&str; 2] = ["network.fetchError", "network.responseCompleted"];

/// Takes what stands in the console, and leaves it empty.
const TAKE_CONSOLE: &str = "(() => {
  const told = Services.console.getMessageArray().filter(told => told instanceof Ci.nsIScriptError);
  Services.console.reset();
  const isWarning = ({ flags }) => Boolean(flags & Ci.nsIScriptError.warningFlag);
  return told.map(told => ({ category: told.category, text: told.errorMessage, is_warning: isWarning(told) }));
})()";

/// The channel that the console is told on.
pub(super) const CONSOLE: &str = "console";

/// Tells what comes into the console. Of mixed content, what is only warned of was let through.
const TELL_CONSOLE: &str = "tell => Services.console.registerListener({ observe(told) {
  const isTold = told instanceof Ci.nsIScriptError && (/^(C(ORS|SP)|SOP$|Web Socket$)/.test(told.category)
    || told.category.startsWith('Mixed Content') && !(told.flags & Ci.nsIScriptError.warningFlag));
  if (isTold) tell(JSON.stringify({
    category: told.category, text: told.errorMessage,
    source: told.sourceName, line: told.lineNumber, column: told.columnNumber,
  }));
} })";

/// A connection to a browser. Commands go one after the other; events that come meanwhile are
/// kept until they are asked for.
#[derive(Debug)]
pub struct BiDi {
    socket: WebSocketStream<TcpStream>,
    next: u64,
    events: VecDeque<Event>,
    /// The browser's own window.
    window: Tab,
}

/// Something that happened in a tab.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    /// What happened, as in `network.fetchError`.
    pub method: String,
    /// The particulars.
    #[serde(default)]
    pub params: Value,
}

/// What the browser says in its console.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Complaint {
    /// Of what kind it is, as in `CORSMissingAllowOrigin2`: the same in every language.
    pub category: String,
    /// The words, in the browser's language.
    pub text: String,
    /// Whether it is a warning only: the browser did as it was asked.
    pub is_warning: bool,
}

/// A tab.
#[derive(Clone, Debug)]
pub struct Tab(String);

/// A set of cookies, caches and connections, apart from all others.
#[derive(Debug)]
pub struct Context(String);

#[derive(Deserialize)]
struct Message {
    id: Option<u64>,
    #[serde(default)]
    result: Value,
    error: Option<String>,
    #[serde(default, rename = "message")]
    words: String,
    #[serde(flatten)]
    event: Option<Event>,
}

impl BiDi {
    /// Connects to a browser that was started with `--remote-allow-system-access`.
    pub(super) async fn connect(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await?;
        let shaken = client_async(format!("ws://{address}/session"), stream);
        let (socket, _) = in_time(shaken).await?.map_err(broken)?;
        let mut bidi = Self {
            socket,
            next: 0,
            events: VecDeque::new(),
            window: Tab(String::new()),
        };
        bidi.call("session.new", json!({"capabilities": {}}))
            .await?;
        bidi.call("session.subscribe", json!({"events": EVENTS}))
            .await?;
        let windows = json!({"moz:scope": "chrome", "maxDepth": 0});
        let windows = bidi.call("browsingContext.getTree", windows).await?;
        bidi.window = Tab(text(&windows, "/contexts/0/context")?);
        Ok(bidi)
    }

    /// Makes a context with cookies, caches and connections of its own.
    pub async fn open_context(&mut self) -> Result<Context, Error> {
        let made = self.call("browser.createUserContext", json!({})).await?;
        Ok(Context(text(&made, "/userContext")?))
    }

    /// Closes a context with everything in it.
    pub async fn close_context(&mut self, context: Context) -> Result<(), Error> {
        let context = json!({"userContext": context.0});
        self.call("browser.removeUserContext", context)
            .await
            .map(drop)
    }

    /// Opens a tab in a context.
    pub async fn open_tab(&mut self, context: &Context) -> Result<Tab, Error> {
        let create = json!({"type": "tab", "userContext": context.0});
        let made = self.call("browsingContext.create", create).await?;
        Ok(Tab(text(&made, "/context")?))
    }

    /// Loads a page, and waits until it has loaded.
    pub async fn navigate(&mut self, tab: &Tab, url: &str) -> Result<(), Error> {
        self.events.clear();
        let navigate = json!({"context": tab.0, "url": url, "wait": "complete"});
        self.call("browsingContext.navigate", navigate)
            .await
            .map(drop)
    }

    /// Evaluates an expression, and waits for the promise if it is one. What it comes to must have
    /// a form in JSON.
    pub async fn evaluate(&mut self, tab: &Tab, expression: &str) -> Result<Value, Error> {
        let plain = format!("(async () => JSON.stringify(await ({expression})))()");
        let evaluate =
            json!({"expression": plain, "target": {"context": tab.0}, "awaitPromise": true});
        let evaluated = self.call("script.evaluate", evaluate).await?;
        let thrown = evaluated.pointer("/exceptionDetails/text");
        if let Some(thrown) = thrown.and_then(Value::as_str) {
            return Err(Error::Refused {
                method: "script.evaluate".to_owned(),
                message: thrown.to_owned(),
            });
        }
        match evaluated.pointer("/result/value").and_then(Value::as_str) {
            Some(json) => Ok(message::read(json.as_bytes())?),
            None => Ok(Value::Null),
        }
    }

    /// Takes the events that have come so far.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// Takes what the browser has said in its console so far, in all tabs. What it had to say of
    /// this one's requests before it answered has come by then: the page's process passes that on,
    /// and answers after it.
    pub async fn take_console(&mut self, tab: &Tab) -> Result<Vec<Complaint>, Error> {
        self.evaluate(tab, "0").await?;
        let window = self.window.clone();
        let told = self.evaluate(&window, TAKE_CONSOLE).await?;
        Ok(serde_json::from_value(told)?)
    }

    /// Has everything told that goes wrong from here on, in the console too, as it happens.
    pub(super) async fn subscribe(&mut self) -> Result<(), Error> {
        self.call("session.subscribe", json!({"events": ["script.message"]}))
            .await?;
        let tell = json!({
            "functionDeclaration": TELL_CONSOLE,
            "arguments": [{"type": "channel", "value": {"channel": CONSOLE}}],
            "target": {"context": self.window.0},
            "awaitPromise": false,
        });
        self.call("script.callFunction", tell).await.map(drop)
    }

    /// Has the browser trust a CA, whose certificate is given in PEM, from here on.
    pub(super) async fn trust(&mut self, ca_pem: &str) -> Result<(), Error> {
        let lines = ca_pem.lines().filter(|line| !line.starts_with("-----"));
        let certificate: String = lines.collect();
        let window = self.window.clone();
        let add = format!(
            "Cc[\"@mozilla.org/security/x509certdb;1\"].getService(Ci.nsIX509CertDB)
               .addCertFromBase64({certificate:?}, \"C,,\") && null"
        );
        self.evaluate(&window, &add).await.map(drop)
    }

    /// The tab that is open at the start.
    pub(super) async fn first_tab(&mut self) -> Result<Tab, Error> {
        let tree = json!({"maxDepth": 0});
        let tree = self.call("browsingContext.getTree", tree).await?;
        Ok(Tab(text(&tree, "/contexts/0/context")?))
    }

    /// Begins to load a page, in this tab or in a new one.
    pub(super) async fn begin(&mut self, tab: Option<Tab>, url: &str) -> Result<(), Error> {
        let tab = if let Some(tab) = tab {
            tab
        } else {
            let create = json!({"type": "tab", "background": true});
            let made = self.call("browsingContext.create", create).await?;
            Tab(text(&made, "/context")?)
        };
        let navigate = json!({"context": tab.0, "url": url, "wait": "none"});
        self.call("browsingContext.navigate", navigate)
            .await
            .map(drop)
    }

    /// Waits for the next event, for so long; nothing if there is none.
    pub(super) async fn event(&mut self, patience: Duration) -> Result<Option<Event>, Error> {
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(event));
        }
        let Ok(frame) = timeout(patience, self.socket.next()).await else {
            return Ok(None);
        };
        match frame {
            None => Err(Error::Gone("it has ended")),
            Some(frame) => {
                let frame = frame.map_err(broken)?;
                let Frame::Text(text) = frame else {
                    return Ok(None);
                };
                Ok(message::read::<Message>(text.as_bytes())?.event)
            }
        }
    }

    /// Sends a command, and waits for its answer.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, Error> {
        self.next += 1;
        let id = self.next;
        let command = json!({"id": id, "method": method, "params": params}).to_string();
        let sent = self.socket.send(Frame::text(command));
        in_time(sent).await?.map_err(broken)?;
        loop {
            let answer = self.message().await?;
            if answer.id != Some(id) {
                self.events.extend(answer.event);
                continue;
            }
            return match answer.error {
                Some(error) => Err(Error::Refused {
                    method: method.to_owned(),
                    message: format!("{error}: {}", answer.words),
                }),
                None => Ok(answer.result),
            };
        }
    }

    async fn message(&mut self) -> Result<Message, Error> {
        loop {
            let Some(frame) = in_time(self.socket.next()).await? else {
                return Err(Error::Gone("it has ended"));
            };
            if let Frame::Text(text) = frame.map_err(broken)? {
                return Ok(message::read(text.as_bytes())?);
            }
        }
    }
}

async fn in_time<F: Future>(answer: F) -> Result<F::Output, Error> {
    timeout(PATIENCE, answer)
        .await
        .map_err(|_| Error::Gone("it does not answer"))
}

fn broken(error: tungstenite::Error) -> Error {
    use tungstenite::Error::{AlreadyClosed, ConnectionClosed};
    if matches!(error, AlreadyClosed | ConnectionClosed) {
        Error::Gone("it has ended")
    } else {
        Error::Io(std::io::Error::other(error))
    }
}

/// A text at a place in an answer where there has to be one.
fn text(answer: &Value, place: &'static str) -> Result<String, Error> {
    let text = answer.pointer(place).and_then(Value::as_str);
    text.map(str::to_owned).ok_or(Error::Lacking(place))
}
