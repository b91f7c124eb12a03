//! How the dashboard looks: every view, story, dialog and empty state, light and dark, at 200 % zoom and
//! with text twice as large: nothing that axe-core objects to, and nothing that is cut off.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use corstap::ca::HostList;
use corstap::cors::Engine;
use corstap::proxy::Route;

use super::asks;
use super::tab::Tab;
use crate::browser;
use crate::pages::{Run, server};
use crate::support::scene::Rig;

/// How large a window is, in pixels of the page; zoomed to 200 % it has half of that.
const WINDOW: (u32, u32) = (1280, 800);

/// What the page shows, and what brings it about: from one to the next.
const SIGHTS: [(&str, &str); 8] = [
    ("nothing", "await until(() => one('.legs'))"),
    ("list", "await counts('5 exchanges')"),
    (
        "story",
        "press('j'); press('Enter'); await until(() => one('.story'))",
    ),
    (
        "filtered",
        "press('Escape'); type('input', 'there is no such thing'); await until(() => one('.empty'))",
    ),
    (
        "keys",
        "type('input', ''); await counts('5 exchanges'); press('?'); await until(() => one('dialog[open]'))",
    ),
    (
        "overview",
        "one('dialog button').click(); press('2'); await until(() => one('.overview'))",
    ),
    (
        "policy",
        "press('3'); await until(() => one('textarea')); type('textarea', ''); click('Start from the capture'); await until(() => one('textarea').value.includes('app.example.test'));
         type('textarea', one('textarea').value.replaceAll('https://app.example.test', 'null')); await until(() => one('.findings li'));
         click('Play it over the capture'); await until(() => one('.changes table'))",
    ),
    (
        "over",
        "press('1'); await until(() => !one('#over').hidden)",
    ),
];

/// The places of what does not fit: text that is cut off, and what lies beyond the edge of the page, but
/// for what scrolls by itself and what lists cut off on purpose.
const CUT_OFF: &str = "
    const OWN = '.grid .row > div, .picture, .scroll, pre, .editor, .unseen, .skip, svg, option';
    const told = [];
    const name = (one) => `<${one.tagName.toLowerCase()} class=\"${one.className}\"> ${one.textContent.slice(0, 40)}`;
    for (const root of [document.documentElement, one('main')])
        if (root.scrollWidth > root.clientWidth) told.push(`${name(root)} scrolls sideways: ${root.scrollWidth} > ${root.clientWidth}`);
    const scrollers = (start) => {
        for (let above = start.parentElement; above; above = above.parentElement)
            if (above.matches('.grid, .picture, .scroll, .send, pre')) return true;
        return false;
    };
    for (const each of document.body.querySelectorAll('*')) {
        if (each.closest(OWN) || !each.checkVisibility()) continue;
        const { left, right, width, height } = each.getBoundingClientRect();
        if (!width || !height) continue;
        if (!scrollers(each) && (right > innerWidth + 1 || left < -1)) told.push(`${name(each)} lies beyond the edge`);
        const style = getComputedStyle(each);
        const cuts = style.overflowX === 'hidden' || style.overflowX === 'clip';
        if (cuts && each.scrollWidth > each.clientWidth + 1) told.push(`${name(each)} is cut off`);
        if (each.matches('button, h2, h3, p, label, nav a') && each.scrollWidth > each.clientWidth + 1 && style.display !== 'inline')
            told.push(`${name(each)} does not hold its text`);
    }
    const [list, rows] = [one('.grid'), [...document.querySelectorAll('.rows .row')]];
    if (list?.checkVisibility() && rows.length && list.clientHeight < 3 * rows[0].offsetHeight) told.push('the list shows no rows');
    const story = one('.detail');
    if (story?.checkVisibility() && story.clientHeight < 200) told.push(`the story has ${story.clientHeight} pixels`);
    return told.join('\\n');
";

/// The checks of axe-core, where it is installed.
fn axe() -> Option<String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent()?;
    let file = target.join("browser/node_modules/axe-core/axe.min.js");
    let script = fs::read_to_string(file).ok();
    if script.is_none() {
        eprintln!("SKIPPED: axe-core is not installed (scripts/servers does it)");
    }
    script
}

