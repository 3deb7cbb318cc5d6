//! From a clip to the people of each frame, in order, on one thread or on several.
//!
//! With one thread everything happens in turn. With more, one thread decodes, `workers` look, and
//! the caller's thread puts the frames back in order: the same detections in the same order either
//! way, since a detector keeps nothing from one picture to the next and each has one thread.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant as Clock};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::report::Stages;
use crate::capture::{CaptureError, Clip, Frame};
use crate::detection::Detection;
use crate::inference::{Detector, InferenceError, YuvView};

/// Frames that wait between two threads: enough that none idles, few enough to fit in memory.
const QUEUE_FRAMES: usize = 4;
/// Frames on their way at most, however many threads look: fewer than a clip lends by default.
const MOST_FRAMES: usize = 24;

/// One frame and who was seen in it.
pub struct Sighting {
    /// The picture.
    pub frame: Frame,
    /// The people.
    pub detections: Vec<Detection>,
}

/// Why a clip could not be looked through.
#[derive(Debug, thiserror::Error)]
pub enum SightingError {
    /// The clip.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The detector.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// What is done with the frames.
    #[error("{0}")]
    Sink(String),
}

/// Time spent, summed over all frames and threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    /// Reading and decoding.
    pub decode: Duration,
    /// Making the tensor.
    pub prepare: Duration,
    /// In the network.
    pub infer: Duration,
    /// Decoding the network's output.
    pub post: Duration,
}

impl Spent {
    /// Milliseconds a frame; engine and drawing are the caller's to add.
    pub fn stages(&self, frames: u64) -> Stages {
        let each = |time: Duration| time.as_secs_f64() * 1e3 / frames.max(1) as f64;
        Stages {
            decode_ms: each(self.decode),
            prepare_ms: each(self.prepare),
            infer_ms: each(self.infer),
            post_ms: each(self.post),
            ..Stages::default()
        }
    }

    fn add(&mut self, other: &Self) {
        self.decode += other.decode;
        self.prepare += other.prepare;
        self.infer += other.infer;
        self.post += other.post;
    }
}

/// Looks through the whole clip with one thread for each detector (one: no thread at all) and
/// hands each frame with its people to `sink`, in order.
pub fn for_each(
    clip: &mut Clip,
    mut detectors: Vec<Box<dyn Detector>>,
    mut sink: impl FnMut(&Sighting) -> Result<(), String>,
) -> Result<Spent, SightingError> {
    let mut spent = Spent::default();
    if let [detector] = detectors.as_mut_slice() {
        let mut spare = Vec::new();
        while let Some(frame) = timed(&mut spent.decode, || clip.next_frame())? {
            let sighting = look(detector.as_mut(), frame, spare, &mut spent)?;
            sink(&sighting).map_err(SightingError::Sink)?;
            spare = sighting.detections;
        }
        return Ok(spent);
    }
    let (frames_in, frames_out) = bounded::<Frame>(QUEUE_FRAMES);
    let (seen_in, seen_out) = bounded(QUEUE_FRAMES);
    // A frame may set out only while few are on their way: one that takes its worker long must not
    // let the others run ahead until all of the clip's frames are lent.
    let most = (detectors.len() + 2 * QUEUE_FRAMES).min(MOST_FRAMES);
    let (leave_in, leave_out) = bounded::<()>(most);
    thread::scope(|scope| {
        let decoding = scope.spawn(move || decode(clip, &frames_in, &leave_in));
        let looking: Vec<_> = detectors
            .into_iter()
            .map(|detector| {
                let (frames, seen) = (frames_out.clone(), seen_in.clone());
                scope.spawn(move || look_at_all(detector, &frames, &seen))
            })
            .collect();
        // The workers hold the only ends now: when they stop, the caller's loop stops too.
        drop((frames_out, seen_in));
        let sunk = in_order(&seen_out, &leave_out, &mut sink);
        // After a failure nobody takes what is still on its way: every thread sees that and ends.
        drop((seen_out, leave_out));
        for worker in looking {
            spent.add(&joined(worker.join()));
        }
        let decoded = joined(decoding.join());
        sunk?;
        spent.decode += decoded?;
        Ok(spent)
    })
}

