//! The hosts that are read: one list for the CA's constraints and for the proxy.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Error;
use crate::wire::target::Host;

/// A list of hosts: names with everything below them, and single addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostList {
    /// Every host. Only for a CA that dies with its process, or that was made so in so many words.
    Any,
    /// These, and names below the names.
    Only {
        /// Names in lower case, without dots at their ends.
        names: Vec<String>,
        /// Addresses.
        addresses: Vec<IpAddr>,
    },
}

impl Default for HostList {
    /// No host.
    fn default() -> Self {
        Self::Only {
            names: Vec::new(),
            addresses: Vec::new(),
        }
    }
}

impl HostList {
    /// Whether no host is in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Any => false,
            Self::Only { names, addresses } => names.is_empty() && addresses.is_empty(),
        }
    }

    /// The hosts that only this machine, or nobody at all, can mean: localhost, *.localhost,
    /// *.test (RFC 2606) and the loopback addresses.
    pub fn development() -> Self {
        Self::Only {
            names: vec!["localhost".to_owned(), "test".to_owned()],
            addresses: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        }
    }

    /// Adds a host as a user writes it: `example.test` or `*.example.test`, both covering the name
    /// and everything below it, or an address.
    pub fn add(&mut self, pattern: &str) -> Result<(), Error> {
        let wrong = |why| Error::Pattern {
            pattern: pattern.to_owned(),
            why,
        };
        let Self::Only { names, addresses } = self else {
            return Ok(());
        };
        let trimmed = pattern.strip_prefix("*.").unwrap_or(pattern);
        if trimmed.contains("//") || trimmed.contains('/') {
            return Err(wrong("give the host alone, without scheme and path"));
        }
        if let Ok(address) = trimmed
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
        {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
            return Ok(());
        }
        if trimmed.contains(':') {
            return Err(wrong("give the host alone, without a port"));
        }
        if trimmed.contains('*') {
            return Err(wrong(
                "an asterisk may only stand for the whole beginning, as in *.example.test",
            ));
        }
        let host = Host::parse(trimmed.as_bytes());
        let name = host
            .as_ref()
            .and_then(Host::name)
            .filter(|name| is_dns_name(name));
        let name = name.ok_or_else(|| wrong("it is neither a DNS name nor an address (names in other scripts are written in their xn-- form)"))?;
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        Ok(())
    }

    /// Whether a host is in the list.
    pub fn contains(&self, host: &Host) -> bool {
        let Self::Only { names, addresses } = self else {
            return true;
        };
        match host {
            Host::Ip(address) => addresses.contains(&address.to_canonical()),
            Host::Name(_) => {
                let name = host.name().unwrap_or_default();
                names.iter().any(|known| is_below(name, known))
            }
        }
    }

    /// Whether every host of `other` is in the list.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Only { .. }, Self::Any) => false,
            (Self::Only { .. }, Self::Only { names, addresses }) => {
                names
                    .iter()
                    .all(|name| self.contains(&Host::Name(name.as_str().into())))
                    && addresses
                        .iter()
                        .all(|address| self.contains(&Host::Ip(*address)))
            }
        }
    }

    /// The hosts as arguments of `--host`, those that are always there left out.
    pub fn as_arguments(&self) -> Vec<String> {
        let Self::Only { names, addresses } = self else {
            return Vec::new();
        };
        let names = names
            .iter()
            .filter(|name| !matches!(name.as_str(), "localhost" | "test"))
            .cloned();
        let addresses = addresses.iter().filter(|address| !address.is_loopback());
        names.chain(addresses.map(ToString::to_string)).collect()
    }
}

fn is_below(name: &str, known: &str) -> bool {
    name.strip_suffix(known)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Letters, digits and hyphens in labels of 1 to 63 octets (RFC 1123 section 2.1), and the
/// underscores that people use all the same.
fn is_dns_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        })
}

impl fmt::Display for HostList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Only { names, addresses } = self else {
            return f.write_str("every host");
        };
        let names = names.iter().map(|name| format!("{name}, *.{name}"));
        let all: Vec<String> = names
            .chain(addresses.iter().map(ToString::to_string))
            .collect();
        f.write_str(&all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(patterns: &[&str]) -> HostList {
        let mut list = HostList::development();
        for pattern in patterns {
            list.add(pattern).expect(pattern);
        }
        list
    }

    fn contains(list: &HostList, host: &str) -> bool {
        list.contains(&Host::parse(host.as_bytes()).expect(host))
    }

    #[test]
    fn what_is_local_is_always_in() {
        let hosts = list(&[]);
        for host in [
            "localhost",
            "a.localhost",
            "LOCALHOST.",
            "app.test",
            "127.0.0.1",
            "[::1]",
            "127.1",
        ] {
            assert!(contains(&hosts, host), "{host}");
        }
        for host in ["example.com", "127.0.0.2", "latest", "test.com", "10.0.0.1"] {
            assert!(!contains(&hosts, host), "{host}");
        }
    }

    #[test]
    fn a_name_covers_what_is_below_it_and_nothing_beside_it() {
        for pattern in ["example.com", "*.example.com", "Example.COM."] {
            let hosts = list(&[pattern]);
            assert!(
                contains(&hosts, "example.com") && contains(&hosts, "a.b.example.com"),
                "{pattern}"
            );
            assert!(
                !contains(&hosts, "evilexample.com") && !contains(&hosts, "example.com.evil.com")
            );
        }
        assert!(contains(&list(&["10.0.0.1"]), "10.0.0.1"));
    }

    #[test]
    fn what_is_no_host_is_refused_with_the_reason() {
        for (pattern, why) in [
            ("https://example.com", "without scheme"),
            ("example.com:443", "without a port"),
            ("*", "asterisk"),
            ("a.*.com", "asterisk"),
            ("exa mple.com", "neither"),
            ("", "neither"),
            ("-a.com", "neither"),
        ] {
            let error = HostList::development()
                .add(pattern)
                .expect_err(pattern)
                .to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_list_covers_another_or_not() {
        assert!(list(&["example.com"]).covers(&list(&["api.example.com"])));
        assert!(!list(&["api.example.com"]).covers(&list(&["example.com"])));
        assert!(HostList::Any.covers(&list(&["example.com"])));
        assert_eq!(
            list(&["example.com", "10.0.0.1"]).as_arguments(),
            ["example.com", "10.0.0.1"]
        );
    }
}
