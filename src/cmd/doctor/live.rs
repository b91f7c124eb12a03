//! What a run that is under way knows of those who use it, and the legs that take no time: for its
//! dashboard, where nothing has come yet.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;

use super::{Finding, files, servers, skew, stores};
use crate::cli::Run;
use crate::proxy::{Notice, Notices, Sign, Signs};
use crate::wire::target::Host;

/// The leg of whoever uses the proxy.
const LEG: &str = "browser";
/// How many hosts are named in one finding.
const MOST_HOSTS: usize = 5;

/// Who trusts the CA of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cmd) enum TrustedBy {
    /// Those in whose stores it is.
    Stores,
    /// The browser that was started with it, and nobody else.
    OwnBrowser,
}

/// A run that is under way.
#[derive(Clone)]
pub(in crate::cmd) struct UnderWay {
    /// What was typed.
    arguments: Arc<Run>,
    /// Where its proxy listens.
    pub(in crate::cmd) proxy: SocketAddr,
    trusted_by: TrustedBy,
    signs: Signs,
    notices: Notices,
}

impl UnderWay {
    /// A run as it was typed, of which its clients show these signs, and its user is told these notices.
    pub(in crate::cmd) fn of(
        arguments: &Run,
        proxy: SocketAddr,
        trusted_by: TrustedBy,
        (signs, notices): (Signs, Notices),
    ) -> Self {
        Self {
            arguments: Arc::new(arguments.clone()),
            proxy,
            trusted_by,
            signs,
            notices,
        }
    }

    /// What is found of it, as a list in JSON.
    pub(in crate::cmd) async fn examined(self) -> Result<String> {
        let mut found = self.clients();
        found.extend(servers::upstream(&self.arguments).await);
        // The stores are asked by programs, which take their time.
        let legs = tokio::task::spawn_blocking(move || self.legs()).await?;
        found.extend(legs);
        Ok(serde_json::to_string(&found)?)
    }

    /// How much its clients have shown, and its user was told.
    pub(in crate::cmd) fn signs(&self) -> usize {
        self.signs.count() + self.notices.told().len()
    }

    /// The legs on this machine that bear on the run.
    fn legs(&self) -> Vec<Finding> {
        match self.trusted_by {
            TrustedBy::OwnBrowser => vec![files::captures()],
            TrustedBy::Stores => {
                let mut found = stores::all(&self.arguments);
                found.extend(files::all(&self.arguments));
                found.push(skew::clock(&self.arguments));
                found
            }
        }
    }

    /// What its clients have shown.
    fn clients(&self) -> Vec<Finding> {
        let mut found = vec![self.usage()];
        if self.trusted_by == TrustedBy::Stores {
            found.extend(self.set_up());
        }
        let told = self.notices.told();
        found.extend(self.trust(&told));
        found.extend(unread(&told));
        found.extend(told.iter().filter_map(in_the_way));
        found
    }

    fn usage(&self) -> Finding {
        let proxy = self.proxy;
        if self.signs.has(Sign::Used) || self.signs.has(Sign::SetUpPage) {
            return Finding::ok(LEG, format!("the proxy at {proxy} is used"));
        }
        let said = format!("nothing has come to the proxy at {proxy} yet");
        let remedy = match self.trusted_by {
            TrustedBy::OwnBrowser => "load the page that fails in the browser that corstap opened",
            TrustedBy::Stores => {
                "corstap browse URL opens a browser that uses its own; for one of yours, corstap run has printed how"
            }
        };
        Finding::note(LEG, said, remedy)
    }

    /// What the set-up page has found, in a browser of the user's own.
    fn set_up(&self) -> Vec<Finding> {
        if !self.signs.has(Sign::SetUpPage) {
            return vec![Finding::note(
                "set-up",
                "no browser has opened the set-up page yet, which tells whether it trusts the CA and sends localhost here",
                "open http://corstap.invalid/ in the browser that is to use the proxy",
            )];
        }
        let checked = |sign, right: &str, wrong: &str, remedy: &str| {
            if self.signs.has(sign) {
                Finding::ok("set-up", right)
            } else {
                Finding::wrong("set-up", wrong, remedy)
            }
        };
        vec![
            checked(
                Sign::TrustChecked,
                "a browser with the set-up page trusts the CA",
                "the browser with the set-up page does not trust the CA",
                "corstap ca install, then start the browser anew; or import the certificate as http://corstap.invalid/ says",
            ),
            checked(
                Sign::LoopbackChecked,
                "a browser with the set-up page sends localhost through the proxy",
                "the browser with the set-up page keeps localhost from the proxy",
                "Chromium: --proxy-bypass-list='<-loopback>'; Firefox: network.proxy.allow_hijacking_localhost = true",
            ),
        ]
    }

    /// Whether handshakes have come to an end.
    fn trust(&self, told: &[Notice]) -> Option<Finding> {
        let refused = hosts(told, |notice| match notice {
            Notice::Distrusted(host) => Some(host),
            Notice::NotRead(_) | Notice::Pinned(_) | Notice::Ring(_) | Notice::Rewriting(_) => None,
        });
        match refused {
            Some(hosts) => Some(Finding::wrong(
                LEG,
                format!(
                    "a client refuses corstap's certificate for {hosts}: it does not trust the CA"
                ),
                "corstap ca install, then start the browser anew; corstap browse URL needs none of that",
            )),
            None if self.signs.has(Sign::Trusted) => {
                Some(Finding::ok(LEG, "corstap's certificates are accepted"))
            }
            None => None,
        }
    }
}

/// The hosts that were tunnelled because nobody named them.
fn unread(told: &[Notice]) -> Option<Finding> {
    let hosts = hosts(told, |notice| match notice {
        Notice::NotRead(host) => Some(host),
        Notice::Distrusted(_) | Notice::Pinned(_) | Notice::Ring(_) | Notice::Rewriting(_) => None,
    })?;
    Some(Finding::note(
        "hosts",
        format!("tunnelled unread, so that nothing of it is listed: {hosts}"),
        "start with --host NAME for each that you develop on",
    ))
}

/// What else keeps exchanges from being seen.
fn in_the_way(notice: &Notice) -> Option<Finding> {
    match notice {
        Notice::Pinned(host) => Some(Finding::note(
            "hosts",
            format!(
                "{host} is tunnelled unread, because a client refuses corstap's certificate for it alone"
            ),
            "trust the CA in that client too, and start corstap anew",
        )),
        Notice::Ring(proxy) => Some(Finding::wrong(
            "upstream",
            format!("requests that came through a corstap are not sent on through {proxy}"),
            "start one of the two with --upstream-proxy none",
        )),
        Notice::NotRead(_) | Notice::Distrusted(_) | Notice::Rewriting(_) => None,
    }
}

/// Some hosts of notices, in words.
fn hosts<'a>(told: &'a [Notice], of: impl Fn(&'a Notice) -> Option<&'a Host>) -> Option<String> {
    let mut names: Vec<String> = told
        .iter()
        .filter_map(of)
        .map(ToString::to_string)
        .collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(MOST_HOSTS);
    names.truncate(MOST_HOSTS);
    let more = Some(more).filter(|more| *more > 0);
    let more = more.map_or_else(String::new, |more| format!(" and {more} more"));
    (!names.is_empty()).then(|| format!("{}{more}", names.join(", ")))
}
