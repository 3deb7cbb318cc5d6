//! Frames that wait to be looked at: few of each camera, the oldest dropped first.
//!
//! Theory of operation: each camera has a line of at most [`LINE_FRAMES`]. A frame that comes to a full line pushes the
//! oldest out, so that what is looked at is never long past and every camera loses evenly when the
//! box is too slow. A worker takes the frame that has waited longest among the cameras that nobody
//! is looking at: at most one frame of a camera is in work, so its frames stay in order, and its
//! detector goes with it.
//!
//! Cameras come and go while others are looked at; a place is never given twice, so that nothing that is
//! still on its way is taken for somebody else's.
//!
//! The lock is held for moving a few pointers, never while anything is decoded or looked at.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::metrics::CameraMetrics;
use crate::capture::Frame;
use crate::inference::Detector;
use crate::units::Instant;

/// Frames of one camera that wait: one that is about to be looked at, one behind it, and one for a
/// burst. More would only be older.
pub const LINE_FRAMES: usize = 3;

/// A frame that waits.
pub struct Job {
    /// The picture.
    pub frame: Frame,
    /// When it was taken.
    pub taken: Instant,
    /// When it had arrived, microseconds of the steady clock.
    pub arrived_us: i64,
    /// When it had been decoded.
    pub decoded_us: i64,
    /// Whether anybody may be in it: if not, nobody looks.
    pub look: bool,
}

/// A frame with the eyes that are to look at it.
pub struct Work {
    /// The camera, by its place.
    pub camera: usize,
    /// The frame.
    pub job: Job,
    /// The camera's detector; `None` if it has none.
    pub eyes: Option<Box<dyn Detector>>,
    /// What is counted of the camera.
    pub counts: Arc<CameraMetrics>,
}

struct Line {
    jobs: VecDeque<Job>,
    eyes: Option<Box<dyn Detector>>,
    counts: Arc<CameraMetrics>,
    in_work: bool,
}

#[derive(Default)]
struct Lines {
    /// By the camera's place.
    lines: BTreeMap<usize, Line>,
    next: usize,
    closed: bool,
}

/// All cameras' lines.
#[derive(Default)]
pub struct Waiting {
    lines: Mutex<Lines>,
    fresh: Condvar,
}

impl Waiting {
    /// A line for a camera with its detector; returns the camera's place.
    pub fn add(&self, eyes: Option<Box<dyn Detector>>, counts: Arc<CameraMetrics>) -> usize {
        let mut lines = self.lock();
        let place = lines.next;
        lines.next += 1;
        let line = Line {
            jobs: VecDeque::new(),
            eyes,
            counts,
            in_work: false,
        };
        lines.lines.insert(place, line);
        place
    }

    /// The camera is gone, with what waits of it.
    pub fn remove(&self, camera: usize) {
        let gone = self.lock().lines.remove(&camera);
        // A detector takes its time to go: not while the others wait.
        drop(gone);
    }

    /// A thread that panicked ends the process: what it held is not looked at again.
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a frame; returns the one that had to go for it.
    pub fn put(&self, camera: usize, job: Job) -> Option<Job> {
        let mut lines = self.lock();
        let line = lines.lines.get_mut(&camera)?;
        let dropped = if line.jobs.len() >= LINE_FRAMES {
            line.jobs.pop_front()
        } else {
            None
        };
        line.jobs.push_back(job);
        drop(lines);
        self.fresh.notify_one();
        dropped
    }

    /// The frame that has waited longest; `Ok(None)` if none came within `patience`, `Err` when it is closed.
    pub fn next(&self, patience: Duration) -> Result<Option<Work>, Closed> {
        let mut lines = self.lock();
        loop {
            if lines.closed {
                return Err(Closed);
            }
            if let Some(work) = lines.oldest() {
                return Ok(Some(work));
            }
            let (held, waited) = self
                .fresh
                .wait_timeout(lines, patience)
                .unwrap_or_else(PoisonError::into_inner);
            lines = held;
            if waited.timed_out() && !lines.closed {
                return Ok(lines.oldest());
            }
        }
    }

    /// The camera's frame was looked at.
    pub fn done(&self, camera: usize, eyes: Option<Box<dyn Detector>>) {
        let mut lines = self.lock();
        let Some(line) = lines.lines.get_mut(&camera) else {
            return;
        };
        line.in_work = false;
        line.eyes = eyes;
        let more = !line.jobs.is_empty();
        drop(lines);
        if more {
            self.fresh.notify_one();
        }
    }

    /// Frames of a camera that wait.
    pub fn depth(&self, camera: usize) -> usize {
        let lines = self.lock();
        lines.lines.get(&camera).map_or(0, |line| line.jobs.len())
    }

    /// Lets everybody who waits go.
    pub fn close(&self) {
        self.lock().closed = true;
        self.fresh.notify_all();
    }
}

/// Nothing comes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

impl Lines {
    fn oldest(&mut self) -> Option<Work> {
        let waiting = self.lines.iter().filter_map(|(camera, line)| {
            let first = line.jobs.front().filter(|_| !line.in_work)?;
            Some((first.arrived_us, *camera))
        });
        let (_, camera) = waiting.min()?;
        let line = self.lines.get_mut(&camera)?;
        let job = line.jobs.pop_front()?;
        line.in_work = true;
        Some(Work {
            camera,
            job,
            eyes: line.eyes.take(),
            counts: Arc::clone(&line.counts),
        })
    }
}
