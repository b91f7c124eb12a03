//! What is said at the start of a run.

use std::path::PathBuf;

use super::Session;
use crate::ca::{DevCa, HostList};
use crate::exchange::secret;

/// The CA of a run, as its user is to know it.
pub(super) struct Signer {
    hosts: HostList,
    spki_pin: String,
    certificate_file: PathBuf,
    is_new: bool,
}

impl Signer {
    pub(super) fn of(dev: &DevCa) -> Self {
        Self {
            hosts: dev.ca.hosts().clone(),
            spki_pin: dev.ca.spki_pin(),
            certificate_file: dev.certificate_file.clone(),
            is_new: dev.is_new,
        }
    }
}

/// What is said at the start of a command: little, because it has its own to say.
pub(super) fn short_greeting(session: &Session) -> String {
    format!(
        "corstap listens on {} while the command runs. capture: {}\n{}\n",
        session.address,
        session.capture.display(),
        session.dashboard_told
    )
}

/// What is said at the start: where it listens, what it reads, how to point a browser at it.
pub(super) fn greeting(signer: &Signer, session: &Session, values: secret::Values) -> String {
    let made = if signer.is_new {
        "A development CA was made. "
    } else {
        ""
    };
    let any = match signer.hosts {
        HostList::Any => {
            "\nThe CA can sign for EVERY host: whoever gets its key can read all your traffic."
        }
        HostList::Only { .. } => "",
    };
    let all = match values {
        secret::Values::All => {
            "\nThe capture holds ALL header values, cookies and tokens included."
        }
        secret::Values::Harmless => "",
    };
    let (address, route) = (session.address, &session.route);
    let rewriting = session.rewriting();
    let (port, ip) = (address.port(), address.ip());
    // The proxy does not lead to the dashboard.
    let own = session.dashboard_at.map(|at| format!(";{at}"));
    let bypass = format!("<-loopback>{}", own.unwrap_or_default());
    format!(
        "corstap listens on {address} and reads {hosts}; all else is tunnelled unread.{route}{any}{all}{rewriting}
{made}capture: {capture}
{dashboard}

Point a browser at it:
  Chromium  chromium --user-data-dir=\"$(mktemp -d)\" --proxy-server=http://{address} \\
              --proxy-bypass-list='{bypass}' --ignore-certificate-errors-spki-list={pin}
            ('<-loopback>' sends localhost through the proxy too; without it Chromium does not)
  Firefox   Settings → Network Settings → Manual proxy configuration: {ip}, port {port}, also for HTTPS;
            about:config: network.proxy.allow_hijacking_localhost = true, for localhost;
            import the CA: {certificate}
  curl      curl -x http://{address} --cacert {certificate} https://…
Open http://corstap.invalid/ in it: it tells whether it is set up, and how to. Command-line programs:
corstap run -- COMMAND.

",
        hosts = signer.hosts,
        capture = session.capture.display(),
        dashboard = session.dashboard_told,
        pin = signer.spki_pin,
        certificate = signer.certificate_file.display(),
    )
}
