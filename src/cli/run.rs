//! What `run` takes.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Rewriting, Servers, address, captures};

/// The proxy and its live log.
#[derive(Clone, Debug, Args)]
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
    /// How servers are reached.
    #[command(flatten)]
    pub servers: Servers,
    /// Where the development CA lives
    #[arg(long, value_name = "DIR")]
    pub ca_dir: Option<PathBuf>,
    /// Write the capture to this new file
    #[arg(long, value_name = "FILE")]
    pub capture: Option<PathBuf>,
    /// How large the capture may become; then its oldest exchanges make room for new ones
    ///
    /// K, M, G and T stand for powers of 1024; at least 16M. The log that SQLite keeps beside the
    /// file counts too.
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = captures::size)]
    pub max_capture: u64,
    /// How many older captures to keep, or `all`; those that are being written are always kept
    ///
    /// The others are removed at the start, where the capture goes to the usual place, and not where
    /// --capture names one.
    #[arg(long, value_name = "N", default_value = "20", value_parser = captures::keep)]
    pub keep: usize,
    /// Which header values the capture holds; `all` includes cookies and tokens
    #[arg(long, default_value = "harmless")]
    pub values: Values,
    /// Hold back the end of a response for up to 100 ms where its verdict hangs on the credentials
    /// mode: a browser that blocks the response cancels it
    #[arg(long)]
    pub confirm: bool,
    /// A policy in force.
    #[command(flatten)]
    pub rewriting: Rewriting,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Where the dashboard listens: a loopback address, or off; 127.0.0.1:2678 if that is free
    #[arg(long, value_name = "ADDR:PORT|off", value_parser = dashboard)]
    pub dashboard: Option<DashboardAt>,
}

/// The proxy, and a command that uses it, if there is one.
#[derive(Debug, Args)]
pub struct RunWith {
    /// What `run` takes.
    #[command(flatten)]
    pub run: Run,
    /// Exit with 1 if something was blocked while the command ran, even if the command is content
    #[arg(long, requires = "command")]
    pub fail: bool,
    /// Run this command with the proxy in its environment, stop with it, and exit with its code
    ///
    /// HTTP_PROXY and the like name the proxy, NODE_EXTRA_CA_CERTS, SSL_CERT_FILE, CURL_CA_BUNDLE and the
    /// like the certificates. What corstap has to say goes to standard error.
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "json")]
    pub command: Vec<OsString>,
}

/// Where the dashboard listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DashboardAt {
    /// At an address.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

/// Which header values a capture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Values {
    /// Those known to be harmless
    Harmless,
    /// All of them, secrets included
    All,
}

/// An address and a port, or `off`.
fn dashboard(text: &str) -> Result<DashboardAt, String> {
    if text == "off" {
        return Ok(DashboardAt::Off);
    }
    let parsed = text.parse().map(DashboardAt::At);
    parsed.map_err(|_| "it is like 127.0.0.1:2678, or off".to_owned())
}
