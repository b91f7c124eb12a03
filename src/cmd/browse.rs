//! `corstap browse`: a run with a throw-away browser of its own, which says itself what it makes of
//! everything.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use directories::BaseDirs;

use super::doctor::live::TrustedBy;
use super::run::{Log, Session, told_to_stop};
use super::{FINE, ca as ca_verb, place, run};
use crate::browser::find::{self, Family, Found};
use crate::browser::guard::{Guarded, bound};
use crate::browser::visit::Trusts;
use crate::browser::{Error, Link, Listener, Visit, visit};
use crate::ca::{Ca, HostList};
use crate::cli::{BindBrowser, Browse, GuardBrowser, Run, Wanted};
use crate::clock;
use crate::store::Recorder;

/// Where a run listens unless it is told to listen elsewhere.
const USUAL_PORT: u16 = 2677;

/// Starts a proxy and a browser, or listens to one that is open.
pub fn run(arguments: Browse) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match arguments.attach {
            Some(port) => Box::pin(attach(arguments, port)).await,
            None => Box::pin(browse(arguments)).await,
        }
    })
}

/// Starts a browser and ends it: what the guard is started for.
pub fn guard(arguments: GuardBrowser) -> Result<u8> {
    let mut command = arguments.command.into_iter();
    let guarded = Guarded {
        program: command.next().context("no browser")?.into(),
        arguments: command.collect(),
        profile: arguments.profile,
        binder: own_program()?,
    };
    guarded.run()?;
    Ok(FINE)
}

/// Becomes a browser that does not outlive its guard.
pub fn bind(arguments: &BindBrowser) -> Result<u8> {
    let (program, rest) = arguments.command.split_first().context("no browser")?;
    let program = Path::new(program);
    let failure = bound(arguments.to, program, rest);
    Err(failure).with_context(|| format!("cannot start {}", program.display()))
}

/// Corstap itself, which guards the browser.
fn own_program() -> Result<PathBuf> {
    env::current_exe().context("where corstap itself is")
}

async fn browse(mut arguments: Browse) -> Result<u8> {
    let found = wanted(arguments.browser.as_ref())?;
    if !arguments.headless && !has_screen() {
        bail!(
            "there is no screen (neither DISPLAY nor WAYLAND_DISPLAY is set); \
             `corstap browse --headless` shows no window"
        );
    }
    let authority = authority(&arguments)?;
    let trusts = Trusts {
        spki_pin: authority.spki_pin(),
        pem: authority.certificate_pem(),
    };
    arguments.run.confirm = true;
    arguments.run.listen = free(arguments.run.listen);
    let read = authority.hosts().clone();
    let (session, heard) = Session::open(&arguments.run, authority, TrustedBy::OwnBrowser).await?;
    let greeting = greeting(&session, &read, &found, &arguments);
    let visit = Visit {
        proxy: session.address,
        past_proxy: session.dashboard_at,
        trusts,
        is_headless: arguments.headless,
        open: tabs(&arguments, &session),
        arguments: arguments.browser_arguments,
        dens: dens(&found)?,
        guard: own_program()?,
        found,
    };
    let log = Log {
        greeting,
        ca_place: String::new(),
        json: arguments.run.json,
        is_beside: false,
    };
    run::tell(session, heard, log, |recorder| keep_open(visit, recorder)).await?;
    Ok(FINE)
}

/// What is opened: the URL, and the dashboard where there is a window to look at it.
fn tabs(arguments: &Browse, session: &Session) -> Vec<String> {
    let url = arguments.url.iter().map(ToString::to_string);
    let dashboard = session.dashboard_url.clone();
    let dashboard = dashboard.filter(|_| !arguments.headless);
    url.chain(dashboard).collect()
}

