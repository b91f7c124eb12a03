//! The software a server names in its answers, by which remedies are worded.

use crate::wire::headers::HeaderList;

use super::fact::says;

/// A family of server software.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Nginx,
    Apache,
    Caddy,
    Express,
    Starlette,
    Django,
    Flask,
    Rails,
    Laravel,
    Spring,
    AspNet,
    Cloudflare,
    CloudFront,
    Fastly,
    Akamai,
    Alb,
    ApiGateway,
    Envoy,
    S3,
}

/// What a server is made of, as far as it shows: the application, and what stands in front of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) application: Option<Family>,
    pub(super) front: Option<Family>,
}

impl Server {
    /// Tells the software by an answer's fields.
    pub(super) fn of(headers: &HeaderList) -> Self {
        Self {
            application: application(headers),
            front: front(headers),
        }
    }

    /// What is not known by this one is taken from another answer.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            application: self.application.or(other.application),
            front: self.front.or(other.front),
        }
    }
}

/// By the name each gives itself in Server, X-Powered-By, or in a field that only it sends.
fn application(headers: &HeaderList) -> Option<Family> {
    const SERVERS: [(&str, Family); 10] = [
        ("uvicorn", Family::Starlette),
        ("hypercorn", Family::Starlette),
        ("wsgiserver", Family::Django),
        ("daphne", Family::Django),
        ("werkzeug", Family::Flask),
        ("puma", Family::Rails),
        ("passenger", Family::Rails),
        ("apache-coyote", Family::Spring),
        ("kestrel", Family::AspNet),
        ("microsoft-iis", Family::AspNet),
    ];
    const POWERED_BY: [(&str, Family); 3] = [
        ("express", Family::Express),
        ("asp.net", Family::AspNet),
        ("phusion passenger", Family::Rails),
    ];
    named(headers, "x-powered-by", &POWERED_BY)
        .or_else(|| named(headers, "server", &SERVERS))
        .or_else(|| by_habit(headers))
}

/// By what a framework adds to its answers unless it is told not to.
fn by_habit(headers: &HeaderList) -> Option<Family> {
    let is = |name: &str, value: &[u8]| headers.first(name) == Some(value);
    let vary = || headers.all("vary").filter(|value| !value.contains(&b','));
    let has_rails_fields = headers.contains("x-runtime") && headers.contains("x-request-id");
    if has_rails_fields || headers.contains("x-rack-cors") {
        Some(Family::Rails)
    } else if is("referrer-policy", b"same-origin")
        && is("cross-origin-opener-policy", b"same-origin")
    {
        Some(Family::Django)
    } else if headers
        .all("set-cookie")
        .any(|cookie| cookie.starts_with(b"laravel_session="))
    {
        Some(Family::Laravel)
    } else if headers.contains("x-application-context")
        || is(
            "cache-control",
            b"no-cache, no-store, max-age=0, must-revalidate",
        )
        || vary().any(|value| value.eq_ignore_ascii_case(b"access-control-request-method"))
    {
        Some(Family::Spring)
    } else {
        None
    }
}

fn front(headers: &HeaderList) -> Option<Family> {
    const SERVERS: [(&str, Family); 12] = [
        ("cloudflare", Family::Cloudflare),
        ("cloudfront", Family::CloudFront),
        ("akamai", Family::Akamai),
        ("awselb", Family::Alb),
        ("envoy", Family::Envoy),
        ("nginx", Family::Nginx),
        ("openresty", Family::Nginx),
        ("apache-coyote", Family::Spring),
        ("apache", Family::Apache),
        ("caddy", Family::Caddy),
        ("varnish", Family::Fastly),
        ("amazons3", Family::S3),
    ];
    const VIA: [(&str, Family); 4] = [
        ("cloudfront", Family::CloudFront),
        ("varnish", Family::Fastly),
        ("caddy", Family::Caddy),
        ("akamai", Family::Akamai),
    ];
    let by_field = || {
        if headers.contains("cf-ray") {
            Some(Family::Cloudflare)
        } else if headers.contains("x-amz-cf-id") {
            Some(Family::CloudFront)
        } else if headers.contains("x-amz-apigw-id") || headers.contains("apigw-requestid") {
            Some(Family::ApiGateway)
        } else {
            None
        }
    };
    named(headers, "server", &SERVERS)
        .filter(|family| *family != Family::Spring)
        .or_else(by_field)
        .or_else(|| named(headers, "via", &VIA))
}

/// The family whose name stands in a field.
fn named(headers: &HeaderList, field: &str, names: &[(&str, Family)]) -> Option<Family> {
    let value = headers.first(field)?;
    names
        .iter()
        .find(|(name, _)| says(value, name))
        .map(|(_, family)| *family)
}

/// What an answer says of a firewall or a bot defence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Defence {
    /// It says that it acted.
    Acted,
    /// It stands in front.
    Present,
}

/// Tells a firewall or bot defence by the fields its vendor documents.
pub(super) fn defence(headers: &HeaderList) -> Option<Defence> {
    const ACTED: [&str; 6] = [
        "cf-mitigated",
        "x-amzn-waf-action",
        "x-vercel-mitigated",
        "x-sucuri-block",
        "x-datadome",
        "x-px-block",
    ];
    const PRESENT: [&str; 3] = ["x-iinfo", "x-sucuri-id", "x-cdn"];
    if ACTED.iter().any(|name| headers.contains(name)) {
        return Some(Defence::Acted);
    }
    let is_edge = matches!(
        front(headers),
        Some(Family::Cloudflare | Family::CloudFront | Family::Akamai)
    );
    (is_edge || PRESENT.iter().any(|name| headers.contains(name))).then_some(Defence::Present)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_what_they_send() {
        let of = |lines: &[(&str, &str)]| Server::of(&lines.iter().copied().collect());
        let both = of(&[("Server", "nginx/1.26"), ("X-Powered-By", "Express")]);
        assert_eq!(
            (both.front, both.application),
            (Some(Family::Nginx), Some(Family::Express))
        );
        let tomcat = of(&[("Server", "Apache-Coyote/1.1")]);
        assert_eq!(
            (tomcat.front, tomcat.application),
            (None, Some(Family::Spring))
        );
        assert_eq!(
            of(&[("Via", "1.1 a.cloudfront.net (CloudFront)")]).front,
            Some(Family::CloudFront)
        );
        assert_eq!(of(&[("Server", "AmazonS3")]).front, Some(Family::S3));
        let cookie = ("Set-Cookie", "laravel_session=x; path=/");
        assert_eq!(of(&[cookie]).application, Some(Family::Laravel));
        assert_eq!(of(&[("X-Other", "nginx")]), Server::default());
    }
}
