//! A server with tower-http's CORS layer, and what a probe of it finds.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use corstap::clock;
use corstap::exchange::RequestUrl;
use corstap::policy::Policy;
use corstap::probe::{Cell, Fetch, Found, Probe, findings};
use corstap::proxy::{Asker, Route};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::http::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, service_fn};
use tower_http::cors::CorsLayer;

/// More than any policy here needs.
const MOST: usize = 500;

/// A server, which ends with the test's runtime.
pub(crate) struct Site {
    pub(crate) url: String,
    /// Every request head that it got: method, path and Origin.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

/// Answers a request, after the layer.
pub(crate) type Answer = fn(&Request<Incoming>) -> Response<Full<Bytes>>;

/// A page for everything.
pub(crate) fn page(_: &Request<Incoming>) -> Response<Full<Bytes>> {
    Response::new(Full::from("{}"))
}

impl Site {
    /// Starts one with a layer.
    pub(crate) async fn with(layer: CorsLayer) -> Self {
        Self::start(Some(layer), page).await
    }

    /// Starts one that answers by itself.
    pub(crate) async fn answering(answer: Answer) -> Self {
        Self::start(None, answer).await
    }

    pub(crate) async fn start(layer: Option<CorsLayer>, answer: Answer) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("bound");
        let port = listener.local_addr().expect("bound").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, layer.clone(), answer, Arc::clone(&log)));
            }
        });
        Self {
            url: format!("http://127.0.0.1:{port}/api"),
            asked,
        }
    }

    /// A policy of one rule for it.
    pub(crate) fn policy(&self, rule: &str) -> String {
        let targets = format!("targets = [\"{}\"]", self.url);
        format!("version = 1\n[[rule]]\nname = \"app\"\n{targets}\n{rule}\n")
    }

    /// Probes it: the cells, and what is found in them.
    pub(crate) async fn probed(&self, rule: &str) -> (Vec<Cell>, Vec<Found>) {
        let now = clock::now();
        let parsed = Policy::parse(self.policy(rule).as_bytes(), now);
        let url = RequestUrl::parse(&self.url).expect("valid");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let probe = Probe {
            asker: Asker::new(Route::default(), provider),
            rules: parsed.policy.rules().iter().collect(),
            url,
            fetch: Fetch::Get,
            pace: Duration::ZERO,
        };
        let cells = probe
            .run(probe.matrix(MOST), |_| ())
            .await
            .expect("answered");
        let found = findings(&cells, &probe.rules);
        (cells, found)
    }

    /// The codes of what is found, the worst first.
    pub(crate) async fn codes(&self, rule: &str) -> Vec<(&'static str, &'static str)> {
        let (_, found) = self.probed(rule).await;
        let code = |one: &Found| (one.mistake.code(), one.severity.name());
        found.iter().map(code).collect()
    }
}

async fn converse(
    stream: TcpStream,
    layer: Option<CorsLayer>,
    answer: Answer,
    log: Arc<Mutex<Vec<String>>>,
) {
    let builder = hyper::server::conn::http1::Builder::new();
    let answers = service_fn(move |request: Request<Incoming>| {
        let response = answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    let noting = move |request: &Request<Incoming>| {
        let field = |name: &str| {
            let value = request.headers().get(name);
            value.map(|value| format!(" {name}={}", String::from_utf8_lossy(value.as_bytes())))
        };
        let fields: Vec<String> = ["origin", "cookie", "access-control-request-method"]
            .into_iter()
            .filter_map(field)
            .collect();
        let head = format!(
            "{} {}{}",
            request.method(),
            request.uri().path(),
            fields.concat()
        );
        log.lock().expect("not poisoned").push(head);
    };
    let io = TokioIo::new(stream);
    let _ = if let Some(layer) = layer {
        let service = layer.layer(answers);
        let service = tower::ServiceBuilder::new()
            .map_request(move |request: Request<Incoming>| {
                noting(&request);
                request
            })
            .service(service);
        builder
            .serve_connection(io, TowerToHyperService::new(service))
            .await
    } else {
        let service = tower::ServiceBuilder::new()
            .map_request(move |request: Request<Incoming>| {
                noting(&request);
                request
            })
            .service(answers);
        builder
            .serve_connection(io, TowerToHyperService::new(service))
            .await
    };
}