fn decode(
    clip: &mut Clip,
    frames: &Sender<Frame>,
    leave: &Sender<()>,
) -> Result<Duration, SightingError> {
    let mut spent = Duration::ZERO;
    while leave.send(()).is_ok()
        && let Some(frame) = timed(&mut spent, || clip.next_frame())?
    {
        if frames.send(frame).is_err() {
            break;
        }
    }
    Ok(spent)
}

fn look_at_all(
    mut detector: Box<dyn Detector>,
    frames: &Receiver<Frame>,
    seen: &Sender<Result<Sighting, SightingError>>,
) -> Spent {
    let mut spent = Spent::default();
    let _alarm = Alarm(seen);
    for frame in frames {
        let sighting = look(detector.as_mut(), frame, Vec::new(), &mut spent);
        let failed = sighting.is_err();
        if seen.send(sighting).is_err() || failed {
            break;
        }
    }
    spent
}

/// Tells the caller's thread when a worker panics: nobody waits for its frame then.
struct Alarm<'a>(&'a Sender<Result<Sighting, SightingError>>);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let stopped = SightingError::Sink("a thread that looks for people panicked".into());
            // If nobody listens any more, the run has ended already.
            let _ = self.0.send(Err(stopped));
        }
    }
}

fn in_order(
    seen: &Receiver<Result<Sighting, SightingError>>,
    leave: &Receiver<()>,
    sink: &mut impl FnMut(&Sighting) -> Result<(), String>,
) -> Result<(), SightingError> {
    // Bounded, since no frame sets out before one of those on their way has come through here.
    let mut early: BTreeMap<u64, Sighting> = BTreeMap::new();
    let mut next = 0;
    for sighting in seen {
        let sighting = sighting?;
        early.insert(sighting.frame.index(), sighting);
        while let Some(sighting) = early.remove(&next) {
            sink(&sighting).map_err(SightingError::Sink)?;
            // The frame goes back to the clip before the next one may set out.
            drop(sighting);
            let _ = leave.try_recv();
            next += 1;
        }
    }
    Ok(())
}

fn look(
    detector: &mut dyn Detector,
    frame: Frame,
    mut detections: Vec<Detection>,
    spent: &mut Spent,
) -> Result<Sighting, SightingError> {
    let report = detector.detect(&yuv(&frame), &mut detections)?;
    for detection in &mut detections {
        *detection = detection.quantised();
    }
    spent.prepare += report.prepare;
    spent.infer += report.infer;
    spent.post += report.decode;
    Ok(Sighting { frame, detections })
}

/// The frame's planes as inference takes them: nothing is copied.
pub(super) fn yuv(frame: &Frame) -> YuvView<'_> {
    use crate::{capture, inference};
    let planes = frame.planes();
    let colour = frame.colour();
    YuvView {
        width: planes.y.width,
        height: planes.y.height,
        y: planes.y.data,
        u: planes.u.data,
        v: planes.v.data,
        y_stride: planes.y.stride,
        uv_stride: planes.u.stride,
        range: match colour.range {
            capture::Range::Limited => inference::Range::Limited,
            capture::Range::Full => inference::Range::Full,
        },
        matrix: match colour.matrix {
            capture::Matrix::Bt601 => inference::Matrix::Bt601,
            capture::Matrix::Bt709 => inference::Matrix::Bt709,
        },
    }
}

fn timed<T>(spent: &mut Duration, work: impl FnOnce() -> T) -> T {
    let begun = Clock::now();
    let result = work();
    *spent += begun.elapsed();
    result
}

/// A panic in a thread is a defect; it is passed on, never swallowed.
fn joined<T>(joined: thread::Result<T>) -> T {
    match joined {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