/// What is wrong with what is shown: in both themes, zoomed, and with larger text.
async fn faults(tab: &mut Tab, name: &str, axe: Option<&str>) -> String {
    let mut told = String::new();
    for theme in ["light", "dark"] {
        tab.does(&format!(
            "document.documentElement.style.colorScheme = '{theme}'; await drawn()"
        ))
        .await;
        if axe.is_some() {
            let found = tab
                .says("const found = await window.axe.run(); return found.violations.map((one) => `${one.id}: ${one.nodes[0].html}`).join('\\n')")
                .await;
            let _ = write!(told, "{}", listed(name, theme, &found));
        }
        tab.pictured(&format!("{name}-{theme}")).await;
    }
    let (width, height) = WINDOW;
    for (way, (width, height, zoom), size) in [
        ("as it is", (width, height, 1), ""),
        ("zoomed", (width / 2, height / 2, 2), ""),
        ("with large text", (width, height, 1), "28px"),
    ] {
        tab.is_sized(width, height, zoom).await;
        let found = tab
            .says(&format!(
                "document.documentElement.style.fontSize = '{size}'; await drawn(); {CUT_OFF}"
            ))
            .await;
        let _ = write!(told, "{}", listed(name, way, &found));
        tab.pictured(&format!("{name}-{}", way.replace(' ', "-")))
            .await;
    }
    tab.is_sized(width, height, 1).await;
    tab.does("document.documentElement.style.fontSize = ''; await drawn()")
        .await;
    told
}

fn listed(name: &str, way: &str, found: &str) -> String {
    let mut told = String::new();
    for line in found.lines() {
        let _ = writeln!(told, "{name}, {way}: {line}");
    }
    told
}

/// A policy that may be in force, so that the page says so all the while.
fn policy() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("made");
    let text = "version = 1\n[[rule]]\nname = \"app\"\norigins = [\"https://other.example.test\"]\ntargets = [\"https://api.example.test\"]\n";
    fs::write(file.path(), text).expect("written");
    file
}

async fn looks_well(engine: Engine) {
    let Some(program) = browser(engine) else {
        return;
    };
    let rig = Rig::start(HostList::development(), Route::default()).await;
    let (policy, server) = (policy(), server());
    let policy = policy.path().to_str().expect("text");
    let mut run = Run::start(&["--policy", policy, "--rewrite"]);
    let mut tab = Tab::open(engine, program, &rig).await;
    tab.is_sized(WINDOW.0, WINDOW.1, 1).await;
    let axe = axe();
    let mut told = String::new();
    // Without its token the page says what it lacks; with it, that responses are rewritten.
    let without = run.dashboard.split('#').next().expect("an address");
    let shows = [
        (without.to_owned(), "one('[role=alert] h2')"),
        (
            run.dashboard.replace("/#", "/?q=#"),
            "!one('#rewriting').hidden",
        ),
    ];
    for (address, is_shown) in shows {
        tab.navigate(&address).await;
        if let Some(axe) = &axe {
            tab.does(&format!("{axe}; return typeof window.axe")).await;
        }
        tab.does(&format!("await until(() => {is_shown})")).await;
        told += &faults(&mut tab, "start", axe.as_deref()).await;
    }
    for (name, brings_about) in SIGHTS {
        match name {
            "list" => (0..5).for_each(|number| {
                asks(
                    &run,
                    &server,
                    &format!("/v1/users/{number}/a-rather-long-path"),
                );
            }),
            "over" => run.child.kill().expect("ended"),
            _ => {}
        }
        tab.does(brings_about).await;
        told += &faults(&mut tab, name, axe.as_deref()).await;
    }
    tab.close().await;
    rig.finish().await;
    assert_eq!(told, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_dashboard_is_a_barrier_or_is_cut_off_in_chromium() {
    looks_well(Engine::Chromium).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_dashboard_is_a_barrier_or_is_cut_off_in_firefox() {
    looks_well(Engine::Firefox).await;
}
