//! `corstap demo`: a built-in page and API that fail in every way.

mod cases;
mod headless;
mod origins;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use rustls::crypto::CryptoProvider;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::cases::of_path;
use self::origins::{HOSTS, Origins};
use super::run::{listen as listen_on, told_to_stop};
use super::{FINE, view};
use crate::ca::{self, Ca, HostList, LeafCache};
use crate::cli::Demo;
use crate::cors::Outcome;
use crate::exchange::secret::{Redactor, Values};
use crate::proxy::{self, Notices, Parts, Proxy, Route};
use crate::report::explain::explain;
use crate::report::text;
use crate::store::row::Stored;
use crate::store::{Recorder, Shown, Writer};
use crate::term::Terminal;
use crate::wire::target::{Authority, Host};

/// Shows what corstap can do, to a person or to a browser of its own.
pub fn run(arguments: &Demo) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stage = Stage::set(arguments.listen).await?;
        if arguments.headless {
            headless::compare(stage, arguments.browser.clone()).await
        } else {
            stage.play().await
        }
    })
}

/// Servers, a proxy and a capture that lasts as long as the demonstration.
struct Stage {
    page: String,
    proxy: SocketAddr,
    spki_pin: String,
    verdicts: Verdicts,
    writer: Writer,
    recorder: Recorder,
    shown: std::sync::mpsc::Receiver<Shown>,
    stop: oneshot::Sender<()>,
    proxying: JoinHandle<io::Result<()>>,
    _serving: JoinHandle<()>,
    _captures: TempDir,
}

impl Stage {
    /// Sets everything up, with a CA that lives in memory only.
    async fn set(listen: SocketAddr) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let ca = || Ca::generate(HostList::development(), "demonstration");
        let (proxy_ca, server_ca) = (ca()?, ca()?);
        let servers = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = servers.local_addr()?.port();
        let listener = listen_on(listen).await?;
        let verdicts = Verdicts::default();
        let route = Route {
            resolve: HOSTS
                .iter()
                .map(|host| {
                    (
                        Authority {
                            host: Host::Name((*host).into()),
                            port,
                        },
                        Ipv4Addr::LOCALHOST.into(),
                    )
                })
                .collect(),
            roots: vec![server_ca.certificate().clone()],
            ..Route::default()
        };
        let origins = LeafCache::new(server_ca, Arc::clone(&provider));
        let origins = Arc::new(Origins::new(origins, port, verdicts.clone()));
        let captures = tempfile::tempdir()?;
        let path = captures.path().join("demo.corstap");
        let redactor = Redactor::new(&ca::random()?, Values::Harmless);
        let (writer, recorder, shown) = Writer::start(&path, redactor)?;
        let (proxy, spki_pin) = (listener.local_addr()?, proxy_ca.spki_pin());
        let parts = Parts {
            read: proxy_ca.hosts().clone(),
            leaves: LeafCache::new(proxy_ca, provider.clone()),
            route,
            own: vec![proxy],
            recorder: recorder.clone(),
            notices: Notices::new().0,
            rewriting: None,
            confirm: true,
            provider: provider as Arc<CryptoProvider>,
        };
        let (stop, stopped) = oneshot::channel();
        let stopped = async { stopped.await.unwrap_or_default() };
        Ok(Self {
            page: origins.page(),
            proxy,
            spki_pin,
            verdicts,
            writer,
            recorder,
            shown,
            stop,
            proxying: tokio::spawn(proxy::serve(listener, Proxy::new(parts), stopped)),
            _serving: tokio::spawn(origins.serve(servers)),
            _captures: captures,
        })
    }

    /// Tells how to open it, and then what happens, until the user has seen enough.
    async fn play(self) -> Result<u8> {
        let Self {
            page,
            proxy,
            spki_pin,
            verdicts,
            shown,
            ..
        } = self;
        let mut terminal = Terminal::new();
        terminal.print(&format!(
            "A page with a button for every way to fail is ready. Open it in a throw-away Chromium, which
trusts this demonstration for as long as it runs:

  chromium --user-data-dir=\"$(mktemp -d)\" --proxy-server=http://{proxy} \\
    --proxy-bypass-list='<-loopback>' --ignore-certificate-errors-spki-list={spki_pin} \\
    {page}

Then click, and look here. `corstap demo --headless` does it all by itself. Ctrl-C ends it.

"
        ))?;
        std::thread::spawn(move || {
            for stored in shown {
                verdicts.note(&stored);
                let is_case = case_of(&stored).is_some();
                let line = text::line(&stored.recorded, &stored.judgement, view(&terminal));
                // A terminal that is gone ends the telling, not the demonstration.
                if is_case && terminal.print(&line).is_err() {
                    return;
                }
            }
        });
        told_to_stop().await;
        Ok(FINE)
    }
}

/// The case that an exchange belongs to.
fn case_of(stored: &Stored) -> Option<&'static str> {
    let url = url::Url::parse(&stored.recorded.request.url).ok()?;
    of_path(url.path()).map(|case| case.name)
}

/// What the page shows beside each button.
#[derive(Clone, Debug, Default)]
struct Verdicts(Arc<Mutex<BTreeMap<&'static str, serde_json::Value>>>);

impl Verdicts {
    /// Takes note of an exchange. The last one of a case is what it comes to.
    fn note(&self, stored: &Stored) {
        let Some(case) = case_of(stored) else { return };
        let answer = &stored.judgement.verdict.answer;
        if answer.outcome == Outcome::Pending {
            return;
        }
        let explanation = explain(&stored.recorded, &stored.judgement);
        let label = match answer.cause {
            Some(cause) => format!("{}: {}", answer.outcome.name(), cause.name()),
            None => answer.outcome.name().to_owned(),
        };
        let told = serde_json::json!({
            "outcome": answer.outcome,
            "label": label,
            "explanation": explanation,
        });
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(case, told);
    }

    fn to_json(&self) -> String {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::to_string(&*told).unwrap_or_default()
    }
}
