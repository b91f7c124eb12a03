//! What is typed for `corstap ca`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::address;

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
    /// Write its certificate, or what makes command-line clients use proxy and certificate
    Export(Export),
    /// Make the stores of this machine trust it, and no longer the ones that were in its place
    ///
    /// Each command is printed before it runs. What is trusted already stays as it is.
    Install(Trust),
    /// Remove it, and those that were in its place, from the stores of this machine
    ///
    /// Each command is printed before it runs. Only certificates that corstap made are removed, by
    /// their fingerprints.
    Uninstall(Trust),
}

/// The certificate, for others.
#[derive(Debug, Args)]
pub struct Export {
    /// Write DER, not PEM
    #[arg(long, conflicts_with = "env")]
    pub der: bool,
    /// Write to this new file, not to standard output
    #[arg(long, value_name = "FILE", conflicts_with = "env")]
    pub out: Option<PathBuf>,
    /// Print the variables that make command-line clients use proxy and certificate, for a shell:
    /// eval "$(corstap ca export --env)"
    #[arg(long)]
    pub env: bool,
    /// Where the proxy listens
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:2677", value_parser = address, requires = "env")]
    pub proxy: SocketAddr,
    /// Where the development CA lives
    #[arg(long, value_name = "DIR")]
    pub ca_dir: Option<PathBuf>,
}

/// Which trust stores are changed.
#[derive(Debug, Args)]
pub struct Trust {
    /// Only these kinds of stores
    #[arg(
        long,
        value_name = "STORE,…",
        value_delimiter = ',',
        default_value = "system,nss,java"
    )]
    pub stores: Vec<StoreName>,
    /// Print the commands, and run none
    #[arg(long)]
    pub dry_run: bool,
    /// Go on even if the CA can sign for every host
    #[arg(long)]
    pub any_host: bool,
    /// Where the development CA lives
    #[arg(long, value_name = "DIR")]
    pub ca_dir: Option<PathBuf>,
}

/// A kind of trust store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreName {
    /// The platform's own
    System,
    /// Chromium's, and that of each Firefox profile
    Nss,
    /// Java's, where JAVA_HOME is set
    Java,
}
