//! The trace of one camera's engine, segment by segment.
//!
//! Theory of operation: the engine's run writes into a recorder, which is given another file when a segment is long enough,
//! when the configuration changes, and when the disk is back after it was gone. Writing a state takes
//! the judge about a millisecond, once an hour; cameras do it at different times. What the disk refuses costs the
//! trace, never a verdict.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant as Moment;

use prometheus_client::metrics::counter::Counter;

use super::record::Recorder;
use super::segment::{SEGMENT_BYTES, SEGMENT_TIME, TRY_AGAIN, Traces, stamp};
use crate::app::run::{EngineRun, config_sha256};
use crate::app::trace::{Because, Continues, Provenance};
use crate::capture::live::Address;
use crate::config::LiveCamera;
use crate::units::{Instant, Span};

/// First segments are cut short by up to half, in so many steps by the camera's name: so that cameras that began together
/// do not write their states together.
const STEPS: i64 = 32;

/// Where a camera's trace goes, and what its headers say.
pub struct Place<'a> {
    /// All traces.
    pub traces: &'a Traces,
    /// The camera's name.
    pub camera: &'a str,
    /// Where its pictures come from and who looks at them.
    pub provenance: Provenance,
    /// Bytes that could not be written.
    pub lost: Counter,
}

/// A trace that is being written.
pub struct Written {
    /// Takes what is written.
    pub recorder: Recorder,
    traces: Traces,
    camera: String,
    provenance: Provenance,
    /// When the run began, as it stands in ids.
    run: String,
    /// The file's name; empty if there is none yet.
    segment: String,
    /// When the next segment is begun.
    due: Instant,
    /// When one was last begun, or could not be.
    tried: Instant,
    /// Bytes of its header.
    headed: u64,
    /// It holds last words alone: nothing goes on from it.
    is_last: bool,
}

impl Written {
    /// The first segment of a run, from `now` on.
    pub fn begin(place: Place<'_>, run: &mut EngineRun, now: Instant) -> Self {
        let mut written = Self::nowhere(place, stamp(now), run, now);
        if let Some((path, file)) = written.create(now) {
            written.turn_to(&path, file);
        }
        let provenance = written.at(now);
        written.framing(|to| run.record(to, provenance));
        let cut = written.camera.bytes().map(i64::from).sum::<i64>() % STEPS;
        written.due = now + SEGMENT_TIME - Span::from_us(SEGMENT_TIME.as_us() / 2 * cut / STEPS);
        written.traces.sweep_soon();
        written
    }

    /// A segment that goes on from another, from `now` on.
    pub fn go_on(
        place: Place<'_>,
        run: &mut EngineRun,
        continues: Continues,
        now: Instant,
    ) -> Self {
        let mut written = Self::nowhere(place, continues.run.clone(), run, now);
        written.segment.clone_from(&continues.segment);
        let created = written.create(now);
        written.turn(run, continues, created, now);
        written
    }

    /// Begins the next segment if it is time.
    pub fn look_after(&mut self, run: &mut EngineRun, now: Instant) {
        let written = self.recorder.written().saturating_sub(self.headed);
        let long = now >= self.due || written >= SEGMENT_BYTES;
        let may_try = now - self.tried >= TRY_AGAIN && !self.is_last;
        if !(long || self.recorder.is_broken()) || !may_try {
            return;
        }
        self.tried = now;
        // Only with the next file does the old one end.
        if let Some(created) = self.create(now) {
            let continues = self.continues(run, Because::Full);
            self.end(run);
            self.turn(run, continues, Some(created), now);
        }
    }

    /// Ends the file for an engine that takes over; what it goes on from. If the engine at hand still has something to say
    /// of doors that nobody took over, that goes into a file of its own.
    pub fn leave(&mut self, run: &mut EngineRun, has_more: bool, now: Instant) -> Continues {
        let continues = self.continues(run, Because::Changed);
        self.end(run);
        // What cannot go on in a file of its own must not go on in the old one.
        self.recorder.close();
        self.is_last = true;
        if has_more {
            let last = Continues {
                because: Because::Leaving,
                ..continues.clone()
            };
            let created = self.created(self.traces.create_last(&self.camera, now));
            self.turn(run, last, created, now);
        }
        continues
    }

