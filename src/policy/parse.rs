//! The file, read: every value with its place, and everything that is wrong with its form.

use std::ops::Range;

use time::Date;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::finding::{Code, Finding, Place};
use super::lines::Lines;
use super::pattern::OriginPattern;
use super::rule::PreflightMode;
use super::spelling::{self, Misspelt};
use super::target::Target;

/// How large a policy can be, in octets.
pub const MOST_OCTETS: usize = 1 << 20;

const KEYS: [&str; 2] = ["version", "rule"];
const RULE_KEYS: [&str; 10] = [
    "name",
    "origins",
    "targets",
    "methods",
    "request-headers",
    "expose-headers",
    "credentials",
    "max-age",
    "preflight",
    "expires",
];

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Item<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// A rule as it was written, as far as it was understood.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// Its name, or `#2`.
    pub(super) title: Box<str>,
    /// Where it begins.
    pub(super) span: Range<usize>,
    pub(super) name: Option<Item<Box<str>>>,
    pub(super) origins: Vec<Item<OriginPattern>>,
    pub(super) targets: Vec<Item<Target>>,
    pub(super) methods: Vec<Item<Box<str>>>,
    pub(super) request_headers: Vec<Item<Box<str>>>,
    pub(super) expose_headers: Vec<Item<Box<str>>>,
    pub(super) credentials: Option<Item<bool>>,
    pub(super) max_age: Option<Item<u32>>,
    pub(super) preflight: PreflightMode,
    pub(super) expires: Option<Item<Date>>,
}

/// Reads a file, noting findings on the way.
pub(super) struct Reader<'t> {
    lines: Lines<'t>,
    pub(super) findings: Vec<Finding>,
    /// The rule that is being read.
    pub(super) rule: Option<Box<str>>,
}

