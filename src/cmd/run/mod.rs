//! `corstap run`: the proxy and its live log. Here the parts meet.

mod authority;
mod greeting;
mod live;
mod repairs;
mod rewriting;
mod session;

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use self::authority::{ca_place, open_ca};
use self::greeting::{Signer, greeting};
use self::live::LiveLog;
pub(super) use self::session::{Heard, Session, listen, told_to_stop};
use self::session::{Served, values};
use super::FINE;
use crate::cli::Run;
use crate::store::Recorder;
use crate::term::Terminal;

/// How long the last lines may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs the proxy until it is told to stop.
pub fn run(arguments: Run) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(arguments, |_| {
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
    let (session, heard) = Session::open(&arguments, dev.ca).await?;
    let greeting = greeting(&signer, &session, values(&arguments));
    let ca_place = ca_place(&arguments);
    let log = Log {
        greeting,
        ca_place,
        json: arguments.json,
    };
    tell(session, heard, log, beside).await?;
    Ok(FINE)
}

/// How a session is told of.
pub(super) struct Log {
    /// What is said first.
    pub(super) greeting: String,
    /// Where the CA is, as arguments.
    pub(super) ca_place: String,
    /// One JSON object a line, for programs.
    pub(super) json: bool,
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
    };
    let json = log.json;
    // Who reads the greeting may end it at once.
    let beside = beside(recorder);
    let (printed, printing) = channel::<()>();
    thread::spawn(move || {
        live.print(&log.greeting, &shown, &noticed);
        drop(printed);
    });
    let mut over = Ok(());
    let served = session.serve(async { over = beside.await }).await;
    let Served { finished, repairs } = served;
    // Whoever reads the output may have stopped reading: then the end does not wait for it.
    let is_read = printing.recv_timeout(LAST_WORDS) != Err(RecvTimeoutError::Timeout);
    if let Some(repairs) = repairs {
        if json {
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
