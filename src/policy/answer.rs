//! What a server sends that follows a policy.

use super::origin::Origin;
use super::pattern::OriginPattern;
use super::rule::Rule;
use crate::exchange::Response;
use crate::wire::headers::HeaderList;

impl Rule {
    /// The fields of an answer to a request of this origin.
    pub fn fields(&self, origin: &[u8]) -> HeaderList {
        let mut fields = HeaderList::default();
        fields.push(b"Access-Control-Allow-Origin", self.allowed_origin(origin));
        if self.credentials {
            fields.push(b"Access-Control-Allow-Credentials", b"true");
        }
        if let Some(exposed) = self.expose_headers.value() {
            fields.push(b"Access-Control-Expose-Headers", exposed.as_bytes());
        }
        fields.push(b"Vary", b"Origin");
        fields
    }

    /// The answer to a preflight of this origin.
    pub fn preflight_answer(&self, origin: &[u8]) -> Response {
        let mut headers = HeaderList::default();
        headers.push(b"Access-Control-Allow-Origin", self.allowed_origin(origin));
        if self.credentials {
            headers.push(b"Access-Control-Allow-Credentials", b"true");
        }
        if let Some(methods) = self.methods.value() {
            headers.push(b"Access-Control-Allow-Methods", methods.as_bytes());
        }
        if let Some(names) = self.request_headers.value() {
            headers.push(b"Access-Control-Allow-Headers", names.as_bytes());
        }
        if let Some(seconds) = self.max_age {
            headers.push(b"Access-Control-Max-Age", seconds.to_string().as_bytes());
        }
        headers.push(b"Vary", b"Origin");
        Response {
            status: 204,
            headers,
        }
    }

    /// The origin itself where a pattern names it, and `*` where only that covers it.
    fn allowed_origin<'a>(&self, origin: &'a [u8]) -> &'a [u8] {
        let parsed = Origin::parse(origin);
        let named = |pattern: &&OriginPattern| {
            **pattern != OriginPattern::Any
                && parsed.as_ref().is_some_and(|origin| pattern.covers(origin))
        };
        if self.origins.iter().find(named).is_some() {
            origin
        } else {
            b"*"
        }
    }
}
