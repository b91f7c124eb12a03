//! What asked for a load, in the browser's words.

use serde_json::Value;

use super::text;
use crate::exchange::Initiator;

/// `Network.Initiator`. Of a script it is the innermost call in a file; what has none was typed
/// into the console.
pub(super) fn of(told: &Value) -> Option<Initiator> {
    let kind = text(told, "/type")?.to_owned();
    let frame = told.get("stack").and_then(innermost);
    let place = frame.unwrap_or(told);
    let name = text(place, "/functionName").filter(|name| !name.is_empty());
    let url = text(place, "/url").filter(|url| !url.is_empty());
    Some(Initiator {
        kind,
        url: url.map(str::to_owned),
        line: from_one(place, "lineNumber"),
        column: from_one(place, "columnNumber"),
        function: name.map(str::to_owned),
    })
}

/// The innermost call of a stack, or of those that led to it, which is in a file.
fn innermost(stack: &Value) -> Option<&Value> {
    let mut stack = Some(stack);
    while let Some(inner) = stack {
        let mut frames = inner.get("callFrames")?.as_array()?.iter();
        let is_in_file = |frame: &&Value| text(frame, "/url").is_some_and(|url| !url.is_empty());
        if let Some(frame) = frames.find(is_in_file) {
            return Some(frame);
        }
        stack = inner.get("parent");
    }
    None
}

/// `Audits.SourceCodeLocation`.
pub(super) fn of_location(told: &Value) -> Option<Initiator> {
    let url = text(told, "/url").filter(|url| !url.is_empty())?;
    Some(Initiator {
        kind: "script".to_owned(),
        url: Some(url.to_owned()),
        line: from_one(told, "lineNumber"),
        column: from_one(told, "columnNumber"),
        function: None,
    })
}

/// The protocol counts from 0.
fn from_one(place: &Value, name: &str) -> Option<u32> {
    let number = place.get(name)?.as_u64()?;
    u32::try_from(number).ok()?.checked_add(1)
}
