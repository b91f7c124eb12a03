//! Exchanges as a capture holds them: secrets withheld, ready to be stored and printed.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::rewrite::RecordedRewrite;
use super::secret::{Redactor, Value};
use super::{
    ConnectionId, Ending, Exchange, ExchangeId, Moment, Protocol, Reach, Request, Response,
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
    /// The field lines.
    pub headers: Fields,
}

/// A response as a capture holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedResponse {
    /// The status code.
    pub status: u16,
    /// The field lines.
    pub headers: Fields,
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
        let (sent, rewrite) = (exchange.sent.as_deref(), exchange.rewrite.as_deref());
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
            request: request(&exchange.request, redactor),
            sent: sent.map(|sent| response(sent, redactor)),
            delivered: rewrite.map(|rewrite| response(&rewrite.delivered, redactor)),
            rewrite: rewrite.map(|rewrite| RecordedRewrite::of(rewrite, sent, redactor)),
            ending: exchange.ending,
            reason: exchange.reason.clone(),
        }
    }

    /// Withholds what another redactor let stand: reports do so with what a capture of all values
    /// holds.
    pub fn withhold(&mut self, redactor: &Redactor) {
        self.request.url = redactor.url(&self.request.url);
        let responses = [&mut self.sent, &mut self.delivered].into_iter().flatten();
        let heads = responses.map(|response| &mut response.headers);
        for fields in heads.chain([&mut self.request.headers]) {
            for (name, value) in fields.iter_mut() {
                let Value::Plain(plain) = &*value else {
                    *name = redactor.name(name);
                    continue;
                };
                (*name, *value) = redactor.field(&from_latin1(name), &from_latin1(plain));
            }
        }
    }
}

fn request(request: &Request, redactor: &Redactor) -> RecordedRequest {
    RecordedRequest {
        method: request.method.clone(),
        url: redactor.url(&request.url.to_string()),
        headers: fields(&request.headers, redactor),
    }
}

fn response(response: &Response, redactor: &Redactor) -> RecordedResponse {
    RecordedResponse {
        status: response.status,
        headers: fields(&response.headers, redactor),
    }
}

fn fields(headers: &HeaderList, redactor: &Redactor) -> Fields {
    headers
        .iter()
        .map(|(name, value)| redactor.field(name, value))
        .collect()
}
