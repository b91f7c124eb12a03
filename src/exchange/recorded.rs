//! Exchanges as a capture holds them: secrets withheld, ready to be stored and printed.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rewrite::RecordedRewrite;
use super::secret::{Redactor, Value};
use super::{
    ConnectionId, Content, Ending, Exchange, ExchangeId, Moment, Protocol, Reach, Response,
};
use crate::wire::headers::{HeaderList, from_latin1};

/// Header lines as a capture holds them: names in order and spelling, harmless values.
pub type Fields = Vec<(String, Value)>;

/// A request as a capture holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRequest {
    /// The method.
    pub method: String,
    /// The URL, its secrets withheld.
    pub url: String,
    /// The field lines, which many exchanges have in common.
    pub headers: Arc<Fields>,
}

/// A response as a capture holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedResponse {
    /// The status code.
    pub status: u16,
    /// The field lines, which many exchanges have in common.
    pub headers: Arc<Fields>,
}

/// An exchange as a capture holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its number in the capture.
    pub id: ExchangeId,
    /// The client connection it came on.
    pub connection: ConnectionId,
    /// The protocol.
    pub protocol: Protocol,
    /// The client's address.
    pub client: Option<SocketAddr>,
    /// How the server was reached.
    pub reach: Reach,
    /// When it started.
    pub started: Moment,
    /// How long it took, in milliseconds.
    pub elapsed_ms: Option<f64>,
    /// The request.
    pub request: RecordedRequest,
    /// The response as the server sent it.
    pub sent: Option<RecordedResponse>,
    /// What its content is, where its first octets were looked at.
    pub content: Option<Content>,
    /// The response as the browser got it, where a rewrite made it another one.
    pub delivered: Option<RecordedResponse>,
    /// What made it another one.
    pub rewrite: Option<RecordedRewrite>,
    /// How it ended.
    pub ending: Ending,
    /// What exactly went wrong, if something did.
    pub reason: Option<String>,
}

impl Recorded {
    /// What a capture holds of an exchange.
    pub fn of(exchange: &Exchange, redactor: &Redactor) -> Self {
        let sent = exchange.sent.as_ref();
        Self::with(
            exchange,
            redactor,
            Arc::new(fields(&exchange.request.headers, redactor)),
            sent.map(|sent| Arc::new(fields(&sent.headers, redactor))),
        )
    }

    /// The same, where the fields of its heads are known already.
    pub fn with(
        exchange: &Exchange,
        redactor: &Redactor,
        asked: Arc<Fields>,
        answered: Option<Arc<Fields>>,
    ) -> Self {
        let (sent, rewrite) = (exchange.sent.as_deref(), exchange.rewrite.as_deref());
        let request = RecordedRequest {
            method: redactor.name(&exchange.request.method),
            url: redactor.url(&exchange.request.url.to_string()),
            headers: asked,
        };
        let as_sent = |(sent, headers): (&Response, _)| RecordedResponse {
            status: sent.status,
            headers,
        };
        Self {
            id: exchange.id,
            connection: exchange.connection,
            protocol: exchange.protocol,
            client: exchange.client,
            reach: exchange.reach.clone(),
            started: exchange.started,
            elapsed_ms: exchange
                .elapsed
                .map(|elapsed| elapsed.as_secs_f64() * 1000.0),
            request,
            sent: sent.zip(answered).map(as_sent),
            content: exchange.content,
            delivered: rewrite.map(|rewrite| response(&rewrite.delivered, redactor)),
            rewrite: rewrite.map(|rewrite| RecordedRewrite::of(rewrite, sent, redactor)),
            ending: exchange.ending,
            reason: exchange.reason.clone(),
        }
    }

    /// Withholds what another redactor let stand: reports do so with what a capture of all values
    /// holds.
    pub fn withhold(&mut self, redactor: &Redactor) {
        self.request.method = redactor.name(&self.request.method);
        self.request.url = redactor.url(&self.request.url);
        let responses = [&mut self.sent, &mut self.delivered].into_iter().flatten();
        let heads = responses.map(|response| &mut response.headers);
        for fields in heads.chain([&mut self.request.headers]) {
            for (name, value) in Arc::make_mut(fields) {
                let Value::Plain(plain) = &*value else {
                    *name = redactor.name(name);
                    continue;
                };
                (*name, *value) = redactor.field(&from_latin1(name), &from_latin1(plain));
            }
        }
        if let Some(rewrite) = &mut self.rewrite {
            rewrite.withhold(redactor);
        }
    }
}

fn response(response: &Response, redactor: &Redactor) -> RecordedResponse {
    RecordedResponse {
        status: response.status,
        headers: Arc::new(fields(&response.headers, redactor)),
    }
}

/// The fields of a head as a capture holds them.
pub fn fields(headers: &HeaderList, redactor: &Redactor) -> Fields {
    headers
        .iter()
        .map(|(name, value)| redactor.field(name, value))
        .collect()
}
