//! `NO_PROXY`: servers that are reached without the upstream proxy, in the form that curl and others
//! have made common.

use std::net::IpAddr;

use crate::wire::target::{Authority, Host};

/// The servers that are reached directly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bypass(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// A name and everything below it.
    Below(String),
    /// The addresses that begin with the same so many bits.
    Network(IpAddr, u32),
}

impl Bypass {
    /// Parses a list of entries between commas or spaces: a name, which covers everything below it,
    /// with or without a dot or `*.` before it; an address; a network as 10.0.0.0/8; `*` for every
    /// server; each with a port after a colon, if it is for that port alone. What is none of these
    /// covers nothing.
    pub fn parse(list: &str) -> Self {
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        Self(entries.filter_map(Entry::parse).collect())
    }

    /// The list in the variable `no_proxy`, or else `NO_PROXY`.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let list = variable("no_proxy").or_else(|| variable("NO_PROXY"));
        Self::parse(&list.unwrap_or_default())
    }

    /// Whether a server is among them.
    pub fn contains(&self, server: &Authority) -> bool {
        self.0.iter().any(|entry| entry.contains(server))
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if let Some(hosts) = Hosts::parse(text) {
            return Some(Self { hosts, port: None });
        }
        let (hosts, port) = text.rsplit_once(':')?;
        Some(Self {
            hosts: Hosts::parse(hosts)?,
            port: Some(port.parse().ok()?),
        })
    }

    fn contains(&self, server: &Authority) -> bool {
        self.port.is_none_or(|port| port == server.port) && self.hosts.contains(&server.host)
    }
}

impl Hosts {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        if let Some((address, bits)) = text.split_once('/') {
            let (address, bits) = (address.parse().ok()?, bits.parse().ok()?);
            return (bits <= width(address)).then_some(Self::Network(address, bits));
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(text).parse::<IpAddr>() {
            return Some(Self::Network(address, width(address)));
        }
        let name = text.strip_prefix('*').unwrap_or(text);
        let name = name.strip_prefix('.').unwrap_or(name);
        match Host::parse(name.as_bytes())? {
            host @ Host::Name(_) => Some(Self::Below(host.name()?.to_owned())),
            Host::Ip(_) => None,
        }
    }

    fn contains(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::All, _) => true,
            (Self::Below(known), Host::Name(_)) => {
                let rest = host
                    .name()
                    .and_then(|name| name.strip_suffix(known.as_str()));
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Self::Network(network, bits), Host::Ip(address)) => {
                shares_bits(network.to_canonical(), address.to_canonical(), *bits)
            }
            (Self::Below(_), Host::Ip(_)) | (Self::Network(..), Host::Name(_)) => false,
        }
    }
}

fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Whether two addresses of one family begin with the same bits.
fn shares_bits(one: IpAddr, other: IpAddr, bits: u32) -> bool {
    let differing = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    differing >= bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(list: &str, server: &str) -> bool {
        let server = Authority::parse(server.as_bytes(), Some(443)).expect(server);
        Bypass::parse(list).contains(&server)
    }

    #[test]
    fn a_name_covers_itself_and_what_is_below_it() {
        for list in [
            "example.com",
            ".example.com",
            "*.example.com",
            "EXAMPLE.com.",
            "a.b, example.com",
        ] {
            assert!(contains(list, "example.com"), "{list}");
            assert!(contains(list, "api.Example.com."), "{list}");
            assert!(!contains(list, "notexample.com"), "{list}");
            assert!(!contains(list, "example.com.evil.test"), "{list}");
        }
    }

    #[test]
    fn addresses_and_networks_are_compared_as_numbers() {
        for (list, inside, outside) in [
            ("10.0.0.1", "10.0.0.1", "10.0.0.10"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.168.4.0/22", "192.168.7.255", "192.168.8.0"),
            ("0.0.0.0/0", "8.8.8.8", "[::1]"),
            ("::1", "[::1]", "[::2]"),
            ("[::1]", "[::1]", "127.0.0.1"),
            ("fd00::/8", "[fdab::1]", "[fe80::1]"),
            ("10.0.0.1", "[::ffff:10.0.0.1]", "[::ffff:10.0.0.2]"),
        ] {
            assert!(contains(list, inside), "{inside} in {list}");
            assert!(!contains(list, outside), "{outside} in {list}");
        }
        assert!(!contains("10.0.0.0/33", "10.0.0.1"));
    }

    #[test]
    fn an_entry_may_be_for_one_port() {
        for list in ["example.com:8443", ".example.com:8443"] {
            assert!(contains(list, "example.com:8443"));
            assert!(!contains(list, "example.com"));
        }
        assert!(contains("[::1]:80", "[::1]:80") && !contains("[::1]:80", "[::1]:81"));
        assert!(contains("10.0.0.1:80", "10.0.0.1:80") && !contains("10.0.0.1:80", "10.0.0.1"));
    }

    #[test]
    fn an_asterisk_covers_everything_and_nonsense_nothing() {
        assert!(contains("*", "example.com") && contains("a, *", "10.0.0.1"));
        for list in [
            "",
            " , ,",
            "exa$mple.com",
            "example.com:port",
            "a/b",
            "http://example.com",
        ] {
            assert!(!contains(list, "example.com"), "{list}");
        }
    }
}
