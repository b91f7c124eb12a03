//! The part of `corstap check` that asks a server.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::route;
use crate::cli;
use crate::exchange::{Moment, RequestUrl};
use crate::policy::finding::Severity;
use crate::policy::{Policy, Rule};
use crate::probe::{Cell, Error, Fetch, Found, Matrix, Probe, findings};
use crate::proxy::Asker;
use crate::term::{Progress, Terminal};

/// What came of a probe.
pub struct Probed {
    /// The URL that was asked for.
    pub url: RequestUrl,
    /// How pages were asked for.
    pub fetch: Fetch,
    /// The requests with their answers.
    pub cells: Vec<Cell>,
    /// What is wrong with the server.
    pub found: Vec<Found>,
}

impl Probed {
    /// How bad the worst of it is.
    pub fn worst(&self) -> Option<Severity> {
        self.found.iter().map(|found| found.severity).max()
    }
}

/// Asks the server that was named, once whoever typed it agrees; nothing if no server was named.
pub fn probe(
    policy: &Policy,
    file: &Path,
    arguments: &cli::Probe,
    now: Moment,
) -> Result<Option<Probed>> {
    let Some(url) = &arguments.probe else {
        return Ok(None);
    };
    let parsed = RequestUrl::from_url(url).ok_or_else(|| anyhow!("{url} cannot be asked for"))?;
    let command = format!("corstap check {} --probe {url}", file.display());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let route = route::route(&arguments.servers, None, &provider)?;
    let told = route::told(&route);
    let probe = Probe {
        asker: Asker::new(route, provider),
        rules: rules(policy, &parsed, now),
        fetch: if arguments.head {
            Fetch::Head
        } else {
            Fetch::Get
        },
        pace: Duration::from_secs(1) / arguments.rate.max(1),
        url: parsed,
    };
    let matrix = probe.matrix(arguments.requests);
    Terminal::note(&announcement(&probe, policy, &matrix, arguments, &told));
    if !may_ask(arguments.yes, &matrix, &command)? {
        bail!("nothing was sent");
    }
    let cells = ask(&probe, matrix, &command)?;
    let found = findings(&cells, &probe.rules);
    Ok(Some(Probed {
        fetch: probe.fetch,
        url: probe.url,
        cells,
        found,
    }))
}

/// The rules for a URL that are in force.
fn rules<'a>(policy: &'a Policy, url: &RequestUrl, now: Moment) -> Vec<&'a Rule> {
    let is_for = |rule: &&Rule| rule.targets.iter().any(|target| target.covers(url));
    let rules = policy.rules().iter();
    rules
        .filter(is_for)
        .filter(|rule| !rule.has_expired(now))
        .collect()
}

/// What is going to happen.
fn announcement(
    probe: &Probe<'_>,
    policy: &Policy,
    matrix: &Matrix,
    arguments: &cli::Probe,
    route: &str,
) -> String {
    let (url, method) = (&probe.url, probe.fetch.method());
    let (requests, rate) = (matrix.questions.len(), arguments.rate);
    let mut told = format!(
        "Probing {url}: {requests} requests at the most ({method} and OPTIONS), one after the other, {rate} a second, \
         without cookies.{route}\n"
    );
    if matrix.left_out > 0 {
        let (left_out, all) = (matrix.left_out, requests + matrix.left_out);
        let _ = writeln!(told, "{left_out} more are worth asking: --requests {all}");
    }
    if probe.rules.is_empty() {
        let targets = policy.rules().iter().flat_map(|rule| &rule.targets);
        let targets: BTreeSet<String> = targets.map(ToString::to_string).collect();
        let targets: Vec<String> = targets.into_iter().collect();
        let _ = writeln!(
            told,
            "No rule in force has this URL among its targets ({}), so by the policy no page may read it. If the server is \
             at another address than its targets say: --probe with the URL of a target, and --resolve.",
            targets.join(", ")
        );
    }
    told
}

/// Whether the requests may be sent: somebody says so, on the command line or on a terminal.
fn may_ask(yes: bool, matrix: &Matrix, command: &str) -> Result<bool> {
    if yes {
        return Ok(true);
    }
    let question = format!("Send these {} requests?", matrix.questions.len());
    Terminal::ask(&question)?.ok_or_else(|| {
        anyhow!("nobody is there to be asked whether these requests may be sent. If they may: {command} --yes")
    })
}

fn ask(probe: &Probe<'_>, matrix: Matrix, command: &str) -> Result<Vec<Cell>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let all = u64::try_from(matrix.questions.len()).ok();
    let mut progress = Progress::of("probing");
    let asking = probe.run(matrix, |done| {
        progress.at(u64::try_from(done).unwrap_or(0), all);
    });
    runtime
        .block_on(asking)
        .map_err(|error| match &error {
            Error::NotReached(why) => {
                let remedy = why.remedy(&format!("{command} --yes"));
                anyhow!("{error}. {remedy}")
            }
            Error::Silent(_) => anyhow!(error),
        })
        .with_context(|| format!("{} was not probed", probe.url))
}
