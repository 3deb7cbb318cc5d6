//! The trace of a live run: on disk as it goes, and its last minutes in memory for the evidence.
//!
//! Theory of operation: the engine's run writes its trace here line by line. A disk that is full or gone costs the
//! trace, which is counted and said once, and never a verdict: nothing is returned as an error.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use prometheus_client::metrics::counter::Counter;

use crate::units::{Instant, Span};

/// How much of the trace stays in memory: longer than any clip around a verdict.
const TAIL: Span = Span::from_ms(180_000);

/// Where a run's trace goes. Clones write to the same place.
#[derive(Clone)]
pub struct Recorder {
    inner: Rc<RefCell<Inner>>,
}

struct Inner {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    lost: Counter,
    written: u64,
    now: Instant,
    line: Vec<u8>,
    header: Option<Vec<u8>>,
    tail: VecDeque<(Instant, Vec<u8>)>,
    /// What is written is of the file alone: headers and ends of segments.
    framing: bool,
    /// Nothing was to be written any more: nothing is lost.
    closed: bool,
}

impl Recorder {
    /// Into no file yet.
    pub fn nowhere(lost: Counter) -> Self {
        Self::of(Path::new(""), None, lost)
    }

    /// Into what is there.
    #[cfg(test)]
    pub(super) fn open(path: &Path, lost: Counter) -> io::Result<Self> {
        let file = File::options().write(true).open(path)?;
        Ok(Self::of(path, Some(file), lost))
    }

    fn of(path: &Path, file: Option<File>, lost: Counter) -> Self {
        let inner = Inner {
            path: path.to_owned(),
            file: file.map(BufWriter::new),
            lost,
            written: 0,
            now: Instant::MIN,
            line: Vec::new(),
            header: None,
            tail: VecDeque::new(),
            framing: false,
            closed: false,
        };
        Self {
            inner: Rc::new(RefCell::new(inner)),
        }
    }

    /// Writes to another file from now on.
    pub fn turn_to(&self, path: &Path, file: File) {
        self.flush_now();
        let mut inner = self.inner.borrow_mut();
        inner.path = path.to_owned();
        inner.file = Some(BufWriter::new(file));
        inner.written = 0;
        inner.closed = false;
    }

    /// Writes to no file from now on.
    pub fn close(&self) {
        self.flush_now();
        let mut inner = self.inner.borrow_mut();
        inner.file = None;
        inner.closed = true;
    }

    /// What is written from now on frames a segment, and is no part of what happened; or no longer.
    pub fn framing(&self, framing: bool) {
        self.inner.borrow_mut().framing = framing;
    }

    /// The first line of every trace out of memory: of an engine that knows nothing, set as it is now.
    /// What happened by other settings is forgotten.
    pub fn head(&self, header: Vec<u8>) {
        let mut inner = self.inner.borrow_mut();
        inner.header = Some(header);
        inner.tail.clear();
    }

    /// Whether nothing reaches a file any more.
    pub fn is_broken(&self) -> bool {
        self.inner.borrow().file.is_none()
    }

    /// What is written from now on was at `now`.
    pub fn at(&self, now: Instant) {
        self.inner.borrow_mut().now = now;
    }

    /// Writes through to the operating system.
    pub fn flush_now(&self) {
        let mut inner = self.inner.borrow_mut();
        let flushed = inner.file.as_mut().map(Write::flush);
        if let Some(Err(error)) = flushed {
            inner.broken(&error);
        }
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.inner.borrow().written
    }

    /// The lines from `from` on, after the header: a trace of its own.
    pub fn since(&self, from: Instant) -> Vec<u8> {
        let inner = self.inner.borrow();
        let lines = inner.tail.iter().filter(|(at, _)| *at >= from);
        let header = inner.header.iter().flatten();
        header
            .chain(lines.flat_map(|(_, line)| line))
            .copied()
            .collect()
    }
}

impl Inner {
    fn broken(&mut self, error: &io::Error) {
        tracing::error!("{}: the trace ends here: {error}", self.path.display());
        self.file = None;
    }

    fn keep_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if self.framing {
            return;
        }
        if self.header.is_none() {
            self.header = Some(line);
            return;
        }
        let now = self.now;
        self.tail.push_back((now, line));
        while self.tail.front().is_some_and(|(at, _)| now - *at > TAIL) {
            // Its memory is used again for the next line.
            if let Some((_, mut old)) = self.tail.pop_front() {
                old.clear();
                self.line = old;
            }
        }
    }
}

impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.inner.borrow_mut();
        inner.line.extend_from_slice(bytes);
        if bytes.ends_with(b"\n") {
            inner.keep_line();
        }
        inner.written += bytes.len() as u64;
        let written = inner.file.as_mut().map(|file| file.write_all(bytes));
        match written {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                inner.broken(&error);
                inner.lost.inc_by(bytes.len() as u64);
            }
            None if inner.closed => {}
            None => {
                inner.lost.inc_by(bytes.len() as u64);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush_now();
        Ok(())
    }
}
