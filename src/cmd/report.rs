//! `corstap report`: failures, told to those who did not see them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{FINE, place};
use crate::cli::{Format, Report, Since};
use crate::dashboard::report::Form;
use crate::exchange::secret::{Redactor, Values};
use crate::exchange::{ExchangeId, Moment, RequestUrl};
use crate::report::paper::{self, About, Group, Source, Sources};
use crate::store::Capture;
use crate::store::gist::{Gist, Wanted};
use crate::term::Terminal;
use crate::{ca, clock, private};

/// How many failures are looked at, the newest ones.
const MOST_FAILURES: u64 = 10_000;
/// How many exchanges a HAR file may have.
const MOST_ENTRIES: u64 = 100_000;
/// How many sections a report has, those of the newest failures.
const MOST_SECTIONS: usize = 30;
/// How many exchanges of a section are read beside the one that is told.
const MOST_ALIKE: usize = 10;
/// How many exchanges are read for a section.
const MOST_RELATED: usize = 64;

/// Writes a report.
pub fn run(arguments: &Report) -> Result<u8> {
    let capture = place::open_capture(arguments.capture.as_deref())?;
    let has_all_values = capture.has_all_values()?;
    if !arguments.include.is_empty() && !has_all_values {
        bail!(
            "{} holds no values to include: it was made without `--values all` (`corstap run --values all`)",
            capture.name
        );
    }
    let redactor = Redactor::new(&ca::random()?, Values::Harmless).including(&arguments.include);
    let (gists, looked_at) = select(arguments, &capture)?;
    if gists.is_empty() {
        Terminal::note(&format!(
            "corstap: nothing to report in {}; `corstap log` lists what it has\n",
            capture.path().display()
        ));
        return Ok(FINE);
    }
    let reader = Reader {
        capture: &capture,
        redactor,
    };
    let mut about = About {
        capture: capture.name.clone(),
        has_all_values,
        included: arguments.include.clone(),
        left_out: 0,
        looked_at,
    };
    let text = reader.write(&gists, &mut about, arguments.format)?;
    write(&text, arguments.output.as_deref())
}

/// A report on exchanges that were chosen one by one, as the dashboard asks for it; nothing where there
/// are none.
pub(super) fn chosen(capture: &Capture, ids: &[ExchangeId], form: Form) -> Result<Option<String>> {
    let gists = capture.gists(Wanted::Named(ids), MOST_FAILURES)?;
    if gists.is_empty() {
        return Ok(None);
    }
    let reader = Reader {
        capture,
        redactor: Redactor::new(&ca::random()?, Values::Harmless),
    };
    let mut about = About {
        capture: capture.name.clone(),
        has_all_values: capture.has_all_values()?,
        included: Vec::new(),
        left_out: 0,
        looked_at: None,
    };
    let format = match form {
        Form::Markdown => Format::Markdown,
        Form::Har => Format::Har,
        Form::Curl => Format::Curl,
    };
    reader.write(&gists, &mut about, format).map(Some)
}

