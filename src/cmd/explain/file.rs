//! A file that is read as it comes, with a bar that says how far.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use crate::term::Progress;

/// How much is read at once, in octets.
const AT_ONCE: usize = 256 * 1024;

/// A HAR file, or what may be one.
pub(super) struct HarFile {
    reader: BufReader<Watched>,
    progress: Rc<RefCell<Progress>>,
}

impl HarFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let of = metadata.is_file().then_some(metadata.len());
        Ok(Self::of(Box::new(file), of))
    }

    pub(super) fn input() -> Self {
        Self::of(Box::new(io::stdin()), None)
    }

    fn of(inner: Box<dyn Read>, of: Option<u64>) -> Self {
        let progress = Rc::new(RefCell::new(Progress::of("reading")));
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