    /// Writes the end of the segment.
    pub fn end(&self, run: &mut EngineRun) {
        self.framing(|_| run.finish_trace().map(drop));
    }

    fn nowhere(place: Place<'_>, started: String, run: &EngineRun, now: Instant) -> Self {
        let recorder = Recorder::nowhere(place.lost);
        recorder.at(now);
        let written = Self {
            recorder,
            traces: place.traces.clone(),
            camera: place.camera.to_owned(),
            provenance: place.provenance,
            run: started,
            segment: String::new(),
            due: now + SEGMENT_TIME,
            tried: now,
            headed: 0,
            is_last: false,
        };
        written.set_header(run, now);
        written
    }

    fn continues(&self, run: &EngineRun, because: Because) -> Continues {
        Continues {
            run: self.run.clone(),
            segment: self.segment.clone(),
            verdict_hash: run.log.verdict_hash(),
            because,
        }
    }

    /// Goes on in a file, or in none if it could not be made, with a header that holds the engine's state.
    fn turn(
        &mut self,
        run: &mut EngineRun,
        continues: Continues,
        created: Option<(PathBuf, File)>,
        now: Instant,
    ) {
        if let Some((path, file)) = created {
            self.turn_to(&path, file);
        }
        let provenance = self.at(now);
        let (begun, segment) = (Moment::now(), continues.segment.clone());
        self.framing(|to| run.go_on(to, provenance, continues));
        self.headed = self.recorder.written();
        tracing::info!(
            camera = self.camera,
            bytes = self.headed,
            us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
            "the trace goes on from {segment} in {}",
            self.segment
        );
        self.tried = now;
        self.due = now + SEGMENT_TIME;
        self.traces.sweep_soon();
    }

    fn create(&self, now: Instant) -> Option<(PathBuf, File)> {
        self.created(self.traces.create(&self.camera, now))
    }

    fn created(&self, created: io::Result<(PathBuf, File)>) -> Option<(PathBuf, File)> {
        created
            .inspect_err(|error| {
                let folder = self.traces.folder().display();
                tracing::error!(
                    camera = self.camera,
                    "{folder}: no trace can be begun: {error}"
                );
            })
            .ok()
    }

    fn turn_to(&mut self, path: &Path, file: File) {
        self.recorder.turn_to(path, file);
        let name = path.file_name().unwrap_or_default();
        self.segment = name.to_string_lossy().into_owned();
    }

    /// Writes what is of the file alone, and through to the operating system: who is started again needs it.
    fn framing(&self, write: impl FnOnce(Box<dyn io::Write>) -> io::Result<()>) {
        self.recorder.framing(true);
        // A recorder never fails.
        drop(write(Box::new(self.recorder.clone())));
        self.recorder.framing(false);
        self.recorder.flush_now();
    }

    /// What traces out of memory begin with: evidence is judged without what was before.
    fn set_header(&self, run: &EngineRun, now: Instant) {
        let mut line =
            serde_json::to_vec(&serde_json::json!({ "trace": run.header(self.at(now)) }))
                .unwrap_or_default();
        line.push(b'\n');
        self.recorder.head(line);
    }

    fn at(&self, now: Instant) -> Provenance {
        Provenance {
            start_us: now.as_us(),
            ..self.provenance.clone()
        }
    }
}

/// An address as it may be read by anybody: traces and evidence go to guards and auditors.
fn shown(url: &str) -> String {
    Address::parse(url).map_or_else(|_| String::new(), |address| address.to_string())
}

/// What a live run's headers say.
pub fn provenance(camera: &LiveCamera, model: Option<String>, run: &EngineRun) -> Provenance {
    Provenance {
        source: shown(&camera.url),
        start_us: 0,
        utc: true,
        model,
        config_sha256: config_sha256(run.engine.config()),
        picture: None,
        titles: camera.site.titles.clone(),
    }
}