fn write(text: &str, output: Option<&Path>) -> Result<u8> {
    match output {
        Some(path) => private::replace(path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?,
        None => Terminal::new().print(text)?,
    }
    Ok(FINE)
}

/// The exchanges that the user wants; and among how many they were sought, if not among all.
fn select(arguments: &Report, capture: &Capture) -> Result<(Vec<Gist>, Option<u64>)> {
    let since = match arguments.since {
        None => Moment::from_micros(i64::MIN),
        Some(Since::At(moment)) => moment,
        Some(Since::Ago(seconds)) => {
            let ago = Duration::from_secs(seconds).as_micros();
            let ago = i64::try_from(ago).unwrap_or(i64::MAX);
            Moment::from_micros(clock::now().micros().saturating_sub(ago))
        }
    };
    let ids: Vec<ExchangeId> = arguments.ids.iter().copied().map(ExchangeId).collect();
    let most = match arguments.format {
        Format::Har => MOST_ENTRIES,
        Format::Markdown | Format::Html | Format::Json | Format::Curl => MOST_FAILURES,
    };
    let mut gists = if !ids.is_empty() {
        capture.gists(Wanted::Named(&ids), most)?
    } else if arguments.all {
        capture.gists(Wanted::All(since), most)?
    } else {
        capture.gists(Wanted::Failed(since), most)?
    };
    for id in ids {
        if gists.iter().all(|gist| gist.id != id) {
            bail!(
                "there is no exchange #{} in {}; `corstap log` lists them",
                id.0,
                capture.name
            );
        }
    }
    let looked_at = u64::try_from(gists.len())
        .ok()
        .filter(|found| *found == most);
    gists.retain(|gist| is_wanted(arguments, since, gist));
    Ok((gists, looked_at))
}

fn is_wanted(arguments: &Report, since: Moment, gist: &Gist) -> bool {
    let origin = arguments.origin.as_deref();
    let of_origin = |origin: &str| gist.origin.as_deref() == Some(origin.trim_end_matches('/'));
    let of_target = |target: &str| {
        let url = RequestUrl::parse(&gist.url);
        let is_host = url.is_some_and(|url| {
            url.authority.host.to_string() == target || url.authority.to_string() == target
        });
        is_host || gist.url.starts_with(target)
    };
    let is_late = gist.started >= since;
    let has_failed = gist.has_failed || !arguments.failed;
    let target = arguments.target.as_deref();
    is_late && has_failed && origin.is_none_or(of_origin) && target.is_none_or(of_target)
}

/// The failures of one cause, of one page at one server together; the newest first.
fn groups(gists: &[Gist], about: &mut About) -> Vec<Group> {
    let mut alike: BTreeMap<_, Group> = BTreeMap::new();
    for gist in gists {
        let target = paper::target(&gist.url);
        let key = (&gist.cause, &gist.phase, target, &gist.origin);
        alike.entry(key).or_default().ids.push(gist.id);
    }
    let mut groups: Vec<Group> = alike.into_values().collect();
    groups.sort_by_key(|group| Reverse(group.ids.last().copied()));
    about.left_out = groups.len().saturating_sub(MOST_SECTIONS);
    groups.truncate(MOST_SECTIONS);
    groups
}

/// Reads what a report draws on, and withholds what is not to be told.
struct Reader<'a> {
    capture: &'a Capture,
    redactor: Redactor,
}

impl Reader<'_> {
    /// The report in a format.
    fn write(&self, gists: &[Gist], about: &mut About, format: Format) -> Result<String> {
        if format == Format::Har {
            let sources = self.entries(gists)?;
            return Ok(paper::har::har(about, sources.values()));
        }
        let groups = groups(gists, about);
        let sources = self.sources(&groups)?;
        let paper = paper::paper(about, &groups, &sources);
        Ok(match format {
            Format::Markdown => paper::markdown::markdown(&paper),
            Format::Html => paper::html::html(&paper),
            Format::Curl => paper::curl::script(&paper),
            Format::Json | Format::Har => Terminal::json_line(&paper)?,
        })
    }

    fn source(&self, id: ExchangeId) -> Result<Option<Source>> {
        let stored = self.capture.exchange(id)?;
        Ok(stored.map(|stored| {
            let mut source = Source {
                rev: stored.rev,
                recorded: stored.recorded,
                judgement: Arc::unwrap_or_clone(stored.judgement),
            };
            source.recorded.withhold(&self.redactor);
            source.judgement.withhold(&self.redactor);
            source
        }))
    }

    /// What sections draw on.
    fn sources(&self, groups: &[Group]) -> Result<Sources> {
        let mut sources = Sources::new();
        for group in groups {
            let alike = group.ids.iter().rev().take(MOST_ALIKE);
            for id in alike {
                self.read(*id, &mut sources)?;
            }
            if let Some(last) = group.ids.last() {
                self.read_related(*last, &mut sources)?;
            }
        }
        Ok(sources)
    }

    /// The exchanges themselves, with the other ones of their stories.
    fn entries(&self, gists: &[Gist]) -> Result<Sources> {
        let mut sources = Sources::new();
        for gist in gists {
            self.read(gist.id, &mut sources)?;
            self.read_related(gist.id, &mut sources)?;
        }
        Ok(sources)
    }

    fn read(&self, id: ExchangeId, sources: &mut Sources) -> Result<()> {
        if !sources.contains_key(&id)
            && let Some(source) = self.source(id)?
        {
            sources.insert(id, source);
        }
        Ok(())
    }

    /// Reads all that an exchange leads to.
    fn read_related(&self, id: ExchangeId, sources: &mut Sources) -> Result<()> {
        let (mut waiting, mut seen) = (vec![id], BTreeSet::from([id]));
        while let Some(id) = waiting.pop() {
            self.read(id, sources)?;
            let Some(source) = sources.get(&id) else {
                continue;
            };
            for next in paper::related(&source.judgement) {
                if seen.len() < MOST_RELATED && seen.insert(next) {
                    waiting.push(next);
                }
            }
        }
        Ok(())
    }
}
