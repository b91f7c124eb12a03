//! Browsers: whether there are any, and whether one that is started for corstap does what it is told:
//! use the proxy, trust the CA, send loopback names through. The set-up page is asked, in it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Finding;
use crate::browser::{self, find, firefox};
use crate::ca::{self, Ca, HostList, LeafCache};
use crate::exchange::secret::{Redactor, Values};
use crate::proxy::{self, Notices, Parts, Proxy, Route};
use crate::store::Writer;

/// How long a browser may take for all of it.
const PATIENCE: Duration = Duration::from_mins(1);
const PAGE: &str = "http://corstap.invalid/";

/// Waits until the page has looked, and gives what it has found.
const ASK: &str = "new Promise((give) => {
    const look = () => {
        const state = (id) => document.getElementById(id)?.className;
        if (!document.getElementById('result')) return give('elsewhere');
        if (state('result') !== 'waiting') return give(state('trust') + ' ' + state('loopback'));
        setTimeout(look, 50);
    };
    look();
})";

/// A proxy for one browser, with a CA in memory.
struct Probe {
    address: std::net::SocketAddr,
    spki_pin: String,
    ca_pem: String,
    _stop: oneshot::Sender<()>,
    _capture: TempDir,
}

impl Probe {
    async fn start() -> Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let ca = Ca::generate(HostList::development(), "doctor")?;
        let (spki_pin, ca_pem) = (ca.spki_pin(), ca.certificate_pem());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let capture = tempfile::tempdir()?;
        let redactor = Redactor::new(&ca::random()?, Values::Harmless);
        let path = capture.path().join("doctor.corstap");
        let (_, recorder, _) = Writer::start(&path, redactor)?;
        let parts = Parts {
            read: ca.hosts().clone(),
            leaves: LeafCache::new(ca, Arc::clone(&provider)),
            route: Route::default(),
            own: vec![address],
            recorder,
            notices: Notices::new().0,
            confirm: false,
            rewriting: None,
            provider,
        };
        let (stop, stopped) = oneshot::channel();
        let stopped = async { stopped.await.unwrap_or_default() };
        tokio::spawn(proxy::serve(listener, Proxy::new(parts), stopped));
        Ok(Self {
            address,
            spki_pin,
            ca_pem,
            _stop: stop,
            _capture: capture,
        })
    }

    async fn chromium(&self) -> Result<Value> {
        let launch = browser::Launch {
            program: None,
            proxy: self.address,
            spki_pin: self.spki_pin.clone(),
        };
        let mut browser = launch.start()?;
        let asking = async {
            let tab = browser.devtools.open_tab(None).await?;
            browser.devtools.navigate(&tab, PAGE).await?;
            browser.devtools.evaluate(&tab, ASK).await
        };
        let asked = timeout(PATIENCE, asking).await;
        browser.close().await;
        Ok(asked??)
    }

    async fn firefox(&self) -> Result<Value> {
        let launch = firefox::Launch {
            program: None,
            proxy: self.address,
            ca_pem: self.ca_pem.clone(),
        };
        let mut browser = launch.start().await?;
        let asking = async {
            let context = browser.bidi.open_context().await?;
            let tab = browser.bidi.open_tab(&context).await?;
            browser.bidi.navigate(&tab, PAGE).await?;
            browser.bidi.evaluate(&tab, ASK).await
        };
        let asked = timeout(PATIENCE, asking).await;
        browser.close().await;
        Ok(asked??)
    }
}

/// A Chromium that is started for corstap.
pub(super) async fn chromium() -> Vec<Finding> {
    const LEG: &str = "chromium";
    let Some(program) = find::chromium() else {
        return vec![Finding::wrong(
            LEG,
            "none is found",
            "install one (on Debian: apt-get install chromium)",
        )];
    };
    let asked = async { Probe::start().await?.chromium().await };
    findings(LEG, &program.display().to_string(), asked.await)
}

/// The same for Firefox, which need not be there.
pub(super) async fn firefox() -> Vec<Finding> {
    const LEG: &str = "firefox";
    let Some(program) = find::firefox() else {
        return vec![Finding::note(
            LEG,
            "none is found",
            "install one (on Debian: apt-get install firefox-esr)",
        )];
    };
    let asked = async { Probe::start().await?.firefox().await };
    findings(LEG, &program.display().to_string(), asked.await)
}

fn findings(leg: &'static str, program: &str, asked: Result<Value>) -> Vec<Finding> {
    let policy = "look for policies or a wrapper that change its command line or settings (chrome://policy, about:policies)";
    let no_proxy = || format!("{program}, told to use the proxy, does not");
    let answer = match asked {
        Ok(answer) => answer,
        Err(error) => {
            return vec![Finding::wrong(
                leg,
                format!("{}: {error:#}", no_proxy()),
                policy,
            )];
        }
    };
    let words: Vec<&str> = answer.as_str().unwrap_or_default().split(' ').collect();
    let [trust, loopback] = words.as_slice() else {
        return vec![Finding::wrong(leg, no_proxy(), policy)];
    };
    let mut found = vec![Finding::ok(
        leg,
        format!("{program} uses the proxy when it is told to"),
    )];
    let mut leg_of = |word: &str, right: &str, wrong: &str| {
        found.push(if word == "good" {
            Finding::ok(leg, right)
        } else {
            Finding::wrong(leg, wrong, policy)
        });
    };
    leg_of(
        trust,
        "it trusts a CA that is given to it alone",
        "it does not trust the CA that is given to it alone",
    );
    leg_of(
        loopback,
        "it sends localhost through the proxy",
        "it keeps localhost from the proxy",
    );
    found
}
