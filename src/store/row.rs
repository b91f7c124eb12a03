//! Rows: exchanges with their judgements, in and out of the tables.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use rusqlite::{Row, Statement, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Error;
use super::common::{Places, Text};
use crate::cors::Judgement;
use crate::exchange::recorded::{Recorded, RecordedRequest, RecordedResponse};
use crate::exchange::rewrite::RecordedRewrite;
use crate::exchange::{ConnectionId, Content, ExchangeId, Moment, Reach};

/// An exchange as a capture holds it, with the judgement on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// How many judgements it has had.
    pub rev: u32,
    /// The exchange.
    pub recorded: Recorded,
    /// The latest judgement, which many exchanges have in common.
    pub judgement: Arc<Judgement>,
}

/// Its parameters are numbered in the order in which they first stand here.
pub(super) const INSERT: &str = "
    INSERT INTO exchange_row VALUES (
        :id, :change, :rev, :started, :elapsed_ms, :connection, :protocol, :client, :server,
        :method, :url, :request_headers, :status, :response_headers, :content, :ending,
        :reason, :via, :unverified, :rewrite, :failed, :judgement
    )
    ON CONFLICT (id) DO UPDATE SET
        change = :change, rev = :rev, elapsed_ms = :elapsed_ms, server = :server,
        status = :status, response_headers = :response_headers, content = :content, ending = :ending,
        reason = :reason, via = :via, unverified = :unverified, rewrite = :rewrite,
        failed = :failed, judgement = :judgement";

/// What a rule made of a response, in one column.
#[derive(Serialize, Deserialize)]
struct Rewritten {
    rewrite: RecordedRewrite,
    delivered: RecordedResponse,
}

impl Rewritten {
    fn of(recorded: &Recorded) -> Option<Self> {
        Some(Self {
            rewrite: recorded.rewrite.clone()?,
            delivered: recorded.delivered.clone()?,
        })
    }
}

/// The JSON of an exchange: of the fields of its heads, and of the judgement on it.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) request: Text,
    pub(super) sent: Option<Text>,
    pub(super) judgement: Text,
}

/// Addresses as text: there are few, which come again and again.
#[derive(Debug, Default)]
pub(super) struct Addresses(HashMap<SocketAddr, Arc<str>, RandomState>);

impl Addresses {
    /// How many are remembered.
    const MOST: usize = 1024;

    fn text(&mut self, address: SocketAddr) -> Arc<str> {
        if self.0.len() > Self::MOST {
            self.0.clear();
        }
        let text = self.0.entry(address);
        Arc::clone(text.or_insert_with(|| address.to_string().into()))
    }
}

/// Writes a row, or writes it anew; its texts stand elsewhere.
pub(super) fn insert(
    statement: &mut Statement<'_>,
    change: i64,
    stored: &Stored,
    texts: Places,
    addresses: &mut Addresses,
) -> rusqlite::Result<()> {
    let Stored {
        rev,
        recorded,
        judgement,
    } = stored;
    let sent = recorded.sent.as_ref();
    statement.execute(params![
        number(recorded.id.0),
        change,
        rev,
        recorded.started.micros(),
        recorded.elapsed_ms,
        number(recorded.connection.0),
        recorded.protocol.name(),
        recorded.client.map(|address| addresses.text(address)),
        recorded.reach.server.map(|address| addresses.text(address)),
        recorded.request.method,
        recorded.request.url,
        texts.request,
        sent.map(|sent| sent.status),
        texts.sent,
        recorded.content.map(Content::name),
        recorded.ending.name(),
        recorded.reason,
        recorded.reach.via,
        recorded.reach.unverified.as_ref().map(json),
        Rewritten::of(recorded).as_ref().map(json),
        judgement.verdict.is_failure(),
        texts.judgement,
    ])?;
    Ok(())
}

/// Reads a row of `SELECT * FROM exchange`, of any version: columns that came later may be missing.
pub(super) fn read(row: &Row<'_>) -> Result<Stored, ReadError> {
    let text = |name: &str| row.get::<_, String>(name);
    let maybe = |name: &str| row.get::<_, Option<String>>(name);
    let later = |name: &str| match maybe(name) {
        Err(rusqlite::Error::InvalidColumnName(_)) => Ok(None),
        found => found,
    };
    let headers: Option<String> = maybe("response_headers")?;
    let status: Option<u16> = row.get("status")?;
    let sent = match (status, headers) {
        (Some(status), Some(headers)) => Some(RecordedResponse {
            status,
            headers: serde_json::from_str(&headers)?,
        }),
        _ => None,
    };
    let rewritten: Option<Rewritten> = match later("rewrite")? {
        Some(rewritten) => Some(serde_json::from_str(&rewritten)?),
        None => None,
    };
    let (rewrite, delivered) = rewritten
        .map(|rewritten| (rewritten.rewrite, rewritten.delivered))
        .unzip();
    Ok(Stored {
        rev: row.get("rev")?,
        recorded: Recorded {
            id: ExchangeId(unsigned(row.get("id")?)),
            connection: ConnectionId(unsigned(row.get("connection")?)),
            protocol: parse_word(text("protocol")?)?,
            client: maybe("client")?.and_then(|address| address.parse().ok()),
            reach: Reach {
                server: maybe("server")?.and_then(|address| address.parse().ok()),
                via: later("via")?.map(Arc::from),
                unverified: match later("unverified")? {
                    Some(unverified) => Some(serde_json::from_str(&unverified)?),
                    None => None,
                },
            },
            started: Moment::from_micros(row.get("started")?),
            elapsed_ms: row.get("elapsed_ms")?,
            request: RecordedRequest {
                method: text("method")?,
                url: text("url")?,
                headers: serde_json::from_str(&text("request_headers")?)?,
            },
            sent,
            content: later("content")?.as_deref().and_then(Content::of_name),
            delivered,
            rewrite,
            ending: parse_word(text("ending")?)?,
            reason: maybe("reason")?,
        },
        judgement: serde_json::from_str(&text("judgement")?)?,
    })
}

/// What went wrong with reading a row.
#[derive(Debug)]
pub(super) enum ReadError {
    Sqlite(rusqlite::Error),
    Json(serde_json::Error),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<serde_json::Error> for ReadError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl ReadError {
    pub(super) fn of(self, path: &std::path::Path) -> Error {
        match self {
            Self::Sqlite(source) => Error::Sqlite {
                path: path.to_owned(),
                source,
            },
            Self::Json(error) => Error::Row(error),
        }
    }
}

pub(super) fn number(unsigned: u64) -> i64 {
    i64::try_from(unsigned).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn json(value: &impl Serialize) -> String {
    // Room for most of what is written, so that it need not grow.
    let mut json = Vec::with_capacity(1024);
    match serde_json::to_writer(&mut json, value) {
        Ok(()) => String::from_utf8(json).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// An enum without fields, by the one word that it is in JSON.
fn parse_word<T: DeserializeOwned>(word: String) -> Result<T, serde_json::Error> {
    serde_json::from_value(serde_json::Value::String(word))
}
