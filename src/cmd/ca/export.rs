//! `corstap ca export`: the certificate for others, and the variables for command-line clients.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::find;
use crate::ca::trust::quoted;
use crate::cli::Export;
use crate::cmd::{FINE, place};
use crate::term::Terminal;

/// Proxy settings, in the spellings that programs look for.
const PROXY: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];
/// What would go past the proxy: nothing, or localhost would.
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// What names certificates that count beside others.
const MORE: [&str; 2] = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"];
/// What names certificates that count in place of all others.
const INSTEAD: [&str; 8] = [
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
    "AWS_CA_BUNDLE",
    "PERL_LWP_SSL_CA_FILE",
];

/// Writes what was asked for.
pub(super) fn run(arguments: &Export) -> Result<u8> {
    let dir = place::ca(arguments.ca_dir.as_deref())?;
    let dev = find(&dir)?;
    if arguments.env {
        let mut text = String::new();
        let bundle = dev.write_bundle(&dir)?;
        for (name, value) in variables(&dev.certificate_file, &bundle, arguments.proxy)? {
            let _ = writeln!(text, "export {name}={}", quoted(&value));
        }
        Terminal::new().print(&text)?;
        return Ok(FINE);
    }
    let octets = if arguments.der {
        dev.ca.certificate().to_vec()
    } else {
        dev.ca.certificate_pem().into_bytes()
    };
    match &arguments.out {
        Some(file) => write_new(file, &octets)?,
        None => Terminal::octets(&octets)?,
    }
    Ok(FINE)
}

/// The variables that make command-line clients use the proxy, and trust the CA.
pub(in crate::cmd) fn variables(
    certificate: &Path,
    bundle: &Path,
    proxy: SocketAddr,
) -> Result<Vec<(&'static str, String)>> {
    let absolute = |file: &Path| {
        let file = std::path::absolute(file)
            .with_context(|| format!("no such path: {}", file.display()))?;
        anyhow::Ok(file.display().to_string())
    };
    let (certificate, bundle) = (absolute(certificate)?, absolute(bundle)?);
    let mut all = Vec::new();
    all.extend(PROXY.map(|name| (name, format!("http://{proxy}"))));
    all.extend(NO_PROXY.map(|name| (name, String::new())));
    // Without it, Node's own fetch takes no notice of the proxy.
    all.push(("NODE_USE_ENV_PROXY", "1".to_owned()));
    all.extend(MORE.map(|name| (name, certificate.clone())));
    all.extend(INSTEAD.map(|name| (name, bundle.clone())));
    Ok(all)
}

fn write_new(file: &Path, octets: &[u8]) -> Result<()> {
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    match opened.and_then(|mut opened| opened.write_all(octets)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} exists; name a new file", file.display())
        }
        written => written.with_context(|| format!("cannot write {}", file.display())),
    }
}
