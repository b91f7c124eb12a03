//! Whether caches are told that answers depend on Origin.

use crate::exchange::Response;
use crate::policy::finding::Severity;
use crate::policy::mistake::Mistake;
use crate::wire::headers::latin1;

use super::cell::Cell;
use super::findings::{Found, asked, value};

/// What caches keep without being told to (RFC 9110 section 15.1).
const KEPT: [u16; 12] = [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501];

/// Finds an answer that a cache would give to the wrong page. Preflights are in no cache that knows
/// Vary; where all pages get the same answer there is nothing to mix up.
pub(super) fn missing(cells: &[Cell]) -> Option<Found> {
    let pages = || cells.iter().filter(|cell| !cell.is_preflight());
    let mut values = pages().filter_map(Cell::head).map(allow_origin);
    let first = values.next()?;
    values.find(|value| *value != first)?;
    let is_mixed_up = |cell: &&Cell| {
        cell.head()
            .is_some_and(|head| is_kept(head) && !varies(head))
    };
    // The one without Origin is the one that is forgotten most.
    let cell = pages().find(is_mixed_up)?;
    let sent = cell.head().and_then(|head| value(head, "vary"));
    Some(Found {
        mistake: Mistake::VaryMissing,
        severity: Severity::Unsafe,
        seen: format!(
            "{} got an answer whose Vary is {}, while Access-Control-Allow-Origin differs with Origin",
            asked(cell),
            sent.unwrap_or_else(|| "not there".to_owned())
        ),
    })
}

fn allow_origin(head: &Response) -> Option<&[u8]> {
    head.headers.first("access-control-allow-origin")
}

/// Whether a cache may keep an answer.
fn is_kept(head: &Response) -> bool {
    let directives = value(head, "cache-control")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let has = |wanted: &str| {
        directives
            .split(',')
            .any(|one| one.trim().starts_with(wanted))
    };
    let is_told_to =
        has("max-age") || has("s-maxage") || has("public") || head.headers.contains("expires");
    !has("no-store") && (KEPT.contains(&head.status) || is_told_to)
}

fn varies(head: &Response) -> bool {
    head.headers.all("vary").any(|line| {
        latin1(line)
            .split(',')
            .map(str::trim)
            .any(|name| name == "*" || name.eq_ignore_ascii_case("origin"))
    })
}
