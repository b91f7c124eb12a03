//! A throw-away profile for Firefox: its settings, and a certificate store that trusts one CA more.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::Error;

/// How long certutil may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What keeps Firefox to the traffic it is asked for.
const QUIET: [(&str, Setting); 48] = [
    ("app.normandy.enabled", Setting::Off),
    ("app.shield.optoutstudies.enabled", Setting::Off),
    ("app.update.auto", Setting::Off),
    ("app.update.disabledForTesting", Setting::On),
    ("browser.aboutwelcome.enabled", Setting::Off),
    ("browser.chrome.site_icons", Setting::Off),
    (
        "browser.contentblocking.report.lockwise.enabled",
        Setting::Off,
    ),
    ("browser.discovery.enabled", Setting::Off),
    (
        "browser.newtabpage.activity-stream.feeds.system.topsites",
        Setting::Off,
    ),
    ("browser.newtabpage.enabled", Setting::Off),
    ("browser.ping-centre.telemetry", Setting::Off),
    ("browser.places.speculativeConnect.enabled", Setting::Off),
    ("browser.region.network.url", Setting::Text("")),
    ("browser.region.update.enabled", Setting::Off),
    ("browser.safebrowsing.blockedURIs.enabled", Setting::Off),
    ("browser.safebrowsing.downloads.enabled", Setting::Off),
    ("browser.safebrowsing.malware.enabled", Setting::Off),
    ("browser.safebrowsing.phishing.enabled", Setting::Off),
    ("browser.safebrowsing.update.enabled", Setting::Off),
    ("browser.search.suggest.enabled", Setting::Off),
    ("browser.search.update", Setting::Off),
    ("browser.shell.checkDefaultBrowser", Setting::Off),
    (
        "browser.startup.homepage_override.mstone",
        Setting::Text("ignore"),
    ),
    ("browser.startup.page", Setting::Number(0)),
    ("browser.topsites.contile.enabled", Setting::Off),
    ("browser.urlbar.speculativeConnect.enabled", Setting::Off),
    ("datareporting.healthreport.uploadEnabled", Setting::Off),
    ("datareporting.policy.dataSubmissionEnabled", Setting::Off),
    ("datareporting.usage.uploadEnabled", Setting::Off),
    ("dom.push.connection.enabled", Setting::Off),
    ("extensions.blocklist.enabled", Setting::Off),
    ("extensions.getAddons.cache.enabled", Setting::Off),
    ("extensions.systemAddon.update.enabled", Setting::Off),
    ("extensions.update.enabled", Setting::Off),
    ("media.gmp-manager.updateEnabled", Setting::Off),
    ("messaging-system.rsexperimentloader.enabled", Setting::Off),
    ("network.captive-portal-service.enabled", Setting::Off),
    ("network.connectivity-service.enabled", Setting::Off),
    ("network.dns.disablePrefetch", Setting::On),
    (
        "network.http.speculative-parallel-limit",
        Setting::Number(0),
    ),
    ("network.prefetch-next", Setting::Off),
    ("network.trr.mode", Setting::Number(5)),
    ("nimbus.rollouts.enabled", Setting::Off),
    ("security.OCSP.enabled", Setting::Number(0)),
    (
        "security.remote_settings.crlite_filters.enabled",
        Setting::Off,
    ),
    ("services.settings.server", Setting::Text("data:,#nothing")),
    ("signon.firefoxRelay.feature", Setting::Text("disabled")),
    ("toolkit.telemetry.server", Setting::Text("data:,")),
];

/// What a setting is set to.
#[derive(Clone, Copy, Debug)]
enum Setting {
    On,
    Off,
    Number(u16),
    Text(&'static str),
}

/// Writes the settings of a profile that uses the proxy for everything but `past`.
pub(super) fn furnish(
    profile: &Path,
    proxy: SocketAddr,
    past: Option<SocketAddr>,
) -> io::Result<()> {
    std::fs::write(profile.join("user.js"), settings(proxy, past))
}

/// The settings, as a `user.js`.
fn settings(proxy: SocketAddr, past: Option<SocketAddr>) -> String {
    let mut text = String::new();
    for (name, setting) in QUIET {
        let value = match setting {
            Setting::On => "true".to_owned(),
            Setting::Off => "false".to_owned(),
            Setting::Number(number) => number.to_string(),
            Setting::Text(text) => format!("\"{text}\""),
        };
        line(&mut text, name, &value);
    }
    line(&mut text, "network.proxy.type", "1");
    for scheme in ["http", "ssl"] {
        let (host, port) = (format!("\"{}\"", proxy.ip()), proxy.port().to_string());
        line(&mut text, &format!("network.proxy.{scheme}"), &host);
        line(&mut text, &format!("network.proxy.{scheme}_port"), &port);
    }
    let past = past.map_or(String::new(), |past| past.to_string());
    line(
        &mut text,
        "network.proxy.no_proxies_on",
        &format!("\"{past}\""),
    );
    line(&mut text, "network.proxy.allow_hijacking_localhost", "true");
    line(&mut text, "network.proxy.failover_direct", "false");
    text
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "user_pref(\"{name}\", {value});");
}

/// Makes the profile's certificate store, and puts the CA into it.
pub(super) async fn trust(profile: &Path, ca_pem: &str) -> Result<(), Error> {
    let file = profile.join("corstap-ca.pem");
    std::fs::write(&file, ca_pem)?;
    let store = format!("sql:{}", profile.display());
    let file = file.display().to_string();
    certutil(&["-N", "--empty-password", "-d", &store]).await?;
    certutil(&[
        "-A", "-t", "C,,", "-n", "corstap", "-d", &store, "-i", &file,
    ])
    .await
}

async fn certutil(arguments: &[&str]) -> Result<(), Error> {
    let run = Command::new("certutil")
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let late = |_| Error::Certutil("it does not end".to_owned());
    let output = timeout(PATIENCE, run)
        .await
        .map_err(late)?
        .map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                Error::NoCertutil
            } else {
                Error::Io(error)
            }
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::Certutil(said.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_goes_through_the_proxy() {
        let settings = settings("127.0.0.1:2677".parse().unwrap(), None);
        for line in [
            "user_pref(\"network.proxy.type\", 1);",
            "user_pref(\"network.proxy.http\", \"127.0.0.1\");",
            "user_pref(\"network.proxy.ssl_port\", 2677);",
            "user_pref(\"network.proxy.no_proxies_on\", \"\");",
            "user_pref(\"network.proxy.allow_hijacking_localhost\", true);",
            "user_pref(\"network.captive-portal-service.enabled\", false);",
        ] {
            assert!(settings.lines().any(|found| found == line), "{line}");
        }
    }
}
