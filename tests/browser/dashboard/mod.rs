//! The dashboard as people work with it, in real browsers.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use corstap::browser::Browser as Chromium;
use corstap::browser::firefox::Browser as Firefox;
use corstap::browser::{bidi, devtools};
use corstap::ca::HostList;
use corstap::cors::Engine;
use corstap::proxy::Route;
use serde_json::{Value, json};

use crate::browser;
use crate::pages::{Run, server};
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
    const counts = (text) => until(() => one(".counts")?.textContent.startsWith(text));
"#;

/// A tab of either browser. It reaches the dashboard through the proxy of another run: a run's own does
/// not lead there.
enum Tab {
    Chromium(Box<Chromium>, devtools::Tab),
    Firefox(Box<Firefox>, bidi::Tab),
}

impl Tab {
    async fn open(engine: Engine, program: PathBuf, rig: &Rig) -> Self {
        if engine == Engine::Firefox {
            let mut browser = firefox::start(program, rig).await;
            let context = browser.bidi.open_context().await.expect("a context");
            let tab = browser.bidi.open_tab(&context).await.expect("a tab");
            return Self::Firefox(Box::new(browser), tab);
        }
        let mut browser = chromium::start(program, rig);
        let tab = browser.devtools.open_tab(None).await.expect("a tab");
        Self::Chromium(Box::new(browser), tab)
    }

    async fn navigate(&mut self, url: &str) {
        match self {
            Self::Chromium(browser, tab) => browser.devtools.navigate(tab, url).await,
            Self::Firefox(browser, tab) => browser.bidi.navigate(tab, url).await,
        }
        .expect("loaded");
    }

    /// What a script in the page comes to.
    async fn does(&mut self, script: &str) -> Value {
        let script = format!("(async () => {{ {WORDS} {script} }})()");
        match self {
            Self::Chromium(browser, tab) => browser.devtools.evaluate(tab, &script).await,
            Self::Firefox(browser, tab) => browser.bidi.evaluate(tab, &script).await,
        }
        .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Keeps a picture of the page in the output of the tests.
    async fn pictured(&mut self, name: &str) {
        let Self::Chromium(browser, tab) = self else {
            return;
        };
        let taken = browser
            .devtools
            .call(Some(tab), "Page.captureScreenshot", json!({}))
            .await
            .expect("a picture");
        let picture = STANDARD.decode(taken["data"].as_str().expect("octets"));
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("dashboard-{name}.png"));
        fs::write(file, picture.expect("base64")).expect("written");
    }

    async fn close(self) {
        match self {
            Self::Chromium(browser, _) => browser.close().await,
            Self::Firefox(browser, _) => browser.close().await,
        }
    }
}

/// Sends a request of a page through the run's proxy.
fn asks(run: &Run, server: &str, path: &str) {
    let mut stream = TcpStream::connect(&run.proxy).expect("it listens");
    let request = format!(
        "GET http://{server}{path} HTTP/1.1\r\nHost: {server}\r\nOrigin: https://app.example.test\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("written");
    stream.read_to_end(&mut Vec::new()).expect("read");
}

/// The checks of axe-core, where it is installed.
fn axe() -> Option<String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    let file = target.join("browser/node_modules/axe-core/axe.min.js");
    let script = fs::read_to_string(file).ok();
    if script.is_none() {
        eprintln!("SKIPPED: axe-core is not installed (scripts/servers does it)");
    }
    script
}

async fn works(engine: Engine) {
    let Some(program) = browser(engine) else {
        return;
    };
    let rig = Rig::start(HostList::development(), Route::default()).await;
    let (mut run, server) = (Run::start(), server());
    let mut tab = Tab::open(engine, program, &rig).await;
    tab.navigate(&run.dashboard).await;
    tab.does("await until(() => one('.empty')?.innerText.includes('Nothing recorded yet'))")
        .await;

    // A failing page makes a row appear, and nothing of what traffic says becomes markup.
    asks(&run, &server, "/<img/src=x/onerror=document.title='ran'>");
    tab.does("await counts('1 exchange, 1 failure')").await;
    asks(&run, &server, "/second");
    tab.does("await counts('2 exchanges, 2 failures')").await;
    let odd = tab
        .does("return [document.title, document.querySelectorAll('img, body script').length]")
        .await;
    assert_eq!(odd, json!(["corstap", 0]));
    tab.pictured("list").await;

    // Filters live in the address.
    let address = tab
        .does("press('f'); one('input').value = 'second'; one('input').dispatchEvent(new Event('input')); await counts('1 exchange'); return location.search")
        .await;
    assert_eq!(address, "?outcome=failures&q=second");

    // The story of an exchange, by keyboard.
    let story = tab
        .does("press('j'); press('Enter'); return (await until(() => one('.story'))).innerText")
        .await;
    let story = story.as_str().expect("text");
    for told in [
        "has no Access-Control-Allow-Origin",
        "MissingAllowOriginHeader",
        "What to change",
    ] {
        assert!(story.contains(told), "{told}: {story}");
    }
    tab.pictured("story").await;
    tab.does("press('Escape'); await until(() => one('.detail').hidden)")
        .await;

    leads_on(&mut tab).await;
    if let Some(axe) = axe() {
        is_accessible(&mut tab, &axe).await;
    }

    // A run that ends, and another one, whose token this page does not have.
    run.child.kill().expect("ended");
    tab.does("press('1'); await until(() => one('#state').textContent === 'Reconnecting…')")
        .await;
    tab.close().await;
    rig.finish().await;
}

/// The overview, and the policy bench.
async fn leads_on(tab: &mut Tab) {
    let overview = tab
        .does("press('2'); return (await until(() => one('.overview'))).innerText")
        .await;
    assert!(
        overview.to_string().contains("What to fix first"),
        "{overview}"
    );
    tab.pictured("overview").await;
    let finding = tab
        .does("press('3'); const editor = await until(() => one('textarea')); editor.value = 'version = 1\\nrul = 2\\n'; editor.dispatchEvent(new Event('input')); return (await until(() => [...document.querySelectorAll('.findings li')].find((one) => one.innerText.includes('key-unknown')))).innerText")
        .await;
    assert!(finding.to_string().contains("line 2"), "{finding}");
    let change = tab
        .does("const click = (text) => [...document.querySelectorAll('button')].find((one) => one.textContent === text).click(); click('Start from the capture'); await until(() => one('textarea').value.includes('app.example.test')); click('Play it over the capture'); return (await until(() => one('.newly-allowed'))).innerText")
        .await;
    assert_eq!(change, "▲ 2");
    tab.pictured("policy").await;
}

/// No view has anything that axe-core objects to.
async fn is_accessible(tab: &mut Tab, axe: &str) {
    tab.does(&format!("{axe}; return typeof window.axe")).await;
    let mut told = String::new();
    for view in ["1", "2", "3"] {
        let found = tab
            .does(&format!("press('{view}'); await new Promise(requestAnimationFrame); const found = await window.axe.run(); return found.violations.map((one) => `${{one.id}}: ${{one.nodes[0].html}}`).join('\\n')"))
            .await;
        let _ = write!(told, "{}", found.as_str().expect("text"));
    }
    assert_eq!(told, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_is_worked_by_keyboard_in_chromium() {
    works(Engine::Chromium).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_is_worked_by_keyboard_in_firefox() {
    works(Engine::Firefox).await;
}
