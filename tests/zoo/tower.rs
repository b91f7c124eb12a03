//! tower-http's CORS layer, misconfigured: one service for each mistake, each on a port of its own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, service_fn};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Starts every site; the ports by their names. They end with the test's runtime.
pub(crate) async fn start() -> HashMap<String, u16> {
    let origin = HeaderValue::from_static;
    let put = CorsLayer::new().allow_methods([Method::GET, Method::PUT]);
    let sites = [
        (
            "fine",
            put.clone()
                .allow_origin([origin("http://app.test")])
                .allow_credentials(true),
        ),
        (
            "list",
            put.clone().allow_origin([origin("http://friend.test")]),
        ),
        (
            "exact",
            put.allow_origin(AllowOrigin::exact(origin("http://admin.test"))),
        ),
    ];
    let mut ports = HashMap::new();
    for (name, layer) in sites {
        ports.insert(name.to_owned(), serve(Some(layer)).await);
    }
    ports.insert("plain".to_owned(), serve(None).await);
    ports
}

async fn serve(layer: Option<CorsLayer>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("bound");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, layer.clone()));
        }
    });
    port
}

async fn converse(stream: TcpStream, layer: Option<CorsLayer>) {
    let builder = hyper::server::conn::http1::Builder::new();
    let (io, answers) = (TokioIo::new(stream), service_fn(answer));
    let _ = if let Some(layer) = layer {
        let service = TowerToHyperService::new(layer.layer(answers));
        builder.serve_connection(io, service).await
    } else {
        let service = TowerToHyperService::new(answers);
        builder.serve_connection(io, service).await
    };
}

async fn answer(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = match (request.method(), request.uri().path()) {
        (&Method::OPTIONS, _) => StatusCode::METHOD_NOT_ALLOWED,
        (_, "/data.json") => StatusCode::OK,
        _ => StatusCode::NOT_FOUND,
    };
    Ok(response)
}
