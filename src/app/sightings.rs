//! From a clip to the people of each frame, in order, on one thread or on several.
//!
//! With one thread everything happens in turn. With more, one thread decodes, `workers` look, and
//! the caller's thread puts the frames back in order: the same detections in the same order either
//! way, since a detector keeps nothing from one picture to the next and each has one thread.
//!
//! A frame in which nothing moves, while nobody is followed, need not be looked at. Who is followed is
//! known only after a frame was judged, so it is asked of the frame [`LAG_FRAMES`] before: the same one
//! however many threads there are.

use std::collections::{BTreeMap, VecDeque};
use std::thread;
use std::time::{Duration, Instant as Clock};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::report::Stages;
use crate::capture::{CaptureError, Clip, Frame};
use crate::detection::Detection;
use crate::inference::{Detector, InferenceError, YuvView};
use crate::picture::{Attention, Luma};
use crate::units::Instant;

/// Frames that wait between two threads: enough that none idles, few enough to fit in memory.
const QUEUE_FRAMES: usize = 4;
/// Frames on their way at most, however many threads look: fewer than a clip lends by default.
const MOST_FRAMES: usize = 24;
/// Whether to look at a frame depends on who was followed so many frames before: 0.3 to 1.6 s, about as
/// long as the gate stays open after a motion, and enough frames for eight threads.
const LAG_FRAMES: usize = 8;

/// One frame and who was seen in it.
pub struct Sighting {
    /// The picture.
    pub frame: Frame,
    /// Whether anybody looked; if not, nothing moved and nobody was followed.
    pub looked: bool,
    /// The people.
    pub detections: Vec<Detection>,
}

/// What is known after a frame was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// Somebody is being followed.
    Followed,
    /// Nobody is.
    Nobody,
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

/// Looks at every frame of the clip with one thread for each detector (one: no thread at all) and
/// hands each frame with its people to `sink`, in order.
pub fn for_each(
    clip: &mut Clip,
    detectors: Vec<Box<dyn Detector>>,
    mut sink: impl FnMut(&Sighting) -> Result<(), String>,
) -> Result<Spent, SightingError> {
    let whole = |sighting: &Sighting| sink(sighting).map(|()| Judged::Nobody);
    for_each_looking(clip, detectors, None, whole)
}

/// As [`for_each`], but leaves out looking at the frames that `attention` has no need of; `sink` says
/// of each frame whether somebody is followed after it.
pub fn for_each_looking(
    clip: &mut Clip,
    mut detectors: Vec<Box<dyn Detector>>,
    attention: Option<Attention>,
    mut sink: impl FnMut(&Sighting) -> Result<Judged, String>,
) -> Result<Spent, SightingError> {
    if let [detector] = detectors.as_mut_slice() {
        return in_turn(clip, detector.as_mut(), attention, &mut sink);
    }
    let (frames_in, frames_out) = bounded::<Asked>(QUEUE_FRAMES);
    let (seen_in, seen_out) = bounded(QUEUE_FRAMES);
    // A frame may set out only while few are on their way: one that takes its worker long must not
    // let the others run ahead until all of the clip's frames are lent.
    let most = match attention {
        Some(_) => LAG_FRAMES,
        None => (detectors.len() + 2 * QUEUE_FRAMES).min(MOST_FRAMES),
    };
    let (judged_in, judged_out) = bounded::<Judged>(most);
    let mut spent = Spent::default();
    thread::scope(|scope| {
        let decoding = scope.spawn(move || decode(clip, attention, &frames_in, &judged_out, most));
        let looking: Vec<_> = detectors
            .into_iter()
            .map(|detector| {
                let (frames, seen) = (frames_out.clone(), seen_in.clone());
                scope.spawn(move || look_at_all(detector, &frames, &seen))
            })
            .collect();
        // The workers hold the only ends now: when they stop, the caller's loop stops too.
        drop((frames_out, seen_in));
        let sunk = in_order(&seen_out, &judged_in, &mut sink);
        // After a failure nobody takes what is still on its way: every thread sees that and ends.
        drop((seen_out, judged_in));
        for worker in looking {
            spent.add(&joined(worker.join()));
        }
        let decoded = joined(decoding.join());
        sunk?;
        spent.add(&decoded?);
        Ok(spent)
    })
}

/// A frame, and whether it is to be looked at.
struct Asked {
    frame: Frame,
    look: bool,
}

