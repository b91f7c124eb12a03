//! WebKit, asked what it makes of a case: GTK's `MiniBrowser`. Its driver keeps back what the console
//! says, so that a page takes its steps by itself, and the console tells what came of them.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use corstap::cors::{Engine, Outcome, Rule};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::{Said, names, outcome};
use crate::support::scene::Rig;
use crate::support::truth::{Case, Expected, named_in};

/// Longer than any case takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many windows stay open behind the one that is asked: each takes a good part of a second, and a connection
/// counts as kept after one.
const MOST_OPEN: usize = 4;

/// A WebKit that uses the rig's proxy: a process for each case.
pub struct Browser {
    program: PathBuf,
    proxy: SocketAddr,
    screen: Screen,
    /// Those of the cases before: they stay open for a while, because how long a connection stays tells
    /// something.
    open: VecDeque<Window>,
}

/// A screen that nobody sees.
struct Screen {
    name: String,
    _server: Child,
}

/// A process with one page, which has been nowhere before.
struct Window {
    _process: Child,
    _home: TempDir,
    console: Lines<BufReader<ChildStdout>>,
}

/// What a step came to, and what the console had to say meanwhile.
#[derive(Default)]
struct Step {
    saw: Value,
    errors: Vec<String>,
}

/// A WebKit that uses the rig's proxy.
pub async fn start(program: PathBuf, rig: &Rig) -> Browser {
    Browser {
        program,
        proxy: rig.proxy,
        screen: Screen::start().await.expect("Xvfb"),
        open: VecDeque::new(),
    }
}

impl Browser {
    /// Has a page do what the case's script did, and asks what came of the judged step.
    pub async fn ask(&mut self, case: &Case) -> io::Result<Said> {
        let (steps, judged) = case.steps(Engine::Webkit);
        let taken = Value::from(&steps[..=judged]).to_string();
        let url = format!(
            "{}#{}",
            case.page_url(Engine::Webkit),
            utf8_percent_encode(&taken, NON_ALPHANUMERIC)
        );
        let mut window = self.open(&url)?;
        let mut step = Step::default();
        for _ in 0..=judged {
            step = timeout(PATIENCE, window.step()).await??;
        }
        self.open.push_back(window);
        if self.open.len() > MOST_OPEN {
            self.open.pop_front();
        }
        Ok(said(&step, &steps[judged]))
    }

    fn open(&self, url: &str) -> io::Result<Window> {
        // A private window would keep to itself what the console says.
        let home = tempfile::tempdir()?;
        // Nothing in it means anything to a shell.
        let command = format!(
            "{} --proxy=http://{} --ignore-tls-errors \
             --enable-write-console-messages-to-stdout=true {url}",
            self.program.display(),
            self.proxy
        );
        // At a terminal what the console says comes line by line.
        let mut process = Command::new("script");
        process
            .args(["--quiet", "--flush", "--command", &command, "/dev/null"])
            .env("DISPLAY", &self.screen.name)
            .envs(
                ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"]
                    .map(|name| (name, home.path())),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut process = process.spawn()?;
        let console = process.stdout.take().expect("piped");
        Ok(Window {
            _process: process,
            _home: home,
            console: BufReader::new(console).lines(),
        })
    }
}

impl Screen {
    /// Starts one; it says itself which name is free.
    async fn start() -> io::Result<Self> {
        let mut server = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-nolisten",
                "tcp",
                "-screen",
                "0",
                "800x600x24",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let told = server.stdout.take().expect("piped");
        let number = timeout(PATIENCE, BufReader::new(told).lines().next_line()).await??;
        Ok(Self {
            name: format!(":{}", number.ok_or(io::ErrorKind::UnexpectedEof)?),
            _server: server,
        })
    }
}

impl Window {
    /// Reads the console until the page has taken its next step.
    async fn step(&mut self) -> io::Result<Step> {
        let mut errors = Vec::new();
        while let Some(line) = self.console.next_line().await? {
            let Some((_, told)) = line.split_once("CONSOLE ") else {
                continue;
            };
            if let Some(saw) = told.trim_end().strip_prefix("LOG step ") {
                let saw = serde_json::from_str(saw)?;
                return Ok(Step { saw, errors });
            }
            errors.push(told.to_owned());
        }
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn said(Step { saw, errors }: &Step, step: &Value) -> Said {
    let of_cors = errors.iter().find_map(|told| Some((code(told)?, told)));
    // What script catches the console does not tell.
    let caught = saw["error"].as_str().unwrap_or_default();
    let by = of_cors
        .map(|_| Rule::Cors)
        .or_else(|| errors.iter().find_map(|told| rule(told)))
        .or_else(|| rule(caught));
    let made = Expected {
        outcome: by.map_or_else(|| outcome(step, saw), |_| Outcome::Blocked),
        by,
        code: of_cors.map(|(code, _)| code.to_owned()),
    };
    Said {
        made,
        named: of_cors.and_then(|(_, told)| named_in(Engine::Webkit, told)),
        readable: names(saw),
    }
}

/// The name that we have given to a text about CORS.
fn code(told: &str) -> Option<&'static str> {
    const CODES: [(&str, &str); 12] = [
        (
            "Preflight response is not successful.",
            "preflight-not-successful",
        ),
        (
            " is not allowed by Access-Control-Allow-Origin.",
            "origin-not-allowed",
        ),
        (
            "cannot contain more than one origin.",
            "multiple-allow-origin",
        ),
        (
            "Cannot use wildcard in Access-Control-Allow-Origin",
            "wildcard-with-credentials",
        ),
        (
            "Credentials flag is true, but",
            "allow-credentials-not-true",
        ),
        (
            "Access-Control-Allow-Methods has an invalid value",
            "allow-methods-invalid",
        ),
        (
            "Access-Control-Allow-Headers has an invalid value",
            "allow-headers-invalid",
        ),
        (
            " is not allowed by Access-Control-Allow-Methods.",
            "method-not-allowed",
        ),
        (
            " is not allowed by Access-Control-Allow-Headers.",
            "header-not-allowed",
        ),
        ("has credentials", "redirect-has-credentials"),
        ("non CORS scheme", "redirect-scheme-not-cors"),
        (
            "Cross origin requests are only supported for HTTP.",
            "scheme-not-http",
        ),
    ];
    of_text(&CODES, told)
}

/// The rule beside CORS that an error tells of.
fn rule(told: &str) -> Option<Rule> {
    const RULES: [(&str, Rule); 9] = [
        ("Cross-Origin-Resource-Policy", Rule::Corp),
        ("Cross-Origin-Embedder-Policy", Rule::Coep),
        ("directive of the Content Security Policy", Rule::Csp),
        ("Refused to display", Rule::XFrameOptions),
        ("[blocked] The page at", Rule::MixedContent),
        ("is not a script MIME type", Rule::MimeType),
        ("non CSS MIME types", Rule::MimeType),
        ("is not a valid JavaScript MIME type", Rule::MimeType),
        ("integrity metadata check", Rule::Sri),
    ];
    of_text(&RULES, told)
}

fn of_text<T: Copy>(table: &[(&str, T)], told: &str) -> Option<T> {
    let found = table.iter().find(|(text, _)| told.contains(text));
    found.map(|(_, meant)| *meant)
}
