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
use self::session::{Served, Session, values};
pub(super) use self::session::{listen, told_to_stop};
use super::FINE;
use crate::cli::Run;
use crate::term::Terminal;

/// How long the last lines may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs the proxy until it is told to stop.
pub fn run(arguments: Run) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: Run) -> Result<u8> {
    let dev = open_ca(&arguments)?;
    let signer = Signer::of(&dev);
    let (session, heard) = Session::open(&arguments, dev.ca).await?;
    let greeting = greeting(&signer, &session, values(&arguments));
    let json = arguments.json;
    let log = LiveLog {
        capture: session.name().to_owned(),
        losses: session.losses(),
        ca_place: ca_place(&arguments),
        json: arguments.json,
    };
    // Who reads the greeting may end it at once.
    let stop = told_to_stop();
    let (printed, printing) = channel::<()>();
    thread::spawn(move || {
        log.print(&greeting, &heard.shown, &heard.noticed);
        drop(printed);
    });
    let Served { finished, repairs } = session.serve(stop).await;
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
    Ok(FINE)
}