/// Everything on the caller's thread.
fn in_turn(
    clip: &mut Clip,
    detector: &mut dyn Detector,
    mut attention: Option<Attention>,
    sink: &mut impl FnMut(&Sighting) -> Result<Judged, String>,
) -> Result<Spent, SightingError> {
    let (mut spent, mut spare) = (Spent::default(), Vec::new());
    let mut judged = VecDeque::with_capacity(LAG_FRAMES + 1);
    while let Some(frame) = timed(&mut spent.decode, || clip.next_frame())? {
        let before = match judged.len() {
            LAG_FRAMES => judged.pop_front(),
            _ => None,
        };
        let asked = ask(&mut attention, frame, before, &mut spent);
        let sighting = look(detector, asked, spare, &mut spent)?;
        judged.push_back(sink(&sighting).map_err(SightingError::Sink)?);
        spare = sighting.detections;
    }
    Ok(spent)
}

fn decode(
    clip: &mut Clip,
    mut attention: Option<Attention>,
    frames: &Sender<Asked>,
    judged: &Receiver<Judged>,
    most: usize,
) -> Result<Spent, SightingError> {
    let mut spent = Spent::default();
    for number in 0_usize.. {
        let before = match number < most {
            true => None,
            false => match judged.recv() {
                Ok(judged) => Some(judged),
                // Whoever judges has stopped.
                Err(_) => break,
            },
        };
        let Some(frame) = timed(&mut spent.decode, || clip.next_frame())? else {
            break;
        };
        let asked = ask(&mut attention, frame, before, &mut spent);
        if frames.send(asked).is_err() {
            break;
        }
    }
    Ok(spent)
}

/// Whether `frame` is to be looked at; `before`: what came of the one [`LAG_FRAMES`] earlier.
fn ask(
    attention: &mut Option<Attention>,
    frame: Frame,
    before: Option<Judged>,
    spent: &mut Spent,
) -> Asked {
    let Some(attention) = attention else {
        return Asked { frame, look: true };
    };
    let look = timed(&mut spent.prepare, || {
        luma(&frame).is_none_or(|luma| {
            attention.take(luma);
            let taken = Instant::ZERO + frame.time();
            attention.must_look(taken, before == Some(Judged::Followed))
        })
    });
    Asked { frame, look }
}

fn look_at_all(
    mut detector: Box<dyn Detector>,
    frames: &Receiver<Asked>,
    seen: &Sender<Result<Sighting, SightingError>>,
) -> Spent {
    let mut spent = Spent::default();
    let _alarm = Alarm(seen);
    for asked in frames {
        let sighting = look(detector.as_mut(), asked, Vec::new(), &mut spent);
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
    judged: &Sender<Judged>,
    sink: &mut impl FnMut(&Sighting) -> Result<Judged, String>,
) -> Result<(), SightingError> {
    // Bounded, since no frame sets out before one of those on their way has come through here.
    let mut early: BTreeMap<u64, Sighting> = BTreeMap::new();
    let mut next = 0;
    for sighting in seen {
        let sighting = sighting?;
        early.insert(sighting.frame.index(), sighting);
        while let Some(sighting) = early.remove(&next) {
            let result = sink(&sighting).map_err(SightingError::Sink)?;
            // The frame goes back to the clip before the next one may set out.
            drop(sighting);
            // There is room for all that are on their way; at the clip's end nobody takes it.
            let _ = judged.try_send(result);
            next += 1;
        }
    }
    Ok(())
}

fn look(
    detector: &mut dyn Detector,
    asked: Asked,
    mut detections: Vec<Detection>,
    spent: &mut Spent,
) -> Result<Sighting, SightingError> {
    let Asked { frame, look } = asked;
    if !look {
        detections.clear();
        return Ok(Sighting {
            frame,
            looked: false,
            detections,
        });
    }
    let report = detector.detect(&yuv(&frame), &mut detections)?;
    for detection in &mut detections {
        *detection = detection.quantised();
    }
    spent.prepare += report.prepare;
    spent.infer += report.infer;
    spent.post += report.decode;
    Ok(Sighting {
        frame,
        looked: true,
        detections,
    })
}

/// The frame's brightness; nothing is copied.
pub(super) fn luma(frame: &Frame) -> Option<Luma<'_>> {
    let y = frame.planes().y;
    Luma::new(y.data, y.width, y.height, y.stride)
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
