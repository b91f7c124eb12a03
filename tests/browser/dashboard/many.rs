//! Very many exchanges in the dashboard, and streams of changes that break: what is counted is what the page
//! does for them, not how long it takes.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use corstap::ca::HostList;
use corstap::cors::Engine;
use corstap::exchange::secret::{Redactor, Values};
use corstap::exchange::{AskedUrl, Ending, Protocol, Request, Response};
use corstap::proxy::Route;
use corstap::store::recorder::{Arrival, ConnectionTicket};
use corstap::store::{Recorder, Writer};
use serde_json::json;

use super::asks;
use super::tab::Tab;
use crate::browser;
use crate::pages::{Run, server};
use crate::support::scene::Rig;

/// How many exchanges there are: a hundred thousand take their time, to be written and to be read.
fn many() -> usize {
    if std::env::var_os("CORSTAP_FULL").is_some() {
        100_000
    } else {
        20_000
    }
}

/// How many are handed in before it is waited until they are written: fewer than may wait.
const AT_ONCE: usize = 10_000;
/// The name of the capture, older than any that a run makes.
const NAME: &str = "20200101T000000000Z-1";

/// Writes a capture of many exchanges as a run does. One in ten has failed.
fn write(captures: &Path) {
    let mut private = DirBuilder::new();
    private.mode(0o700).recursive(true);
    private.create(captures).expect("made");
    let path = captures.join(format!("{NAME}.corstap"));
    let redactor = Redactor::new(&[7; 32], Values::Harmless);
    let (writer, recorder, shown) = Writer::start(&path, redactor).expect("started");
    let client = "127.0.0.1:1".parse().expect("an address");
    for block in 0..many() / AT_ONCE {
        let line = recorder.connected(Arrival::now(client), None);
        (0..AT_ONCE).for_each(|number| exchange(&recorder, &line, block * AT_ONCE + number));
        let ended = shown.iter().filter(|one| one.recorded.elapsed_ms.is_some());
        assert_eq!(ended.take(AT_ONCE).count(), AT_ONCE);
    }
    drop(recorder);
    assert_eq!(writer.finish().lost, 0);
}

fn exchange(recorder: &Recorder, line: &ConnectionTicket, number: usize) {
    let origin = format!("https://app{}.example.test", number % 7);
    let request = Request {
        method: "GET".to_owned(),
        url: AskedUrl::parse(&format!("https://api.example.test/v1/items/{number}"))
            .expect("valid"),
        headers: [("Origin", &origin)].into_iter().collect(),
    };
    let client = "127.0.0.1:1".parse().expect("an address");
    let mut ticket = recorder.open(line.id(), Protocol::Http11, client, Arc::new(request));
    let allowed = (!number.is_multiple_of(10)).then_some(("Access-Control-Allow-Origin", &*origin));
    ticket.answered(Arc::new(Response {
        status: 200,
        headers: allowed.into_iter().collect(),
    }));
    ticket.ended(Ending::Complete, None);
}

/// How many rows there are as elements, and how often rows were asked for.
const EFFORT: &str = "const effort = () => [document.querySelectorAll('.rows .row').length,
    performance.getEntriesByType('resource').filter(({ name }) => name.includes('/api/rows')).length];";