/// Has the browser open until it is closed, or we are told to stop.
fn keep_open(visit: Visit, recorder: Recorder) -> impl Future<Output = Result<()>> {
    let (early, late) = (told_to_stop(), told_to_stop());
    async move {
        // Reading what it says must not hold up those who connect.
        let browsing = tokio::spawn(async move {
            let visiting = tokio::select! {
                visiting = visit.start() => visiting?,
                () = early => return Ok(()),
            };
            let hear = |word| recorder.said(word);
            visiting.until(late, clock::now, hear).await
        });
        let browsed: Result<(), Error> = browsing.await?;
        browsed.context("the browser cannot be used")
    }
}

/// Listens to a browser that is open.
async fn attach(arguments: Browse, port: u16) -> Result<u8> {
    let link = Link::attach((Ipv4Addr::LOCALHOST, port).into()).await?;
    let open = arguments.url.iter().map(ToString::to_string).collect();
    let listener = Listener::attached(link, open);
    let run = Run {
        confirm: true,
        ..arguments.run
    };
    Box::pin(run::serve(run, |recorder| {
        let (stop, after) = (told_to_stop(), told_to_stop());
        async move {
            let hear = |word| recorder.said(word);
            tokio::select! {
                () = stop => return Ok(()),
                told = listener.listen(clock::now, hear) => told?,
            }
            tracing::warn!("the browser is gone: what comes now is judged without its own word");
            after.await;
            Ok(())
        }
    }))
    .await
}

/// A CA that lives as long as the browser does. The host of the page is read too.
fn authority(arguments: &Browse) -> Result<Ca> {
    let page = arguments.url.as_ref().and_then(url::Url::host_str);
    let run = &arguments.run;
    let mut hosts = run.hosts.clone();
    let mut read = ca_verb::wanted(&hosts, run.any_host)?;
    if let Some(page) = page.filter(|_| !run.any_host) {
        hosts.push(page.trim_matches(['[', ']']).to_owned());
        let with_page = ca_verb::wanted(&hosts, false)?;
        if !read.covers(&with_page) {
            read = with_page;
        }
    }
    Ok(Ca::generate(read, "this browser alone")?)
}

fn wanted(wanted: Option<&Wanted>) -> Result<Found> {
    let mut installed = find::installed();
    match wanted {
        Some(Wanted::File(file)) => Ok(Found::named(file.clone())),
        Some(Wanted::Brand(brand)) => installed
            .find(|found| found.brand == *brand)
            .ok_or_else(|| Error::NotInstalled(*brand).into()),
        None => installed.next().ok_or_else(|| Error::NotFound.into()),
    }
}

/// On Linux a window needs somebody to draw it.
fn has_screen() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

/// Nobody has to know the port of a proxy whose browser is told: where the usual one is taken, any
/// will do.
fn free(wanted: SocketAddr) -> SocketAddr {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL_PORT));
    if wanted == usual && TcpListener::bind(wanted).is_err() {
        SocketAddr::new(wanted.ip(), 0)
    } else {
        wanted
    }
}

fn dens(found: &Found) -> Result<PathBuf> {
    let dirs = BaseDirs::new();
    let home = dirs.as_ref().map(BaseDirs::home_dir);
    Ok(visit::dens(found, home, &place::browsers()?))
}

fn greeting(session: &Session, read: &HostList, found: &Found, arguments: &Browse) -> String {
    let has_sandbox = found.brand.family() == Family::Firefox;
    let root = if rustix::process::geteuid().is_root() && !has_sandbox {
        "\nIt runs without its sandbox, because you are root."
    } else {
        ""
    };
    let end = if arguments.headless {
        "Ctrl-C ends it."
    } else {
        "Close it, or press Ctrl-C: then its profile and its CA are gone."
    };
    format!(
        "corstap listens on {address} and reads {read}; all else is tunnelled unread.{route}{rewriting}
capture: {capture}

{program} starts with a profile of its own, uses this proxy, and trusts it for as long as it runs.{root}
{end}

",
        address = session.address,
        route = session.route,
        rewriting = session.rewriting(),
        capture = session.capture.display(),
        program = found.program.display(),
    )
}
