//! Pages in real browsers that listen to a stream of events.

use std::path::PathBuf;

use corstap::browser::{Launch, find, firefox};
use corstap::exchange::Protocol;

use crate::site::Place;

/// Asks for the next event only when it has the one before: one that was held back would be the
/// last.
const PAGE: &str = "<!DOCTYPE html><title>events</title><script>
const events = new Promise((resolve, reject) => {
  const seen = [], source = new EventSource('/events');
  source.onerror = () => reject(new Error('the stream broke off after ' + seen));
  source.onmessage = async ({ data }) => {
    seen.push(data);
    if (seen.length < 5) return void await fetch('/next');
    source.close();
    resolve(seen.join(' '));
  };
});
</script>";

/// A browser to test with, unless they were switched off in so many words.
fn browser(found: Option<PathBuf>, name: &str) -> Option<PathBuf> {
    if std::env::var_os("CORSTAP_NO_BROWSER").is_some() {
        eprintln!("SKIPPED: browser tests were switched off (CORSTAP_NO_BROWSER)");
        return None;
    }
    Some(
        found.unwrap_or_else(|| {
            panic!("no {name}: scripts/test installs it, or takes --no-browser")
        }),
    )
}

pub(crate) fn chromium() -> Option<PathBuf> {
    browser(find::chromium(), "Chromium")
}

pub(crate) fn firefox() -> Option<PathBuf> {
    browser(find::firefox(), "Firefox")
}

async fn place() -> Place {
    let (place, site) = Place::set().await;
    site.puts("/", "text/html", PAGE);
    place
}

/// The events have come, and are recorded over HTTP/2 as what the page closed.
async fn assert_recorded(place: Place) {
    let recorded = place.recorded().await;
    let stream = recorded.iter().find(|(line, ..)| line == "GET /events");
    let (_, protocol, ending) = stream.expect("the stream is recorded");
    assert_eq!((*protocol, *ending), (Protocol::Http2, "reset-by-client"));
    let asked = recorded.iter().filter(|(line, ..)| line == "GET /next");
    assert_eq!(asked.count(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_reach_a_page_in_chromium_one_by_one() {
    let Some(program) = chromium() else {
        return;
    };
    let place = place().await;
    let launch = Launch {
        program: Some(program),
        proxy: place.rig.proxy,
        spki_pin: place.rig.spki_pin.clone(),
    };
    let mut chromium = launch.start().unwrap_or_else(|error| panic!("{error}"));
    let context = chromium.devtools.open_context().await.expect("opened");
    let tab = chromium
        .devtools
        .open_tab(Some(&context))
        .await
        .expect("opened");
    chromium
        .devtools
        .navigate(&tab, &format!("{}/", place.origin))
        .await
        .expect("a page");
    let seen = chromium
        .devtools
        .evaluate(&tab, "events")
        .await
        .expect("events");
    assert_eq!(seen, "1 2 3 4 5");
    chromium.close().await;
    assert_recorded(place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_reach_a_page_in_firefox_one_by_one() {
    let Some(program) = firefox() else {
        return;
    };
    let place = place().await;
    let launch = firefox::Launch {
        program: Some(program),
        proxy: place.rig.proxy,
        ca_pem: place.rig.ca_pem.clone(),
    };
    let mut firefox = launch
        .start()
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let context = firefox.bidi.open_context().await.expect("opened");
    let tab = firefox.bidi.open_tab(&context).await.expect("opened");
    firefox
        .bidi
        .navigate(&tab, &format!("{}/", place.origin))
        .await
        .expect("a page");
    let seen = firefox.bidi.evaluate(&tab, "events").await.expect("events");
    assert_eq!(seen, "1 2 3 4 5");
    firefox.close().await;
    assert_recorded(place).await;
}
