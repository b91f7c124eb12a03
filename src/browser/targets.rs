//! Who is attached to what: a service worker is attached by the browser and by its page, and each of the
//! sessions would tell everything once more.

use std::collections::HashMap;

use serde_json::Value;

use super::word::text;

/// The sessions of each target, the one that is listened to first.
#[derive(Debug, Default)]
pub(super) struct Targets(HashMap<String, Vec<String>>);

impl Targets {
    /// Takes note of a `Target.attachedToTarget`. Whether its session is the target's first.
    pub(super) fn attached(&mut self, params: &Value) -> bool {
        let target = text(params, "/targetInfo/targetId").unwrap_or_default();
        let sessions = self.0.entry(target.to_owned()).or_default();
        sessions.extend(text(params, "/sessionId").map(str::to_owned));
        sessions.len() == 1
    }

    /// Takes note of a `Target.detachedFromTarget`. If it was the session that was listened to, the
    /// one to be listened to from here on, if there is any.
    pub(super) fn detached(&mut self, params: &Value) -> Option<String> {
        let session = text(params, "/sessionId")?;
        let (sessions, place) = self.0.values_mut().find_map(|sessions| {
            let place = sessions.iter().position(|known| known == session)?;
            Some((sessions, place))
        })?;
        sessions.remove(place);
        let next = sessions.first().filter(|_| place == 0).cloned();
        self.0.retain(|_, sessions| !sessions.is_empty());
        next
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attached(target: &str, session: &str) -> Value {
        json!({"sessionId": session, "targetInfo": {"targetId": target, "type": "service_worker"}})
    }

    fn detached(session: &str) -> Value {
        json!({"sessionId": session})
    }

    #[test]
    fn a_target_is_listened_to_once_for_as_long_as_anybody_is_attached_to_it() {
        let mut targets = Targets::default();
        assert!(targets.attached(&attached("worker", "by the browser")));
        assert!(targets.attached(&attached("page", "another")));
        assert!(!targets.attached(&attached("worker", "by its page")));
        assert!(!targets.attached(&attached("worker", "by another page")));
        let next = targets.detached(&detached("by the browser"));
        assert_eq!(next.as_deref(), Some("by its page"));
        assert_eq!(targets.detached(&detached("by another page")), None);
        assert_eq!(targets.detached(&detached("by its page")), None);
        assert!(targets.attached(&attached("worker", "once more")));
        assert_eq!(targets.detached(&detached("unknown")), None);
    }
}
