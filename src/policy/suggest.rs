//! The least policy under which the exchanges that are wanted pass: exact origins, the methods and
//! header names that were seen, and credentials only where they were proven.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::finding::{Code, Severity};
use super::origin::Origin;
use super::replay::parts;
use super::seen::Seen;
use super::spelling;
use super::target::{Coverage, Place, Target};
use super::{Finding, Policy};
use crate::cors::CredentialsMode;
use crate::cors::names::is_safelisted_method;
use crate::exchange::{Moment, RequestUrl};

/// The longest a name of a rule may be.
const MOST_NAME: usize = 100;

/// Which exchanges are wanted: of these origins, and to these targets. None of either means all.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    origins: Vec<Origin>,
    targets: Vec<Target>,
}

/// Why a wish is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misspelt {
    /// What is wrong.
    pub code: Code,
    /// What to write instead.
    pub instead: Option<String>,
}

impl Wanted {
    /// Understands what is wished for.
    pub fn parse(origins: &[String], targets: &[String]) -> Result<Self, Misspelt> {
        let misspelt = |spelling::Misspelt { code, instead }| Misspelt { code, instead };
        let mut wanted = Self::default();
        for text in origins {
            spelling::origin(text).map_err(misspelt)?;
            let origin = Origin::parse(text.as_bytes()).ok_or(Misspelt {
                code: Code::OriginInvalid,
                instead: None,
            })?;
            wanted.origins.push(origin);
        }
        for text in targets {
            wanted
                .targets
                .push(spelling::target(text).map_err(misspelt)?);
        }
        // The longest first: it is the one that is meant where several cover a URL.
        wanted
            .targets
            .sort_by_key(|target| std::cmp::Reverse((target.segments.len(), target.below)));
        Ok(wanted)
    }

    /// The target for an exchange, as a policy spells it; nothing if it is not wanted.
    fn target(&self, seen: &Seen<'_>) -> Option<String> {
        // A method or a header of that name cannot be granted: in a list it means all of them.
        if seen.has_withheld_method()
            || seen.method == "*"
            || seen.names.iter().any(|name| name == "*")
        {
            return None;
        }
        let origin = Origin::parse(seen.origin.as_bytes())?;
        if !self.origins.is_empty() && !self.origins.contains(&origin) {
            return None;
        }
        let url = RequestUrl::parse(&seen.url)?;
        if self.targets.is_empty() {
            return Some(origin_of(&url.to_string()).to_owned());
        }
        let covers =
            |target: &&Target| target.covers_recorded(Place::of(&url)) == Coverage::Covered;
        self.targets.iter().find(covers).map(ToString::to_string)
    }

    /// Whether an exchange is wanted.
    pub fn has(&self, seen: &Seen<'_>) -> bool {
        self.target(seen).is_some()
    }
}

/// The wanted exchanges of one origin to one target, and what they need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// The origin of the pages.
    pub origin: String,
    /// The target.
    pub target: String,
    /// How many exchanges there are.
    pub exchanges: u64,
    /// All methods that were seen.
    pub methods: BTreeSet<String>,
    /// The header names that a preflight asks for.
    pub names: BTreeSet<String>,
    /// Whether some of them were proven to carry credentials.
    pub credentials: bool,
    /// How many do not tell whether they carry credentials.
    pub untold: u64,
    /// How many have header names that the capture withholds.
    pub withheld: u64,
}

/// What is gathered of the exchanges that are wanted.
#[derive(Debug)]
pub struct Gathered {
    wanted: Wanted,
    needs: BTreeMap<(String, String), Need>,
}

impl Gathered {
    /// Nothing yet.
    pub fn of(wanted: Wanted) -> Self {
        Self {
            wanted,
            needs: BTreeMap::new(),
        }
    }

