//! `corstap run`: the proxy and its live log. Here the parts meet.

mod authority;
mod command;
mod dashboard;
mod greeting;
mod live;
mod repairs;
mod rewriting;
mod session;
mod tally;

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use self::authority::{ca_place, open_ca};
use self::greeting::{Signer, greeting, short_greeting};
use self::live::LiveLog;
pub(super) use self::session::{Heard, Session, listen, told_to_stop};
use self::session::{Served, values};
use super::ca::export::variables;
use super::doctor::live::TrustedBy;
use super::{FINE, FOUND, place};
use crate::ca::trust::quoted;
use crate::cli::{Run, RunWith};
use crate::store::Recorder;
use crate::term::Terminal;

/// How long the last lines may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs the proxy until it is told to stop.
pub fn run(arguments: RunWith) -> Result<u8> {
    // Connections have threads of their own: what is done here is little.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if !arguments.command.is_empty() {
        return runtime.block_on(with_command(arguments));
    }
    runtime.block_on(serve(arguments.run, |_| {
        let stop = told_to_stop();
        async {
            stop.await;
            Ok(())
        }
    }))
}

/// Runs the proxy with the stored CA until what is done beside it is over.
pub(super) async fn serve<F>(arguments: Run, beside: impl FnOnce(Recorder) -> F) -> Result<u8>
where
    F: Future<Output = Result<()>>,
{
    let dev = open_ca(&arguments)?;
    let signer = Signer::of(&dev);
    let (session, heard) = Session::open(&arguments, dev.ca, TrustedBy::Stores).await?;
    let greeting = greeting(&signer, &session, values(&arguments));
    let ca_place = ca_place(&arguments);
    let log = Log {
        greeting,
        ca_place,
        json: arguments.json,
        is_beside: false,
    };
    tell(session, heard, log, beside).await?;
    Ok(FINE)
}

/// Runs the proxy for as long as a command runs that uses it.
async fn with_command(with: RunWith) -> Result<u8> {
    let arguments = &with.run;
    let dev = open_ca(arguments)?;
    let bundle = dev.write_bundle(&place::ca(arguments.ca_dir.as_deref())?)?;
    let certificate = dev.certificate_file.clone();
    let (session, heard) = Session::open(arguments, dev.ca, TrustedBy::Stores).await?;
    let (capture, address) = (session.capture.clone(), session.address);
    let log = Log {
        greeting: short_greeting(&session),
        ca_place: ca_place(arguments),
        json: arguments.json,
        is_beside: true,
    };
    let mut code = FINE;
    let variables = variables(&certificate, &bundle, address)?;
    let (command, ended) = (&with.command, &mut code);
    let running = move |_| async move {
        *ended = command::run(command, variables).await?;
        Ok(())
    };
    tell(session, heard, log, running).await?;
    verdict(&with, code, &capture)
}

/// The code to exit with after a command. What was blocked is told.
fn verdict(with: &RunWith, code: u8, capture: &Path) -> Result<u8> {
    // One that holds nothing was removed.
    let blocked = if capture.exists() {
        command::blocked(capture)?
    } else {
        0
    };
    if blocked == 0 {
        return Ok(code);
    }
    Terminal::note(&format!(
        "corstap: {blocked} blocked; `corstap log --failed --capture {}` lists them\n",
        quoted(&capture.display().to_string())
    ));
    let is_found = with.fail && code == FINE;
    Ok(if is_found { FOUND } else { code })
}

/// How a session is told of.
pub(super) struct Log {
    /// What is said first.
    pub(super) greeting: String,
    /// Where the CA is, as arguments.
    pub(super) ca_place: String,
    /// One JSON object a line, for programs.
    pub(super) json: bool,
    /// Standard output is a command's: all goes to standard error.
    pub(super) is_beside: bool,
}

/// Serves, and tells what comes, until what is done beside it is over.
pub(super) async fn tell<F>(
    session: Session,
    heard: Heard,
    log: Log,
    beside: impl FnOnce(Recorder) -> F,
) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let Heard {
        shown,
        noticed,
        recorder,
    } = heard;
    let live = LiveLog {
        capture: session.name().to_owned(),
        losses: session.losses(),
        ca_place: log.ca_place,
        json: log.json,
        is_beside: log.is_beside,
    };
    let is_note = log.json || log.is_beside;
    // Who reads the greeting may end it at once.
    let beside = beside(recorder);
    let (printed, printing) = channel::<()>();
    thread::spawn(move || {
        live.print(&log.greeting, &shown, &noticed);
        drop(printed);
    });
    let mut over = Ok(());
    let serving = session.serve(async { over = beside.await });
    let Served { finished, repairs } = serving.await?;
    // Whoever reads the output may have stopped reading: then the end does not wait for it.
    let is_read = printing.recv_timeout(LAST_WORDS) != Err(RecvTimeoutError::Timeout);
    if let Some(repairs) = repairs {
        if is_note {
            Terminal::note(&repairs);
        } else if is_read {
            Terminal::new().print(&repairs)?;
        }
    }
    if finished.lost > 0 {
        tracing::warn!(
            exchanges = finished.lost,
            "missing in the capture: it could not be written, or not in time"
        );
    }
    over
}
