//! How servers are reached: what every verb takes that reaches some.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use crate::wire::target::Authority;

/// How servers are reached.
#[derive(Clone, Debug, Default, Args)]
pub struct Servers {
    /// Reach this host and port at this address, as curl's option does
    #[arg(long, value_name = "HOST:PORT:ADDR", value_parser = resolve)]
    pub resolve: Vec<(Authority, IpAddr)>,
    /// Reach servers through this HTTP proxy; `none` for none
    ///
    /// The form is `http://USER:PASSWORD@HOST:PORT`; all but HOST may be left out (the port is 80 then),
    /// and USER and PASSWORD are percent-encoded. Everything goes through tunnels (CONNECT), plain http too. This
    /// machine itself (localhost, *.localhost, 127.0.0.0/8, ::1) and what --resolve names are always
    /// reached without it, and so is what NO_PROXY lists.
    ///
    /// Without this option the environment counts, as it does for curl: https_proxy and http_proxy, or
    /// all_proxy for either, and no_proxy, in small letters or else in capitals (HTTP_PROXY too, unless
    /// REQUEST_METHOD is set). Other users can see command lines, but not the environment: a password
    /// is better kept there.
    #[arg(long, value_name = "URL")]
    pub upstream_proxy: Option<String>,
    /// Trust the certificates in this PEM file for servers, beside the platform's
    #[arg(long, value_name = "FILE")]
    pub upstream_ca: Vec<PathBuf>,
    /// Let the certificate of this host, and of everything below it, pass unverified
    ///
    /// What is wrong with it stands in every record. --upstream-ca is better: it trusts one
    /// certificate, and not whoever answers.
    #[arg(long, value_name = "HOST")]
    pub upstream_insecure: Vec<String>,
    /// Show this certificate to a server that asks for one: HOST=FILE or HOST=CERTIFICATE,KEY
    ///
    /// The files are PEM: the certificate with its chain, and its key, in one file or in two. HOST
    /// covers everything below it; the first that fits a server counts.
    #[arg(long, value_name = "HOST=FILE")]
    pub client_cert: Vec<String>,
}

/// `HOST:PORT:ADDR`, with IPv6 addresses in brackets.
fn resolve(text: &str) -> Result<(Authority, IpAddr), String> {
    let usage = || format!("`{text}` is not HOST:PORT:ADDR, as in api.example.test:443:127.0.0.1");
    let after_port = || {
        let start = if text.starts_with('[') {
            text.find(']')?
        } else {
            0
        };
        let host_end = text.get(start..)?.find(':')? + start;
        let port_end = text.get(host_end + 1..)?.find(':')? + host_end + 1;
        Some((text.get(..port_end)?, text.get(port_end + 1..)?))
    };
    let (server, address) = after_port().ok_or_else(usage)?;
    let server = Authority::parse(server.as_bytes(), None).ok_or_else(usage)?;
    let address = address
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .map_err(|_| usage())?;
    Ok((server, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolve_takes_what_curl_takes() {
        let parsed =
            |text| resolve(text).map(|(server, address)| (server.to_string(), address.to_string()));
        let pair = |server: &str, address: &str| Ok((server.to_owned(), address.to_owned()));
        assert_eq!(
            parsed("a.test:443:127.0.0.1"),
            pair("a.test:443", "127.0.0.1")
        );
        assert_eq!(parsed("a.test:443:[::1]"), pair("a.test:443", "::1"));
        assert_eq!(parsed("[::2]:443:::1"), pair("[::2]:443", "::1"));
        assert!(parsed("a.test:127.0.0.1").is_err());
    }
}
