//! What was typed: types for clap, and no work.
#![expect(
    clippy::doc_markdown,
    reason = "these comments are the help text, where backticks are no markup"
)]

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::wire::target::Authority;

/// Says why a cross-origin fetch fails, and which server layer is at fault.
///
/// corstap is a local proxy: point a browser at it, and it records the cross-origin exchanges and
/// labels each CORS failure by its cause. Without a verb it does `run`.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// What `run` takes.
    #[command(flatten)]
    pub run: Run,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Proxy and live log (the default)
    Run(Run),
    /// A built-in page and API that fail in every way: open it and look
    Demo(Demo),
    /// List or follow the exchanges of a capture
    Log(Log),
    /// Tell one exchange in full
    Show(Show),
    /// Judge the exchanges of a HAR file, or tell what a code means
    Explain(Explain),
    /// Show or replace the development CA
    Ca(Ca),
}

/// The proxy and its live log.
#[derive(Debug, Args)]
pub struct Run {
    /// Where to listen; port 0 takes any free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:2677", value_parser = address)]
    pub listen: SocketAddr,
    /// Read this host too, and everything below it; localhost, *.localhost, *.test, 127.0.0.1 and
    /// ::1 always are
    #[arg(long = "host", value_name = "PATTERN")]
    pub hosts: Vec<String>,
    /// Read every host; the CA must have been made so
    #[arg(long, conflicts_with = "hosts")]
    pub any_host: bool,
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
    /// Where the development CA lives
    #[arg(long, value_name = "DIR")]
    pub ca_dir: Option<PathBuf>,
    /// Write the capture to this new file
    #[arg(long, value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// Which header values the capture holds; `all` includes cookies and tokens
    #[arg(long, default_value = "harmless")]
    pub values: Values,
    /// Hold back the end of a response for up to 100 ms where its verdict hangs on the credentials
    /// mode: a browser that blocks the response cancels it
    #[arg(long)]
    pub confirm: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Which header values a capture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Values {
    /// Those known to be harmless
    Harmless,
    /// All of them, secrets included
    All,
}

/// The demonstration.
#[derive(Debug, Args)]
pub struct Demo {
    /// Drive an installed Chromium, and compare its words with ours
    #[arg(long)]
    pub headless: bool,
    /// The browser to drive
    #[arg(long, value_name = "FILE", requires = "headless")]
    pub browser: Option<PathBuf>,
    /// Where the proxy listens; port 0 takes any free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0", value_parser = address)]
    pub listen: SocketAddr,
}

/// Which capture is read.
#[derive(Debug, Args)]
pub struct FromCapture {
    /// The capture to read; without it the newest one
    #[arg(long, value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// The list of exchanges.
#[derive(Debug, Args)]
pub struct Log {
    /// Go on with what comes
    #[arg(long)]
    pub follow: bool,
    /// Only what is blocked or has failed
    #[arg(long)]
    pub failed: bool,
    /// Which capture.
    #[command(flatten)]
    pub from: FromCapture,
}

/// One exchange.
#[derive(Debug, Args)]
pub struct Show {
    /// The number of the exchange
    #[arg(value_parser = number)]
    pub id: u64,
    /// Which capture.
    #[command(flatten)]
    pub from: FromCapture,
}

/// The verdicts on a HAR file, or the meaning of a code.
#[derive(Debug, Args)]
pub struct Explain {
    /// A HAR file (- reads standard input), or a code: one of corstap's, or one that a browser
    /// prints
    #[arg(value_name = "FILE|CODE", required_unless_present = "list")]
    pub what: Option<PathBuf>,
    /// List all codes
    #[arg(long, conflicts_with = "what")]
    pub list: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// The development CA.
#[derive(Debug, Args)]
pub struct Ca {
    /// What to do with it.
    #[command(subcommand)]
    pub verb: CaVerb,
}

/// What to do with the development CA.
#[derive(Debug, Subcommand)]
pub enum CaVerb {
    /// Say where it is, what it can sign, and how to trust it
    Show {
        /// Where the development CA lives
        #[arg(long, value_name = "DIR")]
        ca_dir: Option<PathBuf>,
    },
    /// Make a new one in its place, for other hosts
    Rotate {
        /// A host it can sign for, with everything below it; localhost, *.localhost, *.test,
        /// 127.0.0.1 and ::1 always are
        #[arg(long = "host", value_name = "PATTERN")]
        hosts: Vec<String>,
        /// Let it sign for every host
        #[arg(long, conflicts_with = "hosts")]
        any_host: bool,
        /// Where the development CA lives
        #[arg(long, value_name = "DIR")]
        ca_dir: Option<PathBuf>,
    },
}

/// An address and a port.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "it is like 127.0.0.1:2677 or [::1]:2677".to_owned())
}

/// A number as it is listed: 17, or #17.
fn number(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    digits
        .parse()
        .map_err(|_| "it is like 17; `corstap log` lists them".to_owned())
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
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_a_verb_it_is_run() {
        let cli = Cli::try_parse_from([
            "corstap",
            "--listen",
            "127.0.0.1:0",
            "--host",
            "example.com",
        ]);
        let cli = cli.expect("valid");
        assert!(cli.verb.is_none());
        assert_eq!(cli.run.hosts, ["example.com"]);
    }

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