async fn holds_many(engine: Engine) {
    let Some(program) = browser(engine) else {
        return;
    };
    let (home, many) = (tempfile::tempdir().expect("a directory"), many());
    let counts = |listed: usize, failed: usize| {
        format!("one('.counts')?.textContent.replace(/\\D/g, '').startsWith('{listed}{failed}')")
    };
    write(&home.path().join(".local/state/corstap/captures"));
    let rig = Rig::start(HostList::development(), Route::default()).await;
    let run = Run::start_in(home, &["--keep", "all"]);
    let mut tab = Tab::open(engine, program, &rig).await;
    let address = run.dashboard.replace('#', &format!("?capture={NAME}#"));
    tab.navigate(&address).await;
    tab.waits(&counts(many, many / 10)).await;
    let loaded = tab.does(&format!("{EFFORT} return effort()")).await;
    let rows = loaded[0].as_u64().expect("a number");
    assert!((10..100).contains(&rows), "{rows} rows are elements");
    assert_eq!(loaded[1], many / 2000, "pages of 2,000");
    // However it is scrolled, only what is in sight is there, and nothing is asked for.
    let script = format!(
        "{EFFORT} const list = one('.grid'); const seen = [];
        for (const part of [0.1, 0.5, 0.9, 0.3, 1]) {{
            list.scrollTop = part * list.scrollHeight;
            list.dispatchEvent(new Event('scroll'));
            await drawn();
            const {{ top }} = list.getBoundingClientRect();
            const shown = document.elementFromPoint(200, top + list.clientHeight / 2).closest('.row');
            const place = Number(shown.getAttribute('aria-rowindex')) - 2;
            const middle = (list.scrollTop + list.clientHeight / 2) / (list.scrollHeight / ({many} + 1));
            seen.push([effort()[0] < 100, Math.abs(place - middle) < 3, shown.id === `row-${{{many} - place}}`]);
        }}
        return [seen, effort()[1]]"
    );
    let scrolled = tab.does(&script).await;
    assert_eq!(
        scrolled[0],
        json!(vec![[true, true, true]; 5]),
        "{scrolled}"
    );
    assert_eq!(scrolled[1], loaded[1]);
    // Filters, by what the page has.
    let script = format!(
        "{EFFORT} press('f'); await until(() => {});
        type('input', 'items/17770'); await counts('1 exchange,'); return [effort(), one('.rows .row').id]",
        counts(many / 10, many / 10)
    );
    let filtered = tab.does(&script).await;
    assert_eq!(filtered, json!([[1, many / 2000], "row-17771"]));
    let last = tab
        .says("type('input', ''); press('f'); await until(() => !one('.counts').textContent.startsWith('1 ')); press('End', one('.grid')); return (await until(() => one('.rows .row[aria-selected=\"true\"]'))).id")
        .await;
    assert_eq!(last, "row-1");
    tab.close().await;
    rig.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_holds_very_many_exchanges_with_few_rows_and_few_requests() {
    holds_many(Engine::Chromium).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn firefox_holds_very_many_exchanges_with_few_rows_and_few_requests() {
    holds_many(Engine::Firefox).await;
}

/// Has every stream of changes break off after so many octets, in the midst of whatever is told.
const BREAKS: &str = "
    const real = window.fetch;
    window.streams = 0;
    window.fetch = async (url, options) => {
        const answer = await real(url, options);
        if (!String(url).includes('changes')) return answer;
        window.streams += 1;
        let left = 30000;
        const cut = new TransformStream({ transform(chunk, to) {
            if (chunk.length < left) to.enqueue(chunk);
            else { to.enqueue(chunk.slice(0, left)); to.terminate(); }
            left -= chunk.length;
        } });
        return new Response(answer.body.pipeThrough(cut));
    };";

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_break_off_lose_nothing_and_double_nothing() {
    let Some(program) = browser(Engine::Chromium) else {
        return;
    };
    let rig = Rig::start(HostList::development(), Route::default()).await;
    let (run, server) = (Run::start(&[]), server());
    let mut tab = Tab::open(Engine::Chromium, program, &rig).await;
    tab.navigate(&run.dashboard).await;
    // Looking at the capture anew makes a new stream.
    tab.does(&format!("await until(() => one('#state').textContent === 'Live'); {BREAKS} one('#captures').dispatchEvent(new Event('change')); await until(() => window.streams)"))
        .await;
    std::thread::scope(|scope| {
        for line in 0..4 {
            let (run, server) = (&run, &server);
            scope.spawn(move || {
                for number in 0..100 {
                    asks(run, server, &format!("/{line}/{number}"));
                }
            });
        }
    });
    let told = tab
        .does("await counts('400 exchanges, 400 failures'); one('.grid').scrollTop = 0; await drawn();
               return [window.streams > 2, new Set([...document.querySelectorAll('.rows .row')].map((row) => row.id)).size === document.querySelectorAll('.rows .row').length]")
        .await;
    assert_eq!(told, json!([true, true]));
    tab.close().await;
    rig.finish().await;
}
