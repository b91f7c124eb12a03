//! HAR files, judged as they are read, with a bar that says how far.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;

use anyhow::Result;

use crate::ca;
use crate::cors::verdict::PreflightBecause;
use crate::exchange::secret::{Redactor, Values};
use crate::report::har::{self, Doubts, Reader};
use crate::report::offline::{Teller, Told};
use crate::term::Progress;

/// How much is read at once, in octets.
const AT_ONCE: usize = 256 * 1024;

/// How much of the heads is put in order, in octets.
const MOST_OCTETS: usize = 24 * 1024 * 1024;

/// A HAR file, or what may be one.
pub(super) struct HarFile {
    reader: BufReader<Watched>,
    progress: Rc<RefCell<Progress>>,
}

impl HarFile {
    /// A file; the bar says what is done with it.
    pub(super) fn open(path: &Path, what: &'static str) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let of = metadata.is_file().then_some(metadata.len());
        Ok(Self::of(Box::new(file), of, what))
    }

    pub(super) fn input(what: &'static str) -> Self {
        Self::of(Box::new(io::stdin()), None, what)
    }

    fn of(inner: Box<dyn Read>, of: Option<u64>, what: &'static str) -> Self {
        let progress = Rc::new(RefCell::new(Progress::of(what)));
        let watched = Watched {
            inner,
            done: 0,
            of,
            progress: Rc::clone(&progress),
        };
        Self {
            reader: BufReader::with_capacity(AT_ONCE, watched),
            progress,
        }
    }

    /// Whether it begins with these octets, which are read again.
    pub(super) fn begins_with(&mut self, octets: &[u8]) -> io::Result<bool> {
        Ok(self.reader.fill_buf()?.starts_with(octets))
    }

    /// Tells each exchange with its judgement, in order and with little memory, and says what the file
    /// leaves open. Whoever hears them can break off, which is an error then.
    pub(super) fn judge(
        &mut self,
        mut tell: impl FnMut(&Told) -> ControlFlow<()>,
    ) -> Result<Vec<String>> {
        let redactor = Redactor::new(&ca::random()?, Values::Harmless);
        let (mut reader, mut teller) = (Reader::new(MOST_OCTETS), Teller::new(&redactor));
        let (flow, mut unasked) = (Cell::new(ControlFlow::Continue(())), 0);
        let mut hear = |told: Told| {
            let preflight = told.judgement.links.preflight_because;
            unasked += usize::from(preflight == Some(PreflightBecause::Missing));
            if flow.get().is_continue() {
                flow.set(tell(&told));
            }
        };
        self.is_object()?;
        let mut from = serde_json::Deserializer::from_reader(&mut self.reader);
        har::entries(&mut from, |source, entry| {
            reader.entry(source, entry, &mut |event| teller.hear(&event, &mut hear));
            flow.get()
        })
        .and_then(|()| from.end())
        .map_err(har::Error::from)?;
        let doubts = reader.finish(&mut |event| teller.hear(&event, &mut hear));
        teller.finish(&mut hear);
        Ok(Doubts { unasked, ..doubts }.told())
    }

    /// Whether it begins as an object does. A byte order mark is left behind.
    pub(super) fn is_object(&mut self) -> io::Result<bool> {
        let begins = self.reader.fill_buf()?;
        let mark = if begins.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        let first = begins
            .iter()
            .skip(mark)
            .find(|octet| !octet.is_ascii_whitespace());
        let is_object = first == Some(&b'{');
        self.reader.consume(mark);
        Ok(is_object)
    }

    pub(super) fn reader(&mut self) -> &mut impl BufRead {
        &mut self.reader
    }

    /// The bar, which is to be wiped off before anything is printed.
    pub(super) fn progress(&self) -> Rc<RefCell<Progress>> {
        Rc::clone(&self.progress)
    }
}

struct Watched {
    inner: Box<dyn Read>,
    done: u64,
    of: Option<u64>,
    progress: Rc<RefCell<Progress>>,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let octets = self.inner.read(buffer)?;
        self.done += octets as u64;
        self.progress.borrow_mut().at(self.done, self.of);
        Ok(octets)
    }
}
