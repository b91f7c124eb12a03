//! A tab of either browser, with the words in which the tests speak to the page in it.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use corstap::browser::Browser as Chromium;
use corstap::browser::firefox::Browser as Firefox;
use corstap::browser::{bidi, devtools};
use corstap::cors::Engine;
use serde_json::{Value, json};

use crate::support::live::{chromium, firefox};
use crate::support::scene::Rig;

/// What the tests say in the page: waiting for something, pressing a key, and what there is to read.
const WORDS: &str = r#"
    const until = async (what) => {
        for (let tries = 0; tries < 1500; tries += 1) {
            const found = what();
            if (found) return found;
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        throw new Error(`${what} never came; the page has: ${document.body.innerText}`);
    };
    const one = (selector) => document.querySelector(selector);
    const press = (key, target = document.body) =>
        target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    const click = (text) => [...document.querySelectorAll("button")].find((one) => one.textContent === text).click();
    const type = (selector, text) => {
        one(selector).value = text;
        one(selector).dispatchEvent(new Event("input"));
    };
    const counts = (text) => until(() => one(".counts")?.textContent.startsWith(text));
    const drawn = async () => {
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        await Promise.allSettled(document.getAnimations().map(({ finished }) => finished));
    };
"#;

/// A tab. It reaches the dashboard through the proxy of another run: a run's own does not lead there.
pub(super) enum Tab {
    Chromium(Box<Chromium>, devtools::Tab),
    Firefox(Box<Firefox>, bidi::Tab, String),
}

impl Tab {
    pub(super) async fn open(engine: Engine, program: PathBuf, rig: &Rig) -> Self {
        if engine == Engine::Firefox {
            let mut browser = firefox::start(program, rig).await;
            let context = browser.bidi.open_context().await.expect("a context");
            let tab = browser.bidi.open_tab(&context).await.expect("a tab");
            let tree = browser
                .bidi
                .call("browsingContext.getTree", json!({"maxDepth": 0}))
                .await
                .expect("a tree");
            let open = tree["contexts"].as_array().expect("a list");
            let id = open.last().expect("one")["context"].as_str().expect("text");
            return Self::Firefox(Box::new(browser), tab, id.to_owned());
        }
        let mut browser = chromium::start(program, rig);
        let tab = browser.devtools.open_tab(None).await.expect("a tab");
        Self::Chromium(Box::new(browser), tab)
    }

    pub(super) async fn navigate(&mut self, url: &str) {
        match self {
            Self::Chromium(browser, tab) => browser.devtools.navigate(tab, url).await,
            Self::Firefox(browser, tab, _) => browser.bidi.navigate(tab, url).await,
        }
        .expect("loaded");
    }

    /// What a script in the page comes to.
    pub(super) async fn does(&mut self, script: &str) -> Value {
        let script = format!("(async () => {{ {WORDS} {script} }})()");
        match self {
            Self::Chromium(browser, tab) => browser.devtools.evaluate(tab, &script).await,
            Self::Firefox(browser, tab, _) => browser.bidi.evaluate(tab, &script).await,
        }
        .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Waits for a condition in the page that takes longer than an answer may.
    pub(super) async fn waits(&mut self, condition: &str) {
        const TRIES: usize = 60;
        let once = format!(
            "for (let tries = 0; tries < 200; tries += 1) {{ if ({condition}) return true; await new Promise((resolve) => setTimeout(resolve, 50)); }} return false"
        );
        for _ in 0..TRIES {
            if self.does(&once).await == true {
                return;
            }
        }
        panic!("{condition} never came");
    }

    /// The same, where it comes to a text.
    pub(super) async fn says(&mut self, script: &str) -> String {
        let said = self.does(script).await;
        said.as_str().expect("text").to_owned()
    }

    /// A window of this size, with so many pixels of the screen for one of the page's, as zooming has it.
    pub(super) async fn is_sized(&mut self, width: u32, height: u32, zoom: u32) {
        match self {
            Self::Chromium(browser, tab) => {
                let size = json!({"width": width, "height": height, "deviceScaleFactor": zoom, "mobile": false});
                let set = "Emulation.setDeviceMetricsOverride";
                browser.devtools.call(Some(tab), set, size).await
            }
            Self::Firefox(browser, _, id) => {
                let size = json!({"context": id, "viewport": {"width": width, "height": height}, "devicePixelRatio": zoom});
                browser.bidi.call("browsingContext.setViewport", size).await
            }
        }
        .expect("sized");
    }

    /// Keeps a picture of the page in the output of the tests.
    pub(super) async fn pictured(&mut self, name: &str) {
        let (engine, taken) = match self {
            Self::Chromium(browser, tab) => {
                let capture = "Page.captureScreenshot";
                let taken = browser.devtools.call(Some(tab), capture, json!({}));
                ("chromium", taken.await)
            }
            Self::Firefox(browser, _, id) => {
                let of = json!({"context": id});
                let capture = "browsingContext.captureScreenshot";
                ("firefox", browser.bidi.call(capture, of).await)
            }
        };
        let taken = taken.expect("a picture");
        let picture = STANDARD.decode(taken["data"].as_str().expect("octets"));
        let file = format!("dashboard-{engine}-{name}.png");
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
        fs::write(file, picture.expect("base64")).expect("written");
    }

    pub(super) async fn close(self) {
        match self {
            Self::Chromium(browser, _) => browser.close().await,
            Self::Firefox(browser, ..) => browser.close().await,
        }
    }
}
