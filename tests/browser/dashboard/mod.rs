//! The dashboard as people work with it, in real browsers.

mod looks;
mod many;
mod tab;

use std::io::{Read, Write as _};
use std::net::TcpStream;

use corstap::ca::HostList;
use corstap::cors::Engine;
use corstap::proxy::Route;
use serde_json::json;

use self::tab::Tab;
use crate::browser;
use crate::pages::{Run, server};
use crate::support::scene::Rig;

/// Sends a request of a page through the run's proxy.
fn asks(run: &Run, server: &str, path: &str) {
    let mut stream = TcpStream::connect(&run.proxy).expect("it listens");
    let request = format!(
        "GET http://{server}{path} HTTP/1.1\r\nHost: {server}\r\nOrigin: https://app.example.test\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("written");
    stream.read_to_end(&mut Vec::new()).expect("read");
}

async fn works(engine: Engine) {
    let Some(program) = browser(engine) else {
        return;
    };
    let rig = Rig::start(HostList::development(), Route::default()).await;
    let (mut run, server) = (Run::start(&[]), server());
    let mut tab = Tab::open(engine, program, &rig).await;
    tab.navigate(&run.dashboard).await;
    says_what_to_do_next(&mut tab, &run).await;

    // A failing page makes a row appear, and nothing of what traffic says becomes markup.
    asks(&run, &server, "/<img/src=x/onerror=document.title='ran'>");
    tab.does("await counts('1 exchange, 1 failure')").await;
    asks(&run, &server, "/second");
    tab.does("await counts('2 exchanges, 2 failures')").await;
    let odd = tab
        .does("return [document.title, document.querySelectorAll('img, body script').length]")
        .await;
    assert_eq!(odd, json!(["corstap", 0]));

    // Filters live in the address.
    let address = tab
        .says("press('f'); type('input', 'second'); await counts('1 exchange'); return location.search")
        .await;
    assert_eq!(address, "?outcome=failures&q=second");
    tells_a_story(&mut tab).await;
    leads_on(&mut tab).await;
    is_over(&mut tab, &mut run).await;
    tab.close().await;
    rig.finish().await;
}

/// Where nothing has come, the page says what may be in the way, and then what no longer is.
async fn says_what_to_do_next(tab: &mut Tab, run: &Run) {
    let told = tab
        .says("return (await until(() => one('.legs') && one('.empty'))).innerText")
        .await;
    for said in [
        "Nothing recorded yet",
        "nothing has come to the proxy",
        "corstap browse URL",
        "open http://corstap.invalid/ in the browser",
        "corstap doctor",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
    // A browser opens the set-up page, and what the page asks for does not come: none of its images.
    let mut stream = TcpStream::connect(&run.proxy).expect("it listens");
    let request = "GET http://corstap.invalid/ HTTP/1.1\r\nHost: corstap.invalid\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("written");
    stream.read_to_end(&mut Vec::new()).expect("read");
    let told = tab
        .says("const found = () => one('.legs').innerText; await until(() => found().includes('set-up, wrong')); return found()")
        .await;
    for said in [
        "does not trust the CA\ncorstap ca install",
        "keeps localhost from the proxy\nChromium: --proxy-bypass-list='<-loopback>'",
    ] {
        assert!(told.replace("\n\n", "\n").contains(said), "{said}: {told}");
    }
    assert!(!told.contains("nothing has come"), "{told}");
}

/// The story of an exchange, by keyboard.
async fn tells_a_story(tab: &mut Tab) {
    let story = tab
        .says("press('j'); press('Enter'); return (await until(() => one('.story'))).innerText")
        .await;
    for told in [
        "has no Access-Control-Allow-Origin",
        "MissingAllowOriginHeader",
        "What to change",
    ] {
        assert!(story.contains(told), "{told}: {story}");
    }
    // When the request went and when the answer had come, in the picture and in words.
    let times = tab
        .does("return [[...document.querySelectorAll('.picture .when')].map((one) => one.textContent), one('.steps .when').textContent]")
        .await;
    let (begun, ended) = (&times[0][0], &times[0][1]);
    assert_eq!(begun, "+0.0 ms");
    let words = format!(" from +0.0 ms to {}", ended.as_str().expect("text"));
    assert_eq!(times[1], words.as_str(), "{times}");
    assert!(
        words.ends_with('s') && words != " from +0.0 ms to +0.0 ms",
        "{words}"
    );
    tab.does("press('Escape'); await until(() => one('.detail').hidden)")
        .await;
}

/// The overview, and the policy bench.
async fn leads_on(tab: &mut Tab) {
    let overview = tab
        .says("press('2'); return (await until(() => one('.overview'))).innerText")
        .await;
    assert!(overview.contains("What to fix first"), "{overview}");
    let finding = tab
        .says("press('3'); await until(() => one('textarea')); type('textarea', 'version = 1\\nrul = 2\\n'); return (await until(() => [...document.querySelectorAll('.findings li')].find((one) => one.innerText.includes('key-unknown')))).innerText")
        .await;
    assert!(finding.contains("line 2"), "{finding}");
    let change = tab
        .says("click('Start from the capture'); await until(() => one('textarea').value.includes('app.example.test')); click('Play it over the capture'); return (await until(() => one('.newly-allowed'))).innerText")
        .await;
    assert_eq!(change, "▲ 2");
}

/// A run that ends says so, and what to do; what was listed stays.
async fn is_over(tab: &mut Tab, run: &mut Run) {
    run.child.kill().expect("ended");
    tab.does("press('1'); await until(() => one('#state').textContent === 'Reconnecting…')")
        .await;
    let told = tab
        .says("return (await until(() => !one('#over').hidden && one('#over'))).innerText")
        .await;
    for said in ["is over", "corstap log", "corstap run"] {
        assert!(told.contains(said), "{said}: {told}");
    }
    tab.does("press('f'); type('input', ''); await counts('2 exchanges')")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_is_worked_by_keyboard_in_chromium() {
    works(Engine::Chromium).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_is_worked_by_keyboard_in_firefox() {
    works(Engine::Firefox).await;
}