    /// Notes what an exchange needs, if it is wanted.
    pub fn note(&mut self, seen: &Seen<'_>) {
        let Some(target) = self.wanted.target(seen) else {
            return;
        };
        let key = (seen.origin.to_string(), target);
        let need = self
            .needs
            .entry(key)
            .or_insert_with_key(|(origin, target)| Need {
                origin: origin.clone(),
                target: target.clone(),
                ..Need::default()
            });
        need.exchanges += 1;
        need.methods.insert(seen.method.to_string());
        need.names.extend(
            seen.names
                .iter()
                .filter(|name| !name.starts_with('{'))
                .cloned(),
        );
        need.withheld += u64::from(seen.has_withheld_names);
        match seen.credentials {
            Some(CredentialsMode::Include) => need.credentials = true,
            Some(CredentialsMode::Omit) => {}
            None => need.untold += 1,
        }
    }

    /// What was gathered, longer paths before shorter ones: the first rule counts.
    pub fn needs(self) -> Vec<Need> {
        let mut needs: Vec<Need> = self.needs.into_values().collect();
        needs.sort_by_key(|need| {
            let path = need.target.len() - origin_of(&need.target).len();
            (
                need.origin.clone(),
                origin_of(&need.target).to_owned(),
                std::cmp::Reverse(path),
            )
        });
        needs
    }
}

/// A need that no rule can meet that is safe and does what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The need.
    pub need: Need,
    /// What would be wrong with the rule.
    pub because: Finding,
}

/// A policy for needs, and those that it leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The policy, as a file.
    pub text: String,
    /// How many rules it has.
    pub rules: usize,
    /// What it leaves out.
    pub left_out: Vec<LeftOut>,
}

/// Makes the least policy for needs.
pub fn suggest(needs: Vec<Need>, now: Moment) -> Suggestion {
    let mut suggestion = Suggestion {
        text: "version = 1\n".to_owned(),
        rules: 0,
        left_out: Vec::new(),
    };
    for need in needs {
        let rule = rule(&need, suggestion.rules + 1);
        let parsed = Policy::parse(format!("version = 1\n{rule}").as_bytes(), now);
        let bad = parsed
            .findings
            .into_iter()
            .find(|finding| finding.severity() >= Severity::Broken);
        if let Some(because) = bad {
            suggestion.left_out.push(LeftOut { need, because });
        } else {
            suggestion.rules += 1;
            suggestion.text.push_str(&rule);
        }
    }
    suggestion
}

fn rule(need: &Need, number: usize) -> String {
    let mut name = format!("{} to {}", need.origin, need.target);
    if name.len() > MOST_NAME || !name.is_ascii() {
        name = format!("rule {number}");
    }
    let mut rule = String::from("\n[[rule]]\n");
    let _ = writeln!(rule, "name = {}", quoted(&name));
    let _ = writeln!(rule, "origins = [{}]", quoted(&need.origin));
    let _ = writeln!(rule, "targets = [{}]", quoted(&need.target));
    let listed = need
        .methods
        .iter()
        .filter(|method| !is_safelisted_method(method));
    write_list(&mut rule, "methods", listed);
    write_list(&mut rule, "request-headers", need.names.iter());
    if need.credentials {
        rule.push_str("credentials = true\n");
    } else if need.untold > 0 {
        let _ = writeln!(
            rule,
            "# Whether credentials are included is not told of {} of {} exchanges. If they are: credentials = true",
            need.untold, need.exchanges
        );
    }
    if need.withheld > 0 {
        let _ = writeln!(
            rule,
            "# The capture withholds names of request headers of {} of {} exchanges: add them.",
            need.withheld, need.exchanges
        );
    }
    rule
}

fn write_list<'n>(rule: &mut String, key: &str, names: impl Iterator<Item = &'n String>) {
    let names: Vec<String> = names.map(|name| quoted(name)).collect();
    if !names.is_empty() {
        let _ = writeln!(rule, "{key} = [{}]", names.join(", "));
    }
}

fn origin_of(url: &str) -> &str {
    parts(url).0
}

/// A [basic string](https://toml.io/en/v1.0.0#string).
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}