impl<'t> Reader<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self {
            lines: Lines::of(text),
            findings: Vec::new(),
            rule: None,
        }
    }

    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        self.lines.place(span)
    }

    /// Notes a finding, for details to be added.
    pub(super) fn find(&mut self, code: Code, span: &Range<usize>) -> &mut Finding {
        let place = self.place(span);
        self.findings.push(Finding {
            code,
            place,
            rule: self.rule.clone(),
            value: None,
            instead: None,
            other: None,
        });
        let last = self.findings.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "it was pushed just now")]
        &mut self.findings[last]
    }

    /// Notes a finding about a value.
    pub(super) fn find_value(
        &mut self,
        code: Code,
        span: &Range<usize>,
        value: &str,
    ) -> &mut Finding {
        let finding = self.find(code, span);
        finding.value = Some(value.into());
        finding
    }

    /// Reads all rules of a file.
    pub(super) fn read(&mut self, text: &str) -> Vec<Draft> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let is_whole = errors.is_empty();
        for error in errors {
            let span = error.span().unwrap_or(text.len()..text.len());
            if error.message().starts_with("duplicate key") {
                let key = text.get(span.clone()).unwrap_or_default();
                self.find_value(Code::KeyDuplicate, &span, key);
            } else {
                self.find_value(Code::Syntax, &span, error.message());
            }
        }
        let table = table.get_ref();
        self.check_keys(table, &KEYS);
        self.check_version(table, is_whole);
        let Some(rules) = table.get("rule") else {
            if is_whole {
                self.find(Code::NoRules, &(0..0));
            }
            return Vec::new();
        };
        let Some(rules) = self.array(rules, "tables, each beginning with [[rule]]") else {
            return Vec::new();
        };
        let mut drafts = Vec::with_capacity(rules.len());
        for (number, rule) in rules.iter().enumerate() {
            self.rule = Some(format!("#{}", number + 1).into());
            match rule.get_ref().as_table() {
                Some(table) => drafts.push(self.rule(table, &rule.span(), is_whole)),
                None => self.wrong_type(rule, "a table, beginning with [[rule]]"),
            }
        }
        self.rule = None;
        drafts
    }

    fn check_version(&mut self, table: &DeTable<'_>, is_whole: bool) {
        let Some(version) = table.get("version") else {
            if is_whole {
                let finding = self.find_value(Code::KeyMissing, &(0..0), "version");
                finding.instead = Some("version = 1".into());
            }
            return;
        };
        match integer(version) {
            Some(1) => {}
            Some(other) => {
                let finding =
                    self.find_value(Code::VersionUnknown, &version.span(), &other.to_string());
                finding.instead = Some("1".into());
            }
            None => self.wrong_type(version, "a number"),
        }
    }

    /// Keys that there are not, with the one that was meant, if one is near.
    fn check_keys(&mut self, table: &DeTable<'_>, known: &[&str]) {
        for key in table.keys() {
            let name = key.get_ref();
            if known.contains(&&**name) {
                continue;
            }
            let meant = nearest(name, known);
            let finding = self.find_value(Code::KeyUnknown, &key.span(), name);
            finding.instead = meant.map(Into::into);
        }
    }

    fn rule(&mut self, table: &DeTable<'_>, span: &Range<usize>, is_whole: bool) -> Draft {
        let name = self.name(table);
        if let Some(name) = name.as_ref().filter(|name| !name.value.is_empty()) {
            self.rule = Some(name.value.clone());
        }
        self.check_keys(table, &RULE_KEYS);
        let missing = ["name", "origins", "targets"]
            .into_iter()
            .filter(|key| !table.contains_key(*key));
        for key in missing.filter(|_| is_whole) {
            self.find_value(Code::KeyMissing, span, key);
        }
        Draft {
            title: self.rule.clone().unwrap_or_default(),
            span: span.clone(),
            name,
            origins: self.spelt(table, "origins", spelling::origin),
            targets: self.spelt(table, "targets", spelling::target),
            methods: self.texts(table, "methods"),
            request_headers: self.texts(table, "request-headers"),
            expose_headers: self.texts(table, "expose-headers"),
            credentials: self.flag(table, "credentials"),
            max_age: self.seconds(table, "max-age"),
            preflight: self.preflight(table),
            expires: self.date(table, "expires"),
        }
    }

    /// A name goes into a field of a rewritten response.
    fn name(&mut self, table: &DeTable<'_>) -> Option<Item<Box<str>>> {
        const MOST: usize = 100;
        let value = table.get("name")?;
        let Some(name) = value.get_ref().as_str() else {
            self.wrong_type(value, "a text");
            return None;
        };
        if name.trim().is_empty() {
            self.find_value(Code::ValueEmpty, &value.span(), "name");
        } else if name.chars().any(char::is_control) || name.len() > MOST || name.trim() != name {
            self.find_value(Code::NameInvalid, &value.span(), name);
        }
        Some(Item {
            value: name.into(),
            span: value.span(),
        })
    }

    /// A list of what has a spelling, which must not be empty.
    fn spelt<T>(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
        read: impl Fn(&str) -> Result<T, Misspelt>,
    ) -> Vec<Item<T>> {
        let texts = self.texts(table, key);
        let is_empty = |value: &Spanned<DeValue<'_>>| {
            value
                .get_ref()
                .as_array()
                .is_some_and(|array| array.is_empty())
        };
        if let Some(list) = table.get(key).filter(|value| is_empty(value)) {
            self.find_value(Code::ValueEmpty, &list.span(), key);
        }
        let mut all = Vec::with_capacity(texts.len());
        for Item { value: text, span } in texts {
            match read(&text) {
                Ok(value) => all.push(Item { value, span }),
                Err(Misspelt { code, instead }) => {
                    self.find_value(code, &span, &text).instead = instead.map(Into::into);
                }
            }
        }
        all
    }

    fn texts(&mut self, table: &DeTable<'_>, key: &str) -> Vec<Item<Box<str>>> {
        let Some(value) = table.get(key) else {
            return Vec::new();
        };
        let Some(array) = self.array(value, "a list of texts, as in [\"a\", \"b\"]") else {
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(array.len());
        for member in array {
            match member.get_ref().as_str() {
                Some(text) => texts.push(Item {
                    value: text.into(),
                    span: member.span(),
                }),
                None => self.wrong_type(member, "a text, in quotation marks"),
            }
        }
        texts
    }

    fn array<'a, 'i>(
        &mut self,
        value: &'a Spanned<DeValue<'i>>,
        wanted: &str,
    ) -> Option<&'a DeArray<'i>> {
        let array = value.get_ref().as_array();
        if array.is_none() {
            self.wrong_type(value, wanted);
        }
        array
    }

    fn flag(&mut self, table: &DeTable<'_>, key: &str) -> Option<Item<bool>> {
        let value = table.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(value, "true or false");
        }
        flag.map(|flag| Item {
            value: flag,
            span: value.span(),
        })
    }

    fn seconds(&mut self, table: &DeTable<'_>, key: &str) -> Option<Item<u32>> {
        let value = table.get(key)?;
        if value.get_ref().as_integer().is_none() {
            self.wrong_type(value, "a number of seconds");
            return None;
        }
        let seconds = integer(value);
        match seconds.map(u32::try_from) {
            Some(Ok(seconds)) => Some(Item {
                value: seconds,
                span: value.span(),
            }),
            Some(Err(_)) if seconds > Some(0) => {
                self.find_value(
                    Code::MaxAgeTooLong,
                    &value.span(),
                    &seconds.unwrap_or_default().to_string(),
                );
                None
            }
            Some(Err(_)) | None => {
                self.find(Code::MaxAgeInvalid, &value.span());
                None
            }
        }
    }

    fn preflight(&mut self, table: &DeTable<'_>) -> PreflightMode {
        const WORDS: [&str; 2] = ["repair", "answer"];
        let Some(value) = table.get("preflight") else {
            return PreflightMode::default();
        };
        match value.get_ref().as_str() {
            Some("repair") => PreflightMode::Repair,
            Some("answer") => PreflightMode::Answer,
            Some(other) => {
                let meant = nearest(other, &WORDS).unwrap_or("repair");
                self.find_value(Code::ValueUnknown, &value.span(), other)
                    .instead = Some(meant.into());
                PreflightMode::default()
            }
            None => {
                self.wrong_type(value, "\"repair\" or \"answer\"");
                PreflightMode::default()
            }
        }
    }

    fn date(&mut self, table: &DeTable<'_>, key: &str) -> Option<Item<Date>> {
        let value = table.get(key)?;
        let written = value.get_ref().as_datetime();
        let written = written
            .filter(|when| when.time.is_none())
            .and_then(|when| when.date);
        let date = written.and_then(|date| {
            let month = time::Month::try_from(date.month).ok()?;
            Date::from_calendar_date(i32::from(date.year), month, date.day).ok()
        });
        if date.is_none() {
            self.wrong_type(value, "a date without quotation marks, as in 2027-03-31");
        }
        date.map(|date| Item {
            value: date,
            span: value.span(),
        })
    }

    fn wrong_type(&mut self, value: &Spanned<DeValue<'_>>, wanted: &str) {
        self.find(Code::ValueType, &value.span()).instead = Some(wanted.into());
    }
}

fn integer(value: &Spanned<DeValue<'_>>) -> Option<i64> {
    let integer = value.get_ref().as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// The known word that somebody meant.
fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    const LIKENESS: f64 = 0.75;
    let word = word.replace('_', "-").to_ascii_lowercase();
    let likeness = |known: &str| strsim::jaro_winkler(&word, known);
    let best = known
        .iter()
        .copied()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= LIKENESS).then_some(best)
}
