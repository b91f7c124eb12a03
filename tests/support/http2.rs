//! Both ends of a conversation over HTTP/2, frame by frame as the h2 crate has them.

use std::future::poll_fn;

use bytes::Bytes;
use corstap::wire::alpn::Alpn;
use h2::client::{ResponseFuture, SendRequest};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::scene::{PATIENCE, Scene};

/// A browser's connection.
pub struct Browser {
    pub requests: SendRequest<Bytes>,
    pub driving: JoinHandle<Result<(), h2::Error>>,
    base: String,
}

/// A server's.
pub struct Server {
    incoming: tokio::sync::mpsc::Receiver<(Request<RecvStream>, SendResponse<Bytes>)>,
    orders: tokio::sync::mpsc::Sender<Order>,
    pub driving: JoinHandle<Option<h2::Error>>,
}

/// What a server's connection can be told to do.
pub enum Order {
    /// Announce the end, and finish what is under way.
    Drain,
    /// Break off.
    Break,
}

/// Both ends, connected through the proxy.
pub async fn both(scene: &Scene) -> (Browser, Server) {
    both_as(
        scene,
        h2::client::Builder::new(),
        h2::server::Builder::new(),
    )
    .await
}

/// Both ends with settings of their own.
pub async fn both_as(
    scene: &Scene,
    browser: h2::client::Builder,
    server: h2::server::Builder,
) -> (Browser, Server) {
    let (near, far) = scene
        .both_with(&[Alpn::Http2, Alpn::Http11], Alpn::Http2)
        .await;
    let far = server.handshake(far.into_stream());
    let near = browser.handshake(near.into_stream());
    let (near, far) = tokio::join!(near, far);
    let browser = Browser::drive(near.expect("a handshake"), scene);
    (browser, Server::drive(far.expect("a handshake")))
}

/// A browser whose server ends TLS and closes.
pub async fn deserted(scene: &Scene) -> Browser {
    let (near, far) = scene.both_with(&[Alpn::Http2], Alpn::Http2).await;
    drop(far);
    let near = within(h2::client::handshake(near.into_stream())).await;
    Browser::drive(near.expect("a handshake"), scene)
}

impl Browser {
    fn drive<T>(
        (requests, connection): (SendRequest<Bytes>, h2::client::Connection<T>),
        scene: &Scene,
    ) -> Self
    where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        Self {
            requests,
            driving: tokio::spawn(connection),
            base: format!("https://{}", scene.authority()),
        }
    }

    /// Sends the head of a request; with content to follow if it is `open`.
    pub async fn asks(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        is_open: bool,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        self.sends(request.body(()).expect("a request"), !is_open)
            .await
    }

    /// Sends a request as it is.
    pub async fn sends(
        &mut self,
        request: Request<()>,
        is_ended: bool,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        poll_fn(|cx| self.requests.poll_ready(cx))
            .await
            .expect("room for another stream");
        self.requests.send_request(request, is_ended).expect("sent")
    }

    /// A GET for a path, and the response to it.
    pub async fn gets(&mut self, path: &str) -> Response<RecvStream> {
        let (response, _) = self.asks("GET", path, &[], false).await;
        within(response).await.expect("a response")
    }
}

impl Server {
    fn drive<T>(mut connection: h2::server::Connection<T, Bytes>) -> Self
    where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let (arrived, incoming) = tokio::sync::mpsc::channel(64);
        let (orders, mut ordered) = tokio::sync::mpsc::channel(1);
        let driving = tokio::spawn(async move {
            loop {
                tokio::select! {
                    accepted = connection.accept() => match accepted {
                        Some(Ok(stream)) => { let _ = arrived.send(stream).await; }
                        Some(Err(error)) => return Some(error),
                        None => return None,
                    },
                    Some(order) = ordered.recv() => match order {
                        Order::Drain => connection.graceful_shutdown(),
                        Order::Break => return None,
                    },
                }
            }
        });
        Self {
            incoming,
            orders,
            driving,
        }
    }

    /// The next request that arrives.
    pub async fn sees(&mut self) -> (Request<RecvStream>, SendResponse<Bytes>) {
        within(self.incoming.recv()).await.expect("a request")
    }

    pub async fn is_told(&self, order: Order) {
        self.orders
            .send(order)
            .await
            .expect("the connection is there");
    }
}

/// The head of a response.
pub fn head(status: u16, fields: &[(&str, &str)]) -> Response<()> {
    let mut head = Response::builder().status(status);
    for (name, value) in fields {
        head = head.header(*name, *value);
    }
    head.body(()).expect("a head")
}

/// Everything of some content, and its trailers, or how it broke off.
pub async fn whole(
    mut content: RecvStream,
) -> Result<(Vec<u8>, Option<HeaderMap>), Option<Reason>> {
    let mut octets = Vec::new();
    while let Some(data) = within(content.data()).await {
        let data = data.map_err(|error| error.reason())?;
        content
            .flow_control()
            .release_capacity(data.len())
            .expect("received");
        octets.extend_from_slice(&data);
    }
    let trailers = within(content.trailers())
        .await
        .map_err(|error| error.reason())?;
    Ok((octets, trailers))
}

/// The next piece of some content.
pub async fn piece(content: &mut RecvStream) -> Bytes {
    let data = within(content.data()).await.expect("more").expect("intact");
    content
        .flow_control()
        .release_capacity(data.len())
        .expect("received");
    data
}

pub async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.expect("in time")
}
