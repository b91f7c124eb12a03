//! Handshakes of `WebSocket`s, which are told in events of their own.

use std::sync::Arc;

use serde_json::Value;

use super::{Loads, MOST_LOADS, headers, initiator, micros, text};
use crate::exchange::word::{Said, Teller, Way};
use crate::exchange::{AskedUrl, Initiator, Moment, Request, Word};

/// What a handshake that has worked is answered.
pub(super) const SWITCHING: u64 = 101;

/// A `WebSocket` whose handshake is not over.
#[derive(Debug)]
pub(super) struct Socket {
    url: AskedUrl,
    initiator: Option<Initiator>,
    /// When its handshake was sent, and with which fields.
    sent: Option<(Moment, Vec<(String, String)>)>,
}

impl Loads {
    /// Takes note of an event of a `WebSocket`.
    pub(super) fn of_socket(&mut self, event: &str, params: &Value, now: Moment) {
        let id = text(params, "/requestId").unwrap_or_default();
        match event {
            "Created" => self.socket_begins(id, params),
            "WillSendHandshakeRequest" => {
                if let Some(socket) = self.sockets.get_mut(id) {
                    let wall = params.get("wallTime").and_then(Value::as_f64);
                    let at = wall.map_or(now, |wall| Moment::from_micros(micros(wall)));
                    let lines = headers(params.pointer("/request/headers"));
                    socket.sent = Some((at, lines));
                }
            }
            "HandshakeResponseReceived" => {
                let status = params.pointer("/response/status").and_then(Value::as_u64);
                // Any other answer is told as an error.
                if status == Some(SWITCHING) {
                    self.socket_said(id, Said::Passed);
                }
            }
            "FrameError" => {
                let code = text(params, "/errorMessage").unwrap_or_default().to_owned();
                self.socket_said(id, Said::Failed { code });
            }
            "Closed" => drop(self.sockets.remove(id)),
            _ => {}
        }
    }

    fn socket_begins(&mut self, id: &str, params: &Value) {
        let Some(url) = text(params, "/url").and_then(AskedUrl::parse) else {
            return;
        };
        if self.sockets.len() > MOST_LOADS {
            self.sockets.clear();
        }
        let socket = Socket {
            url,
            initiator: params.get("initiator").and_then(initiator::of),
            sent: None,
        };
        self.sockets.insert(id.to_owned(), socket);
    }

    /// What comes later is about the frames, and no matter of the handshake. One that was not sent was kept
    /// back for what an issue tells.
    fn socket_said(&mut self, id: &str, said: Said) {
        let Some(socket) = self.sockets.remove(id) else {
            return;
        };
        let Some((started, lines)) = socket.sent else {
            return;
        };
        self.ready.push(Arc::new(Word {
            teller: Teller::DevTools,
            request: Request {
                method: "GET".to_owned(),
                url: socket.url,
                headers: lines.into_iter().collect(),
            },
            started,
            way: Way::Sent,
            said,
            initiator: socket.initiator,
        }));
    }
}
